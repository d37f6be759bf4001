"""Packet decode: from link-layer bytes to transport rows.

One packet may give several rows: the outer UDP row of a VXLAN packet and the inner TCP row, as tshark counts
conversations. Numbers come from IEEE 802 (ethertypes), IANA (protocol numbers, ports) and the RFC named at each step.
"""

from __future__ import annotations

from farmwatch.wire.fields import (
    be16,
    be32,
    be48,
    be64,
    endpoint_hash,
    settle,
    stir,
)
from farmwatch.wire.fragments import gather
from farmwatch.wire.jit import kernel
from farmwatch.wire.layout import (
    K_ARP,
    K_CDP,
    K_LLDP,
    K_NDP,
    K_OTHER,
    K_TCP,
    K_UDP,
    MASK31,
    MASK32,
    P_ARP,
    P_ESP,
    P_ICMP,
    P_ICMPV6,
    P_OTHER_IP,
    P_OTHER_LINK,
    P_SCTP,
    P_TCP,
    P_UDP,
    POSITION,
    R_ACK,
    R_CAPTURED,
    R_DST_HI,
    R_DST_LO,
    R_DST_MAC,
    R_FLAGS,
    R_HASH,
    R_KIND,
    R_LENGTH,
    R_LINKED,
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
    S_FINISHED,
    S_PROTOCOL,
    S_REJECT,
    X_DEPTH,
    X_FRAGMENT,
    X_FRAGMENT_BAD,
    X_IP_BAD,
    X_IP_CUT,
    X_L4_BAD,
    X_L4_CUT,
    X_LINK_CUT,
)
from farmwatch.wire.links import (
    NEXT_ARP,
    NEXT_CDP,
    NEXT_ETHERNET,
    NEXT_FAIL,
    NEXT_IP,
    NEXT_IP4,
    NEXT_IP6,
    NEXT_LLC,
    NEXT_LLDP,
    NEXT_MPLS,
    NEXT_MPLS_MULTICAST,
    NEXT_PPP,
    NEXT_PPPOE,
    NEXT_SKIP,
    NEXT_TAGS,
    NEXT_WIFI,
    open_link,
    open_llc,
    open_mpls,
    open_ppp,
    open_tag,
    open_wifi,
)
from farmwatch.wire.packets import Bytes, Ints
from farmwatch.wire.tunnels import open_gre, open_udp_tunnel

__all__ = ["ROWS_PER_PACKET", "decode_packet"]

ROWS_PER_PACKET = 8  #: a packet gives at most this many rows
_DEPTH = 32  # headers followed in one packet


