"""From inputs to stored rows: an input's kind is told, its feed reads it, the store keeps its rows, all is counted.

Used by ``farmwatch ingest`` and by the server's doors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from farmwatch.collectors.feeds.contract import Context, Fault, Feed, Parsed
from farmwatch.collectors.feeds.opening import Input, inputs, opened, sample_of
from farmwatch.collectors.feeds.registry import feed_of, kind_of
from farmwatch.errors import SourceError

if TYPE_CHECKING:
    from farmwatch.store import Store

__all__ = ["InputAccount", "ingest", "parse"]

_SHOWN_FAULTS = 20


@dataclass(slots=True)
class InputAccount:
    """What became of one input: ``records == used + rejected + not needed`` and ``rows == stored + duplicates``."""

    name: str
    kind: str = ""
    error: str = ""  #: why it could not be read, or not to its end
    records: int = 0
    used: int = 0
    rejected: int = 0
    unneeded: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    stored: Counter[str] = field(default_factory=Counter)  #: rows by table
    duplicates: Counter[str] = field(default_factory=Counter)  #: rows that were there already, by table
    faults: list[Fault] = field(default_factory=list)  #: the first ones

    def count(self, parsed: Parsed) -> None:
        """Add a stretch."""
        self.records += parsed.records
        self.used += parsed.used
        self.rejected += parsed.rejected
        self.unneeded += parsed.unneeded
        self.dropped += parsed.dropped
        room = _SHOWN_FAULTS - len(self.faults)
        self.faults += [*parsed.rejects, *parsed.partial][: max(0, room)]


def parse(source: Input, context: Context, account: InputAccount, feed: Feed | None = None) -> Iterator[Parsed]:
    """Read one input with its feed; faults of the whole end up in ``account.error``."""
    account.name = source.name
    try:
        with opened(source) as stream:
            chosen = feed or kind_of(sample_of(stream, source.name))
            if chosen is None:
                account.error = "what this is cannot be told; name it with --kind ('farmwatch feeds' lists the kinds)"
                return
            account.kind = chosen.kind
            for parsed in chosen.read(stream, context):
                account.count(parsed)
                yield parsed
    except SourceError as error:
        account.error = error.reason


def ingest(
    sources: Iterable[Any], store: Store, *, kind: str | None = None, device_id: str | None = None,
    sender: str = "command line", now: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Callable[[str, int], None] | None = None, dry_run: bool = False,
) -> Iterator[InputAccount]:  # fmt: skip
    """Read inputs into a store, one account each.

    Args:
        sources: paths, folders, patterns, ``-``, or binary streams.
        store: where rows go.
        kind: of all inputs; told by content where left out.
        device_id: device of inputs that do not name theirs.
        sender: kept with the rows.
        now: the clock.
        progress: called with an input's name and how many of its stored bytes were read.
        dry_run: read and check, store nothing.

    Raises:
        ValueError: there is no such kind.
        StoreError: the store cannot take rows.
    """
    feed = feed_of(kind) if kind is not None else None
    pepper = store.state.pepper()
    for source in inputs(sources):
        account = InputAccount(source.name)
        context = Context(source.name, now(), pepper, device_id, threads=True)
        for parsed in parse(source, context, account, feed):
            if not dry_run:
                stored = store.append(
                    parsed.tables, feed=account.kind, sender=sender, received=context.received,
                    rejects=[*parsed.rejects, *parsed.partial], input_name=source.name,
                )  # fmt: skip
                account.stored += stored.rows
                account.duplicates += stored.duplicates
            if progress is not None:
                progress(source.name, 0)
        yield account
