"""What comes in over one flow goes out over another: somebody works through this device."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.detectors.contract import Detector, Findings, by_device, evidence, folded, param
from farmwatch.analysis.logs import NOT_IN_LOGS
from farmwatch.records import Claim, DeviceFlow, Family, Finding, SeriesFlow, SteppingStone, Tables, WeightSource

__all__ = ["HandSteppingStone"]


@dataclass(frozen=True, slots=True)
class HandSteppingStone(Detector):
    """A hand that comes in types on into another host: the device is a stepping stone (docs/evidence.md, N16, M15).

    The strongest form is packet after packet: what leaves for SSH, RDP or VNC leaves some milliseconds after an input
    packet of the other flow, far more often than when either is shifted in time. Where a relay or decoys hide single
    packets, activity that resumes or swings together still tells, with half the weight. It proves that the incoming
    packets are somebody's input; whether that person may work here stays open.
    """

    id: ClassVar = "hand.stepping_stone"
    title: ClassVar = "Does what comes in go out again to another host?"
    topic: ClassVar = "stepping stones"
    signals: ClassVar = ("N16",)
    family: ClassVar = Family.TIMING
    claims: ClassVar = (Claim.DRIVEN,)
    needs: ClassVar = (DeviceFlow, SeriesFlow)
    absent_from_logs: ClassVar = NOT_IN_LOGS
    group: ClassVar = "stepping stone"
    benign: ClassVar = (
        "the owner reaches a company host through this computer from another one",
        "a jump host or lab machine, whose purpose this is",
        "help desk that works on a server while it drives this device",
    )
    when_clear: ClassVar = "nothing typed into other hosts follows what comes in"
    weight_source: ClassVar = WeightSource.JUDGED
    weight_reason: ClassVar = "judged: none of thousands of simulated unrelated pairs is taken for one (method M15)"
    check: ClassVar = "ask for the other host's log-in record of that time, and whether the device's user knows of it"
    outside_decibans: float = param(11.0, "From the internet through a laptop into a host.", low=0, high=12)
    near_decibans: float = param(5.0, "From the same network: often the owner's other computer.", low=0, high=12)
    own_decibans: float = param(2.0, "From the company's own ranges: the help desk's place.", low=0, high=12)
    loose_share: float = param(0.5, "Only activity goes together: rarer causes can do that too.", low=0, high=1)

    def examine(self, tables: Tables) -> Findings:
        """One hit per device that is a stone."""
        stones = tables[SteppingStone]
        shown = stones.where(stones["stone"])
        weights = {"public": self.outside_decibans, "own": self.own_decibans}
        found: dict[str, list[Finding]] = defaultdict(list)
        for device, rows in by_device(shown).items():
            for number in rows.tolist():
                stone = shown.row(number)
                weight = weights.get(stone.lead_scope, self.near_decibans)
                found[device].append(
                    self.hit(
                        Claim.DRIVEN,
                        weight if stone.close else weight * self.loose_share,
                        _summary(stone),
                        observed=_observed(stone),
                        expected="typing into other hosts that nothing coming in precedes",
                        rows=[evidence(DeviceFlow, stone.input, (stone.first_packet, stone.last_packet))],
                    )
                )
        return {device: [folded(findings)] for device, findings in found.items()}


def _summary(stone: SteppingStone) -> str:
    onward = f"{stone.protocol} {stone.remote}" if stone.protocol else stone.remote
    if not stone.close:
        return f"what leaves for {onward} moves with what comes in from {stone.lead_remote}"
    beyond = max(0, round(stone.followed - stone.followed_by_chance))
    delay = f"{stone.delay_low_ms:.0f}-{stone.delay_high_ms:.0f} ms" if stone.delay_low_ms is not None else "right"
    return f"{beyond:,} input packets to {onward} leave {delay} after a hand's input from {stone.lead_remote}"


def _observed(stone: SteppingStone) -> str:
    """The pair in numbers, what chance gives beside each."""
    parts = [
        f"{stone.followed:,} of {stone.packets:,} packets within 60 ms, {stone.followed_by_chance:.0f} by chance",
        f"{stone.resumes_matched} of {stone.resumes} resumes after silence within 80 ms",
    ]
    if stone.correlation is not None and stone.correlation_z is not None:
        parts.append(
            f"activity correlates {stone.correlation:.2f} ({stone.correlation_z:.0f} standard deviations over "
            f"{stone.shifts} shifts in time)" + (", held back up to 2 s" if stone.held else "")
        )
    return "; ".join((stone.why, *parts))
