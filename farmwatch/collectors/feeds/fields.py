"""A sender's records as columns asked for by the sender's own names, nested JSON and flat CSV alike.

A feed names each field as the JSON has it and, after it, as the CSV export of the same sender has it; whichever is
there is taken. Answers of an API (``{"value": [...]}``) are taken apart, so that their elements are the records.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.collectors.feeds.columns import filled, first_of, reals, struct_field, times, truths, whole
from farmwatch.collectors.feeds.contract import ByteStream, Fault, Parsed
from farmwatch.collectors.feeds.documents import Documents, Misfit, fit, json_documents, json_objects
from farmwatch.collectors.feeds.output import Output

__all__ = ["Fields", "Peeked", "Respelled", "element_documents", "elements", "is_wrapped", "quoted_numbers"]

_BARE = re.compile(rb'":(?<!\\":)[ \t]*(-?[0-9][0-9.eE+-]*|true|false)(?=[ \t]*[,}])')
_SPELLING = re.compile(r"[^a-z0-9]")
_LONGEST_HELD = 16 << 20  # bytes without a line end: beyond, they are handed on as they are
_WRAPPED_WITHIN = 64 << 10  # bytes: a schema may come before the records


class Peeked:
    """A stream whose beginning can be looked at before it is read."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream, self._head = stream, b""
        self.name = str(getattr(stream, "name", "input"))

    def peek(self, size: int) -> bytes:
        """The first bytes, which stay to be read; none where the stream breaks off, as reading then says."""
        while len(self._head) < size:
            try:
                more = self._stream.read(size - len(self._head))
            except (EOFError, OSError, ValueError):
                break
            if not more:
                break
            self._head += more
        return self._head[:size]

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        if size < 0:
            head, self._head = self._head, b""
            return head + self._stream.read()
        head, self._head = self._head[:size], self._head[size:]
        return head + self._stream.read(size - len(head)) if len(head) < size else head


class Respelled:
    """A stream of lines in which what a sender spells now so, now so, is spelled one way before it is parsed.

    Why on bytes: a column has one type, and lines that do not fit are parsed one by one, at a tenth of the speed.
    """

    def __init__(self, stream: ByteStream, respell: Callable[[bytes], bytes]) -> None:
        """``respell`` gets whole lines and must give as many lines back."""
        self._stream, self._respell, self._rest = stream, respell, b""
        self.name = str(getattr(stream, "name", "input"))

    def read(self, size: int = -1) -> bytes:
        """The next lines, about so many bytes of them."""
        while True:
            more = self._stream.read(size)
            data = self._rest + more
            cut = data.rfind(b"\n") + 1 if more and size >= 0 else len(data)
            if len(data) > _LONGEST_HELD and not cut:
                cut = len(data)
            lines, self._rest = data[:cut], data[cut:]
            if lines or not more:
                return self._respell(lines)


def quoted_numbers(lines: bytes) -> bytes:
    """JSON lines with bare numbers and truth values put in quotes, for senders that write both."""
    return _BARE.sub(rb'":"\1"', lines)


