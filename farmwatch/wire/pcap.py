"""Classic pcap: the file header in all its variants, and the kernel that walks the records.

Format: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html. Variants, as libpcap's and Wireshark's sources
document them:

* magic a1b2c3d4 microseconds, a1b23c4d nanoseconds, 1c0001ab and 1c0001ac (Ixia, microseconds and nanoseconds, with
  four more header bytes), a1b2cd34 (Kuznetzov's patch: 8 or 12 more bytes in each record header);
* the plain magic with those longer record headers all the same (Red Hat 6.1: 8 bytes more, Nokia IPSO: 4), told apart
  by which length chains from record to record;
* version 2.2 with an interface type instead of a link type: AIX, nanoseconds;
* versions before 2.3, and 543.0 (DG/UX): captured and original length swapped; 2.3 itself: swapped where that is the
  only way to make sense.

Why resynchronise: one flipped bit in a length field makes every later record unreadable to readers that trust the
chain. Records cannot be told by a marker, so the search takes the first position from which several headers in a row
are plausible (lengths, fraction of a second, time near the last good packet) and lead exactly from one to the next.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from farmwatch.wire.framing import (
    BIG,
    CUT_HEADER,
    CUT_PACKET,
    DAMAGE_WIDTH,
    DAMAGES,
    DONE,
    FULL,
    LAST_TS,
    LOST,
    MORE,
    PACKETS,
    TIMED,
    USUAL_CAPLEN,
    Cells,
    lose,
    note,
    note_lost,
    see_time,
    u32,
)
from farmwatch.wire.jit import kernel

__all__ = ["PCAP_MAGICS", "PcapHeader", "frame_pcap", "read_pcap_header"]

HUGE: Final = 10
ZEROS: Final = 11
NOT_CHAINED: Final = 12

KEPT: Final = 0  # captured length, then original length
SWAPPED: Final = 1  # the other way round
GUESSED: Final = 2  # whichever way captured <= original

CHAIN: Final = 4  # headers in a row that prove a position
SANE_WIRELEN: Final = 128 << 20  # as Wireshark: nothing on a wire is longer
NEAR_SECONDS: Final = 30 * 86_400  # a packet after damage lies within this of the last good one
STEP_SECONDS: Final = 86_400  # and those after it within this of each other

# Magic number -> (nanoseconds per tick, file header bytes, record header bytes to try in this order).
PCAP_MAGICS: Final = {
    0xA1B2C3D4: (1000, 24, (16, 24, 20)),
    0xA1B23C4D: (1, 24, (16,)),
    0xA1B2CD34: (1000, 24, (24, 28)),
    0x1C0001AB: (1000, 28, (16,)),
    0x1C0001AC: (1, 28, (16,)),
}
# RFC 1573 interface types in AIX files -> LINKTYPE: Ethernet, token ring, FDDI, loopback.
_AIX_LINKS: Final = {6: 1, 9: 6, 15: 10, 24: 0}
# Link types whose records are longer than USUAL_CAPLEN by nature: D-Bus, USBPcap, EBHSCR.
_LONG_RECORDS: Final = {231: 128 << 20, 249: 128 << 20, 279: 8 << 20}
_BELIEVED_SNAPLEN: Final = 16 << 20  # for all others: a larger one only makes damaged lengths look sound
_PROBE_RECORDS: Final = 8


@dataclass(frozen=True, slots=True)
class PcapHeader:
    """What the file header says about every record."""

    big: bool
    tick_ns: int  #: nanoseconds per unit of the fraction
    file_header: int  #: bytes before the first record
    record_header: int  #: bytes before each packet: 16, 20, 24 or 28
    lengths: int  #: KEPT, SWAPPED or GUESSED
    ceiling: int  #: captured lengths above this are damage
    link: int  #: LINKTYPE, with the frame-check bits above it taken off
    version: tuple[int, int]

    @property
    def known_version(self) -> bool:
        """Whether this version number was ever written by a capture program."""
        return self.version == (543, 0) or (self.version[0] == 2 and self.version[1] <= 4)


def read_pcap_header(head: bytes) -> PcapHeader | None:
    """Read the file header from the first bytes of a file; None where the magic number is another format's.

    Pass some tens of kilobytes: the record header's length is told by trying the first records. The bytes must hold
    the whole file header (24 or 28 bytes).
    """
    for order in "<>":
        magic = struct.unpack_from(order + "I", head)[0]
        if magic in PCAP_MAGICS:
            break
    else:
        return None
    tick, size, candidates = PCAP_MAGICS[magic]
    major, minor, _zone, _accuracy, snaplen, network = struct.unpack_from(order + "HHIIII", head, 4)
    link = network & 0xFFFF
    lengths = {(2, 0): SWAPPED, (2, 1): SWAPPED, (2, 2): SWAPPED, (2, 3): GUESSED, (543, 0): SWAPPED}.get(
        (major, minor), KEPT
    )
    if magic == 0xA1B2C3D4 and (major, minor) != (2, 4):
        candidates = (16,)
        if (major, minor) == (2, 2) and network in _AIX_LINKS:
            link, tick = _AIX_LINKS[network], 1
    ceiling = max(USUAL_CAPLEN, min(snaplen, _BELIEVED_SNAPLEN), _LONG_RECORDS.get(link, 0))
    record = candidates[0]
    if len(candidates) > 1:
        record = _best_record_header(head, size, candidates, order, ceiling)
    return PcapHeader(order == ">", tick, size, record, lengths, ceiling, link, (major, minor))


def _best_record_header(head: bytes, at: int, candidates: tuple[int, ...], order: str, ceiling: int) -> int:
    """The record header length that makes the first records chain; the first candidate when in doubt."""
    scores = [_chained(head, at, size, order, ceiling) for size in candidates]
    best = max(range(len(candidates)), key=lambda index: (scores[index], -index))
    return candidates[best] if scores[0] < 2 and scores[best] >= 3 else candidates[0]


def _chained(head: bytes, at: int, size: int, order: str, ceiling: int) -> int:
    """How many sound microsecond records follow each other; reaching the very end counts as all."""
    count = 0
    while count < _PROBE_RECORDS:
        if at == len(head) and count:
            return _PROBE_RECORDS
        if at + size > len(head):
            break
        _seconds, fraction, captured, original = struct.unpack_from(order + "IIII", head, at)
        if fraction >= 1_000_000 or captured > ceiling or captured > original or original == 0:
            break
        at += size + captured
        count += 1
    return count


@kernel
def doubts(seconds: int, fraction: int, captured: int, original: int, per_second: int) -> int:
    """Bits for what is odd, though possible, about a record header."""
    bits = 0
    if fraction >= per_second:
        bits |= 1
    if captured > original:
        bits |= 2
    if original > SANE_WIRELEN:
        bits |= 4
    if captured > USUAL_CAPLEN:
        bits |= 8
    if seconds == 0 and fraction == 0 and captured == 0 and original == 0:
        bits |= 16
    return bits


@kernel
def first_is_original(order: int, first: int, second: int) -> bool:
    """Whether the first of the two length fields is the original length."""
    return order == SWAPPED or (order == GUESSED and first > second)


@kernel
def chain(
    buf: Cells, at: int, end: int, eof: int, big: int, size: int, per_second: int, order: int, last: int
) -> tuple[int, int]:
    """Whether sound headers lead from here to each other: (1 yes, 0 no, 2 cannot tell yet; bytes needed to tell)."""
    here = at
    near = NEAR_SECONDS
    for step in range(CHAIN):
        if eof != 0 and here == end and step > 0:
            return 1, 0
        if here + size > end:
            if eof != 0:
                return (1 if step > 1 else 0), 0
            return 2, here + size - at
        seconds = u32(buf, here, big)
        fraction = u32(buf, here + 4, big)
        captured = u32(buf, here + 8, big)
        original = u32(buf, here + 12, big)
        if first_is_original(order, captured, original):
            captured, original = original, captured
        if captured == 0 or doubts(seconds, fraction, captured, original, per_second) != 0:
            return 0, 0
        if last >= 0 and (seconds > last + near or seconds < last - near):
            return 0, 0
        last = seconds
        near = STEP_SECONDS
        following = here + size + captured
        if following > end:
            if eof != 0:
                return (1 if step > 1 else 0), 0
            return 2, following - at
        here = following
    return 1, 0


@kernel
def seek_record(
    buf: Cells, at: int, end: int, eof: int, big: int, size: int, per_second: int, order: int, last: int
) -> tuple[int, int, int]:
    """The first position a chain of records starts from: (position, 1 found or 0 not, bytes needed from there)."""
    # The top byte of either length is 0 in every record shorter than 16 MiB, the two low ones rarely are.
    high, low, middle = (8, 11, 10) if big != 0 else (11, 8, 9)
    while at + size <= end:
        if buf[at + high] == 0 and buf[at + high + 4] == 0 and (buf[at + low] != 0 or buf[at + middle] != 0):
            verdict, need = chain(buf, at, end, eof, big, size, per_second, order, last)
            if verdict == 1:
                return at, 1, 0
            if verdict == 2:
                return at, 0, need
        at += 1
    return at, 0, size


@kernel
def frame_pcap(  # noqa: C901, PLR0912, PLR0915 - one loop over records; its exits are its result
    buf: Cells, pos: int, end: int, eof: int, base: int,
    size: int, tick: int, order: int, ceiling: int, linktype: int,
    state: Cells, offset: Cells, caplen: Cells, wirelen: Cells, ts_ns: Cells, link: Cells, damage: Cells,
) -> tuple[int, int, int, int]:  # fmt: skip
    """Frame records from ``pos`` on: (next position, packets written, MORE, FULL or DONE, bytes needed)."""
    big = state[BIG]
    per_second = 1_000_000_000 // tick
    count = 0
    while True:
        if count >= len(offset) or (state[DAMAGES] + 2) * DAMAGE_WIDTH > len(damage):
            return pos, count, FULL, 0
        if state[LOST] >= 0:
            last = state[LAST_TS] // 1_000_000_000 if state[TIMED] > 0 else -1
            pos, found, need = seek_record(buf, pos, end, eof, big, size, per_second, order, last)
            if found == 0:
                if eof == 0:
                    return pos, count, MORE, need
                note_lost(damage, state, base + end)
                return end, count, DONE, 0
            note_lost(damage, state, base + pos)
        here = end - pos
        if here < size:
            if eof == 0:
                return pos, count, MORE, size
            if here > 0:
                note(damage, state, base + pos, here, CUT_HEADER, size - here)
            return end, count, DONE, 0
        seconds = u32(buf, pos, big)
        fraction = u32(buf, pos + 4, big)
        captured = u32(buf, pos + 8, big)
        original = u32(buf, pos + 12, big)
        if first_is_original(order, captured, original):
            captured, original = original, captured
        if captured > ceiling:
            lose(state, base + pos, HUGE, captured)
            pos += 1
            continue
        odd = doubts(seconds, fraction, captured, original, per_second)
        span = size + captured
        wanted = span + size if odd != 0 else span
        if wanted > here and eof == 0:
            return pos, count, MORE, wanted
        if span > here:
            lose(state, base + pos, CUT_PACKET, span - here)
            pos += 1
            continue
        if odd != 0 and wanted <= here:
            # An odd record is believed when the next header is no odder in any new way.
            following = pos + span
            next_captured = u32(buf, following + 8, big)
            next_original = u32(buf, following + 12, big)
            if first_is_original(order, next_captured, next_original):
                next_captured, next_original = next_original, next_captured
            next_odd = doubts(
                u32(buf, following, big), u32(buf, following + 4, big), next_captured, next_original, per_second
            )
            if odd & next_odd & 16 != 0:
                lose(state, base + pos, ZEROS, 0)
                pos += 1
                continue
            if next_captured > ceiling or next_odd & ~(odd | 16) != 0:
                lose(state, base + pos, NOT_CHAINED, captured)
                pos += 1
                continue
        ts = seconds * 1_000_000_000 + fraction * tick
        offset[count] = pos + size
        caplen[count] = captured
        wirelen[count] = original
        ts_ns[count] = ts
        link[count] = linktype
        see_time(state, ts)
        state[PACKETS] += 1
        count += 1
        pos += span
