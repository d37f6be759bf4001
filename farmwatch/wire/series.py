"""The second pass over a capture: when the flows that might carry a hand sent how many bytes.

The first pass says which flows are wanted. The capture is read once more, and each packet of such a flow gives at most
one row (a TCP segment's new bytes, or a datagram), plus one for each TLS record it completes. Memory does not grow with
the capture: flows, rows of a flow and rows in all are bounded, and what is left out is counted.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from farmwatch.wire.decode import ROWS_PER_PACKET
from farmwatch.wire.flows import Encapsulation, FlowTable
from farmwatch.wire.jit import compiled, is_compiled, note_compiled, plain
from farmwatch.wire.layout import G_ROOM, G_SLOTS, G_UNIT_ROOM, G_WIDTH, R_WIDTH, S_TOTAL
from farmwatch.wire.packets import Bytes, Ints, PacketChunk
from farmwatch.wire.scan import Mode
from farmwatch.wire.series_rows import finish_series, run_series, seat_flows
from farmwatch.wire.tables import as_argument, writable
from farmwatch.wire.tls_records import (
    C_CAP,
    C_COMMON,
    C_CUT,
    C_FIRST,
    C_LAST,
    C_ORIG_HI,
    C_ORIG_LO,
    C_PACKETS,
    C_PORTS,
    C_RESP_HI,
    C_RESP_LO,
    C_ROWS,
    C_WIDTH,
    E_BREAKS,
    E_BYTES,
    E_PARSED,
    E_RECORDS,
    E_STRAY,
    E_TOP,
    E_WIDTH,
    HOLD_BYTES,
    HOLD_WIDTH,
    HOLDS,
    J_FREE,
    J_LAST,
    J_LIMIT,
    J_ROWS,
    J_SIEVE,
    J_TABLE,
    J_TUNNELS,
    J_WIDTH,
    LOG_WIDTH,
    MAX_SIZE,
    U_RECORD,
)

__all__ = [
    "Series",
    "SeriesLimits",
    "Wanted",
    "choose_series_mode",
    "compile_series",
    "read_series",
    "wanted_flows",
]

_KERNELS = "series"  # name under which finished compilation is remembered
_PASSED_OVER_SECONDS = 5e-6  # a packet, interpreted, nobody wants
_TAKEN_SECONDS = 3e-5  # a packet that is wanted
_LOADING_SECONDS = 0.15
_MAKING_SECONDS = 6.0
_LEAST_TABLE = 1024
_LEAST_SIEVE = 8192
_SIEVE_SHARE = 16  # cells of the sieve for each wanted flow
_STRAY_SHARE = 10  # a stream is framed when at most this share of its bytes belongs to no record
_FEWEST_RECORDS = 2


@dataclass(frozen=True, slots=True)
class SeriesLimits:
    """Bounds on what the second pass keeps."""

    flows: int = 10_000
    rows_per_flow: int = 60_000
    rows: int = 6_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """The flows to extract, in order of their first packet; all columns are int64."""

    flow: Ints  #: row in the flow table
    orig_hi: Ints
    orig_lo: Ints
    resp_hi: Ints
    resp_lo: Ints
    ports: Ints  #: protocol << 32 | originator's port << 16 | responder's port
    first_packet: Ints
    last_packet: Ints
    packets: Ints  #: seen by the first pass, both ways
    likely_rows: Ints  #: about how many rows the flow will give
    tunnels: bool  #: whether packets inside tunnels, or fragments, matter

    def __len__(self) -> int:
        return len(self.flow)


@dataclass(frozen=True, slots=True)
class Series:
    """Rows by flow and time, and one entry for each wanted flow (``of_`` columns).

    A flow of which the second reading showed other packets than the first is left out and counted.
    """

    flow: NDArray[np.int32]  #: row in the flow table
    n: NDArray[np.int32]  #: number of the row in its flow
    ts_ns: Ints
    side: NDArray[np.int8]  #: 0 originator, 1 responder
    size: NDArray[np.int32]  #: bytes; see ``unit``
    unit: NDArray[np.int8]  #: 0 segment (new bytes), 1 TLS record (without header), 2 datagram
    content_type: NDArray[np.int8]  #: of a TLS record, else 0
    of_flow: Ints  #: row in the flow table
    of_rows: Ints  #: rows kept
    of_left_out: Ints  #: rows left out for lack of room
    of_framed: NDArray[np.bool_]  #: nearly all of the stream was read as TLS records
    of_breaks: Ints  #: times the chain of records was lost
    differing: int  #: flows left out, of which the second reading showed other packets than the first

    def __len__(self) -> int:
        return len(self.ts_ns)


def wanted_flows(flows: FlowTable, rows: Ints, *, fragments: bool = False) -> Wanted:
    """What the second pass must know of the flows in these rows of the first pass's table.

    Args:
        flows: flow table of the first pass.
        rows: rows wanted.
        fragments: whether the first pass met IP fragments that it could not put together.
    """
    rows = rows[np.argsort(flows.first_packet[rows], kind="stable")]
    data = flows.orig_data_packets[rows] + flows.resp_data_packets[rows]
    tcp = flows.proto[rows] == 6
    return Wanted(
        flow=rows,
        orig_hi=flows.orig_ip_hi[rows],
        orig_lo=flows.orig_ip_lo[rows],
        resp_hi=flows.resp_ip_hi[rows],
        resp_lo=flows.resp_ip_lo[rows],
        ports=flows.proto[rows] << 32 | flows.orig_port[rows] << 16 | flows.resp_port[rows],
        first_packet=flows.first_packet[rows],
        last_packet=flows.last_packet[rows],
        packets=flows.orig_packets[rows] + flows.resp_packets[rows],
        likely_rows=np.where(tcp, 2 * data, data),
        tunnels=fragments or bool(np.any(flows.encapsulation != Encapsulation.NONE)),
    )


def choose_series_mode(packets: int, wanted: int) -> Mode:
    """Which way to run the second pass over so many packets, so many of them of wanted flows.

    The packets are known by then, so that the time interpreting takes can be weighed against loading machine code (a
    tenth of a second) or making it (some 5 seconds).
    """
    interpreted = packets * _PASSED_OVER_SECONDS + wanted * _TAKEN_SECONDS
    return (
        "compiled" if interpreted > (_LOADING_SECONDS if is_compiled(_KERNELS) else _MAKING_SECONDS) else "interpreted"
    )


def read_series(
    chunks: Iterable[PacketChunk], wanted: Wanted, *, mode: Mode, limits: SeriesLimits | None = None
) -> Series:
    """Run pass two.

    Args:
        chunks: the same packets that gave ``wanted``, numbered alike; reading stops behind the last one wanted.
        wanted: the flows, as many as ``limits`` allow; more are not looked at.
        mode: ``compiled`` or ``interpreted``; the result is the same.
        limits: bounds on memory.
    """
    passing = _Second(wanted, mode, limits or SeriesLimits())
    last = int(wanted.last_packet.max(initial=0))
    for chunk in chunks:
        if chunk.first_packet > last:
            break
        passing.take(chunk)
        if chunk.first_packet + chunk.count > last:
            break
    return passing.finish()


def compile_series() -> None:
    """Make the second pass's machine code, so that it is on disk when a capture needs it."""
    nothing = np.zeros(0, np.int64)
    chunk = PacketChunk(np.zeros(1, np.uint8), 1, 0, nothing, nothing, nothing, nothing, nothing)
    one = np.ones(1, np.int64)
    wanted = Wanted(one, one, one, one, one, one, one, one, one, one, tunnels=False)
    read_series([chunk], wanted, mode="compiled")


