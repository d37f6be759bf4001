"""Kernels that open link-layer headers: what a capture's link type starts with, and tags between MACs and payload.

Each says what comes next (a ``NEXT_`` number) and where. Numbers come from https://www.tcpdump.org/linktypes.html and
IEEE 802 (ethertypes).
"""

from __future__ import annotations

from farmwatch.wire.fields import (
    be16,
    be48,
    le16,
)
from farmwatch.wire.jit import kernel
from farmwatch.wire.layout import (
    X_ENCRYPTED,
    X_LINK,
    X_LINK_CUT,
)
from farmwatch.wire.packets import Bytes

__all__ = [
    "NEXT_ARP",
    "NEXT_CDP",
    "NEXT_ERSPAN",
    "NEXT_ERSPAN3",
    "NEXT_ETHERNET",
    "NEXT_E_TAG",
    "NEXT_FABRIC_PATH",
    "NEXT_FAIL",
    "NEXT_GRE_PPP",
    "NEXT_IP",
    "NEXT_IP4",
    "NEXT_IP6",
    "NEXT_LLC",
    "NEXT_LLDP",
    "NEXT_MACSEC",
    "NEXT_MPLS",
    "NEXT_MPLS_MULTICAST",
    "NEXT_NSH",
    "NEXT_PBB",
    "NEXT_PPP",
    "NEXT_PPPOE",
    "NEXT_SGT",
    "NEXT_SKIP",
    "NEXT_TAGS",
    "NEXT_TEB",
    "NEXT_VN_TAG",
    "NEXT_WCCP",
    "NEXT_WIFI",
    "inner_protocol",
    "open_link",
    "open_llc",
    "open_mpls",
    "open_nflog",
    "open_ppp",
    "open_tag",
    "open_wifi",
]

# What comes next: an ethertype (>= 0x600), or one of these. A number read from a packet could be any of them, so it
# passes through ``next_after`` first.
_FIRST_ETHERTYPE = 0x600
_LARGEST_LENGTH = 1500  # IEEE 802.3: up to here a type field is a length, and LLC follows
NEXT_FAIL = 0
NEXT_ETHERNET = 1
NEXT_LLC = 2
NEXT_IP = 3
NEXT_PPP = 4
NEXT_WIFI = 5
NEXT_SKIP = 6  # nothing of interest; counted, not an error

NEXT_IP4 = 0x0800
NEXT_ARP = 0x0806
NEXT_IP6 = 0x86DD
NEXT_LLDP = 0x88CC
NEXT_PPPOE = 0x8864
NEXT_MPLS = 0x8847
NEXT_MPLS_MULTICAST = 0x8848
NEXT_TEB = 0x6558  # transparent Ethernet bridging (RFC 1701)
NEXT_ERSPAN = 0x88BE
NEXT_ERSPAN3 = 0x22EB
NEXT_CDP = 0x2000
NEXT_VN_TAG = 0x8926
NEXT_E_TAG = 0x893F  # IEEE 802.1BR
NEXT_SGT = 0x8909  # Cisco metadata
NEXT_PBB = 0x88E7  # IEEE 802.1ah
NEXT_FABRIC_PATH = 0x8903
NEXT_MACSEC = 0x88E5  # IEEE 802.1AE, readable only without encryption
NEXT_NSH = 0x894F  # RFC 8300
NEXT_TAGS = (NEXT_VN_TAG, NEXT_E_TAG, NEXT_SGT, NEXT_PBB, NEXT_FABRIC_PATH, NEXT_MACSEC, NEXT_NSH)
NEXT_WCCP = 0x883E
NEXT_GRE_PPP = 0x880B


@kernel
def next_after(kind: int) -> int:
    """What comes after a type field that cannot be a length."""
    return kind if kind >= _FIRST_ETHERTYPE else NEXT_SKIP


