"""Tracking: transport rows into flows, with TCP state, round-trip times, input-like timing and first bytes."""

from __future__ import annotations

from farmwatch.wire.fields import signed32
from farmwatch.wire.jit import kernel
from farmwatch.wire.keep import is_stun, keep_arp, keep_host, keep_message, keep_stun
from farmwatch.wire.layout import (
    D_ACTIVE,
    D_AHEAD_0,
    D_AHEAD_1,
    D_AHEAD_2,
    D_BYTES,
    D_DATA,
    D_FIRST,
    D_FIRST_BYTE,
    D_FIRST_DATA,
    D_FLAGS,
    D_HEAD_STATE,
    D_HOLE_LEFT,
    D_HOLE_RIGHT,
    D_HOLE_TIME,
    D_ISN,
    D_LAST,
    D_LOST,
    D_MAC,
    D_MAX,
    D_MSS,
    D_NEXT,
    D_P5,
    D_PACKETS,
    D_PAYLOAD,
    D_POOL_COUNT,
    D_REORDERED,
    D_RETRANSMITTED,
    D_RTP,
    D_RTT_MIN,
    D_SCALE,
    D_SECOND_END,
    D_SILENCE,
    D_SMALL,
    D_SMALL_GAPS,
    D_SMALL_LAST,
    D_SMALL_SIZE,
    D_SMALL_VOTES,
    D_SPARE,
    D_TS_HIGH,
    D_TS_MIN,
    D_TS_PROBE,
    D_TTL,
    D_WIDTH,
    F_ACK,
    F_ANSWER,
    F_ANSWERS,
    F_ASKED,
    F_COMMON,
    F_FIRST,
    F_FIRST_PACKET,
    F_HASH,
    F_HEAD,
    F_LAST,
    F_LAST_PACKET,
    F_META,
    F_ORIG_HI,
    F_ORIG_LO,
    F_PORTS,
    F_PREVIOUS,
    F_RESP_HI,
    F_RESP_LO,
    F_SYN,
    F_SYNACK,
    F_WIDTH,
    H_NONE,
    H_OPEN,
    H_QUEUED,
    H_TAKEN,
    HS_DONE,
    K_ARP,
    K_CDP,
    K_LLDP,
    K_NDP,
    K_OTHER,
    K_TCP,
    K_UDP,
    LINE,
    MASK31,
    MASK32,
    POSITION,
    Q_WIDTH,
    R_ACK,
    R_CAPTURED,
    R_DST_HI,
    R_DST_LO,
    R_FLAGS,
    R_HASH,
    R_KIND,
    R_LENGTH,
    R_MSS,
    R_OFFSET,
    R_PACKET,
    R_PORTS,
    R_SACK,
    R_SCALE,
    R_SEQ,
    R_SIDE,
    R_SRC_HI,
    R_SRC_LO,
    R_SRC_MAC,
    R_TS,
    R_TSECR,
    R_TSVAL,
    R_TTL,
    R_TUNNEL,
    R_VERSION,
    R_VLAN,
    R_WIDTH,
    R_WIRE,
    S_FLOW_LIMIT,
    S_FLOWS,
    S_HEADS_ON,
    S_MESSAGE_LENGTH,
    S_MESSAGE_POOL,
    S_MESSAGE_POOL_LIMIT,
    S_PACKETS,
    S_QUEUE,
    S_REJECT,
    S_ROW,
    S_ROWS,
    S_SAMPLES,
    S_SAMPLES_ON,
    S_SINK,
    S_SPARE,
    S_SPARE_AT,
    S_TABLE_MASK,
    W_DONE,
    W_MESSAGES,
    W_POOL,
    W_QUEUE,
    W_SPARE,
    X_FLOWS,
    X_RECYCLED,
)
from farmwatch.wire.packets import Bytes, Ints
from farmwatch.wire.reassembly import keep_datagram, keep_segment, room_left
from farmwatch.wire.rtt import (
    acknowledge,
    add_sample,
    echo_timestamp,
    forget_in_flight,
    note_timestamp,
    send_segment,
)

