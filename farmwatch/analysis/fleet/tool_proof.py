"""What detectors of tools share: the rows that prove a tool, who could not be looked at, and what is common here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from farmwatch.analysis.fleet.contract import telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.records import TELEMETRY_TABLES, DnsLookup, Process, Record, Service, Socket, Software, Telling

__all__ = [
    "COMMON", "COUNTED", "KNOWN_HERE", "TOOL_TABLES", "many", "shown", "times", "tool_name",
    "tool_tellings", "without_tool_tables",
]  # fmt: skip

TOOL_TABLES: tuple[type[Record], ...] = (Process, Service, Software, Socket, DnsLookup)  #: any of them may show a tool

COMMON = "(devices >= 10 AND share >= 0.1)"
"""SQL over ``device_tools``: a tool that ten devices and one in ten have is the company's own, whether it was declared
or not: judged. A farm that large would be a tenth of the company."""

KNOWN_HERE = "(devices >= 10 AND share >= 0.02)"
"""SQL over ``device_tools``: a tool that one in fifty has is a habit of the place and says less: judged."""

COUNTED = f"NOT approved AND side <> 'controller' AND NOT {COMMON}"
"""SQL over ``device_tools``: neither approved, nor the driving end's program, nor the company's own."""

_RECORDS = {record.table: record for record in TELEMETRY_TABLES}
_LONGEST = 80


def tool_name(fleet: Fleet, tool: str) -> str:
    """What people call a tool, by its id; an id nobody knows as it is, cut short."""
    entry = fleet.knowledge.find(tool)
    return entry.name if entry is not None else shown(tool)


def tool_tellings(seen: Iterable[Mapping[str, Any]]) -> tuple[Telling, ...]:
    """The column ``seen`` of ``device_tools`` as proof, one entry for each table."""
    return tuple(telling(_RECORDS[one["via"]], one["first"], one["last"], count=one["n"]) for one in seen)


def many(count: int, thing: str, things: str | None = None) -> str:
    """A number of things, in words: ``1 day``, ``3 days``, ``1,200 people``; ``things`` where no s makes it several."""
    return f"{count:,} {thing if count == 1 else things or thing + 's'}"


def times(count: int) -> str:
    """How often something happened, in words: ``once``, ``3 times``."""
    return "once" if count == 1 else f"{count:,} times"


def shown(text: str | None) -> str:
    """A value from telemetry, cut to a length a sentence bears."""
    text = text or ""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def without_tool_tables(fleet: Fleet) -> dict[str, str]:
    """Devices of which no table has a row that could show a tool."""
    names = ", ".join(f"'{record.table}'" for record in TOOL_TABLES)
    rows = fleet.arrow(
        f"SELECT device_id FROM fleet_devices ANTI JOIN "
        f"(SELECT DISTINCT device_id FROM presence WHERE name IN ({names})) USING (device_id) ORDER BY device_id"
    )
    return dict.fromkeys(rows.column(0).to_pylist(), "no programs, services, software, connections or lookups reported")
