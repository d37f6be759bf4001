"""Sessions that came in by tools' own logs, and the far ends of help desks among those of tools and remote desktops.

A help desk comes to many devices, to each of them seldom and briefly; whoever works through laptops comes to each of
his own day by day, so however many he has, he is no desk.

* ``tool_sessions``: one row for each ten minutes in which one began:
  ``device_id, tool, slot, ts, day, hours, far_id, far_h, unattended, asked, locked, auths, ids, n, approved, scope,
  country, network`` (the last three of the far end's address).
* ``tool_desks(tool, far, declared)``: far ends of those that are a service's, by their id, where none is told by their
  public address; ``declared``: known by the company's own addresses.
* ``tool_workers(device_id, tool, far, unasked)``: whoever works through a device day by day by a tool that the company
  allows for everybody, while nobody at the device had to agree (``unasked``), or the log does not say so. What is
  allowed is support, which is brief; where many devices are worked through, it is how the company works.
* ``logon_desks(address)``: public addresses from which a service logs on to devices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farmwatch.analysis.fleet.fleet import Fleet

__all__ = ["REMOTE_LOGON_TYPES", "make_logon_desks", "make_tool_desks", "make_tool_sessions", "make_tool_workers"]

REMOTE_LOGON_TYPES = "7, 10, 12"  #: of Windows: unlock, remote, cached remote; 3 is a file share, not a desktop
_DESK_DEVICES = 20  #: a far end that reaches so many devices is run by a service: judged
_DESK_SESSIONS = 4  #: of half of its devices at most, in thirty days: judged
_DESK_HOURS = 3  #: of half of its devices at most: support cases are shorter than a working day: judged
_WORK_HOURS = 8  #: in all: support cases are shorter than a working day: judged
_WORK_DAYS = 4  #: at least, and over a week: support, and an administrator's project, are done by then: judged
_WORK_SPAN = 6  #: from the first to the last of them
_WORK_SHARE = 0.5  #: of the days in between: whoever works there comes every working day: judged
_MANY, _COMMON = 10, 0.02  #: devices, and of all devices: from there on it is a habit: judged
_DESK_DAYS = 2  #: with logons, of half of its devices at most; how long they lasted is not told: judged


def make_tool_sessions(fleet: Fleet) -> None:
    """Make ``tool_sessions``.

    Lines of one session's beginning lie within minutes, so those of ten minutes are one session; where the log does not
    say when it ended, the next end before the next beginning does. A session the log says nothing about, begun while
    the screen was locked, had nobody at the device to agree.
    """
    fleet.make(
        "tool_sessions",
        """
        WITH told AS (
            SELECT l.device_id, l.tool, time_bucket(INTERVAL 10 MINUTE, l.ts) AS slot,
                   min(l.ts) FILTER (l.event IN ('accepted', 'session')) AS ts, max(l.ended) AS ended,
                   max(l.far_id) AS far_id, max(l.far_h) AS far_h, bool_or(l.unattended) AS unattended,
                   bool_or(l.auth = 'user' OR NOT l.unattended) AS asked, list(DISTINCT l.auth) AS auths,
                   coalesce(min(l.record_id, 20), []) AS ids, count(*) AS n
            FROM remote_tool_log_30d AS l WHERE l.direction = 'incoming' GROUP BY l.device_id, l.tool, slot
            HAVING (bool_or(l.event = 'accepted') OR bool_or(l.event = 'session') AND NOT bool_or(l.event = 'rejected'))
            AND NOT coalesce(bool_and(lower(l.mode) NOT LIKE 'remote%') FILTER (l.mode IS NOT NULL), false)
        ), ends AS (
            SELECT device_id, tool, ts FROM remote_tool_log_30d
            WHERE event = 'ended' AND direction IS DISTINCT FROM 'outgoing'
        ), locks AS (
            SELECT device_id, ts, bool_and(event = 'locked') AS locked FROM power_30d SEMI JOIN told USING (device_id)
            WHERE event IN ('locked', 'unlocked', 'boot') GROUP BY device_id, ts
        ), timed AS (
            SELECT t.* EXCLUDE (ended, following),
                   coalesce(t.ended, CASE WHEN t.following < e.ts THEN NULL ELSE e.ts END) AS until,
                   CASE WHEN until IS NOT NULL  -- least and greatest pass over what is not known
                        THEN least(greatest(epoch(until) - epoch(t.ts), 0), 86400) / 3600 END AS hours
            FROM (SELECT *, lead(ts) OVER (PARTITION BY device_id, tool ORDER BY ts) AS following FROM told) AS t
            ASOF LEFT JOIN ends AS e ON e.device_id = t.device_id AND e.tool = t.tool AND e.ts >= t.ts
        )
        SELECT t.* EXCLUDE (until), p.scope, p.country, p.network, CAST(t.ts AS DATE) AS day,
               list_contains($approved::VARCHAR[], t.tool)
               OR coalesce(list_contains(o.approved_tools, t.tool), false) AS approved,
               coalesce(k.locked AND t.asked IS NULL AND t.unattended IS NULL, false) AS locked
        FROM timed AS t
        ASOF LEFT JOIN locks AS k ON k.device_id = t.device_id AND k.ts <= t.ts - INTERVAL 1 MINUTE
        LEFT JOIN places AS p ON p.address = t.far_h LEFT JOIN owners AS o ON o.device_id = t.device_id
        """,
        approved=sorted(fleet.profile.approved_tools),
    )


def make_tool_desks(fleet: Fleet) -> None:
    """Make ``tool_desks``."""
    fleet.make(
        "tool_desks",
        f"""
        WITH office AS (
            SELECT tool, far_id AS far FROM tool_sessions WHERE far_id IS NOT NULL AND scope IS NOT NULL
            GROUP BY tool, far_id HAVING bool_and(scope = 'own')
        ), shared AS (
            SELECT tool, far FROM (
                SELECT device_id, tool, coalesce(far_id, far_h) AS far, count(*) AS n, coalesce(sum(hours), 0) AS hours
                FROM tool_sessions WHERE far_id IS NOT NULL OR scope = 'public' GROUP BY ALL
            ) GROUP BY tool, far
            HAVING count(*) >= {_DESK_DEVICES} AND median(n) <= {_DESK_SESSIONS} AND median(hours) <= {_DESK_HOURS}
        )
        SELECT tool, far, true AS declared FROM office
        UNION ALL SELECT tool, far, false FROM shared ANTI JOIN office USING (tool, far)
        """,
    )


def make_tool_workers(fleet: Fleet) -> None:
    """Make ``tool_workers``."""
    fleet.make(
        "tool_workers",
        f"""
        SELECT device_id, tool, far, 2 * count(*) FILTER (unattended OR locked) >= count(*) AS unasked FROM (
            SELECT device_id, tool, day, hours, unattended, locked, coalesce(far_id, far_h) AS far FROM tool_sessions
            WHERE approved AND NOT coalesce(asked, false) AND NOT coalesce(scope IN ('own', 'local'), false)
        ) ANTI JOIN tool_desks USING (tool, far) ANTI JOIN personal_tools USING (device_id, tool)
        WHERE far IS NOT NULL GROUP BY device_id, tool, far
        HAVING sum(hours) >= {_WORK_HOURS} AND count(DISTINCT day) >= {_WORK_DAYS}
               AND max(day) - min(day) >= {_WORK_SPAN}
               AND count(DISTINCT day) >= {_WORK_SHARE} * (max(day) - min(day) + 1)
        QUALIFY count(*) OVER (PARTITION BY tool)
                < greatest({_MANY}, {_COMMON} * (SELECT count(*) FROM fleet_devices))
        """,
    )


def make_logon_desks(fleet: Fleet) -> None:
    """Make ``logon_desks``."""
    fleet.make(
        "logon_desks",
        f"""
        SELECT address FROM (
            SELECT device_id, remote_h AS address, count(DISTINCT CAST(ts AS DATE)) AS days FROM logons_30d
            WHERE event IN ('logon', 'reconnect', 'present') AND remote_h IS NOT NULL
                  AND (logon_type IS NULL OR logon_type IN ({REMOTE_LOGON_TYPES})) GROUP BY device_id, remote_h
        ) JOIN places USING (address) WHERE places.scope = 'public'
        GROUP BY address HAVING count(*) >= {_DESK_DEVICES} AND median(days) <= {_DESK_DAYS}
        """,
    )
