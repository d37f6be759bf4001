"""The store as the rest of farmwatch sees it: append tables, read them back, ask them in SQL."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from farmwatch.errors import StoreError
from farmwatch.records.arrow import arrow_schema
from farmwatch.records.endpoint import FeedReject
from farmwatch.records.schema import Record
from farmwatch.store.days import day_numbers, days_between
from farmwatch.store.key_index import KeyIndex
from farmwatch.store.lake_table import LakeTable
from farmwatch.store.place import Place, default_store, place_of
from farmwatch.store.snapshot import Snapshot
from farmwatch.store.state import State

if TYPE_CHECKING:
    import duckdb

__all__ = ["STAMPS", "Store", "Stored", "condition", "open_store", "record_classes", "view_schema"]

STAMPS: tuple[pa.Field, ...] = (
    pa.field("received", pa.timestamp("us", tz="UTC")),
    pa.field("feed", pa.string()),
    pa.field("sender", pa.string()),
)
"""Columns the store puts on every row: when it came, by which feed, from whom."""
_INDEX_BYTES = 512 * 1024 * 1024
_ATTEMPTS = 10  # of reading: each begins with the newest version
_GONE = ("no such file", "not found", "does not exist", "404")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stored:
    """What an append did, by table name."""

    rows: Mapping[str, int] = field(default_factory=dict)  #: rows that are in the store now and were not before
    duplicates: Mapping[str, int] = field(default_factory=dict)  #: rows that were there already, or twice in the batch


def record_classes() -> dict[str, type[Record]]:
    """Every record class by the name of its table, that of its modules which are imported."""
    found: dict[str, type[Record]] = {}
    classes = list(Record.__subclasses__())
    while classes:
        record = classes.pop()
        classes += record.__subclasses__()
        if record.__module__.startswith("farmwatch.records"):
            found[record.table] = record
    return found


def open_store(
    url: str | Path | None = None,
    *,
    options: Mapping[str, str] | None = None,
    make: bool = True,
    index_bytes: int = _INDEX_BYTES,
) -> Store:
    """Open a store.

    Args:
        url: A folder or an object-store URL such as ``s3://bucket/prefix``; without it, the default store.
        options: What the object store needs beside its environment variables (``aws_endpoint_url`` and the like).
        make: Make the store where there is none yet.
        index_bytes: Memory for the keys of rows already there, 16 bytes a row; the days used last stay in it.

    Raises:
        StoreError: there is no store and none can be made, or a later farmwatch made it.
    """
    place = place_of(url if url is not None else default_store(), options)
    if make:
        place.make()
    else:
        place.check()
    return Store(place, index_bytes=index_bytes)


class Store:
    """The telemetry lake and the case state beside it. May be shared by threads; each process opens its own.

    What holds in a folder: every row is there once, whoever appends it and how often, from any number of processes on
    one machine. In an object store there is no lock: a batch with a transaction is committed once, but the same row in
    two batches that two writers commit at the same moment may be there twice until compaction drops one.
    """

    def __init__(self, place: Place, *, index_bytes: int = _INDEX_BYTES) -> None:
        self.place = place
        self._index = KeyIndex(index_bytes)
        self._tables: dict[str, LakeTable] = {}
        self._guard = threading.Lock()

    @property
    def state(self) -> State:
        """The case state: tokens, enrolments, dispositions, the company's secret."""
        return State(self.place.state_folder / "state.sqlite")

    def tables(self) -> list[str]:
        """Names of the tables that hold or held rows, sorted."""
        return self.place.tables()

    def table(self, name: str) -> LakeTable:
        """A table by its name, whether it has been begun or not."""
        with self._guard:
            if name not in self._tables:
                self._tables[name] = LakeTable(self.place, name, self._index)
            return self._tables[name]

    def append(
        self,
        tables: Mapping[type[Record], pa.Table],
        *,
        feed: str,
        sender: str,
        received: datetime,
        rejects: pa.Table | None = None,
        transaction: tuple[str, int] | None = None,
    ) -> Stored:
        """Append rows that are not there yet. When it returns they are durable.

        Each table is one commit. With a transaction, an append that ended halfway is repeated whole: tables that have
        the batch already skip it.

        Args:
            tables: Rows by record class, with exactly the columns of ``arrow_schema(record)``.
            feed: What they came by, such as ``zeek``.
            sender: Who sent them.
            received: When they came.
            rejects: Rows of :class:`~farmwatch.records.endpoint.FeedReject`.
            transaction: Application id and batch number, which must grow from batch to batch of one application.

        Raises:
            StoreError: rows that do not fit their table, no room, or no way to write.
        """
        given = [(record, rows) for record, rows in tables.items() if rows.num_rows]
        if rejects is not None and rejects.num_rows:
            given.append((FeedReject, rejects))
        ready = [(record, _fitted(record, rows)) for record, rows in given]  # all of them before any is written
        new: dict[str, int] = {}
        duplicates: dict[str, int] = {}
        for record, rows in ready:
            days = day_numbers(rows.column("ts") if "ts" in record.columns else None, rows.num_rows, received)
            stamped = _stamped(rows, received, feed, sender)
            added = self.table(record.table).append(
                stamped, days, list(record.columns), transaction, every_day="ts" not in record.columns
            )
            new[record.table] = added
            duplicates[record.table] = rows.num_rows - added
        return Stored(new, duplicates)

    def read(
        self,
        record: type[Record],
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        device_ids: Iterable[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Rows of one table; none where it has not been begun. The order is not defined.

        Args:
            record: The table's class.
            since: From this time on (of arrival, in tables without ``ts``).
            until: Up to this time, not included.
            device_ids: Only rows of these devices.
            columns: Which columns, of the record's and ``received``, ``feed``, ``sender``, ``day``; without it, the
                record's, with exactly its Arrow schema.

        Raises:
            StoreError: the table cannot be read.
        """
        chosen = list(record.columns) if columns is None else list(columns)
        declared = view_schema(record)
        unknown = [name for name in chosen if name not in declared.names]
        if unknown:
            raise StoreError(f"table {record.table} has no column {', '.join(unknown)}")
        clock = "ts" if "ts" in record.columns else "received"
        chosen_rows = condition(clock, since, until, device_ids)

        def from_snapshot(snapshot: Snapshot) -> pa.Table:
            # In tables without a clock of their own, days are those of arrival, as is the time asked for.
            wanted = days_between(snapshot.days(), since, until)
            files = [file for file in snapshot.files if file.day in wanted]
            return snapshot.dataset(declared, files).to_table(columns=chosen, filter=chosen_rows)

        found = self.with_snapshot(record.table, from_snapshot)
        schema = pa.schema([_field(record, name, declared) for name in chosen])
        if found is None:
            return schema.empty_table()
        for name in chosen:
            if not schema.field(name).nullable and found.column(name).null_count:
                raise StoreError(
                    f"{self.place.table_uri(record.table)}: column {name} has rows without a value, which farmwatch "
                    "does not write; run 'farmwatch store check'"
                )
        return found.cast(schema)

    def with_snapshot(self, table: str, work: Callable[[Snapshot], T]) -> T | None:
        """Read from the newest version of a table; where a file was cleared away meanwhile, from a newer one.

        Returns:
            What ``work`` gives, or none where the table has not been begun.

        Raises:
            StoreError: a file that the newest version names cannot be read.
        """
        for attempt in range(_ATTEMPTS):
            snapshot = self.table(table).snapshot()
            if snapshot is None:
                return None
            try:
                return work(snapshot)
            except (OSError, pa.ArrowInvalid) as error:
                latest = self.table(table).snapshot()
                if attempt == _ATTEMPTS - 1 or latest is None or latest.version == snapshot.version:
                    raise StoreError(
                        f"{snapshot.delta.table_uri}: cannot be read: {error}; run 'farmwatch store check'"
                    ) from error
        raise AssertionError("unreachable")

    def source(self, record: type[Record], *, since: datetime | None = None) -> pads.Dataset | tuple[str, ...]:
        """Where the rows of a table are as the store stands now, for engines that read for themselves.

        Args:
            record: The table's class.
            since: Days before this time are left out.

        Returns:
            The paths of its Parquet files where the store is a folder, else a dataset. Files may hold rows before
            ``since``, may lack columns that were added later, and have columns of the store's own.
        """
        snapshot = self.table(record.table).snapshot() if record.table in self.tables() else None
        if snapshot is None:
            return ()
        wanted = days_between(snapshot.days(), since, None)
        files = [file for file in snapshot.files if file.day in wanted]
        if self.place.folder is None:
            return snapshot.dataset(view_schema(record), files)
        folder = self.place.table_uri(record.table)
        return tuple(str(Path(folder, file.path)) for file in files)

    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection in memory with a view per table: the store as it is now.

        Columns are the record's, then ``received``, ``feed``, ``sender`` and ``day``. Take results as Arrow
        (``.sql(...).to_arrow_table()``) or as a data frame: DuckDB needs another package to make Python times of them.
        The connection can neither read nor write files, so that SQL from a user stays in the store.
        """
        import duckdb

        connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET python_enable_replacements = false")  # variables of the program are no tables
        classes, begun = record_classes(), set(self.tables())
        for name in sorted(classes.keys() | begun, key=lambda name: (name in begun, name)):  # those that age last
            snapshot = self.table(name).snapshot() if name in begun else None
            if name in classes:
                schema = view_schema(classes[name])
            elif snapshot is not None:  # of another version of farmwatch
                schema = pa.schema([one for one in snapshot.schema if one.name != "row_key"])
            else:
                continue
            rows = snapshot.dataset(schema) if snapshot is not None else schema.empty_table()
            connection.register(f"{name}__rows", rows)
            quoted = name.replace('"', '""')
            connection.execute(f'CREATE VIEW "{quoted}" AS SELECT * FROM "{quoted}__rows"')  # noqa: S608 (quoted)
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        return connection

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """The result of one SQL query over the views of :meth:`duckdb`.

        Raises:
            StoreError: the query is wrong, or the store cannot be read.
        """
        import duckdb

        wrong = (duckdb.CatalogException, duckdb.BinderException, duckdb.ParserException)  # whatever the files hold
        for _ in range(_ATTEMPTS):
            with contextlib.closing(self.duckdb()) as connection:
                try:
                    found = connection.sql(sql, params=list(parameters))
                    if found is None:
                        raise StoreError("that is no query: views can be read, nothing else")
                    return found.to_arrow_table()
                except (duckdb.Error, OSError) as error:
                    failure = error
                    if isinstance(error, wrong) or not any(words in str(error).lower() for words in _GONE):
                        break
            time.sleep(0.05)  # a file was cleared away meanwhile; the next connection sees the newest version
        raise StoreError(f"the query failed: {failure}") from failure


def view_schema(record: type[Record]) -> pa.Schema:
    """Columns of a table as people see them: the record's, then what the store put on, then the day; all nullable."""
    columns = [pa.field(one.name, one.type) for one in arrow_schema(record)]
    columns += [one for one in STAMPS if one.name not in record.columns]
    return pa.schema([*columns, pa.field("day", pa.string())])


def _field(record: type[Record], name: str, declared: pa.Schema) -> pa.Field:
    return arrow_schema(record).field(name) if name in record.columns else declared.field(name)


def _fitted(record: type[Record], rows: pa.Table) -> pa.Table:
    """Rows with exactly the record's columns, all nullable as the lake keeps them.

    Raises:
        StoreError: a column is missing, unknown, of another type, or lacks a value where there always is one.
    """
    schema = arrow_schema(record)
    if set(rows.column_names) != set(schema.names):
        wrong = sorted(set(rows.column_names) ^ set(schema.names))
        raise StoreError(f"rows for table {record.table}: columns missing or unknown: {', '.join(wrong)}")
    try:
        fitted = rows.select(schema.names).cast(pa.schema([pa.field(one.name, one.type) for one in schema]))
    except pa.ArrowInvalid as error:
        raise StoreError(f"rows for table {record.table}: {error}") from error
    for column in schema:
        if not column.nullable and fitted.column(column.name).null_count:
            raise StoreError(f"rows for table {record.table}: column {column.name} has rows without a value")
    return fitted


def _stamped(rows: pa.Table, received: datetime, feed: str, sender: str) -> pa.Table:
    """Rows with the store's own columns; a record that declares one of them keeps its own."""
    for column, value in zip(STAMPS, (received, feed, sender), strict=True):
        if column.name not in rows.column_names:
            rows = rows.append_column(column, pa.repeat(pa.scalar(value, column.type), rows.num_rows))
    return rows


def condition(
    clock: str, since: datetime | None, until: datetime | None, device_ids: Iterable[str] | None
) -> pc.Expression | None:
    """What rows must satisfy."""
    kind = pa.timestamp("us", tz="UTC")
    parts = []
    if since is not None:
        parts.append(pads.field(clock) >= pa.scalar(since, kind))
    if until is not None:
        parts.append(pads.field(clock) < pa.scalar(until, kind))
    if device_ids is not None:
        parts.append(pads.field("device_id").isin(pa.array(sorted(set(device_ids)), pa.string())))
    whole = None
    for part in parts:
        whole = part if whole is None else whole & part
    return whole
