"""A meeting client is opened by a link that no browser or mail program gave, at the same minute every day (E8).

The desktop's own programs open what is typed into the Run box, and also every link in a notification; the scheduler of
Windows shares a program with both. So a start by one of them counts for little unless it comes to the second, or when
nobody was at the device, and for nothing where much of the fleet has such starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many, shown
from farmwatch.records import Claim, Family, Process, Record

__all__ = ["MeetingByLink"]

_JUDGED = "judged from grade B of E8 (docs/evidence.md)"
_SCHEMES = (
    "(zoommtg|zoomus|zoompublic|msteams|ms-teams|webex|webexteams|wbx|gotomeeting|gotowebinar|bluejeans|ringcentral):"
)
_DESKTOPS = ("explorer.exe", "svchost.exe", "launchd", "systemd")
"""Parents of what is typed into the Run box, and of notifications' links as well; some also run schedules."""
_SCHEDULERS = ("taskeng.exe", "taskhostw.exe", "cron", "anacron", "at")
_SCRIPTS = (
    "powershell.exe", "pwsh.exe", "pwsh", "cmd.exe", "wscript.exe", "cscript.exe", "mshta.exe", "rundll32.exe",
    "python.exe", "pythonw.exe", "python", "python3", "autohotkey.exe", "autohotkey64.exe", "autoit3.exe",
    "pad.robot.exe", "pad.console.host.exe", "bash", "sh", "zsh", "osascript", "xdotool", "ydotool", "perl", "node.exe",
)  # fmt: skip
_LAUNCHES = f"""
SELECT device_id, ts, name, parent_name, record_id, CAST(ts AS DATE) AS day,
       CAST(date_part('hour', ts) * 60 + date_part('minute', ts) AS BIGINT) AS minute,
       date_part('second', ts) + 60 * date_part('minute', ts) + 3600 * date_part('hour', ts) AS second,
       name IN (SELECT unnest($scripts::VARCHAR[])) OR parent_name IN (SELECT unnest($scripts::VARCHAR[])) AS scripted,
       parent_name IN (SELECT unnest($desktops::VARCHAR[])) AS desktop
FROM processes WHERE event = 'started' AND regexp_matches(arguments, '(^| ){_SCHEMES}')
AND (parent_name IN (SELECT unnest($scripts::VARCHAR[])) OR parent_name IN (SELECT unnest($desktops::VARCHAR[]))
     OR parent_name IN (SELECT unnest($schedulers::VARCHAR[])))
"""
_EXACT_S = 5  #: within which a schedule starts what it starts, day by day; a hand never does
_MANY = 10  #: devices from which on a way of opening links may be everybody's