class _Second:
    """One second pass in progress."""

    def __init__(self, wanted: Wanted, mode: Mode, limits: SeriesLimits) -> None:
        self._wanted = wanted
        self._mode: Mode = mode
        self._count = count = min(len(wanted), limits.flows)
        random = secrets.SystemRandom()
        # Secret odd keys below 2**29, as in the first pass.
        self._keys: Ints = np.array([random.randrange(1 << 27, 1 << 29) | 1 for _ in range(9)], np.int64)
        self._flows = _flow_cells(wanted, count, limits)
        self._table = np.zeros(_power(4 * count, _LEAST_TABLE), np.int64)
        self._sieve: Bytes = np.zeros(_power(_SIEVE_SHARE * count, _LEAST_SIEVE), np.uint8)
        self._marks = np.zeros(J_WIDTH, np.int64)
        self._marks[J_LIMIT] = limits.rows
        self._marks[J_FREE] = HOLDS
        self._marks[J_TUNNELS] = wanted.tunnels
        self._marks[J_LAST] = wanted.last_packet[:count].max(initial=0)
        self._marks[J_SIEVE] = len(self._sieve) - 1
        self._marks[J_TABLE] = len(self._table) - 1
        self._log = np.empty(limits.rows * LOG_WIDTH, np.int64)  # pages nobody touches cost nothing
        self._held: Bytes = np.empty(HOLDS * HOLD_BYTES, np.uint8)
        self._holds = np.zeros(HOLDS * HOLD_WIDTH, np.int64)
        self._free = np.arange(HOLDS, dtype=np.int64)
        self._decoding = (
            np.zeros(ROWS_PER_PACKET * R_WIDTH, np.int64),
            np.zeros(S_TOTAL, np.int64),
            self._keys,
            np.zeros(G_SLOTS * G_ROOM, np.uint8),
            np.zeros(G_SLOTS * G_UNIT_ROOM, np.uint8),
            np.zeros(G_SLOTS * G_WIDTH, np.int64),
        )
        self._run(seat_flows, self._flows, count, self._table, self._sieve, self._marks, self._keys)

    def _run(self, target: Any, *arguments: Any) -> None:
        """Call a kernel in the present mode."""
        given = [as_argument(one, self._mode) if isinstance(one, np.ndarray) else one for one in arguments]
        (compiled if self._mode == "compiled" else plain)(target)(*given)

    def take(self, chunk: PacketChunk) -> None:
        """Use up one chunk."""
        columns = (chunk.offset, chunk.caplen, chunk.wirelen, chunk.ts_ns, chunk.link)
        self._run(
            run_series,
            writable(chunk.buffer),
            *(np.ascontiguousarray(column) for column in columns),
            chunk.count,
            chunk.first_packet,
            *self._decoding,
            self._flows,
            self._table,
            self._sieve,
            self._log,
            self._marks,
            self._held,
            self._holds,
            self._free,
        )

    def finish(self) -> Series:
        """Read what still waits and sort the rows."""
        count = self._count
        self._run(finish_series, self._flows, count, self._log, self._marks, self._held, self._holds, self._free)
        if self._mode == "compiled" and not is_compiled(_KERNELS):
            note_compiled(_KERNELS)
        wanted = self._wanted
        cells = self._flows.reshape(-1, C_WIDTH)[:count]
        ends = [cells[:, C_COMMON + side * E_WIDTH : C_COMMON + (side + 1) * E_WIDTH] for side in range(2)]
        whole, stray, records, breaks = (
            np.asarray(ends[0][:, field] + ends[1][:, field]) for field in (E_BYTES, E_STRAY, E_RECORDS, E_BREAKS)
        )
        framed = (records >= _FEWEST_RECORDS) & (stray * _STRAY_SHARE <= whole)
        same = cells[:, C_PACKETS] == wanted.packets[:count]
        packed = self._log[: int(self._marks[J_ROWS]) * LOG_WIDTH].reshape(-1, LOG_WIDTH)
        flow = (packed[:, 1] >> 35).astype(np.int32)
        kept = same[flow] & ((packed[:, 1] >> 8 & 3 != U_RECORD) | framed[flow])
        if not kept.all():
            packed, flow = packed[kept], flow[kept]
        rows = np.bincount(flow, minlength=count).astype(np.int64)
        order = _order(flow, packed[:, 0], count)
        flow, value = flow[order], packed[order, 1]
        starts = (np.cumsum(rows) - rows).astype(np.int32)
        return Series(
            flow=wanted.flow[:count].astype(np.int32)[flow],
            n=np.arange(len(value), dtype=np.int32) - starts[flow],
            ts_ns=packed[order, 0],
            side=(value >> 10 & 1).astype(np.int8),
            size=(value >> 11 & MAX_SIZE).astype(np.int32),
            unit=(value >> 8 & 3).astype(np.int8),
            content_type=(value & 0xFF).astype(np.int8),
            of_flow=wanted.flow[:count][same],
            of_rows=rows[same],
            of_left_out=cells[same, C_CUT],
            of_framed=framed[same],
            of_breaks=np.where(framed, breaks, 0)[same],
            differing=int(np.count_nonzero(~same)),
        )


