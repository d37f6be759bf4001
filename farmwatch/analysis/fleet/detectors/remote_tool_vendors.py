"""Remote-control tools of two or more makers on one device within thirty days (N2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import COUNTED, shown, tool_tellings, without_tool_tables
from farmwatch.records import Claim, Family, Record

__all__ = ["RemoteToolVendors"]

_JUDGED = "judged from grade A of N2 (docs/evidence.md), as for captures; technicians' computers are the benign cause"


@dataclass(frozen=True, slots=True)
class RemoteToolVendors(FleetDetector):
    """Finds the spare key: a second maker's tool beside the first.

    Tools of one maker count once; weak facts and the driving end's programs do not count.
    """

    id: ClassVar[str] = "remote.tool_vendors"
    title: ClassVar[str] = "do remote-control tools of several makers meet on it?"
    topic: ClassVar[str] = "tools of several makers"
    signals: ClassVar[tuple[str, ...]] = ("N2",)
    family: ClassVar[Family] = Family.NAMES
    needs: ClassVar[tuple[type[Record], ...]] = ()
    benign: ClassVar[tuple[str, ...]] = (
        "a technician's own computer",
        "change from one tool to another",
        "a managed-service provider's agents",
    )
    group: ClassVar[str] = "several vendors"
    grades: ClassVar[Mapping[str, Grade]] = {
        "used": Grade(Claim.DRIVEN, 14.0, f"{_JUDGED}; two of them ran or reached their relay"),
        "present": Grade(Claim.DRIVEN, 6.0, f"{_JUDGED}; one of them merely present"),
    }
    when_clear: ClassVar[str] = "tools of fewer than two makers that are not approved"
    check: ClassVar[str] = "compare the tools' installation dates with the day the device was handed out"

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """At most one hit a device."""
        for row in fleet.rows(
            f"""
            SELECT device_id, list(DISTINCT vendor ORDER BY vendor) AS vendors,
                   list(name ORDER BY first, tool) AS names,
                   list(DISTINCT vendor) FILTER (runs OR sign = 'session') AS used,
                   date_diff('minute', min(first), max(first)) / 1440 AS apart,
                   flatten(list(seen ORDER BY tool)) AS seen
            FROM device_tools
            WHERE kind IN ('remote_access', 'rmm') AND sure <> 'low' AND {COUNTED}
            GROUP BY device_id HAVING count(DISTINCT vendor) > 1 ORDER BY device_id
            """
        ):
            used = len(row["used"] or ())
            yield Hit(
                row["device_id"],
                "used" if used > 1 else "present",
                f"remote-control tools of {len(row['vendors'])} makers within thirty days, first seen "
                f"{row['apart']:.1f} days apart: {shown(', '.join(row['names']))}",
                observed=f"{used} of the makers' tools ran or reached their relay",
                expected="one maker's tool at most",
                telling=tool_tellings(row["seen"]),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices of which nothing is reported that could show a tool."""
        return without_tool_tables(fleet)