@dataclass(frozen=True, slots=True)
class MeetingByLink(FleetDetector):
    """Finds starts by link from the Run box, a script or a schedule; browsers and mail programs start them otherwise.

    The minute is that of the day in UTC, with one minute to either side, and must return on several days. Whether
    anybody was at the device is told by its input in the ten minutes before.
    """

    id: ClassVar[str] = "meeting.opened_by_link"
    title: ClassVar[str] = "is a meeting opened by a typed or scripted link at the same minute every day?"
    topic: ClassVar[str] = "meetings opened by link"
    signals: ClassVar[tuple[str, ...]] = ("E8",)
    family: ClassVar[Family] = Family.TIMING
    needs: ClassVar[tuple[type[Record], ...]] = (Process,)
    benign: ClassVar[tuple[str, ...]] = (
        "the person's own automation of a daily meeting",
        "a reminder's link or a shortcut on the desktop, used on the hour",
        "a meeting-room computer",
    )
    group: ClassVar[str] = "meeting launch"
    grades: ClassVar[Mapping[str, Grade]] = {
        "idle": Grade(Claim.DRIVEN, 12.0, f"{_JUDGED}: same minute on several days and nobody at the device before"),
        "daily": Grade(Claim.DRIVEN, 9.0, f"{_JUDGED}: same minute on several days; input before it is not known"),
        "attended": Grade(Claim.DRIVEN, 3.0, f"{_JUDGED}, lowered: somebody used the device right before"),
        "desktop_idle": Grade(
            Claim.DRIVEN, 6.0, f"{_JUDGED}, lowered: opened from the desktop as notifications are, yet nobody was there"
        ),
        "desktop": Grade(
            Claim.DRIVEN, 2.0, f"{_JUDGED}, lowered: opened from the desktop, as a link in a daily reminder is"
        ),
        "scripted": Grade(Claim.DRIVEN, 4.0, f"{_JUDGED}, lowered: by a script, at no fixed time"),
    }
    when_clear: ClassVar[str] = (
        "meetings are opened from browsers, mail, notifications or the client itself, or at no fixed time"
    )
    check: ClassVar[str] = (
        "look for scheduled tasks and scripts; ask the meeting service who the other participants were"
    )
    practice_share: float = param(
        0.02, "Share of the fleet, and ten devices, with starts from the desktop: notifications', not a farm's.",
        low=0.001, high=1,
    )  # fmt: skip
    least_days: float = param(3.0, "Two days at one minute are chance.", low=2, high=20)
    idle_min: float = param(10.0, "Who opens a meeting has used the device shortly before.", low=2, high=60)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """One hit a device."""
        fleet.make(
            "meeting_launches",
            _LAUNCHES,
            scripts=list(_SCRIPTS),
            desktops=list(_DESKTOPS),
            schedulers=list(_SCHEDULERS),
        )
        for row in fleet.rows(
            f"""
            WITH near AS (
                SELECT device_id, day, minute AS started, minute + unnest([-1, 0, 1]) AS minute FROM meeting_launches
            ), fixed AS (
                SELECT device_id, minute, count(DISTINCT day) AS days FROM near GROUP BY device_id, minute
                HAVING count(DISTINCT day) >= $least_days
                QUALIFY row_number() OVER (
                    PARTITION BY device_id
                    ORDER BY days DESC, count(DISTINCT day) FILTER (started = minute) DESC,
                             least((minute + 15) % 15, 15 - (minute + 15) % 15), minute
                ) = 1 -- the commonest minute; of several the one next to a quarter of an hour, when meetings begin
            ), at_it AS (
                SELECT l.*, f.minute AS fixed, f.days FROM meeting_launches AS l JOIN fixed AS f USING (device_id)
                WHERE abs(l.minute - f.minute) <= 1
            ), used AS (
                SELECT a.device_id, a.ts, count(*) FILTER (
                           i.ts <= a.ts - INTERVAL 5 SECOND
                           AND i.ts + to_milliseconds(CAST(1000 * greatest(least(i.window_s, 86400), 0) AS BIGINT))
                               >= a.ts - to_seconds(60 * $idle_min)
                           AND i.input_device <> 'injected'
                           AND greatest(i.presses, i.clicks, i.moves) > 0
                       ) > 0 AS used
                FROM at_it AS a JOIN input_timing AS i ON i.device_id = a.device_id
                     AND CAST(i.ts AS DATE) BETWEEN a.day - 1 AND a.day -- the minutes before midnight
                GROUP BY a.device_id, a.ts
            ), daily AS (
                SELECT a.device_id, any_value(a.fixed) AS minute, any_value(a.days) AS days, count(*) AS n,
                       min(a.ts) AS first, max(a.ts) AS last, list(DISTINCT a.name ORDER BY a.name)[:3] AS names,
                       list(DISTINCT a.parent_name ORDER BY a.parent_name)[:3] AS parents,
                       coalesce(min(a.record_id, 20), []) AS ids,
                       CASE WHEN count(u.used) = 0 THEN NULL ELSE count(*) FILTER (u.used) * 2 >= count(u.used) END
                           AS attended,
                       bool_or(NOT a.desktop) OR max(a.second) - min(a.second) <= {_EXACT_S} AS firm
                FROM at_it AS a LEFT JOIN used AS u ON u.device_id = a.device_id AND u.ts = a.ts
                GROUP BY a.device_id
            ), graded AS (
                SELECT * EXCLUDE (attended, firm),
                       CASE WHEN firm THEN CASE attended WHEN true THEN 'attended' WHEN false THEN 'idle'
                                           ELSE 'daily' END
                            WHEN attended IS NULL THEN 'desktop' WHEN NOT attended THEN 'desktop_idle' END AS grade
                FROM daily
                UNION ALL
                SELECT device_id, NULL, count(DISTINCT day), count(*), min(ts), max(ts),
                       list(DISTINCT name ORDER BY name)[:3], list(DISTINCT parent_name ORDER BY parent_name)[:3],
                       coalesce(min(record_id, 20), []), 'scripted'
                FROM meeting_launches ANTI JOIN fixed USING (device_id) WHERE scripted GROUP BY device_id
                HAVING count(DISTINCT day) >= $least_days
            ), practice AS (
                SELECT 'desktop' AS grade, count(DISTINCT device_id) AS devices FROM meeting_launches WHERE desktop
                UNION ALL SELECT grade, count(*) FROM graded WHERE grade = 'desktop_idle' GROUP BY grade
            )
            SELECT * FROM graded WHERE grade IS NOT NULL AND grade NOT IN (
                SELECT grade FROM practice
                WHERE devices >= {_MANY} AND devices >= $practice_share * (SELECT count(*) FROM fleet_devices)
            )
            ORDER BY device_id
            """,
            least_days=self.least_days,
            idle_min=self.idle_min,
            practice_share=self.practice_share,
        ):
            when = (
                f"at {row['minute'] // 60 % 24:02d}:{row['minute'] % 60:02d} UTC, give or take a minute, "
                if row["minute"] is not None
                else ""
            )
            nobody = ", nobody at the device before"
            input_before = {
                "idle": nobody, "desktop_idle": nobody, "attended": ", somebody at the device before",
            }  # fmt: skip
            yield Hit(
                row["device_id"],
                row["grade"],
                f"a link opened a meeting {when}on {many(row['days'], 'day')}, started by "
                + ", ".join(shown(one) for one in row["parents"] if one)
                + input_before.get(row["grade"], ""),
                observed=f"{', '.join(shown(one) for one in row['names'])}: {many(row['n'], 'start')}",
                expected="started by a browser, a mail program or the client, when meetings are",
                telling=(telling(Process, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices whose programs are only listed now and then: what runs shows no start and no moment."""
        rows = fleet.arrow(
            "SELECT p.device_id FROM presence AS p ANTI JOIN (SELECT DISTINCT device_id FROM processes "
            "WHERE event = 'started') AS s USING (device_id) WHERE p.name = 'processes' ORDER BY p.device_id"
        )
        return dict.fromkeys(rows.column(0).to_pylist(), "programs are listed, their starts are not reported")
