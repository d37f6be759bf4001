"""pcapng: the kernel that walks the blocks, and the few blocks that carry names.

Format: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html. Sections may follow each other, each with its
own byte order and interfaces. Enhanced, simple and (obsolete) packet blocks become packets; section and interface
blocks set the scene; name resolution and interface blocks are marked for :func:`read_names` and
:func:`read_interface_name`; everything else (statistics, decryption secrets, custom, unknown) is stepped over.

A simple packet block has no time: it takes the time of the packet before it, or 0.

Why resynchronise by the trailing length: each block repeats its length at its end, so a position where a known block
type, a plausible length and the matching copy agree is a block.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from typing import Final

from farmwatch.wire.framing import (
    BIG,
    CLAMPED,
    CUT_HEADER,
    CUT_PACKET,
    DAMAGE_WIDTH,
    DAMAGES,
    DONE,
    FULL,
    INTERFACES,
    LAST_TS,
    LOST,
    MARK_WIDTH,
    MARKS,
    MAX_RECORD_BYTES,
    MORE,
    PACKETS,
    SKIPPED,
    SKIPPED_VERSION,
    TIMED,
    TS_LIMIT_SECONDS,
    WANT_INTERFACE_NAMES,
    WANT_NAMES,
    Cells,
    lose,
    note,
    note_lost,
    see_time,
    u16,
    u32,
)
from farmwatch.wire.jit import kernel

__all__ = [
    "INTERFACE_BLOCK",
    "INTERFACE_WIDTH",
    "MAX_INTERFACES",
    "NAME_BLOCK",
    "frame_pcapng",
    "read_interface_name",
    "read_names",
]

SECTION_BLOCK: Final = 0x0A0D0D0A
INTERFACE_BLOCK: Final = 1
PACKET_BLOCK: Final = 2  # obsolete, still seen
SIMPLE_BLOCK: Final = 3
NAME_BLOCK: Final = 4
ENHANCED_BLOCK: Final = 6
LAST_PLAIN_TYPE: Final = 10  # block types 1 to 10 are standard: up to decryption secrets

BAD_LENGTH: Final = 20
TRAILER: Final = 21
OVERFULL: Final = 22
NO_INTERFACE: Final = 23
NO_ORDER: Final = 24
TOO_SHORT: Final = 25
TOO_MANY: Final = 26
ONLY_TRAILER: Final = 27
VERSION: Final = 28

MAX_INTERFACES: Final = 65_536  # per section; packet blocks could not name more, and none is known to have them
MAX_OPTIONS: Final = 1 << 20  # a packet block with more bytes of options than this has a damaged length
MAX_SOUGHT: Final = 1 << 20  # the search after damage believes no longer block
# Columns of an interface row: LINKTYPE, snap length, kind of clock, its two divisors, seconds to add.
INTERFACE_WIDTH: Final = 6
# Kinds of clock by if_tsresol: 10^-e up to nanoseconds, finer powers of ten, 2^-e below 32 bits, finer powers of two.
DECIMAL: Final = 0
FINE_DECIMAL: Final = 1
BINARY: Final = 2
FINE_BINARY: Final = 3
OPT_TSRESOL: Final = 9
OPT_TSOFFSET: Final = 14
GIGA: Final = 1_000_000_000
NEVER_SECONDS: Final = 1 << 53  # stands for anything later; no if_tsoffset that is kept brings it back into range


@kernel
def power_of_ten(exponent: int) -> int:
    """10 to a power of at most 18."""
    value = 1
    for _ in range(min(exponent, 18)):
        value *= 10
    return value


@kernel
def set_clock(interfaces: Cells, row: int, resolution: int) -> None:
    """Store an if_tsresol octet as what :func:`clock` divides by."""
    exponent = resolution & 127
    if resolution & 128 != 0:
        interfaces[row + 2] = BINARY if exponent < 32 else FINE_BINARY
        interfaces[row + 3] = exponent if exponent < 32 else exponent - 32
        interfaces[row + 4] = 1
    elif exponent <= 9:
        interfaces[row + 2] = DECIMAL
        interfaces[row + 3] = power_of_ten(exponent)
        interfaces[row + 4] = power_of_ten(9 - exponent)
    else:
        interfaces[row + 2] = FINE_DECIMAL
        interfaces[row + 3] = power_of_ten(min(exponent - 9, 9))
        interfaces[row + 4] = power_of_ten(max(exponent - 18, 0))


@kernel
def clock(high: int, low: int, kind: int, first: int, second: int) -> tuple[int, int]:
    """Seconds and nanoseconds of a 64-bit tick count given as two halves; no intermediate passes 63 bits."""
    if kind == DECIMAL:
        whole = high // first
        rest = ((high % first) << 32) | low
        if whole > 1 << 20:
            return NEVER_SECONDS, 0
        return (whole << 32) + rest // first, (rest % first) * second
    if kind == FINE_DECIMAL:
        rest = ((high % first) << 32) | low
        total = (((high // first) << 32) + rest // first) // second
        return total // GIGA, total % GIGA
    if kind == BINARY:
        if high >> first > 1 << 20:
            return NEVER_SECONDS, 0
        return (high << (32 - first)) + (low >> first), ((low & ((1 << first) - 1)) * GIGA) >> first
    shift = min(first, 62)
    part = high & ((1 << min(shift, 32)) - 1)
    return high >> min(shift, 32), (part * GIGA + ((low * GIGA) >> 32)) >> shift


@kernel
def packet_time(buf: Cells, at: int, big: int, interfaces: Cells, row: int, state: Cells) -> int:
    """Nanoseconds since 1970 of a packet block's time stamp on its interface, clamped to what the reader keeps."""
    seconds, fraction = clock(
        u32(buf, at, big), u32(buf, at + 4, big), interfaces[row + 2], interfaces[row + 3], interfaces[row + 4]
    )
    seconds += int(interfaces[row + 5])
    if seconds > TS_LIMIT_SECONDS:
        state[CLAMPED] += 1
        return TS_LIMIT_SECONDS * GIGA
    if seconds < -TS_LIMIT_SECONDS:
        state[CLAMPED] += 1
        return -TS_LIMIT_SECONDS * GIGA
    return seconds * GIGA + fraction