class Fields:
    """Columns of one stretch of records. A field that was not sent has no values; blank text has none either."""

    def __init__(
        self, table: pa.Table, *, under: str = "", flat: bool = False, rows: NDArray[np.int64] | None = None,
        read: dict[str, pa.Array] | None = None,
    ) -> None:  # fmt: skip
        """Ask a table for fields.

        Args:
            table: the records.
            under: object the fields lie in.
            flat: columns of a CSV, whose names are compared by letters and digits only.
            rows: index of the records meant; all where left out.
            read: fields of all records that were read before.
        """
        self._table, self._under, self._rows = table, under, rows
        self._read = {} if read is None else read
        self._flat = {_spelled(name): name for name in reversed(table.column_names)} if flat else None

    def __len__(self) -> int:
        return self._table.num_rows if self._rows is None else len(self._rows)

    def at(self, rows: NDArray[np.int64]) -> Fields:
        """The same fields of some records, by index."""
        picked = rows if self._rows is None else self._rows[rows]
        return Fields(self._table, under=self._under, flat=self._flat is not None, rows=picked, read=self._read)

    def has(self, path: str) -> bool:
        """Whether the field can be there at all."""
        if self._flat is not None:
            return _spelled(path) in self._flat
        kind: Any = self._table.schema
        for name in self._full(path).split("."):
            if isinstance(kind, pa.DataType) and not pa.types.is_struct(kind):
                return False
            at = kind.get_field_index(name)
            if at < 0:
                return False
            kind = kind.field(at).type
        return True

    def raw(self, path: str) -> pa.Array:
        """A field as it was read.

        Raises:
            KeyError: it cannot be there; ask :meth:`has`.
        """
        if not self.has(path):
            raise KeyError(path)
        values = self._read.get(path)
        if values is None:
            if self._flat is not None:
                values = self._table.column(self._flat[_spelled(path)]).combine_chunks()
            else:
                values = struct_field(self._table, self._full(path))
            self._read[path] = values
        return values if self._rows is None else values.take(pa.array(self._rows))

    def text(self, *paths: str) -> pa.Array:
        """The first of some fields that has a value, row by row, as text without surrounding space."""
        found = [self._as_text(path) for path in paths if self.has(path)]
        return first_of(*found) if found else pa.nulls(len(self), pa.string())

    def time(self, *paths: str) -> pa.Array:
        """The first that has a value, as a time."""
        return times(self.text(*paths))

    def whole(self, *paths: str) -> pa.Array:
        """The first that has a value, as a whole number."""
        found = [self.raw(path) for path in paths if self.has(path)]
        if len(found) == 1:
            return whole(found[0])
        return whole(self.text(*paths))

    def real(self, *paths: str) -> pa.Array:
        """The first that has a value, as a number."""
        found = [self.raw(path) for path in paths if self.has(path)]
        return pc.coalesce(*(reals(values) for values in found)) if found else pa.nulls(len(self), pa.float64())

    def truth(self, *paths: str) -> pa.Array:
        """The first that has a value, as true or false."""
        found = [truths(self.raw(path)) for path in paths if self.has(path)]
        return pc.coalesce(*found) if found else pa.nulls(len(self), pa.bool_())

    def leave(self, output: Output, *paths: str) -> None:
        """Count fields that are never kept."""
        there = {
            self._flat[_spelled(path)] if self._flat else self._full(path): path for path in paths if self.has(path)
        }
        for name, path in there.items():
            values = self.raw(path)
            if pa.types.is_string(values.type):
                values = filled(values)
            if count := len(values) - values.null_count:
                output.dropped[name] += count

    def _full(self, path: str) -> str:
        return f"{self._under}.{path}" if self._under else path

    def _as_text(self, path: str) -> pa.Array:
        values = self.raw(path)
        return values if pa.types.is_string(values.type) else values.cast(pa.string())


def _spelled(name: str) -> str:
    return _SPELLING.sub("", name.lower())


def is_wrapped(head: bytes, keys: Sequence[str]) -> bool:
    """Whether an input begins as one object with the records in an array under one of these keys."""
    start = head.lstrip(b" \t\r\n\xef\xbb\xbf")[:_WRAPPED_WITHIN]
    words = "|".join(re.escape(key) for key in keys).encode()
    return start.startswith(b"{") and re.search(rb'(?<!\\)"(?:' + words + rb')"\s*:\s*\[', start) is not None


def element_documents(
    stream: Peeked, schema: pa.Schema, *, inside: Sequence[str] = (), threads: bool = False,
    repair: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> Iterator[Documents]:  # fmt: skip
    """Records of a JSON input in columns, whether they come alone or in an array within an object.

    Args:
        stream: JSON lines, an array, objects one after the other, or objects that wrap an array of records.
        schema: fields wanted.
        inside: keys such an array may stand under.
        threads: parse with all processors.
        repair: applied to records that do not fit the schema before they are made to.

    Raises:
        SourceError: the stream breaks off.
    """
    if not inside or not is_wrapped(stream.peek(_WRAPPED_WITHIN), inside):
        yield from json_documents(stream, schema, threads=threads, repair=repair)
        return
    number = 0
    for records, account in elements(stream, inside):
        yield _fitted(records, number, schema, account, repair)
        number += len(records)


def elements(stream: ByteStream, inside: Sequence[str]) -> Iterator[tuple[list[Any], Parsed]]:
    """Records of a JSON input as Python objects, those in an array within an object taken out; with the faults.

    Raises:
        SourceError: the stream breaks off.
    """
    for objects, _, account in json_objects(stream):
        records: list[Any] = []
        for document in objects:
            wrapped = next((document[key] for key in inside if isinstance(document.get(key), list)), None)
            records += [document] if wrapped is None else wrapped
        yield records, account


def _fitted(
    records: list[Any], before: int, schema: pa.Schema, account: Parsed,
    repair: Callable[[dict[str, Any]], dict[str, Any]] | None,
) -> Documents:  # fmt: skip
    rows, numbers = [], []
    for number, record in enumerate(records, before + 1):
        try:
            rows.append(_row(record, schema, repair))
        except Misfit as misfit:
            account.records += 1
            account.rejects.append(Fault(str(misfit), number))
            continue
        numbers.append(number)
    table = pa.Table.from_pylist(rows, schema=schema) if rows else schema.empty_table()
    return Documents(table.combine_chunks(), np.array(numbers, np.int64), account, type(account.dropped)())


def _row(record: Any, schema: pa.Schema, repair: Callable[[dict[str, Any]], dict[str, Any]] | None) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise Misfit("not a JSON object")
    sound = record if repair is None else repair(record)
    return {entry.name: fit(sound.get(entry.name), entry.type, entry.name) for entry in schema}
