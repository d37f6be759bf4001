"""Snapshots taken apart: each element of a document is a record that gives rows, or is rejected, or is not needed.

For formats whose documents are few and deep (what a device is made of), where rows in Python cost nothing that matters.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from farmwatch.collectors.feeds.contract import Fault, Parsed
from farmwatch.collectors.feeds.documents import Misfit, fit
from farmwatch.collectors.feeds.output import Output
from farmwatch.records import Record
from farmwatch.records.arrow import arrow_schema

__all__ = ["Elements", "bytes_of", "list_of", "object_of", "text_of"]

_MOST_ELEMENTS = 20_000  # of one list; a laptop has some hundred sockets
_MOST_BYTES = 1 << 20


class Elements:
    """Elements of one stretch and the rows they give."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._rows: dict[type[Record], tuple[list[dict[str, Any]], list[int]]] = {}
        self._faults: list[tuple[int, str]] = []
        self._kinds: list[tuple[int, str]] = []
        self.partial: list[Fault] = []  #: what is told beside the account: rows that a sender lost itself
        self.dropped: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._numbers)

    def new(self, number: int) -> int:
        """Another element of the document with this number; returns its index."""
        self._numbers.append(number)
        return len(self._numbers) - 1

    def row(self, record: type[Record], index: int, values: Mapping[str, Any]) -> None:
        """A row of an element. A value of the wrong kind rejects the row, and says which."""
        try:
            fitted = {name: _fitted(value, record, name) for name, value in values.items() if value is not None}
        except Misfit as misfit:
            self._faults.append((index, str(misfit)))
            return
        rows, origins = self._rows.setdefault(record, ([], []))
        rows.append(fitted)
        origins.append(index)

    def reject(self, index: int, reason: str) -> None:
        """Something about an element is wrong; where it gave rows all the same, the fault stands beside them."""
        self._faults.append((index, reason))

    def unneeded(self, index: int, kind: str) -> None:
        """There is nothing of use in an element."""
        self._kinds.append((index, kind))

    def finish(self, before: Parsed | None = None) -> Parsed:
        """The tables and the account."""
        output = Output(np.array(self._numbers, np.int64))
        if before is not None:
            output.before(before)
        for record, (rows, origins) in self._rows.items():
            schema = arrow_schema(record)
            columns = {
                entry.name: pa.array([row.get(entry.name) for row in rows], entry.type)
                for entry in schema
                if any(entry.name in row for row in rows)
            }
            output.add(record, columns, np.array(origins, np.int64))
        for index, reason in self._faults:
            output.reject([index], reason)
        for index, kind in self._kinds:
            output.unneeded([index], kind)
        output.dropped += self.dropped
        parsed = output.finish()
        parsed.partial += self.partial
        return parsed


def _fitted(value: Any, record: type[Record], name: str) -> Any:
    """A plain value made to fit its column; objects and lists are none, whatever they hold.

    Raises:
        Misfit: it cannot be.
    """
    kind = type(value)
    if kind is record.columns[name].type and _plain(value, kind):
        return value  # as most are
    if not isinstance(value, str | int | float):
        raise Misfit(f"{record.table}.{name}: expected a plain value")
    return fit(value, arrow_schema(record).field(name).type, f"{record.table}.{name}")


def _plain(value: Any, kind: type) -> bool:
    """Whether a value of its column's own type can be stored as it is."""
    if kind is str:
        return bool(value.isascii())
    if kind is int:
        return bool(-(2**63) <= value < 2**63)
    return kind is bool or kind is datetime or (kind is float and math.isfinite(value))


def list_of(value: Any, name: str) -> list[Any]:
    """A list, at most 20,000 long; nothing is an empty one.

    Raises:
        Misfit: it is something else, or longer.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise Misfit(f"{name}: expected a list")
    if len(value) > _MOST_ELEMENTS:
        raise Misfit(f"{name}: more than {_MOST_ELEMENTS} elements")
    return value


def object_of(value: Any, name: str) -> dict[str, Any]:
    """An object; nothing is an empty one.

    Raises:
        Misfit: it is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Misfit(f"{name}: expected an object")
    return value


def text_of(value: Any, name: str) -> str:
    """A text; nothing is an empty one.

    Raises:
        Misfit: it is something else.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Misfit(f"{name}: expected text")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Misfit(f"{name}: not text (half a surrogate pair)") from None
    return value


def bytes_of(value: Any, name: str) -> bytes:
    """Bytes written in hexadecimal, with or without 0x; nothing is none.

    Raises:
        Misfit: it is something else, or over a mebibyte.
    """
    digits = text_of(value, name).removeprefix("0x")
    if len(digits) > 2 * _MOST_BYTES:
        raise Misfit(f"{name}: more than {_MOST_BYTES} bytes")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise Misfit(f"{name}: expected bytes in hexadecimal") from None
