"""Products' clouds in the traffic of any host on a network."""

from __future__ import annotations

import pytest

from farmwatch.analysis.assess import derive
from farmwatch.analysis.profile import Profile
from farmwatch.knowledge import load_knowledge
from farmwatch.records import CloudSign
from tests.rows import Net

LAPTOP, KVM = "f8:bc:12:00:00:05", "30:52:53:00:00:07"


def seen(net):
    tables, _ = derive(net.tables(), load_knowledge(), Profile())
    return [(row.tool, row.host, row.value, row.packet) for row in tables[CloudSign].rows()]


def home():
    net = Net()
    net.host(LAPTOP, "10.0.0.5")
    net.host(KVM, "10.0.0.7", "2001:db8:1::7")
    net.flow("10.0.0.5", "198.51.100.7")
    for address in ("10.0.0.7", "2001:db8:1::7"):
        net.flow(address, "ff02::fb" if ":" in address else "224.0.0.251", 5353, proto="udp", resp_pkts=0)
    return net


@pytest.mark.parametrize("client", ["10.0.0.7", "2001:db8:1::7"])
def test_a_neighbours_lookup_is_seen(client):
    """The KVM is not judged, but what it contacts counts, over IPv4 and IPv6."""
    net = home()
    net.add("name_queries", packet=9, protocol="dns", client=client, name="api.jetkvm.com", qtype="A", count=1)
    net.add("name_queries", packet=5, protocol="dns", client=client, name="api.jetkvm.com", qtype="AAAA", count=1)
    assert seen(net) == [("jetkvm", KVM, "api.jetkvm.com", 5)]


def test_a_server_name_is_as_good_as_a_lookup():
    net = home()
    flow = net.flow("10.0.0.7", "198.51.100.9")
    net.add("tls", flow=flow, packet=11, transport="tcp", server_name="api.jetkvm.com")
    net.add("tls", flow=0, packet=1, transport="tcp")
    assert seen(net) == [("jetkvm", KVM, "api.jetkvm.com", 11)]


@pytest.mark.parametrize("name", ["fw.gl-inet.com", "www.jetkvm.com", "example.org"])
def test_names_that_tell_nothing_alone(name):
    """A maker of KVMs and routers serves both from one host; a web page is no device."""
    net = home()
    net.add("name_queries", packet=9, protocol="dns", client="10.0.0.7", name=name, qtype="A", count=1)
    assert not seen(net)


def test_hosts_behind_a_router_are_on_no_network():
    net = home()
    net.flow("10.80.0.5", "10.0.0.5", hops=1)
    net.add("name_queries", packet=9, protocol="dns", client="10.80.0.5", name="api.jetkvm.com", qtype="A", count=1)
    assert not seen(net)
