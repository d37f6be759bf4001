"""osquery's results log: what endpoints say of themselves, whoever scheduled the queries.

A line of the log, or an element of ``data`` in a request of the TLS logger, comes in one of three shapes (osquery wiki,
deployment/logging)::

    {"name": "…", "hostIdentifier": "…", "unixTime": 1790000000, "epoch": 0, "counter": 3, "action": "added",
     "columns": {"vendor_id": "046d", …}, "decorations": {"hostname": "…"}}
    {…, "diffResults": {"added": [{…}], "removed": [{…}]}}
    {…, "action": "snapshot", "snapshot": [{…}, {…}]}

Older versions write ``hostname`` for ``hostIdentifier``, counts as text and empty lists as empty texts; with numerics
switched on, values are numbers. That is made uniform on the bytes, before anything is parsed, so that blocks of lines
can be parsed in columns. Decorations may lie at the top. A record is a result row; a line without any is one record.
What a row is, its columns say (:mod:`~farmwatch.collectors.feeds.osquery_tables`).
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.collectors.feeds.columns import each, filled, first_of, lowered, times
from farmwatch.collectors.feeds.contract import ByteStream, Context, Fault, Parsed, Sample
from farmwatch.collectors.feeds.documents import Documents, json_documents, json_objects
from farmwatch.collectors.feeds.hosts import device_names
from farmwatch.collectors.feeds.osquery_rows import Rows, mask
from farmwatch.collectors.feeds.osquery_tables import BANNED, COLUMNS, MAPPINGS, Mapping
from farmwatch.collectors.feeds.output import Output
from farmwatch.records import (
    DeviceFact,
    DeviceLocation,
    Display,
    DnsLookup,
    InputHook,
    Logon,
    PowerEvent,
    Process,
    Record,
    RemoteToolLog,
    Service,
    Sighting,
    Socket,
    Software,
    UsbDevice,
)

__all__ = ["Osquery"]

_ROW = pa.struct([pa.field(name, pa.string()) for name in dict.fromkeys((*COLUMNS, *BANNED))])
_DECORATIONS = pa.struct([pa.field(name, pa.string()) for name in ("hostname", "host_uuid", *BANNED)])
_SCHEMA = pa.schema(
    [
        *(
            pa.field(name, pa.string())
            for name in (
                "name", "hostIdentifier", "hostname", "calendarTime", "action", "log_type", "severity", "username",
            )
        ),
        *(pa.field(name, pa.int64()) for name in ("unixTime", "epoch", "counter")),
        pa.field("decorations", _DECORATIONS),
        pa.field("columns", _ROW),
        pa.field("snapshot", pa.list_(_ROW)),
        pa.field("diffResults", pa.struct([pa.field("added", pa.list_(_ROW)), pa.field("removed", pa.list_(_ROW))])),
    ]
)  # fmt: skip
_DIGITS = rb"\s*(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?=\s*[,}])"
_NUMBER = re.compile(rb'":' + _DIGITS)
_NUMBER_OF_KEY = re.compile(rb'(?<!\\)":' + _DIGITS)  # where texts hold what looks like a key: three times slower
_EMPTY = re.compile(rb'"(added|removed|snapshot)":\s*""')
_COUNTS = {
    name: re.compile(b'"' + name + rb'":\s*"(\d{1,18})"') for name in (b"unixTime", b"epoch", b"counter")
}  # written as text
_EMPTY_LISTS = tuple(
    b'"' + name + b'":' + space + b'""' for name in (b"added", b"removed", b"snapshot") for space in (b"", b" ")
)
_NUMERIC = (b'"numerics":true', b'"numerics": true')  # how a line says that its values are numbers
_COUNT_AS_TEXT = (b'"unixTime":"', b'"unixTime": "')
_REQUEST = re.compile(rb'\s*\{\s*(?:"[^"]*"\s*:\s*"[^"]*"\s*,\s*)*"(?:node_key|log_type)"')
_AHEAD = 64 << 10
_MOST_NAMES = 50  # names of queries that are counted one by one in a stretch
_EVENT, _ADDED, _REMOVED, _SNAPSHOT, _NOTHING = range(5)


@dataclass(frozen=True, slots=True)
class Osquery:
    """Results of osquery's scheduled queries."""

    kind: ClassVar[str] = "osquery"
    sentence: ClassVar[str] = "osquery results: the results log, Fleet's log destinations, requests of the TLS logger."
    tables: ClassVar[tuple[type[Record], ...]] = (
        DeviceFact, DeviceLocation, Display, DnsLookup, InputHook, Logon, PowerEvent, Process, RemoteToolLog, Service,
        Sighting, Socket, Software, UsbDevice,
    )  # fmt: skip

    def recognises(self, sample: Sample) -> bool:
        """By a host, a query's name and results; by a logger request; by a status log."""
        return any(_is_osquery(document) for document in sample.documents[:5])

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read results; see the module."""
        uniform = _Uniform(stream)
        start = uniform.peek()
        if start.lstrip(b" \t\r\n\xef\xbb\xbf").startswith(b"[") or _REQUEST.match(start):
            yield from _of_objects(uniform, context)
            return
        for documents in json_documents(uniform, _SCHEMA, threads=context.threads):
            yield _parsed(documents, context)


def _is_osquery(document: dict[str, Any]) -> bool:
    keys = document.keys()
    if "name" in keys and keys & {"hostIdentifier", "hostname"} and keys & {"columns", "snapshot", "diffResults"}:
        return "unixTime" in keys or "calendarTime" in keys
    if "log_type" in keys and isinstance(document.get("data"), list):
        return "node_key" in keys or document["log_type"] in ("result", "status")
    return "hostIdentifier" in keys and {"severity", "message", "filename"} <= keys


class _Uniform:
    """The stream in one spelling, cut where no value is torn."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._ready, self._rest, self._done = b"", b"", False
        self.name = getattr(stream, "name", "input")

    @property
    def offset(self) -> int:
        """Bytes read of what is behind it."""
        return int(getattr(self._stream, "offset", 0))

    def peek(self) -> bytes:
        """What the input starts with."""
        while len(self._ready) < _AHEAD and not self._done:
            self._fill(_AHEAD)
        return self._ready[:_AHEAD]

    def read(self, size: int = -1) -> bytes:
        """The next bytes; some more or fewer than asked for, none only at the end."""
        while not self._done and (size < 0 or len(self._ready) < size):
            self._fill(max(size, _AHEAD) if size > 0 else 4 << 20)
        size = len(self._ready) if size < 0 else size
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def _fill(self, size: int) -> None:
        data = self._stream.read(size)
        self._done = not data
        data = self._rest + data
        cut = len(data) if self._done else max(data.rfind(b"\n"), data.rfind(b",")) + 1 or len(data)
        self._rest = data[cut:]
        self._ready += _uniform(data[:cut])


