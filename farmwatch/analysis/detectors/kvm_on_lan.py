"""A KVM over IP shows itself on the device's local network."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farmwatch.analysis.beacons import nat_test_beacons
from farmwatch.analysis.detectors.contract import (
    Detector,
    Findings,
    computers_on_lan,
    devices_on_lan,
    evidence,
    folded,
    heard_beside,
    param,
)
from farmwatch.records import Announcement, Arp, Claim, DhcpRequest, Evidence, Family, LanMember, Stun, Table, Tables

__all__ = ["KvmOnLan"]

_SAME = {"http": "page", "certificate": "page"}  #: layers that one setting or one service decides


@dataclass(frozen=True, slots=True)
class KvmOnLan(Detector):
    """A device that presents itself as a KVM over IP, stronger the more independent layers say so.

    Layers: vendor prefix, its name, DHCP class or options, mDNS service, SSDP, web page or certificate, and the NAT
    tests of an idle one (signals N9 and N10; docs/evidence.md). A name is one setting, however many protocols carry it.
    Identity strings can be changed by menu, so silence proves nothing; and remote workers own such boxes lawfully, so
    one layer is a question and two are a strong one. A Raspberry Pi prefix alone is a hobby, and no layer beside
    others. A KVM drives one computer: among n computers with k KVMs, each is the driven one with weight less
    10·log10(n / k).
    """

    id: ClassVar = "kvm.on_lan"
    title: ClassVar = "Is there a KVM over IP on the local network?"
    topic: ClassVar = "KVMs on the network"
    signals: ClassVar = ("N9", "N10")
    family: ClassVar = Family.HARDWARE
    claims: ClassVar = (Claim.DRIVEN, Claim.FARM)
    needs: ClassVar = (LanMember,)
    group: ClassVar = "kvm"
    benign: ClassVar = ("the employee's own homelab", "a colleague's device in a shared flat", "an IT room")
    when_clear: ClassVar = "no host on the local network presents itself as a KVM over IP"
    weight_reason: ClassVar = (
        "judged from grade A of signals N9 and N10 (docs/evidence.md), by number of agreeing layers"
    )
    check: ClassVar = "ask for the USB tree and display identity of the device: a KVM plugged into it shows there"
    one_decibans: float = param(10.0, "One specific layer.", low=0, high=24)
    two_decibans: float = param(21.0, "Two layers agree.", low=0, high=24)
    three_decibans: float = param(23.0, "Three layers agree.", low=0, high=24)
    shared_maker_decibans: float = param(4.0, "A prefix that also covers routers or boards.", low=0, high=24)
    farm_share: float = param(0.6, "One KVM makes a driven laptop, not yet a farm.", low=0, high=1)

    def examine(self, tables: Tables) -> Findings:
        """One hit per device and claim, for all KVMs on its network."""
        members = tables[LanMember]
        kvms, sharing, beacons = members["product_kind"] == "kvm", computers_on_lan(tables), _beacons(tables)
        found: Findings = {}
        for lan, devices in devices_on_lan(tables).items():
            boxes: dict[str, tuple[float, list[int], str, list[Evidence]]] = {}
            for row in np.flatnonzero((members["lan"] == lan) & kvms).tolist():
                tested = [item for address in members["addresses"][row].split(",") for item in beacons.get(address, ())]
                layers = _layers(str(members["layers"][row])) | ({"behaviour"} if tested else set())
                box = boxes.get(str(members["host"][row]))
                weight = self._weight(str(members["layers"][row]), layers)
                if weight and (box is None or weight > box[0]):
                    proof = str(members["proof"][row]) + ("; repeats a KVM's NAT test" if tested else "")
                    rows = [*_signs(members, row), *tested]
                    boxes[str(members["host"][row])] = weight, [row, len(layers)], proof, rows
            share = 10 * math.log10(max(1.0, len(sharing[lan]) / max(1, len(boxes))))
            for device in devices:
                others = [box for box in boxes.values() if members["device_id"][box[1][0]] != device]
                for claim in self.claims if others else ():
                    found.setdefault(device, []).append(
                        folded(
                            self.hit(
                                claim,
                                max(0.0, weight - share) if claim is Claim.DRIVEN else weight * self.farm_share,
                                f"{members['product_name'][row]} on the same network "
                                f"({count} layer{'s' * (count != 1)})",
                                observed=proof,
                                expected="no KVM over IP beside a company laptop",
                                rows=rows,
                            )
                            for weight, (row, count), proof, rows in others
                        )
                    )
        return found

    def _weight(self, text: str, layers: set[str]) -> float:
        """Weight by the number of agreeing layers, none of them of low grade."""
        if layers == {"oui"}:
            return self.one_decibans if "oui/high" in text.split(",") else self.shared_maker_decibans
        return {0: 0.0, 1: self.one_decibans, 2: self.two_decibans}.get(len(layers), self.three_decibans)

    def blind(self, tables: Tables) -> dict[str, str]:
        """Devices whose network gave no announcement, lease or ARP of any other host."""
        heard = heard_beside(tables, Announcement, DhcpRequest, Arp)
        return {
            device: "nothing of its local network captured"
            for devices in devices_on_lan(tables).values()
            for device in devices
            if device not in heard
        }


def _layers(text: str) -> set[str]:
    """Independent layers that are more than a hint; a web page and its certificate are one."""
    graded = (part.split("/") for part in text.split(",") if part)
    return {_SAME.get(layer, layer) for layer, grade in graded if grade != "low"}


def _signs(members: Table[LanMember], row: int) -> list[Evidence]:
    """Proof of every layer, each input's packets under its own number."""
    packets: dict[int, list[int]] = defaultdict(list)
    for sign in filter(None, str(members["signs"][row]).split(",")):
        number, _, packet = sign.partition(":")
        packets[int(number)].append(int(packet))
    if not packets:
        packets[int(members["input"][row])].append(int(members["packet"][row]))
    return [evidence(LanMember, number, shown) for number, shown in sorted(packets.items())]


def _beacons(tables: Tables) -> dict[str, list[Evidence]]:
    """Proof of NAT tests that only an idle KVM makes, by sender's address."""
    found: dict[str, list[Evidence]] = defaultdict(list)
    for test in nat_test_beacons(tables[Stun]):
        found[test.source].append(evidence(Stun, test.input, test.packets))
    return found
