"""Who is a device, a router, a server or a neighbour."""

from __future__ import annotations

import pytest

from farmwatch.analysis.addresses import AddressBook
from farmwatch.analysis.identity import address_sort_key, find_hosts
from farmwatch.analysis.profile import Profile
from tests.rows import Net, turned

LAPTOP, OTHER, KVM = "f8:bc:12:00:00:05", "54:e1:ad:00:00:06", "30:52:53:00:00:07"
FAMILIES = pytest.mark.parametrize(
    ("near", "beside", "far", "further"),
    [
        ("10.0.0.5", "10.0.0.6", "198.51.100.7", "203.0.113.9"),
        ("2001:db8:1::5", "2001:db8:1::6", "2001:db8:f::7", "2001:db8:e::9"),
    ],
    ids=["ipv4", "ipv6"],
)


def found(tables, profile=None):
    profile = profile or Profile()
    return find_hosts(tables, profile, AddressBook(profile))


def roles(hosts):
    return {host.key: host.role for host in hosts.hosts}


def devices(hosts):
    return sorted({host.device_id for host in hosts.hosts if host.device_id})


@FAMILIES
def test_one_far_end_is_enough_to_tell_the_router(near, beside, far, further):
    """With a single remote address in the capture, its TTL tells that a router carried it."""
    net = Net()
    net.host(LAPTOP, near)
    net.flow(near, far)
    hosts = found(net.tables())
    assert devices(hosts) == [LAPTOP]
    assert hosts.gateways == {0: net.gateway}
    assert hosts.vantage == {0: "host"}


@FAMILIES
def test_several_far_ends_and_devices(near, beside, far, further):
    """Two laptops behind one router: both judged, captured where both pass."""
    net = Net()
    net.host(LAPTOP, near)
    net.host(OTHER, beside)
    for orig, resp in ((near, far), (near, further), (beside, far)):
        net.flow(orig, resp)
    hosts = found(net.tables())
    assert devices(hosts) == sorted([LAPTOP, OTHER])
    assert hosts.vantage == {0: "gateway"}


def test_privacy_addresses_do_not_make_a_router():
    """One laptop with a link-local, a stable and five temporary IPv6 addresses, and IPv4 beside them, is one device."""
    net = Net()
    own = ["10.0.0.5", "fe80::5", "2001:db8:1::5", *(f"2001:db8:1:0:{n:x}::5" for n in range(1, 6))]
    net.host(LAPTOP, *own)
    for address in own:
        net.flow(address, "2001:db8:f::7" if ":" in address else "198.51.100.7")
    hosts = found(net.tables())
    assert devices(hosts) == [LAPTOP]
    assert max(len(host.addresses) for host in hosts.hosts) == len(own)


def test_a_server_with_a_public_address_on_the_link_is_no_router():
    """Public IPv4 and IPv6 on one link-layer address are one host where nothing passes through it."""
    net = Net()
    net.host(LAPTOP, "198.51.100.20", "2001:db8:1::20")
    net.flow("198.51.100.20", "203.0.113.9")
    net.flow("2001:db8:1::20", "2001:db8:f::9")
    assert devices(found(net.tables())) == [LAPTOP]


@FAMILIES
def test_tunnelled_packets_without_honest_ttls(near, beside, far, further):
    """Where every TTL looks fresh, a link-layer address that speaks for several far ends is still the router."""
    net = Net()
    net.host(LAPTOP, near)
    ends = [far, further, "203.0.113.77" if ":" not in near else "2001:db8:d::1", "2001:db8:c::1", "2001:db8:b::1"]
    for end in [end for end in ends if (":" in end) == (":" in near)]:
        net.flow(near, end, hops=0)
    assert devices(found(net.tables())) == [LAPTOP]


@pytest.mark.parametrize("mac", ["00:00:5e:00:01:0a", "00:00:5e:00:02:0a", "00:00:0c:07:ac:01", "00:00:0c:9f:f0:01"])
def test_shared_router_addresses_are_routers(mac):
    """VRRP and HSRP addresses route, even where one private address is all they show."""
    net = Net(gateway=mac)
    net.host(LAPTOP, "10.0.0.5")
    net.host(mac, "10.0.0.1")
    net.flow("10.0.0.1", "10.0.0.5", 22)
    net.flow("10.0.0.5", "10.0.0.1", 443)
    hosts = found(net.tables())
    assert devices(hosts) == [LAPTOP]
    assert roles(hosts)[mac] == "gateway"


