"""Opening a capture, whatever holds it, and handing it out as packet chunks.

``open_capture`` tells pcap, pcapng, gzip and zstd apart by their first bytes and never by name, reads files, pipes and
standard input alike, and keeps memory independent of the file's size: two blocks and one set of columns.

    with open_capture("office.pcapng.gz") as reader:
        for chunk in reader.chunks():
            ...
    print(reader.packets, reader.sha256, reader.damage)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, BinaryIO, Final, Literal, Self, TypeAlias

import numpy as np

from farmwatch.errors import SourceError
from farmwatch.wire.framing import (
    BACKWARDS,
    BIG,
    CLAMPED,
    DAMAGE_WIDTH,
    DAMAGES,
    DONE,
    FULL,
    LOST,
    MARK_WIDTH,
    MARKS,
    MAX_TS,
    MIN_TS,
    PACKETS,
    SKIPPED,
    STATE_CELLS,
    TIMED,
    WANT_INTERFACE_NAMES,
    WANT_NAMES,
    Cells,
    reason_text,
)
from farmwatch.wire.jit import compiled, plain
from farmwatch.wire.packets import Damage, PacketChunk
from farmwatch.wire.pcap import PcapHeader, frame_pcap, read_pcap_header
from farmwatch.wire.pcapng import (
    INTERFACE_BLOCK,
    INTERFACE_WIDTH,
    MAX_INTERFACES,
    frame_pcapng,
    read_interface_name,
    read_names,
)
from farmwatch.wire.source_bytes import (
    GZIP_MAGIC,
    ZSTD_MAGICS,
    Block,
    FollowingHash,
    PlainStream,
    ReadAhead,
    StoredBytes,
    Stream,
    UnpackedStream,
    words,
)
from farmwatch.wire.source_open import open_again, open_source, stored_size, what_starts_like

__all__ = ["DEFAULT_BLOCK_BYTES", "MAX_DAMAGE", "CaptureReader", "Mode", "Progress", "open_capture"]

Mode: TypeAlias = Literal["compiled", "interpreted"]
Progress: TypeAlias = Callable[[int], None]

# Small enough to stay in the processor's cache between reading, hashing, framing and decoding: at 64 MiB framing alone
# took three times as long.
DEFAULT_BLOCK_BYTES: Final = 4 << 20
#: Stretches of damage listed one by one; what follows is summed up in one more entry.
MAX_DAMAGE: Final = 1000
MAX_NAMES: Final = 65_536
MAX_INTERFACE_NAMES: Final = 256

# A small file may expand to any size; beyond this the rest is framed by compiled code, which was not worth loading for
# what the file looked like. Interpreted, this much takes seconds at worst (records of no bytes).
_COMPILE_BYTES: Final = 32 << 20
_RESERVE: Final = 512 << 10  # room for an ordinary unfinished record in front of a block
_HEAD_BYTES: Final = 64 << 10  # enough to try the first records of every pcap variant
_FOLLOW_BYTES: Final = 16 << 20  # a file at least so long is hashed apart from reading it
_DAMAGE_ROWS: Final = 256
_MARK_ROWS: Final = 256
_PCAPNG_MAGIC: Final = b"\x0a\x0d\x0d\x0a"


def open_capture(
    source: str | os.PathLike[str] | BinaryIO,
    *,
    chunk_packets: int = 1_000_000,
    block_bytes: int = DEFAULT_BLOCK_BYTES,
    mode: Mode = "compiled",
    progress: Progress | None = None,
    hashing: bool = True,
) -> CaptureReader:
    """Open a capture: a path, ``-`` for standard input, or a binary file object (which stays the caller's to close).

    Args:
        source: What to read. Format and compression are told by content.
        chunk_packets: Most packets in a chunk.
        block_bytes: Bytes read ahead at a time; two such blocks are held.
        mode: ``compiled`` for speed, ``interpreted`` where loading compiled kernels would take longer than reading.
        progress: Called on the caller's thread with the stored (that is, perhaps compressed) bytes read so far.
        hashing: Whether to compute ``sha256``; a second pass over a file can do without.

    Raises:
        SourceError: The source cannot be opened, is empty, or holds no capture.
    """
    file, name, owned = open_source(source)
    try:
        return CaptureReader(file, name, owned, chunk_packets, block_bytes, mode, progress, hashing=hashing)
    except BaseException:
        if owned:
            file.close()
        raise


class CaptureReader:
    """A capture being read; what it says about the whole is final once :meth:`chunks` is exhausted.

    Attributes:
        path: What was opened, for messages.
        kind: ``pcap`` or ``pcapng``.
        compression: ``gzip``, ``zstd`` or empty.
        total_bytes: Size of the file as stored where it is known beforehand, else None.
        bytes_read: Stored bytes read so far.
        size_bytes: Size of the file as stored, known at the end.
        damage: What could not be read, in file order.
        packets: Packets handed out so far.
        names: Address -> name, from pcapng name resolution blocks: chosen by whoever made the file.
        interface_names: Names of pcapng interfaces, in order, each once.
        exhausted: Whether everything has been read.
        hash_fault: Why there is no ``sha256`` though one was wanted; empty otherwise. Known once that was asked for.
    """

    def __init__(
        self,
        file: Any,
        name: str,
        owned: bool,
        chunk_packets: int,
        block_bytes: int,
        mode: Mode,
        progress: Progress | None,
        *,
        hashing: bool,
    ) -> None:
        self.path = name
        self.mode: Mode = mode
        self.total_bytes = stored_size(file)
        self.size_bytes = 0
        self.bytes_read = 0
        self._digest = ""
        self.hash_fault = ""
        self.damage: list[Damage] = []
        self.packets = 0
        self.names: dict[str, str] = {}
        self.interface_names: list[str] = []
        self.exhausted = False
        self.compression = ""
        self._file = file if owned else None
        self._progress = progress
        self._omitted: Damage | None = None
        self._chunk_packets = chunk_packets
        self._state = np.zeros(STATE_CELLS, np.int64)
        self._state[LOST] = self._state[SKIPPED] = -1
        self._state[WANT_NAMES] = self._state[WANT_INTERFACE_NAMES] = 1
        self._seen_links = np.zeros(1 << 16, np.int64)
        follower = open_again(file, name) if hashing and owned and (self.total_bytes or 0) >= _FOLLOW_BYTES else None
        self._stored = StoredBytes(file, hashing=hashing and follower is None)
        self._stream = self._unpack()
        self._following = FollowingHash(follower, self._stored) if follower is not None else None
        self._ahead = ReadAhead(self._stream, block_bytes, min(_RESERVE, block_bytes))
        try:
            self._block = self._take()
            self._base = -self._block.start
            if self._block.end - self._block.start < _HEAD_BYTES and not self._block.last:
                self._refill(self._block.start, _HEAD_BYTES)
            self._header = self._read_header()
        except BaseException:
            self.close()
            raise
        self.kind = "pcap" if self._header is not None else "pcapng"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def complete(self) -> bool:
        """Whether the capture was read to its end and nothing was damaged."""
        return self.exhausted and not self.damage

    @property
    def sha256(self) -> str:
        """Hash of the file as stored, hex; empty before the end and without hashing.

        A large file may still be hashed in the background: ask late, this waits for it.
        """
        if self._following is not None and self.exhausted:
            self._digest = self._following.result()
            self.hash_fault = self._following.fault
            self._following = None
        return self._digest

    @property
    def first_ts_ns(self) -> int | None:
        """The earliest time stamp so far, ns since 1970; None without any."""
        return int(self._state[MIN_TS]) if self._state[TIMED] else None

    @property
    def last_ts_ns(self) -> int | None:
        """The latest time stamp so far, ns since 1970; None without any."""
        return int(self._state[MAX_TS]) if self._state[TIMED] else None

    @property
    def timestamps_backwards(self) -> int:
        """Packets so far that are older than the packet before them."""
        return int(self._state[BACKWARDS])

    @property
    def packets_without_time(self) -> int:
        """Packets so far that carry no time stamp (pcapng simple packets)."""
        return int(self._state[PACKETS] - self._state[TIMED])

    @property
    def link_types(self) -> tuple[int, ...]:
        """LINKTYPEs of the packets so far, ascending."""
        return tuple(int(link) for link in np.flatnonzero(self._seen_links))

    @property
    def content_bytes(self) -> int | None:
        """Decompressed size where all of it is in the block at hand, else None: tells how big a job this is."""
        return self._block.end - self._block.start if self._block.last else None

    def close(self) -> None:
        """Stop reading and close what was opened; harmless when done twice."""
        if self._ahead.close() and self._file is not None:
            self._file.close()

    def chunks(self) -> Iterator[PacketChunk]:
        """The packets, in file order. A chunk is valid only until the next one is asked for."""
        header = self._header
        pos = self._block.start
        columns = [np.empty(self._chunk_packets, np.int64) for _ in range(5)]
        damage = np.empty(_DAMAGE_ROWS * DAMAGE_WIDTH, np.int64)
        marks = np.empty(_MARK_ROWS * MARK_WIDTH, np.int64)
        interfaces = np.zeros(0 if header else MAX_INTERFACES * INTERFACE_WIDTH, np.int64)
        kernel: Any = frame_pcap if header else frame_pcapng
        if header:
            pos += header.file_header
            self._state[BIG] = header.big
            shape: tuple[Any, ...] = (
                header.record_header, header.tick_ns, header.lengths, header.ceiling, header.link, self._state
            )  # fmt: skip
        else:
            shape = (self._state, interfaces, self._seen_links)
        arrays = (*shape, *columns, damage) if header else (*shape, *columns, damage, marks)
        run, rest = self._callable(kernel, arrays)
        self._tell_progress()
        try:
            while True:
                block, eof = self._block, int(self._block.last)
                if self.mode == "interpreted" and self._base + block.end > _COMPILE_BYTES:
                    self.mode = "compiled"
                    run, rest = self._callable(kernel, arrays)
                pos, count, status, need = run(self._cells(block.array), pos, block.end, eof, self._base, *rest)
                self._collect_damage(damage)
                self._collect_marks(marks, block)
                if count:
                    if header:
                        self._seen_links[header.link] = 1
                    first = self.packets + 1
                    self.packets += count
                    yield PacketChunk(block.array[: block.end], first, count, *(column[:count] for column in columns))
                if status == DONE:
                    break
                if status != FULL:
                    pos = self._refill(pos, need)
            self._finish()
        finally:
            self.close()

    def _callable(self, kernel: Any, arguments: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
        """The kernel to call in the present mode, and its arguments after the block's own."""
        given = tuple(self._cells(value) if isinstance(value, np.ndarray) else value for value in arguments)
        return (compiled(kernel) if self.mode == "compiled" else plain(kernel)), given

    def _cells(self, array: Any) -> Cells:
        return array if self.mode == "compiled" else memoryview(array)

    def _unpack(self) -> Stream:
        """Tell compression by the first bytes."""
        head = self._stored.peek(4)
        if not head:
            fault = self._stored.fault
            reason = f"cannot be read: {words(fault)}" if fault else "the file is empty"
            raise SourceError(self.path, 0, reason)
        if head.startswith(GZIP_MAGIC):
            self.compression = "gzip"
        elif head.startswith(ZSTD_MAGICS):
            self.compression = "zstd"
        else:
            return PlainStream(self._stored)
        return UnpackedStream(self._stored, self.compression)

    def _take(self) -> Block:
        block = self._ahead.take()
        if block is None:
            raise SourceError(self.path, self._stored.count, "reading stopped unexpectedly")
        self.bytes_read = block.stored_bytes
        return block

    def _refill(self, pos: int, need: int) -> int:
        """Make the unread bytes from ``pos``, at least ``need`` of them, the start of the block at hand."""
        old = self._block
        carry = old.end - pos
        new = self._take()
        fresh = new.end - new.start
        if carry <= new.start and (new.last or carry + fresh >= need):
            start = new.start - carry
            new.array[start : new.start] = old.array[pos : old.end]
            new.start = start
        else:
            new = self._gather(old.array[pos : old.end], new, need)
        self._base += pos - new.start
        self._ahead.give_back(old)
        self._block = new
        self._tell_progress()
        return new.start

    def _gather(self, carry: Any, new: Block, need: int) -> Block:
        """A block of its own for a record longer than a block: bytes are added until it is whole.

        At least as many are added as there were: a file that claims one long record after the other must not have the
        same bytes copied again and again.
        """
        size = new.end - new.start
        need = max(need, 2 * len(carry))
        room = max(need, len(carry) + size) + size
        array = np.empty(room, np.uint8)
        end = len(carry)
        array[:end] = carry
        while True:
            array[end : end + size] = new.array[new.start : new.end]
            end += size
            self._ahead.give_back(new)
            if new.last or end >= need:
                return Block(array, 0, end, new.last, new.stored_bytes)
            new = self._take()
            size = new.end - new.start

    def _tell_progress(self) -> None:
        if self._progress is not None:
            self._progress(self.bytes_read)

    def _read_header(self) -> PcapHeader | None:
        """Tell pcap (its header) from pcapng (None), or say what this is instead."""
        block = self._block
        head = block.array[block.start : min(block.end, block.start + _HEAD_BYTES)].tobytes()
        if not head:
            reasons = "; ".join(reason for _, reason in self._stream.faults)
            raise SourceError(self.path, 0, f"holds nothing that can be read: {reasons or 'the content is empty'}")
        if head.startswith(_PCAPNG_MAGIC):
            if len(head) < 28:
                raise SourceError(self.path, 0, f"the section header is cut short: {len(head)} of 28 bytes")
            if head[8:12] not in {b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"}:
                raise SourceError(self.path, 8, "starts like pcapng, but its byte-order magic is damaged")
            return None
        header = read_pcap_header(head) if len(head) >= 28 else read_pcap_header(head.ljust(28, b"\0"))
        if header is None:
            raise SourceError(self.path, 0, f"not a packet capture: {what_starts_like(head)}")
        if len(head) < header.file_header:
            raise SourceError(
                self.path, 0, f"the pcap file header is cut short: {len(head)} of {header.file_header} bytes"
            )
        if not header.known_version:
            version = ".".join(map(str, header.version))
            self._add_damage(Damage(4, 0, 0, f"the file header claims pcap version {version}, read as 2.4"))
        return header

    def _collect_damage(self, rows: Any) -> None:
        """Take over the damage rows a kernel call wrote."""
        for row in range(0, int(self._state[DAMAGES]) * DAMAGE_WIDTH, DAMAGE_WIDTH):
            offset, length, packet, code, detail = map(int, rows[row : row + DAMAGE_WIDTH])
            self._add_damage(Damage(offset, length, packet, reason_text(code, detail)))
        self._state[DAMAGES] = 0

    def _add_damage(self, damage: Damage) -> None:
        if len(self.damage) < MAX_DAMAGE:
            self.damage.append(damage)
        elif self._omitted is None:
            self._omitted = damage
            self._omitted_count = 1
        else:
            first = self._omitted
            self._omitted_count += 1
            self._omitted = Damage(first.offset, first.length + damage.length, first.packet, first.reason)

    def _collect_marks(self, rows: Any, block: Block) -> None:
        """Read the name-carrying blocks a kernel call marked."""
        for row in range(0, int(self._state[MARKS]) * MARK_WIDTH, MARK_WIDTH):
            kind, start, stop, big = map(int, rows[row : row + MARK_WIDTH])
            body = block.array[start:stop].tobytes()
            if kind == INTERFACE_BLOCK:
                name = read_interface_name(body, big=bool(big))
                if name and name not in self.interface_names and len(self.interface_names) < MAX_INTERFACE_NAMES:
                    self.interface_names.append(name)
            else:
                for address, name in read_names(body, big=bool(big)):
                    if len(self.names) < MAX_NAMES:
                        self.names.setdefault(address, name)
        self._state[MARKS] = 0
        self._state[WANT_NAMES] = int(len(self.names) < MAX_NAMES)
        self._state[WANT_INTERFACE_NAMES] = int(len(self.interface_names) < MAX_INTERFACE_NAMES)

    def _finish(self) -> None:
        """Settle what is only known at the end."""
        self.bytes_read = self.size_bytes = self._stored.count
        self._digest = self._stored.sha256
        if self._omitted is not None:
            more = self._omitted
            self.damage.append(
                Damage(more.offset, more.length, more.packet, f"{self._omitted_count:,} more damaged stretches")
            )
        if self._state[CLAMPED]:
            reason = f"{int(self._state[CLAMPED]):,} time stamps lie outside 1823 to 2116 and were moved to its edge"
            self.damage.append(Damage(0, 0, 0, reason))
        self.damage.extend(Damage(offset, 0, self.packets, reason) for offset, reason in self._stream.faults)
        self.damage.sort(key=lambda one: one.offset)
        self.exhausted = True
