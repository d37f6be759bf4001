"""A KVM over IP shows itself on the device's local network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farmwatch.analysis.detectors.contract import Detector, Findings, devices_on_lan, evidence, param
from farmwatch.records import Announcement, Arp, Claim, DhcpRequest, Family, LanMember, Tables

__all__ = ["KvmOnLan"]


@dataclass(frozen=True, slots=True)
class KvmOnLan(Detector):
    """A device that presents itself as a KVM over IP, stronger the more independent layers say so.

    Layers: vendor prefix, DHCP, mDNS, SSDP, web page, certificate (signals N9 and N10; docs/evidence.md). Identity
    strings can be changed by menu, so silence proves nothing; and remote workers own such boxes lawfully, so one layer
    is a question and two are a strong one. A Raspberry Pi prefix alone is a hobby.
    """

    id: ClassVar = "kvm.on_lan"
    title: ClassVar = "Is there a KVM over IP on the local network?"
    topic: ClassVar = "KVMs on the network"
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
        """One hit per KVM and device on its network."""
        members = tables[LanMember]
        found: Findings = {}
        for lan, devices in devices_on_lan(tables).items():
            here = np.flatnonzero((members["lan"] == lan) & (members["product_kind"] == "kvm"))
            for row in here:
                weight, layers = self._weight(str(members["layers"][row]))
                if not weight:
                    continue
                for device in devices:
                    if members["device_id"][row] == device:
                        continue
                    for claim in self.claims:
                        found.setdefault(device, []).append(
                            self.hit(
                                claim,
                                weight * (1.0 if claim is Claim.DRIVEN else self.farm_share),
                                f"{members['product_name'][row]} on the same network "
                                f"({layers} layer{'s' * (layers != 1)})",
                                observed=str(members["proof"][row]),
                                expected="no KVM over IP beside a company laptop",
                                rows=[evidence(LanMember, members["input"][row], (members["packet"][row],))],
                            )
                        )
        return found

    def _weight(self, text: str) -> tuple[float, int]:
        """Weight by the number of agreeing layers; a low-grade prefix (Raspberry Pi) alone weighs nothing."""
        grades = dict(part.split("/") for part in text.split(",") if part)
        sure = [layer for layer, grade in grades.items() if grade != "low"]
        if not sure:
            return 0.0, len(grades)
        if list(grades) == ["oui"]:
            return (self.one_decibans if grades["oui"] == "high" else self.shared_maker_decibans), 1
        return {1: self.one_decibans, 2: self.two_decibans}.get(len(grades), self.three_decibans), len(grades)

    def blind(self, tables: Tables) -> dict[str, str]:
        """Networks of which only the device and its gateway were seen."""
        members = tables[LanMember]
        heard = {int(n) for record in (Announcement, DhcpRequest, Arp) for n in np.unique(tables[record]["input"])}
        blind: dict[str, str] = {}
        for lan, devices in devices_on_lan(tables).items():
            here = members["lan"] == lan
            others = here & (members["role"] != "gateway")
            alone = int((others & ~members.present("device_id")).sum()) == 0 and len(devices) < 2
            if alone and not heard.intersection(members["input"][here].tolist()):
                blind |= dict.fromkeys(devices, "nothing of its local network captured")
        return blind