@kernel
def decode_packet(  # noqa: C901, PLR0911, PLR0912, PLR0915  a kernel: splitting hides the loop
    data: Bytes,
    at: int,
    end: int,
    wire: int,
    ts: int,
    link: int,
    packet: int,
    rows: Ints,
    row: int,
    state: Ints,
    keys: Ints,
    pieces: Bytes,
    covered: Bytes,
    slots: Ints,
) -> int:
    """Decode one packet into rows from ``row`` on; the new row count.

    ``at``/``end`` bound the captured bytes in ``data``. Reassembled datagrams are read from ``pieces`` (see
    :mod:`farmwatch.wire.fragments`).
    """
    first_row = row
    smac = -1
    dmac = -1
    vlan = -1
    tunnel = 0
    linked = 1
    side = 0
    kind, at, smac, reason = open_link(data, at, end, link)
    if kind == NEXT_FAIL:
        state[S_REJECT + reason] += 1
        return row
    for _ in range(_DEPTH):
        at &= POSITION
        if kind == NEXT_ETHERNET:
            if at + 14 > end:
                state[S_REJECT + X_LINK_CUT] += 1
                return row
            dmac = be48(data, at)
            smac = be48(data, at + 6)
            linked = 1
            kind = be16(data, at + 12)
            at += 14
            if kind <= 1500:
                kind = NEXT_LLC
            elif kind < 0x600:
                kind = NEXT_SKIP
        elif kind in (0x8100, 0x88A8, 0x9100, 0x9200):
            if at + 4 > end:
                state[S_REJECT + X_LINK_CUT] += 1
                return row
            vlan = be16(data, at) & 0xFFF
            kind = be16(data, at + 2)
            at += 4
            if kind <= 1500:
                kind = NEXT_LLC
        elif kind == NEXT_IP:
            if at >= end:
                state[S_REJECT + X_IP_CUT] += 1
                return row
            version = (data[at] & 0xFF) >> 4
            if version == 4:
                kind = NEXT_IP4
            elif version == 6:
                kind = NEXT_IP6
            else:
                kind = NEXT_SKIP
        elif kind in (NEXT_IP4, NEXT_IP6):
            # ---- network layer ----
            version = 4
            source_hi = 0
            target_hi = 0
            fragment = 0
            more = 0
            if kind == NEXT_IP4:
                if at + 20 > end:
                    state[S_REJECT + X_IP_CUT] += 1
                    return row
                head = (data[at] & 0x0F) * 4
                total = be16(data, at + 2)
                if (data[at] & 0xFF) >> 4 != 4 or head < 20:
                    state[S_REJECT + X_IP_BAD] += 1
                    return row
                if total == 0:  # segmentation offload
                    total = end - at
                if total < head:
                    state[S_REJECT + X_IP_BAD] += 1
                    return row
                stop = at + total
                protocol = data[at + 9] & 0xFF
                ttl = data[at + 8] & 0xFF
                source_lo = 0xFFFF00000000 | be32(data, at + 12)
                target_lo = 0xFFFF00000000 | be32(data, at + 16)
                word = be16(data, at + 6)
                fragment = (word & 0x1FFF) * 8
                more = word & 0x2000
                ident = be16(data, at + 4) | protocol << 32
                at += head
            else:
                if at + 40 > end:
                    state[S_REJECT + X_IP_CUT] += 1
                    return row
                if (data[at] & 0xFF) >> 4 != 6:
                    state[S_REJECT + X_IP_BAD] += 1
                    return row
                version = 6
                total = be16(data, at + 4)
                protocol = data[at + 6] & 0xFF
                ttl = data[at + 7] & 0xFF
                source_hi = be64(data, at + 8)
                source_lo = be64(data, at + 16)
                target_hi = be64(data, at + 24)
                target_lo = be64(data, at + 32)
                at += 40
                stop = at + total if total else end
                ident = 0
                for _hop in range(16):
                    if protocol in (0, 43, 60, 135, 139, 140):
                        if at + 8 > end:
                            protocol = -1
                            break
                        protocol_next = data[at] & 0xFF
                        at += ((data[at + 1] & 0xFF) + 1) * 8
                        protocol = protocol_next
                    elif protocol == 51:
                        if at + 8 > end:
                            protocol = -1
                            break
                        protocol_next = data[at] & 0xFF
                        at += ((data[at + 1] & 0xFF) + 2) * 4
                        protocol = protocol_next
                    elif protocol == 44:
                        if at + 8 > end:
                            protocol = -1
                            break
                        protocol = data[at] & 0xFF
                        word = be16(data, at + 2)
                        fragment = word & 0xFFF8
                        more = word & 1
                        ident = be32(data, at + 4) | 1 << 40
                        at += 8
                        if fragment or more:
                            break
                    else:
                        break
                if protocol == -1:
                    state[S_REJECT + X_IP_CUT] += 1
                    return row
            if at > end or at > stop:
                state[S_REJECT + X_IP_CUT] += 1
                return row
            if fragment or more:
                result = -1
                if stop <= end:
                    result, size = gather(
                        data,
                        at,
                        stop - at,
                        fragment,
                        more,
                        source_hi,
                        source_lo,
                        target_hi,
                        target_lo,
                        ident,
                        packet,
                        pieces,
                        covered,
                        slots,
                    )
                    if result == -2:
                        state[S_REJECT + X_FRAGMENT_BAD] += 1
                        return row
                    if result >= 0:
                        state[S_FINISHED] += 1
                        data = pieces
                        side = 1
                        at = result
                        end = at + size
                        stop = end
                    else:
                        state[S_REJECT + X_FRAGMENT] += 1
                        return row
                elif fragment:
                    state[S_REJECT + X_FRAGMENT] += 1
                    return row
            if version == 4 and protocol == 51:  # authentication header over IPv4
                if at + 8 > end:
                    state[S_REJECT + X_IP_CUT] += 1
                    return row
                protocol_next = data[at] & 0xFF
                at += ((data[at + 1] & 0xFF) + 2) * 4
                protocol = protocol_next
                if at > end or at > stop:
                    state[S_REJECT + X_IP_CUT] += 1
                    return row
            bound = end
            bound = min(bound, stop)
            # ---- transport layer ----
            if row - first_row >= ROWS_PER_PACKET:
                state[S_REJECT + X_DEPTH] += 1
                return row
            base = row * R_WIDTH & POSITION
            at &= POSITION
            if protocol in (6, 17):
                if at + 8 > bound:
                    state[S_REJECT + X_L4_CUT] += 1
                    return row
                source_port = be16(data, at)
                target_port = be16(data, at + 2)
                if protocol == 6:
                    if at + 20 > bound:
                        state[S_REJECT + X_L4_CUT] += 1
                        return row
                    head = ((data[at + 12] & 0xFF) >> 4) * 4
                    if head < 20:
                        state[S_REJECT + X_L4_BAD] += 1
                        return row
                    rows[base + R_KIND] = K_TCP
                    rows[base + R_SEQ] = be32(data, at + 4)
                    rows[base + R_ACK] = be32(data, at + 8)
                    flags = data[at + 13] & 0xFF
                    rows[base + R_FLAGS] = flags
                    if head > 20:
                        read_options(data, at + 20, min(at + head, bound), rows, base, flags)
                    else:
                        rows[base + R_MSS] = -1
                        rows[base + R_SCALE] = -1
                        rows[base + R_TSVAL] = -1
                        rows[base + R_TSECR] = -1
                        rows[base + R_SACK] = 0
                    place = at + head
                    length = stop - place
                    length = max(length, 0)
                    state[S_PROTOCOL + P_TCP] += 1
                else:
                    rows[base + R_KIND] = K_UDP
                    place = at + 8
                    length = be16(data, at + 4)
                    if length < 8 and length != 0:
                        state[S_REJECT + X_L4_BAD] += 1
                        return row
                    length = stop - place if length == 0 else min(length - 8, stop - place)
                    state[S_PROTOCOL + P_UDP] += 1
                captured = min(length, bound - place)
                captured = max(captured, 0)
                rows[base + R_PORTS] = protocol << 32 | source_port << 16 | target_port
                rows[base + R_HASH] = settle(
                    stir(
                        (
                            endpoint_hash(source_hi, source_lo, source_port, keys)
                            + endpoint_hash(target_hi, target_lo, target_port, keys)
                            + protocol
                        )
                        & 0x3FFFFFFFFFFFFFFF,
                        keys,
                    )
                )
                rows[base + R_OFFSET] = place
                rows[base + R_CAPTURED] = captured
                rows[base + R_LENGTH] = length
            elif protocol == 58 and at < bound and 133 <= (data[at] & 0xFF) <= 137 and tunnel == 0:
                state[S_PROTOCOL + P_ICMPV6] += 1
                rows[base + R_KIND] = K_NDP
                rows[base + R_PORTS] = 0
                rows[base + R_OFFSET] = at
                rows[base + R_CAPTURED] = bound - at
                rows[base + R_LENGTH] = stop - at
            else:
                if protocol == 1:
                    state[S_PROTOCOL + P_ICMP] += 1
                elif protocol == 58:
                    state[S_PROTOCOL + P_ICMPV6] += 1
                elif protocol == 132:
                    state[S_PROTOCOL + P_SCTP] += 1
                elif protocol == 50:
                    state[S_PROTOCOL + P_ESP] += 1
                else:
                    state[S_PROTOCOL + P_OTHER_IP] += 1
                rows[base + R_KIND] = K_OTHER
                rows[base + R_PORTS] = 0
                rows[base + R_OFFSET] = at
                rows[base + R_CAPTURED] = 0
                rows[base + R_LENGTH] = 0
            rows[base + R_PACKET] = packet
            rows[base + R_TS] = ts
            rows[base + R_WIRE] = wire
            rows[base + R_SRC_HI] = source_hi
            rows[base + R_SRC_LO] = source_lo
            rows[base + R_DST_HI] = target_hi
            rows[base + R_DST_LO] = target_lo
            rows[base + R_SIDE] = side
            rows[base + R_SRC_MAC] = smac
            rows[base + R_DST_MAC] = dmac
            rows[base + R_VLAN] = vlan
            rows[base + R_TUNNEL] = tunnel
            rows[base + R_TTL] = ttl
            rows[base + R_VERSION] = version
            rows[base + R_LINKED] = linked
            row += 1
            # ---- tunnels ----
            kind = NEXT_SKIP
            inner = 0
            if protocol == 17:
                if captured >= 8:
                    kind, at, inner = open_udp_tunnel(data, place, place + captured, source_port, target_port)
            elif protocol == 47:
                kind, at, inner = open_gre(data, at, bound)
            elif protocol == 4:
                kind = NEXT_IP4
                inner = 2
            elif protocol == 41:
                kind = NEXT_IP6
                inner = 2
            elif protocol == 137:
                kind = NEXT_MPLS
                inner = tunnel
            elif protocol == 103 and at + 8 <= bound and data[at] == 0x21:  # PIM register, RFC 7761
                kind = NEXT_IP
                at += 8
                inner = 2
            elif protocol == 97 and at + 2 <= bound:  # EtherIP, RFC 3378
                kind = NEXT_ETHERNET
                at += 2
                inner = 2
            if kind == NEXT_SKIP:
                return row
            tunnel = inner
            end = bound
            smac = -1
            dmac = -1
            linked = 0
        elif kind == NEXT_LLC:
            kind, at = open_llc(data, at, end)
        elif kind in NEXT_TAGS:
            kind, at = open_tag(data, at, end, kind)
        elif kind == NEXT_WIFI:
            kind, at, smac, dmac, reason = open_wifi(data, at, end)
            if kind == NEXT_FAIL:
                state[S_REJECT + reason] += 1
                return row
        elif kind == NEXT_PPP:
            kind, at = open_ppp(data, at, end)
        elif kind == NEXT_PPPOE:
            if at + 6 > end:
                state[S_REJECT + X_LINK_CUT] += 1
                return row
            kind = NEXT_PPP if data[at + 1] == 0 else NEXT_SKIP
            at += 6
        elif kind in (NEXT_MPLS, NEXT_MPLS_MULTICAST):
            kind, at = open_mpls(data, at, end)
        elif kind in (NEXT_ARP, NEXT_LLDP, NEXT_CDP):
            if row - first_row >= ROWS_PER_PACKET:
                state[S_REJECT + X_DEPTH] += 1
                return row
            base = row * R_WIDTH
            if kind == NEXT_ARP:
                rows[base + R_KIND] = K_ARP
                state[S_PROTOCOL + P_ARP] += 1
            else:
                rows[base + R_KIND] = K_LLDP if kind == NEXT_LLDP else K_CDP
                state[S_PROTOCOL + P_OTHER_LINK] += 1
            rows[base + R_PACKET] = packet
            rows[base + R_TS] = ts
            rows[base + R_WIRE] = wire
            rows[base + R_SRC_HI] = 0
            rows[base + R_SRC_LO] = 0
            rows[base + R_DST_HI] = 0
            rows[base + R_DST_LO] = 0
            rows[base + R_PORTS] = 0
            rows[base + R_SIDE] = side
            rows[base + R_OFFSET] = at
            rows[base + R_CAPTURED] = max(end - at, 0)
            rows[base + R_LENGTH] = max(end - at, 0)
            rows[base + R_SRC_MAC] = smac
            rows[base + R_DST_MAC] = dmac
            rows[base + R_VLAN] = vlan
            rows[base + R_TUNNEL] = tunnel
            rows[base + R_VERSION] = 0
            rows[base + R_LINKED] = 0
            return row + 1
        else:
            if row == first_row:
                state[S_PROTOCOL + P_OTHER_LINK] += 1
            return row
    state[S_REJECT + X_DEPTH] += 1
    return row


