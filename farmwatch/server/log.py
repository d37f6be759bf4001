"""The log: what was received, on the disk before it is acknowledged, until it is in the store.

Records (:mod:`farmwatch.server.frames`) are appended to the newest of numbered *segments*. One thread writes: it takes
every record that waits, writes them together, and calls fsync once for all of them; meanwhile the next ones gather. So
the more arrives at once, the fewer fsyncs a record costs, and nobody waits for a timer.

A segment is *sealed* when it is large or a second old: a newer one is made first, then nothing is written to it any
more. Sealed segments are committed in the order of their numbers (:mod:`farmwatch.server.committing`) and deleted.

Why crashes lose nothing and double nothing:

* A record is acknowledged after fsync. What a crash cuts off at the end of the newest segment was not acknowledged, and
  is cut back to the last whole record when the server starts.
* Commits carry an application transaction of the Delta table: the *run* (random, one for each start of a server) and
  the segment's number. "Number n of this run is committed" means for a table that its rows of all segments of the run
  up to n are in it. Segments are committed in order, so a commit may cover several at once. After a crash each segment
  left over is offered by itself again: a table that has its number skips it, others take it. Where commits were cut
  together differently before makes no difference.
* Numbers order things, not clocks. Numbers never begin again while a segment is there, and a new run has its own, so
  that not even a folder put back from a copy makes an old number stand for new rows.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import mmap
import os
import secrets
import shutil
import struct
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from filelock import FileLock, Timeout

from farmwatch.errors import StoreError
from farmwatch.server.frames import Damage, frames
from farmwatch.server.metrics import Metrics
from farmwatch.server.problems import Refusal
from farmwatch.server.settings import LogLimits

__all__ = ["Log", "Segment"]

_LOG = logging.getLogger("farmwatch.server")
_HEAD = struct.Struct("<8s16sQI4x")  # magic, run, number, CRC-32 of what stands before it
_MAGIC = b"FWLOG\0\0\1"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_LOOK_S = 0.25  # how often free space is asked for
_AGAIN_S = 0.5
_FULL_RETRY_S, _BEHIND_RETRY_S = 30.0, 5.0


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


@dataclass(slots=True)
class _Open:
    """The segment being written."""

    path: Path
    number: int
    file: int
    length: int = _HEAD.size
    rows: int = 0
    since: float = 0.0
    damaged: bool = False  # it could not be cut back after a failure: nothing may follow

    @property
    def empty(self) -> bool:
        return self.length == _HEAD.size


@dataclass(slots=True)
class _Waiting:
    """A record on its way to the disk."""

    pieces: Sequence[bytes | pa.Buffer]
    size: int
    rows: int
    done: Future[int]


class Log:
    """A log in a folder, which it locks.

    Args:
        folder: Made where there is none.
        limits: When segments are sealed and when nothing more is taken.
        metrics: Where it counts.
        on_sealed: Called with each segment to be committed: those left over by an earlier run in :meth:`start`, later
            ones by the writing thread.

    Raises:
        StoreError: the folder cannot be used, or another server uses it.
    """

    def __init__(self, folder: Path, limits: LogLimits, metrics: Metrics, on_sealed: Callable[[Segment], None]) -> None:
        self.folder, self._limits, self._metrics, self._on_sealed = folder, limits, metrics, on_sealed
        self._segments, self._aside = folder / "segments", folder / "quarantine"
        self._run = secrets.token_bytes(16)
        self._ready = threading.Condition()
        self._waiting: deque[_Waiting] = deque()
        self._closing = False
        self._flush = False
        self._pending = 0
        self._not_before = float("-inf")  # when a segment that could not be followed by a new one is tried again
        self._looked, self._free = float("-inf"), 0
        self._failure = ""
        try:
            for path in (folder, self._segments, self._aside):
                path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreError(f"{folder}: cannot hold the log: {error.strerror or error}") from error
        self._lock = FileLock(folder / "lock", timeout=0)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise StoreError(f"{folder}: another server uses this log; end it, or name another --log-dir") from error
        except OSError as error:
            raise StoreError(f"{folder}: cannot be locked: {error.strerror or error}") from error
        self._open: _Open | None = None
        self._thread = threading.Thread(target=self._write_on, name="log", daemon=True)

    # --- for its owner ---------------------------------------------------------------------------------------------

    def start(self) -> list[Segment]:
        """Take up what an earlier run left, hand it on, and begin to write.

        Returns:
            What was left.

        Raises:
            StoreError: the folder cannot be read or written.
        """
        try:
            left = self._recovered()
            last = max((segment.number for segment in left), default=self._last_number())
            self._open = self._begin(max(last, self._last_number()) + 1)
        except OSError as error:
            self._lock.release()
            raise StoreError(f"{self.folder}: {error.strerror or error}") from error
        self._pending = sum(segment.length - _HEAD.size for segment in left)
        for segment in left:
            self._on_sealed(segment)
        self._thread.start()
        return left

    def append(self, pieces: Sequence[bytes | pa.Buffer], rows: int) -> Future[int]:
        """Append a record; the future has its segment's number as soon as the record is durable.

        Raises:
            Refusal: no room, too much uncommitted, or closing. So may the future.
        """
        self.check()
        size = sum(len(piece) if isinstance(piece, bytes) else piece.size for piece in pieces)
        waiting = _Waiting(pieces, size, rows, Future())
        with self._ready:
            if self._closing:
                raise _stopping()
            self._waiting.append(waiting)
            self._ready.notify()
        return waiting.done

    def check(self) -> None:
        """See that a record may be appended.

        Raises:
            Refusal: no room, too much uncommitted, or closing.
        """
        if self._closing:
            raise _stopping()
        if self._pending > self._limits.pending_bytes:
            raise Refusal(
                503, f"{self._pending} bytes wait for being committed, {self._limits.pending_bytes} may; send it again",
                reason="behind", retry_s=_BEHIND_RETRY_S, limit=self._limits.pending_bytes,
            )  # fmt: skip
        if self.free_bytes() < self._limits.free_bytes:
            raise _full()

    def flush(self) -> None:
        """Seal the present segment as soon as what waits is written."""
        with self._ready:
            self._flush = True
            self._ready.notify()

    def close(self) -> None:
        """Write what waits, seal, and end; what is sealed is still handed on."""
        with self._ready:
            self._closing = True
            self._ready.notify()
        if self._thread.ident is not None:
            self._thread.join()
        if self._open is not None:
            os.close(self._open.file)
            self._open = None

    def unlock(self) -> None:
        """Let another server have the folder; after the last segment was committed or left."""
        self._lock.release()

    def release(self, segment: Segment) -> None:
        """Delete a segment that is committed."""
        with contextlib.suppress(FileNotFoundError):
            segment.path.unlink()
        with self._ready:
            self._pending -= segment.length - _HEAD.size

    @property
    def pending_bytes(self) -> int:
        """Bytes acknowledged and not committed."""
        return self._pending

    @property
    def oldest_s(self) -> float:
        """Age of the segment being written, from its first record; 0 where it has none."""
        segment = self._open
        return time.monotonic() - segment.since if segment is not None and not segment.empty else 0.0

    @property
    def failure(self) -> str:
        """Why the last group could not be written; empty where it could."""
        return self._failure

    def free_bytes(self) -> int:
        """Free bytes on its disk, a quarter of a second old at most."""
        now = time.monotonic()
        if now - self._looked > _LOOK_S:
            self._looked, self._free = now, shutil.disk_usage(self.folder).free
        return self._free

    def read(self, segment: Segment) -> Iterator[tuple[int, int, memoryview, object]]:
        """Records of a sealed segment: where each begins and ends, its bytes, and the delivery or damage it is."""
        with segment.path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        data = memoryview(mapped)[: segment.length]
        start = _HEAD.size
        for end, found in frames(data[_HEAD.size :]):
            yield start, end + _HEAD.size, data[start : end + _HEAD.size], found
            start = end + _HEAD.size

    def put_aside(self, segment: Segment, start: int, raw: bytes | memoryview, reason: str) -> None:
        """Keep bytes of the log that cannot be used, and say so loudly."""
        path = self._aside / f"{segment.path.stem}-{start}.bin"
        _LOG.error("the log is damaged: %s at byte %d: %s; kept as %s", segment.path, start, reason, path)
        self._metrics.corrupt.add()
        if not path.exists():
            path.write_bytes(raw)

    # --- starting --------------------------------------------------------------------------------------------------

    def _last_number(self) -> int:
        return max((int(path.stem, 16) for path in self._segments.glob("*.log")), default=0)

    def _recovered(self) -> list[Segment]:
        """Segments an earlier run left, the newest cut back to its last whole record."""
        paths = sorted(self._segments.glob("*.log"), key=lambda path: int(path.stem, 16))
        found = []
        for path in paths:
            segment = self._look_at(path, newest=path == paths[-1])
            if segment is not None:
                found.append(segment)
        return found

    def _look_at(self, path: Path, *, newest: bool) -> Segment | None:
        data = path.read_bytes()
        run, number = _head_of(data)
        if number != int(path.stem, 16):
            if len(data) > _HEAD.size or not newest:
                self._metrics.corrupt.add()
                aside = self._aside / f"{path.stem}-whole.bin"
                _LOG.error("the log is damaged: %s has no head; kept as %s", path, aside)
                path.replace(aside)
            else:
                path.unlink()  # the crash came before its head was written, so before any record
            return None
        length, rows = len(data), 0
        tail: Damage | None = None
        for _, one in frames(memoryview(data)[_HEAD.size :]):
            tail = one if isinstance(one, Damage) else None
            if not isinstance(one, Damage):
                rows += sum(table.num_rows for table in one.tables.values())
        if tail is not None and newest:
            length = _HEAD.size + tail.start
            _LOG.warning(
                "%s: %d bytes that were never acknowledged cut off after byte %d", path, len(data) - length, length
            )
            with path.open("r+b") as file:
                file.truncate(length)
                os.fsync(file.fileno())
        if length == _HEAD.size:
            path.unlink()
            return None
        return Segment(path, run.hex(), number, length, rows, time.monotonic(), recovered=True)

    # --- writing ---------------------------------------------------------------------------------------------------

    def _begin(self, number: int) -> _Open:
        """A new segment, on the disk with its name before anything is written to it."""
        path = self._segments / f"{number:016x}.log"
        head = _HEAD.pack(_MAGIC, self._run, number, zlib.crc32(_MAGIC + self._run + struct.pack("<Q", number)))
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o600)
        try:
            os.write(file, head)
            os.fsync(file)
            _sync_folder(self._segments)
        except OSError:
            os.close(file)
            path.unlink(missing_ok=True)
            raise
        return _Open(path, number, file)

    def _write_on(self) -> None:
        """The writing thread."""
        while True:
            with self._ready:
                while not (self._waiting or self._closing or self._is_due()):
                    self._ready.wait(self._until_due())
                group = self._group()
                ending = self._closing and not self._waiting and not group
            if group:
                self._write(group)
            segment = self._open
            assert segment is not None
            if not segment.empty and (ending or self._is_due()):
                self._roll(segment)
            if ending:
                return

    def _is_due(self) -> bool:
        """Whether the present segment is to be sealed, and may be tried now."""
        return self._is_full() and time.monotonic() >= self._not_before

    def _is_full(self) -> bool:
        """Whether the present segment is to be sealed."""
        segment = self._open
        if segment is None or segment.empty:
            self._flush = False
            return False
        return (
            self._flush
            or segment.damaged
            or segment.rows >= self._limits.segment_rows
            or segment.length >= self._limits.segment_bytes
            or time.monotonic() - segment.since >= self._limits.segment_s
        )

    def _until_due(self) -> float | None:
        """Seconds until the present segment is to be sealed; none where it is empty."""
        segment = self._open
        if segment is None or segment.empty:
            return None
        due = self._not_before if self._is_full() else segment.since + self._limits.segment_s
        return max(0.001, due - time.monotonic())

    def _group(self) -> list[_Waiting]:
        """Records to be written together, in their order."""
        group: list[_Waiting] = []
        size = 0
        while self._waiting and (not group or size + self._waiting[0].size <= self._limits.group_bytes):
            group.append(self._waiting.popleft())
            size += group[-1].size
        return group

    def _write(self, group: list[_Waiting]) -> None:
        """Write and fsync a group, then tell who waits; all of it or, cut back, nothing."""
        segment = self._open
        assert segment is not None
        began = time.perf_counter()
        try:
            if segment.damaged:
                segment = self._replaced(segment)
            _write_all(segment.file, b"".join(bytes_of(piece) for one in group for piece in one.pieces))
            _sync(segment.file)
        except OSError as error:
            self._undo(segment, error)
            for one in group:
                one.done.set_exception(_full() if error.errno in _FULL else _unwritable(error))
            return
        self._failure = ""
        if segment.empty:
            segment.since = time.monotonic()
        segment.length += sum(one.size for one in group)
        segment.rows += sum(one.rows for one in group)
        with self._ready:
            self._pending += sum(one.size for one in group)
        self._metrics.fsync_s.observe(time.perf_counter() - began)
        for one in group:
            one.done.set_result(segment.number)

    def _undo(self, segment: _Open, error: OSError) -> None:
        """Cut a segment back to what was acknowledged. After a failed fsync nothing is written to it again."""
        self._metrics.log_failures.add()
        self._failure = error.strerror or str(error)
        self._looked = float("-inf")
        _LOG.error("%s: cannot be written: %s", segment.path, self._failure)
        segment.damaged = error.errno not in _FULL
        try:
            os.ftruncate(segment.file, segment.length)
            os.lseek(segment.file, segment.length, os.SEEK_SET)
            _sync(segment.file)
        except OSError:
            segment.damaged = True

    def _replaced(self, segment: _Open) -> _Open:
        """A new segment instead of a damaged one, which is sealed or, without records, deleted."""
        self._open = made = self._begin(segment.number + 1)
        self._seal(segment)
        return made

    def _roll(self, segment: _Open) -> None:
        """Seal the present segment, once there is a new one; without room for one, go on with it."""
        try:
            self._open = self._begin(segment.number + 1)
        except OSError as error:
            if not self._closing:
                self._failure = error.strerror or str(error)
                self._not_before = time.monotonic() + _AGAIN_S
                return
        self._flush = False
        self._seal(segment)

    def _seal(self, segment: _Open) -> None:
        if self._open is not segment:
            os.close(segment.file)
        if segment.empty:
            segment.path.unlink(missing_ok=True)
            return
        self._on_sealed(
            Segment(segment.path, self._run.hex(), segment.number, segment.length, segment.rows, segment.since)
        )


def bytes_of(piece: bytes | pa.Buffer) -> bytes | memoryview:
    """A piece of a record as something that can be joined."""
    return piece if isinstance(piece, bytes) else memoryview(piece)


def _head_of(data: bytes) -> tuple[bytes, int]:
    """Run and number of a segment; number -1 where it has no head."""
    if len(data) < _HEAD.size:
        return b"", -1
    magic, run, number, crc = _HEAD.unpack_from(data)
    sound = magic == _MAGIC and crc == zlib.crc32(data[: _HEAD.size - 8])
    return (run, number) if sound else (b"", -1)


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _sync(file: int) -> None:
    """Bytes and length onto the disk."""
    if hasattr(os, "fdatasync"):
        os.fdatasync(file)
    else:
        os.fsync(file)


def _sync_folder(folder: Path) -> None:
    """Names in a folder onto the disk."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _full() -> Refusal:
    return Refusal(
        503, "the server's disk is full; nothing of this request was kept, send it again later",
        reason="disk_full", retry_s=_FULL_RETRY_S,
    )  # fmt: skip


def _unwritable(error: OSError) -> Refusal:
    return Refusal(
        503, f"the server cannot write its log ({error.strerror}); nothing of this request was kept, send it again",
        reason="log_unwritable", retry_s=_FULL_RETRY_S,
    )  # fmt: skip


def _stopping() -> Refusal:
    return Refusal(503, "the server is stopping; send it again", reason="stopping", retry_s=_BEHIND_RETRY_S, close=True)
