"""Which hosts an input shows, which of them are devices to judge, and what else is on their network.

A host is a link-layer address with its IP addresses; where a router stands between (one link-layer address speaks for
many), or where there is no link layer, it is an IP address. Gateways, servers, multicast and broadcast are no devices.
A neighbour that is only heard announcing itself is listed on the network but not judged: nothing it does was seen.

Why hop limits decide most: a packet that crossed a router has a TTL below every value that stacks start with, whether
the capture holds one far end or thousands, and however many addresses IPv6 gives a host. Counting addresses remains as
the second test, because crafted and tunnelled packets may carry any TTL.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.addresses import CHATTER_PORTS, AddressBook, mask_mac
from farmwatch.analysis.logs import log_inputs
from farmwatch.analysis.profile import Profile
from farmwatch.knowledge.oui import locally_administered
from farmwatch.records import Announcement, Arp, CaptureInput, DhcpRequest, Flow, Table, Tables
from farmwatch.records import Host as HostRow

__all__ = ["Host", "Hosts", "find_hosts", "name_devices"]

_ROUTED_ADDRESSES = 4  #: this many IPv4 addresses behind one link-layer address: a router, not a host
_NO_ADDRESS = "0.0.0.0"  # noqa: S104  (a DHCP client before its lease, not a bind)
_NO_LINK = ("", "00:00:00:00:00:00")  #: no link layer, or a loopback interface, which speaks for all its addresses
_START_TTLS = (64, 128, 255)  #: what stacks start with; 32 and below are left to multicast and traceroute
_MOST_HOPS = 31  #: a TTL this far below a starting value is a path, more is an odd start
_CROSSED_TTLS = [start - hops for start in _START_TTLS for hops in range(1, _MOST_HOPS + 1)]
#: Link-layer addresses that routers share: VRRP for IPv4 and IPv6 (RFC 9568 section 7.3), HSRP versions 1 and 2 and for
#: IPv6, GLBP (Cisco's published prefixes).
_VIRTUAL_ROUTERS = (
    "00:00:5e:00:01:",
    "00:00:5e:00:02:",
    "00:00:0c:07:ac:",
    "00:00:0c:9f:f",
    "00:05:73:a0:0",
    "00:07:b4:00:",
)
_ARP_REPLY = 2  #: RFC 826
_BROADCAST = "ff:ff:ff:ff:ff:ff"
_NEVER = np.iinfo(np.int64).max
_LONGEST_NAME = 63  #: of a DNS label, RFC 1035 section 2.3.4; longer ones are made up
_NAME_ORDER = {"dhcp": 0, "nbns": 1, "browser": 2, "mdns": 3, "llmnr": 4, "dhcpv6": 5}


@dataclass(slots=True)
class Host:
    """One host of one input, while it is being put together."""

    input: int
    key: str  #: link-layer address, else IP address
    mac: str | None
    addresses: set[str] = field(default_factory=set)
    names: dict[str, int] = field(default_factory=dict)  #: name, lower case -> rank of its source
    behind_router: bool = False  #: its packets reach the capture point through a router
    role: str = "neighbour"
    device_id: str | None = None
    first_packet: int = 0
    orig_flows: int = 0
    resp_flows: int = 0
    remote_control: bool = False  #: an end of a recognised remote-control protocol
    driven: bool = False  #: a protocol shows it as the driven end, and data went both ways

    def best_names(self) -> list[str]:
        """Names, best source first."""
        return sorted(self.names, key=lambda name: (self.names[name], name))

    @property
    def on_link(self) -> bool:
        """Whether it sends from a link-layer address of its own, and is no router."""
        return self.mac is not None and self.role != "gateway"

    def leased_names(self) -> frozenset[str]:
        """Names it gave a DHCP server."""
        return frozenset(name for name, rank in self.names.items() if rank == _NAME_ORDER["dhcp"])


@dataclass(slots=True)
class Hosts:
    """All hosts of a run, and for every flow which host is at each end (-1 for none)."""

    hosts: list[Host]
    orig: NDArray[np.int64]
    resp: NDArray[np.int64]
    gateways: dict[int, str]  #: input -> link-layer address of its gateway
    vantage: dict[int, str]  #: input -> host, lan, gateway or unknown
    lans: dict[int, str] = field(default_factory=dict)  #: input -> name of its local network

    def lan_of(self, host: Host) -> str:
        """The local network of a host; '' where the input has no link layer."""
        return "" if host.mac is None else self.lans.get(host.input, f"input {host.input}")


def find_hosts(tables: Tables, profile: Profile, book: AddressBook) -> Hosts:
    """Work out hosts, gateways, vantage and device roles of every input."""
    flows = tables[Flow]
    found = Hosts([], np.full(len(flows), -1, np.int64), np.full(len(flows), -1, np.int64), {}, {})
    for number in sorted({int(row) for row in tables[CaptureInput]["input"]}):
        _hosts_of_input(tables, number, profile, book, found)
    found.lans.update(_name_lans(found.gateways))
    name_devices(found.hosts, profile)
    return found


def _name_lans(gateways: dict[int, str]) -> dict[int, str]:
    """Names of local networks by input: two inputs show one network where their gateway has one address of its own.

    Addresses that routers share or software chose (VRRP, HSRP, NAT of virtual machines) are the same at every site, so
    networks behind them stay apart. Names hold the address masked, with a number where that would make two equal.
    """
    names: dict[str | int, str] = {}
    found: dict[int, str] = {}
    for number, gateway in sorted(gateways.items()):
        shared = gateway.startswith(_VIRTUAL_ROUTERS) or locally_administered(gateway)
        key = number if shared else gateway
        if key not in names:
            name = f"gateway {mask_mac(gateway)}" + (f" of input {number}" if shared else "")
            taken = sum(other.partition(" #")[0] == name for other in names.values())
            names[key] = f"{name} #{taken + 1}" if taken else name
        found[number] = names[key]
    return found


def _hosts_of_input(tables: Tables, number: int, profile: Profile, book: AddressBook, found: Hosts) -> None:
    rows = np.flatnonzero(tables[Flow]["input"] == number)
    flows = tables[Flow].where(rows)
    pairs = _ordered(tables[HostRow].where(tables[HostRow]["input"] == number))
    beyond = _hops(flows)
    routers = _routers(pairs, book, beyond) | _advertised(tables, number)
    gateway = _gateway(tables, number, routers, pairs)
    if gateway:
        found.gateways[number] = gateway
    start = len(found.hosts)
    by_address = _collect(pairs, number, _Routing(routers, gateway, beyond), book, found.hosts)
    logged = number in log_inputs(tables)
    if logged or not len(pairs):
        _add_without_link(flows, number, by_address, found.hosts, book)
    if not any(_is_local(host, book) for host in found.hosts[start:]):
        _add_outsiders(flows, number, by_address, found.hosts)
    found.orig[rows] = [by_address.get(address, -1) for address in flows["orig_h"].tolist()]
    found.resp[rows] = [by_address.get(address, -1) for address in flows["resp_h"].tolist()]
    _add_packets(flows, found.orig[rows], found.resp[rows], found.hosts)
    _add_names(tables, number, found.hosts, start, by_address)
    _add_roles(flows, found.orig[rows], found.resp[rows], found.hosts, start, gateway, book)
    ends = (found.orig[rows], found.resp[rows])
    judged = _vantage(found.hosts, start, flows, ends, _talk(tables, number), book)
    # A sensor stands in the network, whatever few hosts its logs happen to show.
    found.vantage[number] = profile.vantage or ("unknown" if logged and judged != "gateway" else judged)


def _ordered(pairs: Table[HostRow]) -> Table[HostRow]:
    """Pairs by first sighting, so that the order of rows decides nothing."""
    keys = (pairs["address"].astype(str), pairs["mac"].astype(str), pairs["first_ts"])
    return pairs.where(np.lexsort(keys))


def _hops(flows: Table[Flow]) -> set[str]:
    """Addresses whose packets crossed a router: some TTLs are a little below a starting value, none is one."""
    near, beyond = set[str](), set[str]()
    for side in ("orig", "resp"):
        ttl = flows[f"{side}_ttl"]
        near.update(flows[f"{side}_h"][np.isin(ttl, _START_TTLS)].tolist())
        beyond.update(flows[f"{side}_h"][np.isin(ttl, _CROSSED_TTLS)].tolist())
    return beyond - near


def _routers(pairs: Table[HostRow], book: AddressBook, beyond: Container[str]) -> set[str]:
    """Link-layer addresses that speak for hosts elsewhere; ``beyond`` holds the addresses that crossed a router."""
    speaks_for: dict[str, set[str]] = defaultdict(set)
    local_v4: dict[str, int] = defaultdict(int)
    found: set[str] = set()
    for mac, address in zip(pairs["mac"].tolist(), pairs["address"].tolist(), strict=True):
        if mac in _NO_LINK:
            continue
        if address in beyond or mac.startswith(_VIRTUAL_ROUTERS):
            found.add(mac)
        scope = book.scope(address)
        if scope == "public":
            speaks_for[mac].add(address if ":" not in address else _prefix(address))
        elif ":" not in address and scope != "special":
            local_v4[mac] += 1
    return found | {
        mac
        for mac in speaks_for.keys() | local_v4.keys()
        if sum(":" not in address for address in speaks_for.get(mac, ())) > 1
        or len(speaks_for.get(mac, ())) >= _ROUTED_ADDRESSES
        or local_v4.get(mac, 0) >= _ROUTED_ADDRESSES
        or (_has_v4(speaks_for.get(mac, ())) and local_v4.keys() - {mac})
    }


def _prefix(address: str) -> str:
    """The /64 of an IPv6 address: privacy addresses of one host share it (RFC 8981)."""
    try:
        return f"{int(ipaddress.IPv6Address(address)) >> 64:x}:"
    except ValueError:
        return address


def _has_v4(addresses: Iterable[str]) -> bool:
    return any(":" not in address for address in addresses)


def _advertised(tables: Tables, number: int) -> set[str]:
    """Senders of router advertisements (RFC 4861 section 4.2)."""
    heard = tables[Announcement]
    rows = np.flatnonzero((heard["input"] == number) & (heard["protocol"] == "ndp") & (heard["service"] == "router"))
    return {mac for mac in heard["mac"][rows].tolist() if mac}


def _gateway(tables: Tables, number: int, routers: set[str], pairs: Table[HostRow]) -> str | None:
    """The link-layer address that leads out: the router with most packets, else the one that DHCP hands out."""
    packets = dict.fromkeys(sorted(routers), 0)
    for mac, count in zip(pairs["mac"].tolist(), pairs["packets"].tolist(), strict=True):
        if mac in packets:
            packets[mac] += count
    if packets:
        return max(packets, key=packets.__getitem__)
    leases = tables[DhcpRequest]
    owners = dict(zip(pairs["address"].tolist(), pairs["mac"].tolist(), strict=True))
    offered = {leases["router"][row] for row in np.flatnonzero(leases["input"] == number)} & owners.keys()
    return str(owners[min(offered)]) if offered else None


@dataclass(frozen=True, slots=True)
class _Routing:
    """Who routes on the network of one input."""

    routers: set[str]  #: link-layer addresses
    gateway: str | None
    beyond: set[str]  #: addresses that crossed a router


def _collect(
    pairs: Table[HostRow], number: int, routing: _Routing, book: AddressBook, hosts: list[Host]
) -> dict[str, int]:
    """Make the hosts of one input; returns address -> index. Addresses behind routers count only inside the site."""
    by_address: dict[str, int] = {}
    by_key: dict[str, int] = {}
    columns = list(zip(*(pairs[name].tolist() for name in ("mac", "address")), strict=True))
    own = [
        book.inside(address) and mac == routing.gateway and address not in routing.beyond for mac, address in columns
    ]
    own = own if sum(own) < _ROUTED_ADDRESSES else [False] * len(own)  # as many addresses are hosts behind it
    for (mac, address), gateway_itself in zip(columns, own, strict=True):
        if book.scope(address) == "special" and address != _NO_ADDRESS:
            continue
        linked = mac not in _NO_LINK and (mac not in routing.routers or gateway_itself)
        if not linked and not book.inside(address):
            continue
        key = mac if linked else address
        if key not in by_key:
            by_key[key] = len(hosts)
            behind = mac not in _NO_LINK and not linked
            hosts.append(Host(number, key, mac if linked else None, behind_router=behind))
        if address != _NO_ADDRESS:
            hosts[by_key[key]].addresses.add(address)
            by_address.setdefault(address, by_key[key])
    return by_address


def _add_without_link(
    flows: Table[Flow], number: int, by_address: dict[str, int], hosts: list[Host], book: AddressBook
) -> None:
    """Captures of raw IP, and logs without link-layer addresses: every local address is a host of its own."""
    first: dict[str, int] = {}
    for column in ("orig_h", "resp_h"):
        for address, packet in zip(flows[column], flows["first_packet"], strict=True):
            if book.inside(address) and address not in by_address:
                first[address] = min(int(packet), first.get(address, int(packet)))
    for address in sorted(first, key=first.__getitem__):
        by_address[address] = len(hosts)
        hosts.append(Host(number, address, None, {address}))


def _is_local(host: Host, book: AddressBook) -> bool:
    return host.mac is not None or any(book.inside(address) for address in host.addresses)


def _add_outsiders(flows: Table[Flow], number: int, by_address: dict[str, int], hosts: list[Host]) -> None:
    """With no local host to be seen, judge the proven driven ends, else the originators."""
    proven = flows["controlled_side"] >= 0
    chosen = np.where(flows["controlled_side"] == 1, flows["resp_h"], flows["orig_h"])
    rows = np.flatnonzero(proven if proven.any() else np.ones(len(flows), dtype=bool))
    for row in rows[np.argsort(flows["first_packet"][rows], kind="stable")]:
        address = str(chosen[row])
        if address not in by_address:
            by_address[address] = len(hosts)
            hosts.append(Host(number, address, None, {address}))


def _add_packets(flows: Table[Flow], orig: NDArray[np.int64], resp: NDArray[np.int64], hosts: list[Host]) -> None:
    """The first packet of the first flow of each host; 0 where it took part in none."""
    first = np.full(len(hosts), _NEVER)
    for ends in (orig, resp):
        np.minimum.at(first, ends[ends >= 0], flows["first_packet"][ends >= 0])
    for index in np.flatnonzero(first < _NEVER).tolist():
        hosts[index].first_packet = int(first[index])


def _add_names(tables: Tables, number: int, hosts: list[Host], start: int, by_address: dict[str, int]) -> None:
    by_mac = {host.mac: index for index, host in enumerate(hosts[start:], start) if host.mac}

    def note(mac: str | None, address: str | None, name: str | None, source: str) -> None:
        index = by_mac.get(mac) if mac else None
        if index is None:
            index = by_address.get(address or "")
        short = _short(name or "")
        if index is not None and short:
            rank = _NAME_ORDER.get(source, 9)
            hosts[index].names[short] = min(rank, hosts[index].names.get(short, 9))

    leases = tables[DhcpRequest]
    for row in np.flatnonzero(leases["input"] == number):
        if leases["message"][row] not in ("offer", "ack", "nak", "advertise", "reply"):
            for name in (leases["host_name"][row], leases["fqdn"][row]):
                note(leases["mac"][row], leases["address"][row], name, "dhcp")
    heard = tables[Announcement]
    for row in np.flatnonzero(heard["input"] == number):
        source = str(heard["protocol"][row])
        if source in ("nbns", "browser", "lldp", "cdp") or (
            source == "mdns" and heard["service"][row] in (None, "host")
        ):
            note(heard["mac"][row], heard["address"][row], heard["name"][row], source)


def _short(name: str) -> str:
    """First label of a name, lower case. Tables join names with commas, so a name that holds one loses it."""
    return name.split(".", 1)[0].replace(",", " ").strip().lower()[:_LONGEST_NAME]


def _add_roles(
    flows: Table[Flow],
    orig: NDArray[np.int64],
    resp: NDArray[np.int64],
    hosts: list[Host],
    start: int,
    gateway: str | None,
    book: AddressBook,
) -> None:
    """Device, server, gateway or neighbour, from what each host does in the flows."""
    ports = (flows["orig_p"], flows["resp_p"])
    chatter = np.isin(ports[1], list(CHATTER_PORTS)) | np.isin(ports[0], list(CHATTER_PORTS))
    responders = flows["resp_h"].tolist()
    one = {address: not _is_to_many(address, book) for address in set(responders)}
    usable = ~chatter & np.fromiter(map(one.__getitem__, responders), np.bool_, len(responders))
    usable &= flows["protocol"] != "stun"  # a box that does nothing but test its NAT is no laptop
    remote = (flows["controlled_side"] >= 0) | flows.present("tool")
    for ends, attribute in ((orig, "orig_flows"), (resp, "resp_flows")):
        for index, count in zip(*np.unique(ends[usable & (ends >= 0)], return_counts=True), strict=True):
            setattr(hosts[int(index)], attribute, int(count))
    for ends in (orig, resp):
        for index in np.unique(ends[remote & (ends >= 0)]):
            hosts[int(index)].remote_control = True
    answered = (flows["orig_data_pkts"] > 0) & (flows["resp_data_pkts"] > 0)
    for side, ends in enumerate((orig, resp)):
        for index in np.unique(ends[answered & (flows["controlled_side"] == side) & (ends >= 0)]):
            hosts[int(index)].driven = True
    touched = {int(index) for ends in (orig, resp) for index in np.unique(ends) if index >= 0}
    for index in touched:
        host = hosts[index]
        if host.orig_flows or host.remote_control:
            host.role = "device"
        elif host.resp_flows:
            host.role = "server"
    for host in hosts[start:]:
        if gateway is not None and host.mac == gateway:
            host.role = "gateway"
    _leave_far_servers(hosts[start:])


def _leave_far_servers(hosts: list[Host]) -> None:
    """The office machine behind a router that a laptop here talks to is the far end, not a device of this network."""
    if any(host.role == "device" and not host.behind_router for host in hosts):
        for host in hosts:
            if host.role == "device" and host.behind_router and not host.orig_flows:
                host.role = "server"


def _is_to_many(address: str, book: AddressBook) -> bool:
    """Multicast, or directed broadcast of the usual home networks; others look like silent hosts and do no harm."""
    return book.scope(address) == "special" or address.endswith(".255")


def _talk(tables: Tables, number: int) -> set[frozenset[str]]:
    """Pairs of link-layer addresses of which one answered the other's ARP request: an answer goes to one host only."""
    frames = tables[Arp]
    rows = np.flatnonzero((frames["input"] == number) & (frames["op"] == _ARP_REPLY))
    pairs = zip(frames["sender_mac"][rows].tolist(), frames["target_mac"][rows].tolist(), strict=True)
    return {frozenset(pair) for pair in pairs if len(set(pair)) > 1 and _BROADCAST not in pair}


