"""A remote-control tool's own log says who came in, how often and whether anybody had to agree (E10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many, shown
from farmwatch.records import Claim, Family, Record, RemoteToolLog

__all__ = ["RemoteToolSessions"]

_JUDGED = "judged from grade A of E10 (docs/evidence.md), the best single piece of evidence"
_MOST_NAMED = 3
_SESSIONS = """
WITH told AS (
    SELECT l.device_id, l.tool, time_bucket(INTERVAL 10 MINUTE, l.ts) AS slot,
           min(l.ts) FILTER (l.event IN ('accepted', 'session')) AS ts, max(l.ended) AS ended, max(l.far_id) AS far_id,
           max(l.far_h) AS far_h, bool_or(l.unattended) AS unattended,
           bool_or(l.auth = 'user' OR NOT l.unattended) AS asked, list(DISTINCT l.auth) AS auths,
           coalesce(min(l.record_id, 20), []) AS ids, count(*) AS n
    FROM remote_tool_log_30d AS l WHERE l.direction = 'incoming' GROUP BY l.device_id, l.tool, slot
    HAVING (bool_or(l.event = 'accepted') OR bool_or(l.event = 'session') AND NOT bool_or(l.event = 'rejected'))
    AND NOT coalesce(bool_and(lower(l.mode) NOT LIKE 'remote%') FILTER (l.mode IS NOT NULL), false)
), ends AS (
    SELECT device_id, tool, ts FROM remote_tool_log_30d WHERE event = 'ended'
), locks AS (
    SELECT device_id, ts, bool_and(event = 'locked') AS locked FROM power_30d SEMI JOIN told USING (device_id)
    WHERE event IN ('locked', 'unlocked', 'boot') GROUP BY device_id, ts
), timed AS (
    SELECT t.* EXCLUDE (ended),
           CASE WHEN coalesce(t.ended, e.ts) IS NOT NULL  -- least and greatest pass over what is not known
                THEN least(greatest(epoch(coalesce(t.ended, e.ts)) - epoch(t.ts), 0), 86400) / 3600 END AS hours
    FROM told AS t ASOF LEFT JOIN ends AS e ON e.device_id = t.device_id AND e.tool = t.tool AND e.ts >= t.ts
)
SELECT t.*, p.scope, p.country, p.network, CAST(t.ts AS DATE) AS day,
       coalesce(k.locked AND t.asked IS NULL AND t.unattended IS NULL, false) AS locked
FROM timed AS t ASOF LEFT JOIN locks AS k ON k.device_id = t.device_id AND k.ts <= t.ts - INTERVAL 1 MINUTE
LEFT JOIN places AS p ON p.address = t.far_h LEFT JOIN owners AS o ON o.device_id = t.device_id
WHERE t.tool NOT IN (SELECT unnest($approved::VARCHAR[]))
AND NOT coalesce(list_contains(string_split(replace(lower(o.approved_tools), ' ', ''), ','), t.tool), false)
"""
"""Sessions that came in. Lines of one session's beginning lie within minutes, so those of ten minutes are one session;
where the log does not say when it ended, the next end it tells of does. A session the log says nothing about, begun
while the screen was locked, had nobody at the device to agree."""

_DESKS = """
WITH office AS (
    SELECT tool, far_id FROM tool_sessions WHERE far_id IS NOT NULL AND scope IS NOT NULL GROUP BY tool, far_id
    HAVING bool_and(scope = 'own')
), shared AS (
    SELECT tool, far_id FROM (
        SELECT device_id, tool, far_id, count(*) AS n, coalesce(sum(hours), 0) AS hours FROM tool_sessions
        WHERE far_id IS NOT NULL GROUP BY device_id, tool, far_id
    ) GROUP BY tool, far_id HAVING count(*) >= $desk_devices AND median(n) <= 4 AND median(hours) <= 3
)
SELECT tool, far_id, true AS declared FROM office
UNION ALL SELECT tool, far_id, false FROM shared ANTI JOIN office USING (tool, far_id)
"""
"""Far ends of help desks: known by the company's own addresses, or by many devices with few and short sessions each."""


