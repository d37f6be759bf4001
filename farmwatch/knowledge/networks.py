"""Kinds of networks: which autonomous systems are VPNs, data centres, relays, satellites or mobile carriers.

The lists stand in ``data/places/networks.json`` with their sources. They are short on purpose: what they must not miss
is what would make a place by address wrong. A database of the user's that says of an address what it is
(GeoIP2 Anonymous IP, IPinfo privacy) knows far more exits, and goes before them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["NetworkKind", "NetworkKinds", "load_network_kinds"]

_DATA = Path(__file__).parent / "data" / "places" / "networks.json"


@dataclass(frozen=True, slots=True)
class NetworkKind:
    """A kind of network, or one brand of it, and how to tell it."""

    kind: str  #: vpn, hosting, mobile, satellite or relay
    id: str  #: brand; of a VPN the id of its knowledge entry where there is one
    asns: frozenset[int]
    names: tuple[str, ...]  #: words in the name of who runs it, lower case
    grade: str
    source: str

    @property
    def label(self) -> str:
        """``vpn nordvpn`` for a VPN, else the kind alone."""
        return f"vpn {self.id}" if self.kind == "vpn" else self.kind


@dataclass(frozen=True, slots=True)
class NetworkKinds:
    """All kinds, in the order in which they are asked."""

    version: str
    kinds: tuple[NetworkKind, ...]
    by_asn: Mapping[int, NetworkKind]
    pattern: re.Pattern[str]  #: one group a kind, in order

    def find(self, asn: int | None, as_org: str | None) -> NetworkKind | None:
        """The kind of an autonomous system, by its number before its name; None where it is a line like any other."""
        if asn is not None and (known := self.by_asn.get(asn)) is not None:
            return known
        if not as_org:
            return None
        found = {match.lastindex for match in self.pattern.finditer(as_org.lower()[:200])}
        numbers = [index for index in found if index is not None]
        return self.kinds[min(numbers) - 1] if numbers else None


@cache
def load_network_kinds() -> NetworkKinds:
    """The shipped lists."""
    return _kinds(json.loads(_DATA.read_text(encoding="utf-8")))


def _kinds(document: Mapping[str, Any]) -> NetworkKinds:
    kinds = tuple(
        NetworkKind(one["kind"], one["id"], frozenset(one["asns"]), tuple(one["names"]), one["grade"], one["source"])
        for one in document["kinds"]
    )
    by_asn: dict[int, NetworkKind] = {}
    for kind in kinds:
        for asn in sorted(kind.asns):
            by_asn.setdefault(asn, kind)
    words = ["|".join(re.escape(name) for name in kind.names) or r"(?!)" for kind in kinds]
    # whole words: "vps" is no part of "vpsomething", nor "lte" of "salted"; letters joined by a dash still count
    pattern = "|".join(rf"((?<![a-z0-9])(?:{group})(?![a-z0-9]))" for group in words)
    return NetworkKinds(document["version"], kinds, by_asn, re.compile(pattern))
