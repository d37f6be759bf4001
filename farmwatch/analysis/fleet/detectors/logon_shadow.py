"""Somebody watched or steered a session by Windows' own shadowing.

Logged by TerminalServices-RemoteConnectionManager as 20503 (watched) and 20506 (steered). Shadowing is a part of Remote
Desktop: where that is approved, so is this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many, shown
from farmwatch.records import Claim, Family, Logon, Record

__all__ = ["LogonShadow"]


@dataclass(frozen=True, slots=True)
class LogonShadow(FleetDetector):
    """Finds shadowed sessions and whether the watching computer is one of the company's."""

    id: ClassVar[str] = "logon.shadow"
    title: ClassVar[str] = "was a session on it watched or steered by somebody else?"
    topic: ClassVar[str] = "shadowed sessions"
    signals: ClassVar[tuple[str, ...]] = ("E10",)
    family: ClassVar[Family] = Family.NAMES
    needs: ClassVar[tuple[type[Record], ...]] = (Logon,)
    benign: ClassVar[tuple[str, ...]] = ("help desk (match it to a ticket)", "a teacher's or trainer's computer")
    group: ClassVar[str] = "remote session"
    grades: ClassVar[Mapping[str, Grade]] = {
        "unknown": Grade(Claim.DRIVEN, 12.0, "judged: a help desk's way, from a computer the company does not know"),
        "company": Grade(Claim.DRIVEN, 3.0, "judged: the same from one of the company's own computers, by its name"),
    }
    when_clear: ClassVar[str] = "no session was shadowed, or shadowing is the company's practice"
    check: ClassVar[str] = "ask the help desk for the ticket of that time"
    practice_share: float = param(
        0.02, "Share of the fleet, and ten devices, from which on it is the company's practice.", low=0.001, high=1
    )

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """One hit a device."""
        for row in fleet.rows(
            """
            WITH hosts AS (
                SELECT DISTINCT lower(host_name) AS name FROM devices_ever WHERE host_name IS NOT NULL
            ), shadowed AS (
                SELECT l.device_id, count(*) AS n, count(DISTINCT CAST(l.ts AS DATE)) AS days, min(l.ts) AS first,
                       max(l.ts) AS last, list(DISTINCT l.remote_name ORDER BY l.remote_name) AS names,
                       bool_and(coalesce(lower(l.remote_name) IN (SELECT name FROM hosts)
                                OR lower(split_part(l.remote_name, '.', 1)) IN (SELECT name FROM hosts),
                                false)) AS company,
                       coalesce(min(l.record_id, 20), []) AS ids
                FROM logons_30d AS l LEFT JOIN owners AS o ON o.device_id = l.device_id
                WHERE l.event = 'shadow' AND NOT $approved
                      AND NOT coalesce(list_contains(o.approved_tools, 'rdp'), false)
                GROUP BY l.device_id
            )
            SELECT * FROM shadowed WHERE (SELECT count(*) FROM shadowed) < 10
            OR (SELECT count(*) FROM shadowed) < $practice_share * (SELECT count(*) FROM fleet_devices)
            ORDER BY device_id
            """,
            practice_share=self.practice_share,
            approved="rdp" in fleet.profile.approved_tools,
        ):
            names = ", ".join(shown(name) for name in row["names"][:3] if name) or "a computer that is not named"
            yield Hit(
                row["device_id"],
                "company" if row["company"] else "unknown",
                f"a session was watched or steered {many(row['n'], 'time')} on {many(row['days'], 'day')} from {names}"
                + (", one of the company's computers" if row["company"] else ""),
                observed=names,
                expected="no shadowing, or the help desk's",
                telling=(telling(Logon, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
            )
