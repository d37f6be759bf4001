"""Kernels of the second pass: find the packets of wanted flows, and write down time, side and new bytes of each.

Most packets belong to flows nobody wants, so that ordinary ones (a plain link header, IP, TCP or UDP) are sieved by a
small table of endpoint sums before anything is decoded. The others go through the decoder of the first pass, with the
same flow identity: endpoints, ports and protocol, and between which packets.
"""

from __future__ import annotations

from farmwatch.wire.decode import decode_packet
from farmwatch.wire.fields import be16, be32, endpoint_hash, settle, signed32, stir
from farmwatch.wire.fragments import release
from farmwatch.wire.jit import kernel
from farmwatch.wire.layout import (
    K_TCP,
    K_UDP,
    MASK32,
    POSITION,
    R_ACK,
    R_CAPTURED,
    R_DST_HI,
    R_DST_LO,
    R_FLAGS,
    R_HASH,
    R_KIND,
    R_LENGTH,
    R_OFFSET,
    R_PORTS,
    R_SEQ,
    R_SIDE,
    R_SRC_HI,
    R_SRC_LO,
    R_TS,
    R_WIDTH,
    S_FINISHED,
    S_ROWS,
)
from farmwatch.wire.packets import Bytes, Ints
from farmwatch.wire.tls_records import (
    C_COMMON,
    C_FIRST,
    C_LAST,
    C_NEXT,
    C_ORIG_HI,
    C_ORIG_LO,
    C_PACKETS,
    C_PORTS,
    C_RESP_HI,
    C_RESP_LO,
    C_WIDTH,
    E_HOLD,
    E_HOLE_0,
    E_HOLES,
    E_PARSED,
    E_TOP,
    E_WIDTH,
    J_LAST,
    J_SIEVE,
    J_TABLE,
    J_TUNNELS,
    MAX_HOLES,
    U_DATAGRAM,
    U_SEGMENT,
    add_row,
    drain,
    give_up,
    take_segment,
)

__all__ = ["finish_series", "run_series", "seat_flows"]

_SYN = 2
_RST = 4
_ACK = 16
_TCP = 6
_UDP = 17
_WIDEST_WINDOW = 1 << 30  # RFC 7323 section 2.3: nobody sends further ahead
_AUTHENTICATED = 51  # the header of RFC 4302, behind which TCP or UDP may follow
_ETHERNET = 1
_LINUX_COOKED = 113
_RAW_LINKS = (12, 101, 228, 229)  # raw IP, https://www.tcpdump.org/linktypes.html
_IPV4 = 0x0800
_IPV6 = 0x86DD
_ARP = 0x0806
_VLAN = 0x8100


@kernel
def endpoints_sum(words: int, ports: int, keys: Ints) -> int:
    """Both endpoints as one number, the same for both directions: for the sieve, not for identity."""
    value: int = (words * keys[0] + ports * keys[1]) >> 14 & MASK32
    return value


@kernel
def folded(hi: int, lo: int) -> int:
    """The four words of an address, exclusive-ored."""
    value: int = (hi >> 32 & MASK32) ^ (hi & MASK32) ^ (lo >> 32 & MASK32) ^ (lo & MASK32)
    return value


@kernel
def same_ends(one: int, two: int, flows: Ints) -> int:
    """Whether two wanted flows have the same endpoints and ports, whichever side is the originator."""
    a = one * C_WIDTH
    b = two * C_WIDTH
    ports = flows[b + C_PORTS]
    if (
        flows[a + C_PORTS] == ports
        and flows[a + C_ORIG_LO] == flows[b + C_ORIG_LO]
        and flows[a + C_RESP_LO] == flows[b + C_RESP_LO]
        and flows[a + C_ORIG_HI] == flows[b + C_ORIG_HI]
        and flows[a + C_RESP_HI] == flows[b + C_RESP_HI]
    ):
        return 1
    swapped = (ports & 0xFF00000000) | (ports & 0xFFFF) << 16 | (ports >> 16 & 0xFFFF)
    if (
        flows[a + C_PORTS] == swapped
        and flows[a + C_ORIG_LO] == flows[b + C_RESP_LO]
        and flows[a + C_RESP_LO] == flows[b + C_ORIG_LO]
        and flows[a + C_ORIG_HI] == flows[b + C_RESP_HI]
        and flows[a + C_RESP_HI] == flows[b + C_ORIG_HI]
    ):
        return 1
    return 0


