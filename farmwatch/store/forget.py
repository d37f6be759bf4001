"""Forgetting a device: every row about it, from every table and from the case state, and no byte of its id left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from farmwatch.errors import StoreError
from farmwatch.store.lake import Store
from farmwatch.store.lake_table import LakeTable
from farmwatch.store.snapshot import DataFile, Snapshot
from farmwatch.store.traces import traces
from farmwatch.store.upkeep import drop_rows

__all__ = ["Forgotten", "forget", "known_rows"]

_PASSES = 3  # over a table to which somebody may still be writing about the device


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What went, and whether anything is left."""

    device_id: str
    rows: dict[str, int]  #: rows removed, by table of the lake
    state: dict[str, int]  #: rows removed, by table of the case state
    left: tuple[str, ...]  #: files in which the id is still found; empty where it is forgotten


def known_rows(store: Store, device_id: str) -> dict[str, int]:
    """How many rows are about a device, by table of the lake; tables without any are left out."""
    found: dict[str, int] = {}
    for name in store.tables():
        count = store.with_snapshot(name, partial(_count, device_id=device_id))
        if count:
            found[name] = count
    return found


def forget(store: Store, device_id: str, *, mentions: bool = False, who: str = "command line") -> Forgotten:
    """Remove every row about a device, then the files that held them, then look whether its id is left anywhere.

    In an object store, stop writers first: files they have begun are cleared away with the rest.

    Args:
        store: The store.
        device_id: The device.
        mentions: Also remove rows about other devices that name this one in another column.
        who: Who asked, for the audit, which notes how much went and not of whom.

    Raises:
        StoreError: an empty id; or a table cannot be read or written. What is removed by then stays removed; run it
            again.
    """
    if not device_id:
        raise StoreError("an empty device id names no device")
    removed: dict[str, int] = {}
    for name in store.tables():
        count = _forget_in(store.table(name), device_id, mentions)
        if count:
            removed[name] = count
            store.table(name).clear(0)
    state = store.state.cases.forget(device_id) if store.state.file.path.exists() else {}
    left = traces(store, device_id)
    if left:  # in files that no version names: of an append that crashed, of a compaction, of an unfinished forgetting
        for name in store.tables():
            store.table(name).clear(0)
        left = traces(store, device_id)
    store.state.audit(who, "forget", "", f"{sum(removed.values())} rows, {sum(state.values())} of the case state")
    return Forgotten(device_id, removed, state, tuple(left))


def _count(snapshot: Snapshot, device_id: str) -> int:
    """Rows about a device."""
    if "device_id" not in snapshot.schema.names:
        return 0
    return int(snapshot.dataset(snapshot.schema).count_rows(filter=pads.field("device_id") == device_id))


def _forget_in(table: LakeTable, device_id: str, mentions: bool) -> int:
    """Remove a device's rows from one table; rows gone."""
    gone = 0
    with table.alone(upkeep=True):
        for _ in range(_PASSES):
            snapshot = table.snapshot()
            if snapshot is None:
                return gone
            columns = _columns(snapshot.schema, mentions)
            files = _holding(snapshot, columns, device_id) if columns else []
            if not files:
                return gone
            for file in files:
                gone += drop_rows(table, file, lambda rows, columns=columns: _about(rows, columns, device_id))
    return gone


def _columns(schema: pa.Schema, mentions: bool) -> list[str]:
    """Columns that may name the device."""
    if mentions:
        return [one.name for one in schema if pa.types.is_string(one.type) and one.name != "day"]
    return [name for name in ("device_id",) if name in schema.names]


def _about(rows: pa.Table, columns: Sequence[str], device_id: str) -> Any:
    """Which rows are about a device: its id is theirs, or part of a text in another column."""
    about = pa.repeat(pa.scalar(value=False), rows.num_rows)
    for name in columns:
        if name not in rows.column_names:
            continue
        values = rows.column(name)
        hit = pc.equal(values, device_id) if name == "device_id" else pc.match_substring(values, device_id)
        about = pc.or_(about, pc.fill_null(hit, False))
    return about


def _holding(snapshot: Snapshot, columns: Sequence[str], device_id: str) -> list[DataFile]:
    """Files that hold a row about a device."""
    found = []
    for file in snapshot.files:
        scanner = snapshot.dataset(snapshot.schema, [file]).scanner(columns=list(columns))
        if any(
            pc.any(_about(pa.Table.from_batches([batch]), columns, device_id)).as_py()
            for batch in scanner.to_batches()
        ):  # fmt: skip
            found.append(file)
    return found
