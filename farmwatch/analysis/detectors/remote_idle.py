"""A tool that works with nobody at the device keeps in touch with its relay while no session runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.detectors.contract import (
    Detector,
    Findings,
    by_device,
    evidence_by_input,
    longest_stretch,
    param,
)
from farmwatch.records import Claim, DeviceFlow, Family, RemoteSession, Table, Tables

__all__ = ["RemoteIdle"]


@dataclass(frozen=True, slots=True)
class RemoteIdle(Detector):
    """An unattended-capable tool holds a line to its relay open, or reopens it, for a long time at a very low rate.

    That is a door kept ajar: anyone with the password can come in at any hour. Support tools started for one case do
    not do this. Only time without a session counts, and only within one input. The tool is known by its names, so this
    is the same cause as the tool itself, over time.
    """

    id: ClassVar = "remote.idle_relay"
    title: ClassVar = "Is a remote-control door kept open while idle?"
    topic: ClassVar = "idle remote-control doors"
    signals: ClassVar = ("N1",)
    family: ClassVar = Family.NAMES
    claims: ClassVar = (Claim.DRIVEN,)
    needs: ClassVar = (DeviceFlow,)
    group: ClassVar = "remote session"
    benign: ClassVar = ("an agent that IT installed for all devices", "a personal tool left running after support")
    when_clear: ClassVar = "no unattended-capable tool keeps in touch with a relay while idle"
    weight_reason: ClassVar = "judged: lasting unattended access is common where IT rolled the tool out, rare elsewhere"
    check: ClassVar = "ask whether unattended access is configured, and by whom"
    decibans: float = param(8.0, "Half of grade B: presence over time, no hand seen.", low=0, high=24)
    least_minutes: float = param(10.0, "Shorter contacts are updates and start-ups.", low=1, high=240)
    most_pause_minutes: float = param(
        15.0, "Agents poll that often; a longer silence is no line kept open.", low=1, high=120
    )
    most_bytes_per_second: float = param(
        200.0, "Keep-alives stay far below; a moving screen far above.", low=1, high=5000
    )

    def examine(self, tables: Tables) -> Findings:
        """One hit per tool and device."""
        sessions = tables[RemoteSession]
        idle = (
            sessions["unattended"]
            & ~sessions["approved"]
            & ~sessions["live"]
            & (sessions["role"] != "controlling")
            & (sessions["remote_scope"] == "public")
        )
        found: Findings = {}
        for device, rows in by_device(sessions).items():
            quiet = rows[idle[rows]]
            for tool in sorted(set(sessions["tool"][quiet])):
                own = quiet[sessions["tool"][quiet] == tool]
                seconds, rate = self._longest(sessions, own)
                if seconds < self.least_minutes * 60 or rate > self.most_bytes_per_second:
                    continue
                found.setdefault(device, []).append(
                    self.hit(
                        Claim.DRIVEN,
                        self.decibans,
                        f"{sessions['tool_name'][own[0]]} keeps a line to its relay open "
                        f"for {seconds / 60:.0f} min while idle",
                        observed=f"{rate:.0f} bytes/s on average over {seconds / 60:.0f} min",
                        expected="no lasting contact, or an approved agent",
                        rows=evidence_by_input(DeviceFlow, sessions["input"][own], sessions["first_packet"][own]),
                    )
                )
        return found

    def _longest(self, sessions: Table[RemoteSession], rows: NDArray[np.int64]) -> tuple[float, float]:
        """Seconds in touch within the best single input, and bytes per second over them.

        Contacts that overlap count once; silence between two counts where the next comes soon.
        """
        best = 0.0, 0.0
        for number in np.unique(sessions["input"][rows]).tolist():
            own = rows[sessions["input"][rows] == number]
            spans = sorted(
                zip(*(sessions[name][own].astype(np.int64).tolist() for name in ("start", "end")), strict=True)
            )
            total, reach = 0, spans[0][0]
            for start, end in spans:
                begin = reach if start - reach <= self.most_pause_minutes * 60e9 else start
                total += max(0, end - max(begin, reach))
                reach = max(reach, end)
            seconds = total / 1e9
            rate = float((sessions["bytes_out"][own] + sessions["bytes_in"][own]).sum()) / max(seconds, 1.0)
            best = max(best, (seconds, rate))
        return best

    def blind(self, tables: Tables) -> dict[str, str]:
        """Devices of which no input shows enough time."""
        return {
            device: f"{seconds / 60:.0f} min of this device captured at a stretch, {self.least_minutes:.0f} min needed"
            for device, seconds in longest_stretch(tables).items()
            if seconds < self.least_minutes * 60
        }