__all__ = ["link_spares", "rehash", "track_rows"]
_SMALL = 127  # bytes; covers the least records of SSH, TLS, RFB and RDP input
_SMALL_GAP_NS = 10_000_000  # Zhang & Paxson 2000: keystroke gaps are 10 ms ..
_SMALL_GAP_END_NS = 2_000_000_000  # .. 2 s
_SECOND = 1_000_000_000
_SILENCE_NS = 1_000_000_000  # UDP: a packet after this much silence is taken for a request
_REORDER_NS = 3_000_000  # a late segment this soon after the hole was reordered, not sent again
_GONE = -1  # in the flow table: a flow was here, others behind it still are
_FEW = 8  # packets of one side of a flow that is worth no row when rows are short
_PROBES = 128  # slots looked at before the flow table counts as full
_FIN = 1
_SYN = 2
_RST = 4
_ACK = 16
_HAS_TIMESTAMPS = 256
_STUN_MESSAGE = 9
_MESSAGE_MASK = 15
_UDP = 17
_DNS_PORT = 53
_STUN_PORT = 16  # in the port table: classic STUN is plausible here


@kernel
def find_flow(rows: Ints, base: int, hot: Ints, table: Ints, state: Ints) -> int:
    """The row's flow and direction as flow * 2 + direction; -1 when there is none yet."""
    value = rows[base + R_HASH]
    mask = state[S_TABLE_MASK]
    tag = value >> 31
    slot = value & mask
    base &= POSITION
    ports = rows[base + R_PORTS]
    swapped = (ports & 0xFF00000000) | (ports & 0xFFFF) << 16 | (ports >> 16 & 0xFFFF)
    for _ in range(_PROBES):
        entry = table[slot]
        if entry == 0:
            return -1
        if entry >> 32 == tag:
            flow: int = (entry & MASK32) - 1
            place = flow * F_WIDTH & POSITION
            if (
                hot[place + F_ORIG_LO] == rows[base + R_SRC_LO]
                and hot[place + F_RESP_LO] == rows[base + R_DST_LO]
                and hot[place + F_PORTS] == ports
                and hot[place + F_ORIG_HI] == rows[base + R_SRC_HI]
                and hot[place + F_RESP_HI] == rows[base + R_DST_HI]
            ):
                return flow * 2
            if (
                hot[place + F_ORIG_LO] == rows[base + R_DST_LO]
                and hot[place + F_RESP_LO] == rows[base + R_SRC_LO]
                and hot[place + F_PORTS] == swapped
                and hot[place + F_ORIG_HI] == rows[base + R_DST_HI]
                and hot[place + F_RESP_HI] == rows[base + R_SRC_HI]
            ):
                return flow * 2 + 1
        slot = (slot + 1) & mask
    return -1


@kernel
def put_flow(value: int, flow: int, previous: int, table: Ints, mask: int) -> int:
    """Enter a flow under its hash, in place of ``previous`` if that is a flow; 1 if there was room."""
    slot = value & mask
    for _ in range(_PROBES):
        entry = table[slot]
        if entry == 0 or (entry == _GONE and previous < 0) or (previous >= 0 and (entry & MASK32) - 1 == previous):
            table[slot] = (value >> 31) << 32 | (flow + 1)
            return 1
        slot = (slot + 1) & mask
    return 0


@kernel
def rehash(hot: Ints, flows: int, table: Ints, mask: int) -> int:
    """Fill an empty table with all flows; 0 when some flow found no room (the caller then doubles the table)."""
    for flow in range(flows):
        place = flow * F_WIDTH
        previous = hot[place + F_PREVIOUS]
        if previous >= 0 and hot[previous * F_WIDTH + F_HASH] != hot[place + F_HASH]:
            previous = -1  # its row was used again
        if not put_flow(hot[place + F_HASH], flow, previous, table, mask):
            return 0
    return 1


@kernel
def worth_least(place: int, hot: Ints) -> int:
    """Whether a flow is a TCP connection attempt without payload or a DNS lookup, which is kept as a message."""
    orig = place + F_COMMON
    resp = orig + D_WIDTH
    ports = hot[place + F_PORTS]
    if (
        hot[place + F_HEAD] != H_NONE
        or hot[orig + D_PACKETS] > _FEW
        or hot[resp + D_PACKETS] > _FEW
        or hot[orig + D_POOL_COUNT]
        or hot[resp + D_POOL_COUNT]
    ):
        return 0
    if ports >> 32 == _UDP:
        return 1 if ports & 0xFFFF == _DNS_PORT or ports >> 16 & 0xFFFF == _DNS_PORT else 0
    return 1 if hot[orig + D_DATA] + hot[resp + D_DATA] == 0 else 0


