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
import os
import secrets
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from filelock import FileLock, Timeout

from farmwatch.errors import StoreError
from farmwatch.server.metrics import Metrics
from farmwatch.server.problems import Refusal
from farmwatch.server.segments import OpenSegment, Segment, Segments
from farmwatch.server.settings import LogLimits

__all__ = ["Log"]

_LOG = logging.getLogger("farmwatch.server")
_FULL = (errno.ENOSPC, errno.EDQUOT)
_LOOK_S = 0.25  # how often free space is asked for
_AGAIN_S = 0.5
_FULL_RETRY_S, _BEHIND_RETRY_S = 30.0, 5.0


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
        self._run = secrets.token_bytes(16)
        self._ready = threading.Condition()
        self._waiting: deque[_Waiting] = deque()
        self._writing: list[_Waiting] = []
        self._closing = False
        self._flush = False
        self._pending = 0
        self._not_before = float("-inf")  # when a segment that could not be followed by a new one is tried again
        self._looked, self._free = float("-inf"), 0
        self._failure = ""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.segments = Segments(folder / "segments", folder / "quarantine", metrics)
        except OSError as error:
            raise StoreError(f"{folder}: cannot hold the log: {error.strerror or error}") from error
        self._lock = FileLock(folder / "lock", timeout=0)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise StoreError(f"{folder}: another server uses this log; end it, or name another --log-dir") from error
        except OSError as error:
            raise StoreError(f"{folder}: cannot be locked: {error.strerror or error}") from error
        self._open: OpenSegment | None = None
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
            number = self.segments.last_number() + 1
            left = self.segments.left_over()
            self._open = self.segments.begin(self._run, number)
        except OSError as error:
            self._lock.release()
            raise StoreError(f"{self.folder}: {error.strerror or error}") from error
        self._pending = sum(segment.content_bytes for segment in left)
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
        waiting.done.set_running_or_notify_cancel()  # who waits may be cancelled, the record may not
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
        """Delete a segment that is committed.

        Raises:
            OSError: it cannot be deleted.
        """
        with self._ready:
            self._pending -= segment.content_bytes
        with contextlib.suppress(FileNotFoundError):
            segment.path.unlink()

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

    # --- writing ---------------------------------------------------------------------------------------------------

    def _write_on(self) -> None:
        """The writing thread. Should it ever fail, nobody is left waiting for it."""
        try:
            self._write_until_closed()
        finally:
            with self._ready:
                self._closing = True
                left = [*self._writing, *self._waiting]
                self._waiting.clear()
            for one in left:
                if not one.done.done():
                    one.done.set_exception(_stopping())

    def _write_until_closed(self) -> None:
        while True:
            with self._ready:
                while not (self._waiting or self._closing or self._is_due()):
                    self._ready.wait(self._until_due())
                group = self._writing = self._group()
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

    def _undo(self, segment: OpenSegment, error: OSError) -> None:
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

    def _replaced(self, segment: OpenSegment) -> OpenSegment:
        """A new segment instead of a damaged one, which is sealed or, without records, deleted."""
        self._open = made = self.segments.begin(self._run, segment.number + 1)
        self._seal(segment)
        return made

    def _roll(self, segment: OpenSegment) -> None:
        """Seal the present segment, once there is a new one; without room for one, go on with it."""
        try:
            self._open = self.segments.begin(self._run, segment.number + 1)
        except OSError as error:
            if not self._closing:
                self._failure = error.strerror or str(error)
                self._not_before = time.monotonic() + _AGAIN_S
                return
        self._flush = False
        self._seal(segment)

    def _seal(self, segment: OpenSegment) -> None:
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
