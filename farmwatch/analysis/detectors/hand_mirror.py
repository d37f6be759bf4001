"""The mirror image: this device's own user drives something else, which at first looks like being driven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.detectors.contract import Detector, Findings, by_device, evidence, untimed
from farmwatch.analysis.logs import NOT_IN_LOGS
from farmwatch.records import Claim, DeviceFlow, Family, RemoteSession, Tables

__all__ = ["HandMirror"]


@dataclass(frozen=True, slots=True)
class HandMirror(Detector):
    """Says of which sessions this device is the driving end, so that nobody takes them for the opposite.

    It never accuses: help-desk staff and everybody with an office desktop look like this.
    """

    id: ClassVar = "hand.mirror_image"
    title: ClassVar = "Is this device the one that drives?"
    topic: ClassVar = "sessions in which this device drives"
    signals: ClassVar = ()
    family: ClassVar = Family.TIMING
    claims: ClassVar = (Claim.DRIVEN,)
    needs: ClassVar = (DeviceFlow,)
    absent_from_logs: ClassVar = NOT_IN_LOGS
    group: ClassVar = "mirror image"
    benign: ClassVar = ("work on an office desktop or server", "help-desk staff", "game streaming")
    when_clear: ClassVar = "no session in which this device's user drives another one"
    weight_reason: ClassVar = "weighs nothing: driving is no sign of being driven, nor of the opposite"
    check: ClassVar = "nothing: the input of such a session leaves this device"

    def examine(self, tables: Tables) -> Findings:
        """One clear with its reason per device that drives something."""
        sessions = tables[RemoteSession]
        found: Findings = {}
        for device, rows in by_device(sessions).items():
            own = rows[sessions["timed"][rows] & (sessions["role"][rows] == "controlling")]
            if len(own):
                largest = sessions.row(int(own[sessions["input_events"][own].argmax()]))
                more = f", and {len(own) - 1} more such sessions" if len(own) > 1 else ""
                found[device] = [
                    self.clear(
                        Claim.DRIVEN,
                        f"This device's user drives {largest.remote} over {largest.tool_name}{more}: the mirror image",
                        observed=f"{largest.input_events:,} input events leave the device; {largest.role_reason}",
                        rows=[evidence(DeviceFlow, largest.input, (largest.first_packet, largest.last_packet))],
                    )
                ]
        return found

    def blind(self, tables: Tables) -> dict[str, str]:
        """Devices whose flows could not be timed."""
        return untimed(tables)
