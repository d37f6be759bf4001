"""A remote-control tool's own log says who came in, how often and whether anybody had to agree (E10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many, shown, tool_name
from farmwatch.analysis.fleet.visits import countries_said, travelling_sql
from farmwatch.knowledge.countries import country_name
from farmwatch.records import Claim, Family, Record, RemoteToolLog

__all__ = ["RemoteToolSessions"]

_JUDGED = "judged from grade A of E10 (docs/evidence.md), the best single piece of evidence"
_MOST_NAMED = 3
_WORKS = """EXISTS (FROM tool_workers AS w
    WHERE w.device_id = s.device_id AND w.tool = s.tool AND w.far = coalesce(s.far_id, s.far_h))"""


@dataclass(frozen=True, slots=True)
class RemoteToolSessions(FleetDetector):
    """Reads sessions out of tools' own logs: with a password or token nobody at the device had to agree.

    Sessions out of this device are a help desk's side and are not told, nor are those from the company's addresses. A
    tool that the company allows for everybody is there for support: one far end that works through it day by day, with
    nobody asked as far as its log says, is told.
    """

    id: ClassVar[str] = "remote.tool_log"
    title: ClassVar[str] = "does a remote-control tool's own log tell of somebody who came in?"
    topic: ClassVar[str] = "remote-control tools' own logs"
    signals: ClassVar[tuple[str, ...]] = ("E10",)
    family: ClassVar[Family] = Family.NAMES
    needs: ClassVar[tuple[type[Record], ...]] = (RemoteToolLog,)
    benign: ClassVar[tuple[str, ...]] = (
        "a help desk's session (match it to a ticket)",
        "the person reaching the device from a second computer",
        "a vendor's support with unattended access",
    )
    group: ClassVar[str] = "remote session"
    grades: ClassVar[Mapping[str, Grade]] = {
        "unattended": Grade(
            Claim.DRIVEN, 24.0, f"{_JUDGED}: it states that nobody at the device had to agree", conclusive=True,
            for_review=True,
        ),
        "locked": Grade(
            Claim.DRIVEN, 18.0, f"{_JUDGED}; it does not say who let it in, but the screen was locked, several times"
        ),
        "unstated_long": Grade(Claim.DRIVEN, 18.0, f"{_JUDGED}; it does not say who let it in, hours on several days"),
        "consented_long": Grade(Claim.DRIVEN, 14.0, f"{_JUDGED}; let in each time, hours on several days"),
        "unstated": Grade(Claim.DRIVEN, 12.0, f"{_JUDGED}; it does not say who let it in"),
        "near": Grade(Claim.DRIVEN, 10.0, f"{_JUDGED}; from the same local network: a colleague or a second computer"),
        "consented": Grade(Claim.DRIVEN, 6.0, f"{_JUDGED}; somebody at the device agreed, as in support"),
        "allowed_long": Grade(
            Claim.DRIVEN, 14.0, "judged: most days of a week from one far end that is no help desk, nobody asked; "
            "the tool is allowed, and people reach their own laptops as well",
        ),
        "allowed_unstated": Grade(
            Claim.DRIVEN, 8.0, "judged: the same, but the log does not say whether somebody at the device agreed",
        ),
        "desk": Grade(Claim.DRIVEN, 2.0, "judged: a far end with few, short sessions on many devices is a help desk"),
        "country": Grade(
            Claim.ABROAD, 15.0, "judged: the far end's address lies in another country than the device", group="far end"
        ),
        "country_by_network": Grade(
            Claim.ABROAD, 6.0, "judged: the same, by a VPN's or a data centre's address, which may be anywhere",
            group="far end",
        ),
    }  # fmt: skip
    when_clear: ClassVar[str] = "its logs tell of no session that came in, or of the company's own and support only"
    check: ClassVar[str] = "match the sessions to support tickets; ask the vendor who owns the far end's number"
    long_hours: float = param(8.0, "A working day in all; support cases are shorter.", low=1, high=100)
    long_days: float = param(3.0, "On so many days: support cases end.", low=2, high=20)
    locked_sessions: float = param(2.0, "Once, somebody may come back to the desk at that moment.", low=1, high=20)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """For each device and tool one hit about who came in, and one where the far end lies in another country."""
        for row in fleet.rows(
            """
            WITH outside AS (
                SELECT s.*, d.far IS NOT NULL AS desk, w.unasked FROM tool_sessions AS s
                LEFT JOIN tool_workers AS w
                ON w.device_id = s.device_id AND w.tool = s.tool AND w.far = coalesce(s.far_id, s.far_h)
                LEFT JOIN tool_desks AS d ON d.tool = s.tool AND d.far = coalesce(s.far_id, s.far_h)
                WHERE NOT coalesce(s.scope = 'own', false) AND NOT coalesce(d.declared, false)
                      AND (NOT s.approved OR w.far IS NOT NULL)
                QUALIFY d.far IS NULL OR bool_and(d.far IS NOT NULL) OVER (PARTITION BY s.device_id, s.tool)
            )
            SELECT device_id, tool, count(*) AS n, sum(n)::BIGINT AS rows, count(DISTINCT day) AS days,
                   sum(hours) AS hours, min(ts) AS first, max(ts) AS last, count(*) FILTER (unattended) AS unattended,
                   count(*) FILTER (locked) AS locked,
                   bool_or(approved) AS allowed, bool_or(unasked) AS unasked, bool_and(desk) AS desk,
                   bool_and(scope = 'local') AS near, bool_or(asked) AS asked,
                   list(DISTINCT coalesce(far_id, far_h) ORDER BY coalesce(far_id, far_h)) AS ends,
                   list_sort(list_distinct(flatten(list(auths)))) AS auths, list_sort(flatten(list(ids)))[:20] AS ids
            FROM outside GROUP BY device_id, tool ORDER BY device_id, tool
            """
        ):
            yield self._came_in(fleet, row)
        yield from _abroad(fleet)

    def _came_in(self, fleet: Fleet, row: Mapping[str, Any]) -> Hit:
        hours = row["hours"]
        ends = [shown(one) for one in row["ends"] if one is not None]
        named = ", ".join(ends[:_MOST_NAMED]) + (
            f" and {len(ends) - _MOST_NAMED} more" if len(ends) > _MOST_NAMED else ""
        )
        how = f", {row['unattended']} of them without anybody at the device agreeing" if row["unattended"] else ""
        how += f", {row['locked']} of them while its screen was locked" if row["locked"] else ""
        return Hit(
            row["device_id"],
            self._grade(row),
            f"the log of {tool_name(fleet, row['tool'])} tells of {many(row['n'], 'session')} that came in{how}, "
            f"on {many(row['days'], 'day')}"
            + (f", {hours:.1f} hours in all" if hours is not None else "")
            + (f", from {named}" if ends else "")
            + ("; the tool is allowed, as support is" if row["allowed"] else ""),
            observed="let in by " + (", ".join(one for one in row["auths"] if one) or "what the log does not say"),
            expected="no session in, or a help desk's that somebody agreed to",
            telling=(telling(RemoteToolLog, row["first"], row["last"], count=row["rows"], record_ids=row["ids"]),),
        )

    def _grade(self, row: Mapping[str, Any]) -> str:
        if row["desk"]:
            return "desk"
        if row["near"]:
            return "near"
        if row["allowed"]:
            return "allowed_long" if row["unasked"] else "allowed_unstated"
        if row["unattended"]:
            return "unattended"
        if row["locked"] >= self.locked_sessions:
            return "locked"
        long = (row["hours"] or 0) >= self.long_hours and row["days"] >= self.long_days
        return ("consented" if row["asked"] else "unstated") + ("_long" if long else "")


def _abroad(fleet: Fleet) -> Iterable[Hit]:
    """Far ends whose address lies in another country than the device's declared place; not while it travels.

    Help desks are left out.
    """
    for row in fleet.rows(
        f"""
        SELECT s.device_id, s.tool, count(*) AS n, count(DISTINCT s.day) AS days, min(s.ts) AS first, max(s.ts) AS last,
               sum(s.n)::BIGINT AS rows, list(DISTINCT s.country ORDER BY s.country) AS countries,
               bool_and(s.network IS NOT NULL) AS by_network, any_value(o.place_country) AS declared,
               list_sort(flatten(list(s.ids)))[:20] AS ids
        FROM tool_sessions AS s JOIN owners AS o USING (device_id)
        ANTI JOIN tool_desks AS d ON d.tool = s.tool AND d.far = coalesce(s.far_id, s.far_h)
        WHERE s.scope = 'public' AND upper(s.country) <> upper(o.place_country)
          AND NOT {travelling_sql("s.device_id", "s.day")} AND (NOT s.approved OR {_WORKS})
        GROUP BY s.device_id, s.tool ORDER BY s.device_id, s.tool
        """
    ):
        yield Hit(
            row["device_id"],
            "country_by_network" if row["by_network"] else "country",
            f"{many(row['n'], 'session')} of {tool_name(fleet, row['tool'])} came from addresses in "
            f"{countries_said(row['countries'])} "
            f"on {many(row['days'], 'day')}; the device belongs in {country_name(row['declared'])}",
            observed=f"far ends in {countries_said(row['countries'])}",
            expected=f"far ends in {country_name(row['declared'])}, or the company's own",
            telling=(telling(RemoteToolLog, row["first"], row["last"], count=row["rows"], record_ids=row["ids"]),),
        )
