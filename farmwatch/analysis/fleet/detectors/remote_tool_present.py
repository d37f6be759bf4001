"""A remote-control tool that nobody approved is on the device (N1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import COUNTED, KNOWN_HERE, many, shown, tool_tellings, without_tool_tables
from farmwatch.records import Claim, Family, Record

__all__ = ["RemoteToolPresent"]

_JUDGED = (
    "judged from grade B of N1 (docs/evidence.md), as for captures: common in fleets without an approved-tool rule"
)
_WORDS = {
    "session": "was started the way it is when somebody comes in",
    "ready": "reached the relay through which sessions come in",
    "runs": "ran",
    "present": "is installed, or its servers were looked up",
    "faint": "left a trace that other programs may leave too, or is a habit of this company",
}


@dataclass(frozen=True, slots=True)
class RemoteToolPresent(FleetDetector):
    """Finds tools by the names of programs, services, software, folders and hosts.

    A tool that much of the fleet has is the company's own and is not told.
    """

    id: ClassVar[str] = "remote.tool_present"
    title: ClassVar[str] = "is a remote-control tool on it that nobody approved?"
    topic: ClassVar[str] = "remote-control tools on the device"
    signals: ClassVar[tuple[str, ...]] = ("N1",)
    family: ClassVar[Family] = Family.NAMES
    needs: ClassVar[tuple[type[Record], ...]] = ()
    benign: ClassVar[tuple[str, ...]] = (
        "IT or vendor support",
        "personal use of the tool",
        "left over from an earlier support case",
    )
    group: ClassVar[str] = "remote session"
    grades: ClassVar[Mapping[str, Grade]] = {
        "session": Grade(Claim.DRIVEN, 12.0, f"{_JUDGED}; a session ran"),
        "ready": Grade(Claim.DRIVEN, 7.0, f"{_JUDGED}; relay contacted, no session seen"),
        "runs": Grade(Claim.DRIVEN, 4.0, f"{_JUDGED}; running, no relay seen"),
        "present": Grade(Claim.DRIVEN, 3.0, f"{_JUDGED}; installed software that calls home is common"),
        "faint": Grade(Claim.DRIVEN, 1.0, f"{_JUDGED}; a weak fact, or one of several such devices"),
    }
    when_clear: ClassVar[str] = "no remote-control tool, or only approved ones and those much of the fleet has"
    check: ClassVar[str] = (
        "ask whether the tool is approved; collect its own log (AnyDesk ad.trace, TeamViewer Connections_incoming)"
    )

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """One hit for each tool and device."""
        for row in fleet.rows(
            f"""
            WITH graded AS (
                SELECT *, CASE WHEN sure = 'low' THEN 4 WHEN sign = 'session' AND side = 'controlled' AND runs THEN 0
                               WHEN sign = 'session' THEN 1 WHEN runs THEN 2 ELSE 3 END
                          + CASE WHEN {KNOWN_HERE} THEN 1 ELSE 0 END AS step
                FROM device_tools WHERE kind IN ('remote_access', 'rmm') AND {COUNTED}
            )
            SELECT device_id, tool, name, vias, value, days, devices, seen,
                   list_extract(['session', 'ready', 'runs', 'present', 'faint'], step + 1) AS grade
            FROM graded WHERE step < 5 ORDER BY device_id, tool
            """
        ):
            yield Hit(
                row["device_id"],
                row["grade"],
                f"{row['name']} {_WORDS[row['grade']]}; seen on {many(row['days'], 'day')}, "
                f"on {many(row['devices'], 'device')} in all",
                observed=f"{shown(row['value'])} ({row['vias']})",
                expected="no remote-control tool, or an approved one",
                telling=tool_tellings(row["seen"]),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices of which nothing is reported that could show a tool."""
        return without_tool_tables(fleet)
