"""IPv6 neighbour discovery: routers, prefixes and the hardware address behind an IPv6 address.

Sources: RFC 4861 sections 4.1 to 4.6 (messages and options), RFC 8106 (RDNSS, DNSSL), RFC 4191 (default router
preference, skipped).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from socket import AF_INET6, inet_ntop

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.dns import domain_list
from farmwatch.wire.protocols.text import mac_text

__all__ = ["NdpMessage", "NdpPrefix", "parse_ndp"]

ROUTER_SOLICITATION = 133
ROUTER_ADVERTISEMENT = 134
NEIGHBOR_SOLICITATION = 135
NEIGHBOR_ADVERTISEMENT = 136
REDIRECT = 137

_FIXED_BYTES = {
    ROUTER_SOLICITATION: 8,
    ROUTER_ADVERTISEMENT: 16,
    NEIGHBOR_SOLICITATION: 24,
    NEIGHBOR_ADVERTISEMENT: 24,
    REDIRECT: 40,
}
_MAX_OPTIONS = 64


@dataclass(frozen=True, slots=True)
class NdpPrefix:
    """Prefix information option (RFC 4861 section 4.6.2); lifetimes in seconds."""

    prefix: str
    length: int
    on_link: bool
    autonomous: bool
    valid_lifetime: int
    preferred_lifetime: int


@dataclass(frozen=True, slots=True)
class NdpMessage:
    """One neighbour discovery message; what a message type or its options lack is empty or zero.

    ``target`` is the address asked for or answered (NS, NA) or the better first hop (redirect), ``destination`` the
    redirected one. ``router_lifetime`` in seconds, ``hop_limit`` and the managed and other flags are those of a
    router advertisement; ``router``, ``solicited`` and ``override`` those of a neighbour advertisement.
    """

    icmp_type: int
    target: str
    destination: str
    source_mac: str
    target_mac: str
    hop_limit: int
    managed: bool
    other_config: bool
    router_lifetime: int
    router: bool
    solicited: bool
    override: bool
    mtu: int
    prefixes: tuple[NdpPrefix, ...]
    dns_servers: tuple[str, ...]
    search_domains: tuple[str, ...]


def parse_ndp(icmpv6: bytes) -> NdpMessage:
    """Decode an ICMPv6 message of type 133 to 137, from its type byte on (RFC 4861 section 4).

    Options behind a damaged one are left out. Sample: ``87 00 0000 00000000 fe80::1 01 01 02005e100001`` is a
    neighbour solicitation for fe80::1 with its sender's hardware address.

    Raises:
        DecodeError: another ICMPv6 type, or shorter than the fixed part.
    """
    if not icmpv6 or icmpv6[0] not in _FIXED_BYTES:
        raise DecodeError("not a neighbour discovery message (ICMPv6 type 133 to 137)")
    icmp_type = icmpv6[0]
    fixed = _FIXED_BYTES[icmp_type]
    if len(icmpv6) < fixed:
        raise DecodeError(f"ICMPv6 type {icmp_type} needs {fixed} bytes, got {len(icmpv6)}")
    target = inet_ntop(AF_INET6, icmpv6[8:24]) if fixed >= 24 else ""
    destination = inet_ntop(AF_INET6, icmpv6[24:40]) if icmp_type == REDIRECT else ""
    advertisement = icmp_type == ROUTER_ADVERTISEMENT
    neighbour = icmp_type == NEIGHBOR_ADVERTISEMENT
    options = _Options(icmpv6, fixed)
    return NdpMessage(
        icmp_type,
        target,
        destination,
        options.source_mac,
        options.target_mac,
        icmpv6[4] if advertisement else 0,
        advertisement and icmpv6[5] & 0x80 != 0,
        advertisement and icmpv6[5] & 0x40 != 0,
        icmpv6[6] << 8 | icmpv6[7] if advertisement else 0,
        neighbour and icmpv6[4] & 0x80 != 0,
        neighbour and icmpv6[4] & 0x40 != 0,
        neighbour and icmpv6[4] & 0x20 != 0,
        options.mtu,
        tuple(options.prefixes),
        tuple(options.dns_servers),
        tuple(options.search_domains),
    )


class _Options:
    """Options gathered while walking them (RFC 4861 section 4.6: type, length in units of 8 bytes)."""

    def __init__(self, data: bytes, position: int) -> None:
        self.source_mac = ""
        self.target_mac = ""
        self.mtu = 0
        self.prefixes: list[NdpPrefix] = []
        self.dns_servers: list[str] = []
        self.search_domains: list[str] = []
        for _ in range(_MAX_OPTIONS):
            if position + 2 > len(data):
                break
            size = data[position + 1] * 8
            if not size or position + size > len(data):
                break
            self._take(data[position], data[position : position + size])
            position += size

    def _take(self, kind: int, option: bytes) -> None:
        if kind == 1 and len(option) == 8:  # longer ones hold no MAC-48
            self.source_mac = mac_text(option[2:8])
        elif kind == 2 and len(option) == 8:
            self.target_mac = mac_text(option[2:8])
        elif kind == 3 and len(option) >= 32:
            valid, preferred = struct.unpack_from("!II", option, 4)
            flags = option[3]
            address = inet_ntop(AF_INET6, option[16:32])
            self.prefixes.append(NdpPrefix(address, option[2], flags & 0x80 != 0, flags & 0x40 != 0, valid, preferred))
        elif kind == 5:
            self.mtu = int.from_bytes(option[4:8], "big")
        elif kind == 25:
            self.dns_servers.extend(inet_ntop(AF_INET6, option[at : at + 16]) for at in range(8, len(option) - 15, 16))
        elif kind == 31:
            self.search_domains.extend(domain_list(option[8:]))
