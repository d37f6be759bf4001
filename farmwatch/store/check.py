"""Looking a store over: every file there and readable, counts as the log says, no row twice, columns as declared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from farmwatch.errors import StoreError
from farmwatch.store.key_index import first_of_each
from farmwatch.store.lake import STAMPS, Store, record_classes, view_schema
from farmwatch.store.row_keys import Words, from_binary, row_keys
from farmwatch.store.snapshot import DataFile, Snapshot

__all__ = ["Fault", "check"]

_ATTEMPTS = 3  # at a table that is being compacted and cleared meanwhile
_PUT_BACK = "put the file back from a copy; without one, its rows are lost and the senders of that day must send again"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: what, where, and what to do."""

    where: str
    what: str
    advice: str


def check(store: Store) -> Iterator[Fault]:
    """Everything that is wrong with a store; nothing where all is well. Every value of every file is read."""
    for name in store.tables():
        yield from _table(store, name)
    for text in store.state.file.faults():
        yield Fault(str(store.state.file.path), text, "put back a copy from before the damage")


def _table(store: Store, name: str) -> list[Fault]:
    """Faults of one table."""
    uri = store.place.table_uri(name)
    found: list[Fault] = []
    for _ in range(_ATTEMPTS):
        try:
            snapshot = store.table(name).snapshot()
            if snapshot is None:
                return [Fault(uri, "its log is empty", "remove the folder; there are no rows in it")]
            found = [*_columns(uri, name, snapshot), *_files(uri, snapshot, _own(name))]
            latest = store.table(name).snapshot()
        except StoreError as error:
            return [Fault(uri, str(error), "put the log back from a copy")]
        if not found or latest is None or latest.version == snapshot.version:
            break
    return found


def _columns(uri: str, name: str, snapshot: Snapshot) -> list[Fault]:
    """Columns of another type than this version declares."""
    record = record_classes().get(name)
    if record is None:
        return []
    declared = view_schema(record)
    return [
        Fault(
            uri,
            f"column {column.name} is {column.type}, declared {declared.field(column.name).type}",
            "export it with the version of farmwatch that wrote it and ingest it again",
        )
        for column in snapshot.schema
        if column.name in declared.names and declared.field(column.name).type != column.type
    ]


def _own(name: str) -> list[str]:
    """Columns that do not count for a row's key; none where this version does not know the table."""
    record = record_classes().get(name)
    return ["row_key", *(one.name for one in STAMPS if one.name not in record.columns)] if record else []


def _files(uri: str, snapshot: Snapshot, own: Sequence[str]) -> list[Fault]:
    """Files missing or damaged, rows miscounted or twice."""
    found: list[Fault] = []
    by_day: dict[str, list[Words]] = {}
    for file in snapshot.files:
        where = f"{uri}/{file.path}"
        try:
            keys, wrong = _file(snapshot, file, own)
        except FileNotFoundError:
            found.append(Fault(where, "is missing", _PUT_BACK))
        except (OSError, pa.ArrowException, ValueError, TypeError) as error:
            found.append(Fault(where, f"cannot be read: {error}", _PUT_BACK))
        else:
            by_day.setdefault(file.day, []).append(keys)
            found += [Fault(where, what, _PUT_BACK) for what in wrong]
    for day, listed in sorted(by_day.items()):
        twice = int((~first_of_each(np.concatenate(listed))).sum())
        if twice:
            found.append(
                Fault(
                    f"{uri} day {day}",
                    f"{twice} rows are there twice",
                    "run 'farmwatch store compact', which drops them",
                )
            )
    return found


def _file(snapshot: Snapshot, file: DataFile, own: Sequence[str]) -> tuple[Words, list[str]]:
    """Row keys of a file, and what is wrong with it.

    A row's key is worked out again from its values: that finds what checksums of pages do not cover.
    """
    wrong = []
    with snapshot.filesystem.open_input_file(file.path) as source:
        size = source.size()
        parquet = pq.ParquetFile(source, page_checksum_verification=True)
        names = parquet.schema_arrow.names
        if "row_key" not in names:
            raise ValueError("it has no row keys; farmwatch did not write it")
        content = [name for name in names if name not in own]
        keys, spoilt = [], 0
        for batch in parquet.iter_batches():
            keys.append(from_binary(batch.column("row_key")))
            if own:
                again = row_keys(pa.Table.from_batches([batch]).select(content), snapshot.secret)
                spoilt += int((again != keys[-1]).any(axis=1).sum())
        rows = parquet.metadata.num_rows
    strange = sorted(set(names) - set(snapshot.schema.names))
    if strange:
        wrong.append(f"has columns that its table has not: {', '.join(strange)}")
    if size != file.size:
        wrong.append(f"is {size} bytes long, {file.size} in the log")
    if rows != file.rows or sum(len(one) for one in keys) != rows:
        wrong.append(f"holds {rows} rows, {file.rows} in the log")
    if spoilt:
        wrong.append(f"{spoilt} rows hold other values than were written")
    return (np.concatenate(keys) if keys else np.empty((0, 2), np.uint64)), wrong
