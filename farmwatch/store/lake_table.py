"""One Delta table of the lake: its snapshots, its lock, and appending to it exactly once.

Why data files are written here and not by the Delta library: they must be on the disk before a commit names them, and
the log must hold no smallest and largest values of columns that identify a device, or forgetting it would have to
rewrite the log.
"""

from __future__ import annotations

import contextlib
import errno
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from farmwatch.errors import StoreError
from farmwatch.store import parquet_files
from farmwatch.store.days import LATE, name_of
from farmwatch.store.key_index import KeyIndex, first_of_each
from farmwatch.store.place import Place
from farmwatch.store.row_keys import KEY_BYTES, Words, as_binary, row_keys
from farmwatch.store.snapshot import DESCRIPTION, DataFile, Snapshot

__all__ = ["LakeTable"]

_CONFIGURATION = {
    "delta.dataSkippingNumIndexedCols": "0",  # other engines that write here shall keep values out of the log too
    "delta.logRetentionDuration": "interval 1 hours",
    "delta.deletedFileRetentionDuration": "interval 1 hours",
    "delta.checkpointInterval": "50",
}
_WAIT_S = 600.0  # for a lock; compaction holds it for a commit, clearing files while it lists them
_POLL_S = 0.005
_ATTEMPTS = 8
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_WORDS = ("no space left", "os error 28", "quota exceeded", "os error 122")