@kernel
def read_interface(buf: Cells, at: int, stop: int, big: int, interfaces: Cells, row: int) -> None:
    """Fill an interface row from an interface block's body (its options end at ``stop``)."""
    interfaces[row] = u16(buf, at, big)
    interfaces[row + 1] = u32(buf, at + 4, big)
    interfaces[row + 5] = 0
    set_clock(interfaces, row, 6)
    here = at + 8
    while here + 4 <= stop:
        code = u16(buf, here, big)
        length = u16(buf, here + 2, big)
        here += 4
        if code == 0 or here + length > stop:
            return
        if code == OPT_TSRESOL and length >= 1:
            set_clock(interfaces, row, buf[here] + 0)
        elif code == OPT_TSOFFSET and length >= 8:
            high = u32(buf, here, big) if big != 0 else u32(buf, here + 4, big)
            low = u32(buf, here + 4, big) if big != 0 else u32(buf, here, big)
            if high >= 1 << 31:
                high -= 1 << 32
            interfaces[row + 5] = (max(min(high, 1 << 19), -(1 << 19)) << 32) + low
        here += (length + 3) & ~3


@kernel
def order_at(buf: Cells, at: int) -> int:
    """Byte order of a section header from its byte-order magic: 1 big, 0 little, -1 neither."""
    if u32(buf, at + 8, 0) == 0x1A2B3C4D:
        return 0
    if u32(buf, at + 8, 1) == 0x1A2B3C4D:
        return 1
    return -1


@kernel
def known_head(buf: Cells, at: int, end: int, big: int) -> int:
    """Total length if a standard block's type and a plausible length stand here (8 bytes are there), else 0."""
    kind = u32(buf, at, big)
    if kind == SECTION_BLOCK:
        if at + 12 > end:
            return 0
        big = order_at(buf, at)
        if big < 0:
            return 0
    elif kind < 1 or kind > LAST_PLAIN_TYPE:
        return 0
    total = u32(buf, at + 4, big)
    if total < 12 or total > MAX_RECORD_BYTES or total & 3 != 0:
        return 0
    return total


