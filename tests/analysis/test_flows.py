"""Flows turned to the device's side."""

from __future__ import annotations

from farmwatch.analysis.assess import derive
from farmwatch.analysis.profile import Profile
from farmwatch.knowledge import load_knowledge
from farmwatch.records import DeviceFlow
from tests.rows import Net

GUA, BESIDE = "2003:c1:5::10", "2003:c1:5::20"  # of a public range that is not for documentation
LAPTOP, OTHER = "f8:bc:12:00:00:05", "54:e1:ad:00:00:06"


def seen(net):
    tables, _ = derive(net.tables(), load_knowledge(), Profile())
    return list(tables[DeviceFlow].rows())


def laptop():
    net = Net()
    net.host(LAPTOP, "10.0.0.5", "2001:db8:1::5")
    return net


def test_out_leaves_the_device_whoever_opened_the_flow():
    """Bytes, packets, gaps, segment size and round trip change places when the device is the responder."""
    net = laptop()
    facts = {"orig_bytes": 100, "resp_bytes": 900, "orig_mss": 1253, "resp_mss": 1460, "orig_rtt_ms": 0.1,
             "resp_rtt_ms": 30.0, "orig_rtt_samples": 5, "resp_rtt_samples": 50, "orig_small_gaps": 7}  # fmt: skip
    net.flow("10.0.0.5", "198.51.100.7", **facts)
    net.flow("198.51.100.7", "10.0.0.5", 22, **facts)
    out, into = seen(net)
    assert (out.local_side, out.bytes_out, out.bytes_in, out.local_mss, out.rtt_ms, out.rtt_samples) == (
        0, 100, 900, 1253, 30.0, 50
    )  # fmt: skip
    assert (into.local_side, into.bytes_out, into.bytes_in, into.local_mss, into.rtt_ms, into.small_gaps_in) == (
        1, 900, 100, 1460, 0.1, 7
    )  # fmt: skip


def test_a_flow_between_two_devices_counts_for_both():
    net = laptop()
    net.host(OTHER, "10.0.0.6")
    net.flow("10.0.0.5", "10.0.0.6")
    net.flow("10.0.0.6", "198.51.100.7")
    assert sorted((row.device_id, row.flow, row.local_side) for row in seen(net)) == [
        (OTHER, 0, 1),
        (OTHER, 1, 0),
        (LAPTOP, 0, 0),
    ]


def test_segment_sizes_that_tunnels_leave_are_told():
    """By the size of the IP header: 1293 less 40 over IPv4, 1420 less 60 over IPv6; Ethernet's leaves none."""
    net = laptop()
    net.flow("10.0.0.5", "198.51.100.7", orig_mss=1253)
    net.flow("2001:db8:1::5", "2001:db8:f::9", orig_mss=1360)
    net.flow("10.0.0.5", "198.51.100.7", orig_mss=1460)
    net.flow("10.0.0.5", "198.51.100.7")
    assert [row.tunnels for row in seen(net)] == ["Astrill", "WireGuard", "", ""]


def test_nobody_on_the_network_names_the_internet():
    """What a neighbour announces names local addresses, under local names; a capture's own names name nothing."""
    net = laptop()
    for number, (address, name, source) in enumerate(
        (
            ("142.250.1.1", "relay-1234.net.anydesk.com", "mdns"),
            ("142.250.1.2", "relay-1234", "nbns"),
            ("142.250.1.3", "relay-1234.net.anydesk.com", "resolution block"),
            ("10.0.0.20", "relay-1234.net.anydesk.com", "mdns"),
            ("10.0.0.21", "printer.local", "mdns"),
            ("10.0.0.22", "server-1", "browser"),
            ("142.250.1.4", "www.example.org", "dns"),
        )
    ):
        net.flow("10.0.0.5", address, 7070)
        net.add("names", address=address, name=name, source=source, packet=number)
    named = {row.remote_h: row.remote_name for row in seen(net) if row.remote_name}
    assert named == {"10.0.0.21": "printer.local", "10.0.0.22": "server-1", "142.250.1.4": "www.example.org"}


