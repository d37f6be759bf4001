"""Kernels that keep messages, STUN facts, ARP packets and hosts, each once, with repeats counted."""

from __future__ import annotations

from farmwatch.wire.fields import be16, be32, be48, be64, bytes_hash, copy_bytes, seen_row, settle, stir
from farmwatch.wire.jit import kernel
from farmwatch.wire.layout import (
    A_COUNT,
    A_ETH,
    A_LAST,
    A_OP,
    A_PACKET,
    A_SENDER_IP,
    A_SENDER_MAC,
    A_TARGET_IP,
    A_TARGET_MAC,
    A_TS,
    A_WIDTH,
    D_STUN,
    M_COUNT,
    M_DST_HI,
    M_DST_LO,
    M_DST_MAC,
    M_DST_PORT,
    M_FLOW,
    M_KIND,
    M_LAST,
    M_LENGTH,
    M_OFFSET,
    M_PACKET,
    M_SRC_HI,
    M_SRC_LO,
    M_SRC_MAC,
    M_SRC_PORT,
    M_TS,
    M_WIDTH,
    M_WIRE,
    MASK31,
    N_BYTES,
    N_FIRST,
    N_HI,
    N_LAST,
    N_LO,
    N_MAC,
    N_PACKETS,
    N_TTL,
    N_WIDTH,
    R_CAPTURED,
    R_DST_HI,
    R_DST_LO,
    R_DST_MAC,
    R_LENGTH,
    R_OFFSET,
    R_PACKET,
    R_PORTS,
    R_SRC_HI,
    R_SRC_LO,
    R_SRC_MAC,
    R_TS,
    S_ARP,
    S_ARP_DROPPED,
    S_ARP_LIMIT,
    S_DROPPED,
    S_HOST_DROPPED,
    S_HOST_LIMIT,
    S_HOSTS,
    S_KEPT,
    S_MESSAGE_LENGTH,
    S_MESSAGE_LIMIT,
    S_MESSAGE_POOL,
    S_MESSAGE_POOL_LIMIT,
    S_MESSAGES,
    S_REJECT,
    S_SEEN,
    S_SEEN_MASK,
    S_STUN,
    S_STUN_DROPPED,
    S_STUN_LIMIT,
    T_CHANGE,
    T_DIRECTION,
    T_FLOW,
    T_HI,
    T_LENGTH,
    T_LO,
    T_PACKET,
    T_TS,
    T_TYPE,
    T_WIDTH,
    X_ARP,
)
from farmwatch.wire.packets import Bytes, Ints

__all__ = ["is_stun", "keep_arp", "keep_host", "keep_message", "keep_stun"]

_MAGIC = 0x2112A442  # STUN magic cookie, RFC 8489 section 5
_STUN_PAYLOADS = 16  # whole STUN messages kept per direction of a flow; the facts of all are kept
_STUN = 9
_ANSWERED = (1, 3)  # DNS, LLMNR: the same answer to two computers says something about both
_ARP_DOMAIN = 17 << 49  # keeps the hashes of different tables apart
_HOST_DOMAIN = 18 << 49


@kernel
def is_stun(data: Bytes, at: int, captured: int, length: int, classic: int) -> int:
    """Whether a UDP payload is a STUN message; ``classic``: RFC 3489 (no cookie) is accepted on this port."""
    if captured < 20 or data[at] & 0xC0 or data[at + 3] & 3 or be16(data, at + 2) + 20 > length:
        return 0
    if be32(data, at + 4) == _MAGIC:
        return 1
    if not classic or be16(data, at + 2) + 20 != length:
        return 0
    kind = be16(data, at)
    return 1 if kind in (0x0001, 0x0101, 0x0111, 0x0002, 0x0102, 0x0112) else 0