def test_an_advertising_router_is_the_gateway():
    """A router advertisement names the router before anything passed through it."""
    net = Net()
    net.host(LAPTOP, "fe80::5")
    net.host(OTHER, "fe80::1")
    net.add("announcements", packet=1, protocol="ndp", mac=OTHER, address="fe80::1", service="router")
    net.flow("fe80::5", "fe80::1", 443)
    hosts = found(net.tables())
    assert hosts.gateways == {0: OTHER}
    assert devices(hosts) == [LAPTOP]


def test_dhcp_names_the_gateway_of_a_silent_network():
    """With no packet from outside, the router that DHCP hands out is the gateway."""
    net = Net()
    net.host(LAPTOP, "10.0.0.5")
    net.host(OTHER, "10.0.0.1")
    net.flow("10.0.0.5", "10.0.0.1", 443)
    net.add("dhcp", packet=1, ip_version=4, message="ack", mac=LAPTOP, router="10.0.0.1")
    hosts = found(net.tables())
    assert hosts.gateways == {0: OTHER}
    assert devices(hosts) == [LAPTOP]


@FAMILIES
def test_routers_on_both_sides(near, beside, far, further):
    """Between two routers, hosts are addresses: the inner ones are judged, the outer ones are not."""
    if ":" in near:
        near, beside = "fd00:1::5", "fd00:2::6"
    net = Net()
    inner = "52:00:00:00:00:02"
    for orig in (near, beside):
        number = net.flow(orig, far, hops=1)
        net.rows["flows"][number]["orig_mac"] = inner
    for row in net.rows["hosts"]:
        if row["address"] != far:
            row["mac"] = inner
    hosts = found(net.tables())
    assert devices(hosts) == sorted([near, beside])


@FAMILIES
def test_raw_ip_captures(near, beside, far, further):
    """Without a link layer, the addresses inside the site are the hosts."""
    if ":" in near:
        near = "fd00:1::5"
    net = Net(gateway="")
    net.flow(near, far)
    tables = net.tables()
    assert devices(found(tables)) == [near]


def test_a_loopback_interface_is_no_router():
    """Its all-zero link-layer address stands for every address of the machine; each is a host of its own."""
    net = Net(gateway="00:00:00:00:00:00")
    net.flow("127.0.0.1", "127.0.0.2", 5900, hops=0, protocol="rfb", controlled_side=1)
    for number in range(3, 8):
        net.flow("127.0.0.1", f"127.0.0.{number}", hops=0)
    hosts = found(net.tables())
    assert devices(hosts) == ["127.0.0.1", "127.0.0.2"]
    assert hosts.gateways == {}


def test_without_any_local_address_the_proven_driven_end_is_judged():
    """A capture of public addresses only: the end that the protocol shows to be driven, else the originator."""
    net = Net(gateway="")
    net.flow("203.0.113.9", "198.51.100.7", 5900, protocol="rfb", controlled_side=1)
    net.flow("203.0.113.10", "198.51.100.8")
    assert devices(found(net.tables())) == ["198.51.100.7"]
    plain = Net(gateway="")
    plain.flow("203.0.113.10", "198.51.100.8")
    assert devices(found(plain.tables())) == ["203.0.113.10"]


def test_the_office_machine_behind_the_router_is_not_judged():
    """A laptop works on a far desktop by RDP: the desktop is the far end, not a device of this network."""
    net = Net()
    net.host(LAPTOP, "10.44.0.23")
    net.flow("10.44.0.23", "10.80.0.5", 3389, hops=1, protocol="rdp", controlled_side=1)
    hosts = found(net.tables())
    assert devices(hosts) == [LAPTOP]
    assert roles(hosts)["10.80.0.5"] == "server"


def test_a_driven_host_that_opens_nothing_is_a_device():
    """Answering remote control is enough to be judged; answering anything else makes a server."""
    net = Net()
    net.host(LAPTOP, "10.0.0.5")
    net.host(OTHER, "10.0.0.6")
    net.flow("203.0.113.9", "10.0.0.5", 5900, protocol="rfb", controlled_side=1)
    net.flow("203.0.113.9", "10.0.0.6", 443)
    hosts = found(net.tables())
    assert devices(hosts) == [LAPTOP]
    assert roles(hosts)[OTHER] == "server"