@kernel
def link_spares(hot: Ints, flows: int, before: int, state: Ints) -> int:
    """List the flows worth least whose last packet is older than a time, in row order; how many there are."""
    found = 0
    following = 0
    for back in range(flows):
        flow = flows - 1 - back
        place = flow * F_WIDTH & POSITION
        hot[place + F_COMMON + D_SPARE] = 0
        if hot[place + F_LAST] < before and worth_least(place, hot):
            hot[place + F_COMMON + D_SPARE] = following
            following = flow + 1
            found += 1
    state[S_SPARE] = following
    return found


@kernel
def spare_row(
    previous: int, hot: Ints, table: Ints, blocks: Ints, hosts: Ints, seen: Ints, state: Ints, keys: Ints
) -> int:
    """Take the row of a flow that is worth least, its packets counted for its hosts; -1 when there is none."""
    while state[S_SPARE]:
        flow: int = state[S_SPARE] - 1
        place = flow * F_WIDTH & POSITION
        state[S_SPARE] = hot[place + F_COMMON + D_SPARE]
        hot[place + F_COMMON + D_SPARE] = 0
        if flow == previous or not worth_least(place, hot):
            continue
        for way in range(2):
            side = place + F_COMMON + way * D_WIDTH
            forget_in_flight(side, hot, blocks, state)
            mac = hot[side + D_MAC]
            if mac >= 0 and hot[side + D_PACKETS]:
                hi = hot[place + (F_RESP_HI if way else F_ORIG_HI)]
                lo = hot[place + (F_RESP_LO if way else F_ORIG_LO)]
                size = hot[side + D_BYTES]
                first = hot[side + D_FIRST]
                ttl = hot[side + D_TTL]
                keep_host(mac, hi, lo, hot[side + D_PACKETS] - 1, size, first, ttl, hosts, seen, state, keys)
                keep_host(mac, hi, lo, 1, 0, hot[side + D_LAST], ttl, hosts, seen, state, keys)
        mask = state[S_TABLE_MASK]
        slot = hot[place + F_HASH] & mask
        for _ in range(_PROBES):
            entry = table[slot]
            if entry == 0:
                break
            if entry > 0 and (entry & MASK32) - 1 == flow:
                table[slot] = _GONE
                break
            slot = (slot + 1) & mask
        state[S_REJECT + X_RECYCLED] += 1
        return flow
    return -1