@kernel
def seat_flows(flows: Ints, count: int, table: Ints, sieve: Bytes, marks: Ints, keys: Ints) -> None:
    """Enter all wanted flows, which are in order of their first packet, into the table and the sieve.

    Of flows between the same endpoints and ports the earliest is entered; it leads to the next.
    """
    mask = marks[J_TABLE]
    for back in range(count):
        flow = count - 1 - back
        place = flow * C_WIDTH
        ports = flows[place + C_PORTS]
        value = settle(
            stir(
                (
                    endpoint_hash(flows[place + C_ORIG_HI], flows[place + C_ORIG_LO], ports >> 16 & 0xFFFF, keys)
                    + endpoint_hash(flows[place + C_RESP_HI], flows[place + C_RESP_LO], ports & 0xFFFF, keys)
                    + (ports >> 32)
                )
                & 0x3FFFFFFFFFFFFFFF,
                keys,
            )
        )
        slot = value & mask
        flows[place + C_NEXT] = -1
        for _ in range(mask):
            entry = table[slot]
            if entry == 0:
                break
            other = (entry & MASK32) - 1
            if entry >> 32 == value >> 31 and same_ends(flow, other, flows):
                flows[place + C_NEXT] = other
                break
            slot = (slot + 1) & mask
        table[slot] = (value >> 31) << 32 | (flow + 1)
        words = folded(flows[place + C_ORIG_HI], flows[place + C_ORIG_LO]) ^ folded(
            flows[place + C_RESP_HI], flows[place + C_RESP_LO]
        )
        sieve[endpoints_sum(words, (ports >> 16 & 0xFFFF) ^ (ports & 0xFFFF), keys) & marks[J_SIEVE]] = 1


@kernel
def passes(  # noqa: C901, PLR0911, PLR0912  a kernel: splitting hides the loop
    data: Bytes, at: int, end: int, link: int, sieve: Bytes, marks: Ints, keys: Ints
) -> int:
    """Whether a packet has to be decoded: 0 when it surely holds nothing of a wanted flow."""
    kind = 0
    if link == _ETHERNET:
        if at + 18 > end:
            return 1
        kind = be16(data, at + 12)
        at += 14
        if kind == _VLAN:
            kind = be16(data, at + 2)
            at += 4
    elif link == _LINUX_COOKED:
        if at + 16 > end:
            return 1
        kind = be16(data, at + 14)
        at += 16
    elif link in _RAW_LINKS and at < end:
        kind = _IPV6 if data[at] & 0xF0 == 0x60 else _IPV4
    if kind == _IPV4:
        if at + 20 > end or data[at] & 0xF0 != 0x40 or be16(data, at + 6) & 0x3FFF:
            return 1
        protocol = data[at + 9] & 0xFF
        words = be32(data, at + 12) ^ be32(data, at + 16)
        place = at + (data[at] & 0x0F) * 4
    elif kind == _IPV6:
        if at + 40 > end:
            return 1
        protocol = data[at + 6] & 0xFF
        words = 0
        for word in range(8):
            words ^= be32(data, at + 8 + 4 * word)
        place = at + 40
        if protocol not in (_TCP, _UDP):
            return 1
    else:
        return 0 if kind == _ARP else 1
    if protocol == _AUTHENTICATED:
        return 1
    if protocol == _TCP or (protocol == _UDP and marks[J_TUNNELS] == 0):
        if place + 4 > end:
            return 1
        ports = be16(data, place) ^ be16(data, place + 2)
        found: int = sieve[endpoints_sum(words, ports, keys) & marks[J_SIEVE]] & 0xFF
        return found
    return 1 if marks[J_TUNNELS] else 0