@kernel
def seek_block(buf: Cells, at: int, end: int, eof: int, big: int) -> tuple[int, int, int]:
    """The first position a sound standard block starts from: (position, 1 found or 0 not, bytes needed there)."""
    while at + 12 <= end:
        # Every standard type has two zero bytes in the middle, the section header 0D 0D.
        if (buf[at + 1] == 0 and buf[at + 2] == 0) or (buf[at + 1] == 13 and buf[at + 2] == 13):
            total = known_head(buf, at, end, big)
            if 0 < total <= MAX_SOUGHT:
                if at + total > end:
                    if eof == 0:
                        return at, 0, total
                else:
                    order = big
                    if u32(buf, at, big) == SECTION_BLOCK:
                        order = order_at(buf, at)
                    if u32(buf, at + total - 4, order) == total:
                        return at, 1, 0
        at += 1
    return at, 0, 12


@kernel
def note_skipped(damage: Cells, state: Cells, until: int) -> None:
    """Close a section that was skipped for its version, if there is one open."""
    if state[SKIPPED] >= 0:
        note(damage, state, state[SKIPPED], until - state[SKIPPED], VERSION, state[SKIPPED_VERSION])
        state[SKIPPED] = -1


@kernel
def mark(marks: Cells, state: Cells, kind: int, start: int, stop: int) -> None:
    """Remember a block for Python to read before the buffer is given up; the caller has made sure of room."""
    row = state[MARKS] * MARK_WIDTH
    marks[row] = kind
    marks[row + 1] = start
    marks[row + 2] = stop
    marks[row + 3] = state[BIG]
    state[MARKS] += 1


