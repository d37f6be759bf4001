"""Messages on disk until they are acknowledged: append-only files, each message durable before the next step.

A message is four bytes of length, four of CRC-32, and the bytes. Files hold up to a sixteenth of the room each; a whole
file is deleted once all of it is acknowledged, or, oldest first, when room runs out. What is thrown away is counted,
and the count survives a crash; the next message carries it.

Why a position file and not deletion per message: one small atomic rename per acknowledged batch, however many messages.
After a kill the batch that was under way is sent again; the receiver knows messages by their number.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from farmwatch.errors import FarmwatchError

__all__ = ["Batch", "Losses", "Spool", "SpoolError"]

_HEAD = 8
_FILES = 16
_SMALLEST_FILE = 64 << 10
_LARGEST_MESSAGE = 16 << 20
_STATE = "state.json"


class SpoolError(FarmwatchError):
    """The spool folder cannot be used: not writable, or in use by another agent."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Messages thrown away unsent, ever, and their bytes."""

    messages: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages to be sent together, and the position behind them."""

    messages: tuple[bytes, ...]
    file: int
    offset: int


@dataclass(slots=True)
class _Position:
    """First message not acknowledged: file number and offset; losses so far."""

    file: int = 1
    offset: int = 0
    lost_messages: int = 0
    lost_bytes: int = 0


class Spool:
    """The spool in one folder. One writer and one sender may use it from two threads."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Open or make a spool; a message cut short by a crash is removed.

        Raises:
            SpoolError: the folder cannot be used.
        """
        self._folder = folder
        self._max_bytes = max(max_bytes, _SMALLEST_FILE)
        self._file_bytes = max(self._max_bytes // _FILES, _SMALLEST_FILE // 2)
        self._guard = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SpoolError(f"{folder}: another agent uses this spool; end it or name another with --spool") from None
        except OSError as error:
            raise SpoolError(f"{folder}: cannot be used as a spool: {error.strerror}") from error
        self._position = self._load()
        self._repair()

    @property
    def losses(self) -> Losses:
        """What was thrown away since the spool was made."""
        return Losses(self._position.lost_messages, self._position.lost_bytes)

    @property
    def pending_bytes(self) -> int:
        """Bytes of the files, acknowledged messages of the first one included."""
        with self._guard:
            return sum(self._size(number) for number in self._numbers())

    def append(self, message: bytes) -> bool:
        """Write a message durably; false where there was no room on the disk, and then it is counted as lost."""
        with self._guard:
            if len(message) > min(_LARGEST_MESSAGE, self._max_bytes // 2):
                self._lose(1, len(message))
                return False
            self._make_room(len(message) + _HEAD)
            numbers = self._numbers()
            number = numbers[-1] if numbers else self._position.file
            if self._size(number) >= self._file_bytes:
                number += 1
            try:
                self._write(number, message)
            except OSError:
                self._lose(1, len(message))
                return False
            return True

    def batch(self, max_bytes: int) -> Batch | None:
        """The oldest unacknowledged messages, at least one, about ``max_bytes``; None where there are none."""
        with self._guard:
            position = self._position
            for number in self._numbers():
                start = position.offset if number == position.file else 0
                messages: list[bytes] = []
                size, end = 0, start
                for end, message in self._messages(number, start):  # noqa: B007 (the end of the last one counts)
                    messages.append(message)
                    size += len(message)
                    if size >= max_bytes:
                        break
                if messages:
                    return Batch(tuple(messages), number, end)
            return None

    def acknowledge(self, batch: Batch) -> None:
        """Forget the messages of a batch."""
        with self._guard:
            if (batch.file, batch.offset) <= (self._position.file, self._position.offset):
                return  # thrown away meanwhile
            self._position.file, self._position.offset = batch.file, batch.offset
            self._store()
            self._delete_below(batch.file)
            numbers = self._numbers()
            if numbers and numbers[0] == batch.file and len(numbers) > 1 and batch.offset >= self._size(batch.file):
                self._position.file, self._position.offset = numbers[1], 0
                self._store()
                self._delete_below(numbers[1])

    def reject(self, batch: Batch) -> None:
        """Give a batch up that the receiver will never take; its messages count as lost."""
        with self._guard:
            self._lose(len(batch.messages), sum(map(len, batch.messages)))
        self.acknowledge(batch)

    def close(self) -> None:
        """Let the folder go."""
        os.close(self._lock)

    def _load(self) -> _Position:
        try:
            saved = json.loads((self._folder / _STATE).read_bytes())
            return _Position(*(int(saved[name]) for name in ("file", "offset", "lost_messages", "lost_bytes")))
        except (OSError, ValueError, KeyError, TypeError):
            numbers = self._numbers()
            return _Position(numbers[0] if numbers else 1)

    def _store(self) -> None:
        """Position and losses, whole or not at all. A full disk keeps the old ones: messages then come twice."""
        position = self._position
        state = {
            "file": position.file,
            "offset": position.offset,
            "lost_messages": position.lost_messages,
            "lost_bytes": position.lost_bytes,
        }
        fresh = self._folder / f"{_STATE}.new"
        try:
            with fresh.open("wb") as file:
                file.write(json.dumps(state).encode())
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._folder / _STATE)
        except OSError:
            fresh.unlink(missing_ok=True)

    def _repair(self) -> None:
        """Cut off what a crash left unfinished, and files that were already done with."""
        self._delete_below(self._position.file)
        for number in self._numbers():
            end = 0
            for end, _ in self._messages(number, 0):  # noqa: B007 (the end of the last one counts)
                pass
            if end < self._size(number):
                with _opened(self._path(number), os.O_WRONLY) as fd:
                    os.ftruncate(fd, end)
                    os.fsync(fd)

    def _write(self, number: int, message: bytes) -> None:
        path = self._path(number)
        fresh = not path.exists()
        with _opened(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as fd:
            before = os.fstat(fd).st_size
            data = len(message).to_bytes(4, "big") + zlib.crc32(message).to_bytes(4, "big") + message
            try:
                written = 0
                while written < len(data):
                    written += os.write(fd, data[written:])
                os.fsync(fd)
            except OSError:
                os.ftruncate(fd, before)
                raise
        if fresh:
            with _opened(self._folder, os.O_RDONLY) as fd:
                os.fsync(fd)

    def _messages(self, number: int, start: int) -> Iterator[tuple[int, bytes]]:
        """End and bytes of each sound message from an offset on."""
        try:
            with self._path(number).open("rb") as file:
                file.seek(start)
                end = start
                while len(head := file.read(_HEAD)) == _HEAD:
                    size = int.from_bytes(head[:4], "big")
                    message = file.read(size) if size <= _LARGEST_MESSAGE else b""
                    if len(message) < size or zlib.crc32(message) != int.from_bytes(head[4:], "big"):
                        return
                    end += _HEAD + size
                    yield end, message
        except OSError:
            return

    def _make_room(self, wanted: int) -> None:
        """Throw the oldest files away until a message fits; the count is durable before they go."""
        numbers = self._numbers()
        total = sum(self._size(number) for number in numbers)
        while total + wanted > self._max_bytes and numbers:
            oldest = numbers.pop(0)
            start = self._position.offset if oldest == self._position.file else 0
            unsent = [len(message) for _, message in self._messages(oldest, start)]
            total -= self._size(oldest)
            self._position.file, self._position.offset = oldest + 1, 0
            self._lose(len(unsent), sum(unsent))
            self._delete_below(oldest + 1)

    def _lose(self, messages: int, size: int) -> None:
        self._position.lost_messages += messages
        self._position.lost_bytes += size
        self._store()

    def _numbers(self) -> list[int]:
        return sorted(int(path.stem) for path in self._folder.glob("*.spool") if path.stem.isdecimal())

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:010d}.spool"

    def _size(self, number: int) -> int:
        try:
            return self._path(number).stat().st_size
        except OSError:
            return 0

    def _delete_below(self, number: int) -> None:
        for old in self._numbers():
            if old < number:
                self._path(old).unlink(missing_ok=True)


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    fd = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)
