"""From inputs to stored rows: an input's kind is told, its feed reads it, the store keeps its rows, all is counted.

Used by ``farmwatch ingest`` and by the server's doors. Reading and storing overlap: while the store writes one batch
(compression and fsync run outside the interpreter), the next one is parsed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from farmwatch.collectors.feeds.collected import collection_of
from farmwatch.collectors.feeds.columns import masked_path
from farmwatch.collectors.feeds.contract import Context, Fault, Feed, Parsed
from farmwatch.collectors.feeds.opening import Input, inputs, opened, sample_of
from farmwatch.collectors.feeds.registry import feed_of, kind_of
from farmwatch.collectors.paths import CAPTURE_MAGICS
from farmwatch.errors import SourceError
from farmwatch.records import FeedReject, Record
from farmwatch.records.arrow import arrow_schema

if TYPE_CHECKING:
    from farmwatch.store import Store, Stored

__all__ = ["InputAccount", "Intake", "parse", "reject_rows"]

_LOOKED_AT = 4096
_BLANK = b" \t\r\n\xef\xbb\xbf"
_SHOWN_FAULTS = 20  # of an input
_MOST_NAMES, _OTHER_NAMES = 1000, "(others)"
_BATCH_ROWS = 150_000  # rows that are stored with one commit, about: few enough that storing overlaps with reading
_BATCH_BYTES = 256 << 20
_UNKNOWN = "what this is cannot be told from its beginning; name it with --kind ('farmwatch feeds' lists the kinds)"


@dataclass(slots=True)
class InputAccount:
    """What became of one input: ``records == used + rejected + not needed``."""

    name: str
    kind: str = ""
    error: str = ""  #: why it could not be read, or not to its end
    records: int = 0
    used: int = 0
    rejected: int = 0
    unneeded: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)  #: fields that are never kept
    rows: Counter[str] = field(default_factory=Counter)  #: rows made, by table
    faults: list[Fault] = field(default_factory=list)  #: the first ones

    def count(self, parsed: Parsed) -> None:
        """Add a stretch."""
        self.records += parsed.records
        self.used += parsed.used
        self.rejected += parsed.rejected
        _add_names(self.unneeded, parsed.unneeded)
        _add_names(self.dropped, parsed.dropped)
        self.rows.update({record.table: table.num_rows for record, table in parsed.tables.items()})
        room = _SHOWN_FAULTS - len(self.faults)
        self.faults += [*parsed.rejects, *parsed.partial][: max(0, room)]


def _add_names(total: Counter[str], more: Counter[str]) -> None:
    """Add what is counted by names that a sender chooses; beyond so many they are counted as one."""
    for name, count in more.items():
        total[name if name in total or len(total) < _MOST_NAMES else _OTHER_NAMES] += count


def parse(source: Input, context: Context, account: InputAccount, feed: Feed | None = None) -> Iterator[Parsed]:
    """Read one input with its feed; why the whole cannot be read ends up in ``account.error``."""
    try:
        with opened(source) as stream:
            head = stream.peek(_LOOKED_AT)
            if head[:4] in CAPTURE_MAGICS:
                account.error = "this is a packet capture: 'farmwatch scan' judges it"
                return
            chosen = feed or kind_of(sample_of(stream, source.name))
            if chosen is None:
                account.error = _UNKNOWN if stream.peek(1) else _why_empty(stream)
                return
            account.kind = chosen.kind
            for parsed in chosen.read(stream, context):
                account.count(parsed)
                yield parsed
            if not account.records and head.strip() and head.lstrip(_BLANK)[:1] not in (b"[", b"{"):
                account.error = f"no record in it can be read as {chosen.kind}"
    except SourceError as error:
        account.error = error.reason


def _why_empty(stream: Any) -> str:
    try:
        stream.read(1)
    except EOFError as error:
        return f"breaks off at its beginning: {error}"
    return "empty"


def reject_rows(faults: Iterable[Fault], feed: str, sender: str, name: str, at: datetime) -> pa.Table:
    """Faults as rows of the table that keeps them."""
    listed = list(faults)
    columns = {
        "ts": [at] * len(listed),
        "feed": [feed] * len(listed),
        "sender": [sender] * len(listed),
        "input_name": [masked_path(name).encode("utf-8", "backslashreplace").decode()] * len(listed),
        "offset": [fault.offset for fault in listed],
        "reason": [fault.reason for fault in listed],
        "count": [fault.count for fault in listed],
    }
    return pa.table(columns, schema=arrow_schema(FeedReject))


class Intake:
    """A run of inputs into one store; use it as a context manager, then look at ``stored`` and ``duplicates``."""

    def __init__(
        self,
        store: Store | None,
        *,
        sender: str = "command line",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``store``: where rows go; without one everything is read and checked, and nothing kept."""
        self._store, self._sender, self._now = store, sender, now
        self._pepper = store.state.pepper() if store is not None else bytes(32)
        self._worker = ThreadPoolExecutor(1, "farmwatch-store")
        self._running: Future[Stored] | None = None
        self._kind = ""
        self._tables: dict[type[Record], list[pa.Table]] = {}
        self._rejects: list[pa.Table] = []
        self._held_rows = self._held_bytes = 0
        self.stored: Counter[str] = Counter()  #: rows by table
        self.duplicates: Counter[str] = Counter()  #: rows that were there already, by table

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self._worker.shutdown(cancel_futures=True)

    def take(
        self, sources: Iterable[Any], *, kind: str | None = None, device_id: str | None = None,
        progress: Callable[[str, int], None] | None = None,
    ) -> Iterator[InputAccount]:  # fmt: skip
        """Read inputs one after the other; gives the account of each as it ends.

        Args:
            sources: paths, folders, patterns, ``-``, or binary streams.
            kind: of all inputs; told by content where left out.
            device_id: device of inputs that do not name theirs.
            progress: called with an input's name and the stored bytes of it read so far.

        Raises:
            ValueError: there is no such kind.
            StoreError: the store cannot take rows.
        """
        feed = feed_of(kind) if kind is not None else None
        for source in inputs(sources):
            account = InputAccount(source.name)
            received, collection = self._now(), collection_of(source)
            device = device_id or (collection.device_id if collection else None)
            when = (collection.at if collection else None) or received  # the same however often it is taken in
            context = Context(source.name, when, self._pepper, device, threads=True)
            for parsed in parse(source, context, account, feed):
                self.add(parsed, account.kind, source.name, received)
                if progress is not None:
                    progress(source.name, source.position())
            if progress is not None and source.size:
                progress(source.name, source.size)
            yield account

    def add(self, parsed: Parsed, kind: str, name: str, received: datetime) -> None:
        """Take a stretch; it is stored with others of its kind, at the latest by :meth:`flush`."""
        if self._store is None:
            self.stored.update({record.table: table.num_rows for record, table in parsed.tables.items()})
            return
        if kind != self._kind:
            self.flush()
            self._kind = kind
        fresh = list(parsed.tables.values())
        for record, table in parsed.tables.items():
            self._tables.setdefault(record, []).append(table)
        faults = [*parsed.rejects, *parsed.partial]
        if faults:
            self._rejects.append(reject_rows(faults, kind, self._sender, name, received))
            fresh.append(self._rejects[-1])  # bad lines without end are stored in between as well
        self._held_rows += sum(table.num_rows for table in fresh)
        self._held_bytes += sum(table.nbytes for table in fresh)
        if self._held_rows >= _BATCH_ROWS or self._held_bytes >= _BATCH_BYTES:
            self._store_held()

    def flush(self) -> None:
        """Store what is held and wait until it is durable."""
        self._store_held()
        self._wait()

    def _store_held(self) -> None:
        if self._store is None or not (self._tables or self._rejects):
            return
        self._wait()
        tables = {record: pa.concat_tables(listed) for record, listed in self._tables.items()}
        rejects = pa.concat_tables(self._rejects) if self._rejects else None
        self._tables, self._rejects = {}, []
        self._held_rows = self._held_bytes = 0
        self._running = self._worker.submit(
            self._store.append, tables, feed=self._kind, sender=self._sender, received=self._now(), rejects=rejects
        )

    def _wait(self) -> None:
        if self._running is not None:
            running, self._running = self._running, None
            done = running.result()
            self.stored.update(done.rows)
            self.duplicates.update(done.duplicates)