def _uniform(data: bytes) -> bytes:
    """Lines in one spelling: values as text, counts as numbers, lists as lists. Lines that need it not stay.

    A quote within a text has a backslash before it, so what these patterns match is never inside one. Lines in yet
    another spelling are made to fit one by one, later and slower.
    """
    if any(sign in data for sign in _NUMERIC):
        data = _quoted(data)
    if any(sign in data for sign in _COUNT_AS_TEXT):
        for name, text in _COUNTS.items():
            data = text.sub(rb'"' + name + rb'":\1', data)
    return _EMPTY.sub(rb'"\1":[]', data) if any(sign in data for sign in _EMPTY_LISTS) else data


def _quoted(data: bytes) -> bytes:
    """Bare numbers between quotes."""
    if b'\\":' in data:
        return _NUMBER_OF_KEY.sub(rb'":"\1"', data)
    parts = _NUMBER.split(data)
    parts[1::2] = [b'":"' + number + b'"' for number in parts[1::2]]
    return b"".join(parts)


def _of_objects(stream: ByteStream, context: Context) -> Iterator[Parsed]:
    """Results in an array, or in the ``data`` of logger requests: each as a line of its own, then as any line."""
    before = 0
    for objects, _, account in json_objects(stream):
        results: list[bytes] = []
        faults = Parsed(records=account.records, rejects=list(account.rejects))
        for document in objects:
            data = document.get("data")
            listed = data if isinstance(data, list) and "log_type" in document else [document]
            for result in listed:
                if isinstance(result, dict):
                    results.append(json.dumps(result).encode())
                else:
                    faults.records += 1
                    faults.rejects.append(Fault("logger request: an element is no object", before + len(results) + 1))
        lines = io.BytesIO(b"\n".join(results))
        for documents in json_documents(_Uniform(lines), _SCHEMA):
            numbers = documents.numbers + before
            late = [
                replace(fault, offset=None if fault.offset is None else fault.offset + before)
                for fault in documents.faults.rejects
            ]
            merged = Parsed(records=documents.faults.records + faults.records, rejects=[*late, *faults.rejects])
            faults = Parsed()
            yield _parsed(Documents(documents.table, numbers, merged, documents.extra), context)
        if faults.records:
            yield faults
        before += len(results)


