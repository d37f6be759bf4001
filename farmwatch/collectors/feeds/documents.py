"""JSON documents of a feed as Arrow columns: lines by pyarrow's reader, the odd ones one by one.

A feed says which fields it wants as an Arrow schema (structs for nested objects). Blocks of lines that fit it are
parsed in columns. Where a block does not, it is halved until the lines that do not fit are alone; those are parsed by
Python and made to fit where that changes nothing (a number written as text), else rejected with the field and the
reason. So one bad line costs its neighbours nothing. An array of documents, or documents over several lines, are parsed
by Python.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json as pj
from numpy.typing import NDArray

from farmwatch.collectors.feeds.contract import ByteStream, Fault, Parsed
from farmwatch.collectors.feeds.lines import LONGEST_LINE, Block, Rejoined, blocks, chunks
from farmwatch.errors import SourceError

__all__ = [
    "Documents", "JsonBlock", "fit", "json_blocks", "json_documents", "json_lines", "json_objects", "parse_time",
]  # fmt: skip

_ALONE = 64  # lines: a piece this small that does not fit is taken line by line
_AT_ONCE = 20_000  # documents of an array that are handed on together
_TEXT_AT_ONCE = 8 << 20  # characters of them
_LOOKED_AT = 1 << 20  # bytes by which the form is told
_FEW_LINES = 50  # after a first line that is no document, in which one is looked for
_LISTED = 50  # faults of one reason listed one by one in a stretch; further ones are counted together
_MOST_NAMES = 200  # fields outside the schema that are counted in columns: each is a column of the whole block
_NAME = re.compile(rb'"([^"\\]{0,256})"[ \t]*:')
_VALUE_STARTS = frozenset(b'{["-0123456789tfnNI')
_NEAR = 64 << 10
_SKIPPED_SPACE = b" \t\r\n\xef\xbb\xbf"
_DOCUMENT_START = re.compile(r"[\s,\[\]\ufeff]*")  # what may stand between documents, also of an array
_NO_OBJECT = re.compile(rb"\n[ \t\r]*[^{ \t\r\n]")  # a line that is no object
_LATEST_SECOND = 4.2e9


@dataclass(frozen=True, slots=True)
class Documents:
    """Documents of one stretch: columns by the feed's schema, the number of each, and those that were no documents."""

    table: pa.Table
    numbers: NDArray[np.int64]  #: line, or position in an array, from 1
    faults: Parsed  #: records that never became documents
    extra: Counter[str]  #: fields outside the schema, where they were asked for: how many values each had


class Misfit(ValueError):  # noqa: N818 - what it is, not that it is an error
    """A document does not fit the schema: which field, and what was expected."""