@kernel
def new_flow(  # noqa: PLR0915  a kernel: splitting hides the loop
    rows: Ints, base: int, previous: int, hot: Ints, table: Ints, blocks: Ints, hosts: Ints, seen: Ints, state: Ints,
    keys: Ints,
) -> int:  # fmt: skip
    """Open a flow for a row: flow * 2 + direction, or -1 when there is no room."""
    flow: int = state[S_FLOWS]
    fresh = 1
    if flow >= state[S_FLOW_LIMIT]:
        flow = spare_row(previous, hot, table, blocks, hosts, seen, state, keys)
        fresh = 0
        if flow < 0:
            return -1
    value = rows[base + R_HASH]
    if not put_flow(value, flow, previous, table, state[S_TABLE_MASK]):
        return -1
    state[S_FLOWS] += fresh
    place = flow * F_WIDTH
    for index in range(F_COMMON, F_WIDTH):
        hot[place + index] = 0
    direction = 0
    ports = rows[base + R_PORTS]
    if rows[base + R_KIND] == K_TCP and rows[base + R_FLAGS] & (_SYN | _ACK) == _SYN | _ACK:
        direction = 1
        hot[place + F_ORIG_HI] = rows[base + R_DST_HI]
        hot[place + F_ORIG_LO] = rows[base + R_DST_LO]
        hot[place + F_RESP_HI] = rows[base + R_SRC_HI]
        hot[place + F_RESP_LO] = rows[base + R_SRC_LO]
        hot[place + F_PORTS] = (ports & 0xFF00000000) | (ports & 0xFFFF) << 16 | (ports >> 16 & 0xFFFF)
    else:
        hot[place + F_ORIG_HI] = rows[base + R_SRC_HI]
        hot[place + F_ORIG_LO] = rows[base + R_SRC_LO]
        hot[place + F_RESP_HI] = rows[base + R_DST_HI]
        hot[place + F_RESP_LO] = rows[base + R_DST_LO]
        hot[place + F_PORTS] = ports
    hot[place + F_HASH] = value
    hot[place + F_FIRST] = rows[base + R_TS]
    hot[place + F_LAST] = rows[base + R_TS]
    hot[place + F_FIRST_PACKET] = rows[base + R_PACKET]
    hot[place + F_META] = (
        (rows[base + R_VLAN] + 1) | rows[base + R_TUNNEL] << 16 | direction << 24 | rows[base + R_VERSION] << 28
    )
    hot[place + F_PREVIOUS] = previous
    hot[place + F_SYN] = -1
    hot[place + F_SYNACK] = -1
    hot[place + F_ACK] = -1
    hot[place + F_HEAD] = H_NONE
    for way in range(2):
        side = place + F_COMMON + way * D_WIDTH
        hot[side + D_LAST] = -1
        hot[side + D_NEXT] = -1
        hot[side + D_TTL] = -1
        hot[side + D_MAC] = -1
        hot[side + D_TS_PROBE] = -1
        hot[side + D_TS_HIGH] = -1
        hot[side + D_TS_MIN] = -1
        hot[side + D_RTT_MIN] = -1
        hot[side + D_SMALL_LAST] = -1
        hot[side + D_SMALL_SIZE] = -1
        hot[side + D_FIRST] = -1
        hot[side + D_FIRST_DATA] = -1
        hot[side + D_MSS] = -1
        hot[side + D_SCALE] = -1
        hot[side + D_ISN] = -1
        hot[side + D_HOLE_LEFT] = -1
        hot[side + D_AHEAD_0] = -1
        hot[side + D_AHEAD_1] = -1
        hot[side + D_AHEAD_2] = -1
        hot[side + D_P5] = -1
    return flow * 2 + direction


@kernel
def reopens(flags: int, seq: int, side: int, hot: Ints) -> int:
    """Whether a TCP packet starts a new connection between the same ports, by tshark's rule.

    A SYN does when this side already had another initial sequence number.
    """
    return 1 if flags & (_SYN | _ACK) == _SYN and hot[side + D_ISN] != -1 and hot[side + D_ISN] != seq else 0