def _flow_cells(wanted: Wanted, count: int, limits: SeriesLimits) -> Ints:
    """The wanted flows as the kernels want them."""
    cells = np.zeros((count, C_WIDTH), np.int64)
    columns = {
        C_ORIG_HI: wanted.orig_hi,
        C_ORIG_LO: wanted.orig_lo,
        C_RESP_HI: wanted.resp_hi,
        C_RESP_LO: wanted.resp_lo,
        C_PORTS: wanted.ports,
        C_FIRST: wanted.first_packet,
        C_LAST: wanted.last_packet,
    }
    for field, column in columns.items():
        cells[:, field] = column[:count]
    cells[:, C_CAP] = _fair_cap(wanted.likely_rows[:count], limits)
    for side in range(2):
        cells[:, C_COMMON + side * E_WIDTH + E_TOP] = -1
        cells[:, C_COMMON + side * E_WIDTH + E_PARSED] = -1
    cells[:, C_ROWS] = 0
    return cells.reshape(-1)


def _fair_cap(likely: Ints, limits: SeriesLimits) -> int:
    """The most rows a flow may have so that, all flows together, there is room for everybody's first rows."""
    cap = limits.rows_per_flow
    sizes = np.sort(np.minimum(likely, cap))
    if int(sizes.sum()) <= limits.rows:
        return cap
    before = np.cumsum(sizes) - sizes
    level = (limits.rows - before) // np.arange(len(sizes), 0, -1)
    return max(int(level[np.argmax(sizes > level)]), 1)


def _order(flow: NDArray[np.int32], ts_ns: Ints, flows: int) -> Ints:
    """Rows by flow and then by time, ties as they came."""
    order = np.argsort(flow.astype(np.int16) if flows <= 1 << 15 else flow, kind="stable")
    by_flow, times = flow[order], ts_ns[order]
    if np.any((np.diff(times) < 0) & (np.diff(by_flow) == 0)):  # a clock that went back: rare, so sorted only then
        return np.lexsort((ts_ns, flow))
    return order


def _power(wanted: int, least: int) -> int:
    """The least power of two that is neither below ``wanted`` nor below ``least``."""
    size = least
    while size < wanted:
        size *= 2
    return size
