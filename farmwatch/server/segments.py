"""Segments of the log: files with a head that names run and number, read back and taken up after a crash."""

from __future__ import annotations

import logging
import mmap
import os
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from farmwatch.server.frames import Damage, Delivery, frames
from farmwatch.server.metrics import Metrics

__all__ = ["HEAD_BYTES", "OpenSegment", "Segment", "Segments", "read"]

_LOG = logging.getLogger("farmwatch.server")
_HEAD = struct.Struct("<8s16sQI4x")  # magic, run, number, CRC-32 of what stands before it
_MAGIC = b"FWLOG\0\0\1"
_NAMES = "[0-9a-f]" * 16 + ".log"
HEAD_BYTES = _HEAD.size  #: before the first record


@dataclass(frozen=True, slots=True)
class Segment:
    """A sealed segment."""

    path: Path
    run: str  #: hex
    number: int
    length: int  #: bytes that count
    rows: int
    since: float  #: monotonic seconds at its first record
    recovered: bool = False  #: left over by an earlier run

    @property
    def content_bytes(self) -> int:
        """Bytes of its records."""
        return self.length - HEAD_BYTES


@dataclass(slots=True)
class OpenSegment:
    """The segment being written."""

    path: Path
    number: int
    file: int
    length: int = HEAD_BYTES
    rows: int = 0
    since: float = 0.0
    damaged: bool = False  #: it could not be cut back after a failure, or its fsync failed: nothing may follow

    @property
    def empty(self) -> bool:
        """Whether it has no record."""
        return self.length == HEAD_BYTES


class Segments:
    """The segments in a folder.

    Args:
        folder: Where they are.
        aside: Where what cannot be used is put.
        metrics: Where damage is counted.

    Raises:
        OSError: the folders cannot be made.
    """

    def __init__(self, folder: Path, aside: Path, metrics: Metrics) -> None:
        self._folder, self._aside, self._metrics = folder, aside, metrics
        for path in (folder, aside):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def begin(self, run: bytes, number: int) -> OpenSegment:
        """A new segment, on the disk with its name before anything is written to it.

        Raises:
            OSError: no room; there is none then.
        """
        path = self._folder / f"{number:016x}.log"
        head = _HEAD.pack(_MAGIC, run, number, zlib.crc32(_MAGIC + run + struct.pack("<Q", number)))
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o600)
        try:
            os.write(file, head)
            os.fsync(file)
            _sync_folder(self._folder)
        except OSError:
            os.close(file)
            path.unlink(missing_ok=True)
            raise
        return OpenSegment(path, number, file)

    def last_number(self) -> int:
        """The highest number there is; 0 for none."""
        return max((int(path.stem, 16) for path in self._folder.glob(_NAMES)), default=0)

    def left_over(self) -> list[Segment]:
        """What an earlier run left, in order, the newest cut back to its last whole record.

        Raises:
            OSError: a file cannot be read or cut.
        """
        paths = sorted(self._folder.glob(_NAMES), key=lambda path: int(path.stem, 16))
        looked_at = [self._look_at(path, newest=path == paths[-1]) for path in paths]
        return [segment for segment in looked_at if segment is not None]

    def _look_at(self, path: Path, *, newest: bool) -> Segment | None:
        data = path.read_bytes()
        run, number = _head_of(data)
        if number != int(path.stem, 16):
            self._without_head(path, len(data), newest=newest)
            return None
        length, rows = len(data), 0
        tail: Damage | None = None
        for _, one in frames(memoryview(data)[HEAD_BYTES:]):
            tail = one if isinstance(one, Damage) else None
            if isinstance(one, Delivery):
                rows += sum(table.num_rows for table in one.tables.values())
        if tail is not None and newest:
            length = HEAD_BYTES + tail.start
            _LOG.warning(
                "%s: %d bytes that were never acknowledged cut off after byte %d", path, len(data) - length, length
            )
            with path.open("r+b") as file:
                file.truncate(length)
                os.fsync(file.fileno())
        if length == HEAD_BYTES:
            path.unlink()
            return None
        return Segment(path, run.hex(), number, length, rows, time.monotonic(), recovered=True)

    def _without_head(self, path: Path, size: int, *, newest: bool) -> None:
        """Delete a segment whose head was never written; put one aside whose head is damaged."""
        if newest and size <= HEAD_BYTES:
            path.unlink()
            return
        aside = self._aside / f"{path.stem}-whole.bin"
        self._metrics.corrupt.add()
        _LOG.error("the log is damaged: %s has no head; kept as %s", path, aside)
        path.replace(aside)

    def put_aside(self, segment: Segment, start: int, raw: bytes | memoryview, reason: str) -> None:
        """Keep bytes of the log that cannot be used, and say so loudly.

        Raises:
            OSError: there is no room to keep them.
        """
        path = self._aside / f"{segment.path.stem}-{start}.bin"
        _LOG.error("the log is damaged: %s at byte %d: %s; kept as %s", segment.path, start, reason, path)
        with path.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        self._metrics.corrupt.add()


def read(segment: Segment) -> Iterator[tuple[int, memoryview, Delivery | Damage]]:
    """Records of a sealed segment: where each begins, its bytes, and the delivery or damage it is.

    Raises:
        OSError: it cannot be read.
    """
    with segment.path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    data = memoryview(mapped)[: segment.length]
    start = HEAD_BYTES
    for end, found in frames(data[HEAD_BYTES:]):
        yield start, data[start : end + HEAD_BYTES], found
        start = end + HEAD_BYTES


def _head_of(data: bytes) -> tuple[bytes, int]:
    """Run and number of a segment; number -1 where it has no head."""
    if len(data) < HEAD_BYTES:
        return b"", -1
    magic, run, number, crc = _HEAD.unpack_from(data)
    sound = magic == _MAGIC and crc == zlib.crc32(data[: HEAD_BYTES - 8])
    return (run, number) if sound else (b"", -1)


def _sync_folder(folder: Path) -> None:
    """Names in a folder onto the disk."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