@kernel
def keep_stun(
    data: Bytes,
    at: int,
    captured: int,
    rows: Ints,
    base: int,
    flow: int,
    direction: int,
    side: int,
    hot: Ints,
    stun: Ints,
    state: Ints,
) -> int:
    """Keep the header facts of one STUN message; 1 if its payload is worth keeping too."""
    hot[side + D_STUN] += 1
    count = state[S_STUN]
    if count >= state[S_STUN_LIMIT]:
        state[S_STUN_DROPPED] += 1
    else:
        place = count * T_WIDTH
        stun[place + T_TS] = rows[base + R_TS]
        stun[place + T_PACKET] = rows[base + R_PACKET]
        stun[place + T_FLOW] = flow
        stun[place + T_DIRECTION] = direction
        stun[place + T_TYPE] = be16(data, at)
        cookie = be32(data, at + 4)
        stun[place + T_HI] = be32(data, at + 8) if cookie == _MAGIC else be64(data, at + 4)
        stun[place + T_LO] = be64(data, at + 12)
        stun[place + T_LENGTH] = be16(data, at + 2)
        stun[place + T_CHANGE] = 0
        end = min(captured, be16(data, at + 2) + 20)
        where = 20
        for _ in range(32):
            if where + 4 > end:
                break
            if be16(data, at + where) == 0x0003:
                stun[place + T_CHANGE] = 1
                break
            where += 4 + (be16(data, at + where + 2) + 3 & ~3)
        state[S_STUN] = count + 1
    return 1 if hot[side + D_STUN] <= _STUN_PAYLOADS else 0


@kernel
def keep_message(  # noqa: PLR0915  a kernel: splitting hides the loop
    kind: int,
    data: Bytes,
    at: int,
    rows: Ints,
    base: int,
    flow: int,
    messages: Ints,
    pool: Bytes,
    seen: Ints,
    state: Ints,
    keys: Ints,
) -> None:
    """Keep one message, or count it as a repeat."""
    size = min(rows[base + R_CAPTURED], state[S_MESSAGE_LENGTH])
    skip = -1
    skipped = 0
    if kind in (1, 3, 4):  # DNS, LLMNR, NBNS: transaction id
        skip = 0
        skipped = 2
    elif kind == 5:  # NetBIOS datagram: datagram id
        skip = 2
        skipped = 2
    elif kind == 6:  # DHCP: xid and seconds
        skip = 4
        skipped = 6
    elif kind == 7:  # DHCPv6: transaction id
        skip = 1
        skipped = 3
    elif kind == _STUN:
        skip = 4
        skipped = 16
    seed = stir((rows[base + R_SRC_LO] ^ rows[base + R_SRC_HI] << 1) & 0x3FFFFFFFFFFFFFFF, keys)
    if kind in _ANSWERED:
        seed = stir((seed + (rows[base + R_DST_LO] ^ rows[base + R_DST_HI] << 1)) & 0x3FFFFFFFFFFFFFFF, keys)
    seed = stir((seed + (kind << 40) + size) & 0x3FFFFFFFFFFFFFFF, keys)
    if rows[base + R_PORTS] == 0:
        seed = stir((seed + rows[base + R_SRC_MAC]) & 0x3FFFFFFFFFFFFFFF, keys)
    value = bytes_hash(data, at, size, skip, skipped, seed, keys)
    slot = seen_row(seen, state[S_SEEN_MASK], value)
    if slot >= 0 and seen[2 * slot + 1]:
        place = (seen[2 * slot + 1] - 1) * M_WIDTH
        messages[place + M_COUNT] += 1
        messages[place + M_LAST] = max(messages[place + M_LAST], rows[base + R_TS])
        return
    if (
        slot < 0
        or state[S_KEPT + kind] >= state[S_MESSAGE_LIMIT]
        or state[S_MESSAGE_POOL] + size > state[S_MESSAGE_POOL_LIMIT]
    ):
        state[S_DROPPED + kind] += 1
        return
    row = state[S_MESSAGES]
    seen[2 * slot] = value
    seen[2 * slot + 1] = row + 1
    state[S_SEEN] += 1
    state[S_MESSAGES] = row + 1
    state[S_KEPT + kind] += 1
    place = row * M_WIDTH
    messages[place + M_KIND] = kind
    messages[place + M_PACKET] = rows[base + R_PACKET]
    messages[place + M_TS] = rows[base + R_TS]
    messages[place + M_LAST] = rows[base + R_TS]
    messages[place + M_COUNT] = 1
    messages[place + M_FLOW] = flow
    messages[place + M_SRC_MAC] = rows[base + R_SRC_MAC]
    messages[place + M_DST_MAC] = rows[base + R_DST_MAC]
    messages[place + M_SRC_HI] = rows[base + R_SRC_HI]
    messages[place + M_SRC_LO] = rows[base + R_SRC_LO]
    messages[place + M_DST_HI] = rows[base + R_DST_HI]
    messages[place + M_DST_LO] = rows[base + R_DST_LO]
    messages[place + M_SRC_PORT] = rows[base + R_PORTS] >> 16 & 0xFFFF
    messages[place + M_DST_PORT] = rows[base + R_PORTS] & 0xFFFF
    messages[place + M_WIRE] = rows[base + R_LENGTH]
    messages[place + M_OFFSET] = state[S_MESSAGE_POOL]
    messages[place + M_LENGTH] = size
    copy_bytes(pool, state[S_MESSAGE_POOL], data, at, size)
    state[S_MESSAGE_POOL] += size


