"""Known products' clouds and relays in the traffic of any host on a local network, whether it is judged or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from farmwatch.analysis.addresses import mask_mac
from farmwatch.analysis.identity import Hosts
from farmwatch.knowledge import Knowledge, Match, Sign
from farmwatch.records import CloudSign, Flow, NameQuery, Rows, Table, Tables, Tls

__all__ = ["cloud_signs"]


def cloud_signs(tables: Tables, hosts: Hosts, knowledge: Knowledge) -> Table[CloudSign]:
    """Who on the network contacted which product's cloud, each once, with the first packet."""
    known: dict[str, tuple[Match, ...]] = {}
    first: dict[tuple[str, int, str, str, str], tuple[Match, int]] = {}
    for index, name, packet in sorted(_asked(tables, hosts), key=lambda asked: asked[2]):
        host = hosts.hosts[index]
        if name not in known:
            known[name] = tuple(match for match in knowledge.match_domain(name) if match.sign is not Sign.WEB)
        for match in known[name]:
            first.setdefault((hosts.lan_of(host), host.input, mask_mac(host.key), match.id, name), (match, packet))
    rows: Rows[CloudSign] = Rows(CloudSign)
    for (lan, number, host_key, tool, name), (match, packet) in sorted(first.items()):
        if lan:
            rows.add(
                lan=lan, input=number, host=host_key, tool=tool, tool_name=match.entry.name, kind=str(match.entry.kind),
                value=name, sign=str(match.sign), grade=str(match.grade), packet=packet,
            )  # fmt: skip
    return rows.table()


def _asked(tables: Tables, hosts: Hosts) -> Iterator[tuple[int, str, int]]:
    """Host, name and packet of every DNS question and server name."""
    queries = tables[NameQuery]
    clients = {(host.input, address): index for index, host in enumerate(hosts.hosts) for address in host.addresses}
    for row in np.flatnonzero(queries["protocol"] == "dns").tolist():
        index = clients.get((int(queries["input"][row]), queries["client"][row]))
        if index is not None:
            yield index, queries["name"][row], int(queries["packet"][row])
    flows, shown = tables[Flow], tables[Tls]
    position: dict[tuple[int, int], Any] = {
        (int(number), int(flow)): row
        for row, (number, flow) in enumerate(zip(flows["input"], flows["flow"], strict=True))
    }
    for row in np.flatnonzero(shown.present("server_name")).tolist():
        at = position.get((int(shown["input"][row]), int(shown["flow"][row])))
        if at is not None and hosts.orig[at] >= 0:
            yield int(hosts.orig[at]), shown["server_name"][row], int(shown["packet"][row])
