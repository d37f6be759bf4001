"""Windows event logs as the system keeps them (EVTX, binary).

A log is a header and chunks of 64 KiB, each of which can be read alone (libyal, "Windows XML Event Log (EVTX) format").
So chunks are read one at a time as they come, whatever the file's size and where it comes from; a damaged record costs
itself, a damaged chunk itself, and a piece that is no chunk at all is passed over to the next one. A chunk says the
numbers of its first and last record: what of them did not come is counted as lost.

Why the file's own header is not used: in logs copied from a running system it is out of date, in damaged ones wrong.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from evtx import PyEvtxParser

from farmwatch.collectors.feeds.contract import ByteStream, Context, Fault, Parsed, Sample
from farmwatch.collectors.feeds.output import Output
from farmwatch.collectors.feeds.windows.events import Event
from farmwatch.collectors.feeds.windows.meaning import EVENT_TABLES, interpret
from farmwatch.collectors.feeds.windows.shapes import event_of
from farmwatch.errors import SourceError
from farmwatch.records import Record

__all__ = ["WindowsEventLog"]

_FILE_HEADER, _CHUNK = 4096, 65536
_FILE_SIGN, _CHUNK_SIGN = b"ElfFile\0", b"ElfChnk\0"
_RANGE = struct.Struct("<8sQQQQ")  # signature, first and last record number, first and last record identifier
_TABLES, _CHUNK_HEADER, _RECORD_FRAME, _RECORD_SIGN = 128, 512, 28, b"**\0\0"
_MOST_RECORDS = (_CHUNK - _CHUNK_HEADER) // _RECORD_FRAME  # of a chunk
_AT_ONCE = 5000  # events that are handed on together


def _header() -> bytes:
    """The header of a log with one chunk: signature, chunk numbers, next record, sizes, version 3.1, chunks, CRC32."""
    head = bytearray(_FILE_HEADER)
    struct.pack_into("<8sQQQIHHHH", head, 0, _FILE_SIGN, 0, 0, 1, 128, 1, 3, _FILE_HEADER, 1)
    struct.pack_into("<I", head, 124, zlib.crc32(bytes(head[:120])))
    return bytes(head)


_HEADER = _header()


@dataclass(frozen=True, slots=True)
class WindowsEventLog:
    """Windows event logs as files."""

    kind: ClassVar[str] = "windows-evtx"
    sentence: ClassVar[str] = "Windows event logs as files (EVTX)."
    tables: ClassVar[tuple[type[Record], ...]] = EVENT_TABLES

    def recognises(self, sample: Sample) -> bool:
        """By its signature, or that of a chunk."""
        return sample.head.startswith((_FILE_SIGN, _CHUNK_SIGN))

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read chunk by chunk; see the module.

        Raises:
            SourceError: there is no chunk in it, or it breaks off; what came before was given.
        """
        log = _Log()
        chunks = _Chunks(stream)
        for chunk in chunks:
            log.chunk(chunk) if chunk is not None else log.lost("bytes that are no chunk of a log")
            if len(log.events) >= _AT_ONCE:
                yield log.parsed(context)
        if log.numbered != log.given:
            yield log.parsed(context)
        if chunks.broken is not None:
            raise chunks.broken
        if not chunks.found and chunks.size:
            raise SourceError(str(getattr(stream, "name", "input")), 0, "not a Windows event log: no chunk in it")


