"""The arrays behind a scan: how they start, how they grow, and how kernels get at them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from farmwatch.wire.beside import gather_heads
from farmwatch.wire.fields import reseat
from farmwatch.wire.fingerprint import MARK_CELLS, mark_handshakes
from farmwatch.wire.jit import compiled, plain
from farmwatch.wire.layout import (
    A_WIDTH,
    B_WIDTH,
    F_WIDTH,
    G_ROOM,
    G_SLOTS,
    G_UNIT_ROOM,
    G_WIDTH,
    LINE,
    M_WIDTH,
    N_WIDTH,
    Q_WIDTH,
    R_WIDTH,
    S_ARP_LIMIT,
    S_BLOCK_CAPACITY,
    S_BLOCK_LIMIT,
    S_BLOCKS,
    S_FLOW_LIMIT,
    S_FLOWS,
    S_HEADS_ON,
    S_HOST_LIMIT,
    S_LAST_NS,
    S_MESSAGE_LENGTH,
    S_MESSAGE_LIMIT,
    S_MESSAGE_POOL,
    S_MESSAGE_POOL_LIMIT,
    S_MESSAGES,
    S_PACKETS,
    S_POOL_LIMIT,
    S_SAMPLES_ON,
    S_SEEN_MASK,
    S_SPARE_AT,
    S_STUN_LIMIT,
    S_TABLE_MASK,
    S_TOTAL,
    T_WIDTH,
    W_ARP,
    W_BLOCKS,
    W_FLOWS,
    W_HOSTS,
    W_MESSAGES,
    W_SAMPLES,
    W_SEEN,
    W_SPARE,
    W_STUN,
)
from farmwatch.wire.packets import Bytes, Ints
from farmwatch.wire.pipeline import BATCH_ROWS
from farmwatch.wire.reassembly import HEAD_BYTES, free_heads
from farmwatch.wire.track import link_spares, rehash

__all__ = ["Mode", "ScanLimits", "Tables", "as_argument", "writable"]

Mode: TypeAlias = Literal["compiled", "interpreted"]

_HOT = 2048  # rows most tables start with; at least two batches
_SPARE_AGES_NS = (60_000_000_000, 5_000_000_000, -1)  # a flow silent this long gives way first
_SPARE_SHARE = 100  # fewer than this share of all flows are not worth looking for again soon,
_SPARE_PAUSE = 50_000  # but only so many packets later
_QUEUE = 8192
_MESSAGE_PORTS = {53: 1, 5353: 2, 5355: 3, 137: 4, 138: 5, 67: 6, 68: 6, 546: 7, 547: 7, 1900: 8}
_STUN_PORTS = (3478, 19302)


class _Foreign:
    """Lends NumPy a buffer as writable, so that kernels compile for one array type; kernels never write to captures."""

    def __init__(self, array: Bytes) -> None:
        self.owner = array
        self.__array_interface__ = {**array.__array_interface__, "data": (array.__array_interface__["data"][0], False)}


def writable(array: Bytes) -> Bytes:
    """The same bytes under a flag that says writable."""
    return array if array.flags.writeable or not len(array) else np.asarray(_Foreign(array))


def as_argument(array: Any, mode: Mode) -> Any:
    """An array as kernels want it: itself when compiled, else a memoryview (Python ints, no wrap-around)."""
    return array if mode == "compiled" else memoryview(array)


def _aligned(size: int) -> Ints:
    """Zeros that start at a cache line, so that a flow's row covers no more lines than it must."""
    array: Ints = np.zeros(size + LINE, dtype=np.int64)
    skip = -array.ctypes.data % (8 * LINE) // 8
    return array[skip : skip + size]


def _grown(array: Any, size: int) -> Any:
    fresh = np.zeros(size, dtype=array.dtype)
    fresh[: len(array)] = array
    return fresh


@dataclass(frozen=True, slots=True)
class ScanLimits:
    """Bounds on what one scan keeps; what does not fit is counted, never an error."""

    flows: int = 400_000  #: rows of the flow table, a kilobyte each; when full, attempts and lookups give way
    head_bytes: int = 128 << 20  #: room for heads not handed out yet
    messages_per_kind: int = 50_000  #: distinct messages kept of each kind
    message_bytes: int = 128 << 20  #: payload bytes of all kept messages
    message_length: int = 9_000  #: bytes kept of one message
    stun_messages: int = 500_000  #: rows of the STUN table
    arp_packets: int = 200_000  #: distinct ARP packets
    hosts: int = 200_000  #: (MAC, IP) pairs
    rtt_blocks: int = 1 << 20  #: blocks of 128 bytes for segments in flight and RTT samples


