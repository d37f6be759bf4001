"""A box that is no computer takes part in meetings."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farmwatch.analysis.addresses import mask_mac
from farmwatch.analysis.detectors.contract import (
    Detector,
    Findings,
    computers_on_lan,
    devices_on_lan,
    evidence_by_input,
    folded,
    param,
)
from farmwatch.records import (
    Claim,
    CloudSign,
    DeviceFlow,
    DeviceSeen,
    Family,
    Finding,
    LanMember,
    NameQuery,
    Tables,
    Tls,
)

__all__ = ["LanMeetingBox"]


@dataclass(frozen=True, slots=True)
class LanMeetingBox(Detector):
    """A KVM, or a board that KVMs and input injectors are built from, contacts a meeting service.

    Signals N12 and N13: in a published farm, helper boxes opened the meeting on each laptop and granted control.
    A KVM shows another machine's screen and has no business in a meeting; boards also serve as room systems, kiosks
    and somebody's computer. Phones and televisions join meetings lawfully and do not count. The box's traffic runs past
    the laptop: only a capture at the router or on the LAN shows it.
    """

    id: ClassVar = "lan.meeting_box"
    title: ClassVar = "Does a box that is no computer take part in meetings?"
    topic: ClassVar = "boxes in meetings"
    signals: ClassVar = ("N12",)
    family: ClassVar = Family.NAMES
    claims: ClassVar = (Claim.DRIVEN, Claim.FARM)
    needs: ClassVar = (DeviceFlow, LanMember)
    group: ClassVar = "box in a meeting"
    benign: ClassVar = (
        "a meeting-room system or kiosk built from a board",
        "somebody who uses a board as a computer",
        "a dashboard that shows calendars and meetings",
    )
    when_clear: ClassVar = "no KVM or board on the network contacts a meeting service"
    weight_reason: ClassVar = "judged from grade B of signal N12 (docs/evidence.md), which tells of one case"
    check: ClassVar = "find the box by its MAC in the router's lease table, and what it is plugged into"
    kvm_decibans: float = param(8.0, "A KVM has no reason to join a meeting.", low=0, high=24)
    board_decibans: float = param(4.0, "Boards are also room systems and hobby computers.", low=0, high=24)
    lookup_share: float = param(0.5, "Share left where only a name shows, and no media or relay.", low=0, high=1)
    farm_share: float = param(0.6, "One box beside a laptop is not yet a farm.", low=0, high=1)

    def examine(self, tables: Tables) -> Findings:
        """One hit per device and claim, for all such boxes on its network."""
        signs, members, sharing = tables[CloudSign], tables[LanMember], computers_on_lan(tables)
        boxes = {
            (str(members["lan"][row]), str(members["host"][row])): row
            for row in np.flatnonzero(np.isin(members["product_kind"], ("kvm", "hardware"))).tolist()
        }
        joined: dict[tuple[str, str], list[int]] = defaultdict(list)
        for row in np.flatnonzero(signs["kind"] == "meeting").tolist():
            joined[str(signs["lan"][row]), str(signs["host"][row])].append(row)
        found: dict[tuple[str, Claim], list[Finding]] = defaultdict(list)
        near = devices_on_lan(tables)
        for (lan, host), rows in sorted(joined.items()):
            box = boxes.get((lan, host))
            for device in near.get(lan, ()) if box is not None else ():
                if members["device_id"][box] == device:
                    continue
                kvm = members["product_kind"][box] == "kvm"
                live = bool((signs["sign"][rows] == "session").any())
                weight = (self.kvm_decibans if kvm else self.board_decibans) * (1.0 if live else self.lookup_share)
                share = 10 * math.log10(max(1, len(sharing[lan])))
                names = sorted({str(name) for name in signs["tool_name"][rows]})
                for claim in self.claims:
                    found[device, claim].append(
                        self.hit(
                            claim,
                            max(0.0, weight - share) if claim is Claim.DRIVEN else weight * self.farm_share,
                            f"{members['product_name'][box]} {mask_mac(host)} contacts {' and '.join(names)}",
                            observed="; ".join(sorted({str(value) for value in signs["value"][rows]})[:4]),
                            expected="meetings on computers and telephones",
                            rows=evidence_by_input(CloudSign, signs["input"][rows], signs["packet"][rows]),
                        )
                    )
        every: Findings = {}
        for (device, _), findings in sorted(found.items()):
            every.setdefault(device, []).append(folded(findings))
        return every

    def blind(self, tables: Tables) -> dict[str, str]:
        """Devices of captures that show no other host's unicast traffic, or not a single name."""
        seen = tables[DeviceSeen]
        named = {
            *tables[NameQuery]["input"].tolist(),
            *tables[Tls]["input"][tables[Tls].present("server_name")].tolist(),
        }
        wide = set(seen["device_id"][seen["vantage"] != "host"])
        shown = set(seen["device_id"][[number in named for number in seen["input"].tolist()]]) if len(seen) else set()
        return {
            device: "no name lookups or server names captured"
            if device in wide
            else "the capture shows this device's own traffic only"
            for device in sorted(set(seen["device_id"]) - (wide & shown))
        }
