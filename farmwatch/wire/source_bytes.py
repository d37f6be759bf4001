"""The bytes of a capture as a stream: stored bytes counted and hashed, gzip and zstd undone, blocks read ahead.

Why not a memory map: a file cut short by its writer while mapped kills the process (SIGBUS), a map cannot read a pipe
or undo compression, and its pages count as the process's memory. Reading a cached file costs one copy, which the
read-ahead thread makes, together with the SHA-256, while the caller works on the block before.

Why a large file is hashed by a thread that reads it a second time: SHA-256 takes several times as long as everything
framing does, and hashed in the reading thread it would hold the packets back. The second reading comes from the page
cache, and the hash is waited for only when it is asked for.

Memory stays bounded whatever a compressed file expands to: every step yields at most some megabytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np

from farmwatch.errors import DependencyError
from farmwatch.wire.packets import Bytes

__all__ = [
    "GZIP_MAGIC",
    "ZSTD_MAGICS",
    "Block",
    "FollowingHash",
    "PlainStream",
    "ReadAhead",
    "StoredBytes",
    "Stream",
    "UnpackedStream",
    "words",
]

GZIP_MAGIC: Final = b"\x1f\x8b\x08"  # RFC 1952: deflate is the only method there is
# RFC 8878: a frame, or any of 16 magic numbers of a skippable frame.
ZSTD_MAGICS: Final = (b"\x28\xb5\x2f\xfd", *(bytes([low, 0x2A, 0x4D, 0x18]) for low in range(0x50, 0x60)))

_SLICE: Final = 1 << 20  # hashed while still in the processor's cache
_HASH_NICE: Final = 15
_GZIP_IN: Final = 64 << 10
_GZIP_OUT: Final = 256 << 10
# The zstd binding cannot limit its output. The densest zstd is 4 bytes for 128 KiB, so this much input gives at most
# 64 MiB at once; it is also what a damaged frame costs.
_ZSTD_IN: Final = 2 << 10


def words(fault: Exception) -> str:
    """What went wrong, in the system's words where it has some."""
    return (fault.strerror if isinstance(fault, OSError) else None) or str(fault) or type(fault).__name__


class StoredBytes:
    """A file as it is stored: reads it, counts it, hashes it. An error while reading ends it like an end of file.

    The file may be anybody's object, so that any error may come out of it.
    """

    def __init__(self, file: Any, *, hashing: bool) -> None:
        self._file = file
        self._hash = hashlib.sha256() if hashing else None
        self._read_into = getattr(file, "readinto", None)
        self._head = b""
        self.count = 0  #: bytes read so far
        self.fault: Exception | None = None
        self.stopped = False  #: set from another thread to end reading early
        self.ended = False  #: the end of the file was reached

    @property
    def sha256(self) -> str:
        """Hex digest of what was read; empty without hashing."""
        return self._hash.hexdigest() if self._hash is not None else ""

    def peek(self, size: int) -> bytes:
        """The first bytes, which later reads return again; call once, before any other read."""
        view = memoryview(bytearray(size))
        self._head = bytes(view[: self.fill(view)])
        self.count = 0
        self.ended = False
        self._hash = hashlib.sha256() if self._hash is not None else None
        return self._head

    def fill(self, view: memoryview) -> int:
        """Read until the view is full or the file ends; returns the bytes read."""
        done = 0
        while done < len(view) and not self.stopped:
            part = view[done : done + _SLICE]
            size = self._read(part)
            if size == 0:
                self.ended = True
                break
            if self._hash is not None:
                self._hash.update(part[:size])
            self.count += size
            done += size
        return done

    def read(self, size: int) -> bytes:
        """Up to so many bytes; fewer only at the end of the file."""
        view = memoryview(bytearray(size))
        return bytes(view[: self.fill(view)])

    def drain(self) -> None:
        """Read what is left, so that size and hash cover the whole file."""
        view = memoryview(bytearray(_SLICE))
        while self.fill(view):
            pass

    def _read(self, part: memoryview) -> int:
        if self._head:
            size = min(len(part), len(self._head))
            part[:size] = self._head[:size]
            self._head = self._head[size:]
            return size
        try:
            while True:
                if self._read_into is not None:
                    size = self._read_into(part)
                    if size is not None:
                        return int(size)
                else:
                    data = self._file.read(len(part))
                    if data is not None:
                        part[: len(data)] = data
                        return len(data)
                time.sleep(0.01)  # a non-blocking pipe with nothing to say yet
        except Exception as error:  # noqa: BLE001  a caller's file object raises what it likes; it is told as damage
            self.fault = error
            return 0


