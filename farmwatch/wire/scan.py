"""The first pass over a capture: packets in, flows, heads, messages and hosts out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from farmwatch.wire.beside import Beside, gather_heads
from farmwatch.wire.fingerprint import MARK_CELLS, mark_handshakes
from farmwatch.wire.flows import FlowTable, flow_table
from farmwatch.wire.heads import HeadBatch, head_batch
from farmwatch.wire.jit import compiled, is_compiled, note_compiled, plain
from farmwatch.wire.layout import (
    F_FIRST_PACKET,
    F_HASH,
    F_HEAD,
    F_LAST,
    F_PREVIOUS,
    F_WIDTH,
    H_OPEN,
    H_QUEUED,
    M_FLOW,
    M_PACKET,
    M_WIDTH,
    PROTOCOLS,
    Q_WIDTH,
    REJECTS,
    S_AT,
    S_FIRST_NS,
    S_FLOWS,
    S_LAST_NS,
    S_MESSAGES,
    S_PACKETS,
    S_POOL,
    S_POOL_FREE_0,
    S_POOL_FREE_2,
    S_POOL_LIMIT,
    S_PROTOCOL,
    S_QUEUE,
    S_REJECT,
    S_ROW,
    S_ROWS,
    S_SAMPLES,
    S_SAMPLES_ON,
    S_WIRE_BYTES,
    W_DONE,
    W_POOL,
    W_QUEUE,
    X_RECYCLED,
)
from farmwatch.wire.messages import (
    ArpTable,
    HostTable,
    MessageTable,
    StunTable,
    arp_table,
    host_table,
    message_table,
    stun_table,
)
from farmwatch.wire.packets import Ints, PacketChunk
from farmwatch.wire.pipeline import run_chunk
from farmwatch.wire.reassembly import free_heads
from farmwatch.wire.rtt import percentiles
from farmwatch.wire.tables import Mode, ScanLimits, Tables, as_argument, writable

__all__ = ["Mode", "RttSamples", "ScanLimits", "WireScan", "choose_mode", "scan_chunks"]

_KERNELS = "scan"  # name under which finished compilation is remembered
_WARM_BYTES = 256 << 10  # larger captures are faster compiled when the machine code is on disk
_COLD_BYTES = 48 << 20  # larger captures are worth waiting for the compiler
_COLD_PACKETS = 200_000  # as many packets are, however small
_DNS_PORT = 53
_HAND_OUT = 512  # flows handed out at a time, if possible
_IDLE_NS = 120_000_000_000  # heads of flows silent this long are handed out when the pool fills


@dataclass(frozen=True, slots=True)
class RttSamples:
    """Every SEQ/ACK sample of the scan, in capture order (only with ``keep_rtt_samples=True``)."""

    flow: Ints
    side: Ints  #: 0 the originator's side was measured, 1 the responder's
    rtt_ns: Ints
    packet: Ints  #: number of the packet whose acknowledgement gave the sample


@dataclass(frozen=True, slots=True)
class WireScan:
    """Everything pass one learns from a capture."""

    packets: int
    bytes: int  #: sum of wire lengths
    first_ns: int  #: earliest packet time, -1 without packets
    last_ns: int  #: latest packet time
    flows: FlowTable
    messages: MessageTable
    stun: StunTable
    arp: ArpTable
    hosts: HostTable
    rejects: dict[str, int]  #: packets not decoded to the end, by reason in plain words
    protocols: dict[str, int]  #: packets by transport: tcp, udp, icmp, icmpv6, sctp, esp, arp, other ip, other link
    rtt_samples: RttSamples | None


def choose_mode(size_bytes: int) -> Mode:
    """Which way to run the kernels on a capture of this size (bytes; -1 unknown, as from a pipe).

    Interpreting starts at once and takes some 40 microseconds a packet; compiled code takes well under one, but must be
    loaded first (a tenth of a second) or, the first time on a machine, made (some 15 seconds). A stream that turns out
    to be long is compiled on the way.
    """
    if size_bytes < 0:
        return "compiled" if is_compiled(_KERNELS) else "interpreted"
    return "compiled" if size_bytes > (_WARM_BYTES if is_compiled(_KERNELS) else _COLD_BYTES) else "interpreted"


def scan_chunks(
    chunks: Iterable[PacketChunk],
    *,
    mode: Mode,
    limits: ScanLimits | None = None,
    on_heads: Callable[[HeadBatch], None] | None = None,
    beside: bool = False,
    keep_rtt_samples: bool = False,
) -> WireScan:
    """Run pass one.

    Args:
        chunks: packets in capture order; each chunk is used up before the next is asked for.
        mode: ``compiled`` or ``interpreted`` (see :func:`choose_mode`); the result is the same.
        limits: bounds on memory.
        on_heads: called with batches of flows whose first bytes are complete, and at the end with all the rest.
            Without it no heads are kept.
        beside: call ``on_heads`` from a thread of its own while compiled kernels go on, one batch after the other; TLS
            handshakes with the same mark as one handed out before then come with their lengths 0 and without bytes.
        keep_rtt_samples: keep every RTT sample, for tests and close looks.

    Returns:
        The flows, messages and hosts; flow rows are in order of each flow's first packet.
    """
    scan = _Scan(
        Tables(
            limits or ScanLimits(),
            mode,
            heads=on_heads is not None,
            samples=keep_rtt_samples,
        ),
        on_heads,
        beside=beside,
    )
    try:
        for chunk in chunks:
            scan.take(chunk)
        return scan.finish()
    finally:
        scan.close()


class _Scan:
    """One pass in progress."""

    def __init__(self, tables: Tables, on_heads: Callable[[HeadBatch], None] | None, *, beside: bool) -> None:
        self._tables = tables
        self._on_heads = on_heads
        self._want_beside = beside
        self._beside: Beside | None = None
        self._idle_above = int(tables.state[S_POOL_LIMIT]) // 4

    def _kernel(self, target: Any) -> Any:
        return compiled(target) if self._tables.mode == "compiled" else plain(target)

    def _is_long(self) -> bool:
        """Whether what came so far says that the compiler is worth waiting for, whatever the file looked like."""
        state = self._tables.state
        return int(state[S_WIRE_BYTES]) > _COLD_BYTES or int(state[S_PACKETS]) > _COLD_PACKETS

    def take(self, chunk: PacketChunk) -> None:
        """Use up one chunk."""
        tables = self._tables
        state = tables.state
        if tables.mode == "interpreted" and self._is_long():
            tables.mode = "compiled"  # the tables are the same either way
        columns = (
            writable(chunk.buffer),
            chunk.offset,
            chunk.caplen,
            chunk.wirelen,
            chunk.ts_ns,
            chunk.link,
        )
        own = tuple(as_argument(np.ascontiguousarray(column), tables.mode) for column in columns)
        step = self._kernel(run_chunk)
        state[S_AT] = state[S_ROWS] = state[S_ROW] = 0
        while True:
            want = int(step(*own, chunk.count, chunk.first_packet, *tables.arguments()))
            if want == W_DONE:
                break
            if want == W_QUEUE:
                self._hand_out(self._queued())
            elif want == W_POOL:
                self._hand_out(self._open())
                state[S_POOL] = 0
                state[S_POOL_FREE_0 : S_POOL_FREE_2 + 1] = 0
            else:
                tables.make_room(want)
        if int(state[S_POOL]) > self._idle_above:
            self._hand_out(np.union1d(self._queued(), self._idle()))
            self._idle_above = int(state[S_POOL]) + int(state[S_POOL_LIMIT]) // 16
        elif int(state[S_QUEUE]) >= _HAND_OUT:
            self._hand_out(self._queued())

    def finish(self) -> WireScan:
        """Hand out the rest and make the tables."""
        tables = self._tables
        state = tables.state
        self._hand_out(self._open())
        flows = int(state[S_FLOWS])
        scratch = np.zeros(128, dtype=np.int64)
        own = (as_argument(array, tables.mode) for array in (tables.hot, tables.blocks, scratch))
        hot, blocks, room = own
        self._kernel(percentiles)(hot, flows, blocks, room)
        if tables.mode == "compiled" and not is_compiled(_KERNELS):
            tables.compile_the_rest()
            note_compiled(_KERNELS)
        if state[S_REJECT + X_RECYCLED]:
            _forget_dropped_flows(tables, flows)
        tables.release()
        table = flow_table(tables.hot, flows)
        packets = int(state[S_PACKETS])
        return WireScan(
            packets=packets,
            bytes=int(state[S_WIRE_BYTES]),
            first_ns=int(state[S_FIRST_NS]) if packets else -1,
            last_ns=int(state[S_LAST_NS]) if packets else -1,
            flows=table,
            messages=message_table(tables.messages, tables.message_pool, state),
            stun=stun_table(tables.stun, state),
            arp=arp_table(tables.arp, state),
            hosts=host_table(tables.hosts, state, table, tables.limits.hosts),
            rejects={
                reason: int(state[S_REJECT + code]) for code, reason in enumerate(REJECTS) if state[S_REJECT + code]
            },
            protocols={
                name: int(state[S_PROTOCOL + code]) for code, name in enumerate(PROTOCOLS) if state[S_PROTOCOL + code]
            },
            rtt_samples=_samples(tables) if state[S_SAMPLES_ON] else None,
        )

    def close(self) -> None:
        """Wait until everything handed out is received.

        Raises:
            Exception: whatever the receiver raised in its thread.
        """
        beside, self._beside = self._beside, None
        if beside is not None:
            beside.close()

    def _queued(self) -> Ints:
        return np.sort(self._tables.queue[: int(self._tables.state[S_QUEUE])])

    def _heads(self) -> Ints:
        return self._tables.hot.reshape(-1, F_WIDTH)[: int(self._tables.state[S_FLOWS]), F_HEAD]

    def _open(self) -> Ints:
        """All flows with heads not handed out."""
        head = self._heads()
        return np.flatnonzero((head == H_OPEN) | (head == H_QUEUED))

    def _idle(self) -> Ints:
        rows = self._tables.hot.reshape(-1, F_WIDTH)[: int(self._tables.state[S_FLOWS])]
        oldest = int(self._tables.state[S_LAST_NS]) - _IDLE_NS
        return np.flatnonzero((rows[:, F_HEAD] == H_OPEN) & (rows[:, F_LAST] < oldest))

    def _hand_out(self, flows: Ints) -> None:
        tables = self._tables
        tables.state[S_QUEUE] = 0
        if self._on_heads is None or not len(flows):
            return
        batch = head_batch(flows, tables.hot, tables.pool)
        if tables.mode == "compiled":  # interpreted, marking takes longer than decoding
            self._mark(batch)
            if self._want_beside:
                self._beside = self._beside or Beside(self._on_heads, self._kernel(gather_heads))
        (self._beside or self._on_heads)(batch)
        arguments = (
            np.ascontiguousarray(flows),
            tables.hot,
            tables.links,
            tables.state,
        )
        chosen, hot, links, state = (as_argument(array, tables.mode) for array in arguments)
        self._kernel(free_heads)(chosen, len(flows), hot, links, state)

    def _mark(self, batch: HeadBatch) -> None:
        """Mark the batch's TLS handshakes; what runs on the port of DNS is for the decoder of that."""
        tcp = (batch.proto == 6) & (batch.orig_port != _DNS_PORT) & (batch.resp_port != _DNS_PORT)
        places = (
            np.ascontiguousarray(batch.orig_start),
            np.where(tcp, batch.orig_length, 0),
            np.ascontiguousarray(batch.resp_start),
            np.where(tcp, batch.resp_length, 0),
        )
        lanes = np.zeros(MARK_CELLS, dtype=np.int64)
        self._kernel(mark_handshakes)(batch.pool, *places, batch.mark, batch.mark_check, lanes, self._tables.keys)


def _forget_dropped_flows(tables: Tables, flows: int) -> None:
    """Take back what points to flows whose rows were used again: messages, and flows between the same ports later."""
    rows = tables.hot.reshape(-1, F_WIDTH)[:flows]
    first = np.ascontiguousarray(rows[:, F_FIRST_PACKET])
    before = np.ascontiguousarray(rows[:, F_PREVIOUS])
    later = (before >= 0) & ((first[before] >= first) | (rows[before, F_HASH] != rows[:, F_HASH]))
    rows[later, F_PREVIOUS] = -1
    messages = tables.messages.reshape(-1, M_WIDTH)[: int(tables.state[S_MESSAGES])]
    flow = messages[:, M_FLOW]
    messages[(flow >= 0) & (first[flow] > messages[:, M_PACKET]), M_FLOW] = -1


def _samples(tables: Tables) -> RttSamples:
    rows = tables.samples.reshape(-1, Q_WIDTH)[: int(tables.state[S_SAMPLES])]
    flow, side, rtt, packet = (np.ascontiguousarray(rows[:, column]) for column in range(Q_WIDTH))
    return RttSamples(flow, side, rtt, packet)