def _parsed(documents: Documents, context: Context) -> Parsed:
    table = documents.table
    rows, shape, document, index = _taken_apart(table)
    output = Output(documents.numbers[document])
    output.before(documents.faults)
    if len(document):
        envelope = {
            name: table.column(name).combine_chunks().take(pa.array(document))
            for name in ("name", "hostIdentifier", "hostname", "calendarTime", "unixTime", "epoch", "counter", "action")
        }
        decorations = table.column("decorations").combine_chunks().take(pa.array(document))
        columns = dict(zip((entry.name for entry in _ROW), rows.flatten(), strict=True))
        action = lowered(envelope["action"])
        removed = (shape == _REMOVED) | mask(pc.equal(action, "removed"))
        listed = (shape == _SNAPSHOT) | mask(pc.equal(action, "snapshot"))
        base = {
            "device_id": _devices(envelope, decorations, context),
            "ts": _times(envelope, context),
            "record_id": _record_ids(envelope, np.where(shape == _EVENT, -1, index)),
        }
        initial = listed | mask(pc.equal(envelope["counter"], 0))
        _dispatch(columns, base, removed, initial, shape, envelope["name"], output, context)
        _unused(table, document, shape, envelope["name"], output)
        _count_banned(table, output)
    return output.finish()


def _taken_apart(table: pa.Table) -> tuple[pa.StructArray, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """All result rows, of which shape each is, in which document and at which place of its list.

    A document without any row counts as one, of shape nothing.
    """
    pieces: list[pa.StructArray] = []
    shapes: list[NDArray[np.int64]] = []
    owners: list[NDArray[np.int64]] = []
    places: list[NDArray[np.int64]] = []
    alone = table.column("columns").combine_chunks()
    diff = table.column("diffResults").combine_chunks()
    lists = {
        _ADDED: pc.struct_field(diff, "added"),
        _REMOVED: pc.struct_field(diff, "removed"),
        _SNAPSHOT: table.column("snapshot").combine_chunks(),
    }
    single = np.flatnonzero(mask(alone.is_valid()))
    if len(single):
        pieces.append(alone if len(single) == len(alone) else alone.take(pa.array(single)))
        shapes.append(np.full(len(single), _EVENT))
        owners.append(single)
        places.append(np.zeros(len(single), np.int64))
    for shape, values in lists.items():
        if values.null_count == len(values):
            continue
        owner = pc.list_parent_indices(values).to_numpy(zero_copy_only=False).astype(np.int64)
        if len(owner):
            pieces.append(pc.list_flatten(values))
            shapes.append(np.full(len(owner), shape))
            owners.append(owner)
            places.append(np.arange(len(owner)) - np.searchsorted(owner, owner))
    seen = np.zeros(table.num_rows, np.bool_)
    for owner in owners:
        seen[owner] = True
    empty = np.flatnonzero(~seen)
    pieces.append(pa.nulls(len(empty), _ROW))
    shapes.append(np.full(len(empty), _NOTHING))
    owners.append(empty)
    places.append(np.zeros(len(empty), np.int64))
    rows = pa.concat_arrays([piece for piece in pieces if len(piece)]) if table.num_rows else pieces[0]
    return rows, np.concatenate(shapes), np.concatenate(owners).astype(np.int64), np.concatenate(places)


def _devices(envelope: dict[str, pa.Array], decorations: pa.StructArray, context: Context) -> pa.Array:
    """The host's name: as decorations give it, else as the identifier, which may be an id, does."""
    told = first_of(pc.struct_field(decorations, "hostname"), envelope["hostname"], envelope["hostIdentifier"])
    named = device_names(told)
    return pc.fill_null(named, context.device_id) if context.device_id else named


def _times(envelope: dict[str, pa.Array], context: Context) -> pa.Array:
    """When the query ran; when the line came in where it says nothing at all of that."""
    ran = envelope["unixTime"]
    at = pc.coalesce(
        times(pc.if_else(pc.greater(ran, 0), ran, None)),
        each(_calendar, envelope["calendarTime"], pa.timestamp("us", tz="UTC")),
    )
    silent = pc.and_(pc.is_null(ran), pc.is_null(filled(envelope["calendarTime"])))
    return pc.if_else(silent, pa.scalar(context.received, at.type), at)


_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec"  # asctime's, whatever the locale
_CALENDAR = re.compile(r"\s*\w{3} (\w{3}) +(\d{1,2}) (\d{2}):(\d{2}):(\d{2}) (\d{4})(?: UTC)?\s*")


def _calendar(text: str) -> datetime | None:
    match = _CALENDAR.fullmatch(text)
    if match is None or match[1].lower() not in _MONTHS.split():
        return None
    try:
        return datetime(
            int(match[6]),
            _MONTHS.split().index(match[1].lower()) + 1,
            int(match[2]),
            int(match[3]),
            int(match[4]),
            int(match[5]),
            tzinfo=UTC,
        )
    except ValueError:
        return None


def _record_ids(envelope: dict[str, pa.Array], index: NDArray[np.int64]) -> pa.Array:
    """Query, epoch, counter and place in its list: the same when a line is sent again, another for another row."""
    parts = [pc.fill_null(envelope[name].cast(pa.string()), "") for name in ("name", "epoch", "counter")]
    place = pc.if_else(pa.array(index < 0), pa.scalar(""), pa.array(index).cast(pa.string()))
    return pc.utf8_slice_codeunits(pc.binary_join_element_wise(*parts, place, ":"), 0, 512)


def _dispatch(
    columns: dict[str, pa.Array], base: dict[str, pa.Array], removed: NDArray[np.bool_], initial: NDArray[np.bool_],
    shape: NDArray[np.int64], names: pa.Array, output: Output, context: Context,
) -> None:  # fmt: skip
    """Offer the rows to each table in turn."""
    given = {name: mask(values.is_valid()) for name, values in columns.items() if values.null_count < len(values)}
    free = shape != _NOTHING
    for mapping in MAPPINGS:
        if not set(mapping.needs) <= given.keys() or (mapping.some and not given.keys() & set(mapping.some)):
            continue
        mine = _fitting(mapping, given, names, free)
        if not mine.any():
            continue
        free = free & ~mine
        gone = mine & removed
        if not mapping.removed and gone.any():
            output.unneeded(gone, f"removed row of {mapping.name}")
            mine = mine & ~removed
        where = np.flatnonzero(mine)
        if len(where):
            mapping.rows(Rows(columns, where, base, removed[where], initial[where], output, context))
            output.unneeded(where, mapping.name)


def _fitting(
    mapping: Mapping, given: dict[str, NDArray[np.bool_]], names: pa.Array, free: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    mine = free.copy()
    for name in mapping.needs:
        mine &= given[name]
    if mapping.some:
        mine &= np.logical_or.reduce([given[name] for name in mapping.some if name in given])
    for name in mapping.lacks:
        if name in given:
            mine &= ~given[name]
    if mapping.named and mine.any():
        mine &= mask(pc.match_substring_regex(names, f"(?i){mapping.named}"))
    return mine


def _unused(
    table: pa.Table, document: NDArray[np.int64], shape: NDArray[np.int64], names: pa.Array, output: Output
) -> None:
    """What to call the rows that no table took: by their query."""
    nothing = shape == _NOTHING
    log = nothing & mask(table.column("severity").combine_chunks().is_valid())[document]
    request = nothing & mask(table.column("log_type").combine_chunks().is_valid())[document]
    host = pc.or_(table.column("hostIdentifier").is_valid(), table.column("hostname").is_valid())
    empty = nothing & mask(host.combine_chunks())[document] & mask(names.is_valid()) & ~log & ~request
    output.unneeded(log, "status log")
    output.unneeded(empty, "result without rows")
    output.reject(request & ~log, "a whole logger request among results")
    output.reject(nothing & ~log & ~empty & ~request, "not a result of osquery: no columns, snapshot or diffResults")
    for position, name in enumerate(pc.unique(names).to_pylist()):
        if position == _MOST_NAMES:
            output.unneeded(~nothing, "other queries")
            return
        rows = pc.is_null(names) if name is None else pc.equal(names, name)
        output.unneeded(~nothing & mask(rows), f"query {(name or 'without a name')[:80]}")


def _count_banned(table: pa.Table, output: Output) -> None:
    """Count what is never kept."""
    counts: Counter[str] = Counter()
    listed = {
        "columns": table.column("columns").combine_chunks(),
        "snapshot": table.column("snapshot").combine_chunks(),
    }
    diff = table.column("diffResults").combine_chunks()
    for name in ("added", "removed"):
        listed[f"diffResults.{name}"] = pc.struct_field(diff, name)
    for place, values in listed.items():
        flat = pc.list_flatten(values) if pa.types.is_list(values.type) else values
        if len(flat):
            for name in BANNED:
                counts[f"{place}.{name}"] += _filled_count(pc.struct_field(flat, name))
    whole = table.column("decorations").combine_chunks()
    for name in BANNED:
        counts[f"decorations.{name}"] += _filled_count(pc.struct_field(whole, name))
    counts["username"] += _filled_count(table.column("username").combine_chunks())
    output.dropped += +counts


def _filled_count(values: pa.Array) -> int:
    if values.null_count == len(values):
        return 0
    return int(pc.sum(pc.greater(pc.binary_length(values), 0)).as_py() or 0)
