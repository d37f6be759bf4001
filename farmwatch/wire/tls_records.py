"""Kernels that follow one direction of a TCP stream in order and read the headers of its TLS records.

Five bytes of each record are looked at (RFC 8446 section 5.1: type, version, length) and nothing else. Segments that
come early wait, with their bytes, in one of a fixed number of places until the gap before them is filled; when the
other side acknowledges the gap, or there is no room, or too much time went by, the gap counts as not captured. A gap
inside a record's body does no harm. Otherwise the chain of records is broken, and is taken up again where a segment
starts with a likely header.
"""

from __future__ import annotations

from farmwatch.wire.fields import copy_bytes, signed32
from farmwatch.wire.jit import kernel
from farmwatch.wire.layout import MASK32
from farmwatch.wire.packets import Bytes, Ints

__all__ = [
    "C_COMMON",
    "C_WIDTH",
    "HOLDS",
    "HOLD_BYTES",
    "HOLD_WIDTH",
    "J_WIDTH",
    "add_row",
    "give_up",
    "take_segment",
]

# --- a wanted flow: identity, bounds, counters, and two directions ---------------------------------------------------
(
    C_ORIG_HI,
    C_ORIG_LO,
    C_RESP_HI,
    C_RESP_LO,
    C_PORTS,  # protocol << 32 | originator's port << 16 | responder's port
    C_FIRST,  # packet numbers
    C_LAST,
    C_NEXT,  # later flow between the same endpoints and ports, -1 none
    C_CAP,  # rows it may have
    C_ROWS,
    C_CUT,  # rows left out
    C_PACKETS,  # packets seen
) = range(12)
C_COMMON = 12

(
    E_TOP,  # sequence number after the highest byte seen, -1 none
    E_HOLES,  # how many gaps are open below it
    E_PARSED,  # sequence number of the next byte to read in order, -1 none
    E_FRAMED,  # 1 inside a chain of records
    E_HEADER,  # header bytes in hand, 0 to 4
    E_VALUE,  # their value
    E_LEFT,  # bytes still to come of the record's body
    E_SIZE,  # of the record
    E_TYPE,
    E_HOLD,  # the waiting place in use + 1, 0 none
    E_SINCE,  # time of the first segment waiting there
    E_RECORDS,
    E_BREAKS,
    E_BYTES,  # bytes read in order
    E_STRAY,  # those of them that belong to no record
    E_HOLE_0,  # pairs of sequence numbers, ascending
) = range(16)
MAX_HOLES = 8
E_WIDTH = E_HOLE_0 + 2 * MAX_HOLES
C_WIDTH = C_COMMON + 2 * E_WIDTH

# --- scalars ---------------------------------------------------------------------------------------------------------
(
    J_ROWS,  # rows in the log
    J_LIMIT,
    J_FREE,  # waiting places on the stack of free ones
    J_TUNNELS,  # 1: packets inside tunnels are wanted
    J_LAST,  # no packet after this number is wanted
    J_SIEVE,  # size of the sieve - 1
    J_TABLE,  # size of the table - 1
) = range(7)
J_WIDTH = 8

# --- waiting places --------------------------------------------------------------------------------------------------
HOLDS = 256
HOLD_BYTES = 65536
_HOLD_SEGMENTS = 64
(W_COUNT, W_BYTES) = range(2)
W_COMMON = 2
(V_SEQ, V_LENGTH, V_CAPTURED, V_AT, V_TS) = range(5)
V_WIDTH = 5
HOLD_WIDTH = W_COMMON + _HOLD_SEGMENTS * V_WIDTH
_PATIENCE_NS = 10_000_000_000  # longer than any retransmission of a live session takes

# --- rows ------------------------------------------------------------------------------------------------------------
LOG_WIDTH = 2  # time; flow << 35 | size << 11 | side << 10 | unit << 8 | content type
MAX_SIZE = (1 << 24) - 1
U_SEGMENT = 0
U_RECORD = 1
U_DATAGRAM = 2

_HEADER = 5
_LEAST_TYPE = 20  # change_cipher_spec
_MOST_TYPE = 24  # heartbeat, RFC 6520
_MAJOR = 3
_MOST_MINOR = 4
_MOST_LENGTH = 16384 + 2048  # RFC 5246 section 6.2.3, the widest of all versions


