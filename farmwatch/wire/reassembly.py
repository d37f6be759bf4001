"""Kernels that keep the first bytes of each direction in a bounded pool.

A head lives in one run of bytes of 512, 2048 or 8192; it moves to a larger room as it grows. Segments that come early
are written where they belong and remembered as (start, end); the head's length is its contiguous beginning.
"""

from __future__ import annotations

from farmwatch.wire.fields import copy_bytes, signed32
from farmwatch.wire.jit import kernel
from farmwatch.wire.layout import (
    D_AHEAD_0,
    D_HEAD,
    D_HEAD_BASE,
    D_HEAD_LENGTH,
    D_HEAD_ROOM,
    D_HEAD_STATE,
    D_WIDTH,
    F_COMMON,
    F_HEAD,
    F_WIDTH,
    H_TAKEN,
    HS_BASED,
    HS_CUT,
    HS_DONE,
    HS_MIDSTREAM,
    POSITION,
    S_POOL,
    S_POOL_FREE_0,
    S_POOL_LIMIT,
)
from farmwatch.wire.packets import Bytes, Ints

__all__ = ["HEAD_BYTES", "HEAD_DATAGRAMS", "RECORD_BYTES", "free_heads", "keep_datagram", "keep_segment", "room_left"]

HEAD_BYTES = 8192  #: bytes kept of each direction of a flow
HEAD_DATAGRAMS = 16  #: datagrams kept of each direction of a UDP flow
RECORD_BYTES = 20  #: before each datagram: ts_ns 8, packet 8, kept length 2, wire length 2; little-endian
_EARLY = 3  # segments remembered that came before their turn


@kernel
def room_left(state: Ints) -> int:
    """Whether the pool surely has room for one more growth of a head."""
    return 1 if state[S_POOL] + HEAD_BYTES <= state[S_POOL_LIMIT] else 0


@kernel
def make_room(side: int, needed: int, hot: Ints, pool: Bytes, links: Ints, state: Ints) -> int:
    """Give the head of ``side`` at least ``needed`` bytes; 1 if it has them."""
    room = hot[side + D_HEAD_ROOM]
    if room >= needed:
        return 1
    level = 2
    size = 8192
    if needed <= 512:
        level = 0
        size = 512
    elif needed <= 2048:
        level = 1
        size = 2048
    free = state[S_POOL_FREE_0 + level]
    if free:
        start = free - 1
        state[S_POOL_FREE_0 + level] = links[start >> 9]
    elif state[S_POOL] + size <= state[S_POOL_LIMIT]:
        start = state[S_POOL]
        state[S_POOL] = start + size
    else:
        return 0
    if room:
        copy_bytes(pool, start, pool, hot[side + D_HEAD], room)
        free_room(hot[side + D_HEAD], room, links, state)
    hot[side + D_HEAD] = start
    hot[side + D_HEAD_ROOM] = size
    return 1


@kernel
def free_room(start: int, room: int, links: Ints, state: Ints) -> None:
    """Put a run of bytes on its free list."""
    level = 0
    if room == 2048:
        level = 1
    elif room == 8192:
        level = 2
    links[start >> 9] = state[S_POOL_FREE_0 + level]
    state[S_POOL_FREE_0 + level] = start + 1


@kernel
def free_heads(flows: Ints, count: int, hot: Ints, links: Ints, state: Ints) -> None:
    """Free the rooms of flows that were handed out."""
    for index in range(count):
        base = flows[index] * F_WIDTH
        hot[base + F_HEAD] = H_TAKEN
        for direction in range(2):
            side = base + F_COMMON + direction * D_WIDTH
            hot[side + D_HEAD_STATE] |= HS_DONE
            if hot[side + D_HEAD_ROOM]:
                free_room(hot[side + D_HEAD], hot[side + D_HEAD_ROOM], links, state)
                hot[side + D_HEAD_ROOM] = 0


