"""One meeting's media runs for a whole shift."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farmwatch.analysis.detectors.contract import (
    Detector,
    Findings,
    evidence,
    folded,
    longest_stretch,
    param,
)
from farmwatch.analysis.meetings import meeting_flows
from farmwatch.records import Claim, DeviceFlow, Family, Finding, Tables

__all__ = ["MeetingAllDay"]


@dataclass(frozen=True, slots=True)
class MeetingAllDay(Detector):
    """A single media flow lasts most of a working day, nearly without pause, sending far more than it receives.

    Signal N13: in a farm one meeting a day carries the screen out and consented control in, with nobody speaking.
    Virtual office rooms and on-call bridges last as long but are lively both ways. The far end must be a meeting
    service or speak a media protocol; a download of eight hours is neither.
    """

    id: ClassVar = "meeting.all_day"
    title: ClassVar = "Does one meeting run for a whole shift?"
    topic: ClassVar = "meetings that last a shift"
    signals: ClassVar = ("N13",)
    family: ClassVar = Family.TIMING
    claims: ClassVar = (Claim.DRIVEN,)
    needs: ClassVar = (DeviceFlow,)
    absent_from_logs: ClassVar = "pauses between packets are not in sensor logs"
    group: ClassVar = "meeting"
    benign: ClassVar = (
        "on-call bridge",
        "pair programming",
        "virtual office room",
        "a webinar left open",
        "a VPN or a backup that borrows a media protocol",
    )
    when_clear: ClassVar = "no meeting media flow that lasts a shift"
    weight_reason: ClassVar = "judged from grade B of signal N13 (docs/evidence.md) when seen alone, on one day"
    check: ClassVar = "ask the meeting service's audit log for remote-control grants and the number of participants"
    least_hours: float = param(5.0, "Ordinary meetings and workshops end before.", low=1, high=12)
    most_silence_s: float = param(
        60.0, "Media never pauses for long; a longer gap is another meeting.", low=5, high=600
    )
    least_ratio: float = param(3.0, "Out over in: a shared screen with nobody speaking back.", low=1, high=50)
    decibans: float = param(9.0, "Grade B alone.", low=0, high=12)
    two_way_decibans: float = param(3.0, "Lively both ways: mostly a real call.", low=0, high=12)

    def examine(self, tables: Tables) -> Findings:
        """One hit per device with long media flows."""
        flows = tables[DeviceFlow]
        hours = (flows["last_ts"] - flows["ts"]) / np.timedelta64(1, "h")
        long: dict[str, list[Finding]] = defaultdict(list)
        for row in meeting_flows(tables, least_hours=self.least_hours, most_silence_s=self.most_silence_s):
            out, into = int(flows["bytes_out"][row]), max(1, int(flows["bytes_in"][row]))
            ends = (flows["first_packet"][row], flows["last_packet"][row])
            long[str(flows["device_id"][row])].append(
                self.hit(
                    Claim.DRIVEN,
                    self.decibans if out / into >= self.least_ratio else self.two_way_decibans,
                    f"one media flow for {hours[row]:.1f} h to {flows['remote_name'][row] or flows['remote_h'][row]}",
                    observed=f"{out:,} bytes out, {into:,} in; longest pause {flows['longest_silence_s'][row]:.0f} s",
                    expected="meetings of an hour or two, lively both ways",
                    rows=[evidence(DeviceFlow, flows["input"][row], ends)],
                )
            )
        return {device: [folded(findings)] for device, findings in long.items()}

    def blind(self, tables: Tables) -> dict[str, str]:
        """Devices of which no input shows a shift."""
        return {
            device: f"{seconds / 60:.0f} min of this device captured at a stretch, {self.least_hours:.0f} h needed"
            for device, seconds in longest_stretch(tables).items()
            if seconds < self.least_hours * 3600
        }