def test_the_far_end_is_named_by_the_handshake_before_the_lookup():
    """SNI first, then what this client asked for, then what anybody asked for; over IPv6 too."""
    net = laptop()
    first = net.flow("10.0.0.5", "198.51.100.7")
    net.flow("10.0.0.5", "198.51.100.8")
    net.flow("2001:db8:1::5", "2001:db8:f::9")
    net.flow("10.0.0.5", "198.51.100.10")
    net.add("tls", flow=first, packet=1, transport="tcp", server_name="shown.example")
    for address, name, client in (
        ("198.51.100.7", "asked.example", "10.0.0.5"),
        ("198.51.100.8", "others.example", "10.0.0.99"),
        ("198.51.100.8", "mine.example", "10.0.0.5"),
        ("2001:db8:f::9", "six.example", "10.0.0.99"),
    ):
        net.add("names", address=address, name=name, source="dns", packet=1, client=client)
    assert [row.remote_name for row in seen(net)] == ["shown.example", "mine.example", "six.example", None]


def test_an_address_of_many_names_goes_by_the_last_lookup():
    """A large service answers for many names at one address: the lookup just before the flow counts, in any order."""
    net = laptop()
    for number in range(3):
        net.flow("10.0.0.5", "198.51.100.7", ts=10 * number + 5)
    for ts, name in ((20, "third.example"), (0, "first.example"), (10, "second.example")):
        net.add("names", address="198.51.100.7", name=name, source="dns", packet=1, client="10.0.0.5", ts=ts)
    assert [row.remote_name for row in seen(net)] == ["first.example", "second.example", "third.example"]


def test_a_name_shown_to_the_device_is_not_its_callers():
    """The SNI that a caller sends names this device, not the caller."""
    net = laptop()
    flow = net.flow("198.51.100.7", "10.0.0.5", protocol="rfb", controlled_side=1)
    net.add("tls", flow=flow, packet=1, transport="tcp", server_name="laptop.example")
    assert seen(net)[0].remote_name is None


def test_scopes_follow_the_profile():
    """Local, own, public and special far ends."""
    net = laptop()
    for address in ("10.0.0.9", "198.51.100.7", "224.0.0.251", "2001:db8:f::1", "fe80::1"):
        net.flow("2001:db8:1::5" if ":" in address else "10.0.0.5", address)
    tables, _ = derive(net.tables(), load_knowledge(), Profile().with_options(corporate=["198.51.100.0/24"]))
    assert tables[DeviceFlow]["remote_scope"].tolist() == ["local", "own", "special", "public", "local"]


def scopes(*addresses, others=(), profile=None):
    """Scopes of far ends seen from a laptop; ``others`` are hosts on its link."""
    net = Net()
    net.host(LAPTOP, "131.159.4.5", GUA)
    for number, address in enumerate(others):
        net.host(f"54:e1:ad:00:01:{number:02x}", address)
    for address in addresses:
        net.flow(address, GUA if ":" in address else "131.159.4.5", 5900)
    net.flow(GUA, "2001:db8:f::7")
    tables, _ = derive(net.tables(), load_knowledge(), profile or Profile())
    return tables[DeviceFlow]["remote_scope"].tolist()[-len(addresses) :]  # responders come last


def test_a_neighbour_is_local_by_its_public_address():
    """The next desk over IPv6 or with a campus address is no caller from the internet; the same from outside is."""
    assert scopes(BESIDE, others=[BESIDE]) == ["local"]
    assert scopes("131.159.9.9", others=["131.159.9.9"]) == ["local"]
    assert scopes(BESIDE, "131.159.9.9") == ["public", "public"], "behind the router"
    assert scopes("2003:dead::9", others=["2003:dead::9"]) == ["public"], "another network, whatever its link"


def test_a_declared_neighbour_stays_the_companys():
    profile = Profile().with_options(corporate=["131.159.0.0/16"])
    assert scopes("131.159.9.9", others=["131.159.9.9"], profile=profile) == ["own"]
