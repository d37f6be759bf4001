"""A known remote-control tool talks on this device, by name, certificate or first bytes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.detectors.contract import Detector, Findings, by_device, evidence_by_input, param
from farmwatch.records import Claim, DeviceFlow, Family, Finding, NameQuery, RemoteSession, Table, Tables, ToolSighting

__all__ = ["RemoteTool"]

_KINDS = ("remote_access", "rmm")


@dataclass(frozen=True, slots=True)
class RemoteTool(Detector):
    """A remote-control product that the company has not approved is used, or is at least there.

    Four strengths: in a live session most bytes leave the device for minutes while hand-paced packets come in, as a
    shown screen does; a live session whose direction is open; a relay contacted; a product merely present. An approved
    tool weighs nothing. A tool that this device demonstrably drives something else with weighs nothing either: that is
    the help desk's side.
    """

    id: ClassVar = "remote.named_tool"
    title: ClassVar = "Does a known remote-control tool run here?"
    topic: ClassVar = "remote-control tools"
    signals: ClassVar = ("N1",)
    family: ClassVar = Family.NAMES
    claims: ClassVar = (Claim.DRIVEN,)
    needs: ClassVar = (DeviceFlow,)
    group: ClassVar = "remote session"
    benign: ClassVar = (
        "IT or vendor support",
        "personal use of the tool",
        "left over from an earlier support case",
        "file transfer",
    )
    when_clear: ClassVar = "no name, certificate or first bytes of a known remote-control tool"
    weight_reason: ClassVar = (
        "judged from grade B of signal N1 (docs/evidence.md): common in fleets without an approved-tool rule"
    )
    check: ClassVar = (
        "ask whether the tool is approved; collect its own log (AnyDesk ad.trace, TeamViewer Connections_incoming)"
    )
    sending_decibans: float = param(
        21.0,
        "Minutes of bytes out and hand-paced packets in: a screen shown to somebody, or a long upload.",
        low=0,
        high=24,
    )
    live_decibans: float = param(12.0, "A session ran, but who drove whom is open.", low=0, high=24)
    relay_decibans: float = param(7.0, "Relay contacted, no session seen.", low=0, high=24)
    presence_decibans: float = param(3.0, "Installed software that calls home is common.", low=0, high=24)
    medium_share: float = param(0.7, "Share of the weight left where the fact is of medium grade.", low=0, high=1)
    low_share: float = param(0.3, "Share of the weight left where the fact is of low grade.", low=0, high=1)

    def examine(self, tables: Tables) -> Findings:
        """One hit per tool and device."""
        sightings, sessions = tables[ToolSighting], tables[RemoteSession]
        found: Findings = {}
        for device, rows in by_device(sightings).items():
            tools: dict[str, list[int]] = defaultdict(list)
            for row in rows[np.isin(sightings["kind"][rows], _KINDS)]:
                tools[sightings["tool"][row]].append(int(row))
            mine = sessions["device_id"] == device
            for tool, signs in sorted(tools.items()):
                own = np.flatnonzero(mine & (sessions["tool"] == tool)).tolist()
                found.setdefault(device, []).append(self._finding(sightings, np.array(signs), sessions, own))
        return found

    def _finding(
        self, sightings: Table[ToolSighting], signs: NDArray[np.int64], sessions: Table[RemoteSession], own: list[int]
    ) -> Finding:
        weight, what = self._strength(sightings, signs, sessions, own)
        first = int(signs[np.lexsort((sightings["packet"][signs], sightings["input"][signs]))[0]])
        seen = sorted({f"{sightings['layer'][row]} {sightings['value'][row]}" for row in signs})
        name = str(sightings["tool_name"][first])
        shown = "; ".join(seen[:4]) + (f"; {len(seen) - 4} more" if len(seen) > 4 else "")
        table = NameQuery if all(not sightings.present("flow")[row] for row in signs) else DeviceFlow
        return self.hit(
            Claim.DRIVEN,
            weight,
            f"{name}: {what}",
            observed=shown,
            expected="no remote-control tool, or an approved one",
            rows=evidence_by_input(table, sightings["input"][signs], sightings["packet"][signs]),
        )

    def _strength(
        self, sightings: Table[ToolSighting], signs: NDArray[np.int64], sessions: Table[RemoteSession], own: list[int]
    ) -> tuple[float, str]:
        """Weight and wording of the strongest thing known of this tool here."""
        if sightings["approved"][signs].any():
            return 0.0, "in use, approved by the profile"
        share = {"high": 1.0, "medium": self.medium_share, "low": self.low_share}
        sure = max(share[str(grade)] for grade in sightings["grade"][signs])
        live = [row for row in own if sessions["live"][row]]
        roles = {str(sessions["role"][row]) for row in live}
        if any(sessions["proven"][row] for row in live if sessions["role"][row] == "controlled"):
            return 0.0, "a session whose protocol proves its driven end; weighed as remote.inbound_session"
        if "controlled" in roles:
            return self.sending_decibans * sure, "a live session in which most bytes leave this device"
        if roles == {"controlling"}:
            return 0.0, "a session in which this device drives the other end"
        if live:
            return self.live_decibans * sure, "a live session, direction open"
        if (sightings["sign"][signs] == "session").any():
            return self.relay_decibans * sure, "its relay or rendezvous server was contacted"
        return self.presence_decibans * sure, "the product is present"