@kernel
def frame_pcapng(  # noqa: C901, PLR0912, PLR0915 - one loop over blocks; its branches are the block types
    buf: Cells, pos: int, end: int, eof: int, base: int,
    state: Cells, interfaces: Cells, seen_links: Cells,
    offset: Cells, caplen: Cells, wirelen: Cells, ts_ns: Cells, link: Cells, damage: Cells, marks: Cells,
) -> tuple[int, int, int, int]:  # fmt: skip
    """Frame blocks from ``pos`` on: (next position, packets written, MORE, FULL or DONE, bytes needed)."""
    count = 0
    while True:
        if (
            count >= len(offset)
            or (state[DAMAGES] + 3) * DAMAGE_WIDTH > len(damage)
            or (state[MARKS] + 1) * MARK_WIDTH > len(marks)
        ):
            return pos, count, FULL, 0
        big = state[BIG]
        if state[LOST] >= 0:
            pos, found, need = seek_block(buf, pos, end, eof, big)
            if found == 0:
                if eof == 0:
                    return pos, count, MORE, need
                note_skipped(damage, state, state[LOST])
                note_lost(damage, state, base + end)
                return end, count, DONE, 0
            note_lost(damage, state, base + pos)
        here = end - pos
        if here < 12:
            if eof == 0:
                return pos, count, MORE, 12
            if here > 0:
                note(damage, state, base + pos, here, CUT_HEADER, 12 - here)
            note_skipped(damage, state, base + pos)
            return end, count, DONE, 0
        kind = u32(buf, pos, big)
        order = big
        if kind == SECTION_BLOCK:
            order = order_at(buf, pos)
            if order < 0:
                lose(state, base + pos, NO_ORDER, 0)
                pos += 1
                continue
        total = u32(buf, pos + 4, order)
        least = 12
        if kind in (ENHANCED_BLOCK, PACKET_BLOCK):
            least = 32
        elif kind == SECTION_BLOCK:
            least = 28
        elif kind == INTERFACE_BLOCK:
            least = 20
        elif kind == SIMPLE_BLOCK:
            least = 16
        if total < 12 or total > MAX_RECORD_BYTES:
            lose(state, base + pos, BAD_LENGTH, total)
            pos += 1
            continue
        span = (total + 3) & ~3
        captured = 0
        if least == 32 and total >= 32 and here >= 28:
            captured = u32(buf, pos + 20, order)
            if span > here and total > captured + MAX_OPTIONS:
                lose(state, base + pos, BAD_LENGTH, total)
                pos += 1
                continue
        if span > here:
            if eof == 0:
                return pos, count, MORE, span
            lose(state, base + pos, CUT_PACKET, span - here)
            pos += 1
            continue
        if u32(buf, pos + span - 4, order) != total:
            # If a block follows all the same, only the copy is damaged and the block itself is believed.
            if eof == 0 and here < span + 12:
                return pos, count, MORE, span + 12
            if here < span + 8 or known_head(buf, pos + span, end, order) == 0:
                lose(state, base + pos, TRAILER, total)
                pos += 1
                continue
            note(damage, state, base + pos + span - 4, 4, ONLY_TRAILER, 0)
        if total < least:
            note(damage, state, base + pos, span, TOO_SHORT, total)
        elif kind == SECTION_BLOCK:
            state[BIG] = order
            state[INTERFACES] = 0
            note_skipped(damage, state, base + pos)
            if u16(buf, pos + 12, order) != 1:
                state[SKIPPED] = base + pos
                state[SKIPPED_VERSION] = u16(buf, pos + 12, order)
        elif state[SKIPPED] >= 0:
            pass
        elif kind == INTERFACE_BLOCK:
            row = state[INTERFACES] * INTERFACE_WIDTH
            if row + INTERFACE_WIDTH <= len(interfaces):
                read_interface(buf, pos + 8, pos + span - 4, big, interfaces, row)
                state[INTERFACES] += 1
                if state[WANT_INTERFACE_NAMES] != 0:
                    mark(marks, state, kind, pos + 16, pos + span - 4)
            else:
                note(damage, state, base + pos, span, TOO_MANY, len(interfaces) // INTERFACE_WIDTH)
        elif kind == NAME_BLOCK:
            if state[WANT_NAMES] != 0:
                mark(marks, state, kind, pos + 8, pos + span - 4)
        elif kind in (ENHANCED_BLOCK, PACKET_BLOCK, SIMPLE_BLOCK):
            number = 0
            data = pos + 28
            if kind == ENHANCED_BLOCK:
                number = u32(buf, pos + 8, big)
            elif kind == PACKET_BLOCK:
                number = u16(buf, pos + 8, big)
            row = number * INTERFACE_WIDTH
            if number >= state[INTERFACES]:
                note(damage, state, base + pos, span, NO_INTERFACE, number)
            elif kind != SIMPLE_BLOCK and captured > total - 32:
                note(damage, state, base + pos, span, OVERFULL, captured)
            else:
                if kind == SIMPLE_BLOCK:
                    data = pos + 12
                    original = u32(buf, pos + 8, big)
                    captured = min(original, total - 16)
                    if interfaces[row + 1] > 0:
                        captured = min(captured, interfaces[row + 1])
                    ts = state[LAST_TS] if state[TIMED] > 0 else 0
                else:
                    original = u32(buf, pos + 24, big)
                    ts = packet_time(buf, pos + 12, big, interfaces, row, state)
                    see_time(state, ts)
                offset[count] = data
                caplen[count] = captured
                wirelen[count] = original
                ts_ns[count] = ts
                link[count] = interfaces[row]
                seen_links[interfaces[row]] = 1
                state[PACKETS] += 1
                count += 1
        pos += span


def read_interface_name(body: bytes, *, big: bool) -> str:
    """The if_name option among an interface block's options; empty where there is none."""
    order = ">" if big else "<"
    at = 0
    while at + 4 <= len(body):
        code, length = struct.unpack_from(order + "HH", body, at)
        if code == 0:
            break
        if code == 2:
            return body[at + 4 : at + 4 + length].rstrip(b"\0").decode("utf-8", "replace")
        at += 4 + (length + 3 & ~3)
    return ""


def read_names(body: bytes, *, big: bool) -> Iterator[tuple[str, str]]:
    """Pairs of address and name from a name resolution block's records (draft section 4.5)."""
    order = ">" if big else "<"
    at = 0
    while at + 4 <= len(body):
        kind, length = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4 : at + 4 + length]
        if kind == 0 or len(value) < length:
            return
        width = {1: 4, 2: 16}.get(kind, 0)
        if width and length > width:
            address = str(ipaddress.ip_address(value[:width]))
            for name in value[width:].split(b"\0"):
                if name:
                    yield address, name[:255].decode("utf-8", "replace")
        at += 4 + (length + 3 & ~3)
