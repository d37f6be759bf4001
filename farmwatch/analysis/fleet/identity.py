"""Which names mean one device: feeds call a laptop by host name, by serial number, by hardware id, by address.

Two names are one device where both report the same hardware id or the same serial number, where one is the serial
number or hardware id that the other reports (a roster by serial numbers), where one is the host name that the other
alone reports, and a scan's link-layer address is the device that alone reports it (a dock's address is reported by
several, and says nothing). The name kept is the one the roster knows, else the host name seen last.

What ties nothing: values that makers leave in (``To be filled by O.E.M.``), values that more names share than a
device has, a serial number that comes with two hardware ids, and what a name reported before it went over to another
device: a laptop that takes over a host name is not the one that had it before.

Hardware ids are compared in both byte orders, since systems disagree how the first three fields are to be read (SMBIOS
specification, section 7.2.1).
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from farmwatch.analysis.fleet.fleet import Fleet

__all__ = ["aliases"]

_MOST_NAMES = 8  #: names that one hardware id may have before it is a value the maker left in: judged
_SCHEMA = pa.schema([("alias", pa.string()), ("device_id", pa.string())])
_LEAST_LETTERS = 4  #: of a serial number: less is a count
_BLANK = (
    r"(?i)^([-. _]*|none|null|nil|n/?a|unknown|invalid|default( string)?|o\.?e\.?m\.?"
    r"|not (applicable|specified|available|present|settable)|(system|chassis|base board) serial number|serial number"
    r"|to be filled.*|0?123456789.*|12345678123456789.*|03000200040005000006000700080009|(no|empty) .*)$"
)
_SWAPPED = r"regexp_replace({0}, '^(..)(..)(..)(..)(..)(..)(..)(..)', '\4\3\2\1\6\5\8\7')"


def aliases(fleet: Fleet) -> pa.Table:
    """Names that are not the one kept, with the one that is (``alias``, ``device_id``)."""
    _make_held(fleet)
    ties = _same_hardware(fleet) + _same_name(fleet)
    root = _roots(ties)
    ties += [[mac, owners[0]] for mac, owners in _addresses(fleet) if len({root.get(one, one) for one in owners}) == 1]
    groups = _joined(ties)
    if not groups:
        return _SCHEMA.empty_table()
    rank = _ranks(fleet, sorted({name for group in groups for name in group}))
    pairs = []
    for group in groups:
        kept = min(group, key=lambda name: (rank.get(name, (2, 0.0)), name))
        pairs += [(name, kept) for name in sorted(group) if name != kept]
    return pa.table([[alias for alias, _ in pairs], [kept for _, kept in pairs]], schema=_SCHEMA)


def _make_held(fleet: Fleet) -> None:
    """``identity_held``: the things each name reports, those left out that it had before it got another one."""
    bare = "replace(lower(trim(hardware_uuid)), '-', '')"
    one_letter = "replace({0}, left({0}, 1), '') = ''"  # 00000000, xxxxxxxx
    fleet.make(
        "identity_held",
        f"""
        WITH told AS (
            SELECT device_id, 'uuid' AS kind, least({bare}, {_SWAPPED.format(bare)}) AS thing, ts FROM devices__rows
            WHERE NOT regexp_matches({bare}, '{_BLANK}') AND NOT {one_letter.format(bare)}
            UNION ALL
            SELECT device_id, 'serial', lower(trim(serial)), ts FROM devices__rows
            WHERE length(trim(serial)) >= {_LEAST_LETTERS} AND NOT regexp_matches(trim(serial), '{_BLANK}')
                  AND NOT {one_letter.format("lower(trim(serial))")}
            UNION ALL
            SELECT device_id, 'host', lower(host_name), ts FROM devices__rows
            WHERE host_name IS NOT NULL AND lower(host_name) <> lower(device_id)
        ), named AS (
            SELECT device_id, kind, thing, min(ts) AS first, max(ts) AS last FROM told WHERE ts < $until GROUP BY ALL
        )
        SELECT * FROM named QUALIFY last >= max(first) OVER (PARTITION BY device_id, kind)
        """,
    )


def _same_hardware(fleet: Fleet) -> list[list[str]]:
    """Names that report one hardware id, or one serial number without contradicting each other's hardware ids."""
    rows = fleet.rows(
        f"""
        WITH shared AS (
            SELECT kind, thing FROM identity_held WHERE kind IN ('uuid', 'serial')
            GROUP BY kind, thing HAVING count(*) BETWEEN 2 AND {_MOST_NAMES}
        ), ids AS (
            SELECT device_id, list_sort(list(thing)) AS ids FROM identity_held WHERE kind = 'uuid' GROUP BY device_id
        )
        SELECT h.kind, h.thing, list(h.device_id ORDER BY h.device_id) AS names,
               count(DISTINCT i.ids[1]) FILTER (len(i.ids) = 1) AS hardware
        FROM identity_held AS h SEMI JOIN shared AS s ON s.kind = h.kind AND s.thing = h.thing
        LEFT JOIN ids AS i USING (device_id) GROUP BY h.kind, h.thing ORDER BY h.kind, h.thing
        """
    )
    return [row["names"] for row in rows if row["kind"] == "uuid" or row["hardware"] < 2]