def test_chatter_and_nat_tests_make_no_device():
    """Hosts that only announce themselves, ask for names or test their NAT are neighbours."""
    net = Net()
    net.host(LAPTOP, "10.0.0.5")
    net.host(OTHER, "10.0.0.6")
    net.host(KVM, "10.0.0.7")
    net.flow("10.0.0.5", "198.51.100.7")
    net.flow("10.0.0.6", "224.0.0.251", 5353, proto="udp", resp_pkts=0)
    net.flow("10.0.0.6", "10.0.0.255", 138, proto="udp", resp_pkts=0)
    net.flow("10.0.0.7", "203.0.113.19", 19302, proto="udp", protocol="stun")
    hosts = found(net.tables())
    assert devices(hosts) == [LAPTOP]
    assert roles(hosts)[OTHER] == roles(hosts)[KVM] == "neighbour"


def test_names_come_from_the_best_source():
    """DHCP before NetBIOS before mDNS; a full name counts by its first label, in either case."""
    net = Net()
    net.host(LAPTOP, "10.0.0.5")
    net.flow("10.0.0.5", "198.51.100.7")
    net.add(
        "announcements",
        packet=1,
        protocol="mdns",
        mac=LAPTOP,
        address="10.0.0.5",
        name="bobs-mac.local",
        service="host",
    )
    net.add(
        "announcements", packet=2, protocol="nbns", mac=LAPTOP, address="10.0.0.5", name="ACME-LT-0142", service="host"
    )
    net.add("dhcp", packet=3, ip_version=4, message="request", mac=LAPTOP, fqdn="acme-lt-0142.corp.acme.example")
    hosts = found(net.tables())
    assert devices(hosts) == ["ACME-LT-0142"]
    assert hosts.hosts[0].best_names() == ["acme-lt-0142", "bobs-mac"]


def test_switches_and_phones_are_named_by_what_they_tell_their_port():
    """LLDP and CDP name the sender of the frame."""
    net = Net()
    net.host(LAPTOP, "10.0.0.5")
    net.flow("10.0.0.5", "198.51.100.7")
    net.add("announcements", packet=2, protocol="lldp", mac=LAPTOP, address="", name="acme-lt-0142.corp.example")
    assert devices(found(net.tables())) == ["ACME-LT-0142"]


def test_a_server_cannot_name_its_clients():
    """What a DHCP server answers is not what the client says of itself."""
    net = Net()
    net.host(LAPTOP, "10.0.0.5")
    net.flow("10.0.0.5", "198.51.100.7")
    net.add("dhcp", packet=3, ip_version=4, message="ack", mac=LAPTOP, host_name="somebody-else")
    assert devices(found(net.tables())) == [LAPTOP]


def test_names_chosen_to_collide_stay_apart():
    """Two hosts that claim one name, and a third that claims the second's spare id, get three ids."""
    net = Net()
    third = "54:e1:ad:00:00:08"
    for number, (mac, name) in enumerate(
        ((LAPTOP, "twin"), (OTHER, "twin"), (third, f"twin ({OTHER})"), (KVM, "x,y\x1b[31m"))
    ):
        address = net.host(mac, f"10.0.0.{number + 5}")
        net.flow(address, "198.51.100.7")
        net.add("dhcp", packet=number, ip_version=4, message="request", mac=mac, host_name=name)
    hosts = found(net.tables())
    assert len(devices(hosts)) == 4
    assert {"TWIN", f"TWIN ({OTHER})"} < set(devices(hosts))
    assert not any("," in name for host in hosts.hosts for name in host.names), "tables join names with commas"


def test_long_names_are_cut():
    """A name longer than a DNS label is made up, and cut."""
    net = Net()
    net.host(LAPTOP, "10.0.0.5")
    net.flow("10.0.0.5", "198.51.100.7")
    net.add("dhcp", packet=3, ip_version=4, message="request", mac=LAPTOP, host_name="x" * 250)
    assert devices(found(net.tables())) == ["X" * 63]


def test_one_laptop_in_two_captures_keeps_its_id():
    """The same hardware address is the same device; a random one is not."""
    first, second = Net(0), Net(1)
    for net in (first, second):
        for mac, address in ((LAPTOP, "10.0.0.5"), ("da:00:00:00:00:09", "10.0.0.9")):
            net.host(mac, address)
            net.flow(address, "198.51.100.7")
    hosts = found(first.tables().joined(second.tables()))
    assert devices(hosts) == sorted([LAPTOP, "da:00:00:00:00:09", "da:00:00:00:00:09 (input 1)"])