def _vantage(
    hosts: list[Host],
    start: int,
    flows: Table[Flow],
    ends: tuple[NDArray[np.int64], NDArray[np.int64]],
    answers: set[frozenset[str]],
    book: AddressBook,
) -> str:
    """Host when one and the same device is an end of every unicast packet, gateway when several lead out, else lan."""
    devices = [index for index, host in enumerate(hosts[start:], start) if host.role == "device"]
    if not devices or not len(flows):
        return "unknown"
    to_many = {address for address in set(flows["resp_h"].tolist()) if _is_to_many(address, book)}
    to_one = np.array([address not in to_many for address in flows["resp_h"].tolist()], np.bool_)
    orig, resp = ends[0][to_one], ends[1][to_one]
    if len(devices) == 1:
        own = hosts[devices[0]].mac
        elsewhere = (orig != devices[0]) & (resp != devices[0]) & (flows["encapsulation"][to_one] == "")
        if not elsewhere.any() and (own is None or all(own in pair for pair in answers)):
            return "host"
    outward = {int(index) for index in np.concatenate([orig[resp < 0], resp[orig < 0]]) if index >= 0}
    return "gateway" if len(outward) > 1 else "lan"


def name_devices(hosts: list[Host], profile: Profile) -> None:
    """Give devices their ids: the best name, else the key; the same laptop in two inputs keeps one id by its MAC.

    A docking station lends its link-layer address to whichever laptop stands in it, so inputs in which one address gave
    a DHCP server different names show different devices.
    """
    owned: set[str] = set()
    known: dict[str, list[tuple[set[str], str]]] = {}  # identity -> names given to DHCP servers, and device id
    declared = (*profile.only_devices, *(name for device in profile.devices for name in device.match))
    for host in hosts:
        # A laptop of which only a served connection was captured looks like a server; whoever names it knows better.
        if host.role in {"server", "neighbour"} and _is_asked_for(host, declared):
            host.role = "device"
        if host.role != "device":
            continue
        if profile.only_devices and not _is_asked_for(host, profile.only_devices):
            host.role = "neighbour"
            continue
        identity = host.mac if host.mac and not locally_administered(host.mac) else f"{host.input}/{host.key}"
        leased = host.leased_names()
        same = known.setdefault(identity, [])
        match = next((one for one in same if not leased or not one[0] or leased & one[0]), None)
        if match is None:
            match = set(leased), _free_id(host, owned)
            same.append(match)
            owned.add(match[1])
        match[0].update(leased)
        host.device_id = match[1]


def _is_asked_for(host: Host, asked: Iterable[str]) -> bool:
    """Whether an address, link-layer address or name, short or with its domain, is this host's."""
    own = {value.lower() for value in (host.key, *host.addresses, *host.names, host.mac or "")}
    return any(value in own or (not _is_address(value) and _short(value) in own) for value in asked)


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _free_id(host: Host, taken: Container[str]) -> str:
    """An id nobody has yet. Names are chosen by their owners, so a second host may claim the first one's."""
    names = host.best_names()
    wanted = names[0].upper() if names else host.key
    tried, number = wanted, 1
    while tried in taken:
        tried = f"{wanted} ({host.key if names else f'input {host.input}'})" + (f" #{number}" if number > 1 else "")
        number += 1
    return tried


def address_sort_key(address: str) -> tuple[int, int]:
    """Sort key that puts addresses in numeric order, IPv4 first."""
    parsed = ipaddress.ip_address(address)
    return parsed.version, int(parsed)
