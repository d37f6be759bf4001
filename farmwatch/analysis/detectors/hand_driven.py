"""A hand comes in: the timing of a flow shows that somebody at its far end drives this device."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.detectors.contract import Detector, Findings, by_device, evidence, folded, param, untimed
from farmwatch.analysis.logs import NOT_IN_LOGS
from farmwatch.analysis.sessions.role_model import load_role_model
from farmwatch.records import Claim, DeviceFlow, Family, Finding, RemoteSession, Tables, Typing, WeightSource

__all__ = ["HandDriven"]


@dataclass(frozen=True, slots=True)
class HandDriven(Detector):
    """Input with a person's pace comes in, and what leaves the device follows it (role model, docs/role-model.md).

    Works without knowing the tool, through relays and encryption. Who the person is and whether they may stays open:
    a help desk drives as well.
    """

    id: ClassVar = "hand.driven"
    title: ClassVar = "Does a hand come in over some flow, whatever the tool?"
    topic: ClassVar = "incoming input by its timing"
    signals: ClassVar = ("N16",)
    family: ClassVar = Family.TIMING
    claims: ClassVar = (Claim.DRIVEN,)
    needs: ClassVar = (DeviceFlow,)
    absent_from_logs: ClassVar = NOT_IN_LOGS
    group: ClassVar = "hand"
    benign: ClassVar = (
        "help desk session (match it to a ticket)",
        "the owner at another computer",
        "a colleague who takes over in a meeting",
        "a service on this device that a person elsewhere uses key by key",
    )
    when_clear: ClassVar = "no flow shown to carry a person's input (30 input events are needed)"
    weight_source: ClassVar = WeightSource.MEASURED
    weight_reason: ClassVar = (
        "recall over the upper 95 % bound of false roles, on tools left out of training (docs/role-model.md)"
    )
    cap_decibans: ClassVar = 24.0  #: 8 bits: the weight is measured on tools that training never saw
    check: ClassVar = "ask the device's user who else works on it, and at the times of the session"
    near_decibans: float = param(8.0, "From the same network: often a colleague or the owner.", low=0, high=24)
    own_decibans: float = param(3.0, "From the company's own ranges: the help desk's place.", low=0, high=24)
    grid_share: float = param(0.5, "Of the weight where a clock sends keys, and decoys with them.", low=0, high=1)

    def examine(self, tables: Tables) -> Findings:
        """One hit per device with sessions whose timing shows it driven."""
        sessions, paced = tables[RemoteSession], _paced(tables)
        most = load_role_model().controlled.decibans
        weights = {"public": most, "own": min(most, self.own_decibans)}
        found: dict[str, list[Finding]] = defaultdict(list)
        for device, rows in by_device(sessions).items():
            # Of meetings another detector speaks: control handed over for minutes is ordinary there.
            shown = sessions["timed"][rows] & ~sessions["meeting"][rows]
            for row in rows[shown & (sessions["role"][rows] == "controlled")]:
                session = sessions.row(int(row))
                weight = weights.get(session.remote_scope, min(most, self.near_decibans))
                grid = next(filter(None, (paced.get((device, session.input, flow)) for flow in _members(session))), "")
                if grid:
                    weight *= self.grid_share
                found[device].append(
                    self.hit(
                        Claim.DRIVEN,
                        0.0 if session.approved else weight,
                        f"A hand comes in over {session.tool_name} from {session.remote}: {_lasting(session)}, "
                        f"{session.input_events:,} input events, {_size(session.bytes_out)} going out"
                        + (" (tool approved by the profile)" if session.approved else ""),
                        observed=_observed(session, grid),
                        expected="no input coming in, or only from a declared help desk",
                        rows=[evidence(DeviceFlow, session.input, (session.first_packet, session.last_packet))],
                    )
                )
        return {device: [folded(findings)] for device, findings in found.items()}

    def blind(self, tables: Tables) -> dict[str, str]:
        """Devices whose flows could not be timed."""
        return untimed(tables)


def _lasting(session: RemoteSession) -> str:
    seconds = (session.end - session.start).total_seconds()
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def _size(count: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count} B"


def _members(session: RemoteSession) -> list[int]:
    return [int(flow) for flow in session.members.split(",") if flow]


def _paced(tables: Tables) -> dict[tuple[str, int, int], str]:
    """Flows whose input is sent by a clock that hides how a person paced it, with that clock's name."""
    typing = tables[Typing]
    keys = zip(*(typing[name].tolist() for name in ("device_id", "input", "flow", "grid", "decoys")), strict=True)
    return {(device, number, flow): grid for device, number, flow, grid, decoys in keys if decoys}


def _observed(session: RemoteSession, grid: str) -> str:
    keys = f", about {session.presses:,} keys" if session.presses and not grid else ""
    clock = f" sent on a clock ({grid}), so counts and pace are uncertain" if grid else ""
    return f"{session.input_events:,} input events{keys}{clock}; {session.timing}"
