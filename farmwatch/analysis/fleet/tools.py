"""``tool_seen``: which programs of the knowledge a device shows, by what, since when and on how many days.

Distinct texts are looked up once for the whole fleet; the rows stay in DuckDB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

from farmwatch.knowledge import Knowledge
from farmwatch.knowledge.entries import Match

if TYPE_CHECKING:
    from farmwatch.analysis.fleet.fleet import Fleet

__all__ = ["make_tool_seen"]

_Matcher: TypeAlias = Callable[[Knowledge, str], Iterable[Match]]

def _named(known: Knowledge, text: str) -> Iterable[Match]:
    """Software by the name it is installed under: the same texts as its programs' names, or the entry's own name."""
    entry = known.find(text)
    matches = known.match_process(text)
    return (Match(entry, entry.facts[0], text), *matches) if entry is not None and entry.facts else matches


#: Table, column of the text, when it counts, and how it is looked up.
_SEEN: tuple[tuple[str, str, str, _Matcher], ...] = (
    ("processes", "name", "true", lambda known, text: known.match_process(text)),
    ("processes", "original_name", "true", lambda known, text: known.match_process(text)),
    ("processes", "company", "true", lambda known, text: known.match_signer(text)),
    ("services", "name", "true", lambda known, text: known.match_service(text)),
    ("services", "path", "true", lambda known, text: known.match_path(text)),
    ("software", "name", "kind <> 'browser extension'", _named),
    ("sockets", "process", "true", lambda known, text: known.match_process(text)),
    ("sockets", "remote_name", "true", lambda known, text: known.match_domain(text)),
    ("dns", "name", "true", lambda known, text: known.match_domain(text)),
)
_MATCHES = pa.schema(
    [
        ("seen_in", pa.string()),
        ("seen_as", pa.string()),
        ("value", pa.string()),
        ("tool", pa.string()),
        ("title", pa.string()),
        ("kind", pa.string()),
        ("vendor", pa.string()),
        ("sign", pa.string()),
        ("alone", pa.bool_()),
        ("unattended", pa.bool_()),
    ]
)


def make_tool_seen(fleet: Fleet) -> None:
    """Make the table ``tool_seen`` over the thirty days up to ``until``."""
    rows: list[tuple[object, ...]] = []
    for table, column, counts, look_up in _SEEN:
        texts = fleet.arrow(
            f"SELECT DISTINCT {column} FROM {table}_30d WHERE {column} IS NOT NULL AND {counts} ORDER BY 1"  # noqa: S608
        )
        for text in texts.column(0).to_pylist():
            met: dict[str, Match] = {}
            for match in look_up(fleet.knowledge, text):
                if match.id not in met or (match.alone and not met[match.id].alone):
                    met[match.id] = match
            rows += [
                (table, column, text, match.id, match.entry.name, str(match.entry.kind), match.entry.vendor,
                 str(match.sign), match.alone, match.entry.unattended)
                for match in met.values()
            ]  # fmt: skip
    columns = zip(*rows, strict=True) if rows else [()] * len(_MATCHES)
    fleet.load(
        "tool_texts",
        pa.table([pa.array(list(values), one.type) for values, one in zip(columns, _MATCHES, strict=True)],
                 schema=_MATCHES),
    )  # fmt: skip
    seen = " UNION ALL ".join(
        f"SELECT device_id, ts, '{table}' AS seen_in, '{column}' AS seen_as, {column} AS value FROM {table}_30d "  # noqa: S608
        f"SEMI JOIN tool_texts ON tool_texts.value = {column} AND tool_texts.seen_in = '{table}' "
        f"AND tool_texts.seen_as = '{column}' WHERE {counts}"
        for table, column, counts, _ in _SEEN
    )
    approved = ", ".join(f"'{tool}'" for tool in sorted(fleet.profile.approved_tools)) or "''"
    fleet.make(
        "tool_seen",
        f"""
        SELECT s.device_id, t.tool, any_value(t.title) AS name, any_value(t.kind) AS kind,
               any_value(t.vendor) AS vendor, s.seen_in AS via, min(s.value) AS value, any_value(t.sign) AS sign, bool_or(t.alone) AS alone,
               bool_or(t.unattended) AS unattended,
               coalesce(bool_or(t.tool IN ({approved}) OR list_contains(string_split(o.approved_tools, ','), t.tool)),
                        false) AS approved,
               min(s.ts) AS first, max(s.ts) AS last, count(DISTINCT CAST(s.ts AS DATE)) AS days, count(*) AS n
        FROM ({seen}) AS s JOIN tool_texts AS t USING (seen_in, seen_as, value) LEFT JOIN owners AS o USING (device_id)
        GROUP BY s.device_id, t.tool, s.seen_in
        """,  # noqa: S608 (ids of our own knowledge)
    )