@kernel
def add_row(
    ts: int, flow: int, side: int, size: int, unit: int, content_type: int, flows: Ints, log: Ints, marks: Ints
) -> None:
    """Append a row of the series, or count it as left out."""
    place = flow * C_WIDTH
    at = marks[J_ROWS]
    if flows[place + C_ROWS] >= flows[place + C_CAP] or at >= marks[J_LIMIT]:
        flows[place + C_CAP] = flows[place + C_ROWS]  # nothing after the first row left out
        flows[place + C_CUT] += 1
        return
    log[at * LOG_WIDTH] = ts
    log[at * LOG_WIDTH + 1] = flow << 35 | min(size, MAX_SIZE) << 11 | side << 10 | unit << 8 | content_type
    marks[J_ROWS] = at + 1
    flows[place + C_ROWS] += 1


@kernel
def likely(have: int, value: int, framed: int) -> int:
    """Whether the first ``have`` bytes of a record header, as a number, can be one."""
    if have == 1:
        return 1 if _LEAST_TYPE <= value <= _MOST_TYPE else 0
    if have == 2:
        return 1 if value & 0xFF == _MAJOR else 0
    if have == 3:
        return 1 if value & 0xFF <= _MOST_MINOR else 0
    if have == _HEADER:
        length = value & 0xFFFF
        return 1 if length <= _MOST_LENGTH and (length or framed) else 0
    return 1


@kernel
def read_records(
    data: Bytes,
    at: int,
    captured: int,
    length: int,
    ts: int,
    flow: int,
    side: int,
    flows: Ints,
    log: Ints,
    marks: Ints,
) -> None:
    """Read on through ``length`` bytes of the stream, of which ``captured`` are at hand."""
    end = flow * C_WIDTH + C_COMMON + side * E_WIDTH
    flows[end + E_BYTES] += length
    done = 0
    while done < length:
        left = flows[end + E_LEFT]
        if left > 0:
            step = min(left, length - done)
            done += step
            flows[end + E_LEFT] = left - step
            if left == step:
                flows[end + E_RECORDS] += 1
                add_row(ts, flow, side, flows[end + E_SIZE], U_RECORD, flows[end + E_TYPE], flows, log, marks)
            continue
        have = flows[end + E_HEADER]
        framed = flows[end + E_FRAMED]
        lost = 1
        if (done < captured) and (framed or have or done == 0):
            value = flows[end + E_VALUE] << 8 | (data[at + done] & 0xFF)
            have += 1
            done += 1
            if likely(have, value, framed):
                lost = 0
                flows[end + E_HEADER] = have
                flows[end + E_VALUE] = value
                if have == _HEADER:
                    flows[end + E_FRAMED] = 1
                    flows[end + E_HEADER] = 0
                    flows[end + E_VALUE] = 0
                    flows[end + E_SIZE] = value & 0xFFFF
                    flows[end + E_LEFT] = value & 0xFFFF
                    flows[end + E_TYPE] = value >> 32
                    if value & 0xFFFF == 0:
                        flows[end + E_RECORDS] += 1
                        add_row(ts, flow, side, 0, U_RECORD, value >> 32, flows, log, marks)
        if lost:
            flows[end + E_BREAKS] += framed
            flows[end + E_FRAMED] = 0
            flows[end + E_HEADER] = 0
            flows[end + E_VALUE] = 0
            flows[end + E_STRAY] += have + length - done
            return


@kernel
def skip_gap(gap: int, end: int, flows: Ints) -> None:
    """Go on behind bytes that were not captured."""
    flows[end + E_PARSED] = (flows[end + E_PARSED] + gap) & MASK32
    if flows[end + E_LEFT] >= gap:  # all of it inside a body; a record that ended there has no row
        flows[end + E_LEFT] -= gap
        return
    flows[end + E_BREAKS] += flows[end + E_FRAMED]
    flows[end + E_FRAMED] = 0
    flows[end + E_HEADER] = 0
    flows[end + E_VALUE] = 0
    flows[end + E_LEFT] = 0