@kernel
def read_options(data: Bytes, at: int, end: int, rows: Ints, base: int, flags: int) -> None:
    """Read TCP options (RFC 9293 section 3.1, RFC 7323, RFC 2018) into a row."""
    base &= POSITION
    mss = -1
    scale = -1
    value = -1
    echo = -1
    sack = 0
    while at < end:
        at &= POSITION
        option = data[at] & 0xFF
        if option == 1:
            at += 1
            continue
        if option == 0 or at + 2 > end:
            break
        size = data[at + 1] & 0xFF
        if size < 2 or at + size > end:
            break
        if option == 8 and size == 10:
            value = be32(data, at + 2)
            echo = be32(data, at + 6)
        elif option == 2 and size == 4:
            if flags & 2:
                mss = be16(data, at + 2)
        elif option == 3 and size == 3:
            if flags & 2:
                scale = data[at + 2] & 0xFF
        elif option == 5 and size >= 10 and (be32(data, at + 2) - rows[base + R_ACK]) & MASK32 <= MASK31:
            sack = 1  # a block below the acknowledgement would be a D-SACK (RFC 2883), not a hole
        at += size
    rows[base + R_MSS] = mss
    rows[base + R_SCALE] = scale
    rows[base + R_TSVAL] = value
    rows[base + R_TSECR] = echo
    rows[base + R_SACK] = sack
