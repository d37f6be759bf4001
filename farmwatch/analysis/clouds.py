"""Known products' clouds and relays in the traffic of any host on a local network, whether it is judged or not."""

from __future__ import annotations

from collections.abc import Container, Iterator

import numpy as np

from farmwatch.analysis.identity import Hosts
from farmwatch.analysis.positions import flow_rows_of
from farmwatch.analysis.relays import published_relays
from farmwatch.knowledge import Kind, Knowledge, Layer, Match, Sign
from farmwatch.records import CloudSign, Flow, NameQuery, Rows, Table, Tables, Tls

__all__ = ["cloud_signs"]


def cloud_signs(tables: Tables, hosts: Hosts, knowledge: Knowledge) -> Table[CloudSign]:
    """Who on the network contacted which product's cloud, each once, with the first packet."""
    names = set(tables[NameQuery]["name"].tolist()) | set(tables[Tls]["server_name"].tolist()) - {None}
    known = {
        name: matches
        for name in names
        if name and (matches := tuple(match for match in knowledge.match_domain(name) if _tells(match)))
    }
    first: dict[tuple[str, int, str, str, str], tuple[Match, int]] = {}
    for index, name, packet in sorted(_asked(tables, hosts, known), key=lambda asked: asked[2]):
        host = hosts.hosts[index]
        for match in known[name]:
            first.setdefault((hosts.lan_of(host), host.input, host.key, match.id, name), (match, packet))
    for index, match, value, packet in _reached(tables, hosts, knowledge):
        host = hosts.hosts[index]
        first.setdefault((hosts.lan_of(host), host.input, host.key, match.id, value), (match, packet))
    rows: Rows[CloudSign] = Rows(CloudSign)
    for (lan, number, host_key, tool, name), (match, packet) in sorted(first.items()):
        if lan:
            rows.add(
                lan=lan, input=number, host=host_key, tool=tool, tool_name=match.entry.name, kind=str(match.entry.kind),
                value=name, sign=str(match.sign), grade=str(match.grade), packet=packet,
            )  # fmt: skip
    return rows.table()


def _reached(tables: Tables, hosts: Hosts, knowledge: Knowledge) -> Iterator[tuple[int, Match, str, int]]:
    """Hosts whose flows speak a meeting service's own protocol, or end where a product publishes its relays."""
    flows = tables[Flow]
    meetings = {
        entry.id: Match(entry, fact, entry.id)
        for entry in knowledge.entries.values()
        for fact in entry.facts
        if entry.kind is Kind.MEETING and fact.layer is Layer.PAYLOAD
    }
    spoken = np.flatnonzero(flows["established"] & flows.present("tool")).tolist()
    rows = [(row, meetings[tool], f"{tool} media") for row in spoken if (tool := flows["tool"][row]) in meetings]
    for row, match, value in sorted([*rows, *published_relays(tables, knowledge)], key=lambda one: one[0]):
        if hosts.orig[row] >= 0:
            yield int(hosts.orig[row]), match, value, int(flows["first_packet"][row])


def _tells(match: Match) -> bool:
    """Whether a name says by itself that the product is here: no web page, no host that other products use too."""
    return match.sign is not Sign.WEB and match.alone


def _asked(tables: Tables, hosts: Hosts, known: Container[str]) -> Iterator[tuple[int, str, int]]:
    """Host, name and packet of every DNS question and server name that is known."""
    queries = tables[NameQuery]
    clients = {(host.input, address): index for index, host in enumerate(hosts.hosts) for address in host.addresses}
    for row, name in enumerate(queries["name"].tolist()):
        if name in known and queries["protocol"][row] == "dns":
            index = clients.get((int(queries["input"][row]), queries["client"][row]))
            if index is not None:
                yield index, name, int(queries["packet"][row])
    shown = tables[Tls]
    rows = flow_rows_of(shown, tables)
    for row, name in enumerate(shown["server_name"].tolist()):
        if name in known and hosts.orig[rows[row]] >= 0:
            yield int(hosts.orig[rows[row]]), name, int(shown["packet"][row])