@pytest.mark.parametrize(
    "asked", ["ACME-LT-0142", "acme-lt-0142.corp.acme.example", "10.0.0.5", "2001:db8:1::5", LAPTOP.upper()]
)
def test_only_the_device_asked_for_is_judged(asked):
    """By name with or without its domain, by either address, by link-layer address."""
    net = Net()
    net.host(LAPTOP, "10.0.0.5", "2001:db8:1::5")
    net.host(OTHER, "10.0.0.6")
    net.flow("10.0.0.5", "198.51.100.7")
    net.flow("2001:db8:1::5", "2001:db8:f::7")
    net.flow("10.0.0.6", "198.51.100.7")
    net.add("dhcp", packet=3, ip_version=4, message="request", mac=LAPTOP, host_name="ACME-LT-0142")
    assert devices(found(net.tables(), Profile().with_options(devices=[asked]))) == ["ACME-LT-0142"]


def test_the_vantage_of_the_profile_wins():
    net = Net()
    net.host(LAPTOP, "10.0.0.5")
    net.flow("10.0.0.5", "198.51.100.7")
    assert found(net.tables(), Profile(vantage="lan")).vantage == {0: "lan"}


def test_own_networks_do_not_turn_laptops_into_routers():
    """In an office whose range is declared, beside a printer with a link-local address, laptops stay devices."""
    net = Net()
    for number, mac in enumerate((LAPTOP, OTHER)):
        net.flow(net.host(mac, f"10.20.4.{number + 5}"), "198.51.100.7")
    net.flow(net.host(KVM, "169.254.7.7"), "10.20.4.5", 80)
    profile = Profile().with_options(corporate=["10.20.0.0/16"])
    assert devices(found(net.tables(), profile)) == sorted([LAPTOP, OTHER, KVM])


def test_networks_are_told_by_their_gateway():
    """Hosts on the link are on its network; hosts behind a router are on none."""
    net = Net()
    net.host(LAPTOP, "10.44.0.23")
    net.flow("10.44.0.23", "10.80.0.5", hops=1)
    hosts = found(net.tables())
    lans = {host.key: hosts.lan_of(host) for host in hosts.hosts}
    assert lans == {LAPTOP: "gateway 3c:a6:2f:…:01", "10.80.0.5": ""}


def test_the_order_of_rows_does_not_matter():
    """Turned tables give the same hosts, ids and gateways."""
    net = Net()
    for number, mac in enumerate((LAPTOP, OTHER, KVM)):
        net.host(mac, f"10.0.0.{number + 5}")
        net.flow(f"10.0.0.{number + 5}", f"198.51.100.{number}")
        net.add("dhcp", packet=number, ip_version=4, message="request", mac=mac, host_name="same")
    one, two = found(net.tables()), found(turned(net.tables()))
    assert [(host.key, host.device_id, host.role) for host in one.hosts] == [
        (host.key, host.device_id, host.role) for host in two.hosts
    ]
    assert (one.gateways, one.vantage) == (two.gateways, two.vantage)
    assert one.orig.tolist() == two.orig.tolist()[::-1]


def test_addresses_sort_by_number():
    """10.0.0.9 before 10.0.0.10, IPv4 before IPv6."""
    listed = ["2001:db8::1", "10.0.0.10", "10.0.0.9"]
    assert sorted(listed, key=address_sort_key) == ["10.0.0.9", "10.0.0.10", "2001:db8::1"]


def test_one_inputs_gateway_does_not_take_another_inputs_device():
    """A laptop driven in one capture lends its line to a phone in the next: it stays a device in the first."""
    first, second = Net(0), Net(1, gateway=LAPTOP)
    first.host(LAPTOP, "10.0.0.5")
    first.flow("203.0.113.9", "10.0.0.5", 5900, protocol="rfb", controlled_side=1)
    second.host(OTHER, "10.9.0.6")
    second.flow("10.9.0.6", "198.51.100.7")
    hosts = found(first.tables().joined(second.tables()))
    assert devices(hosts) == sorted([LAPTOP, OTHER])


