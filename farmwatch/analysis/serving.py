"""Hosts that look like servers and are driven: the laptop of which only an incoming connection was captured.

A host that opens nothing and serves something is taken for a server, and servers are not judged. Whoever exports just
the suspicious conversation, or records on the one port, would get no answer. So where an input shows no device at all,
the flows of its servers are timed, and one over whose flows a hand comes in is a device.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from farmwatch.analysis.addresses import AddressBook
from farmwatch.analysis.flows import device_flows
from farmwatch.analysis.identity import Hosts, name_devices
from farmwatch.analysis.positions import flow_rows_of
from farmwatch.analysis.profile import Profile
from farmwatch.analysis.sessions.hands import hands, measured_flows
from farmwatch.analysis.sessions.role_model import RoleModel
from farmwatch.knowledge import Knowledge
from farmwatch.records import SeriesFlow, Tables

__all__ = ["find_driven_servers"]

_SERVING = frozenset({"server", "neighbour"})
_MOST = 40  #: hosts looked at; a capture with more servers than that is one of a data centre


def find_driven_servers(
    tables: Tables, hosts: Hosts, book: AddressBook, knowledge: Knowledge, profile: Profile, model: RoleModel | None
) -> None:
    """Make devices of the servers over whose flows a hand comes in; ``hosts`` is changed in place."""
    rows = flow_rows_of(tables[SeriesFlow], tables)
    judged = {host.input for host in hosts.hosts if host.role == "device"}
    serving = [
        index for index in np.unique(hosts.resp[rows]).tolist()
        if index >= 0 and hosts.hosts[index].role in _SERVING and not hosts.hosts[index].behind_router
        and hosts.hosts[index].input not in judged
    ]  # fmt: skip
    if not 0 < len(serving) <= _MOST:
        return
    chosen = set(serving)
    tried = [replace(host, device_id=str(index) if index in chosen else None) for index, host in enumerate(hosts.hosts)]
    flows = device_flows(tables, replace(hosts, hosts=tried), book, knowledge)
    shown = hands(flows, measured_flows(tables, flows), model)
    driven = {int(name) for name in shown["device_id"][shown["role"] == "controlled"].tolist()}
    for index in driven:
        hosts.hosts[index].role = "device"
    if driven:
        name_devices(hosts.hosts, profile)