class FollowingHash:
    """SHA-256 of a file that is being read, by a thread with its own open file that follows the reader."""

    def __init__(self, file: BinaryIO, stored: StoredBytes) -> None:
        self._file = file
        self._stored = stored
        self._digest = ""
        self.fault = ""  #: why there is no hash, once :meth:`result` was asked for
        self._thread = threading.Thread(target=self._run, name="farmwatch-hash", daemon=True)
        self._thread.start()

    def result(self) -> str:
        """The hash of all bytes the reader got, waited for; empty if it stopped early or the file failed meanwhile."""
        self._thread.join()
        return self._digest

    def _run(self) -> None:
        try:
            self._follow()
        except OSError as error:
            self.fault = words(error)

    def _follow(self) -> None:
        # The hash is needed last: packets go first where processors are short. Only Linux renices a single thread.
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _HASH_NICE)
        digest = hashlib.sha256()
        view = memoryview(bytearray(_SLICE))
        done = 0
        with self._file as file:
            while True:
                ended = self._stored.ended  # asked before the count, which no longer changes once this is true
                ahead = self._stored.count - done
                if self._stored.stopped and not ended:
                    return
                if ahead > 0:
                    size = file.readinto(view[: min(ahead, _SLICE)])  # type: ignore[attr-defined] # unbuffered file
                    if not size:
                        self.fault = "the file shrank while it was read"
                        return
                    digest.update(view[:size])
                    done += size
                elif ended:
                    break
                else:
                    time.sleep(0.002)
        self._digest = digest.hexdigest()


class Stream:
    """The bytes of the capture itself; ``faults`` lists (offset, reason) of what broke on the way."""

    def __init__(self, stored: StoredBytes) -> None:
        self.stored = stored
        self.faults: list[tuple[int, str]] = []
        self.produced = 0

    def fill(self, view: memoryview) -> int:
        """Fill the view as far as the stream goes; fewer bytes only at its end."""
        raise NotImplementedError

    def _check_reading(self) -> None:
        fault, self.stored.fault = self.stored.fault, None
        if fault is not None:
            self.faults.append((self.produced, f"reading stopped at stored byte {self.stored.count:,}: {words(fault)}"))


class PlainStream(Stream):
    """A file that is not compressed."""

    def fill(self, view: memoryview) -> int:
        """Read straight into the view."""
        size = self.stored.fill(view)
        self.produced += size
        self._check_reading()
        return size


class UnpackedStream(Stream):
    """A gzip or zstd file, undone piece by piece; damage ends it after everything that could be undone."""

    def __init__(self, stored: StoredBytes, kind: str) -> None:
        super().__init__(stored)
        self._pieces = _gunzip(self) if kind == "gzip" else _unzstd(self, _zstd_decoder())
        self._rest = memoryview(b"")

    def fill(self, view: memoryview) -> int:
        """Undo as much as fits."""
        done = 0
        while done < len(view):
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    self.stored.drain()
                    self._check_reading()
                    break
                self._rest = memoryview(piece)
            size = min(len(view) - done, len(self._rest))
            view[done : done + size] = self._rest[:size]
            self._rest = self._rest[size:]
            done += size
            self.produced += size
        return done

    def broken(self, kind: str, what: str) -> None:
        """Note where the compressed data broke."""
        self.faults.append((self.produced, f"{kind} data damaged near stored byte {self.stored.count:,}: {what}"))


