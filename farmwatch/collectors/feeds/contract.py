"""What a feed is: a stream of somebody's records in, tables and faults out, and nothing lost on the way.

The unit of account is the *record*: a line, a JSON document, an event, an element of a snapshot. Each record a feed
reads is in the end exactly one of

* **used**: it gave at least one row,
* **rejected**: something about it is wrong, said in words,
* **not needed**: sound, but nothing in it is of use here (counted by what it was).

So ``records == used + rejected + not needed``, whatever the input was. Fields that must never be kept (names of people,
languages, keyboard layouts) are left behind and counted by field in ``dropped``.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.records import Record

__all__ = ["ByteStream", "Context", "Fault", "Feed", "Parsed", "Sample"]

_HIDDEN_DIGITS = 16  # hex digits of a hidden value: 64 bits


@dataclass(frozen=True, slots=True)
class Context:
    """What a feed may know beside the bytes it reads."""

    name: str  #: of the input, for messages and, without its folders, for telling what it is
    received: datetime  #: when it came in, UTC; stands for times that a record does not give
    pepper: bytes  #: secret of this store that accounts are hidden with
    device_id: str | None = None  #: device of an input that does not name its device
    threads: bool = False  #: whether parsing may use all processors

    def hide(self, value: str | None) -> str | None:
        """An account, factor or neighbour as 16 hex digits that are equal for equal values and tell nothing more.

        HMAC-SHA256 (RFC 2104) keyed with the store's secret; case and surrounding space do not count.
        """
        if value is None or not (clean := value.strip().lower()):
            return None
        return hmac.new(self.pepper, clean.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:_HIDDEN_DIGITS]

    def hide_all(self, values: pa.Array) -> pa.Array:
        """:meth:`hide` for a string column; each different value is worked out once."""
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        coded = pc.dictionary_encode(values)
        hidden = pa.array([self.hide(value) for value in coded.dictionary.to_pylist()], pa.string())
        return hidden.take(coded.indices)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why records were not used."""

    reason: str
    offset: int | None  #: line or record number from 1; None where counted over the whole input
    count: int = 1
    others: tuple[int, ...] = field(default=(), compare=False, repr=False)  #: numbers of records counted together
    row_only: bool = field(default=False, compare=False)  #: the records gave other rows: told beside the account


@dataclass(slots=True)
class Parsed:
    """What a stretch of a feed gave."""

    tables: dict[type[Record], pa.Table] = field(default_factory=dict)  #: columns exactly as ``arrow_schema`` has them
    records: int = 0
    used: int = 0
    rejects: list[Fault] = field(default_factory=list)  #: counts add up to the records rejected
    partial: list[Fault] = field(default_factory=list)  #: rows left out of records that gave other rows
    unneeded: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)  #: fields that are never kept, by name

    @property
    def rejected(self) -> int:
        """Records that could not be used."""
        return sum(fault.count for fault in self.rejects)

    def balanced(self) -> bool:
        """Nothing was lost: every record is accounted for once."""
        return self.records == self.used + self.rejected + self.unneeded.total()


@dataclass(frozen=True, slots=True)
class Sample:
    """The beginning of an input, by which its kind is told."""

    name: str  #: file name without folders, lower case, without .gz or .zst
    head: bytes  #: first bytes, decompressed
    documents: tuple[dict[str, Any], ...]  #: the first JSON objects in it, also of an array; () where it is not JSON
    lines: tuple[str, ...]  #: its first lines as text; () where it is not text


class ByteStream(Protocol):
    """What feeds read from; a ``name`` attribute, where there is one, stands in messages."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; none at the end."""
        ...


class Feed(Protocol):
    """One sender's format."""

    @property
    def kind(self) -> str:
        """Word for ``--kind`` and the ingest address."""
        ...

    @property
    def sentence(self) -> str:
        """What it is, for the list of feeds."""
        ...

    @property
    def tables(self) -> tuple[type[Record], ...]:
        """Tables it can fill."""
        ...

    def recognises(self, sample: Sample) -> bool:
        """Whether an input that begins so is of this kind."""
        ...

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read to the end, in stretches of bounded size.

        Raises:
            SourceError: the whole cannot be read, or not beyond a point.
        """
        ...
