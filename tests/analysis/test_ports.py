"""Flows on ports that mean something."""

from __future__ import annotations

import numpy as np

from farmwatch.analysis.ports import flows_on_known_ports
from farmwatch.knowledge import load_knowledge
from farmwatch.records import Flow
from tests.rows import tables_of


def test_flows_are_found_by_protocol_and_port_among_those_wanted():
    """Each protocol and port is asked for once; TCP and UDP of one number are different ports."""
    ends = [("tcp", 5938), ("udp", 5938), ("tcp", 443), ("tcp", 4899), ("udp", 443), ("tcp", 5938)]
    flows = tables_of(flows=[{"flow": at, "proto": proto, "resp_p": port} for at, (proto, port) in enumerate(ends)])
    asked = []

    def find(protocol, port):
        asked.append((protocol, port))
        return load_knowledge().match_ports(protocol, port)

    among = np.array([True, True, True, True, True, False])
    found = list(flows_on_known_ports(flows[Flow], among, find))
    assert [(row, port, {match.id for match in matches}) for row, port, matches in found] == [
        (0, "tcp/5938", {"teamviewer"}), (1, "udp/5938", {"teamviewer"}), (3, "tcp/4899", {"radmin"}),
    ]  # fmt: skip
    assert len(asked) == len(set(asked))


def test_no_flows_ask_nothing():
    assert not list(flows_on_known_ports(tables_of(flows=[])[Flow], np.zeros(0, bool), load_knowledge().match_ports))
