"""Kernels that open tunnels: GRE and what UDP ports carry."""

from __future__ import annotations

from farmwatch.wire.fields import (
    be16,
)
from farmwatch.wire.jit import kernel
from farmwatch.wire.links import (
    NEXT_ARP,
    NEXT_ERSPAN,
    NEXT_ERSPAN3,
    NEXT_ETHERNET,
    NEXT_GRE_PPP,
    NEXT_IP,
    NEXT_IP4,
    NEXT_IP6,
    NEXT_MPLS,
    NEXT_MPLS_MULTICAST,
    NEXT_NSH,
    NEXT_PPP,
    NEXT_SKIP,
    NEXT_TEB,
    NEXT_WCCP,
    NEXT_WIFI,
    inner_protocol,
)
from farmwatch.wire.packets import Bytes

__all__ = ["open_gre", "open_udp_tunnel"]


@kernel
def open_gre(data: Bytes, at: int, end: int) -> tuple[int, int, int]:  # noqa: C901, PLR0911, PLR0912  a kernel: splitting hides the loop
    """Read a GRE header (RFC 2784, 2890, 2637; ERSPAN): (ethertype or what comes next, where, tunnel kind)."""
    if at + 4 > end:
        return NEXT_SKIP, at, 1
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
                return NEXT_SKIP, at, 1
            length = data[place + 3] & 0xFF
            stop = be16(data, place) == 0 and length == 0
            place += 4 + length
            if stop:
                break
    if place > end:
        return NEXT_SKIP, at, 1
    if kind == NEXT_GRE_PPP:
        return NEXT_PPP, place, 8
    if kind == NEXT_TEB:
        return NEXT_ETHERNET, place, 1
    if kind == NEXT_ERSPAN:
        # without a sequence number the frame follows at once (type I)
        return NEXT_ETHERNET, place + (8 if flags & 0x1000 else 0), 7
    if kind == NEXT_ERSPAN3:
        if place + 12 > end:
            return NEXT_SKIP, at, 7
        return NEXT_ETHERNET, place + (20 if data[place + 11] & 1 else 12), 7
    if kind == NEXT_WCCP:  # with or without a four-byte redirect header
        return NEXT_IP, place if place < end and (data[place] & 0xF0) == 0x40 else place + 4, 1
    if 0x8200 <= kind <= 0x8210:  # Aruba: 802.11 frames
        return NEXT_WIFI, place, 1
    if kind in (NEXT_IP4, NEXT_IP6, NEXT_MPLS, NEXT_MPLS_MULTICAST, 0x8100, NEXT_ARP, NEXT_NSH):
        return kind, place, 1
    return NEXT_SKIP, at, 1


@kernel
def open_udp_tunnel(data: Bytes, at: int, end: int, source: int, target: int) -> tuple[int, int, int]:  # noqa: C901, PLR0911, PLR0912  a kernel: splitting hides the loop
    """What a UDP payload carries, if it is a tunnel: (what comes next, where, tunnel kind)."""
    if target == 4789 or (source == 4789 and target != 53):  # VXLAN, RFC 7348
        if at + 8 <= end and data[at] & 0x08:
            return NEXT_ETHERNET, at + 8, 3
    elif target == 6081 or source == 6081:  # GENEVE, RFC 8926
        if at + 8 <= end and data[at] & 0xC0 == 0:
            place = at + 8 + (data[at] & 0x3F) * 4
            kind = be16(data, at + 2)
            if place <= end:
                if kind == NEXT_TEB:
                    return NEXT_ETHERNET, place, 4
                if kind in (NEXT_IP4, NEXT_IP6, NEXT_MPLS):
                    return kind, place, 4
    elif target == 2152 or source == 2152:  # GTP-U, 3GPP TS 29.281 section 5
        if at + 8 <= end and data[at] & 0xF0 == 0x30 and data[at + 1] == 255:
            place = at + 8
            if data[at] & 7:
                if at + 12 > end:
                    return NEXT_SKIP, at, 5
                extension = (data[at + 11] & 0xFF) if data[at] & 4 else 0
                place = at + 12
                for _ in range(8):
                    if extension == 0 or place + 4 > end:
                        break
                    length = (data[place] & 0xFF) * 4
                    if length == 0 or place + length > end:
                        return NEXT_SKIP, at, 5
                    extension = data[place + length - 1] & 0xFF
                    place += length
            return NEXT_IP, place, 5
    elif target == 3544 or source == 3544:  # Teredo, RFC 4380 section 5.1.1
        place = at
        if place + 13 <= end and be16(data, place) == 1:  # authentication
            place += 13 + (data[place + 2] & 0xFF) + (data[place + 3] & 0xFF)
        if place + 8 <= end and be16(data, place) == 0:  # origin indication
            place += 8
        if place + 40 <= end and data[place] & 0xF0 == 0x60:
            return NEXT_IP6, place, 6
    elif target == 4790 or source == 4790:  # VXLAN-GPE
        if at + 8 <= end and data[at] & 0x0C == 0x0C:
            return inner_protocol(data[at + 3] & 0xFF), at + 8, 3
    elif target == 4341:  # LISP data, RFC 9300
        if at + 8 < end:
            return NEXT_IP, at + 8, 9
    elif target == 4342:  # LISP encapsulated control message
        if at + 4 < end and data[at] & 0xF0 == 0x80:
            return NEXT_IP, at + 4, 9
    elif target == 4754:  # GRE in UDP, RFC 8086
        return open_gre(data, at, end)
    elif target == 5072 or source == 5072:  # AYIYA: identity and signature lengths in 32-bit words
        if at + 8 > end or data[at + 3] not in (4, 41):
            return NEXT_SKIP, at, 0
        place = at + 8 + (1 << ((data[at] & 0xFF) >> 4)) + ((data[at + 1] & 0xFF) >> 4) * 4
        if place < end:
            return (NEXT_IP4 if data[at + 3] == 4 else NEXT_IP6), place, 2
    return NEXT_SKIP, at, 0
