"""What kind of network an address belongs to, by the knowledge's blocks, a database's word and who runs it."""

from __future__ import annotations

import ipaddress

from farmwatch.knowledge import Knowledge
from farmwatch.knowledge.networks import load_network_kinds

__all__ = ["NOWHERE", "network_of"]

NOWHERE = ("hosting", "proxy", "relay", "satellite", "cgnat")
"""Kinds behind which a device may be anywhere, or far from where its address is placed; so may it behind a ``vpn …``.

``mobile`` is not among them: the country is that of the carrier, and roaming is what the rules allow for.
"""

_SHARED = ipaddress.ip_network("100.64.0.0/10")  #: RFC 6598: behind a carrier's address translation
_RELAYS = frozenset({"icloud-private-relay", "cloudflare-warp"})  #: entries that hide an address but not its country


def network_of(
    knowledge: Knowledge, address: str, asn: int | None = None, as_org: str | None = None, told: str | None = None
) -> str | None:
    """``vpn <id>``, ``hosting``, ``mobile``, ``satellite``, ``relay``, ``proxy`` or ``cgnat``; None for a plain line.

    ``vpn unnamed`` is a VPN or a host of VPN exits whose brand is not known.

    Args:
        knowledge: with published address blocks of services; a company's own knowledge may add some.
        address: the address.
        asn: number of its autonomous system, where known.
        as_org: who runs that, where known.
        told: what a database of the user's, or the sign-in provider, calls the address.
    """
    for match in knowledge.match_address(address):
        if match.entry.kind == "vpn":
            return "relay" if match.id in _RELAYS else f"vpn {match.id}"
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if parsed.version == 4 and parsed in _SHARED:
        return "cgnat"
    kind = load_network_kinds().find(asn, as_org)
    if told == "vpn":
        return kind.label if kind is not None and kind.kind in ("vpn", "relay") else "vpn unnamed"
    if told is not None and told != "proxy":
        return kind.label if kind is not None and kind.kind in ("vpn", told) else told
    if kind is None:
        return told
    return kind.label if told is None or kind.kind in ("vpn", "relay", "hosting") else told
