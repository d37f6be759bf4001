"""What is in a store: rows, bytes, files, days and devices of each table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.records import TELEMETRY_TABLES, Record, ScannedDevice
from farmwatch.store.days import EARLY, LATE
from farmwatch.store.lake import Store
from farmwatch.store.snapshot import Snapshot

__all__ = ["TableStats", "device_names", "stats"]


@dataclass(frozen=True, slots=True)
class TableStats:
    """One table in numbers."""

    table: str
    rows: int
    bytes: int  #: of its files as compressed; files already replaced are not counted
    files: int
    first_day: str | None  #: UTC; rows of clocks that cannot be right do not count
    last_day: str | None
    devices: int | None  #: none where the table has no device column


def stats(store: Store) -> Iterator[TableStats]:
    """Numbers of every table, by name.

    Raises:
        StoreError: a table cannot be read.
    """
    for name in store.tables():
        found = store.with_snapshot(name, partial(_of, name))
        if found is not None:
            yield found


def _of(name: str, snapshot: Snapshot) -> TableStats:
    days = [day for day in snapshot.days() if day not in (EARLY, LATE)]
    return TableStats(
        name,
        sum(file.rows for file in snapshot.files),
        sum(file.size for file in snapshot.files),
        len(snapshot.files),
        days[0] if days else None,
        days[-1] if days else None,
        _devices(snapshot),
    )


def device_names(store: Store) -> set[str]:
    """Every device that telemetry, the roster or a scan ever named, by the names that they use.

    Raises:
        StoreError: a table cannot be read.
    """
    begun = set(store.tables())
    tables: tuple[type[Record], ...] = (*TELEMETRY_TABLES, ScannedDevice)
    named = (record.table for record in tables if record.table in begun)
    return {one for name in named for one in store.with_snapshot(name, _names) or ()}


def _devices(snapshot: Snapshot) -> int | None:
    """How many devices a table knows."""
    return len(_names(snapshot)) if "device_id" in snapshot.schema.names else None


def _names(snapshot: Snapshot) -> set[str]:
    """Devices of a table; read in pieces, so that memory grows with devices and not with rows."""
    seen: set[str] = set()
    if "device_id" not in snapshot.schema.names:
        return seen
    for batch in snapshot.dataset(snapshot.schema).to_batches(columns=["device_id"]):
        values: pa.Array = pc.unique(batch.column(0))
        seen.update(value for value in values.to_pylist() if value is not None)
    return seen
