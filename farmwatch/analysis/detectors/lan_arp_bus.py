"""ARP used as a command bus: text in the hardware-address field of broadcast requests."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farmwatch.analysis.detectors.contract import Detector, Findings, evidence, folded, param
from farmwatch.records import Arp, Claim, DeviceSeen, Family, Finding, Table, Tables

__all__ = ["LanArpBus"]

_TEXT_SHARE = 5  # of six bytes
_MOST_NAMED = 3  # senders; the others are counted


@dataclass(frozen=True, slots=True)
class LanArpBus(Detector):
    """ARP requests from 0.0.0.0 whose sender hardware address is not the frame's and changes, its bytes mostly text.

    Signal N11 (grade A; Sygnia case): one broadcast starts every listener of a farm at once. RFC 5227 address probes
    use 0.0.0.0 too, but their sender field is the card's own address. Only counts are kept, never the decoded text.
    """

    id: ClassVar = "lan.arp_bus"
    title: ClassVar = "Is ARP used to send commands?"
    topic: ClassVar = "commands hidden in ARP"
    signals: ClassVar = ("N11",)
    family: ClassVar = Family.NAMES
    claims: ClassVar = (Claim.DRIVEN, Claim.FARM)
    needs: ClassVar = (Arp,)
    group: ClassVar = "arp bus"
    benign: ClassVar = ("a security exercise", "a broken network card or bridge")
    when_clear: ClassVar = "ARP frames carry their own sender's address"
    weight_reason: ClassVar = (
        "judged from grade A of signal N11 (docs/evidence.md); the sender-field test removes RFC 5227 probes"
    )
    check: ClassVar = "keep the ARP frames; find the sender's switch port or wireless client"
    decibans: float = param(20.0, "No ordinary stack does this.", low=0, high=24)
    least_frames: float = param(3, "One odd frame may be damage.", low=2, high=100)

    def examine(self, tables: Tables) -> Findings:
        """One hit for every device that heard it, whatever the number of senders."""
        arp, devices = tables[Arp], tables[DeviceSeen]
        odd = (arp["op"] == 1) & (arp["sender_ip"] == "0.0.0.0") & (arp["sender_mac"] != arp["eth_src"])  # noqa: S104
        rows = np.array([row for row in np.flatnonzero(odd) if _is_text(arp["sender_mac"][row])], np.int64)
        senders: dict[tuple[int, str], list[int]] = defaultdict(list)
        for row in rows:
            senders[int(arp["input"][row]), str(arp["eth_src"][row])].append(int(row))
        heard: dict[int, list[tuple[int, str, list[int]]]] = defaultdict(list)
        for (number, sender), frames in senders.items():
            values = len({str(arp["sender_mac"][row]) for row in frames})
            if values >= self.least_frames:
                heard[number].append((-values, sender, frames))
        told: dict[tuple[str, Claim], list[Finding]] = defaultdict(list)
        for number, found_here in sorted(heard.items()):
            findings = self._findings(number, sorted(found_here), arp)
            for device in sorted(set(devices["device_id"][devices["input"] == number])):
                for finding in findings:
                    told[device, finding.claim].append(finding)
        found: Findings = {}
        for (device, _), several in sorted(told.items()):
            found.setdefault(device, []).append(folded(several))
        return found

    def _findings(self, number: int, senders: list[tuple[int, str, list[int]]], arp: Table[Arp]) -> list[Finding]:
        """What one input shows, for each claim; all its devices share it."""
        values = -sum(count for count, _, _ in senders)
        frames = [row for _, _, rows in senders for row in rows]
        names = [f"{sender[:8]}…" for _, sender, _ in senders[:_MOST_NAMED]]
        more = f" and {len(senders) - _MOST_NAMED} more" if len(senders) > _MOST_NAMED else ""
        return [
            self.hit(
                claim,
                self.decibans,
                f"ARP carries text on this network: {values} different sender fields from {', '.join(names)}{more}",
                observed=f"{sum(int(arp['count'][row]) for row in frames)} requests from 0.0.0.0 whose "
                "sender field is not the frame's own address and reads as text",
                expected="sender field equal to the frame's source (RFC 826, RFC 5227)",
                rows=[evidence(Arp, number, arp["packet"][frames])],
            )
            for claim in self.claims
        ]


def _is_text(mac: str) -> bool:
    """At least five of six bytes printable ASCII, trailing zero padding allowed."""
    octets = bytes(int(part, 16) for part in mac.split(":")).rstrip(b"\0")
    return len(octets) > 1 and sum(0x20 <= octet < 0x7F for octet in octets) >= min(_TEXT_SHARE, len(octets))
