"""Flows at an address and a port that one product publishes: each alone only supports, together they name a relay."""

from __future__ import annotations

from collections.abc import Iterator

from farmwatch.analysis.ports import flows_on_known_ports
from farmwatch.knowledge import Grade, Knowledge, Layer, Match
from farmwatch.records import Flow, Tables

__all__ = ["published_relays"]


def published_relays(tables: Tables, knowledge: Knowledge) -> Iterator[tuple[int, Match, str]]:
    """Answered flows at a port, and in an address block, of one product.

    Facts of low grade do not count: a port that everybody uses inside the block of a large cloud names nothing.

    Yields:
        Row of ``flows``, the address block's match, and what was seen.
    """
    flows = tables[Flow]
    blocks = {entry.id for entry in knowledge.entries.values() if any(f.layer is Layer.NETWORK for f in entry.facts)}
    known: dict[str, dict[str, Match]] = {}
    for row, port, matches in flows_on_known_ports(flows, flows["established"], knowledge.match_ports):
        products = _sure(matches).keys() & blocks
        address = flows["resp_h"][row]
        if products and address not in known:
            known[address] = _sure(knowledge.match_address(address))
        for product in sorted(products & known[address].keys()) if products else ():
            yield row, known[address][product], f"{address} {port}"


def _sure(matches: tuple[Match, ...]) -> dict[str, Match]:
    return {match.id: match for match in matches if match.grade is not Grade.LOW}
