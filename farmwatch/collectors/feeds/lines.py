"""Streams cut into blocks of whole lines, with bounded memory whatever the stream holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from farmwatch.collectors.feeds.contract import ByteStream
from farmwatch.errors import SourceError

__all__ = ["BLOCK_BYTES", "LONGEST_LINE", "Block", "Rejoined", "blocks", "chunks", "read_all"]

BLOCK_BYTES = 4 << 20  #: bytes of a block, about
LONGEST_LINE = 8 << 20  #: a longer line is left out


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of a stream."""

    data: bytes
    first_line: int  #: number of its first line, from 1
    too_long: tuple[int, ...] = ()  #: numbers of lines left out right before this block, for their length


class Rejoined:
    """A stream whose first bytes can be looked at before it is read."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream, self._head = stream, b""
        self._fault: Exception | None = None
        self.name = getattr(stream, "name", "input")

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay to be read; what there is where the stream breaks off."""
        try:
            while len(self._head) < size and (more := self._stream.read(size - len(self._head))):
                self._head += more
        except (EOFError, OSError, ValueError):  # reading says it again, in its place
            pass
        return self._head[:size]

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; none at the end."""
        if self._head and 0 <= size <= len(self._head):
            head, self._head = self._head[:size], self._head[size:]
            return head
        if self._fault is not None and not self._head:
            raise self._fault
        head, self._head = self._head, b""
        try:
            return head + self._stream.read(size - len(head) if size >= 0 else size)
        except (EOFError, OSError, ValueError) as error:
            if not head:
                raise
            self._fault = error  # what was looked at is given first
            return head

    @property
    def offset(self) -> int:
        """Bytes read of the stream, where it counts them."""
        return int(getattr(self._stream, "offset", 0))


def blocks(stream: ByteStream, size: int = BLOCK_BYTES) -> Iterator[Block]:
    """Cut a stream at line ends. A last line without an end is a line; one of over 8 MiB is left out and named.

    Raises:
        SourceError: the stream breaks off (a damaged or cut compressed file); what came before was given.
    """
    rest, line, skipping = b"", 1, False
    too_long: list[int] = []
    fault: SourceError | None = None
    done = False
    while not done:
        try:
            read = stream.read(size)
        except (EOFError, OSError, ValueError) as error:  # gzip, zstd and files say it each in their own way
            read, fault = b"", _broken(stream, error)
        done = not read
        data = rest + read
        if skipping:
            end = data.find(b"\n")
            if end < 0 and not done:
                rest = b""
                continue
            too_long.append(line)
            line, skipping = line + 1, False
            data = data[end + 1 :] if end >= 0 else b""
        cut = len(data) if done else data.rfind(b"\n") + 1
        whole, rest = data[:cut], data[cut:]
        if len(rest) > LONGEST_LINE:
            rest, skipping = b"", True
        if whole or (too_long and done):
            yield Block(whole, line, tuple(too_long))
            line += whole.count(b"\n") + (not whole.endswith(b"\n") and bool(whole))
            too_long = []
    if fault is not None:
        raise fault


def chunks(stream: ByteStream, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """A stream in pieces, whatever its lines are.

    Raises:
        SourceError: the stream breaks off; what came before was given.
    """
    while True:
        try:
            read = stream.read(size)
        except (EOFError, OSError, ValueError) as error:
            raise _broken(stream, error) from error
        if not read:
            return
        yield read


def read_all(stream: ByteStream, limit: int) -> bytes:
    """A whole stream in memory.

    Raises:
        SourceError: it is longer than ``limit`` bytes, or breaks off.
    """
    data = b""
    try:
        while len(data) <= limit and (more := stream.read(limit + 1 - len(data))):
            data = data + more if data else more
    except (EOFError, OSError, ValueError) as error:
        raise _broken(stream, error) from error
    if len(data) > limit:
        raise SourceError(_name(stream), limit, f"longer than {limit >> 20} MiB, which is more than this kind can be")
    return data


def _name(stream: ByteStream) -> str:
    return str(getattr(stream, "name", "input"))


def _broken(stream: ByteStream, error: Exception) -> SourceError:
    offset = getattr(stream, "offset", 0)
    return SourceError(_name(stream), offset, f"breaks off: {error}")
