"""Where an address lies, seen from the captured network: local, the company's own, public or special."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Any

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


class AddressBook:
    """Classifies addresses with a profile's networks in mind; results are remembered."""

    def __init__(self, profile: Profile) -> None:
        self._own = profile.company_cidrs
        self._local = (*profile.local_cidrs, *_LOCAL_RANGES)
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
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return SPECIAL
        if parsed.is_multicast or parsed.is_unspecified or address == "255.255.255.255":
            return SPECIAL
        if any(parsed in network for network in self._own):
            return OWN
        return LOCAL if any(parsed in network for network in self._local) else PUBLIC


_NETWORK_BITS = {4: 16, 6: 64}  #: the largest usual link: a campus network; RFC 7421 section 2 for IPv6


@lru_cache(maxsize=100_000)
def same_network(one: str, other: str) -> bool:
    """Whether two addresses may be of one link: same version, same first 16 bits (IPv4) or 64 bits (IPv6)."""
    try:
        left, right = ipaddress.ip_address(one), ipaddress.ip_address(other)
    except ValueError:
        return False
    shift = left.max_prefixlen - _NETWORK_BITS[left.version]
    return left.version == right.version and int(left) >> shift == int(right) >> shift


@lru_cache(maxsize=100_000)
def mask_mac(mac: str) -> str:
    """A link-layer address with its vendor part and last byte only: neighbours' devices are none of our business."""
    parts = mac.split(":")
    return mac if len(parts) != 6 else ":".join([*parts[:3], "…", parts[5]])