@kernel
def open_link(data: Bytes, at: int, end: int, link: int) -> tuple[int, int, int, int]:  # noqa: C901, PLR0911, PLR0912, PLR0915  a kernel: splitting hides the loop
    """Read the capture's own link header: (what comes next, where, source MAC, reject reason)."""
    if link == 1:
        return NEXT_ETHERNET, at, -1, 0
    if link in (101, 12, 14, 228, 229):
        return NEXT_IP, at, -1, 0
    if link in (0, 108):
        if at + 4 > end:
            return NEXT_FAIL, at, -1, X_LINK_CUT
        family = (data[at] & 0xFF) | (data[at + 3] & 0xFF)  # host or network byte order; families are below 256
        if family in (2, 10, 24, 28, 30):
            return NEXT_IP, at + 4, -1, 0
        kind = be16(data, at + 2)
        if kind in (NEXT_IP4, NEXT_IP6):  # some writers put an ethertype here
            return kind, at + 4, -1, 0
        return NEXT_SKIP, at, -1, 0
    if link == 113:  # https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html
        if at + 16 > end:
            return NEXT_FAIL, at, -1, X_LINK_CUT
        mac = be48(data, at + 6) if be16(data, at + 4) == 6 else -1
        kind = be16(data, at + 14)
        hardware = be16(data, at + 2)
        if hardware == 824:  # netlink
            return NEXT_SKIP, at, -1, 0
        return NEXT_LLC if kind == 4 else next_after(kind), at + 16, mac, 0
    if link == 276:  # LINKTYPE_LINUX_SLL2
        if at + 20 > end:
            return NEXT_FAIL, at, -1, X_LINK_CUT
        mac = be48(data, at + 12) if data[at + 11] == 6 else -1
        kind = be16(data, at)
        if be16(data, at + 8) == 824:  # netlink
            return NEXT_SKIP, at, -1, 0
        return NEXT_LLC if kind == 4 else next_after(kind), at + 20, mac, 0
    if link == 105:
        return NEXT_WIFI, at, -1, 0
    if link in (127, 192):  # radiotap and PPI: both start with version, flags, little-endian length
        if at + 8 > end:
            return NEXT_FAIL, at, -1, X_LINK_CUT
        length = le16(data, at + 2)
        if length < 8 or at + length > end:
            return NEXT_FAIL, at, -1, X_LINK_CUT
        if link == 192 and data[at + 4] != 105:
            return (NEXT_ETHERNET if data[at + 4] == 1 else NEXT_SKIP), at + length, -1, 0
        return NEXT_WIFI, at + length, -1, 0
    if link in (9, 50, 166):
        return NEXT_PPP, at, -1, 0
    if link == 51:
        return NEXT_PPPOE, at, -1, 0
    if link == 8:  # SLIP
        return NEXT_IP, at + 16, -1, 0
    if link == 204:  # PPP with a direction byte
        return NEXT_PPP, at + 1, -1, 0
    if link == 104:  # Cisco HDLC
        if at + 4 > end:
            return NEXT_FAIL, at, -1, X_LINK_CUT
        return next_after(be16(data, at + 2)), at + 4, -1, 0
    if link == 107:  # frame relay, RFC 2427: two address bytes
        if at + 4 > end:
            return NEXT_FAIL, at, -1, X_LINK_CUT
        if data[at + 2] == 0x03:
            nlpid = data[at + 3] & 0xFF
            if nlpid == 0xCC:
                return NEXT_IP4, at + 4, -1, 0
            if nlpid == 0x8E:
                return NEXT_IP6, at + 4, -1, 0
            if nlpid == 0 and at + 10 <= end and data[at + 4] == 0x80:
                return next_after(be16(data, at + 8)), at + 10, -1, 0
            return NEXT_SKIP, at, -1, 0
        return next_after(be16(data, at + 2)), at + 4, -1, 0
    if link in (149, 258):  # PKTAP of macOS: own length, record type, link type, all little-endian
        if at + 12 > end:
            return NEXT_FAIL, at, -1, X_LINK_CUT
        place = at + le16(data, at)
        inner = le16(data, at + 8)
        if inner == 1:
            return NEXT_ETHERNET, place, -1, 0
        if inner in (12, 14, 101):
            return NEXT_IP, place, -1, 0
        return (NEXT_IP, place + 4, -1, 0) if inner in (0, 108) else (NEXT_SKIP, at, -1, 0)
    if link == 10:  # FDDI; its addresses may be bit-swapped, so they are left out
        return NEXT_LLC, at + 13, -1, 0
    if link == 178:  # Juniper Ethernet: magic, flags, extensions
        if at + 6 > end or be16(data, at) != 0x4D47:
            return NEXT_FAIL, at, -1, X_LINK_CUT
        place = at + 4
        if data[at + 3] & 0x80:
            place += 2 + be16(data, at + 4)
        return (NEXT_SKIP if data[at + 3] & 2 else NEXT_ETHERNET), place, -1, 0
    if link == 242:  # IP over InfiniBand
        if at + 44 > end:
            return NEXT_FAIL, at, -1, X_LINK_CUT
        return next_after(be16(data, at + 40)), at + 44, -1, 0
    if link == 100:  # LLC/SNAP over ATM, RFC 2684
        return NEXT_LLC, at, -1, 0
    if link == 239:  # LINKTYPE_NFLOG: type-length-value records; type 9 is the packet
        return open_nflog(data, at, end)
    return NEXT_FAIL, at, -1, X_LINK


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
            return NEXT_IP, place + 4, -1, 0
        place += length + 3 & ~3
    return NEXT_SKIP, at, -1, 0