@pytest.mark.parametrize("mac", ["00:00:5e:00:01:0a", "00:00:0c:07:ac:01", "00:07:b4:00:01:02", "52:54:00:12:35:02"])
def test_addresses_that_many_routers_have_do_not_join_networks(mac):
    """Two sites whose gateways show the same shared or software-chosen address are two networks."""
    first, second = Net(0, gateway=mac), Net(1, gateway=mac)
    for net, own in ((first, LAPTOP), (second, OTHER)):
        net.host(own, "10.0.0.5")
        net.flow("10.0.0.5", "198.51.100.7")
    hosts = found(first.tables().joined(second.tables()))
    assert len({hosts.lan_of(host) for host in hosts.hosts}) == 2


def test_one_router_of_its_own_address_is_one_network():
    """The same gateway in two captures; masked names of two routers of one maker stay apart."""
    nets = [Net(0), Net(1), Net(2, gateway="3c:a6:2f:99:00:01")]
    for net in nets:
        net.host(LAPTOP, "10.0.0.5")
        net.flow("10.0.0.5", "198.51.100.7")
    hosts = found(nets[0].tables().joined(nets[1].tables()).joined(nets[2].tables()))
    lans = [hosts.lan_of(host) for host in hosts.hosts]
    assert lans == ["gateway 3c:a6:2f:…:01", "gateway 3c:a6:2f:…:01", "gateway 3c:a6:2f:…:01 #2"]


def docked(number, name):
    net = Net(number)
    net.host(LAPTOP, "10.0.0.5")
    net.flow("10.0.0.5", "198.51.100.7")
    if name:
        net.add("dhcp", packet=1, ip_version=4, message="request", mac=LAPTOP, host_name=name)
    return net.tables()


def test_two_laptops_in_one_dock_are_two_devices():
    """One link-layer address with two DHCP names; a capture without a name, or with the same, joins nobody anew."""
    tables = docked(0, "alice-lt").joined(docked(1, "bob-lt")).joined(docked(2, "alice-lt.corp.acme.example"))
    assert [host.device_id for host in found(tables).hosts] == ["ALICE-LT", "BOB-LT", "ALICE-LT"]
    assert devices(found(docked(0, "").joined(docked(1, "bob-lt")))) == [LAPTOP]


def test_a_routers_capture_with_one_laptop_is_not_one_on_the_laptop():
    """A packet of a neighbour to one other host, or an answer to its ARP request, shows that others pass here."""
    net = Net()
    net.host(LAPTOP, "10.0.0.5")
    net.host(OTHER, "10.0.0.6")
    net.flow("10.0.0.5", "198.51.100.7")
    net.flow("10.0.0.6", "224.0.0.251", 5353, proto="udp", resp_pkts=0)
    assert found(net.tables()).vantage == {0: "host"}
    heard = net.tables()
    net.add("arp", packet=3, op=2, count=1, eth_src=OTHER, sender_mac=OTHER, sender_ip="10.0.0.6",
            target_mac=net.gateway, target_ip="10.0.0.1")  # fmt: skip
    assert found(net.tables()).vantage == {0: "lan"}
    net.rows.pop("arp")
    net.flow("10.0.0.6", "203.0.113.53", 123, proto="udp")
    assert found(net.tables()).vantage == {0: "gateway"}
    assert found(heard).vantage == {0: "host"}


@pytest.mark.parametrize(
    "declared", [{"devices": ["10.0.0.5"]}, {"devices": [LAPTOP]}, {"devices": ["10.0.0.6"]}, {}],
    ids=["address", "link-layer address", "another one", "nobody"],
)  # fmt: skip
def test_who_is_declared_is_a_device_though_it_looks_like_a_server(declared):
    """Of a driven laptop one may have captured a served connection only; whoever names it knows better."""
    net = Net()
    net.host(LAPTOP, "10.0.0.5")
    net.host(OTHER, "10.0.0.6")
    for far in ("198.51.100.7", "198.51.100.8", "203.0.113.9"):
        net.flow(far, "10.0.0.5", 5900)
    net.flow("10.0.0.6", "203.0.113.9")
    tables = net.tables()
    assert roles(found(tables))[LAPTOP] == "server", "undeclared it is none"
    hosts = found(tables, Profile().with_options(**declared))
    named = {"10.0.0.5": LAPTOP, LAPTOP: LAPTOP, "10.0.0.6": OTHER}
    expected = [named[name] for name in declared.get("devices", ["10.0.0.6"])]
    assert devices(hosts) == expected