class _Log:
    """Events of a log in the order they come, with their places in it."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.numbered = 0  #: records so far, with those lost
        self.given = 0  #: those that were handed on
        self._numbers: list[int] = []
        self._faults: list[Fault] = []

    def lost(self, reason: str, count: int = 1) -> None:
        """Count records that cannot be read."""
        self._faults.append(Fault(reason, self.numbered + 1, count))
        self.numbered += count

    def chunk(self, chunk: bytes) -> None:
        """Read the records of a chunk."""
        before, found = self.numbered, _records(chunk)
        if _missing(chunk, len(found)):
            again = _records(_mended(chunk))
            found = max(found, again, key=lambda records: sum(isinstance(one, dict) for one in records))
        for one in found:
            self._record(one)
        missing = _missing(chunk, self.numbered - before)
        if missing:
            cut = " that is cut off" if len(chunk) < _CHUNK else ""
            self.lost(f"records missing from a chunk{cut}", missing)

    def _record(self, found: Any) -> None:
        if isinstance(found, str):
            self.lost(f"a record that cannot be read: {found}")
            return
        try:
            document = json.loads(found["data"])
            event = event_of(document) if isinstance(document, dict) else None
        except (ValueError, RecursionError):
            event = None
        if event is None:
            self.lost("a record that is no event")
            return
        self.numbered += 1
        self.events.append(event)
        self._numbers.append(self.numbered)

    def parsed(self, context: Context) -> Parsed:
        """What the records since the last call give."""
        output = Output(np.array(self._numbers, np.int64))
        output.before(Parsed(records=sum(fault.count for fault in self._faults), rejects=self._faults))
        interpret(self.events, output, context)
        self.events, self._numbers, self._faults, self.given = [], [], [], self.numbered
        return output.finish()


def _records(chunk: bytes) -> list[Any]:
    """Records of a chunk, and in place of each that is damaged what is wrong with it."""
    found: list[Any] = []
    try:
        parser = PyEvtxParser(io.BytesIO(_HEADER + chunk.ljust(_CHUNK, b"\0")), number_of_threads=1)
        records = iter(parser.records_json())
    except (OSError, RuntimeError) as error:
        return [_words(error)]
    while len(found) < _MOST_RECORDS:
        try:
            found.append(next(records))
        except StopIteration:
            break
        except RuntimeError as error:
            found.append(_words(error))
    return found


def _mended(chunk: bytes) -> bytes:
    """A chunk in which the frame of each record fits again, so that a wrong length does not hide what follows it.

    A record is framed by a signature and its length in front and its length again behind. From a place where that does
    not fit to the next where it does is taken for one record. The chunk's tables of names and templates, which only
    save time and of which one wrong entry makes the whole unreadable, are left out.
    """
    data = bytearray(chunk.ljust(_CHUNK, b"\0"))
    data[_TABLES:_CHUNK_HEADER] = bytes(_CHUNK_HEADER - _TABLES)
    (free,) = struct.unpack_from("<I", data, 48)
    end = free if _CHUNK_HEADER < free <= _CHUNK else len(bytes(data).rstrip(b"\0"))
    at = _CHUNK_HEADER
    while at + _RECORD_FRAME <= end:
        size = _framed(data, at, end)
        if not size:
            following = at
            while (following := data.find(_RECORD_SIGN, following + 8, end)) >= 0 and not _framed(data, following, end):
                pass
            size = (following if following >= 0 else end) - at
            if size < _RECORD_FRAME:
                break
            struct.pack_into("<4sI", data, at, _RECORD_SIGN, size)
            struct.pack_into("<I", data, at + size - 4, size)
        at += size
    return bytes(data)


def _framed(data: bytearray, at: int, end: int) -> int:
    """Length of the record at a place; 0 where there is none."""
    if not data.startswith(_RECORD_SIGN, at) or at + _RECORD_FRAME > end:
        return 0
    (size,) = struct.unpack_from("<I", data, at + 4)
    if not _RECORD_FRAME <= size <= end - at:
        return 0
    (again,) = struct.unpack_from("<I", data, at + size - 4)
    return int(size) if again == size else 0


def _words(error: Exception) -> str:
    """The last line of an error's story, without offsets: equal faults are to be counted together."""
    return str(error).strip().splitlines()[-1][:120] if str(error).strip() else type(error).__name__


def _missing(chunk: bytes, got: int) -> int:
    """How many records a chunk says it has beyond those that came; 0 where what it says cannot be."""
    if len(chunk) < _RANGE.size:
        return 0
    _, first, last, _, _ = _RANGE.unpack_from(chunk)
    said = last - first + 1
    return max(0, said - got) if 0 < said <= _MOST_RECORDS else 0


class _Chunks:
    """Chunks of a stream; None in place of bytes that are none. Unused space is passed over."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.found = 0
        self.size = 0
        self.broken: SourceError | None = None

    def __iter__(self) -> Iterator[bytes | None]:
        data = self._read(_FILE_HEADER)
        if not data.startswith(_CHUNK_SIGN):
            odd = bool(data) and not data.startswith(_FILE_SIGN)
            data = data[data.find(_CHUNK_SIGN) :] if _CHUNK_SIGN in data else b""
            if odd:
                yield None
        while True:
            data += self._read(_CHUNK - len(data))
            if not data:
                return
            if data.startswith(_CHUNK_SIGN):
                self.found += 1
                yield data[:_CHUNK]
                data = data[_CHUNK:]
                continue
            following = data.find(_CHUNK_SIGN)
            passed = data if following < 0 else data[:following]
            if passed.strip(b"\0"):
                yield None
            keep = len(_CHUNK_SIGN) - 1 if len(data) == _CHUNK else 0  # a signature may begin in the last bytes
            data = data[following:] if following > 0 else data[len(data) - keep :] if keep else b""

    def _read(self, size: int) -> bytes:
        if size <= 0 or self.broken is not None:
            return b""
        try:
            data = self._stream.read(size)
        except (EOFError, OSError, ValueError) as error:  # gzip, zstd and archives say it each in their own way
            self.broken = SourceError(
                str(getattr(self._stream, "name", "input")),
                getattr(self._stream, "offset", self.size),
                f"breaks off: {error}",
            )
            return b""
        self.size += len(data)
        return data
