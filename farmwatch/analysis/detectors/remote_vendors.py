"""Two or more makers of remote-control tools on one device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farmwatch.analysis.detectors.contract import Detector, Findings, by_device, evidence, param
from farmwatch.records import Claim, DeviceFlow, Family, RemoteSession, Tables, ToolSighting

__all__ = ["RemoteVendors"]


@dataclass(frozen=True, slots=True)
class RemoteVendors(Detector):
    """Tools of two different vendors, not approved, on one laptop: the second is the spare key to the first.

    Signal N2 (grade A): seen in the August 2026 honeypot, Chrome Remote Desktop laid over AnyDesk. Products of one
    vendor count once; low-grade facts and tools that this device only drives others with do not count.
    """

    id: ClassVar = "remote.two_vendors"
    title: ClassVar = "Do tools of several remote-control vendors meet here?"
    topic: ClassVar = "tools of several vendors"
    signals: ClassVar = ("N2",)
    family: ClassVar = Family.NAMES
    claims: ClassVar = (Claim.DRIVEN,)
    needs: ClassVar = (DeviceFlow,)
    group: ClassVar = "several vendors"
    benign: ClassVar = (
        "a technician's own computer",
        "change from one tool to another",
        "a managed-service provider's agents",
    )
    when_clear: ClassVar = "tools of fewer than two remote-control vendors"
    weight_reason: ClassVar = (
        "judged from grade A of signal N2 (docs/evidence.md); technicians' computers are the main benign cause"
    )
    check: ClassVar = "compare the tools' install dates with the day the device was issued"
    both_live_decibans: float = param(14.0, "Both tools' relays or sessions seen.", low=0, high=24)
    present_decibans: float = param(6.0, "One of them merely present.", low=0, high=24)

    def examine(self, tables: Tables) -> Findings:
        """At most one hit per device."""
        seen, sessions = tables[ToolSighting], tables[RemoteSession]
        ran = by_device(sessions)
        found: Findings = {}
        for device, rows in by_device(seen).items():
            own = ran.get(device, np.empty(0, np.int64))
            used = set(sessions["tool"][own])
            driving = used - set(sessions["tool"][own[sessions["role"][own] != "controlling"]])
            counted = rows[
                np.isin(seen["kind"][rows], ("remote_access", "rmm"))
                & ~np.isin(seen["tool"][rows], sorted(driving))
                & ~seen["approved"][rows]
                & (seen["grade"][rows] != "low")
            ]
            vendors = sorted({str(vendor) for vendor in seen["vendor"][counted]})
            if len(vendors) < 2:
                continue
            ready = {str(vendor) for vendor in seen["vendor"][counted[seen["sign"][counted] == "session"]]}
            tools = sorted({str(name) for name in seen["tool_name"][counted]})
            found[device] = [
                self.hit(
                    Claim.DRIVEN,
                    self.both_live_decibans if len(ready) > 1 else self.present_decibans,
                    f"remote-control tools of {len(vendors)} vendors: {', '.join(tools)}",
                    observed=f"{len(ready)} of them with relay or session traffic",
                    expected="one vendor at most",
                    rows=[evidence(ToolSighting, number, seen["packet"][counted[seen["input"][counted] == number]])
                          for number in sorted(set(seen["input"][counted].tolist()))],
                )
            ]  # fmt: skip
        return found