@kernel
def count_packet(  # noqa: C901, PLR0912, PLR0915  a kernel: splitting hides the loop
    rows: Ints,
    base: int,
    place: int,
    side: int,
    other: int,
    direction: int,
    hot: Ints,
    hosts: Ints,
    seen: Ints,
    state: Ints,
    keys: Ints,
) -> None:
    """Counters every TCP and UDP packet moves."""
    base &= POSITION
    place &= POSITION
    side &= POSITION
    other &= POSITION
    ts = rows[base + R_TS]
    wire = rows[base + R_WIRE]
    ttl = rows[base + R_TTL]
    packets = hot[side + D_PACKETS]
    mac = rows[base + R_SRC_MAC]
    if packets == 0:
        hot[side + D_FIRST] = ts
        hot[side + D_LAST] = ts
        hot[side + D_TTL] = ttl
        hot[side + D_MAC] = mac
    else:
        gap = ts - hot[side + D_LAST]
        if gap > 0:
            hot[side + D_LAST] = ts
            hot[side + D_SILENCE] = max(hot[side + D_SILENCE], gap)
        hot[side + D_TTL] = min(hot[side + D_TTL], ttl)
        old = hot[side + D_MAC]
        if mac != old:
            # hosts are summed from the flows at the end: move this packet from the first MAC to its own
            hi = rows[base + R_SRC_HI]
            lo = rows[base + R_SRC_LO]
            if mac >= 0:
                keep_host(mac, hi, lo, 1, wire, ts, ttl, hosts, seen, state, keys)
            if old >= 0:
                keep_host(old, hi, lo, -1, -wire, hot[side + D_FIRST], 255, hosts, seen, state, keys)
    hot[place + F_LAST] = max(hot[place + F_LAST], ts)
    hot[place + F_LAST_PACKET] = rows[base + R_PACKET]
    hot[side + D_PACKETS] = packets + 1
    hot[side + D_BYTES] += wire
    end = hot[side + D_SECOND_END]
    if ts >= end or ts < end - _SECOND:
        hot[side + D_ACTIVE] += 1
        hot[side + D_SECOND_END] = (ts // _SECOND + 1) * _SECOND
    length = rows[base + R_LENGTH]
    if length > 0:
        hot[side + D_PAYLOAD] += length
        if hot[side + D_DATA] == 0:
            hot[side + D_FIRST_DATA] = ts
            if hot[other + D_DATA] == 0:
                hot[place + F_META] |= (direction + 1) << 25
        hot[side + D_DATA] += 1
        hot[side + D_MAX] = max(hot[side + D_MAX], length)
        if length <= _SMALL:
            if hot[side + D_SMALL]:
                gap = ts - hot[side + D_SMALL_LAST]
                if _SMALL_GAP_NS <= gap <= _SMALL_GAP_END_NS:
                    hot[side + D_SMALL_GAPS] += 1
            hot[side + D_SMALL] += 1
            hot[side + D_SMALL_LAST] = ts
            if hot[side + D_SMALL_SIZE] == length:
                hot[side + D_SMALL_VOTES] += 1
            elif hot[side + D_SMALL_VOTES] == 0:
                hot[side + D_SMALL_SIZE] = length
                hot[side + D_SMALL_VOTES] = 1
            else:
                hot[side + D_SMALL_VOTES] -= 1


@kernel
def track_sequence(  # noqa: PLR0912  a kernel: splitting hides the loop
    seq: int, size: int, plain: int, ts: int, side: int, other: int, hot: Ints, blocks: Ints, state: Ints
) -> None:
    """Follow one side's sequence numbers: new bytes, gaps, late and repeated segments.

    ``size`` counts SYN and FIN; ``plain`` is 1 when neither is set, so that a keep-alive can be told.
    """
    side &= POSITION
    other &= POSITION
    after = (seq + size) & MASK32
    following = hot[side + D_NEXT]
    if following == -1:
        hot[side + D_NEXT] = after
        send_segment(side, other, after, ts, hot, blocks, state)
        return
    start = signed32(seq - following)
    end = signed32(after - following)
    if start >= 0:
        if start > 0:
            hot[side + D_LOST] += start
            hot[side + D_HOLE_LEFT] = following
            hot[side + D_HOLE_RIGHT] = seq
            hot[side + D_HOLE_TIME] = ts
        hot[side + D_NEXT] = after
        send_segment(side, other, after, ts, hot, blocks, state)
        return
    if plain and size <= 1 and start == -1:
        return  # keep-alive
    late = 0
    if hot[side + D_HOLE_LEFT] != -1:
        left = signed32(hot[side + D_HOLE_LEFT] - following)
        right = signed32(hot[side + D_HOLE_RIGHT] - following)
        low = max(left, start)
        high = min(right, end)
        if low < high:
            hot[side + D_LOST] -= high - low
            wait = ts - hot[side + D_HOLE_TIME]
            if wait < _REORDER_NS or wait < hot[other + D_RTT_MIN]:
                late = 1
            if low == left:
                hot[side + D_HOLE_LEFT] = (following + high) & MASK32
            elif high == right:
                hot[side + D_HOLE_RIGHT] = (following + low) & MASK32
            if hot[side + D_HOLE_LEFT] == hot[side + D_HOLE_RIGHT]:
                hot[side + D_HOLE_LEFT] = -1
    if late:
        hot[side + D_REORDERED] += 1
    else:
        hot[side + D_RETRANSMITTED] += 1
    forget_in_flight(side, hot, blocks, state)
    if end > 0:
        hot[side + D_NEXT] = after
        send_segment(side, other, after, ts, hot, blocks, state)


@kernel
def track_tcp(  # noqa: C901, PLR0912, PLR0915  a kernel: splitting hides the loop
    rows: Ints,
    base: int,
    place: int,
    side: int,
    other: int,
    direction: int,
    hot: Ints,
    blocks: Ints,
    samples: Ints,
    state: Ints,
) -> None:
    """TCP state, sequence numbers and round-trip times of one packet."""
    base &= POSITION
    place &= POSITION
    side &= POSITION
    other &= POSITION
    ts = rows[base + R_TS]
    flags = rows[base + R_FLAGS]
    seq = rows[base + R_SEQ]
    ack = rows[base + R_ACK]
    length = rows[base + R_LENGTH]
    hot[side + D_FLAGS] |= flags
    if hot[side + D_ISN] == -1:
        hot[side + D_ISN] = seq if flags & _SYN else (seq - 1) & MASK32
    if flags & _ACK and hot[other + D_ISN] == -1:
        hot[other + D_ISN] = (ack - 1) & MASK32
    if flags & _SYN:
        if rows[base + R_MSS] >= 0:
            hot[side + D_MSS] = rows[base + R_MSS]
        if rows[base + R_SCALE] >= 0:
            hot[side + D_SCALE] = rows[base + R_SCALE]
        if flags & _ACK == 0:
            if direction == 0 and hot[place + F_SYN] == -1:
                hot[place + F_SYN] = ts
        elif direction == 1 and hot[place + F_SYNACK] == -1:
            hot[place + F_SYNACK] = ts
    elif (
        flags & (_ACK | _RST) == _ACK
        and direction == 0
        and hot[place + F_ACK] == -1
        and hot[place + F_SYNACK] != -1
        and ack == (hot[other + D_ISN] + 1) & MASK32
    ):
        hot[place + F_ACK] = ts
    if flags & _ACK:
        sample = acknowledge(other, ack, ts, hot, blocks, state)
        if sample > 0:  # nothing was measured when the clock did not move
            add_sample(side, sample, hot, blocks, state)
            if state[S_SAMPLES_ON]:
                at = state[S_SAMPLES] * Q_WIDTH
                samples[at] = place // F_WIDTH
                samples[at + 1] = direction
                samples[at + 2] = sample
                samples[at + 3] = rows[base + R_PACKET]
                state[S_SAMPLES] += 1
        if rows[base + R_SACK]:
            forget_in_flight(other, hot, blocks, state)
    value = rows[base + R_TSVAL]
    if value >= 0:
        hot[side + D_FLAGS] |= _HAS_TIMESTAMPS
        if flags & _ACK and (rows[base + R_TSECR] or flags & _SYN):
            echo_timestamp(side, other, rows[base + R_TSECR], ts, hot)
        if value or flags & _SYN:
            note_timestamp(side, value, 1 if length or flags & _SYN else 0, ts, hot)
    size = length
    if flags & _SYN:
        size += 1
    if flags & _FIN:
        size += 1
    if size and flags & _RST == 0:
        track_sequence(seq, size, 1 if flags & (_SYN | _FIN) == 0 else 0, ts, side, other, hot, blocks, state)
    if flags & _RST:
        forget_in_flight(other, hot, blocks, state)  # its sender will acknowledge nothing more


@kernel
def track_udp(data: Bytes, rows: Ints, base: int, place: int, side: int, other: int, direction: int, hot: Ints) -> None:
    """Shape of UDP payloads, and the time from a packet after silence to the first answer."""
    ts = rows[base + R_TS]
    if rows[base + R_CAPTURED] > 0:
        byte = data[rows[base + R_OFFSET]] & 0xFF
        if byte >> 6 == 2:
            hot[side + D_RTP] += 1
        if hot[side + D_FIRST_BYTE] == -1:
            hot[side + D_FIRST_BYTE] = byte
        elif hot[side + D_FIRST_BYTE] != byte:
            hot[side + D_FIRST_BYTE] = -2
    if direction == 0:
        latest = max(hot[side + D_NEXT], hot[other + D_NEXT])  # UDP keeps the time of the packet before here
        if latest == -1 or ts - latest >= _SILENCE_NS:
            hot[place + F_ASKED] = ts
    elif hot[place + F_ASKED] != -1:
        wait = ts - hot[place + F_ASKED]
        hot[place + F_ASKED] = -1
        if wait >= 0:
            if hot[place + F_ANSWER] == -1 or wait < hot[place + F_ANSWER]:
                hot[place + F_ANSWER] = wait
            hot[place + F_ANSWERS] = max(hot[place + F_ANSWERS], 0) + 1
    hot[side + D_NEXT] = ts


@kernel
def queue_heads(place: int, hot: Ints, queue: Ints, state: Ints) -> None:
    """Put a flow on the list of those whose heads can be handed out."""
    if hot[place + F_HEAD] == H_OPEN:
        hot[place + F_HEAD] = H_QUEUED
        queue[state[S_QUEUE]] = place // F_WIDTH
        state[S_QUEUE] += 1


@kernel
def keep_head(
    data: Bytes,
    rows: Ints,
    base: int,
    place: int,
    side: int,
    other: int,
    hot: Ints,
    pool: Bytes,
    links: Ints,
    queue: Ints,
    state: Ints,
) -> None:
    """Keep the packet's payload if it belongs to the first bytes of its side, and see whether the flow is done."""
    base &= POSITION
    place &= POSITION
    side &= POSITION
    other &= POSITION
    captured = rows[base + R_CAPTURED]
    tcp = rows[base + R_KIND] == K_TCP
    if rows[base + R_LENGTH] > 0 and hot[side + D_HEAD_STATE] & HS_DONE == 0 and hot[place + F_HEAD] != H_TAKEN:
        if tcp:
            known = -1
            first = rows[base + R_SEQ]
            if hot[side + D_FLAGS] & _SYN:
                known = (hot[side + D_ISN] + 1) & MASK32
            if rows[base + R_FLAGS] & _SYN:
                first = (first + 1) & MASK32
            keep_segment(
                side,
                first,
                known,
                data,
                rows[base + R_OFFSET],
                captured,
                rows[base + R_LENGTH],
                hot,
                pool,
                links,
                state,
            )
        elif captured > 0:
            keep_datagram(
                side,
                rows[base + R_TS],
                rows[base + R_PACKET],
                data,
                rows[base + R_OFFSET],
                captured,
                rows[base + R_LENGTH],
                hot,
                pool,
                links,
                state,
            )
        if hot[place + F_HEAD] == H_NONE:
            hot[place + F_HEAD] = H_OPEN
    if hot[place + F_HEAD] == H_OPEN:
        both = hot[side + D_HEAD_STATE] & hot[other + D_HEAD_STATE]
        if (
            both & HS_DONE
            or (tcp and hot[side + D_FLAGS] & hot[other + D_FLAGS] & _FIN)
            or (tcp and rows[base + R_FLAGS] & _RST)
        ):
            queue_heads(place, hot, queue, state)


@kernel
def message_kind(data: Bytes, rows: Ints, base: int, kinds: Bytes) -> int:
    """Which kind of kept message a UDP row is; 0 none."""
    ports = rows[base + R_PORTS]
    marks = (kinds[ports >> 16 & 0xFFFF] & 0xFF) | (kinds[ports & 0xFFFF] & 0xFF)
    captured = rows[base + R_CAPTURED]
    if marks & _MESSAGE_MASK and captured > 0:
        target: int = kinds[ports & 0xFFFF] & _MESSAGE_MASK
        source: int = kinds[ports >> 16 & 0xFFFF] & _MESSAGE_MASK
        return target or source
    if captured >= 20 and is_stun(
        data, rows[base + R_OFFSET], captured, rows[base + R_LENGTH], 1 if marks & _STUN_PORT else 0
    ):
        return _STUN_MESSAGE
    return 0


@kernel
def look_ahead(rows: Ints, count: int, hot: Ints, table: Ints, state: Ints) -> None:
    """Touch the flow rows of a whole batch first, so that their cache misses overlap."""
    mask = state[S_TABLE_MASK]
    total = 0
    for row in range(count):
        entry = table[rows[row * R_WIDTH + R_HASH] & mask]
        if entry > 0:
            place = ((entry & MASK32) - 1) * F_WIDTH & POSITION
            total ^= hot[place] ^ hot[place + LINE]
            for side in (place + F_COMMON, place + F_COMMON + D_WIDTH):
                total ^= hot[side] ^ hot[side + LINE] ^ hot[side + 2 * LINE]
    state[S_SINK] = total & MASK31


@kernel
def track_rows(  # noqa: C901, PLR0912, PLR0915  a kernel: splitting hides the loop
    buffer: Bytes,
    pieces: Bytes,
    rows: Ints,
    state: Ints,
    keys: Ints,
    hot: Ints,
    table: Ints,
    blocks: Ints,
    queue: Ints,
    pool: Bytes,
    links: Ints,
    messages: Ints,
    message_pool: Bytes,
    stun: Ints,
    arp: Ints,
    hosts: Ints,
    seen: Ints,
    samples: Ints,
    kinds: Bytes,
) -> int:
    """Track the waiting rows; comes back early (W_ code) when some room has to be made first."""
    count = state[S_ROWS]
    row = state[S_ROW]
    while row < count:
        base = row * R_WIDTH & POSITION
        kind = rows[base + R_KIND]
        data = pieces if rows[base + R_SIDE] else buffer
        message = 0
        if kind == K_UDP:
            message = message_kind(data, rows, base, kinds)
        elif kind == K_NDP:
            message = 12
        elif kind == K_LLDP:
            message = 10
        elif kind == K_CDP:
            message = 11
        if (
            message
            and state[S_MESSAGE_POOL] + state[S_MESSAGE_LENGTH] > len(message_pool)
            and len(message_pool) < state[S_MESSAGE_POOL_LIMIT] + state[S_MESSAGE_LENGTH]
        ):
            state[S_ROW] = row
            return W_MESSAGES
        flow = -1
        if kind in (K_TCP, K_UDP):
            if state[S_HEADS_ON] and not room_left(state) and rows[base + R_LENGTH] > 0:
                state[S_ROW] = row
                return W_POOL
            if state[S_QUEUE] + 2 > len(queue):
                state[S_ROW] = row
                return W_QUEUE
            if state[S_FLOWS] >= state[S_FLOW_LIMIT] and state[S_SPARE] == 0 and state[S_PACKETS] >= state[S_SPARE_AT]:
                state[S_ROW] = row
                return W_SPARE
            found = find_flow(rows, base, hot, table, state)
            if found == -1:
                found = new_flow(rows, base, -1, hot, table, blocks, hosts, seen, state, keys)
            elif kind == K_TCP and rows[base + R_FLAGS] & _SYN:
                place = (found >> 1) * F_WIDTH
                side = place + F_COMMON + (found & 1) * D_WIDTH
                other = place + F_COMMON + (1 - (found & 1)) * D_WIDTH
                if reopens(rows[base + R_FLAGS], rows[base + R_SEQ], side, hot):
                    forget_in_flight(side, hot, blocks, state)
                    forget_in_flight(other, hot, blocks, state)
                    queue_heads(place, hot, queue, state)
                    found = new_flow(rows, base, found >> 1, hot, table, blocks, hosts, seen, state, keys)
            if found == -1:
                state[S_REJECT + X_FLOWS] += 1
            else:
                flow = found >> 1
                direction = found & 1
                place = flow * F_WIDTH & POSITION
                side = place + F_COMMON + direction * D_WIDTH
                other = place + F_COMMON + (1 - direction) * D_WIDTH
                count_packet(rows, base, place, side, other, direction, hot, hosts, seen, state, keys)
                if kind == K_TCP:
                    track_tcp(rows, base, place, side, other, direction, hot, blocks, samples, state)
                else:
                    track_udp(data, rows, base, place, side, other, direction, hot)
                    if message == _STUN_MESSAGE:
                        message = _STUN_MESSAGE * keep_stun(
                            data,
                            rows[base + R_OFFSET],
                            rows[base + R_CAPTURED],
                            rows,
                            base,
                            flow,
                            direction,
                            side,
                            hot,
                            stun,
                            state,
                        )
                if state[S_HEADS_ON] and message in (0, _STUN_MESSAGE):
                    keep_head(data, rows, base, place, side, other, hot, pool, links, queue, state)
        elif kind == K_ARP:
            keep_arp(data, rows, base, arp, seen, state, keys)
        if message:
            keep_message(
                message, data, rows[base + R_OFFSET], rows, base, flow, messages, message_pool, seen, state, keys
            )
        if kind in (K_OTHER, K_NDP) and rows[base + R_SRC_MAC] >= 0:
            keep_host(
                rows[base + R_SRC_MAC],
                rows[base + R_SRC_HI],
                rows[base + R_SRC_LO],
                1,
                rows[base + R_WIRE],
                rows[base + R_TS],
                rows[base + R_TTL],
                hosts,
                seen,
                state,
                keys,
            )
        row += 1
    state[S_ROW] = row
    return W_DONE
