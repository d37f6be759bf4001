"""Packet decode: from link-layer bytes to transport rows.

One packet may give several rows: the outer UDP row of a VXLAN packet and the inner TCP row, as tshark counts
conversations. Numbers come from IEEE 802 (ethertypes), IANA (protocol numbers, ports) and the RFC named at each step.
"""

from __future__ import annotations

from farmwatch.wire.fields import be16, be32, be48, be64, endpoint_hash, le16, stir
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
    X_ENCRYPTED,
    X_FRAGMENT,
    X_FRAGMENT_BAD,
    X_IP_BAD,
    X_IP_CUT,
    X_L4_BAD,
    X_L4_CUT,
    X_LINK,
    X_LINK_CUT,
)
from farmwatch.wire.packets import Bytes, Ints

__all__ = ["ROWS_PER_PACKET", "decode_packet"]

ROWS_PER_PACKET = 8  #: a packet gives at most this many rows
_DEPTH = 32  # headers followed in one packet

# What comes next: an ethertype (>= 0x600), or one of these.
_FAIL = 0
_ETHERNET = 1
_LLC = 2
_IP = 3
_PPP = 4
_WIFI = 5
_SKIP = 6  # nothing of interest; counted, not an error

_IP4 = 0x0800
_ARP = 0x0806
_IP6 = 0x86DD
_LLDP = 0x88CC
_PPPOE = 0x8864
_MPLS = 0x8847
_MPLS_MULTICAST = 0x8848
_TEB = 0x6558  # transparent Ethernet bridging (RFC 1701)
_ERSPAN = 0x88BE
_ERSPAN3 = 0x22EB
_CDP = 0x2000
_VN_TAG = 0x8926
_E_TAG = 0x893F  # IEEE 802.1BR
_SGT = 0x8909  # Cisco metadata
_PBB = 0x88E7  # IEEE 802.1ah
_FABRIC_PATH = 0x8903
_MACSEC = 0x88E5  # IEEE 802.1AE, readable only without encryption
_NSH = 0x894F  # RFC 8300
_TAGS = (_VN_TAG, _E_TAG, _SGT, _PBB, _FABRIC_PATH, _MACSEC, _NSH)
_WCCP = 0x883E
_GRE_PPP = 0x880B