def _gunzip(stream: UnpackedStream) -> Iterator[bytes]:
    """Members of a gzip file one after the other (RFC 1952); zeros after a member are padding."""
    decoder: Any = zlib.decompressobj(31)
    while piece := stream.stored.read(_GZIP_IN):
        while piece:
            if decoder is None:
                piece = piece.lstrip(b"\0")
                if not piece:
                    break
                decoder = zlib.decompressobj(31)
            before = decoder.copy()
            try:
                out = decoder.decompress(piece, _GZIP_OUT)
            except zlib.error as error:
                yield _up_to_the_damage(before, piece)
                stream.broken("gzip", str(error))
                return
            piece = decoder.unconsumed_tail
            if out:
                yield out
            if decoder.eof:
                piece, decoder = decoder.unused_data, None
            elif not piece and len(out) == _GZIP_OUT:
                # All input is taken, yet more output may be waiting inside the decoder.
                try:
                    while more := decoder.decompress(b"", _GZIP_OUT):
                        yield more
                except zlib.error as error:
                    stream.broken("gzip", str(error))
                    return
                if decoder.eof:
                    piece, decoder = decoder.unused_data, None
    if decoder is not None:
        stream.broken("gzip", "it ends before its end mark")


def _up_to_the_damage(decoder: Any, piece: bytes) -> bytes:
    """What a piece still gives before the byte zlib refuses: fed one by one to the decoder as it was before."""
    good = bytearray()
    with contextlib.suppress(zlib.error):
        for index in range(len(piece)):
            good += decoder.decompress(piece[index : index + 1])
    return bytes(good)


def _zstd_decoder() -> Any:
    try:
        import zstandard
    except ImportError as error:
        raise DependencyError("zstd captures need the package zstandard: pip install zstandard") from error
    return zstandard


def _unzstd(stream: UnpackedStream, zstandard: Any) -> Iterator[bytes]:
    """Frames of a zstd file one after the other (RFC 8878)."""
    decoder = zstandard.ZstdDecompressor().decompressobj()
    started = False
    while block := stream.stored.read(_SLICE):
        for at in range(0, len(block), _ZSTD_IN):
            piece = block[at : at + _ZSTD_IN]
            while piece:
                if decoder.eof:
                    decoder = zstandard.ZstdDecompressor().decompressobj()
                try:
                    out = decoder.decompress(piece)
                except zstandard.ZstdError as error:
                    stream.broken("zstd", str(error))
                    return
                started = True
                piece = decoder.unused_data if decoder.eof else b""
                if out:
                    yield out
    if started and not decoder.eof:
        stream.broken("zstd", "it ends inside a frame")


@dataclass(slots=True)
class Block:
    """Bytes ``start`` to ``end`` of an array are the next part of the stream."""

    array: Bytes
    start: int
    end: int
    last: bool  #: the stream ends with this block
    stored_bytes: int  #: bytes of the file as stored read by then


class ReadAhead:
    """One thread that fills two arrays in turn, so that reading and hashing overlap with the caller's work.

    Each array keeps ``reserve`` bytes free in front of the block, room for the caller to put the unfinished record of
    the block before.
    """

    def __init__(self, stream: Stream, block_bytes: int, reserve: int) -> None:
        self._stream = stream
        self._reserve = reserve
        self._size = block_bytes + reserve
        self._free: queue.SimpleQueue[Bytes | None] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[Block | None] = queue.SimpleQueue()
        self._arrays = (np.empty(self._size, np.uint8), np.empty(self._size, np.uint8))
        for array in self._arrays:
            self._free.put(array)
        self._thread = threading.Thread(target=self._run, name="farmwatch-read-ahead", daemon=True)
        self._thread.start()

    def take(self) -> Block | None:
        """The next block; None where the thread ended without one (closed, or it failed)."""
        return self._ready.get()

    def give_back(self, block: Block) -> None:
        """Return a block's array for reuse; arrays the caller made are dropped."""
        if block.array is self._arrays[0] or block.array is self._arrays[1]:
            self._free.put(block.array)

    def close(self) -> bool:
        """Stop reading; False where a read that waits for a pipe had to be left to the daemon thread."""
        self._stream.stored.stopped = True
        self._free.put(None)
        self._thread.join(1.0)
        return not self._thread.is_alive()

    def _run(self) -> None:
        stream = self._stream
        try:
            while (array := self._free.get()) is not None:
                before = stream.produced
                try:
                    size = stream.fill(array.data[self._reserve :])
                    last = self._reserve + size < self._size
                except Exception as error:  # noqa: BLE001  whatever it is, what was read before it is worth keeping
                    size = stream.produced - before
                    last = True
                    stream.faults.append((stream.produced, f"reading stopped: {words(error)}"))
                self._ready.put(Block(array, self._reserve, self._reserve + size, last, self._stream.stored.count))
                if last:
                    break
        finally:
            self._ready.put(None)
