"""Input comes in over a meeting: somebody in a call drives this device by the meeting's remote control."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.detectors.contract import Detector, Findings, by_device, evidence, folded, param, untimed
from farmwatch.analysis.logs import NOT_IN_LOGS
from farmwatch.records import Claim, DeviceFlow, Family, Finding, RemoteSession, Tables

__all__ = ["MeetingControl"]


@dataclass(frozen=True, slots=True)
class MeetingControl(Detector):
    """A flow of a meeting service carries a person's input towards this device while its screen goes out.

    Every big meeting product lets a participant take over the sharer's screen, and documented farms used it all day. In
    an ordinary call it lasts for minutes.
    """

    id: ClassVar = "meeting.remote_control"
    title: ClassVar = "Does somebody in a meeting drive this device?"
    topic: ClassVar = "remote control inside meetings"
    signals: ClassVar = ("N16",)
    family: ClassVar = Family.TIMING
    claims: ClassVar = (Claim.DRIVEN,)
    needs: ClassVar = (DeviceFlow,)
    absent_from_logs: ClassVar = NOT_IN_LOGS
    group: ClassVar = "hand"
    benign: ClassVar = ("a colleague who takes over in a meeting", "support over a meeting", "pair programming")
    when_clear: ClassVar = "no meeting over which a person's input comes in"
    weight_reason: ClassVar = "judged: rare for minutes in ordinary calls, daily for hours in documented farms"
    check: ClassVar = "ask the meeting service for the call's participants and who was given control"
    short_decibans: float = param(4.0, "Minutes of it are ordinary.", low=0, high=12)
    long_decibans: float = param(12.0, "Hours of it are not.", low=0, high=12)
    long_minutes: float = param(45.0, "Longer than helping a colleague takes.", low=10, high=480)

    def examine(self, tables: Tables) -> Findings:
        """One hit per device that is driven over meetings."""
        sessions = tables[RemoteSession]
        found: dict[str, list[Finding]] = defaultdict(list)
        for device, rows in by_device(sessions).items():
            shown = sessions["meeting"][rows] & sessions["timed"][rows] & (sessions["role"][rows] == "controlled")
            for row in rows[shown]:
                session = sessions.row(int(row))
                minutes = (session.end - session.start).total_seconds() / 60
                long = minutes >= self.long_minutes
                found[device].append(
                    self.hit(
                        Claim.DRIVEN,
                        self.long_decibans if long else self.short_decibans,
                        f"Input comes in over a {session.tool_name} meeting for {minutes:.0f} min",
                        observed=f"{session.input_events:,} input events from {session.remote}; {session.role_reason}",
                        expected=f"control handed over for less than {self.long_minutes:.0f} min",
                        rows=[evidence(DeviceFlow, session.input, (session.first_packet, session.last_packet))],
                    )
                )
        return {device: [folded(findings)] for device, findings in found.items()}

    def blind(self, tables: Tables) -> dict[str, str]:
        """Devices whose flows could not be timed."""
        return untimed(tables)