@dataclass(frozen=True, slots=True)
class RemoteToolSessions(FleetDetector):
    """Reads sessions out of tools' own logs: with a password or token nobody at the device had to agree.

    Sessions out of this device are a help desk's side and are not told, nor are those from the company's addresses.
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
        "desk": Grade(Claim.DRIVEN, 2.0, "judged: a far end with few, short sessions on many devices is a help desk"),
        "country": Grade(
            Claim.ABROAD, 15.0, "judged: the far end's address lies in another country than the device", group="far end"
        ),
        "country_by_network": Grade(
            Claim.ABROAD, 6.0, "judged: the same, by a VPN's or a data centre's address, which may be anywhere",
            group="far end",
        ),
    }  # fmt: skip
    when_clear: ClassVar[str] = "its logs tell of no session that came in, or of the company's own only"
    check: ClassVar[str] = "match the sessions to support tickets; ask the vendor who owns the far end's number"
    long_hours: float = param(8.0, "A working day in all; support cases are shorter.", low=1, high=100)
    long_days: float = param(3.0, "On so many days: support cases end.", low=2, high=20)
    locked_sessions: float = param(2.0, "Once, somebody may come back to the desk at that moment.", low=1, high=20)
    desk_devices: float = param(20.0, "A far end that reaches so many devices is run by a service.", low=5, high=1000)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """For each device and tool one hit about who came in, and one where the far end lies in another country."""
        fleet.make("tool_sessions", _SESSIONS, approved=sorted(fleet.profile.approved_tools))
        fleet.make("tool_desks", _DESKS, desk_devices=self.desk_devices)
        for row in fleet.rows(
            """
            WITH outside AS (
                SELECT s.*, d.far_id IS NOT NULL AS desk FROM tool_sessions AS s
                LEFT JOIN tool_desks AS d ON d.tool = s.tool AND d.far_id = s.far_id
                WHERE NOT coalesce(s.scope = 'own', false) AND NOT coalesce(d.declared, false)
                QUALIFY d.far_id IS NULL OR bool_and(d.far_id IS NOT NULL) OVER (PARTITION BY s.device_id, s.tool)
            )
            SELECT device_id, tool, count(*) AS n, sum(n)::BIGINT AS rows, count(DISTINCT day) AS days,
                   sum(hours) AS hours, min(ts) AS first, max(ts) AS last, count(*) FILTER (unattended) AS unattended,
                   count(*) FILTER (locked) AS locked,
                   bool_and(desk) AS desk, bool_and(scope = 'local') AS near, bool_or(asked) AS asked,
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
            f"the log of {_title(fleet, row['tool'])} tells of {many(row['n'], 'session')} that came in{how}, "
            f"on {many(row['days'], 'day')}"
            + (f", {hours:.1f} hours in all" if hours is not None else "")
            + (f", from {named}" if ends else ""),
            observed="let in by " + (", ".join(one for one in row["auths"] if one) or "what the log does not say"),
            expected="no session in, or a help desk's that somebody agreed to",
            telling=(telling(RemoteToolLog, row["first"], row["last"], count=row["rows"], record_ids=row["ids"]),),
        )

    def _grade(self, row: Mapping[str, Any]) -> str:
        if row["desk"]:
            return "desk"
        if row["near"]:
            return "near"
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
        """
        SELECT s.device_id, s.tool, count(*) AS n, count(DISTINCT s.day) AS days, min(s.ts) AS first, max(s.ts) AS last,
               sum(s.n)::BIGINT AS rows, list(DISTINCT s.country ORDER BY s.country) AS countries,
               bool_and(s.network IS NOT NULL) AS by_network, any_value(o.place_country) AS declared,
               list_sort(flatten(list(s.ids)))[:20] AS ids
        FROM tool_sessions AS s JOIN owners AS o USING (device_id)
        ANTI JOIN tool_desks AS d ON d.tool = s.tool AND d.far_id = s.far_id
        WHERE s.scope = 'public' AND upper(s.country) <> upper(o.place_country) AND NOT EXISTS (
            SELECT 1 FROM travels AS t WHERE t.device_id = s.device_id AND s.day BETWEEN t.first AND t.last
        ) GROUP BY s.device_id, s.tool ORDER BY s.device_id, s.tool
        """
    ):
        yield Hit(
            row["device_id"],
            "country_by_network" if row["by_network"] else "country",
            f"{many(row['n'], 'session')} of {_title(fleet, row['tool'])} came from addresses in "
            f"{', '.join(row['countries'])} "
            f"on {many(row['days'], 'day')}; the device belongs in {row['declared']}",
            observed=f"far ends in {', '.join(row['countries'])}",
            expected=f"far ends in {row['declared']}, or the company's own",
            telling=(telling(RemoteToolLog, row["first"], row["last"], count=row["rows"], record_ids=row["ids"]),),
        )


def _title(fleet: Fleet, tool: str) -> str:
    entry = fleet.knowledge.find(tool)
    return entry.name if entry is not None else shown(tool)