def json_documents(
    stream: ByteStream, schema: pa.Schema, *, threads: bool = False, infer: bool = False,
    repair: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> Iterator[Documents]:  # fmt: skip
    """Documents of a stream in columns.

    Args:
        stream: JSON lines, an array of objects, or objects one after the other.
        schema: fields wanted; others are left out.
        threads: parse with all processors.
        infer: count fields outside the schema.
        repair: applied to documents that do not fit before they are made to, for example to unwrap a variant form.

    Raises:
        SourceError: the stream breaks off.
    """
    in_columns = _Columns(schema, threads, infer, repair)
    for block in _blocks_or_objects(stream):
        if isinstance(block, Block):
            yield in_columns.block(block)
        else:
            yield in_columns.objects(block)


def json_lines(
    lines: list[bytes], numbers: NDArray[np.int64], schema: pa.Schema, *, threads: bool = False,
    repair: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> Documents:  # fmt: skip
    """Lines that a feed has sorted itself, each a document, in columns; none of them blank.

    Args:
        lines: without their ends.
        numbers: what stands for each line in the result and in its faults.
        schema: fields wanted; others are left out.
        threads: parse with all processors.
        repair: as for :func:`json_documents`.
    """
    found = _Columns(schema, threads, False, repair).block(Block(b"\n".join(lines), 1))
    for at, fault in enumerate(found.faults.rejects):
        place = None if fault.offset is None else int(numbers[fault.offset - 1])
        found.faults.rejects[at] = Fault(fault.reason, place, fault.count)
    return Documents(found.table, numbers[found.numbers - 1], found.faults, found.extra)


def json_objects(stream: ByteStream) -> Iterator[tuple[list[dict[str, Any]], NDArray[np.int64], Parsed]]:
    """Documents of a stream as Python objects, for formats whose fields have no fixed type: objects, numbers, faults.

    Raises:
        SourceError: the stream breaks off.
    """
    for block in json_blocks(stream):
        yield block.objects()


def json_blocks(stream: ByteStream) -> Iterator[JsonBlock]:
    """Documents of a stream in stretches that can be read in columns, where they fit, or as Python objects.

    Raises:
        SourceError: the stream breaks off.
    """
    for block in _blocks_or_objects(stream):
        yield JsonBlock(block)


class JsonBlock:
    """A stretch of documents, not parsed yet."""

    def __init__(self, content: Block | _Objects) -> None:
        self._content = content

    def columns(self, schema: pa.Schema) -> Documents | None:
        """All of them in columns; None where one does not fit, or where they are not on lines of their own."""
        block = self._content
        if not isinstance(block, Block):
            return None
        table = _Columns(schema, threads=False, infer=False, repair=None).parsed(block.data)
        if table is None:
            return None
        count = block.data.count(b"\n") + (not block.data.endswith(b"\n"))
        numbers = _line_numbers(block.data, block.first_line, count, table.num_rows)
        if numbers is None:
            return None
        batch = _Batch()
        batch.skip(block)
        return Documents(table.combine_chunks(), numbers, batch.account, Counter())

    def mentions(self, word: bytes) -> bool:
        """Whether a word stands near the beginning of lines; for what is not in lines, False."""
        return isinstance(self._content, Block) and word in self._content.data[:_NEAR]

    def walk(self, account: Parsed) -> Iterator[tuple[dict[str, Any], int]]:
        """Objects with their numbers one after the other, none of which is kept here; faults go to the account."""
        batch = _Batch()
        batch.account = account
        if isinstance(self._content, Block):
            batch.skip(self._content)
            for number, line in enumerate(self._content.data.split(b"\n"), self._content.first_line):
                batch.line(line, number)
                if batch.objects:
                    yield batch.objects.pop(), batch.numbers.pop()
        else:
            for number, document in self._content.objects:
                batch.document(document, number)
                if batch.objects:
                    yield batch.objects.pop(), batch.numbers.pop()
            batch.faults(self._content.faults)
        batch.settle()

    def objects(self) -> tuple[list[dict[str, Any]], NDArray[np.int64], Parsed]:
        """Objects, the number of each, and the faults among them."""
        account, found = Parsed(), list[dict[str, Any]]()
        numbers: list[int] = []
        for document, number in self.walk(account):
            found.append(document)
            numbers.append(number)
        return found, np.array(numbers, np.int64), account


class _Batch:
    """Objects being collected, with the faults among them."""

    def __init__(self) -> None:
        self.objects: list[dict[str, Any]] = []
        self.numbers: list[int] = []
        self.account = Parsed()
        self._listed: Counter[str] = Counter()
        self._later: dict[str, list[int]] = {}

    def fault(self, reason: str, number: int) -> None:
        self.account.records += 1
        self._listed[reason] += 1
        if self._listed[reason] <= _LISTED:
            self.account.rejects.append(Fault(reason, number))
        else:
            self._later.setdefault(reason, []).append(number)

    def settle(self) -> None:
        """Put the many faults of one reason into the account, once, at the end."""
        self.account.rejects += [
            Fault(reason, None, len(numbers), tuple(numbers)) for reason, numbers in self._later.items()
        ]
        self._later = {}

    def faults(self, listed: list[Fault]) -> None:
        self.account.records += sum(fault.count for fault in listed)
        self.account.rejects += listed

    def skip(self, block: Block) -> None:
        for number in block.too_long:
            self.fault(f"line longer than {LONGEST_LINE >> 20} MiB", number)

    def line(self, line: bytes, number: int) -> None:
        start = line.lstrip(_SKIPPED_SPACE)
        if not start:
            return
        if start[0] not in _VALUE_STARTS:  # said without the parser, which is slow to fail
            self.fault("not JSON: Expecting value", number)
            return
        try:
            document = json.loads(line)
        except UnicodeDecodeError:
            self.fault("not UTF-8", number)
        except ValueError as error:
            self.fault(f"not JSON: {getattr(error, 'msg', error)}", number)
        except RecursionError:
            self.fault("nested too deep", number)
        else:
            self.document(document, number)

    def document(self, document: Any, number: int) -> None:
        if isinstance(document, dict):
            self.objects.append(document)
            self.numbers.append(number)
        else:
            self.fault("not a JSON object", number)


@dataclass(frozen=True, slots=True)
class _Objects:
    """Documents of an array or of a stream without line structure."""

    objects: list[tuple[int, Any]]
    faults: list[Fault]


class _Columns:
    """Turns blocks and objects into columns of one schema."""

    def __init__(
        self, schema: pa.Schema, threads: bool, infer: bool, repair: Callable[[dict[str, Any]], dict[str, Any]] | None
    ) -> None:
        self._schema = schema
        self._names = frozenset(schema.names)
        self._infer = infer
        self._extra: Counter[str] = Counter()
        self._repair = repair
        self._raw_names = frozenset(name.encode() for name in schema.names)
        self._threads = threads
        self._odd = False  # the last block was mostly lines that do not fit: the next one is not tried in columns

    def block(self, block: Block) -> Documents:
        tables: list[pa.Table] = []
        numbers: list[NDArray[np.int64]] = []
        batch = _Batch()
        batch.skip(block)
        self._piece(block.data, block.first_line, tables, numbers, batch, try_columns=not self._odd)
        total = sum(table.num_rows for table in tables)
        self._odd = bool(batch.objects) and len(batch.objects) > total
        self._alone(batch, tables, numbers)
        return self._join(tables, numbers, batch)

    def objects(self, listed: _Objects) -> Documents:
        tables: list[pa.Table] = []
        numbers: list[NDArray[np.int64]] = []
        batch = _Batch()
        for number, document in listed.objects:
            batch.document(document, number)
        batch.faults(listed.faults)
        self._alone(batch, tables, numbers)
        return self._join(tables, numbers, batch)

    def _piece(
        self, data: bytes, first: int, tables: list[pa.Table], numbers: list[NDArray[np.int64]], batch: _Batch,
        *, try_columns: bool,
    ) -> None:  # fmt: skip
        """Parse lines in columns, or halve them until they fit or are few."""
        if not data.strip(_SKIPPED_SPACE):
            return
        count = data.count(b"\n") + (not data.endswith(b"\n"))
        if try_columns:
            table = self.parsed(data)
            if table is not None:
                lines = _line_numbers(data, first, count, table.num_rows)
                if lines is not None:
                    tables.append(table)
                    numbers.append(lines)
                    return
        if count <= _ALONE or not try_columns:
            for number, line in enumerate(data.split(b"\n"), first):
                batch.line(line, number)
            return
        middle = data.find(b"\n", len(data) // 2) + 1
        if not 0 < middle < len(data):
            middle = data.rfind(b"\n", 0, len(data) // 2) + 1
        if not 0 < middle < len(data):
            self._piece(data, first, tables, numbers, batch, try_columns=False)
            return
        head = data[:middle]
        self._piece(head, first, tables, numbers, batch, try_columns=True)
        self._piece(data[middle:], first + head.count(b"\n"), tables, numbers, batch, try_columns=True)

    def parsed(self, data: bytes) -> pa.Table | None:
        """Lines parsed in columns; None where they do not fit."""
        if not data.lstrip(_SKIPPED_SPACE).startswith(b"{") or _NO_OBJECT.search(data):
            return None  # pyarrow 26 crashes on a bare null where the schema has a struct
        if not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError:
                return None
        try:
            table = self._read(data, "error" if self._infer else "ignore")
        except pa.ArrowInvalid as error:
            if not self._infer or "unexpected field" not in str(error):
                return None
            if len(set(_NAME.findall(data)) - self._raw_names) > _MOST_NAMES:
                return None  # a thousand lines with a thousand names of their own would be a million values
            try:
                table = self._read(data, "infer")
            except pa.ArrowInvalid:
                return None
        return table

    def _read(self, data: bytes, unexpected: str) -> pa.Table:
        size = 1 << 20 if self._threads and len(data) > 2 << 20 else len(data) + 1
        table = pj.read_json(
            pa.BufferReader(data),
            read_options=pj.ReadOptions(use_threads=self._threads, block_size=size),
            parse_options=pj.ParseOptions(
                explicit_schema=self._schema, unexpected_field_behavior=unexpected, newlines_in_values=False
            ),
        )
        if b"\\u" in data:
            table.validate(full=True)  # an escape may be half a surrogate pair, which is no text
        return table

    def _alone(self, batch: _Batch, tables: list[pa.Table], numbers: list[NDArray[np.int64]]) -> None:
        """Documents made to fit one by one."""
        fitted, kept = [], []
        for document, number in zip(batch.objects, batch.numbers, strict=True):
            try:
                whole = document if self._repair is None else self._repair(document)
                fitted.append(
                    {entry.name: fit(whole.get(entry.name), entry.type, entry.name) for entry in self._schema}
                )
            except Misfit as misfit:
                batch.fault(str(misfit), number)
                continue
            kept.append(number)
            if self._infer:
                self._extra.update(
                    name for name, value in whole.items() if name not in self._names and value is not None
                )
        if fitted:
            tables.append(pa.Table.from_pylist(fitted, schema=self._schema))
            numbers.append(np.array(kept, np.int64))

    def _join(self, tables: list[pa.Table], numbers: list[NDArray[np.int64]], batch: _Batch) -> Documents:
        batch.settle()
        extra, self._extra = self._extra, Counter()
        listed = [table.select(self._schema.names) for table in tables]
        for table in tables:
            for name in table.column_names[len(self._schema) :]:
                extra[name] += table.num_rows - table.column(name).null_count
        joined = pa.concat_tables(listed) if listed else self._schema.empty_table()
        order = np.concatenate(numbers) if numbers else np.empty(0, np.int64)
        return Documents(joined.combine_chunks(), order, batch.account, extra)


def fit(value: Any, kind: pa.DataType, name: str) -> Any:
    """A JSON value as a column of this type takes it, where that changes nothing but its spelling.

    Raises:
        Misfit: it cannot be.
    """
    if value is None:
        return None
    if pa.types.is_struct(kind):
        if not isinstance(value, dict):
            raise Misfit(f"{name}: expected an object")
        return {entry.name: fit(value.get(entry.name), entry.type, f"{name}.{entry.name}") for entry in kind}
    if pa.types.is_list(kind):
        listed = value if isinstance(value, list) else [value]
        return [fit(one, kind.value_type, name) for one in listed]
    if pa.types.is_string(kind):
        return _text(value, name)
    if pa.types.is_boolean(kind):
        return _truth(value, name)
    if pa.types.is_integer(kind):
        return _whole(value, name)
    if pa.types.is_floating(kind):
        return _real(value, name)
    return parse_time(value, name)


def _text(value: Any, name: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Misfit(f"{name}: not text (half a surrogate pair)") from None
    return text


def _truth(value: Any, name: str) -> bool:
    known = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
    found = value if isinstance(value, bool) else known.get(str(value).strip().lower())
    if found is None:
        raise Misfit(f"{name}: expected true or false")
    return bool(found)


def _whole(value: Any, name: str) -> int | None:
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        try:
            value = int(text, 16) if text[:2].lower() == "0x" else int(text) if len(text) < 24 else None
        except ValueError:
            value = None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise Misfit(f"{name}: expected a whole number")
    return value


def _real(value: Any, name: str) -> float | None:
    if isinstance(value, str) and not value.strip():
        return None
    try:
        number = float(value) if not isinstance(value, bool | dict | list) else None
    except (ValueError, OverflowError):
        number = None
    if number is None or not math.isfinite(number):
        raise Misfit(f"{name}: expected a number")
    return number


def parse_time(value: Any, name: str) -> datetime | None:
    """A time as ISO 8601 (without a zone: UTC) or as seconds, milliseconds, microseconds or nanoseconds since 1970.

    Which of these a number is, its size says: seconds reach the year 2100 at 4.1e9.

    Raises:
        Misfit: it is neither.
    """
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            at = None
        if at is not None:
            try:
                return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
            except OverflowError:  # before the year 1 or after 9999 once in UTC
                raise Misfit(f"{name}: expected a time (ISO 8601 or seconds since 1970)") from None
    try:
        number = float(value) if not isinstance(value, bool | dict | list) else math.nan
        while _LATEST_SECOND < number < math.inf:
            number /= 1000
        return datetime.fromtimestamp(number, UTC)
    except (ValueError, OverflowError, OSError):
        raise Misfit(f"{name}: expected a time (ISO 8601 or seconds since 1970)") from None


def _line_numbers(data: bytes, first: int, count: int, rows: int) -> NDArray[np.int64] | None:
    """Number of the line that each row was on; None where some line held more or less than one document."""
    if rows == count:
        return np.arange(first, first + count, dtype=np.int64)
    filled = [number for number, line in enumerate(data.split(b"\n"), first) if line.strip(_SKIPPED_SPACE)]
    return np.array(filled, np.int64) if len(filled) == rows else None


def _blocks_or_objects(stream: ByteStream) -> Iterator[Block | _Objects]:
    """Blocks of lines where each line is a document, else the documents themselves."""
    whole = Rejoined(stream)
    head = whole.peek(_LOOKED_AT)
    if _in_lines(head, ended=len(head) < _LOOKED_AT):
        yield from blocks(whole)
    else:
        yield from _objects(chunks(whole), str(whole.name))


def _in_lines(head: bytes, *, ended: bool) -> bool:
    """Whether each line is a document, or a broken one; an array and documents over several lines are not."""
    start = head.lstrip(_SKIPPED_SPACE)
    if not start.startswith(b"{"):
        return not start.startswith(b"[")
    line, end, rest = start.partition(b"\n")
    try:
        json.loads(line)
    except RecursionError:
        return True
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return error.doc[error.pos :][:1] not in ("{", ",")
    except ValueError:
        return True
    else:
        return True
    if not (end or ended):
        return True  # one very long line
    return not _spans_lines(start, line, rest)


def _first_document(start: bytes) -> str:
    """The first document as text where it is whole, else nothing."""
    text = start.decode("utf-8", "replace")
    try:
        return text[: json.JSONDecoder().raw_decode(text)[1]]
    except (ValueError, RecursionError):
        return ""


def _spans_lines(start: bytes, line: bytes, rest: bytes) -> bool:
    """Whether a first line that is no document begins one over several lines, and is not just broken."""
    if _first_document(start):
        return True
    for other in rest.split(b"\n", _FEW_LINES)[:_FEW_LINES]:
        if other.startswith(b"{") and _first_document(other.rstrip()) == other.rstrip().decode("utf-8", "replace"):
            return False  # a document on a line of its own
    return line.rstrip().endswith((b"{", b"[", b","))


def _objects(pieces: Iterator[bytes], name: str) -> Iterator[_Objects]:
    """Documents of an array, or one after the other, at most so many at once.

    Raises:
        SourceError: the stream breaks off, or what follows cannot be told into documents.
    """
    decoder, text_of = json.JSONDecoder(), codecs.getincrementaldecoder("utf-8")("surrogateescape")
    text, number, position, held, ended = "", 0, 0, 0, False
    listed: list[tuple[int, Any]] = []
    broken: SourceError | None = None
    while True:
        at = _DOCUMENT_START.match(text, position).end()  # type: ignore[union-attr]  # matches the empty text as well
        try:
            document, position = decoder.raw_decode(text, at)
        except RecursionError:
            reason = "nested too deep"
        except ValueError as error:
            reason = getattr(error, "msg", "a number is too long")
        else:
            number, held = number + 1, held + position - at
            listed.append((number, document))
            if len(listed) >= _AT_ONCE or held >= _TEXT_AT_ONCE:
                yield _Objects(listed, [])
                listed, held = [], 0
            continue
        piece = None
        if not ended and len(text) - at <= LONGEST_LINE:
            try:
                piece = next(pieces, None)
            except SourceError as error:
                broken = error
        if piece is not None:
            text, position = text[at:] + text_of.decode(piece), 0
            continue
        ended = True
        if at == len(text):
            yield _Objects(listed, [])
            if broken is not None:
                raise broken
            return
        number += 1
        yield _Objects(listed, [Fault(f"not JSON: {reason}; what follows cannot be read", number)])
        raise broken or SourceError(name, 0, f"document {number} is not JSON ({reason}); what follows it was not read")
