"""Upkeep: many small files into few large ones, old days away, cleared files off the disk. Appends go on meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from farmwatch.errors import StoreError
from farmwatch.store import parquet_files
from farmwatch.store.days import EARLY, LATE
from farmwatch.store.key_index import first_of_each
from farmwatch.store.lake import Store
from farmwatch.store.lake_table import LakeTable
from farmwatch.store.snapshot import DataFile, Snapshot

__all__ = ["RETENTION_DAYS", "Compacted", "compact", "drop_rows", "retain", "vacuum"]

RETENTION_DAYS: Mapping[str, int] = {"*": 180, "roster": 0, "scanned_devices": 400, "feed_rejects": 90}
"""Days that rows are kept, by table; ``*`` for tables not named, 0 for ever."""
_TARGET_BYTES = 128 * 1024 * 1024
_MOST_ROWS = 2_000_000  # in a file: what is read at once, so memory does not grow with how well rows compress
_KEEP_HOURS = 1  # cleared files stay for readers that have begun
_KEEP_HOURS_URL = 24  # in an object store also for writers that have begun, who hold no lock there


@dataclass(frozen=True, slots=True)
class Compacted:
    """What compaction did to a table."""

    table: str
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    duplicates: int  #: rows dropped because their key was there already


def compact(
    store: Store, tables: Iterable[str] | None = None, *, target_bytes: int = _TARGET_BYTES
) -> Iterator[Compacted]:
    """Join the small files of every day, and drop rows whose key is there twice.

    Readers and writers go on; what they read stays on the disk until :func:`vacuum`.

    Args:
        store: The store.
        tables: Which tables; all without it.
        target_bytes: Size of the files made.

    Raises:
        StoreError: a file cannot be read or there is no room; what is done stays done.
    """
    for name in _existing(store, tables):
        table = store.table(name)
        with table.alone(upkeep=True):
            before = table.snapshot()
            if before is None:
                continue
            duplicates = sum(_compact_day(table, before, day, target_bytes) for day in before.days())
            after = table.snapshot()
        if after is not None:
            yield Compacted(
                name, len(before.files), len(after.files), _bytes(before), _bytes(after), duplicates
            )  # fmt: skip


def _existing(store: Store, tables: Iterable[str] | None) -> list[str]:
    """Names asked for, or all.

    Raises:
        StoreError: one of them is not there.
    """
    there = store.tables()
    wanted = there if tables is None else list(tables)
    for name in wanted:
        if name not in there:
            raise StoreError(f"{store.place.url}: no table {name}; there are {', '.join(there) or 'none yet'}")
    return wanted


def _bytes(snapshot: Snapshot) -> int:
    return sum(file.size for file in snapshot.files)


def _compact_day(table: LakeTable, snapshot: Snapshot, day: str, target_bytes: int) -> int:
    """Compact one day; rows dropped."""
    files = sorted((file for file in snapshot.files if file.day == day), key=lambda file: file.path)
    if len(files) < 2:
        return 0
    try:
        keys = [parquet_files.load_keys(snapshot.filesystem, [file.path]) for file in files]
    except (OSError, pa.ArrowInvalid, ValueError) as error:
        raise StoreError(f"{table.uri}: {error}; run 'farmwatch store check'") from error
    first = np.split(first_of_each(np.concatenate(keys)), np.cumsum([len(one) for one in keys])[:-1])
    kept = dict(zip([file.path for file in files], first, strict=True))
    dropped = 0
    for group in _groups(
        [file for file in files if file.size < target_bytes // 2 or not kept[file.path].all()], target_bytes
    ):
        lost = sum(int((~kept[file.path]).sum()) for file in group)
        if len(group) < 2 and not lost:
            continue

        def joined(now: Snapshot, group: Sequence[DataFile] = group) -> list[tuple[str, pa.Table]]:
            parts = [_rows(now, file, kept[file.path]) for file in group]
            return [(day, _ordered(pa.concat_tables(parts, promote_options="default")))]

        if table.exchange(group, joined, changes=bool(lost)):
            dropped += lost
    return dropped


def _groups(files: Sequence[DataFile], target_bytes: int) -> Iterator[list[DataFile]]:
    """Files that are joined into one."""
    group: list[DataFile] = []
    for file in files:
        if group and (
            sum(one.size for one in group) + file.size > target_bytes
            or sum(one.rows for one in group) + file.rows > _MOST_ROWS
        ):
            yield group
            group = []
        group.append(file)
    if group:
        yield group


def _rows(snapshot: Snapshot, file: DataFile, kept: NDArray[np.bool_]) -> pa.Table:
    """Rows of a file, all its columns."""
    rows = pq.read_table(file.path, filesystem=snapshot.filesystem, partitioning=None)
    return rows if kept.all() else rows.filter(pa.array(kept))


def _ordered(rows: pa.Table) -> pa.Table:
    """Rows by device and time, which is how they are asked for and how they compress."""
    by = [(name, "ascending") for name in ("device_id", "ts") if name in rows.column_names]
    return rows.sort_by(by) if by else rows


def vacuum(store: Store, tables: Iterable[str] | None = None, *, hours: int | None = None) -> dict[str, int]:
    """Delete files that no version names any more, and what a writer that crashed left behind.

    Args:
        store: The store.
        tables: Which tables; all without it.
        hours: How long files stay after they were cleared; without it an hour in a folder, and a day in an object
            store, where writers that have begun hold no lock.

    Returns:
        Files deleted, by table.
    """
    keep = hours if hours is not None else (_KEEP_HOURS if store.place.folder else _KEEP_HOURS_URL)
    return {name: store.table(name).clear(keep) for name in _existing(store, tables)}


def retain(
    store: Store,
    days: Mapping[str, int] | None = None,
    *,
    today: date | None = None,
    tables: Iterable[str] | None = None,
) -> dict[str, int]:
    """Remove whole days that are past their time.

    Rows without a day of their own (clocks that were wrong) are kept as long after they arrived.

    Args:
        store: The store.
        days: Days to keep by table, ``*`` for those not named; :data:`RETENTION_DAYS` without it.
        today: The day it is counted from; today, UTC, without it.
        tables: Which tables; all without it.

    Returns:
        Rows removed, by table.
    """
    rules = RETENTION_DAYS if days is None else days
    now = today or datetime.now(UTC).date()
    gone: dict[str, int] = {}
    for name in _existing(store, tables):
        keep = rules.get(name, rules.get("*", 0))
        if keep <= 0:
            continue
        table, oldest = store.table(name), now - timedelta(days=keep)
        with table.alone(upkeep=True):
            count = _drop_days(table, oldest) + _drop_arrived(table, oldest)
        if count:
            gone[name] = count
    return gone


def _drop_days(table: LakeTable, oldest: date) -> int:
    """Remove the days before one; rows gone."""
    snapshot = table.snapshot()
    files = [file for file in (snapshot.files if snapshot else []) if EARLY < file.day < oldest.isoformat()]
    done = bool(files) and table.exchange(files, lambda _: [], changes=True)
    return sum(file.rows for file in files) if done else 0


def _drop_arrived(table: LakeTable, oldest: date) -> int:
    """Remove rows of the two days for broken clocks that arrived before a day; rows gone."""
    snapshot = table.snapshot()
    gone = 0
    limit = pa.scalar(datetime(oldest.year, oldest.month, oldest.day, tzinfo=UTC), pa.timestamp("us", tz="UTC"))
    for file in [one for one in (snapshot.files if snapshot else []) if one.day in (EARLY, LATE)]:
        gone += drop_rows(table, file, lambda rows: pc.less(rows.column("received"), limit))
    return gone


def drop_rows(table: LakeTable, file: DataFile, chosen: Any) -> int:
    """Remove rows of one file.

    Args:
        table: The table.
        file: The file, of its newest version.
        chosen: Gives, for the file's rows, which of them go; null is no.

    Returns:
        Rows gone.
    """
    dropped = 0

    def rest(now: Snapshot) -> list[tuple[str, pa.Table]]:
        nonlocal dropped
        rows = pq.read_table(file.path, filesystem=now.filesystem, partitioning=None)
        gone = pc.fill_null(chosen(rows), False)
        dropped = pc.sum(gone).as_py() or 0
        left = rows.filter(pc.invert(gone))
        return [(file.day, left)] if left.num_rows else []

    return dropped if table.exchange([file], rest, changes=True) else 0
