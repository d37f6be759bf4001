"""Meetings of several devices of one network start together and run for hours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.detectors.contract import (
    Detector,
    Findings,
    devices_on_lan,
    evidence,
    listed,
    longest_stretch,
    param,
)
from farmwatch.analysis.meetings import meeting_flows
from farmwatch.records import CaptureInput, Claim, DeviceFlow, DeviceSeen, Family, LanMember, Table, Tables

__all__ = ["MeetingTogether"]

_MOST_FLOWS = 500  #: of one network; more are a flood of made-up meetings and say nothing new


@dataclass(frozen=True, slots=True)
class MeetingTogether(Detector):
    """Hours-long media flows of two or more devices on one network begin within minutes of each other.

    Signals N13 and N14: in a farm one command starts the meeting on all laptops at once. Colleagues in one home or
    office join the same training, and couples share a working day, so the weight is small for two; where the starts lie
    apart, or lie before the capture, only the number of devices in long meetings at one time counts, and that little.
    """

    id: ClassVar = "meeting.together"
    title: ClassVar = "Do meetings of several devices start together and run for hours?"
    topic: ClassVar = "meetings started together"
    signals: ClassVar = ("N13", "N14")
    family: ClassVar = Family.TIMING
    claims: ClassVar = (Claim.FARM,)
    needs: ClassVar = (DeviceFlow, LanMember)
    absent_from_logs: ClassVar = "pauses between packets are not in sensor logs"
    group: ClassVar = "meetings together"
    benign: ClassVar = (
        "colleagues in one home or office in the same training or all-hands",
        "pupils or students of one household in lessons",
        "an office: many people meet all day",
    )
    when_clear: ClassVar = "no two devices of the network in meetings that start together and run for hours"
    weight_reason: ClassVar = "judged from grade A of signal N14 (docs/evidence.md), lowered: one day, and one network"
    check: ClassVar = "ask the meeting service who the participants were, and whether it was one meeting or several"
    least_hours: float = param(2.0, "Ordinary meetings end before.", low=0.5, high=12)
    most_silence_s: float = param(60.0, "Media never pauses for long.", low=5, high=600)
    together_s: float = param(120.0, "People join within minutes; one command starts all at once.", low=5, high=900)
    begun_s: float = param(
        60.0, "Flows of the capture's first minute may have run before: their start is not known.", low=0, high=3600
    )
    two_decibans: float = param(3.0, "Two: a couple, or colleagues.", low=0, high=12)
    three_decibans: float = param(8.0, "Three: rare in a home.", low=0, high=12)
    many_decibans: float = param(11.0, "Four and more start at once.", low=0, high=12)
    apart_decibans: float = param(3.0, "Three or more at one time, starts apart or not seen.", low=0, high=12)

    def examine(self, tables: Tables) -> Findings:
        """One hit per device that is in such a meeting."""
        flows, inputs = tables[DeviceFlow], tables[CaptureInput]
        begin = dict(zip(inputs["input"].tolist(), inputs["first_ts"].astype(np.int64).tolist(), strict=True))
        places = {device: lan for lan, devices in devices_on_lan(tables).items() for device in devices}
        rows_of: dict[str, list[int]] = defaultdict(list)
        for row in meeting_flows(tables, least_hours=self.least_hours, most_silence_s=self.most_silence_s):
            if str(flows["device_id"][row]) in places:
                rows_of[places[str(flows["device_id"][row])]].append(row)
        found: Findings = {}
        for _, every in sorted(rows_of.items()):
            rows = np.array(every)
            rows = rows[np.argsort(flows["ts"][rows] - flows["last_ts"][rows], kind="stable")[:_MOST_FLOWS]]
            before = np.array([begin.get(number, 0) for number in flows["input"][rows].tolist()])
            seen = flows["ts"][rows].astype(np.int64) - before > self.begun_s * 1e9
            self._together(flows, rows[seen], found)
            self._at_one_time(flows, rows, found)
        return found

    def _together(self, flows: Table[DeviceFlow], rows: NDArray[np.int64], found: Findings) -> None:
        """Devices whose meetings start together, the largest such groups first."""
        rows = rows[np.lexsort((rows, flows["ts"][rows]))]
        starts = flows["ts"][rows].astype(np.int64)
        groups = []
        for at, start in enumerate(starts.tolist()):
            group = rows[at : int(np.searchsorted(starts, start + self.together_s * 1e9, side="right"))]
            groups.append((-len(set(flows["device_id"][group])), start, group.tolist()))
        for size, _, group in sorted(groups):
            if size <= -2:
                weight = {2: self.two_decibans, 3: self.three_decibans}.get(-size, self.many_decibans)
                spread = (flows["ts"][group].max() - flows["ts"][group].min()) / np.timedelta64(1, "s")
                self._add(flows, group, found, weight, f"start within {spread:.0f} s")

    def _at_one_time(self, flows: Table[DeviceFlow], rows: NDArray[np.int64], found: Findings) -> None:
        """Devices in long meetings at one time, where no group that starts together explains them."""
        for moment in sorted(set(flows["ts"][rows].astype(np.int64).tolist())):
            then = rows[
                (flows["ts"][rows].astype(np.int64) <= moment) & (flows["last_ts"][rows].astype(np.int64) > moment)
            ].tolist()
            if len(set(flows["device_id"][then])) > 2:
                self._add(flows, then, found, self.apart_decibans, "run at one time")

    def _add(self, flows: Table[DeviceFlow], rows: Sequence[int], found: Findings, weight: float, what: str) -> None:
        own = sorted(rows, key=lambda row: (str(flows["device_id"][row]), int(flows["first_packet"][row])))
        names = sorted({str(flows["device_id"][row]) for row in own})
        hours = (flows["last_ts"][own] - flows["ts"][own]) / np.timedelta64(1, "h")
        finding = self.hit(
            Claim.FARM,
            weight,
            f"meetings of {len(names)} devices {what} and last {hours.min():.1f} h and more",
            observed=listed(names),
            expected="each device meets at times of its own",
            rows=[
                evidence(
                    DeviceFlow, number, [flows["first_packet"][row] for row in own if flows["input"][row] == number]
                )
                for number in sorted({int(flows["input"][row]) for row in own})
            ],
        )
        for device in names:
            found.setdefault(device, [finding])

    def blind(self, tables: Tables) -> dict[str, str]:
        """Devices of captures that show their own traffic only, or too little of it."""
        seen = tables[DeviceSeen]
        wide = set(seen["device_id"][seen["vantage"] != "host"])
        alone = dict.fromkeys(set(seen["device_id"]) - wide, "the capture shows this device's own traffic only")
        return alone | {
            device: f"{seconds / 60:.0f} min of this device captured, {self.least_hours:.0f} h needed"
            for device, seconds in longest_stretch(tables).items()
            if seconds < self.least_hours * 3600
        }
