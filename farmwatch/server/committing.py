"""From the log to the store: sealed segments in order, several at once where many wait, each row once.

One thread. A batch that cannot be committed is kept and tried again, later and later, up to half a minute apart: a full
disk or a store out of reach stops nothing but this thread, until the log takes no more and senders are asked to wait.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from farmwatch.errors import StoreError
from farmwatch.records import Record
from farmwatch.records.arrow import arrow_schema
from farmwatch.server.frames import Damage
from farmwatch.server.log import Log
from farmwatch.server.metrics import Metrics
from farmwatch.server.segments import Segment, read
from farmwatch.store.days import LATE, day_numbers
from farmwatch.store.lake import STAMPS, Store, record_classes
from farmwatch.store.lake_table import LakeTable

__all__ = ["Committer"]

_LOG = logging.getLogger("farmwatch.server")
_EPOCH = date(1970, 1, 1)
_LATE = (date.fromisoformat(LATE) - _EPOCH).days
_US_A_DAY = 86_400_000_000
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0


@dataclass(slots=True)
class _Part:
    """Rows of one table in one delivery."""

    rows: pa.Table
    received: datetime
    feed: str
    sender: str


@dataclass(slots=True)
class _Gathered:
    """The rows of a batch by table."""

    parts: dict[type[Record], list[_Part]] = field(default_factory=dict)

    def add(self, record: type[Record], part: _Part) -> None:
        self.parts.setdefault(record, []).append(part)


class Committer:
    """Commits segments of a log to a store.

    Args:
        store: Where rows go.
        metrics: Where it counts.
        batch_rows: Segments are committed together up to so many rows.
    """

    def __init__(self, store: Store, metrics: Metrics, batch_rows: int) -> None:
        self._store, self._metrics, self._batch_rows = store, metrics, batch_rows
        self._classes = record_classes()
        self._ready = threading.Condition()
        self._waiting: deque[Segment] = deque()
        self._busy: list[Segment] = []
        self._ending = False
        self._giving_up = threading.Event()
        self._log: Log | None = None
        self._failure = ""
        self._thread = threading.Thread(target=self._commit_on, name="committer", daemon=True)

    def start(self, log: Log) -> None:
        """Begin."""
        self._log = log
        self._thread.start()

    def put(self, segment: Segment) -> None:
        """Queue a sealed segment."""
        with self._ready:
            self._waiting.append(segment)
            self._ready.notify()

    def finish(self, seconds: float) -> int:
        """Commit what is queued, but stop after so long.

        Returns:
            How many segments are left for the next start.
        """
        with self._ready:
            self._ending = True
            self._ready.notify()
        self._thread.join(max(0.0, seconds))
        self._giving_up.set()
        return len(self._busy) + len(self._waiting)

    def wait_idle(self, seconds: float) -> bool:
        """Wait until nothing is queued; whether it came to that."""
        with self._ready:
            return self._ready.wait_for(lambda: not self._waiting and not self._busy, seconds)

    @property
    def segments(self) -> int:
        """Segments queued or being committed."""
        return len(self._waiting) + len(self._busy)

    @property
    def lag_s(self) -> float:
        """Age of the oldest acknowledged row among segments queued."""
        oldest = [segment.since for segment in (*self._busy, *self._waiting)]
        return time.monotonic() - min(oldest) if oldest else 0.0

    @property
    def failure(self) -> str:
        """Why the batch in hand could not be committed; empty where all is well."""
        return self._failure

    def _commit_on(self) -> None:
        """The committing thread."""
        while batch := self._batch():
            wait = _FIRST_WAIT_S
            while not self._committed(batch):
                if self._ending or self._giving_up.wait(wait):
                    return
                wait = min(2 * wait, _LONGEST_WAIT_S)
            log = self._log
            assert log is not None
            for segment in batch:
                try:
                    log.release(segment)
                except OSError as error:  # offered again by the next start, which adds nothing
                    _LOG.error("%s: committed, but cannot be deleted: %s", segment.path, error.strerror)
            with self._ready:
                self._busy = []
                self._ready.notify_all()

    def _batch(self) -> list[Segment]:
        """The next segments, one by one where an earlier run left them; none at the end."""
        with self._ready:
            while not self._waiting and not self._ending:
                self._ready.wait()
            batch: list[Segment] = []
            rows = 0
            while self._waiting:
                following = self._waiting[0]
                if batch and (following.recovered or batch[-1].recovered or rows + following.rows > self._batch_rows):
                    break
                batch.append(self._waiting.popleft())
                rows += following.rows
            self._busy = batch
        return batch

    def _committed(self, batch: list[Segment]) -> bool:
        """Commit a batch; whether that worked."""
        began = time.perf_counter()
        try:
            gathered = self._gathered(batch)
            for record, parts in gathered.parts.items():
                self._append(record, parts, (f"farmwatch-serve-{batch[-1].run}", batch[-1].number))
        except Exception as error:  # noqa: BLE001  (the edge of this thread: it must go on, and rows are kept)
            self._metrics.commit_failures.add()
            if str(error) != self._failure:
                _LOG.error("a commit failed and is tried again: %s", error, exc_info=not isinstance(error, StoreError))
            self._failure = str(error) or type(error).__name__
            return False
        if self._failure:
            _LOG.warning("commits work again")
            self._failure = ""
        self._metrics.commit_s.observe(time.perf_counter() - began)
        return True

    def _gathered(self, batch: list[Segment]) -> _Gathered:
        """Rows of a batch; what cannot be used of the log is put aside."""
        log = self._log
        assert log is not None
        gathered = _Gathered()
        for segment in batch:
            for start, raw, found in read(segment):
                if isinstance(found, Damage):
                    log.segments.put_aside(segment, start, raw, found.reason)
                    continue
                try:
                    fitted = [(self._classes[name], _fitted(self._classes[name], rows))
                              for name, rows in found.tables.items()]  # fmt: skip
                except (KeyError, ValueError, pa.ArrowException) as error:
                    log.segments.put_aside(segment, start, raw, f"rows this version does not know: {error}")
                    continue
                for record, rows in fitted:
                    gathered.add(record, _Part(rows, found.received, found.feed, found.sender))
        return gathered

    def _append(self, record: type[Record], parts: list[_Part], transaction: tuple[str, int]) -> None:
        """Rows of one table, of any number of senders, as one commit.

        Why not the store's own ``append``: it takes one sender and feed at a time, and a thousand hosts that report
        every second would be a thousand commits.
        """
        rows, table = _stamped(parts), self._store.table(record.table)
        with_ts = "ts" in record.columns
        days = np.concatenate([
            day_numbers(rows.column("ts").slice(start, count) if with_ts else None, count, received)
            for start, count, received in _by_date(parts)
        ])  # fmt: skip
        if with_ts and (days == _LATE).any():
            days = _own_days(days, rows.column("ts"), table)
        added = table.append(rows, days, list(record.columns), transaction, every_day=not with_ts)
        self._metrics.committed_rows.add(added, record.table)
        self._metrics.duplicates.add(rows.num_rows - added, record.table)


def _own_days(days: NDArray[np.int64], ts: pa.ChunkedArray, table: LakeTable) -> NDArray[np.int64]:
    """Days of rows, where those that seem to come from the future are filed under their own day if that has begun.

    Why: it is this machine's clock that may have stepped back. A row that came before the step is under its own day,
    where its repetition must be looked for.
    """
    snapshot = table.snapshot()
    if snapshot is None:
        return days
    own = np.floor_divide(ts.cast(pa.int64()).to_numpy(), _US_A_DAY)
    begun = [(date.fromisoformat(day) - _EPOCH).days for day in snapshot.days()]
    return np.where((days == _LATE) & np.isin(own, begun), own, days)


def _fitted(record: type[Record], rows: pa.Table) -> pa.Table:
    """Rows with the record's columns as the store keeps them; those an older version did not have are absent.

    Raises:
        ValueError: a column that always has a value is missing.
    """
    schema = arrow_schema(record)
    if rows.schema.names != schema.names:
        for column in schema:
            if column.name not in rows.column_names:
                if not column.nullable:
                    raise ValueError(f"table {record.table}: column {column.name} is missing")
                rows = rows.append_column(column, pa.nulls(rows.num_rows, column.type))
        rows = rows.select(schema.names)
    return rows.cast(pa.schema([pa.field(column.name, column.type) for column in schema]))


def _stamped(parts: list[_Part]) -> pa.Table:
    """The rows of all parts, with when they came, by which feed and from whom, where the record does not say it."""
    rows = pa.concat_tables([part.rows for part in parts])
    which = pa.array(np.repeat(np.arange(len(parts)), [part.rows.num_rows for part in parts]))
    stamps: tuple[list[Any], ...] = (
        [part.received for part in parts], [part.feed for part in parts], [part.sender for part in parts]
    )  # fmt: skip
    for column, values in zip(STAMPS, stamps, strict=True):
        if column.name not in rows.column_names:
            rows = rows.append_column(column, pa.array(values, column.type).take(which))
    return rows


def _by_date(parts: list[_Part]) -> list[tuple[int, int, datetime]]:
    """Stretches of rows that came on the same day: first row, number of rows, when."""
    found, start = [], 0
    for _, group in itertools.groupby(parts, lambda part: part.received.date()):
        listed = list(group)
        count = sum(part.rows.num_rows for part in listed)
        found.append((start, count, listed[-1].received))
        start += count
    return found
