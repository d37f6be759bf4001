"""Typing that arrives in clumps: keys that waited for each other on some network before this device sent them on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.detectors.contract import Detector, Findings, by_device, evidence, folded, param
from farmwatch.analysis.logs import NOT_IN_LOGS
from farmwatch.records import Claim, DeviceFlow, DeviceSeen, Family, Finding, SeriesFlow, Table, Tables, Typing

__all__ = ["TypingClumped"]


@dataclass(frozen=True, slots=True)
class TypingClumped(Detector):
    """Silences in typed SSH or telnet that end in several keys at once (docs/evidence.md, M16).

    A person at the keyboard makes no such thing; a hand that reaches the device over a network does, for instance
    through a KVM whose own traffic is not in the capture. So does everything between the keyboard and the capture
    point, which is why it weighs next to nothing and only adds up with more. Sessions of pointers and pictures are left
    out, since they clump by themselves, and so is typing with decoys, where packets are no keys.
    """

    id: ClassVar = "typing.clumped"
    title: ClassVar = "Do typed keys come in clumps, as over a network?"
    topic: ClassVar = "clumps in typing"
    signals: ClassVar = ()
    family: ClassVar = Family.TIMING
    claims: ClassVar = (Claim.DRIVEN, Claim.ABROAD)
    needs: ClassVar = (DeviceFlow, SeriesFlow)
    absent_from_logs: ClassVar = NOT_IN_LOGS
    group: ClassVar = "typing"
    benign: ClassVar = (
        "Wi-Fi or mobile access that pauses",
        "a VPN over TCP",
        "loss on the device's own uplink",
        "a busy laptop, pasted text, keyboard macros",
    )
    when_clear: ClassVar = "no typing that comes in clumps"
    weight_reason: ClassVar = "judged: follows from how TCP waits for lost packets, never measured in a fleet"
    check: ClassVar = "compare with typing on the same uplink at other times; look for a KVM at the device"
    driven_decibans: float = param(2.0, "Many innocent networks do the same.", low=0, high=12)
    abroad_decibans: float = param(1.0, "Long ways lose more, near ones lose too.", low=0, high=12)
    least_events: float = param(100, "Fewer keys leave clumps to luck.", low=20, high=10_000)
    least_stalls: float = param(5, "A few are found on every line.", low=1, high=1000)
    least_share: float = param(0.01, "Stalls per key; plain typing has none in the laboratory.", low=0, high=1)

    def examine(self, tables: Tables) -> Findings:
        """One hit for each claim per device whose typing clumps."""
        typing = self._typed(tables)
        shown = typing.where(
            (typing["stalls"] >= self.least_stalls) & (typing["stalls"] >= self.least_share * typing["events"])
        )
        found: dict[tuple[str, Claim], list[Finding]] = defaultdict(list)
        for device, rows in by_device(shown).items():
            for number in rows.tolist():
                row = shown.row(number)
                for claim, weight in ((Claim.DRIVEN, self.driven_decibans), (Claim.ABROAD, self.abroad_decibans)):
                    found[device, claim].append(
                        self.hit(
                            claim,
                            weight,
                            f"typing to {row.remote} comes in clumps",
                            observed=f"{row.stalls} silences of 300 ms or more end in clumps of up to "
                            f"{row.largest_clump} keys; {row.clumped:.0%} of {row.packets - 1:,} gaps below 3 ms"
                            + (f"; {row.grid}" if row.grid else ""),
                            expected="keys of a person, hardly ever two within 3 ms",
                            rows=[evidence(DeviceFlow, row.input, (row.first_packet, row.last_packet))],
                        )
                    )
        return {
            device: [folded(found[device, claim]) for claim in self.claims] for device in {place[0] for place in found}
        }

    def blind(self, tables: Tables) -> Mapping[str, str]:
        """Devices nobody was seen to type at."""
        typed = set(self._typed(tables)["device_id"].tolist())
        return {str(device): _NOBODY for device in set(tables[DeviceSeen]["device_id"].tolist()) - typed}

    def _typed(self, tables: Tables) -> Table[Typing]:
        """Sessions whose small packets are keys that a person at the device, or behind it, typed."""
        typing = tables[Typing]
        keys = (typing["protocol"] == "ssh") | (typing["protocol"] == "telnet")
        return typing.where(
            keys & (typing["way"] == "out") & ~typing["decoys"] & (typing["events"] >= self.least_events)
            & (typing["clumped"] <= _TUNNEL) & (typing["law_shape"] >= _LEAST_SHAPE)
        )  # fmt: skip


_NOBODY = "nobody typed through SSH or telnet for long, or its keys are hidden"
_TUNNEL = 0.5  #: share of gaps below 3 ms beyond which another connection runs inside, not keys
_LEAST_SHAPE = 1.5  #: of the gaps' law; what is less even is no typing
