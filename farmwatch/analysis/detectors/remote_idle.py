"""A tool that works with nobody at the device keeps in touch with its relay while no session runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farmwatch.analysis.detectors.contract import Detector, Findings, by_device, evidence, param
from farmwatch.records import Claim, DeviceFlow, Family, RemoteSession, Tables

__all__ = ["RemoteIdle"]


@dataclass(frozen=True, slots=True)
class RemoteIdle(Detector):
    """An unattended-capable tool holds a line to its relay open, or reopens it, for a long time at a very low rate.

    That is a door kept ajar: anyone with the password can come in at any hour. Support tools started for one case do
    not do this.
    """

    id: ClassVar = "remote.idle_relay"
    title: ClassVar = "Is a remote-control door kept open while idle?"
    topic: ClassVar = "idle remote-control doors"
    family: ClassVar = Family.TIMING
    claims: ClassVar = (Claim.DRIVEN,)
    needs: ClassVar = (DeviceFlow,)
    group: ClassVar = "unattended access"
    benign: ClassVar = ("an agent that IT installed for all devices", "a personal tool left running after support")
    when_clear: ClassVar = "no unattended-capable tool keeps in touch with a relay while idle"
    weight_reason: ClassVar = "judged: lasting unattended access is common where IT rolled the tool out, rare elsewhere"
    check: ClassVar = "ask whether unattended access is configured, and by whom"
    decibans: float = param(8.0, "Half of grade B: presence over time, no hand seen.", low=0, high=12)
    least_minutes: float = param(10.0, "Shorter contacts are updates and start-ups.", low=1, high=240)
    most_bytes_per_second: float = param(
        200.0, "Keep-alives stay far below; a moving screen far above.", low=1, high=5000
    )

    def examine(self, tables: Tables) -> Findings:
        """One hit per tool and device."""
        sessions = tables[RemoteSession]
        found: Findings = {}
        for device, rows in by_device(sessions).items():
            for tool in sorted(set(sessions["tool"][rows])):
                own = rows[
                    (sessions["tool"][rows] == tool) & sessions["unattended"][rows] & ~sessions["approved"][rows]
                ]
                own = own[sessions["remote_scope"][own] == "public"]
                if not len(own):
                    continue
                first, last = sessions["start"][own].min(), sessions["end"][own].max()
                seconds = float((last - first) / np.timedelta64(1, "s"))
                rate = float((sessions["bytes_out"][own] + sessions["bytes_in"][own]).sum()) / max(seconds, 1.0)
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
                        rows=[evidence(DeviceFlow, sessions["input"][own[0]], sessions["first_packet"][own])],
                    )
                )
        return found