class LakeTable:
    """One table, shared by the threads of a process. Processes on one machine take turns by a lock file.

    Args:
        place: The store.
        name: The table's name.
        index: Keys of rows already there, shared by all tables of the store.
    """

    def __init__(self, place: Place, name: str, index: KeyIndex) -> None:
        self.name = name
        self.place = place
        self.uri = place.table_uri(name)
        self._index = index
        self._thread = threading.RLock()
        self._delta: DeltaTable | None = None

    # --- reading ---------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot | None:
        """The newest version, or none where the table has not been begun.

        Raises:
            StoreError: its log is damaged or out of reach.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return Snapshot(self.place, self.uri, self._opened())
            except TableNotFoundError:
                return None
            except (DeltaError, OSError) as error:
                if attempt == _ATTEMPTS - 1:  # until then: a checkpoint may have cleared the log while it was read
                    raise StoreError(
                        f"{self.uri}: its log cannot be read: {error}; run 'farmwatch store check'"
                    ) from error
                time.sleep(0.05 * attempt)
        raise AssertionError("unreachable")

    def _opened(self) -> DeltaTable:
        return DeltaTable(self.uri, storage_options=dict(self.place.options) or None)

    # --- writing ---------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def alone(self, *, upkeep: bool = False) -> Iterator[None]:
        """Hold the table's lock: nobody on this machine commits meanwhile.

        Args:
            upkeep: Hold the lock of compaction, vacuum and forgetting instead; appends go on.

        Raises:
            StoreError: somebody held it for ten minutes.
        """
        if self.place.folder is None:
            with self._thread:
                yield
            return
        folder = self.place.folder / "locks"
        folder.mkdir(exist_ok=True, mode=0o700)
        lock = FileLock(
            folder / f"{self.name}{'.upkeep' if upkeep else ''}.lock", timeout=_WAIT_S, poll_interval=_POLL_S
        )
        with contextlib.ExitStack() as stack:
            if not upkeep:
                stack.enter_context(self._thread)
            try:
                stack.enter_context(lock)
            except Timeout as error:
                raise StoreError(f"{lock.lock_file}: held for {_WAIT_S:.0f} s; end the process that hangs") from error
            yield

    def append(
        self,
        rows: pa.Table,
        days: NDArray[np.int64],
        content: list[str],
        transaction: tuple[str, int] | None,
        *,
        every_day: bool,
    ) -> int:
        """Append the rows that are not there yet; all of them or none.

        Args:
            rows: Columns of the table but ``row_key`` and ``day``.
            days: Day of every row, counted from 1970.
            content: The columns that make rows the same row.
            transaction: Application and its batch number; a batch committed before adds nothing.
            every_day: Whether a row may already be there under any day, not only its own.

        Returns:
            How many rows were new.

        Raises:
            StoreError: the rows do not fit, or there is no room; the table is as it was.
        """
        for attempt in range(_ATTEMPTS):
            try:
                with self.alone():
                    return self._append(rows, days, content, transaction, every_day)
            except CommitFailedError as error:  # object stores only: somebody else was quicker
                self._delta = None
                if attempt == _ATTEMPTS - 1:
                    raise StoreError(f"{self.uri}: other writers were quicker {_ATTEMPTS} times: {error}") from error
                time.sleep(0.05 * 2**attempt)
            except (DeltaError, OSError) as error:
                self._delta = None
                raise self._failure(error) from error
        raise AssertionError("unreachable")

    def _append(
        self,
        rows: pa.Table,
        days: NDArray[np.int64],
        content: list[str],
        transaction: tuple[str, int] | None,
        every_day: bool,
    ) -> int:
        before = self._current(rows.schema)
        if transaction is not None and self._committed(before.delta, transaction):
            return 0
        keys = row_keys(rows.select(content), before.secret)
        wanted = self._new(before, keys, days, every_day)
        if not wanted.any():
            return 0
        adds: list[AddAction] = []
        written: list[tuple[str, str, Words]] = []
        try:
            for number in np.unique(days[wanted]).tolist():
                at = np.flatnonzero(wanted & (days == number))
                day, chosen = name_of(number), keys[at]
                part = rows if len(at) == rows.num_rows else rows.take(pa.array(at))
                part = part.append_column("row_key", as_binary(chosen))
                path, size = parquet_files.write(self.place, self.uri, before.filesystem, day, part)
                adds.append(_added(path, day, size, len(at)))
                written.append((day, path, chosen))
            self._commit(before, adds, [], transaction)
        except BaseException:
            self._undo([add.path for add in adds])
            raise
        for day, path, chosen in written:
            self._index.add(self.name, day, path, chosen)
        return int(wanted.sum())

    def _committed(self, delta: DeltaTable, transaction: tuple[str, int]) -> bool:
        latest = delta.transaction_version(transaction[0])
        return latest is not None and latest >= transaction[1]

    def _new(self, before: Snapshot, keys: Words, days: NDArray[np.int64], every_day: bool) -> NDArray[np.bool_]:
        """Which rows are the first of their key, in this batch and in the table."""
        wanted = first_of_each(keys)
        by_day: dict[str, list[str]] = {}
        for file in before.files:
            by_day.setdefault(file.day, []).append(file.path)

        def load(paths: list[str]) -> Words:
            return parquet_files.load_keys(before.filesystem, paths)

        def look(day: str, rows: NDArray[np.int64]) -> None:
            if len(rows):
                wanted[rows] &= ~self._index.known(self.name, day, by_day.get(day, ()), load, keys[rows])

        if every_day:
            for day in by_day:
                look(day, np.flatnonzero(wanted))
            return wanted
        for number in np.unique(days).tolist():
            look(name_of(number), np.flatnonzero(wanted & (days == number)))
        if LATE in by_day:  # a row from the future may have been filed there, and come again when its day had come
            look(LATE, np.flatnonzero(wanted))
        return wanted

    def _current(self, schema: pa.Schema) -> Snapshot:
        """The newest version, made or widened for these columns."""
        if self._delta is not None:
            try:
                self._delta.update_incremental()
            except (DeltaError, OSError):  # the log was cleared up to a later checkpoint
                self._delta = None
        if self._delta is None:
            try:
                self._delta = self._opened()
            except TableNotFoundError:
                self._delta = self._made(schema)
        have = {column.name: column.type for column in pa.schema(self._delta.schema().to_arrow())}
        for column in schema:
            if have.get(column.name, column.type) != column.type:
                raise StoreError(
                    f"{self.uri}: column {column.name} is {have[column.name]} there and {column.type} in the new rows; "
                    "was the store written by another version of farmwatch?"
                )
        missing = [column for column in schema if column.name not in have]
        if missing:
            fields = Schema.from_arrow(pa.schema(missing)).fields
            self._delta.alter.add_columns([Field(one.name, one.type, nullable=True) for one in fields])
            self._delta.update_incremental()
        return Snapshot(self.place, self.uri, self._delta)

    def _made(self, schema: pa.Schema) -> DeltaTable:
        columns = [pa.field(column.name, column.type) for column in schema]
        columns += [pa.field("row_key", pa.binary()), pa.field("day", pa.string())]
        DeltaTable.create(
            self.uri,
            schema=Schema.from_arrow(pa.schema(columns)),
            partition_by=["day"],
            mode="ignore",
            configuration=_CONFIGURATION,
            description=DESCRIPTION + secrets.token_hex(KEY_BYTES),
            storage_options=dict(self.place.options) or None,
        )
        return self._opened()  # whoever was first made the secret

    def _commit(
        self,
        before: Snapshot,
        adds: Sequence[AddAction],
        removes: Sequence[RemoveAction],
        transaction: tuple[str, int] | None,
    ) -> None:
        """One commit; it is durable when this returns."""
        delta = before.delta
        try:
            delta.create_write_transaction(
                [*removes, *adds],
                mode="append",
                schema=delta.schema(),
                partition_by=["day"],
                commit_properties=CommitProperties(
                    app_transactions=[Transaction(*transaction)] if transaction else None
                ),
            )
            delta.update_incremental()
        except (DeltaError, OSError):
            # A commit may be done and the checkpoint after it fail, as on a full disk: then the rows are there.
            self._delta = delta = self._opened()
            named = {file.path for file in Snapshot(self.place, self.uri, delta).files}
            if any(add.path not in named for add in adds) or any(one.path in named for one in removes):
                raise
        if self.place.folder is not None:
            parquet_files.sync_log(self.uri, 0 if before.version == 0 else before.version + 1, delta.version())

    def _undo(self, paths: list[str]) -> None:
        """After a failure: delete files that no commit names. Where that cannot be known, leave them to a vacuum."""
        self._delta = None
        with contextlib.suppress(DeltaError, OSError):
            named = {file.path for file in Snapshot(self.place, self.uri, self._opened()).files}
            parquet_files.remove(self.place, self.uri, [path for path in paths if path not in named])

    def exchange(
        self, olds: Sequence[DataFile], news: Callable[[Snapshot], Sequence[tuple[str, pa.Table]]], *, changes: bool
    ) -> bool:
        """Put other files in the place of some, in one commit.

        Args:
            olds: Files to take out.
            news: Gives the day and rows of each file to put in, ``row_key`` included; called before the lock is taken.
            changes: Whether rows went, or were only moved together.

        Returns:
            False where somebody took one of the old files out meanwhile; nothing has changed then.

        Raises:
            StoreError: there is no room; the table is as it was.
        """
        start = self.snapshot()
        if start is None:
            return False
        adds: list[AddAction] = []
        try:
            for day, rows in news(start):
                path, size = parquet_files.write(self.place, self.uri, start.filesystem, day, rows)
                adds.append(_added(path, day, size, rows.num_rows, changes=changes))
            now = int(time.time() * 1000)
            removes = [
                RemoveAction(file.path, changes, now, size=file.size, partition_values={"day": file.day})
                for file in olds
            ]
            with self.alone():
                before = self._current(pa.schema([]))
                current = {file.path for file in before.files}
                if any(file.path not in current for file in olds):
                    self._undo([add.path for add in adds])
                    return False
                self._commit(before, adds, removes, None)
        except CommitFailedError:
            self._undo([add.path for add in adds])
            return False
        except (DeltaError, OSError) as error:
            self._undo([add.path for add in adds])
            raise self._failure(error) from error
        except BaseException:
            self._undo([add.path for add in adds])
            raise
        return True

    def clear(self, hours: int) -> int:
        """Delete files that no version names, cleared so many hours ago or never committed; how many.

        In a folder the table's locks are held, so that nobody is between writing a file and committing it.
        """
        try:
            with self.alone(upkeep=True), self.alone():
                delta = self._opened()
                gone = delta.vacuum(hours, dry_run=False, enforce_retention_duration=False, full=True)
                delta.update_incremental()
                delta.create_checkpoint()
                delta.cleanup_metadata()
                self._delta = None
                return len(gone)
        except (DeltaError, OSError) as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> StoreError:
        """What went wrong, in words that help."""
        text = str(error)
        if getattr(error, "errno", None) in _FULL or any(words in text.lower() for words in _FULL_WORDS):
            return StoreError(f"{self.uri}: the disk is full; the table is as it was. Make room, then send again")
        return StoreError(f"{self.uri}: cannot be written: {text}")


def _added(path: str, day: str, size: int, rows: int, *, changes: bool = True) -> AddAction:
    return AddAction(
        path=path,
        size=size,
        partition_values={"day": day},
        modification_time=int(time.time() * 1000),
        data_change=changes,
        stats=json.dumps({"numRecords": rows}),
    )
