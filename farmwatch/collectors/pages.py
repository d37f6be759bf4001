"""Clear web pages: what of them may be kept.

Paths and titles tell what people read, and may hold addresses and tokens. On a private network they tell devices apart;
elsewhere they are kept only where they are a known product's.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from farmwatch.records import Flow, Table

__all__ = ["is_private", "without_reading"]

#: Ranges that never cross the internet: RFC 1918, 3927, 6598, 4193, 4291, loopback.
_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "127.0.0.0/8",
        "fc00::/7", "fe80::/10", "::1/128",
    )
)  # fmt: skip
_TELLING = ("path", "title")


def without_reading(pages: dict[int, dict[str, Any]], flows: Table[Flow]) -> dict[int, dict[str, Any]]:
    """Pages by flow, without path and title where the server is on the internet and no known product shows in them."""
    servers = {flow: str(flows["resp_h"][flow]) for flow in pages}
    private = {address: is_private(address) for address in set(servers.values())}
    known: dict[tuple[str, str], bool] = {}
    kept: dict[int, dict[str, Any]] = {}
    for flow, page in pages.items():
        path, title = page.get("path") or "", page.get("title") or ""
        if private[servers[flow]] or not (path or title):
            kept[flow] = page
            continue
        if (path, title) not in known:
            known[path, title] = _is_product(path, title)
        kept[flow] = page if known[path, title] else {name: page[name] for name in page if name not in _TELLING}
    return kept


def is_private(address: str) -> bool:
    """Whether an IP address is in a range that never crosses the internet."""
    parsed = ipaddress.ip_address(address)
    return any(parsed in network for network in _PRIVATE)


def _is_product(path: str, title: str) -> bool:
    from farmwatch.knowledge import load_knowledge  # only captures with clear pages need it here

    return bool(load_knowledge().match_http(title=title, path=path))