@kernel
def keep_arp(data: Bytes, rows: Ints, base: int, arp: Ints, seen: Ints, state: Ints, keys: Ints) -> None:
    """Keep one ARP packet, or count it as a repeat."""
    at = rows[base + R_OFFSET]
    if rows[base + R_CAPTURED] < 28 or be32(data, at) != 0x00010800 or be16(data, at + 4) != 0x0604:
        state[S_REJECT + X_ARP] += 1
        return
    value = bytes_hash(data, at + 6, 22, -1, 0, stir(rows[base + R_SRC_MAC] + _ARP_DOMAIN, keys), keys)
    slot = seen_row(seen, state[S_SEEN_MASK], value)
    if slot >= 0 and seen[2 * slot + 1]:
        place = (seen[2 * slot + 1] - 1) * A_WIDTH
        arp[place + A_COUNT] += 1
        arp[place + A_LAST] = max(arp[place + A_LAST], rows[base + R_TS])
        return
    row = state[S_ARP]
    if slot < 0 or row >= state[S_ARP_LIMIT]:
        state[S_ARP_DROPPED] += 1
        return
    seen[2 * slot] = value
    seen[2 * slot + 1] = row + 1
    state[S_SEEN] += 1
    state[S_ARP] = row + 1
    place = row * A_WIDTH
    arp[place + A_PACKET] = rows[base + R_PACKET]
    arp[place + A_TS] = rows[base + R_TS]
    arp[place + A_LAST] = rows[base + R_TS]
    arp[place + A_COUNT] = 1
    arp[place + A_OP] = be16(data, at + 6)
    arp[place + A_ETH] = rows[base + R_SRC_MAC]
    arp[place + A_SENDER_MAC] = be48(data, at + 8)
    arp[place + A_SENDER_IP] = be32(data, at + 14)
    arp[place + A_TARGET_MAC] = be48(data, at + 18)
    arp[place + A_TARGET_IP] = be32(data, at + 24)


@kernel
def keep_host(
    mac: int,
    hi: int,
    lo: int,
    packets: int,
    size: int,
    ts: int,
    ttl: int,
    hosts: Ints,
    seen: Ints,
    state: Ints,
    keys: Ints,
) -> None:
    """Add packets to a (MAC, IP) pair."""
    one = stir((mac + _HOST_DOMAIN) & 0x3FFFFFFFFFFFFFFF, keys)
    mixed = (lo & MASK31) * keys[0] + (lo >> 31 & MASK31) * keys[1]
    mixed += (hi & MASK31) * keys[2] + (hi >> 31 & MASK31) * keys[3]
    value = stir(
        ((mixed & 0x1FFFFFFFFFFFFFFF) + one + (hi >> 62 & 3) * keys[4] + (lo >> 62 & 3) * keys[6]) & 0x3FFFFFFFFFFFFFFF,
        keys,
    )
    value = settle(value)
    slot = seen_row(seen, state[S_SEEN_MASK], value)
    if slot >= 0 and seen[2 * slot + 1]:
        place = (seen[2 * slot + 1] - 1) * N_WIDTH
        hosts[place + N_PACKETS] += packets
        hosts[place + N_BYTES] += size
        if packets > 0:
            hosts[place + N_FIRST] = min(hosts[place + N_FIRST], ts)
            hosts[place + N_LAST] = max(hosts[place + N_LAST], ts)
            hosts[place + N_TTL] = min(hosts[place + N_TTL], ttl)
        return
    row = state[S_HOSTS]
    if slot < 0 or row >= state[S_HOST_LIMIT]:
        state[S_HOST_DROPPED] += 1
        return
    seen[2 * slot] = value
    seen[2 * slot + 1] = row + 1
    state[S_SEEN] += 1
    state[S_HOSTS] = row + 1
    place = row * N_WIDTH
    hosts[place + N_MAC] = mac
    hosts[place + N_HI] = hi
    hosts[place + N_LO] = lo
    hosts[place + N_PACKETS] = packets
    hosts[place + N_BYTES] = size
    hosts[place + N_FIRST] = ts
    hosts[place + N_LAST] = ts
    hosts[place + N_TTL] = ttl