@kernel
def find_wanted(rows: Ints, base: int, packet: int, flows: Ints, table: Ints, marks: Ints) -> int:
    """The wanted flow of a row and its direction as flow * 2 + direction; -1 when nobody wants it."""
    value = rows[base + R_HASH]
    mask = marks[J_TABLE]
    slot = value & mask
    tag = value >> 31
    ports = rows[base + R_PORTS]
    swapped = (ports & 0xFF00000000) | (ports & 0xFFFF) << 16 | (ports >> 16 & 0xFFFF)
    for _ in range(mask):
        entry = table[slot]
        if entry == 0:
            return -1
        if entry >> 32 == tag:
            flow: int = (entry & MASK32) - 1
            moved = 0
            while True:  # few steps: packets come in order, and the table keeps where it was
                place = flow * C_WIDTH & POSITION
                way = -1
                if (
                    flows[place + C_ORIG_LO] == rows[base + R_SRC_LO]
                    and flows[place + C_RESP_LO] == rows[base + R_DST_LO]
                    and flows[place + C_PORTS] == ports
                    and flows[place + C_ORIG_HI] == rows[base + R_SRC_HI]
                    and flows[place + C_RESP_HI] == rows[base + R_DST_HI]
                ):
                    way = 0
                elif (
                    flows[place + C_ORIG_LO] == rows[base + R_DST_LO]
                    and flows[place + C_RESP_LO] == rows[base + R_SRC_LO]
                    and flows[place + C_PORTS] == swapped
                    and flows[place + C_ORIG_HI] == rows[base + R_DST_HI]
                    and flows[place + C_RESP_HI] == rows[base + R_SRC_HI]
                ):
                    way = 1
                if way < 0 or packet <= flows[place + C_LAST] or flows[place + C_NEXT] < 0:
                    break
                flow = flows[place + C_NEXT]
                moved = 1
            if way >= 0:
                if moved:
                    table[slot] = tag << 32 | (flow + 1)
                if packet < flows[place + C_FIRST] or packet > flows[place + C_LAST]:
                    return -1
                return flow * 2 + way
        slot = (slot + 1) & mask
    return -1


@kernel
def fill_holes(seq: int, length: int, end: int, flows: Ints) -> int:
    """Mark a stretch below the highest byte as seen; how many of its bytes were not seen before."""
    top = flows[end + E_TOP]
    low = signed32(seq - top)
    high = low + length
    fresh = 0
    index = 0
    while index < flows[end + E_HOLES]:
        place = end + E_HOLE_0 + 2 * index
        left = signed32(flows[place] - top)
        right = signed32(flows[place + 1] - top)
        if left >= right or right > 0:  # sequence numbers went round since
            close_hole(index, end, flows)
            continue
        start = max(left, low)
        stop = min(right, high)
        if start < stop:
            fresh += stop - start
            if start == left and stop == right:
                close_hole(index, end, flows)
                continue
            if start == left:
                flows[place] = (top + stop) & MASK32
            elif stop == right:
                flows[place + 1] = (top + start) & MASK32
            else:
                flows[place + 1] = (top + start) & MASK32
                open_hole(index + 1, (top + stop) & MASK32, (top + right) & MASK32, end, flows)
                return fresh
        index += 1
    return fresh


@kernel
def close_hole(index: int, end: int, flows: Ints) -> None:
    """Take one gap off the list."""
    count = flows[end + E_HOLES] - 1
    for field in range(end + E_HOLE_0 + 2 * index, end + E_HOLE_0 + 2 * count):
        flows[field] = flows[field + 2]
    flows[end + E_HOLES] = count


@kernel
def open_hole(index: int, left: int, right: int, end: int, flows: Ints) -> None:
    """Put a gap on the list; where it is full the lowest gives way and will count as seen."""
    if flows[end + E_HOLES] == MAX_HOLES:
        close_hole(0, end, flows)
        index -= 1
    count = flows[end + E_HOLES]
    for back in range(count - index):
        place = end + E_HOLE_0 + 2 * (count - back)
        flows[place] = flows[place - 2]
        flows[place + 1] = flows[place - 1]
    flows[end + E_HOLE_0 + 2 * index] = left
    flows[end + E_HOLE_0 + 2 * index + 1] = right
    flows[end + E_HOLES] = count + 1


@kernel
def new_bytes(seq: int, length: int, end: int, flows: Ints) -> int:
    """How many bytes of a segment were not seen before."""
    top = flows[end + E_TOP]
    ahead = signed32(seq - top)
    if ahead >= 0:
        if ahead > _WIDEST_WINDOW:
            flows[end + E_HOLES] = 0
        elif ahead > 0:
            open_hole(flows[end + E_HOLES], top, seq, end, flows)
        flows[end + E_TOP] = (seq + length) & MASK32
        return length
    fresh = fill_holes(seq, length, end, flows) if flows[end + E_HOLES] else 0
    if ahead + length > 0:
        flows[end + E_TOP] = (seq + length) & MASK32
        fresh += ahead + length
    return min(fresh, length)