@kernel
def open_link(data: Bytes, at: int, end: int, link: int) -> tuple[int, int, int, int]:  # noqa: C901, PLR0911, PLR0912, PLR0915  a kernel: splitting hides the loop
    """Read the capture's own link header: (what comes next, where, source MAC, reject reason)."""
    if link == 1:
        return _ETHERNET, at, -1, 0
    if link in (101, 12, 14, 228, 229):
        return _IP, at, -1, 0
    if link in (0, 108):
        if at + 4 > end:
            return _FAIL, at, -1, X_LINK_CUT
        family = (data[at] & 0xFF) | (data[at + 3] & 0xFF)  # host or network byte order; families are below 256
        if family in (2, 10, 24, 28, 30):
            return _IP, at + 4, -1, 0
        kind = be16(data, at + 2)
        if kind in (_IP4, _IP6):  # some writers put an ethertype here
            return kind, at + 4, -1, 0
        return _SKIP, at, -1, 0
    if link == 113:  # https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html
        if at + 16 > end:
            return _FAIL, at, -1, X_LINK_CUT
        mac = be48(data, at + 6) if be16(data, at + 4) == 6 else -1
        kind = be16(data, at + 14)
        hardware = be16(data, at + 2)
        if hardware == 824:  # netlink
            return _SKIP, at, -1, 0
        return _LLC if kind == 4 else kind, at + 16, mac, 0
    if link == 276:  # LINKTYPE_LINUX_SLL2
        if at + 20 > end:
            return _FAIL, at, -1, X_LINK_CUT
        mac = be48(data, at + 12) if data[at + 11] == 6 else -1
        kind = be16(data, at)
        return _LLC if kind == 4 else kind, at + 20, mac, 0
    if link == 105:
        return _WIFI, at, -1, 0
    if link in (127, 192):  # radiotap and PPI: both start with version, flags, little-endian length
        if at + 8 > end:
            return _FAIL, at, -1, X_LINK_CUT
        length = le16(data, at + 2)
        if length < 8 or at + length > end:
            return _FAIL, at, -1, X_LINK_CUT
        if link == 192 and data[at + 4] != 105:
            return (_ETHERNET if data[at + 4] == 1 else _SKIP), at + length, -1, 0
        return _WIFI, at + length, -1, 0
    if link in (9, 50, 166):
        return _PPP, at, -1, 0
    if link == 51:
        return _PPPOE, at, -1, 0
    if link == 8:  # SLIP
        return _IP, at + 16, -1, 0
    if link == 204:  # PPP with a direction byte
        return _PPP, at + 1, -1, 0
    if link == 104:  # Cisco HDLC
        if at + 4 > end:
            return _FAIL, at, -1, X_LINK_CUT
        return be16(data, at + 2), at + 4, -1, 0
    if link == 107:  # frame relay, RFC 2427: two address bytes
        if at + 4 > end:
            return _FAIL, at, -1, X_LINK_CUT
        if data[at + 2] == 0x03:
            nlpid = data[at + 3] & 0xFF
            if nlpid == 0xCC:
                return _IP4, at + 4, -1, 0
            if nlpid == 0x8E:
                return _IP6, at + 4, -1, 0
            if nlpid == 0 and at + 10 <= end and data[at + 4] == 0x80:
                return be16(data, at + 8), at + 10, -1, 0
            return _SKIP, at, -1, 0
        return be16(data, at + 2), at + 4, -1, 0
    if link in (149, 258):  # PKTAP of macOS: own length, record type, link type, all little-endian
        if at + 12 > end:
            return _FAIL, at, -1, X_LINK_CUT
        place = at + le16(data, at)
        inner = le16(data, at + 8)
        if inner == 1:
            return _ETHERNET, place, -1, 0
        if inner in (12, 14, 101):
            return _IP, place, -1, 0
        return (_IP, place + 4, -1, 0) if inner in (0, 108) else (_SKIP, at, -1, 0)
    if link == 10:  # FDDI; its addresses may be bit-swapped, so they are left out
        return _LLC, at + 13, -1, 0
    if link == 178:  # Juniper Ethernet: magic, flags, extensions
        if at + 6 > end or be16(data, at) != 0x4D47:
            return _FAIL, at, -1, X_LINK_CUT
        place = at + 4
        if data[at + 3] & 0x80:
            place += 2 + be16(data, at + 4)
        return (_SKIP if data[at + 3] & 2 else _ETHERNET), place, -1, 0
    if link == 242:  # IP over InfiniBand
        if at + 44 > end:
            return _FAIL, at, -1, X_LINK_CUT
        return be16(data, at + 40), at + 44, -1, 0
    if link == 100:  # LLC/SNAP over ATM, RFC 2684
        return _LLC, at, -1, 0
    if link == 239:  # LINKTYPE_NFLOG: type-length-value records; type 9 is the packet
        return open_nflog(data, at, end)
    return _FAIL, at, -1, X_LINK


@kernel
def open_nflog(data: Bytes, at: int, end: int) -> tuple[int, int, int, int]:
    """Find the packet among the records of an NFLOG frame."""
    place = at + 4
    for _ in range(64):
        if place + 4 > end:
            break
        length = le16(data, place)
        if length < 4:
            break
        if le16(data, place + 2) == 9:
            return _IP, place + 4, -1, 0
        place += length + 3 & ~3
    return _SKIP, at, -1, 0


@kernel
def open_wifi(data: Bytes, at: int, end: int) -> tuple[int, int, int, int, int]:
    """Read an IEEE 802.11 header: (what comes next, where, source MAC, destination MAC, reject reason)."""
    if at + 2 > end:
        return _FAIL, at, -1, -1, X_LINK_CUT
    control = data[at] & 0xFF
    flags = data[at + 1] & 0xFF
    if control & 0x0C != 0x08 or control & 0x40:  # not data, or data without data
        return _SKIP, at, -1, -1, 0
    if at + 24 > end:
        return _FAIL, at, -1, -1, X_LINK_CUT
    if flags & 0x40:
        return _FAIL, at, -1, -1, X_ENCRYPTED
    place = at + 24
    source = be48(data, at + 10)
    target = be48(data, at + 4)
    if flags & 3 == 1:
        target = be48(data, at + 16)
    elif flags & 3 == 2:
        source = be48(data, at + 16)
    elif flags & 3 == 3:
        if at + 30 > end:
            return _FAIL, at, -1, -1, X_LINK_CUT
        target = be48(data, at + 16)
        source = be48(data, at + 24)
        place += 6
    if control & 0x80:
        if place + 2 <= end and data[place] & 0x80:  # aggregated frames
            return _SKIP, at, -1, -1, 0
        place += 2
        if flags & 0x80:
            place += 4
    if flags & 4 or place >= end:
        return _SKIP, at, -1, -1, 0
    return _LLC, place, source, target, 0