class Tables:
    """All mutable state of a scan, as flat arrays."""

    def __init__(self, limits: ScanLimits, mode: Mode, *, heads: bool, samples: bool) -> None:
        self.mode: Mode = mode
        self.limits = limits
        random = secrets.SystemRandom()
        # Secret odd keys below 2**29: nobody can choose addresses that collide in the tables.
        self.keys: Ints = np.array([random.randrange(1 << 27, 1 << 29) | 1 for _ in range(9)], dtype=np.int64)
        self.state: Ints = np.zeros(S_TOTAL, dtype=np.int64)
        self.rows: Ints = np.zeros(BATCH_ROWS * R_WIDTH, dtype=np.int64)
        self.pieces: Bytes = np.zeros(G_SLOTS * G_ROOM, dtype=np.uint8)
        self.covered: Bytes = np.zeros(G_SLOTS * G_UNIT_ROOM, dtype=np.uint8)
        self.slots: Ints = np.zeros(G_SLOTS * G_WIDTH, dtype=np.int64)
        # Pages nobody touched cost nothing, copying rows to grow does: a large capture starts with room for all flows.
        start = max(limits.flows + BATCH_ROWS, _HOT) if mode == "compiled" else _HOT
        self.hot: Ints = _aligned(start * F_WIDTH)
        self.table: Ints = np.zeros(4 * _HOT, dtype=np.int64)
        self.blocks: Ints = np.zeros(min(4 * start, max(limits.rtt_blocks, 4 * _HOT)) * B_WIDTH, dtype=np.int64)
        self.queue: Ints = np.zeros(_QUEUE, dtype=np.int64)
        # Never copied: pages nobody touched cost nothing.
        pool = max(limits.head_bytes, 4 * HEAD_BYTES) if heads else HEAD_BYTES
        self.pool: Bytes = np.empty(pool, dtype=np.uint8)
        self.links: Ints = np.empty((pool >> 9) + 1, dtype=np.int64)
        self.messages: Ints = np.zeros(_HOT * M_WIDTH, dtype=np.int64)
        self.message_pool: Bytes = np.zeros(1 << 20, dtype=np.uint8)
        self.stun: Ints = np.zeros(_HOT * T_WIDTH, dtype=np.int64)
        self.arp: Ints = np.zeros(_HOT * A_WIDTH, dtype=np.int64)
        self.hosts: Ints = np.zeros(_HOT * N_WIDTH, dtype=np.int64)
        self.seen: Ints = np.zeros(2 * 8 * _HOT, dtype=np.int64)
        self.samples: Ints = np.zeros(_HOT * Q_WIDTH, dtype=np.int64)
        self.kinds: Bytes = np.zeros(65536, dtype=np.uint8)
        for port, kind in _MESSAGE_PORTS.items():
            self.kinds[port] = kind
        for port in _STUN_PORTS:
            self.kinds[port] = 16
        state = self.state
        state[S_FLOW_LIMIT] = limits.flows
        state[S_TABLE_MASK] = len(self.table) - 1
        state[S_BLOCKS] = 1
        state[S_BLOCK_CAPACITY] = len(self.blocks) // B_WIDTH
        state[S_BLOCK_LIMIT] = max(limits.rtt_blocks, int(state[S_BLOCK_CAPACITY]))
        state[S_POOL_LIMIT] = pool
        state[S_HEADS_ON] = heads
        state[S_MESSAGE_LENGTH] = limits.message_length
        state[S_MESSAGE_LIMIT] = limits.messages_per_kind
        state[S_MESSAGE_POOL_LIMIT] = limits.message_bytes
        state[S_STUN_LIMIT] = limits.stun_messages
        state[S_ARP_LIMIT] = limits.arp_packets
        state[S_HOST_LIMIT] = limits.hosts
        state[S_SAMPLES_ON] = samples
        state[S_SEEN_MASK] = len(self.seen) // 2 - 1

    def arguments(self) -> tuple[Any, ...]:
        """The arrays in the order :func:`farmwatch.wire.pipeline.run_chunk` takes them after the chunk's own."""
        arrays = (
            self.rows, self.state, self.keys, self.pieces, self.covered, self.slots, self.hot, self.table, self.blocks,
            self.queue, self.pool, self.links, self.messages, self.message_pool, self.stun, self.arp, self.hosts,
            self.seen, self.samples, self.kinds,
        )  # fmt: skip
        return tuple(as_argument(array, self.mode) for array in arrays)

    def make_room(self, want: int) -> None:
        """Grow what a kernel asked for (one of the W_ codes that mean growth)."""
        state = self.state
        if want == W_FLOWS:
            self._grow_flows()
        elif want == W_SPARE:
            self._find_spares()
        elif want == W_BLOCKS:
            size = min(2 * int(state[S_BLOCK_CAPACITY]), int(state[S_BLOCK_LIMIT]))
            self.blocks = _grown(self.blocks, size * B_WIDTH)
            state[S_BLOCK_CAPACITY] = size
        elif want == W_MESSAGES:
            if int(state[S_MESSAGES]) + BATCH_ROWS > len(self.messages) // M_WIDTH:
                self.messages = _grown(self.messages, 2 * len(self.messages))
            if int(state[S_MESSAGE_POOL]) + self.limits.message_length > len(self.message_pool):
                self.message_pool = _grown(
                    self.message_pool, max(2 * len(self.message_pool), 2 * self.limits.message_length)
                )
        elif want == W_STUN:
            self.stun = _grown(self.stun, 2 * len(self.stun))
        elif want == W_ARP:
            self.arp = _grown(self.arp, 2 * len(self.arp))
        elif want == W_HOSTS:
            self.hosts = _grown(self.hosts, 2 * len(self.hosts))
        elif want == W_SAMPLES:
            self.samples = _grown(self.samples, 2 * len(self.samples))
        elif want == W_SEEN:
            old = self.seen.reshape(-1, 2)
            self.seen = np.zeros(2 * len(self.seen), dtype=np.int64)
            state[S_SEEN_MASK] = len(self.seen) // 2 - 1
            function = compiled(reseat) if self.mode == "compiled" else plain(reseat)
            function(
                as_argument(np.ascontiguousarray(old).reshape(-1), self.mode),
                as_argument(self.seen, self.mode),
                int(state[S_SEEN_MASK]),
            )

    def release(self) -> None:
        """Give back what only tracking needs, before the tables of the scan are made."""
        nothing = np.zeros(0, dtype=np.int64)
        self.pool = np.zeros(0, dtype=np.uint8)
        self.links = self.blocks = self.table = self.seen = nothing

    def compile_the_rest(self) -> None:
        """Compile what only growing tables and handing out heads call, so that it is on disk for the next scan."""
        nothing = np.zeros(0, dtype=np.int64)
        compiled(rehash)(self.hot, 0, self.table, int(self.state[S_TABLE_MASK]))
        compiled(link_spares)(self.hot, 0, 0, self.state)
        compiled(reseat)(nothing, self.seen, int(self.state[S_SEEN_MASK]))
        compiled(free_heads)(nothing, 0, self.hot, self.links, self.state)
        lanes = np.zeros(MARK_CELLS, dtype=np.int64)
        compiled(mark_handshakes)(self.pool, *[nothing] * 6, lanes, self.keys)
        compiled(gather_heads)(self.pool, nothing, nothing, self.pool, nothing)

    def _grow_flows(self) -> None:
        state = self.state
        flows = int(state[S_FLOWS])
        if flows + BATCH_ROWS > len(self.hot) // F_WIDTH:
            most = (self.limits.flows + BATCH_ROWS) * F_WIDTH
            fresh = _aligned(most if self.mode == "compiled" else min(2 * len(self.hot), most))
            fresh[: flows * F_WIDTH] = self.hot[: flows * F_WIDTH]
            self.hot = fresh
        size = len(self.table)
        while (flows + BATCH_ROWS) * 2 > size - 1:
            size *= 2
        if size != len(self.table):
            self._rehash(size)

    def _rehash(self, size: int) -> None:
        """Make the table of flows anew, with at least so many slots."""
        state = self.state
        flows = int(state[S_FLOWS])
        function = compiled(rehash) if self.mode == "compiled" else plain(rehash)
        while True:
            self.table = np.zeros(size, dtype=np.int64)
            if function(as_argument(self.hot, self.mode), flows, as_argument(self.table, self.mode), size - 1):
                break
            size *= 2
        state[S_TABLE_MASK] = size - 1

    def _find_spares(self) -> None:
        """The flow table is full: list flows that may give way to new ones, the longest silent first."""
        state = self.state
        flows = int(state[S_FLOWS])
        function = compiled(link_spares) if self.mode == "compiled" else plain(link_spares)
        hot, cells = as_argument(self.hot, self.mode), as_argument(state, self.mode)
        enough = max(flows // _SPARE_SHARE, 1)
        for age in _SPARE_AGES_NS:
            found = int(function(hot, flows, int(state[S_LAST_NS]) - age, cells))
            if found >= enough:
                break
        state[S_SPARE_AT] = 0 if found >= enough else int(state[S_PACKETS]) + _SPARE_PAUSE
        self._rehash(len(self.table))  # without the marks of flows that gave way before