@kernel
def keep_segment(
    side: int,
    seq: int,
    known: int,
    data: Bytes,
    at: int,
    captured: int,
    length: int,
    hot: Ints,
    pool: Bytes,
    links: Ints,
    state: Ints,
) -> None:
    """Put a TCP segment where it belongs in the head of ``side``.

    ``known``: sequence number of the stream's first byte if its SYN was seen, else -1. ``length`` bytes were sent, of
    which ``captured`` are at ``data[at:]``.
    """
    side &= POSITION
    flags = hot[side + D_HEAD_STATE]
    if not flags & HS_BASED:
        flags |= HS_BASED
        if known >= 0:
            hot[side + D_HEAD_BASE] = known
        else:
            hot[side + D_HEAD_BASE] = seq
            flags |= HS_MIDSTREAM
        hot[side + D_HEAD_STATE] = flags
    start = signed32(seq - hot[side + D_HEAD_BASE])
    end = start + captured
    head = hot[side + D_HEAD_LENGTH]
    end = min(end, HEAD_BYTES)
    place = max(start, head)
    if place < end and (start <= head or start < HEAD_BYTES):
        if not make_room(side, end, hot, pool, links, state):
            hot[side + D_HEAD_STATE] = flags | HS_CUT | HS_DONE
            return
        copy_bytes(pool, hot[side + D_HEAD] + place, data, at + place - start, end - place)
        if start <= head:
            head = join_early(side, end, hot)
            hot[side + D_HEAD_LENGTH] = head
        else:
            remember_early(side, start, end, hot)
    if captured < length and start + captured <= head < start + length and head < HEAD_BYTES:
        hot[side + D_HEAD_STATE] = flags | HS_CUT | HS_DONE  # the capture cut the packet: the rest is lost
    elif head >= HEAD_BYTES:
        hot[side + D_HEAD_STATE] = flags | HS_DONE


@kernel
def join_early(side: int, head: int, hot: Ints) -> int:
    """The contiguous length after early segments that now touch it are joined."""
    for _ in range(_EARLY):
        for index in range(_EARLY):
            span = hot[side + D_AHEAD_0 + index]
            if span >= 0 and span >> 16 <= head:
                head = max(head, span & 0xFFFF)
                hot[side + D_AHEAD_0 + index] = -1
    return head


@kernel
def remember_early(side: int, start: int, end: int, hot: Ints) -> None:
    """Note a run of bytes beyond the contiguous beginning; forgotten when three separate runs wait already."""
    free = -1
    for index in range(_EARLY):
        span = hot[side + D_AHEAD_0 + index]
        if span < 0:
            free = index
        elif start <= span & 0xFFFF and span >> 16 <= end:
            hot[side + D_AHEAD_0 + index] = min(start, span >> 16) << 16 | max(end, span & 0xFFFF)
            return
    if free >= 0:
        hot[side + D_AHEAD_0 + free] = start << 16 | end


@kernel
def keep_datagram(
    side: int,
    ts: int,
    packet: int,
    data: Bytes,
    at: int,
    captured: int,
    length: int,
    hot: Ints,
    pool: Bytes,
    links: Ints,
    state: Ints,
) -> None:
    """Append a UDP payload with its record to the head of ``side``."""
    flags = hot[side + D_HEAD_STATE]
    head = hot[side + D_HEAD_LENGTH]
    kept = min(captured, HEAD_BYTES - RECORD_BYTES - head)
    if kept <= 0 or not make_room(side, head + RECORD_BYTES + kept, hot, pool, links, state):
        hot[side + D_HEAD_STATE] = flags | HS_DONE | HS_CUT
        return
    place = hot[side + D_HEAD] + head
    stamp = ts
    number = packet
    for index in range(8):
        pool[place + index] = stamp & 0xFF
        pool[place + 8 + index] = number & 0xFF
        stamp >>= 8
        number >>= 8
    pool[place + 16] = kept & 0xFF
    pool[place + 17] = kept >> 8
    size = min(length, 0xFFFF)
    pool[place + 18] = size & 0xFF
    pool[place + 19] = size >> 8
    copy_bytes(pool, place + RECORD_BYTES, data, at, kept)
    head += RECORD_BYTES + kept
    hot[side + D_HEAD_LENGTH] = head
    flags += 256
    if flags >> 8 >= HEAD_DATAGRAMS or head + RECORD_BYTES >= HEAD_BYTES:
        flags |= HS_DONE
    if kept < captured:
        flags |= HS_CUT
    hot[side + D_HEAD_STATE] = flags