@kernel
def open_wifi(data: Bytes, at: int, end: int) -> tuple[int, int, int, int, int]:
    """Read an IEEE 802.11 header: (what comes next, where, source MAC, destination MAC, reject reason)."""
    if at + 2 > end:
        return NEXT_FAIL, at, -1, -1, X_LINK_CUT
    control = data[at] & 0xFF
    flags = data[at + 1] & 0xFF
    if control & 0x0C != 0x08 or control & 0x40:  # not data, or data without data
        return NEXT_SKIP, at, -1, -1, 0
    if at + 24 > end:
        return NEXT_FAIL, at, -1, -1, X_LINK_CUT
    if flags & 0x40:
        return NEXT_FAIL, at, -1, -1, X_ENCRYPTED
    place = at + 24
    source = be48(data, at + 10)
    target = be48(data, at + 4)
    if flags & 3 == 1:
        target = be48(data, at + 16)
    elif flags & 3 == 2:
        source = be48(data, at + 16)
    elif flags & 3 == 3:
        if at + 30 > end:
            return NEXT_FAIL, at, -1, -1, X_LINK_CUT
        target = be48(data, at + 16)
        source = be48(data, at + 24)
        place += 6
    if control & 0x80:
        if place + 2 <= end and data[place] & 0x80:  # aggregated frames
            return NEXT_SKIP, at, -1, -1, 0
        place += 2
        if flags & 0x80:
            place += 4
    if flags & 4 or place >= end:
        return NEXT_SKIP, at, -1, -1, 0
    return NEXT_LLC, place, source, target, 0


@kernel
def open_llc(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Read an LLC and SNAP header: (ethertype or what comes next, where)."""
    if at + 3 > end:
        return NEXT_SKIP, at
    if data[at] == 0xAA and data[at + 1] == 0xAA and at + 8 <= end:
        owner = (data[at + 3] & 0xFF) << 16 | be16(data, at + 4)
        kind = be16(data, at + 6)
        if owner == 0x00000C and kind == NEXT_CDP:
            return NEXT_CDP, at + 8
        if owner in (0, 0xF8) and kind >= 0x600:
            return kind, at + 8
        if owner == 0x0080C2 and kind in (1, 7):  # bridged Ethernet, RFC 2684
            return NEXT_ETHERNET, at + (10 if kind in (1, 7) else 8)
        return NEXT_SKIP, at
    if data[at] == 0x06 and data[at + 1] == 0x06:
        return NEXT_IP4, at + 3
    return NEXT_SKIP, at


@kernel
def open_ppp(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Read a PPP protocol field, compressed or not, with or without address and control: (ethertype, where)."""
    if at + 2 <= end and ((data[at] == 0xFF and data[at + 1] == 0x03) or (data[at] == 0x0F and data[at + 1] == 0)):
        if data[at] == 0x0F:  # Cisco HDLC address in a PPP_HDLC capture
            return (next_after(be16(data, at + 2)), at + 4) if at + 4 <= end else (NEXT_SKIP, at)
        at += 2
    if at + 1 > end:
        return NEXT_SKIP, at
    if data[at] & 1:
        kind = data[at] & 0xFF
        at += 1
    else:
        if at + 2 > end:
            return NEXT_SKIP, at
        kind = be16(data, at)
        at += 2
    if kind == 0x21:
        return NEXT_IP4, at
    if kind == 0x57:
        return NEXT_IP6, at
    if kind in (0x281, 0x283):
        return NEXT_MPLS, at
    return NEXT_SKIP, at


@kernel
def open_tag(data: Bytes, at: int, end: int, kind: int) -> tuple[int, int]:
    """Step over a tag that switches put between the MACs and the payload: (what comes next, where)."""
    if at + 8 > end:
        return NEXT_SKIP, at
    if kind == NEXT_PBB:
        return NEXT_ETHERNET, at + 4
    if kind == NEXT_FABRIC_PATH:
        return NEXT_ETHERNET, at + 2
    if kind == NEXT_NSH:
        size = (be16(data, at) & 0x3F) * 4
        following = data[at + 3] & 0xFF
        if size < 8 or at + size > end:
            return NEXT_SKIP, at
        return inner_protocol(following), at + size
    if kind == NEXT_MACSEC:
        if data[at] & 0x0C:  # encrypted or changed text
            return NEXT_SKIP, at
        size = 14 if data[at] & 0x20 else 6
        if at + size + 2 > end:
            return NEXT_SKIP, at
    else:
        size = 4 if kind == NEXT_VN_TAG else 6
    following = be16(data, at + size)
    return NEXT_LLC if following <= _LARGEST_LENGTH else next_after(following), at + size + 2


@kernel
def inner_protocol(number: int) -> int:
    """The next-protocol numbers shared by NSH (RFC 8300) and VXLAN-GPE."""
    if number == 1:
        return NEXT_IP4
    if number == 2:
        return NEXT_IP6
    if number == 3:
        return NEXT_ETHERNET
    if number == 4:
        return NEXT_NSH
    return NEXT_SKIP


@kernel
def open_mpls(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Walk an MPLS label stack (RFC 3032) and guess what is below it by its first nibble, as routers do."""
    for _ in range(16):
        if at + 4 > end:
            return NEXT_SKIP, at
        bottom = data[at + 2] & 1
        at += 4
        if bottom:
            break
    if at >= end:
        return NEXT_SKIP, at
    nibble = (data[at] & 0xFF) >> 4
    if nibble == 4:
        return NEXT_IP4, at
    if nibble == 6:
        return NEXT_IP6, at
    if nibble == 0 and at + 18 <= end:  # pseudowire control word, RFC 4385
        return NEXT_ETHERNET, at + 4
    return NEXT_SKIP, at
