"""Where an address lies, seen from the captured network: local, the company's own, public or special."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.profile import Profile

__all__ = ["CHATTER_PORTS", "LOCAL", "PUBLIC", "SCOPES", "AddressBook", "mask_mac", "same_network"]

LOCAL, OWN, PUBLIC, SPECIAL = SCOPES = ("local", "own", "public", "special")

#: Ranges that never cross the internet: RFC 1918, 3927, 6598, 4193, 4291, loopback. Written out because the standard
#: library's "private" also holds documentation and benchmark ranges, which are public here.
_LOCAL_RANGES = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "127.0.0.0/8",
        "fc00::/7", "fe80::/10", "::1/128",
    )
)  # fmt: skip

#: Ports of naming, discovery, address and time services: traffic every host makes, no sign of use.
CHATTER_PORTS = frozenset({67, 68, 123, 137, 138, 546, 547, 1900, 3702, 5350, 5351, 5353, 5355})


_Ranges: TypeAlias = dict[int, list[tuple[int, int]]]  #: masks and networks as numbers, by IP version
_MULTICAST = {4: (28, 0xE), 6: (120, 0xFF)}  #: bits behind the prefix, and the prefix (RFC 5771, RFC 4291 section 2.7)


class AddressBook:
    """Classifies addresses with a profile's networks in mind; results are remembered."""

    def __init__(self, profile: Profile) -> None:
        self._own = _ranges(profile.company_cidrs)
        self._local = _ranges((*profile.local_cidrs, *_LOCAL_RANGES))
        self._known: dict[str, str] = {}

    def scope(self, address: str) -> str:
        """One of :data:`SCOPES`. The profile's own networks go before private ranges."""
        known = self._known.get(address)
        if known is None:
            known = self._known[address] = self._classify(address)
        return known

    def inside(self, address: str) -> bool:
        """Whether an address can only belong to a site: private, link-local, or declared as local or the company's."""
        return self.scope(address) in (LOCAL, OWN)

    def scopes(self, addresses: NDArray[Any]) -> NDArray[Any]:
        """Scopes of many addresses."""
        found = np.empty(len(addresses), dtype=object)
        known = self._known
        found[:] = [known.get(address) or self.scope(address) for address in addresses.tolist()]
        return found

    def _classify(self, address: str) -> str:
        parsed = _parsed(address)
        if parsed is None:
            return SPECIAL
        version, number = parsed
        shift, multicast = _MULTICAST[version]
        if not number or number >> shift == multicast or address == "255.255.255.255":
            return SPECIAL
        if any(number & mask == network for mask, network in self._own[version]):
            return OWN
        return LOCAL if any(number & mask == network for mask, network in self._local[version]) else PUBLIC


def _ranges(networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> _Ranges:
    found: _Ranges = {4: [], 6: []}
    for one in networks:
        found[one.version].append((int(one.netmask), int(one.network_address)))
    return found


def _parsed(address: str) -> tuple[int, int] | None:
    """Version and value of an address, ``None`` where it is none.

    There are as many addresses as hosts in a capture, and the standard library's address objects take ten times as long
    to make.
    """
    version, family = (6, AF_INET6) if ":" in address else (4, AF_INET)
    try:
        return version, int.from_bytes(inet_pton(family, address), "big")
    except (OSError, ValueError):
        return None


_HOST_BITS = {4: 16, 6: 64}  #: of the largest usual link: a campus network; RFC 7421 section 2 for IPv6


@lru_cache(maxsize=100_000)
def same_network(one: str, other: str) -> bool:
    """Whether two addresses may be of one link: same version, same first 16 bits (IPv4) or 64 bits (IPv6)."""
    left, right = _parsed(one), _parsed(other)
    if left is None or right is None or left[0] != right[0]:
        return False
    return (left[1] ^ right[1]) >> _HOST_BITS[left[0]] == 0


@lru_cache(maxsize=100_000)
def mask_mac(mac: str) -> str:
    """A link-layer address with its vendor part and last byte only: neighbours' devices are none of our business."""
    parts = mac.split(":")
    return mac if len(parts) != 6 else ":".join([*parts[:3], "…", parts[5]])
