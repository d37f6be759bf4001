"""Taking in: a body is read by its kind's feed, its rows are made durable in the log, and only then is it answered."""

from __future__ import annotations

import asyncio
import io
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

import pyarrow as pa

from farmwatch.collectors.feeds.contract import Context, Fault, Feed, Parsed
from farmwatch.collectors.feeds.registry import FEEDS, feed_of
from farmwatch.errors import SourceError
from farmwatch.intake import reject_rows
from farmwatch.records import Record
from farmwatch.records.endpoint import FeedReject
from farmwatch.server.committing import Committer
from farmwatch.server.frames import encode
from farmwatch.server.log import Log
from farmwatch.server.metrics import Metrics
from farmwatch.server.problems import Refusal
from farmwatch.server.settings import Settings
from farmwatch.store.lake import Store

__all__ = ["Facts", "Ingest", "Receipt"]

_LOG = logging.getLogger("farmwatch.server")
_PARQUET = b"PAR1"
_SHOWN_NAME = 100  # characters of a field's name, which is the sender's
_SPACE = b" \t\r\n\xef\xbb\xbf"
_COLUMNS = 4096  # of delimited text; each costs memory whatever stands in it
_FIRST_LINE = 1 << 18
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a request beside its body."""

    request: str  #: its id, given by the server
    name: str  #: what it came in, such as ``POST /v1/ingest/dns``; kept with rejects
    device_id: str | None = None  #: of a sender that is one device and does not name it in every record


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a body. ``records == used + rejected + sum of unneeded``; its rows are durable."""

    kind: str
    records: int
    used: int
    rejected: int
    faults: tuple[Fault, ...]  #: why records, or rows of records that gave others, were not used
    unneeded: Mapping[str, int]  #: records without use here, by what they were
    dropped: Mapping[str, int]  #: fields that are never kept
    rows: Mapping[str, int]  #: by table; those the store has already are dropped when they are committed
    error: str  #: why the body could not be read to its end; what came before counts
    sequence: int | None  #: number of the log's segment that has the rows; none where there were no rows
    accepted_at: datetime

    def answer(self, shown: int = 20) -> dict[str, Any]:
        """It as JSON, with the first faults and fields."""
        return {
            "records": self.records,
            "used": self.used,
            "rejected": self.rejected,
            "not_needed": sum(self.unneeded.values()),
            "dropped_fields": {name[:_SHOWN_NAME]: count for name, count in islice(self.dropped.items(), shown)},
            "faults": [{"reason": one.reason, "record": one.offset, "count": one.count} for one in self.faults[:shown]],
            "error": self.error or None,
            "accepted_at": self.accepted_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        }


class _Stream(io.BytesIO):
    """A body as feeds read it."""

    name: str


@dataclass(slots=True)
class _Read:
    """A body that was read."""

    received: datetime
    parts: dict[type[Record], list[pa.Table]] = field(default_factory=dict)
    rows: int = 0
    records: int = 0
    used: int = 0
    rejected: int = 0
    faults: list[Fault] = field(default_factory=list)
    unneeded: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    error: str = ""
    pieces: list[bytes | pa.Buffer] = field(default_factory=list)

    def add(self, parsed: Parsed) -> None:
        for record, rows in parsed.tables.items():
            self.parts.setdefault(record, []).append(rows)
            self.rows += rows.num_rows
        self.records += parsed.records
        self.used += parsed.used
        self.rejected += parsed.rejected
        self.faults += [*parsed.rejects, *parsed.partial]
        self.unneeded += parsed.unneeded
        self.dropped += parsed.dropped

    def tables(self) -> dict[type[Record], pa.Table]:
        return {record: pa.concat_tables(listed) for record, listed in self.parts.items()}


