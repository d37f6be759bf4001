"""Tables that several detectors need, each made once, when a query first names it.

* ``fleet_devices(device_id)``: every device to judge.
* ``owners``: the roster as of ``until``, one row a device: ``device_id, person, place, place_country, latitude,
  longitude, max_rtt_ms, site, household, travel, accommodation, issued, approved_tools`` (a list of ids, in
  lower case and without blanks, whoever wrote the roster).
* ``account_owners(account, device_id, person)``: accounts of the roster, one row for each device of the person.
* ``account_devices(account, device_id)``: accounts whose owner has exactly one device.
* ``travels(traveller, leaves, returns)``: declared travel by day, ``returns`` included, with a day more on either side:
  days are UTC, and people leave in the evening. Ask it by :func:`~farmwatch.analysis.fleet.visits.travelling_sql`.
* ``tool_seen``: programs, services, packages, sockets and lookups of the thirty days that the knowledge names;
  ``device_tools``: the same by device and tool; ``tool_spread(tool, devices, share)``: how common each is. Columns in
  :mod:`~farmwatch.analysis.fleet.tools_seen`.
* ``egress(device_id, day, address, via, first, last, n)``: public addresses a device came from, by UTC day; ``via`` is
  sightings, sign_ins, meetings or tunnels.
* ``places``: what is known of every public address in the telemetry, see :mod:`~farmwatch.analysis.fleet.places`.
* ``visits``, ``visits_away``: sign-ins reduced to days and addresses, and those from elsewhere than declared, see
  :mod:`~farmwatch.analysis.fleet.visits`.
* ``excused``, ``kvm_approved``, ``input_sources``, ``input_days``: whose input or KVM is explained, what input devices
  are and did, see
  :mod:`~farmwatch.analysis.fleet.inputs`.
* ``jiggles``: pointers that move by themselves, see :mod:`~farmwatch.analysis.fleet.motions`.
* ``personal_tools(device_id, tool)``: a tool that the roster allows to this device's person and few others.
* ``tool_sessions``, ``tool_desks``, ``tool_workers``, ``logon_desks``: sessions that came in, and which far ends are a
  help desk's, see :mod:`~farmwatch.analysis.fleet.desks`.
* ``presence(device_id, name, n, first, last)``: how many rows of which table a device has in the window.
* ``usb_seen``, ``usb_things``, ``screens``: what is plugged into a device, once for all that was said of it (see
  :mod:`~farmwatch.analysis.fleet.hardware`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from farmwatch.analysis.fleet.desks import make_logon_desks, make_tool_desks, make_tool_sessions, make_tool_workers
from farmwatch.analysis.fleet.hardware import make_screens, make_usb_seen, make_usb_things
from farmwatch.analysis.fleet.inputs import (
    make_excused,
    make_input_days,
    make_input_sources,
    make_kvm_approved,
)
from farmwatch.analysis.fleet.motions import make_jiggles
from farmwatch.analysis.fleet.places import make_places
from farmwatch.analysis.fleet.tools_seen import make_device_tools, make_tool_seen, make_tool_spread
from farmwatch.analysis.fleet.visits import make_visits, make_visits_away
from farmwatch.records import TELEMETRY_TABLES

if TYPE_CHECKING:
    from farmwatch.analysis.fleet.fleet import Fleet

__all__ = ["DERIVED"]

_FEW = 0.5  #: of the roster: what no more than half may use was allowed to them by name: judged
_ABOUT = {"sign_ins": "about", "meetings": "about"}  #: column that says whose row it is, else ``device_id``


def _owners(fleet: Fleet) -> None:
    fleet.make(
        "owners",
        """
        SELECT device_id, person, place, place_country, latitude, longitude, max_rtt_ms, site, household, travel,
               coalesce(accommodation, false) AS accommodation, issued,
               string_split(replace(lower(coalesce(approved_tools, '')), ' ', ''), ',') AS approved_tools, accounts
        FROM roster_ever QUALIFY row_number() OVER (PARTITION BY device_id ORDER BY ts DESC, record_id DESC) = 1
        """,
    )


def _personal_tools(fleet: Fleet) -> None:
    fleet.make(
        "personal_tools",
        f"""
        SELECT device_id, tool
        FROM (SELECT DISTINCT device_id, unnest(approved_tools) AS tool FROM owners) WHERE tool <> ''
        QUALIFY count(*) OVER (PARTITION BY tool) <= greatest(1, {_FEW} * (SELECT count(*) FROM owners))
        """,
    )


def _account_owners(fleet: Fleet) -> None:
    fleet.make(
        "account_owners",
        """
        WITH listed AS (
            SELECT DISTINCT unnest(string_split(accounts, ',')) AS account, coalesce(person, device_id) AS holder
            FROM owners WHERE accounts IS NOT NULL
        )
        SELECT DISTINCT l.account, o.device_id, o.person
        FROM listed AS l JOIN owners AS o ON coalesce(o.person, o.device_id) = l.holder
        """,
    )


def _account_devices(fleet: Fleet) -> None:
    fleet.make(
        "account_devices",
        "SELECT account, any_value(device_id) AS device_id FROM account_owners GROUP BY account "
        "HAVING count(DISTINCT device_id) = 1",
    )


def _travels(fleet: Fleet) -> None:
    fleet.make(
        "travels",
        r"""
        WITH trips AS (SELECT device_id, unnest(string_split(travel, ';')) AS trip FROM owners WHERE travel IS NOT NULL)
        SELECT device_id AS traveller, try_cast(substr(trim(trip), 1, 10) AS DATE) - 1 AS leaves,
               try_cast(substr(trim(trip), 12, 10) AS DATE) + 1 AS returns
        FROM trips WHERE regexp_matches(trim(trip), '^\d{4}-\d{2}-\d{2}/\d{4}-\d{2}-\d{2}')
        """,
    )


def _presence(fleet: Fleet) -> None:
    parts = []
    for record in TELEMETRY_TABLES:
        if record.table != "roster":
            device = _ABOUT.get(record.table, "device_id")
            parts.append(
                f"SELECT {device} AS device_id, '{record.table}' AS name, count(*) AS n, min(ts) AS first, "
                f"max(ts) AS last FROM {record.table} WHERE {device} IS NOT NULL GROUP BY ALL"
            )
    fleet.make("presence", " UNION ALL ".join(parts))


def _fleet_devices(fleet: Fleet) -> None:
    fleet.make(
        "fleet_devices",
        "SELECT device_id FROM presence UNION SELECT device_id FROM owners UNION SELECT device_id FROM scanned_devices",
    )


def _egress(fleet: Fleet) -> None:
    tunnels = "event IN ('tunnel up', 'tunnel down', 'heartbeat')"
    fleet.make(
        "egress",
        f"""
        WITH came AS (
            SELECT device_id, ts, value AS address, 'sightings' AS via FROM sightings WHERE kind = 'public_ip'
            UNION ALL
            SELECT about, ts, address, CASE WHEN {tunnels} THEN 'tunnels' ELSE 'sign_ins' END FROM sign_ins
            WHERE about IS NOT NULL AND address IS NOT NULL AND outcome = 'success'
            UNION ALL
            SELECT about, ts, address, 'meetings' FROM meetings WHERE about IS NOT NULL AND address IS NOT NULL
        )
        SELECT device_id, CAST(ts AS DATE) AS day, came.address, via, min(ts) AS first, max(ts) AS last, count(*) AS n
        FROM came JOIN places USING (address) WHERE places.scope = 'public' GROUP BY ALL
        """,
    )


DERIVED: Mapping[str, Callable[[Fleet], None]] = {
    "owners": _owners,
    "personal_tools": _personal_tools,
    "account_owners": _account_owners,
    "account_devices": _account_devices,
    "travels": _travels,
    "presence": _presence,
    "fleet_devices": _fleet_devices,
    "egress": _egress,
    "excused": make_excused,
    "kvm_approved": make_kvm_approved,
    "input_sources": make_input_sources,
    "input_days": make_input_days,
    "jiggles": make_jiggles,
    "places": make_places,
    "tool_seen": make_tool_seen,
    "usb_seen": make_usb_seen,
    "usb_things": make_usb_things,
    "screens": make_screens,
    "tool_spread": make_tool_spread,
    "tool_sessions": make_tool_sessions,
    "tool_desks": make_tool_desks,
    "tool_workers": make_tool_workers,
    "logon_desks": make_logon_desks,
    "device_tools": make_device_tools,
    "visits": make_visits,
    "visits_away": make_visits_away,
}
"""Name of each derived table -> what makes it."""
