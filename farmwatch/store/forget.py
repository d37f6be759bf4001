"""Forgetting a device: every row about it, from every table and from the case state, and no byte of its id left.

What sensors and captures show has no device ids. There, rows go that hold one of the link-layer addresses or host names
that the store knows the device by. Rows that hold only an IP address of it stay: the address may be another's tomorrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.errors import StoreError
from farmwatch.records.endpoint import DeviceFact
from farmwatch.records.kept import ScannedDevice
from farmwatch.store.lake import Store
from farmwatch.store.lake_table import LakeTable
from farmwatch.store.snapshot import DataFile, Snapshot
from farmwatch.store.traces import traces
from farmwatch.store.upkeep import drop_rows

__all__ = ["Forgotten", "forget", "known_rows"]

_NOT_ABOUT = ("day", "feed", "sender")  # columns the store put on
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
    names = _names_of(store, device_id)
    for name in store.tables():
        count = store.with_snapshot(name, partial(_count, names=names))
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
    names = _names_of(store, device_id)
    for name in store.tables():
        count = _forget_in(store.table(name), names, mentions)
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


@dataclass(frozen=True, slots=True)
class _Names:
    """What a device is known by."""

    device_id: str
    others: frozenset[str]  #: its link-layer addresses and host names, lower case


def _names_of(store: Store, device_id: str) -> _Names:
    """A device's link-layer addresses and host names, as devices and scans report them."""
    found = {device_id.lower()}
    for record, columns in ((DeviceFact, ("macs", "host_name")), (ScannedDevice, ("macs", "names"))):
        rows = store.read(record, device_ids=[device_id], columns=columns)
        for name in columns:
            for value in rows.column(name).to_pylist():
                found.update(part.strip().lower() for part in (value or "").split(",") if part.strip())
    return _Names(device_id, frozenset(found))


def _count(snapshot: Snapshot, names: _Names) -> int:
    """Rows about a device."""
    columns = _columns(snapshot.schema, mentions=False)
    if not columns:
        return 0
    batches = snapshot.dataset(snapshot.schema).scanner(columns=columns).to_batches()
    return sum(pc.sum(_about(pa.Table.from_batches([one]), columns, names, False)).as_py() or 0 for one in batches)


def _forget_in(table: LakeTable, names: _Names, mentions: bool) -> int:
    """Remove a device's rows from one table; rows gone."""
    gone = 0
    with table.alone(upkeep=True):
        for _ in range(_PASSES):
            snapshot = table.snapshot()
            if snapshot is None:
                return gone
            columns = _columns(snapshot.schema, mentions=mentions)
            files = _holding(snapshot, columns, names, mentions) if columns else []
            if not files:
                return gone
            for file in files:
                gone += drop_rows(table, file, lambda rows, columns=columns: _about(rows, columns, names, mentions))
    return gone


def _columns(schema: pa.Schema, *, mentions: bool) -> list[str]:
    """Columns that may name the device: its id, and in tables without ids any text."""
    if "device_id" in schema.names and not mentions:
        return ["device_id"]
    return [one.name for one in schema if pa.types.is_string(one.type) and one.name not in _NOT_ABOUT]


def _about(rows: pa.Table, columns: Sequence[str], names: _Names, mentions: bool) -> Any:
    """Which rows are about a device: its id is theirs; without ids, one of its names; or a text that mentions it."""
    about = pa.repeat(pa.scalar(value=False), rows.num_rows)
    known = pa.array(sorted(names.others), pa.string())
    for name in columns:
        if name not in rows.column_names:
            continue
        values = rows.column(name)
        if name == "device_id":
            hit = pc.equal(values, names.device_id)
        elif "device_id" not in columns:
            hit = pc.is_in(pc.utf8_lower(values), known)
        else:
            hit = pc.match_substring(values, names.device_id)
        if mentions and name != "device_id":
            hit = pc.or_(hit, pc.match_substring(values, names.device_id))
        about = pc.or_(about, pc.fill_null(hit, False))
    return about


def _holding(snapshot: Snapshot, columns: Sequence[str], names: _Names, mentions: bool) -> list[DataFile]:
    """Files that hold a row about a device."""
    found = []
    for file in snapshot.files:
        scanner = snapshot.dataset(snapshot.schema, [file]).scanner(columns=list(columns))
        if any(
            pc.any(_about(pa.Table.from_batches([batch]), columns, names, mentions)).as_py()
            for batch in scanner.to_batches()
        ):  # fmt: skip
            found.append(file)
    return found
