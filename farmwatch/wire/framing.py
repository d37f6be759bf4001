"""What the framing kernels of both capture formats share: numbers, damage notes, the clock and the carried state.

A framing kernel walks one buffer and writes one row per packet. Whatever must survive from one buffer to the next (how
many packets, the last time stamp, an unfinished search for the next sound record) lives in ``state``, an int64 array
whose cells are named below, so that the same source runs compiled and interpreted.

Positions inside kernels are buffer indices; ``base`` (file offset of index 0) turns them into file offsets.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from farmwatch.wire.jit import kernel

__all__ = [
    "BACKWARDS",
    "BIG",
    "CLAMPED",
    "CUT_HEADER",
    "CUT_PACKET",
    "DAMAGES",
    "DAMAGE_WIDTH",
    "DONE",
    "FULL",
    "INTERFACES",
    "LAST_TS",
    "LOST",
    "LOST_CODE",
    "LOST_DETAIL",
    "MARKS",
    "MARK_WIDTH",
    "MAX_RECORD_BYTES",
    "MAX_TS",
    "MIN_TS",
    "MORE",
    "PACKETS",
    "SKIPPED",
    "SKIPPED_VERSION",
    "STATE_CELLS",
    "TIMED",
    "TS_LIMIT_SECONDS",
    "USUAL_CAPLEN",
    "WANT_INTERFACE_NAMES",
    "WANT_NAMES",
    "Cells",
    "lose",
    "note",
    "note_lost",
    "reason_text",
    "see_time",
    "u16",
    "u32",
]

Cells: TypeAlias = Any  #: a one-dimensional integer array (compiled) or a memoryview of one (interpreted)

# Largest captured length libpcap and tshark write or accept for ordinary link types (libpcap: MAXIMUM_SNAPLEN).
USUAL_CAPLEN: Final = 262_144
# Largest record or block the reader will hold in memory (a D-Bus message of 128 MiB and its headers); a longer one is
# taken for a damaged length.
MAX_RECORD_BYTES: Final = 129 << 20
# Times are kept within 1970 +- 146 years, so that the difference of any two still fits 63 bits of nanoseconds.
TS_LIMIT_SECONDS: Final = 4_611_686_017

# Cells of ``state``.
PACKETS: Final = 0  # packets so far
TIMED: Final = 1  # packets so far that carry a time stamp
LAST_TS: Final = 2  # ns, of the last packet that has one
MIN_TS: Final = 3  # ns, valid when TIMED > 0
MAX_TS: Final = 4  # ns, valid when TIMED > 0
BACKWARDS: Final = 5  # packets older than the packet before them
DAMAGES: Final = 6  # rows in ``damage`` not yet collected
LOST: Final = 7  # file offset where an open stretch of damage starts, -1 when in step
LOST_CODE: Final = 8  # what opened it
LOST_DETAIL: Final = 9  # the number its message shows
BIG: Final = 10  # 1 when numbers are big-endian
INTERFACES: Final = 11  # interfaces of the current pcapng section
MARKS: Final = 12  # rows in ``marks`` not yet collected
CLAMPED: Final = 13  # time stamps that had to be clamped
WANT_NAMES: Final = 14  # 1 while name resolution blocks are to be marked
WANT_INTERFACE_NAMES: Final = 15  # 1 while interface blocks are to be marked
SKIPPED: Final = 16  # file offset where a pcapng section of an unknown version starts, -1 outside one
SKIPPED_VERSION: Final = 17  # its major version
STATE_CELLS: Final = 18

DAMAGE_WIDTH: Final = 5  # columns of a ``damage`` row: offset, length, last good packet, code, detail
MARK_WIDTH: Final = 4  # columns of a ``marks`` row: block type, start, end, big-endian

# How a kernel call ended.
MORE: Final = 0  # the buffer ends inside a record; call again with at least ``need`` bytes from the position given
FULL: Final = 1  # columns, damage or marks are full; call again with the same buffer
DONE: Final = 2  # everything to the end of the input is accounted for

# Damage codes both formats use; the formats add their own.
CUT_HEADER: Final = 1
CUT_PACKET: Final = 2

_REASONS: Final = {
    CUT_HEADER: "the file ends inside a record header, {0:,} bytes short",
    CUT_PACKET: "the file ends inside a packet, {0:,} bytes short",
    10: "a record header claims {0:,} captured bytes",
    11: "a stretch of zeros where records should be",
    12: "a record header does not lead to another one (it claims {0:,} captured bytes)",
    20: "a block claims an impossible length of {0:,} bytes",
    21: "a block's leading length and its trailing copy differ ({0:,} bytes claimed)",
    22: "a packet block claims {0:,} captured bytes, more than the block holds",
    23: "a packet names interface {0:,}, which no interface block describes",
    24: "a section header has no byte-order magic",
    25: "a block is too short for its type ({0:,} bytes)",
    26: "more than {0:,} interfaces in one section; the rest are ignored",
    27: "only the trailing copy of a block's length is damaged",
    28: "a section of pcapng version {0}, which nobody has defined; skipped as the format demands",
}


def reason_text(code: int, detail: int) -> str:
    """What a damage row means, in words a person can act on."""
    return _REASONS[code].format(detail)


@kernel
def u16(buf: Cells, at: int, big: int) -> int:
    """The unsigned 16-bit number at an index the caller has checked.

    Products, not shifts: compiled, a byte shifted left is an unsigned number, and those turn into floats beside signed.
    """
    value: int = buf[at] * 256 + buf[at + 1] if big != 0 else buf[at] + buf[at + 1] * 256
    return value


@kernel
def u32(buf: Cells, at: int, big: int) -> int:
    """The unsigned 32-bit number at an index the caller has checked."""
    if big != 0:
        value: int = buf[at] * 16_777_216 + buf[at + 1] * 65_536 + buf[at + 2] * 256 + buf[at + 3]
    else:
        value = buf[at] + buf[at + 1] * 256 + buf[at + 2] * 65_536 + buf[at + 3] * 16_777_216
    return value


@kernel
def note(damage: Cells, state: Cells, at: int, length: int, code: int, detail: int) -> None:
    """Add a damage row; the caller has made sure of room."""
    row = state[DAMAGES] * DAMAGE_WIDTH
    if row + DAMAGE_WIDTH <= len(damage):
        damage[row] = at
        damage[row + 1] = length
        damage[row + 2] = state[PACKETS]
        damage[row + 3] = code
        damage[row + 4] = detail
        state[DAMAGES] += 1


@kernel
def lose(state: Cells, at: int, code: int, detail: int) -> None:
    """Open a stretch of damage at a file offset; the search for the next sound record starts behind it."""
    state[LOST] = at
    state[LOST_CODE] = code
    state[LOST_DETAIL] = detail


@kernel
def note_lost(damage: Cells, state: Cells, until: int) -> None:
    """Close the open stretch of damage at a file offset."""
    note(damage, state, state[LOST], until - state[LOST], state[LOST_CODE], state[LOST_DETAIL])
    state[LOST] = -1


@kernel
def see_time(state: Cells, ts: int) -> None:
    """Keep the earliest, latest and last time stamp, and count those that run backwards."""
    if state[TIMED] == 0:
        state[MIN_TS] = ts
        state[MAX_TS] = ts
    else:
        if ts < state[LAST_TS]:
            state[BACKWARDS] += 1
            state[MIN_TS] = min(state[MIN_TS], ts)
        state[MAX_TS] = max(state[MAX_TS], ts)
    state[LAST_TS] = ts
    state[TIMED] += 1
