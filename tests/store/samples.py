"""Rows for the tests of the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from farmwatch.records.arrow import arrow_schema, to_arrow
from farmwatch.records.endpoint import DnsLookup, FeedReject, RosterEntry
from farmwatch.records.schema import Table

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def dns(count: int, *, first: int = 0, device: str = "lt", at: datetime = NOON, name: str = "a.example") -> pa.Table:
    """Lookups, numbered from ``first``, a second apart."""
    return to_arrow(
        Table.from_rows(
            DnsLookup,
            [
                DnsLookup(device_id=device, ts=at + timedelta(seconds=number), record_id=str(number), name=name)
                for number in range(first, first + count)
            ],
        )
    )


def reject(reason: str = "bad row", *, ts: datetime = NOON) -> pa.Table:
    """One rejected record."""
    row = FeedReject(ts=ts, feed="theirs", sender="agent-1", input_name="in.json", offset=3, reason=reason, count=1)
    return to_arrow(Table.from_rows(FeedReject, [row]))


def roster(device: str) -> pa.Table:
    """One roster row."""
    values = {name: [None] for name in arrow_schema(RosterEntry).names}
    values |= {"device_id": [device], "ts": [NOON]}
    schema = pa.schema([pa.field(one.name, one.type) for one in arrow_schema(RosterEntry)])
    filled = pa.table(values, schema=schema)
    for position, column in enumerate(arrow_schema(RosterEntry)):
        if not column.nullable and filled.column(column.name).null_count:
            some = {"string": "x", "bool": False}.get(str(column.type), 0)
            filled = filled.set_column(position, column.name, pa.array([some], column.type))
    return filled
