"""Reassembly of IP fragments in a fixed table: 64 datagrams at a time, the oldest gives way.

A finished datagram's bytes stay put until the batch of packets it belongs to has been tracked; :func:`release` then
frees its slot.
"""

from __future__ import annotations

from farmwatch.wire.fields import copy_bytes
from farmwatch.wire.jit import kernel
from farmwatch.wire.layout import (
    G_BORN,
    G_DST_HI,
    G_DST_LO,
    G_END,
    G_GENERATION,
    G_ID,
    G_ROOM,
    G_SLOTS,
    G_SRC_HI,
    G_SRC_LO,
    G_TOTAL,
    G_UNIT_ROOM,
    G_UNITS,
    G_USED,
    G_WIDTH,
)
from farmwatch.wire.packets import Bytes, Ints

__all__ = ["gather", "release"]

_FILLING = 1
_FINISHED = 2
_GENERATIONS = 255  # datagrams a slot takes before its marks must be cleared


@kernel
def gather(  # noqa: C901, PLR0912, PLR0915  a kernel: splitting hides the loop
    data: Bytes,
    at: int,
    length: int,
    offset: int,
    more: int,
    source_hi: int,
    source_lo: int,
    target_hi: int,
    target_lo: int,
    ident: int,
    packet: int,
    pieces: Bytes,
    covered: Bytes,
    slots: Ints,
) -> tuple[int, int]:
    """Take in one fragment (RFC 791 section 3.2, RFC 8200 section 4.5).

    Returns:
        Where the whole datagram starts in ``pieces`` and its size; (-1, 0) while pieces are missing; (-2, 0) when the
        fragment is damaged or contradicts the datagram's size: its bytes, or those before it, would lie behind the end.
    """
    if offset + length > G_ROOM - 1 or length <= 0 or (more and length & 7):
        return -2, 0
    chosen = -1
    oldest = -1
    for slot in range(G_SLOTS):
        base = slot * G_WIDTH
        used = slots[base + G_USED]
        if used == _FILLING:
            if (
                slots[base + G_ID] == ident
                and slots[base + G_SRC_LO] == source_lo
                and slots[base + G_DST_LO] == target_lo
                and slots[base + G_SRC_HI] == source_hi
                and slots[base + G_DST_HI] == target_hi
            ):
                chosen = slot
                break
            if oldest == -1 or (
                slots[oldest * G_WIDTH + G_USED] == _FILLING and slots[base + G_BORN] < slots[oldest * G_WIDTH + G_BORN]
            ):
                oldest = slot
        elif used == 0 and (oldest == -1 or slots[oldest * G_WIDTH + G_USED] == _FILLING):
            oldest = slot
    if chosen == -1:
        if oldest == -1:
            return -1, 0
        chosen = oldest
        base = chosen * G_WIDTH
        slots[base + G_USED] = _FILLING
        slots[base + G_SRC_HI] = source_hi
        slots[base + G_SRC_LO] = source_lo
        slots[base + G_DST_HI] = target_hi
        slots[base + G_DST_LO] = target_lo
        slots[base + G_ID] = ident
        slots[base + G_TOTAL] = -1
        slots[base + G_UNITS] = 0
        slots[base + G_BORN] = packet
        slots[base + G_END] = 0
        # A unit counts as covered while it bears the slot's present generation: nothing to clear for each datagram.
        slots[base + G_GENERATION] += 1
        if slots[base + G_GENERATION] > _GENERATIONS:
            slots[base + G_GENERATION] = 1
            start = chosen * G_UNIT_ROOM
            for unit in range(G_UNIT_ROOM):
                covered[start + unit] = 0
    base = chosen * G_WIDTH
    end = offset + length
    total = slots[base + G_TOTAL]
    if (total >= 0 and (end > total or (not more and end != total))) or (not more and end < slots[base + G_END]):
        return -2, 0
    slots[base + G_END] = max(slots[base + G_END], end)
    generation = slots[base + G_GENERATION]
    copy_bytes(pieces, chosen * G_ROOM + offset, data, at, length)
    first = chosen * G_UNIT_ROOM + (offset >> 3)
    new = 0
    for unit in range((length + 7) >> 3):
        if covered[first + unit] != generation:
            covered[first + unit] = generation
            new += 1
    slots[base + G_UNITS] += new
    if not more:
        total = end
        slots[base + G_TOTAL] = end
    if total >= 0 and slots[base + G_UNITS] << 3 >= total:
        slots[base + G_USED] = _FINISHED
        return chosen * G_ROOM, total
    return -1, 0


@kernel
def release(slots: Ints) -> None:
    """Free the slots of finished datagrams."""
    for slot in range(G_SLOTS):
        if slots[slot * G_WIDTH + G_USED] == _FINISHED:
            slots[slot * G_WIDTH + G_USED] = 0