class Ingest:
    """The way in, shared by all doors.

    Args:
        store: Where rows end up.
        settings: Folder of the log, limits, threads.
        metrics: Where it counts.
        now: The clock that rows are stamped with; nothing else depends on it.

    Raises:
        StoreError: the log's folder or the store cannot be used.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        metrics: Metrics,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings, self._metrics, self._now = settings, metrics, now
        self._pepper = store.state.pepper()
        self._committer = Committer(store, metrics, settings.log.batch_rows)
        self.log = Log(settings.log_dir, settings.log, metrics, self._committer.put)
        self._pool = ThreadPoolExecutor(settings.threads, "parse")
        metrics.gauge("farmwatch_log_pending_bytes", "Acknowledged and not committed.", lambda: self.log.pending_bytes)
        metrics.gauge("farmwatch_log_segments", "Segments waiting for commit.", lambda: self._committer.segments)
        metrics.gauge("farmwatch_log_free_bytes", "Free on the log's disk.", self.log.free_bytes)
        metrics.gauge("farmwatch_commit_lag_seconds", "Age of the oldest uncommitted row.", self.lag_s)

    def start(self) -> int:
        """Begin; what an earlier run left is committed first.

        Returns:
            Segments it left.

        Raises:
            StoreError: the log cannot be read or written.
        """
        left = self.log.start()
        self._committer.start(self.log)
        return len(left)

    async def accept(self, kind: str, body: bytes, sender: str, facts: Facts) -> Receipt:
        """Take in a body. When this returns, its rows are durable, whatever crashes then.

        Args:
            kind: A feed's kind (``farmwatch feeds`` lists them).
            body: Unpacked bytes, text in UTF-8: what :func:`farmwatch.server.bodies.read_body` gives.
            sender: Who sent it, kept with its rows.
            facts: What else is known.

        Raises:
            Refusal: 404 no such kind; 400 nothing of it can be read; 413 too many rows; 503 not now.
        """
        began = time.perf_counter()
        feed = self.feed(kind)
        self.log.check()
        read = await self.work(self._read, feed, body, sender, facts)
        sequence = None
        if read.pieces:
            sequence = await asyncio.wrap_future(self.log.append(read.pieces, read.rows))
        self._count(kind, read)
        self._metrics.ack_s.observe(time.perf_counter() - began)
        return Receipt(
            kind, read.records, read.used, read.rejected, tuple(read.faults), read.unneeded, read.dropped,
            {record.table: sum(one.num_rows for one in listed) for record, listed in read.parts.items()},
            read.error, sequence, read.received,
        )  # fmt: skip

    async def keep_rejects(self, faults: Sequence[Fault], feed: str, sender: str, facts: Facts) -> None:
        """Make durable why records that never got to a feed were not used.

        Args:
            faults: The reasons.
            feed: What they are filed under.
            sender: Who sent them.
            facts: What else is known.

        Raises:
            Refusal: 503 not now.
        """
        self.log.check()
        count = sum(fault.count for fault in faults)
        read = _Read(self._now(), records=count, rejected=count, faults=list(faults))

        def pieces() -> list[bytes | pa.Buffer]:
            tables: dict[type[Record], pa.Table] = {
                FeedReject: reject_rows(read.faults, feed, sender, facts.name, read.received)
            }
            return encode(tables, feed=feed, sender=sender, received=read.received, request=facts.request)

        await asyncio.wrap_future(self.log.append(await self.work(pieces), len(faults)))
        self._count(feed, read)

    async def work(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run something that takes the processor a while in the threads that parse."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    @staticmethod
    def feed(kind: str) -> Feed:
        """The feed of a kind.

        Raises:
            Refusal: there is none.
        """
        try:
            return feed_of(kind)
        except ValueError as error:
            raise Refusal(404, str(error), reason="unknown_kind", kinds=[one.kind for one in FEEDS]) from error

    def trouble(self) -> str:
        """Why rows cannot be taken or committed now, in a word; empty where all is well."""
        try:
            self.log.check()
        except Refusal as refusal:
            return refusal.reason
        return "log_unwritable" if self.log.failure else "commits_fail" if self._committer.failure else ""

    def lag_s(self) -> float:
        """Age of the oldest acknowledged row that is not in the store."""
        return max(self._committer.lag_s, self.log.oldest_s)

    def settle(self, seconds: float = 60.0) -> bool:
        """Commit everything acknowledged so far; whether that was done in time."""
        until = time.monotonic() + seconds
        while self.log.pending_bytes and time.monotonic() < until:
            self.log.flush()
            self._committer.wait_idle(0.05)
            time.sleep(0.01)
        return not self.log.pending_bytes

    def finish(self, seconds: float) -> int:
        """Write what waits, commit it within so many seconds, and end.

        Returns:
            Segments left in the log, which the next start commits.
        """
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.log.close()
        left = self._committer.finish(seconds)
        self.log.unlock()
        return left

    def _read(self, feed: Feed, body: bytes, sender: str, facts: Facts) -> _Read:
        """Read a body into pieces for the log; runs in a thread."""
        began = time.perf_counter()
        read = _Read(self._now())
        limit = self._settings.limits.body_rows
        if body.startswith(_PARQUET):  # a page of a few bytes may stand for gigabytes
            raise Refusal(415, "Parquet is read from files only: 'farmwatch ingest FILE'", reason="parquet")
        if body.count(b"\n") > limit:
            raise _too_many(limit)
        if body.lstrip(_SPACE)[:1] not in (b"{", b"["):
            first = body[:_FIRST_LINE].partition(b"\n")[0]
            if max(first.count(b","), first.count(b"\t")) > _COLUMNS:
                raise Refusal(413, f"more than {_COLUMNS} columns", reason="too_many_columns", limit=_COLUMNS)
        stream = _Stream(body)
        stream.name = facts.name
        context = Context(facts.name, read.received, self._pepper, facts.device_id)
        try:
            for parsed in feed.read(stream, context):
                read.add(parsed)
                if max(read.rows, read.records) > limit:
                    raise _too_many(limit)  # noqa: TRY301  (a refusal like those around it)
        except SourceError as error:
            if not read.records:
                raise Refusal(400, f"not readable as {feed.kind}: {error.reason}", reason="unreadable") from error
            read.error = error.reason
        except Refusal:
            raise
        except Exception as error:
            self._metrics.feed_failures.add(1, feed.kind)
            _LOG.exception("the feed %s failed on a body of %d bytes from %r", feed.kind, len(body), sender)
            raise Refusal(
                500, f"reading it as {feed.kind} failed ({type(error).__name__}), which is a fault of farmwatch; "
                "nothing of it was kept", reason="feed_failed",
            ) from error  # fmt: skip
        _see_that_something_was_read(read, feed, body)
        tables = read.tables()
        if read.faults:
            tables[FeedReject] = reject_rows(read.faults, feed.kind, sender, facts.name, read.received)
        if tables:
            read.pieces = encode(tables, feed=feed.kind, sender=sender, received=read.received, request=facts.request)
        self._metrics.parse_s.observe(time.perf_counter() - began)
        return read

    def _count(self, kind: str, read: _Read) -> None:
        metrics = self._metrics
        metrics.records.add(read.records, kind)
        metrics.used.add(read.used, kind)
        metrics.rejected.add(read.rejected, kind)
        metrics.unneeded.add(read.unneeded.total(), kind)
        metrics.dropped.add(read.dropped.total(), kind)
        for record, listed in read.parts.items():
            metrics.accepted_rows.add(sum(one.num_rows for one in listed), record.table)


def _see_that_something_was_read(read: _Read, feed: Feed, body: bytes) -> None:
    """See that a body that holds something, and no empty JSON, gave records.

    Raises:
        Refusal: it did not.
    """
    start = body[:4096].lstrip()[:1]
    if not (read.records or read.error) and start and start not in (b"[", b"{"):
        raise Refusal(400, f"no record in it can be read as {feed.kind}", reason="unreadable")


def _too_many(limit: int) -> Refusal:
    return Refusal(
        413, f"more than {limit} records or rows in one body; send it in smaller ones", reason="too_many_rows",
        limit=limit,
    )  # fmt: skip
