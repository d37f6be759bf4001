"""Which names mean one device: feeds call a laptop by host name, by serial number, by hardware id, by address.

Two names are one device where both report the same hardware id or the same serial number, and a scan's link-layer
address is the device that alone reports it (a dock's address is reported by several, and says nothing). The name kept
is the one the roster knows, else the host name seen last. Values that makers leave in (``To be filled by O.E.M.``)
tie nothing.
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
_BLANK = r"(?i)^(0+|f+|x+|[-. ]*|none|null|n/?a|unknown|default( string)?|not (applicable|specified|available)|system serial number|to be filled.*|123456789.*|03000200-0400-0500-0006-000700080009)$"


def aliases(fleet: Fleet) -> pa.Table:
    """Names that are not the one kept, with the one that is (``alias``, ``device_id``)."""
    tied = fleet.rows(
        f"""
        WITH named AS (
            SELECT device_id, 'uuid ' || lower(hardware_uuid) AS thing FROM devices__rows
            WHERE ts < $until AND hardware_uuid IS NOT NULL AND NOT regexp_matches(replace(hardware_uuid, '-', ''), '{_BLANK}')
            UNION
            SELECT device_id, 'serial ' || lower(serial) AS thing FROM devices__rows
            WHERE ts < $until AND length(serial) >= 4 AND NOT regexp_matches(serial, '{_BLANK}')
        ), shared AS (
            SELECT thing FROM named GROUP BY thing HAVING count(*) BETWEEN 2 AND {_MOST_NAMES}
        )
        SELECT thing, list(device_id ORDER BY device_id) AS names FROM named SEMI JOIN shared USING (thing)
        GROUP BY thing ORDER BY thing
        """  # noqa: S608 (constants)
    )
    addressed = fleet.rows(
        """
        WITH owned AS (
            SELECT DISTINCT device_id, unnest(string_split(macs, ',')) AS mac FROM devices__rows
            WHERE ts < $until AND macs IS NOT NULL
        ), alone AS (
            SELECT mac, any_value(device_id) AS device_id FROM owned GROUP BY mac HAVING count(*) = 1
        )
        SELECT DISTINCT mac, alone.device_id FROM alone JOIN scanned_devices__rows AS s ON s.device_id = mac
        WHERE s.ts < $until ORDER BY mac
        """
    )
    groups = _joined([row["names"] for row in tied] + [[row["mac"], row["device_id"]] for row in addressed])
    if not groups:
        return _SCHEMA.empty_table()
    rank = _ranks(fleet, sorted({name for group in groups for name in group}))
    pairs = []
    for group in groups:
        kept = min(group, key=lambda name: (rank.get(name, (2, 0.0)), name))
        pairs += [(name, kept) for name in sorted(group) if name != kept]
    return pa.table([[alias for alias, _ in pairs], [kept for _, kept in pairs]], schema=_SCHEMA)


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
        SELECT n.name, bool_or(r.device_id IS NOT NULL) AS declared, bool_or(d.host_name = n.name) AS is_host,
               max(epoch(d.ts)) AS last
        FROM identity_names AS n
        LEFT JOIN roster__rows AS r ON r.device_id = n.name AND r.ts < $until
        LEFT JOIN devices__rows AS d ON d.device_id = n.name AND d.ts < $until
        GROUP BY n.name ORDER BY n.name
        """
    )
    return {
        row["name"]: (0 if row["declared"] else 1 if row["is_host"] else 2, -(row["last"] or 0.0)) for row in rows
    }