def _same_name(fleet: Fleet) -> list[list[str]]:
    """Names of the roster and of devices that are what exactly one other name reports, with no other hardware id."""
    bare = "replace(lower(name), '-', '')"
    rows = fleet.rows(
        f"""
        WITH names AS (
            SELECT DISTINCT device_id AS name FROM roster__rows WHERE ts < $until
            UNION SELECT DISTINCT device_id FROM devices__rows WHERE ts < $until
            UNION SELECT DISTINCT device_id FROM scanned_devices__rows WHERE ts < $until
        ), spelt AS (
            SELECT name, lower(name) AS plain, least({bare}, {_SWAPPED.format(bare)}) AS bare FROM names
        ), called AS (
            SELECT n.name, h.device_id AS other FROM spelt AS n
            JOIN identity_held AS h ON h.kind <> 'uuid' AND h.thing = n.plain WHERE h.device_id <> n.name
            UNION
            SELECT n.name, h.device_id FROM spelt AS n
            JOIN identity_held AS h ON h.kind = 'uuid' AND h.thing = n.bare WHERE h.device_id <> n.name
        ), alone AS (
            SELECT name, min(other) AS other FROM called GROUP BY name HAVING count(DISTINCT other) = 1
        )
        SELECT name, other FROM alone WHERE NOT EXISTS (
            SELECT 1 FROM identity_held AS a JOIN identity_held AS b ON a.kind = 'uuid' AND b.kind = 'uuid'
            WHERE a.device_id = alone.name AND b.device_id = alone.other AND a.thing <> b.thing
        ) ORDER BY name
        """
    )
    return [[row["name"], row["other"]] for row in rows]


def _addresses(fleet: Fleet) -> list[tuple[str, list[str]]]:
    """Link-layer addresses by which scans call devices, and the names that report them."""
    rows = fleet.rows(
        """
        WITH owned AS (
            SELECT DISTINCT device_id, unnest(string_split(macs, ',')) AS mac FROM devices__rows
            WHERE ts < $until AND macs IS NOT NULL
        )
        SELECT mac, list(device_id ORDER BY device_id) AS holders FROM owned
        SEMI JOIN (SELECT device_id AS mac FROM scanned_devices__rows WHERE ts < $until) AS s USING (mac)
        WHERE device_id <> mac GROUP BY mac ORDER BY mac
        """
    )
    return [(row["mac"], row["holders"]) for row in rows]


def _roots(ties: list[list[str]]) -> dict[str, str]:
    """Each tied name with one that stands for its group."""
    return {name: min(group) for group in _joined(ties) for name in group}


def _joined(ties: list[list[str]]) -> list[set[str]]:
    """Groups of names connected by ties."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for first, *others in ties:
        for other in others:
            parent[root(other)] = root(first)
    groups: dict[str, set[str]] = defaultdict(set)
    for name in parent:
        groups[root(name)].add(name)
    return [group for _, group in sorted(groups.items()) if len(group) > 1]


def _ranks(fleet: Fleet, names: list[str]) -> dict[str, tuple[int, float]]:
    """How well a name suits: known to the roster first, then host names, those reported last first."""
    fleet.load("identity_names", pa.table({"name": names}))
    rows = fleet.rows(
        """
        SELECT n.name, n.name IN (SELECT device_id FROM roster__rows WHERE ts < $until) AS declared,
               bool_or(d.host_name = n.name) AS is_host, max(epoch(d.ts)) AS last
        FROM identity_names AS n LEFT JOIN devices__rows AS d ON d.device_id = n.name AND d.ts < $until
        GROUP BY n.name ORDER BY n.name
        """
    )
    return {row["name"]: (0 if row["declared"] else 1 if row["is_host"] else 2, -(row["last"] or 0.0)) for row in rows}
