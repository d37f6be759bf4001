"""Records of the log: what one request gave, as bytes that can be checked and read back.

A record is a head of 24 bytes and a payload, both multiples of 8 bytes long::

    0   4  b"FWR1"
    4   4  CRC-32 of bytes 8 to 24
    8   8  length of the payload
    16  4  CRC-32 of the payload
    20  4  length of the JSON that the payload begins with
    24     JSON: feed, sender, received, request, tables: [[name, bytes], ...]; spaces to a multiple of 8
           for each table an Arrow IPC stream, itself a multiple of 8 long

All numbers are little-endian. CRC-32 is that of zlib (ISO 3309): it finds torn and rotten bytes; nobody who could
forge it can write here.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from pyarrow import ipc

from farmwatch.errors import DecodeError
from farmwatch.records import Record

__all__ = ["HEAD_BYTES", "MAGIC", "Damage", "Delivery", "encode", "frames"]

MAGIC = b"FWR1"
HEAD_BYTES = 24
_CHECKED = struct.Struct("<QII")  # what the first CRC covers
_LONGEST = 1 << 32
_UNIT = 8


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one request gave."""

    feed: str
    sender: str
    received: datetime
    request: str  #: its id
    tables: Mapping[str, pa.Table]  #: by the table's name


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a log that are no record."""

    start: int
    end: int
    reason: str


def encode(
    tables: Mapping[type[Record], pa.Table], *, feed: str, sender: str, received: datetime, request: str
) -> list[bytes | pa.Buffer]:
    """A record as pieces to be written one after the other."""
    streams = [(record.table, _stream(rows)) for record, rows in tables.items()]
    facts = {
        "feed": feed,
        "sender": sender,
        "received": received.astimezone(UTC).isoformat(timespec="microseconds"),
        "request": request,
        "tables": [[name, stream.size] for name, stream in streams],
    }
    text = json.dumps(facts, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _UNIT)
    crc = zlib.crc32(text)
    for _, stream in streams:
        crc = zlib.crc32(stream, crc)
    length = len(text) + sum(stream.size for _, stream in streams)
    checked = _CHECKED.pack(length, crc, len(text))
    return [MAGIC + struct.pack("<I", zlib.crc32(checked)) + checked + text, *(stream for _, stream in streams)]


def _stream(rows: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return sink.getvalue()


def frames(data: memoryview) -> Iterator[tuple[int, Delivery | Damage]]:
    """Records of a log one after the other, each with where it ends; damaged stretches are named and stepped over.

    After damage, reading goes on at the next place that is a whole record.
    """
    at = 0
    while at < len(data):
        try:
            end = _end(data, at)
            delivery = _delivery(data[at + HEAD_BYTES : end], _CHECKED.unpack_from(data, at + 8)[2])
        except DecodeError as error:
            after = _next(data, at + 1)
            yield after, Damage(at, after, str(error))
            at = after
        else:
            yield end, delivery
            at = end


def _end(data: memoryview, at: int) -> int:
    """Where the record at a place ends.

    Raises:
        DecodeError: there is no whole record.
    """
    if len(data) - at < HEAD_BYTES:
        raise DecodeError("cut in the head of a record")
    if data[at : at + 4] != MAGIC:
        raise DecodeError("no record begins here")
    if struct.unpack_from("<I", data, at + 4)[0] != zlib.crc32(data[at + 8 : at + HEAD_BYTES]):
        raise DecodeError("the head of a record is damaged")
    length, crc, text = _CHECKED.unpack_from(data, at + 8)
    end = at + HEAD_BYTES + length
    if length > _LONGEST or text > length or end > len(data):
        raise DecodeError("cut in a record")
    if zlib.crc32(data[at + HEAD_BYTES : end]) != crc:
        raise DecodeError("the content of a record is damaged")
    return int(end)


def _next(data: memoryview, start: int) -> int:
    """Where the next whole record begins, or the end."""
    at = start
    while (found := _find(data, at)) >= 0:
        try:
            _end(data, found)
        except DecodeError:
            at = found + 1
        else:
            return found
    return len(data)


def _find(data: memoryview, start: int) -> int:
    """Where the magic stands next, or -1; in stretches, so that the log is not copied whole."""
    step = 1 << 20
    for at in range(start, len(data), step):
        found = bytes(data[at : at + step + len(MAGIC) - 1]).find(MAGIC)
        if found >= 0:
            return at + found
    return -1


def _delivery(payload: memoryview, text: int) -> Delivery:
    try:
        facts: dict[str, Any] = json.loads(bytes(payload[:text]))
        tables, at = {}, text
        for name, size in facts["tables"]:
            tables[name] = ipc.open_stream(pa.py_buffer(payload[at : at + size])).read_all()
            at += size
        return Delivery(
            facts["feed"], facts["sender"], datetime.fromisoformat(facts["received"]), facts["request"], tables
        )
    except (ValueError, KeyError, TypeError, OSError, pa.ArrowException) as error:
        raise DecodeError(f"the content of a record cannot be read: {error}") from error