@kernel
def take_ack(
    ack: int,
    flow: int,
    side: int,
    flows: Ints,
    log: Ints,
    marks: Ints,
    held: Bytes,
    holds: Ints,
    free: Ints,
) -> None:
    """The far end has everything before ``ack``: gaps before it were not captured and will not be filled."""
    end = flow * C_WIDTH + C_COMMON + side * E_WIDTH
    if flows[end + E_TOP] == -1:
        flows[end + E_TOP] = ack
        flows[end + E_PARSED] = ack
        return
    while flows[end + E_HOLES] and signed32(ack - flows[end + E_HOLE_0 + 1]) >= 0:
        close_hole(0, end, flows)
    if flows[end + E_HOLD]:
        drain(flow, side, ack, 0, flows, log, marks, held, holds, free)


@kernel
def take_row(
    data: Bytes,
    rows: Ints,
    base: int,
    found: int,
    flows: Ints,
    log: Ints,
    marks: Ints,
    held: Bytes,
    holds: Ints,
    free: Ints,
) -> None:
    """Write down one packet of a wanted flow."""
    flow = found >> 1
    side = found & 1
    flows[flow * C_WIDTH + C_PACKETS] += 1
    length = rows[base + R_LENGTH]
    ts = rows[base + R_TS]
    if rows[base + R_KIND] == K_UDP:
        if length > 0:
            add_row(ts, flow, side, length, U_DATAGRAM, 0, flows, log, marks)
        return
    flags = rows[base + R_FLAGS]
    if flags & _RST:
        return
    if flags & _ACK:
        take_ack(rows[base + R_ACK], flow, 1 - side, flows, log, marks, held, holds, free)
    end = flow * C_WIDTH + C_COMMON + side * E_WIDTH
    seq = rows[base + R_SEQ]
    if flags & _SYN:
        seq = (seq + 1) & MASK32
    if flows[end + E_TOP] == -1 and (flags & _SYN or length > 0):
        flows[end + E_TOP] = seq
        flows[end + E_PARSED] = seq
    if length > 0:
        fresh = new_bytes(seq, length, end, flows)
        if fresh:
            add_row(ts, flow, side, fresh, U_SEGMENT, 0, flows, log, marks)
            take_segment(
                data,
                rows[base + R_OFFSET],
                rows[base + R_CAPTURED],
                length,
                seq,
                ts,
                flow,
                side,
                flows,
                log,
                marks,
                held,
                holds,
                free,
            )


@kernel
def run_series(
    buffer: Bytes,
    offsets: Ints,
    caplens: Ints,
    wirelens: Ints,
    times: Ints,
    links_of: Ints,
    count: int,
    first: int,
    rows: Ints,
    state: Ints,
    keys: Ints,
    pieces: Bytes,
    covered: Bytes,
    slots: Ints,
    flows: Ints,
    table: Ints,
    sieve: Bytes,
    log: Ints,
    marks: Ints,
    held: Bytes,
    holds: Ints,
    free: Ints,
) -> None:
    """Go through a chunk of packets."""
    start_row = state[S_ROWS]  # always 0; a literal would have everything called with it compiled once more
    for index in range(min(count, marks[J_LAST] - first + 1)):
        start = offsets[index]
        stop = start + caplens[index]
        if not passes(buffer, start & POSITION, stop, links_of[index], sieve, marks, keys):
            continue
        made = decode_packet(
            buffer,
            start,
            stop,
            wirelens[index],
            times[index],
            links_of[index],
            first + index,
            rows,
            start_row,
            state,
            keys,
            pieces,
            covered,
            slots,
        )
        for row in range(made):
            base = row * R_WIDTH & POSITION
            if rows[base + R_KIND] in (K_TCP, K_UDP):
                found = find_wanted(rows, base, first + index, flows, table, marks)
                if found >= 0:
                    data = pieces if rows[base + R_SIDE] else buffer
                    take_row(data, rows, base, found, flows, log, marks, held, holds, free)
        if state[S_FINISHED]:
            release(slots)
            state[S_FINISHED] = 0


@kernel
def finish_series(flows: Ints, count: int, log: Ints, marks: Ints, held: Bytes, holds: Ints, free: Ints) -> None:
    """Read what still waits at the end of the capture."""
    for flow in range(count):
        for side in range(2):
            give_up(flow, side, flows, log, marks, held, holds, free)