@kernel
def open_llc(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Read an LLC and SNAP header: (ethertype or what comes next, where)."""
    if at + 3 > end:
        return _SKIP, at
    if data[at] == 0xAA and data[at + 1] == 0xAA and at + 8 <= end:
        owner = (data[at + 3] & 0xFF) << 16 | be16(data, at + 4)
        kind = be16(data, at + 6)
        if owner == 0x00000C and kind == _CDP:
            return _CDP, at + 8
        if owner in (0, 0xF8) and kind >= 0x600:
            return kind, at + 8
        if owner == 0x0080C2 and kind in (1, 7):  # bridged Ethernet, RFC 2684
            return _ETHERNET, at + (10 if kind in (1, 7) else 8)
        return _SKIP, at
    if data[at] == 0x06 and data[at + 1] == 0x06:
        return _IP4, at + 3
    return _SKIP, at


@kernel
def open_ppp(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Read a PPP protocol field, compressed or not, with or without address and control: (ethertype, where)."""
    if at + 2 <= end and ((data[at] == 0xFF and data[at + 1] == 0x03) or (data[at] == 0x0F and data[at + 1] == 0)):
        if data[at] == 0x0F:  # Cisco HDLC address in a PPP_HDLC capture
            return (be16(data, at + 2), at + 4) if at + 4 <= end else (_SKIP, at)
        at += 2
    if at + 1 > end:
        return _SKIP, at
    if data[at] & 1:
        kind = data[at] & 0xFF
        at += 1
    else:
        if at + 2 > end:
            return _SKIP, at
        kind = be16(data, at)
        at += 2
    if kind == 0x21:
        return _IP4, at
    if kind == 0x57:
        return _IP6, at
    if kind in (0x281, 0x283):
        return _MPLS, at
    return _SKIP, at


@kernel
def open_gre(data: Bytes, at: int, end: int) -> tuple[int, int, int]:  # noqa: C901, PLR0911, PLR0912  a kernel: splitting hides the loop
    """Read a GRE header (RFC 2784, 2890, 2637; ERSPAN): (ethertype or what comes next, where, tunnel kind)."""
    if at + 4 > end:
        return _SKIP, at, 1
    flags = be16(data, at)
    kind = be16(data, at + 2)
    place = at + 4
    if flags & 0xC000:  # checksum or routing present: checksum and offset words
        place += 4
    if flags & 0x2000:
        place += 4
    if flags & 0x1000:
        place += 4
    if flags & 7 == 1 and flags & 0x80:
        place += 4  # acknowledgement number of enhanced GRE
    if flags & 0x4000:
        for _ in range(16):
            if place + 4 > end:
                return _SKIP, at, 1
            length = data[place + 3] & 0xFF
            stop = be16(data, place) == 0 and length == 0
            place += 4 + length
            if stop:
                break
    if place > end:
        return _SKIP, at, 1
    if kind == _GRE_PPP:
        return _PPP, place, 8
    if kind == _TEB:
        return _ETHERNET, place, 1
    if kind == _ERSPAN:
        # without a sequence number the frame follows at once (type I)
        return _ETHERNET, place + (8 if flags & 0x1000 else 0), 7
    if kind == _ERSPAN3:
        if place + 12 > end:
            return _SKIP, at, 7
        return _ETHERNET, place + (20 if data[place + 11] & 1 else 12), 7
    if kind == _WCCP:  # with or without a four-byte redirect header
        return _IP, place if place < end and (data[place] & 0xF0) == 0x40 else place + 4, 1
    if 0x8200 <= kind <= 0x8210:  # Aruba: 802.11 frames
        return _WIFI, place, 1
    if kind in (_IP4, _IP6, _MPLS, _MPLS_MULTICAST, 0x8100, _ARP, _NSH):
        return kind, place, 1
    return _SKIP, at, 1


@kernel
def open_udp_tunnel(data: Bytes, at: int, end: int, source: int, target: int) -> tuple[int, int, int]:  # noqa: C901, PLR0911, PLR0912  a kernel: splitting hides the loop
    """What a UDP payload carries, if it is a tunnel: (what comes next, where, tunnel kind)."""
    if target == 4789 or (source == 4789 and target != 53):  # VXLAN, RFC 7348
        if at + 8 <= end and data[at] & 0x08:
            return _ETHERNET, at + 8, 3
    elif target == 6081 or source == 6081:  # GENEVE, RFC 8926
        if at + 8 <= end and data[at] & 0xC0 == 0:
            place = at + 8 + (data[at] & 0x3F) * 4
            kind = be16(data, at + 2)
            if place <= end:
                if kind == _TEB:
                    return _ETHERNET, place, 4
                if kind in (_IP4, _IP6, _MPLS):
                    return kind, place, 4
    elif target == 2152 or source == 2152:  # GTP-U, 3GPP TS 29.281 section 5
        if at + 8 <= end and data[at] & 0xF0 == 0x30 and data[at + 1] == 255:
            place = at + 8
            if data[at] & 7:
                if at + 12 > end:
                    return _SKIP, at, 5
                extension = (data[at + 11] & 0xFF) if data[at] & 4 else 0
                place = at + 12
                for _ in range(8):
                    if extension == 0 or place + 4 > end:
                        break
                    length = (data[place] & 0xFF) * 4
                    if length == 0 or place + length > end:
                        return _SKIP, at, 5
                    extension = data[place + length - 1] & 0xFF
                    place += length
            return _IP, place, 5
    elif target == 3544 or source == 3544:  # Teredo, RFC 4380 section 5.1.1
        place = at
        if place + 13 <= end and be16(data, place) == 1:  # authentication
            place += 13 + (data[place + 2] & 0xFF) + (data[place + 3] & 0xFF)
        if place + 8 <= end and be16(data, place) == 0:  # origin indication
            place += 8
        if place + 40 <= end and data[place] & 0xF0 == 0x60:
            return _IP6, place, 6
    elif target == 4790 or source == 4790:  # VXLAN-GPE
        if at + 8 <= end and data[at] & 0x0C == 0x0C:
            return inner_protocol(data[at + 3] & 0xFF), at + 8, 3
    elif target == 4341:  # LISP data, RFC 9300
        if at + 8 < end:
            return _IP, at + 8, 9
    elif target == 4342:  # LISP encapsulated control message
        if at + 4 < end and data[at] & 0xF0 == 0x80:
            return _IP, at + 4, 9
    elif target == 4754:  # GRE in UDP, RFC 8086
        return open_gre(data, at, end)
    elif target == 5072 or source == 5072:  # AYIYA: identity and signature lengths in 32-bit words
        if at + 8 > end or data[at + 3] not in (4, 41):
            return _SKIP, at, 0
        place = at + 8 + (1 << ((data[at] & 0xFF) >> 4)) + ((data[at + 1] & 0xFF) >> 4) * 4
        if place < end:
            return (_IP4 if data[at + 3] == 4 else _IP6), place, 2
    return _SKIP, at, 0


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
    if kind == _FAIL:
        state[S_REJECT + reason] += 1
        return row
    for _ in range(_DEPTH):
        at &= POSITION
        if kind == _ETHERNET:
            if at + 14 > end:
                state[S_REJECT + X_LINK_CUT] += 1
                return row
            dmac = be48(data, at)
            smac = be48(data, at + 6)
            linked = 1
            kind = be16(data, at + 12)
            at += 14
            if kind <= 1500:
                kind = _LLC
            elif kind < 0x600:
                kind = _SKIP
        elif kind in (0x8100, 0x88A8, 0x9100, 0x9200):
            if at + 4 > end:
                state[S_REJECT + X_LINK_CUT] += 1
                return row
            vlan = be16(data, at) & 0xFFF
            kind = be16(data, at + 2)
            at += 4
            if kind <= 1500:
                kind = _LLC
        elif kind == _IP:
            if at >= end:
                state[S_REJECT + X_IP_CUT] += 1
                return row
            version = (data[at] & 0xFF) >> 4
            if version == 4:
                kind = _IP4
            elif version == 6:
                kind = _IP6
            else:
                kind = _SKIP
        elif kind in (_IP4, _IP6):
            # ---- network layer ----
            version = 4
            source_hi = 0
            target_hi = 0
            fragment = 0
            more = 0
            if kind == _IP4:
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
                rows[base + R_HASH] = stir(
                    (
                        endpoint_hash(source_hi, source_lo, source_port, keys)
                        + endpoint_hash(target_hi, target_lo, target_port, keys)
                        + protocol
                    )
                    & 0x3FFFFFFFFFFFFFFF,
                    keys,
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
            kind = _SKIP
            inner = 0
            if protocol == 17:
                if captured >= 8:
                    kind, at, inner = open_udp_tunnel(data, place, place + captured, source_port, target_port)
            elif protocol == 47:
                kind, at, inner = open_gre(data, at, bound)
            elif protocol == 4:
                kind = _IP4
                inner = 2
            elif protocol == 41:
                kind = _IP6
                inner = 2
            elif protocol == 137:
                kind = _MPLS
                inner = tunnel
            elif protocol == 103 and at + 8 <= bound and data[at] == 0x21:  # PIM register, RFC 7761
                kind = _IP
                at += 8
                inner = 2
            elif protocol == 97 and at + 2 <= bound:  # EtherIP, RFC 3378
                kind = _ETHERNET
                at += 2
                inner = 2
            if kind == _SKIP:
                return row
            tunnel = inner
            end = bound
            smac = -1
            dmac = -1
            linked = 0
        elif kind == _LLC:
            kind, at = open_llc(data, at, end)
        elif kind in _TAGS:
            kind, at = open_tag(data, at, end, kind)
        elif kind == _WIFI:
            kind, at, smac, dmac, reason = open_wifi(data, at, end)
            if kind == _FAIL:
                state[S_REJECT + reason] += 1
                return row
        elif kind == _PPP:
            kind, at = open_ppp(data, at, end)
        elif kind == _PPPOE:
            if at + 6 > end:
                state[S_REJECT + X_LINK_CUT] += 1
                return row
            kind = _PPP if data[at + 1] == 0 else _SKIP
            at += 6
        elif kind in (_MPLS, _MPLS_MULTICAST):
            kind, at = open_mpls(data, at, end)
        elif kind in (_ARP, _LLDP, _CDP):
            if row - first_row >= ROWS_PER_PACKET:
                state[S_REJECT + X_DEPTH] += 1
                return row
            base = row * R_WIDTH
            if kind == _ARP:
                rows[base + R_KIND] = K_ARP
                state[S_PROTOCOL + P_ARP] += 1
            else:
                rows[base + R_KIND] = K_LLDP if kind == _LLDP else K_CDP
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
def open_tag(data: Bytes, at: int, end: int, kind: int) -> tuple[int, int]:  # noqa: PLR0911  a kernel: splitting hides the loop
    """Step over a tag that switches put between the MACs and the payload: (what comes next, where)."""
    if at + 8 > end:
        return _SKIP, at
    if kind == _PBB:
        return _ETHERNET, at + 4
    if kind == _FABRIC_PATH:
        return _ETHERNET, at + 2
    if kind == _NSH:
        size = (be16(data, at) & 0x3F) * 4
        following = data[at + 3] & 0xFF
        if size < 8 or at + size > end:
            return _SKIP, at
        return inner_protocol(following), at + size
    if kind == _MACSEC:
        if data[at] & 0x0C:  # encrypted or changed text
            return _SKIP, at
        size = 14 if data[at] & 0x20 else 6
        if at + size + 2 > end:
            return _SKIP, at
        return be16(data, at + size), at + size + 2
    size = 4 if kind == _VN_TAG else 6
    return be16(data, at + size), at + size + 2


@kernel
def inner_protocol(number: int) -> int:
    """The next-protocol numbers shared by NSH (RFC 8300) and VXLAN-GPE."""
    if number == 1:
        return _IP4
    if number == 2:
        return _IP6
    if number == 3:
        return _ETHERNET
    if number == 4:
        return _NSH
    return _SKIP


@kernel
def open_mpls(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Walk an MPLS label stack (RFC 3032) and guess what is below it by its first nibble, as routers do."""
    for _ in range(16):
        if at + 4 > end:
            return _SKIP, at
        bottom = data[at + 2] & 1
        at += 4
        if bottom:
            break
    if at >= end:
        return _SKIP, at
    nibble = (data[at] & 0xFF) >> 4
    if nibble == 4:
        return _IP4, at
    if nibble == 6:
        return _IP6, at
    if nibble == 0 and at + 18 <= end:  # pseudowire control word, RFC 4385
        return _ETHERNET, at + 4
    return _SKIP, at


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