@kernel
def drain(
    flow: int,
    side: int,
    until: int,
    ts: int,
    flows: Ints,
    log: Ints,
    marks: Ints,
    held: Bytes,
    holds: Ints,
    free: Ints,
) -> None:
    """Read what waits as far as there is no gap, jumping over gaps that end before the sequence number ``until``.

    With ``until`` -1 all gaps are jumped over, with -2 none. Segments then count as complete at time ``ts``, or at
    their own time where gaps are jumped over.
    """
    end = flow * C_WIDTH + C_COMMON + side * E_WIDTH
    hold = flows[end + E_HOLD] - 1
    if hold < 0:
        return
    place = hold * HOLD_WIDTH
    while holds[place + W_COUNT] > 0:
        best = 0
        nearest = 0
        count = holds[place + W_COUNT]
        for index in range(count):
            ahead = signed32(holds[place + W_COMMON + index * V_WIDTH + V_SEQ] - flows[end + E_PARSED])
            if index == 0 or ahead < nearest:
                best = index
                nearest = ahead
        entry = place + W_COMMON + best * V_WIDTH
        if nearest > 0:
            if until == -2 or (until >= 0 and signed32(until - holds[entry + V_SEQ]) < 0):
                return
            skip_gap(nearest, end, flows)
            nearest = 0
        length = holds[entry + V_LENGTH]
        if nearest + length > 0:
            captured = holds[entry + V_CAPTURED] + nearest
            own = holds[entry + V_TS]
            flows[end + E_PARSED] = (flows[end + E_PARSED] + nearest + length) & MASK32
            read_records(
                held,
                hold * HOLD_BYTES + holds[entry + V_AT] - nearest,
                max(captured, 0),
                nearest + length,
                ts if until == -2 else own,
                flow,
                side,
                flows,
                log,
                marks,
            )
        final = place + W_COMMON + (count - 1) * V_WIDTH
        for field in range(V_WIDTH):
            holds[entry + field] = holds[final + field]
        holds[place + W_COUNT] = count - 1
    holds[place + W_BYTES] = 0
    flows[end + E_HOLD] = 0
    free[marks[J_FREE]] = hold
    marks[J_FREE] += 1


@kernel
def give_up(flow: int, side: int, flows: Ints, log: Ints, marks: Ints, held: Bytes, holds: Ints, free: Ints) -> None:
    """Read all that waits, whatever is missing before it."""
    drain(flow, side, -1, 0, flows, log, marks, held, holds, free)


@kernel
def hold_segment(
    data: Bytes,
    at: int,
    captured: int,
    length: int,
    seq: int,
    ts: int,
    end: int,
    flows: Ints,
    marks: Ints,
    held: Bytes,
    holds: Ints,
    free: Ints,
) -> int:
    """Let a segment wait for the gap before it to be filled; 0 when there is no room."""
    hold = flows[end + E_HOLD] - 1
    if hold < 0:
        if marks[J_FREE] == 0 or captured > HOLD_BYTES:
            return 0
        marks[J_FREE] -= 1
        hold = free[marks[J_FREE]]
        flows[end + E_HOLD] = hold + 1
        flows[end + E_SINCE] = ts
        holds[hold * HOLD_WIDTH + W_COUNT] = 0
        holds[hold * HOLD_WIDTH + W_BYTES] = 0
    place = hold * HOLD_WIDTH
    count = holds[place + W_COUNT]
    used = holds[place + W_BYTES]
    wait = ts - flows[end + E_SINCE]
    if count >= _HOLD_SEGMENTS or used + captured > HOLD_BYTES or wait > _PATIENCE_NS or wait < -_PATIENCE_NS:
        return 0
    entry = place + W_COMMON + count * V_WIDTH
    holds[entry + V_SEQ] = seq
    holds[entry + V_LENGTH] = length
    holds[entry + V_CAPTURED] = captured
    holds[entry + V_AT] = used
    holds[entry + V_TS] = ts
    copy_bytes(held, hold * HOLD_BYTES + used, data, at, captured)
    holds[place + W_COUNT] = count + 1
    holds[place + W_BYTES] = used + captured
    return 1


@kernel
def take_segment(
    data: Bytes,
    at: int,
    captured: int,
    length: int,
    seq: int,
    ts: int,
    flow: int,
    side: int,
    flows: Ints,
    log: Ints,
    marks: Ints,
    held: Bytes,
    holds: Ints,
    free: Ints,
) -> None:
    """Take in a segment for reading records: read it, let it wait, or pass over what was read before."""
    end = flow * C_WIDTH + C_COMMON + side * E_WIDTH
    ahead = signed32(seq - flows[end + E_PARSED])
    if ahead + length <= 0:
        return
    if ahead > 0:
        if hold_segment(data, at, captured, length, seq, ts, end, flows, marks, held, holds, free):
            return
        drain(flow, side, -1, ts, flows, log, marks, held, holds, free)
        ahead = signed32(seq - flows[end + E_PARSED])
        if ahead + length <= 0:
            return
        if ahead > 0:
            skip_gap(ahead, end, flows)
            ahead = 0
    flows[end + E_PARSED] = (flows[end + E_PARSED] + ahead + length) & MASK32
    read_records(data, at - ahead, max(captured + ahead, 0), ahead + length, ts, flow, side, flows, log, marks)
    if flows[end + E_HOLD]:
        drain(flow, side, -2, ts, flows, log, marks, held, holds, free)
