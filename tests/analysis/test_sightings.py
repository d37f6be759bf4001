"""Signs of known products in a device's traffic."""

from __future__ import annotations

import pytest

from farmwatch.analysis.assess import derive
from farmwatch.analysis.profile import Profile
from farmwatch.analysis.sightings import is_approved
from farmwatch.knowledge import load_knowledge
from farmwatch.records import ToolSighting
from tests.rows import Net, turned

LAPTOP = "f8:bc:12:00:00:05"
RELAY = "relay-0a1b2c3d.net.anydesk.com"


@pytest.fixture
def net():
    net = Net()
    net.host(LAPTOP, "10.0.0.5", "2001:db8:1::5")
    net.flow("10.0.0.5", "203.0.113.200")
    return net


def seen(net, **options):
    tables, _ = derive(net.tables(), load_knowledge(), Profile().with_options(**options))
    return [(row.tool, row.layer, row.value) for row in tables[ToolSighting].rows()]


def shake(net, **shown):
    flow = net.flow("2001:db8:1::5", "2001:db8:f::7")
    net.add("tls", flow=flow, packet=1, transport="tcp", client_side=0, **shown)


def ask(net, name, protocol="dns", client="10.0.0.5"):
    net.add("name_queries", packet=4, ts=4, last_ts=4, protocol=protocol, client=client, name=name, qtype="A", count=1)


def test_each_layer_is_told_apart(net):
    """Server name, ALPN, JA4, both certificates, payload and lookup each give their own sighting."""
    shake(net, server_name=RELAY, alpn="h2,anydesk/8.0.9/windows", ja4="t12i640500_9197985d2161_a1e935682795",
          subject_cn="AnyNet Relay", client_subject_cn="AnyDesk Client")  # fmt: skip
    net.flow("10.0.0.5", "198.51.100.8", protocol="anydesk", tool="anydesk")
    ask(net, RELAY)
    assert seen(net) == [
        ("anydesk", "alpn", "anydesk/8.0.9/windows"),
        ("anydesk", "cert", "AnyNet Relay"),
        ("anydesk", "client cert", "AnyDesk Client"),
        ("anydesk", "dns", RELAY),
        ("anydesk", "ja4", "t12i640500_9197985d2161_a1e935682795"),
        ("anydesk", "payload", "anydesk"),
        ("anydesk", "sni", RELAY),
    ]


def test_equal_signs_are_counted_once(net):
    """Three flows to one relay: one row, first packet, last time, count."""
    for _ in range(3):
        shake(net, server_name=RELAY)
    tables, _ = derive(net.tables(), load_knowledge(), Profile())
    [row] = tables[ToolSighting].rows()
    assert (row.count, row.flow, row.packet) == (3, 1, 11)
    assert row.last_ts > row.ts


@pytest.mark.parametrize("name", ["www.anydesk.com", "xyz.trycloudflare.com", "example.org", "notanydesk.com"])
def test_names_that_tell_nothing_alone(net, name):
    """Web pages, shared hosts and look-alikes are no sighting."""
    ask(net, name)
    assert not seen(net)


def test_a_supporting_fact_needs_company(net):
    """A name server that some VPN clients share counts beside a name of that VPN, and not without."""
    net.flow("10.0.0.5", "198.19.255.254", 53, proto="udp")
    assert not seen(net)
    ask(net, "us4.astrill.org")
    assert seen(net) == [("astrill", "dns", "us4.astrill.org"), ("astrill", "resolver", "198.19.255.254")]


@pytest.mark.parametrize("protocol", ["mdns", "llmnr", "nbns"])
def test_only_real_lookups_count(net, protocol):
    """What a host asks its neighbours is not what it contacts."""
    ask(net, RELAY, protocol)
    assert not seen(net)


def test_other_hosts_lookups_are_not_the_devices(net):
    ask(net, RELAY, client="10.0.0.99")
    assert not seen(net)


def test_the_asked_side_shows_the_tool_as_well(net):
    """A device that answers a named tool is sighted as the one that asks."""
    net.flow("198.51.100.8", "10.0.0.5", protocol="rfb", tool="vnc", controlled_side=1)
    assert seen(net) == [("vnc", "payload", "vnc")]


@pytest.mark.parametrize("word", ["anydesk", "AnyDesk"])
def test_approval_by_id_name_or_vendor(net, word):
    shake(net, server_name=RELAY)
    tables, _ = derive(net.tables(), load_knowledge(), Profile().with_options(corporate=[word]))
    assert tables[ToolSighting]["approved"].tolist() == [True]
    assert not is_approved(load_knowledge().entry("anydesk"), Profile().with_options(corporate=["teamviewer"]))


@pytest.mark.parametrize(("domain", "approved"), [("acme.screenconnect.com", True), ("screenconnect.org", False)])
def test_the_companys_own_instance_is_approved(net, domain, approved):
    """A name inside a declared domain is the company's, whatever product serves it; a look-alike is not."""
    shake(net, server_name="acme.screenconnect.com")
    tables, _ = derive(net.tables(), load_knowledge(), Profile().with_options(corporate=[domain]))
    assert set(tables[ToolSighting]["approved"].tolist()) == {approved}


def test_the_order_of_rows_does_not_matter(net):
    shake(net, server_name=RELAY)
    shake(net, server_name=RELAY, subject_cn="AnyNet Relay")
    ask(net, "us4.astrill.org")
    one, _ = derive(net.tables(), load_knowledge(), Profile())
    two, _ = derive(turned(net.tables()), load_knowledge(), Profile())
    assert list(one[ToolSighting].rows()) == list(two[ToolSighting].rows())


@pytest.mark.parametrize("facing", ["asks", "answers"])
def test_a_port_supports_a_product_that_shows_itself(net, facing):
    """An unreadable flow on the product's own port counts beside its name, and never alone."""
    ends = ("10.0.0.5", "198.51.100.9") if facing == "asks" else ("198.51.100.9", "10.0.0.5")
    net.flow(*ends, 5938)
    assert not seen(net)
    ask(net, "router1.teamviewer.com")
    assert ("teamviewer", "port", "tcp/5938") in seen(net)


@pytest.mark.parametrize(
    "shown", [{"protocol": "tls"}, {"established": False}, {"resp_p": 6568}], ids=["named", "unanswered", "weak fact"]
)
def test_a_port_says_nothing_of_flows_that_say_more_or_less(net, shown):
    net.flow("10.0.0.5", "198.51.100.9", 7070, **shown)
    ask(net, RELAY)
    assert [layer for _, layer, _ in seen(net)] == ["dns"]


def test_a_port_of_several_products_there_tells_none_from_the_other(net):
    """Two meeting services share a port: with names of both, a flow on it is neither's."""
    net.flow("10.0.0.5", "198.51.100.9", 3479, proto="udp")
    ask(net, "us05web.zoom.us")
    alone = seen(net)
    ask(net, "worldaz.tr.teams.microsoft.com")
    assert ("zoom", "port", "udp/3479") in alone
    assert "port" not in {layer for _, layer, _ in seen(net)}


def test_another_devices_port_does_not_support(net):
    net.host("54:e1:ad:00:00:07", "10.0.0.7")
    net.flow("10.0.0.7", "198.51.100.9", 5938)
    ask(net, "router1.teamviewer.com")
    assert "port" not in {layer for _, layer, _ in seen(net)}
