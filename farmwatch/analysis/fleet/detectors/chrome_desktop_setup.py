"""Chrome Remote Desktop was set up so that nobody needs to be at the device (E9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import COMMON, many, shown, tool_tellings, without_tool_tables
from farmwatch.records import Claim, Family, Process, Record

__all__ = ["ChromeDesktopSetup"]

_TOOL = "chrome-remote-desktop"
_JUDGED = "judged from grade A of E9 (docs/evidence.md)"
_SILENT = ("/q", "/qn", "/qb", "/quiet", "/passive")  #: options of msiexec for installing without questions
_PIN = """
(list_has_any(string_split(lower(arguments), ' '), ['--pin', '-pin'])
 OR ends_with(name, '.exe') AND list_contains(string_split(lower(arguments), ' '), '/pin'))
"""
_APPROVED = """
(SELECT device_id FROM owners WHERE list_contains(approved_tools, $tool)
 UNION SELECT device_id FROM fleet_devices WHERE $approved)
"""


@dataclass(frozen=True, slots=True)
class ChromeDesktopSetup(FleetDetector):
    """Finds the set-up program run with a PIN or a code in its options, a silent installation, and the host's service.

    Of command lines only option names are kept, so which PIN it was is never known. On Windows a switch begins with
    ``--``, ``-`` or ``/`` in any case of letters, elsewhere with ``--`` or ``-`` (Chromium, base/command_line.cc).
    Support sessions run another program (``remote_assistance_host``) and leave no service.
    """

    id: ClassVar[str] = "remote.chrome_desktop_setup"
    title: ClassVar[str] = "was Chrome Remote Desktop set up for use with nobody there?"
    topic: ClassVar[str] = "unattended set-up of Chrome Remote Desktop"
    signals: ClassVar[tuple[str, ...]] = ("E9",)
    family: ClassVar[Family] = Family.NAMES
    needs: ClassVar[tuple[type[Record], ...]] = ()
    benign: ClassVar[tuple[str, ...]] = (
        "IT deploys it to many devices",
        "the person's own access from a second computer",
    )
    group: ClassVar[str] = "remote session"
    grades: ClassVar[Mapping[str, Grade]] = {
        "pin": Grade(
            Claim.DRIVEN, 22.0, f"{_JUDGED}: a fixed PIN given on the command line, as in the cases", for_review=True
        ),
        "scripted": Grade(Claim.DRIVEN, 15.0, f"{_JUDGED}; set up from a command line, no PIN among the options"),
        "silent": Grade(Claim.DRIVEN, 12.0, f"{_JUDGED}; installed without questions, as IT also does"),
        "host": Grade(Claim.DRIVEN, 8.0, f"{_JUDGED}, lowered: the host's service is there, how it came is not known"),
    }
    when_clear: ClassVar[str] = "no set-up of Chrome Remote Desktop for use with nobody there, or an approved one"
    check: ClassVar[str] = "ask which Google account the host belongs to; the device's administrator can see it"
    near_min: float = param(30.0, "Between the silent installer and the first sign of the host.", low=1, high=240)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """One hit a device, of the strongest grade."""
        bound = {"tool": _TOOL, "approved": _TOOL in fleet.profile.approved_tools}
        started: set[str] = set()
        for row in fleet.rows(
            f"""
            SELECT device_id, bool_or({_PIN}) AS pin,
                   min(ts) AS first, max(ts) AS last, count(*) AS n, coalesce(min(record_id, 20), []) AS ids,
                   min(name) AS name, list(DISTINCT parent_name ORDER BY parent_name)[:3] AS parents
            FROM processes_30d ANTI JOIN {_APPROVED} USING (device_id)
            WHERE event <> 'stopped' AND (starts_with(name, 'remoting_start_host')
            OR name = 'start-host' AND path LIKE '%/chrome-remote-desktop/%') AND arguments IS NOT NULL
            GROUP BY device_id
            QUALIFY count(*) OVER () < 10 OR count(*) OVER () < 0.1 * (SELECT count(*) FROM fleet_devices)
            ORDER BY device_id
            """,
            **bound,
        ):
            started.add(row["device_id"])
            parents = ", ".join(shown(one) for one in row["parents"] if one)
            yield Hit(
                row["device_id"],
                "pin" if row["pin"] else "scripted",
                "Chrome Remote Desktop was set up from a command line"
                + (" with a PIN among its options" if row["pin"] else "")
                + (f", started by {parents}" if parents else ""),
                observed=f"{row['name']}, {many(row['n'], 'time')}",
                expected="set-up in the browser by the person, or none",
                telling=(telling(Process, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
            )
        silent = ", ".join(f"'{option}'" for option in _SILENT)
        for row in fleet.rows(
            f"""
            WITH hosts AS (
                SELECT device_id, min(coalesce(installed, first)) AS came,
                       list({{'via': via, 'first': first, 'last': last, 'n': n}} ORDER BY via) AS seen
                FROM tool_seen JOIN tool_spread USING (tool) ANTI JOIN {_APPROVED} USING (device_id)
                WHERE tool = $tool AND (via = 'services' OR via = 'processes' AND side = 'controlled'
                OR via = 'software' AND value ILIKE '%host%') AND NOT {COMMON} GROUP BY device_id
            ), installers AS (
                SELECT p.device_id, p.ts FROM processes_30d AS p SEMI JOIN hosts USING (device_id)
                WHERE p.name = 'msiexec.exe' AND list_has_any(string_split(lower(p.arguments), ' '), [{silent}])
            )
            SELECT h.device_id, h.seen, bool_or(i.ts IS NOT NULL) AS silent, min(h.came) AS came FROM hosts AS h
            LEFT JOIN installers AS i ON i.device_id = h.device_id
                AND h.came BETWEEN i.ts - INTERVAL 1 MINUTE AND i.ts + to_seconds(60 * $near_min)
            GROUP BY h.device_id, h.seen ORDER BY h.device_id
            """,
            near_min=self.near_min,
            **bound,
        ):
            if row["device_id"] not in started:
                yield Hit(
                    row["device_id"],
                    "silent" if row["silent"] else "host",
                    "the part of Chrome Remote Desktop that works with nobody there is on the device"
                    + (", installed by a silent installer" if row["silent"] else ""),
                    observed=f"first sign of it {row['came']:%Y-%m-%d %H:%M} UTC",
                    expected="none, or one that IT rolled out",
                    telling=tool_tellings(row["seen"]),
                )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices of which nothing is reported that could show it."""
        return without_tool_tables(fleet)
