"""Rows on their way out of a feed: checked against the table's schema, and every record accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.collectors.feeds.contract import Fault, Parsed
from farmwatch.records import Record
from farmwatch.records.arrow import arrow_schema

__all__ = ["LONGEST_TEXT", "Output"]

LONGEST_TEXT = 4096  #: bytes of one value; nothing farmwatch keeps is longer
_EARLIEST = pa.scalar(datetime(2000, 1, 1, tzinfo=UTC), pa.timestamp("us", tz="UTC"))
_LATEST = pa.scalar(datetime(2100, 1, 1, tzinfo=UTC), pa.timestamp("us", tz="UTC"))
_UNSEEN, _USED, _REJECTED, _UNNEEDED = range(4)
_LISTED = 50  # faults of one reason listed one by one in a stretch; further ones are counted together


class Output:
    """Collects the rows that one stretch of records gives.

    A feed calls :meth:`add` with columns made from its records, :meth:`reject` and :meth:`unneeded` for records that
    give none, and :meth:`finish` at the end. A record nobody spoke of counts as not needed.
    """

    def __init__(self, numbers: NDArray[np.int64]) -> None:
        """``numbers``: line or record number of each record of the stretch, from 1."""
        self._numbers = numbers
        self._state = np.zeros(len(numbers), np.int8)
        self._tables: dict[type[Record], list[pa.Table]] = {}
        self._faults: list[tuple[str, NDArray[np.int64]]] = []
        self._kinds: list[tuple[str, NDArray[np.int64]]] = []
        self._before = Parsed()
        self.dropped: Counter[str] = Counter()

    def before(self, parsed: Parsed) -> None:
        """Take over records that were rejected before they came to be numbered here."""
        self._before = parsed

    def add(
        self, record: type[Record], columns: Mapping[str, Any], rows: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64]:
        """Add rows; columns left out have no value, and a plain value stands for all rows.

        Args:
            record: the table.
            columns: Arrow arrays (or what ``pa.array`` takes) of equal length, or single values.
            rows: index of the record that each row comes from; each record in turn where left out. A record may
                give several rows.

        Returns:
            Positions of the rows that were kept.
        """
        origin = np.arange(len(self._numbers), dtype=np.int64) if rows is None else np.asarray(rows, np.int64)
        if not len(origin):
            return origin
        schema = arrow_schema(record)
        unknown = columns.keys() - set(schema.names)
        if unknown:
            raise ValueError(f"table {record.table} has no column {', '.join(sorted(unknown))}")
        arrays = [_as(record, columns.get(entry.name), entry, len(origin)) for entry in schema]
        good = np.ones(len(origin), np.bool_)
        for entry, values in zip(schema, arrays, strict=True):
            for reason, bad in _wrong(record, entry, values):
                fresh = bad & good
                if fresh.any():
                    self._faults.append((reason, origin[fresh]))
                    good &= ~bad
        kept = np.flatnonzero(good)
        table = pa.Table.from_arrays(arrays, schema=pa.schema([entry.with_nullable(True) for entry in schema]))
        if len(kept) < len(origin):
            table = table.take(pa.array(kept))
        if len(kept):
            self._tables.setdefault(record, []).append(table.cast(schema))
            self._state[origin[kept]] = _USED
        return kept

    def reject(self, rows: NDArray[Any] | list[int], reason: str) -> None:
        """Say that records, by index or mask, are wrong."""
        self._faults.append((reason, _indices(rows)))

    def unneeded(self, rows: NDArray[Any] | list[int], kind: str) -> None:
        """Say that records, by index or mask, hold nothing of use here."""
        self._kinds.append((kind, _indices(rows)))

    def finish(self) -> Parsed:
        """Everything that was added, and the account of it."""
        parsed = Parsed(
            tables={record: pa.concat_tables(listed).combine_chunks() for record, listed in self._tables.items()},
            records=len(self._numbers) + self._before.records,
            used=int((self._state == _USED).sum()) + self._before.used,
            rejects=list(self._before.rejects),
            partial=list(self._before.partial),
            unneeded=Counter(self._before.unneeded),
            dropped=self.dropped + self._before.dropped,
        )
        for reason, rows in self._faults:
            fresh = np.unique(rows[self._state[rows] == _UNSEEN])
            self._state[fresh] = _REJECTED
            parsed.rejects += self._listed(reason, fresh)
            parsed.partial += self._listed(reason, rows[self._state[rows] == _USED], row_only=True)
        for kind, rows in self._kinds:
            fresh = np.unique(rows[self._state[rows] == _UNSEEN])
            self._state[fresh] = _UNNEEDED
            if len(fresh):
                parsed.unneeded[kind] += len(fresh)
        silent = int((self._state == _UNSEEN).sum())
        if silent:
            parsed.unneeded["nothing in it for farmwatch"] += silent
        return parsed

    def _listed(self, reason: str, rows: NDArray[np.int64], *, row_only: bool = False) -> list[Fault]:
        """Faults of some records: the first ones each with its number, the rest together."""
        faults = [Fault(reason, int(self._numbers[row]), row_only=row_only) for row in rows[:_LISTED].tolist()]
        if len(rows) > _LISTED:
            others = tuple(self._numbers[rows[_LISTED:]].tolist())
            faults.append(Fault(reason, None, len(others), others, row_only))
        return faults


def _indices(rows: NDArray[Any] | list[int]) -> NDArray[np.int64]:
    picked = np.asarray(rows)
    return np.flatnonzero(picked) if picked.dtype == np.bool_ else picked.astype(np.int64)


def _as(record: type[Record], values: Any, entry: pa.Field, length: int) -> pa.Array:
    """A column of the right type and length; a blank text has no value where it may be absent or is part of the key."""
    if values is None:
        return pa.nulls(length, entry.type)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.Scalar):
        values = pa.repeat(values, length)
    elif not isinstance(values, pa.Array):
        if isinstance(values, str | int | float | bool | datetime):
            values = pa.repeat(pa.scalar(values, entry.type), length)
        else:
            values = pa.array(values, entry.type)
    if values.null_count == len(values):
        return pa.nulls(length, entry.type)
    if isinstance(values, pa.DictionaryArray):
        values = values.dictionary_decode()
    if values.type != entry.type:
        values = values.cast(entry.type, safe=False) if pa.types.is_timestamp(entry.type) else values.cast(entry.type)
    if pa.types.is_string(entry.type) and (entry.nullable or entry.name in record.key):
        blank = pc.equal(pc.binary_length(values), 0)
        if pc.any(blank).as_py():
            values = pc.if_else(blank, pa.scalar(None, pa.string()), values)
    return values


def _wrong(record: type[Record], entry: pa.Field, values: pa.Array) -> list[tuple[str, NDArray[np.bool_]]]:
    """What is wrong in a column, as reasons with masks."""
    name, found = f"{record.table}.{entry.name}", []
    if not entry.nullable and values.null_count:
        found.append((f"{name} is missing or unreadable", _mask(pc.is_null(values))))
    if values.null_count == len(values):
        return found
    if pa.types.is_string(entry.type):
        longest = pc.max(pc.binary_length(values)).as_py()
        if longest is not None and longest > LONGEST_TEXT:
            found.append(
                (
                    f"{name} is longer than {LONGEST_TEXT} bytes",
                    _mask(pc.greater(pc.binary_length(values), LONGEST_TEXT)),
                )
            )
    elif pa.types.is_timestamp(entry.type):
        odd = pc.or_(pc.less(values, _EARLIEST), pc.greater_equal(values, _LATEST))
        if pc.any(odd).as_py():
            found.append((f"{name} is not between the years 2000 and 2100", _mask(odd)))
    elif pa.types.is_floating(entry.type):
        odd = pc.invert(pc.is_finite(values))
        if pc.any(odd).as_py():
            found.append((f"{name} is not a finite number", _mask(odd)))
    return found


def _mask(values: pa.Array) -> NDArray[np.bool_]:
    filled: NDArray[np.bool_] = pc.fill_null(values, False).to_numpy(zero_copy_only=False)
    return filled
