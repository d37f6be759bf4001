"""Which hosts an input shows, which of them are devices to judge, and what else is on their network.

A host is a link-layer address with its IP addresses; where a router stands between (one link-layer address speaks for
many), or where there is no link layer, it is an IP address. Gateways, servers, multicast and broadcast are no devices.
A neighbour that is only heard announcing itself is listed on the network but not judged: nothing it does was seen.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.addresses import CHATTER_PORTS, AddressBook
from farmwatch.analysis.profile import Profile
from farmwatch.records import Announcement, CaptureInput, DhcpRequest, Flow, Table, Tables
from farmwatch.records import Host as HostRow

__all__ = ["Host", "Hosts", "find_hosts"]

_ROUTED_ADDRESSES = 4  #: this many IPv4 addresses behind one link-layer address: a router, not a host
_NAME_ORDER = {"dhcp": 0, "nbns": 1, "browser": 2, "mdns": 3, "llmnr": 4, "dhcpv6": 5}


@dataclass(slots=True)
class Host:
    """One host of one input, while it is being put together."""

    input: int
    key: str  #: link-layer address, else IP address
    mac: str | None
    addresses: set[str] = field(default_factory=set)
    names: dict[str, int] = field(default_factory=dict)  #: name -> rank of its source
    role: str = "neighbour"
    device_id: str | None = None
    first_packet: int = 0
    orig_flows: int = 0
    resp_flows: int = 0
    remote_control: bool = False  #: an end of a recognised remote-control protocol

    def best_names(self) -> list[str]:
        """Names, best source first."""
        return sorted(self.names, key=lambda name: (self.names[name], name))


@dataclass(slots=True)
class Hosts:
    """All hosts of a run, and for every flow which host is at each end (-1 for none)."""

    hosts: list[Host]
    orig: NDArray[np.int64]
    resp: NDArray[np.int64]
    gateways: dict[int, str]  #: input -> link-layer address of its gateway
    vantage: dict[int, str]  #: input -> host, lan, gateway or unknown

    def lan_of(self, host: Host) -> str:
        """The local network of a host; '' where the input has no link layer."""
        if host.mac is None:
            return ""
        gateway = self.gateways.get(host.input)
        return f"gateway {gateway}" if gateway else f"input {host.input}"


def find_hosts(tables: Tables, profile: Profile, book: AddressBook) -> Hosts:
    """Work out hosts, gateways, vantage and device roles of every input."""
    flows = tables[Flow]
    found = Hosts([], np.full(len(flows), -1, np.int64), np.full(len(flows), -1, np.int64), {}, {})
    for number in sorted({int(row) for row in tables[CaptureInput]["input"]}):
        _hosts_of_input(tables, number, profile, book, found)
    _name_devices(found.hosts, profile)
    return found


def _hosts_of_input(tables: Tables, number: int, profile: Profile, book: AddressBook, found: Hosts) -> None:
    rows = np.flatnonzero(tables[Flow]["input"] == number)
    flows = tables[Flow].where(rows)
    pairs = tables[HostRow].where(tables[HostRow]["input"] == number)
    routers = _routers(pairs, book)
    gateway = _gateway(tables, number, routers, pairs)
    if gateway:
        found.gateways[number] = gateway
    start = len(found.hosts)
    by_address = _collect(pairs, number, routers, gateway, book, found.hosts)
    if not len(pairs):
        _add_without_link(flows, number, by_address, found.hosts, book)
    if not any(_is_local(host, book) for host in found.hosts[start:]):
        _add_outsiders(flows, number, by_address, found.hosts)
    found.orig[rows] = [by_address.get(address, -1) for address in flows["orig_h"].tolist()]
    found.resp[rows] = [by_address.get(address, -1) for address in flows["resp_h"].tolist()]
    _add_names(tables, number, found.hosts, start, by_address)
    _add_roles(flows, found.orig[rows], found.resp[rows], found.hosts, gateway, book)
    found.vantage[number] = profile.vantage or _vantage(found.hosts[start:], flows, found.orig[rows], found.resp[rows])


def _routers(pairs: Table[HostRow], book: AddressBook) -> set[str]:
    """Link-layer addresses that speak for hosts elsewhere."""
    speaks_for: dict[str, set[str]] = defaultdict(set)
    local_v4: dict[str, int] = defaultdict(int)
    for mac, address in zip(pairs["mac"], pairs["address"], strict=True):
        scope = book.scope(address)
        if scope in ("public", "own"):
            speaks_for[mac].add(address if ":" not in address else address.rsplit(":", 4)[0])
        elif ":" not in address:
            local_v4[mac] += 1
    some_private = {mac for mac, count in local_v4.items() if count}
    return {
        mac
        for mac in speaks_for.keys() | local_v4.keys()
        if len(speaks_for[mac]) > 1
        or local_v4[mac] >= _ROUTED_ADDRESSES
        or (_has_v4(speaks_for[mac]) and some_private - {mac})
    }


def _has_v4(addresses: Iterable[str]) -> bool:
    return any(":" not in address for address in addresses)


def _gateway(tables: Tables, number: int, routers: set[str], pairs: Table[HostRow]) -> str | None:
    """The link-layer address that leads out: the router with most packets, else the one that announces itself."""
    packets: dict[str, int] = defaultdict(int)
    for mac, count in zip(pairs["mac"], pairs["packets"], strict=True):
        if mac in routers:
            packets[mac] += int(count)
    if packets:
        return max(sorted(packets), key=packets.__getitem__)
    heard = tables[Announcement]
    mask = (heard["input"] == number) & (heard["protocol"] == "ndp") & (heard["service"] == "router")
    if mask.any():
        return str(heard["mac"][np.flatnonzero(mask)[0]])
    leases = tables[DhcpRequest]
    owners = dict(zip(pairs["address"], pairs["mac"], strict=True))
    for row in np.flatnonzero(leases["input"] == number):
        if leases["router"][row] in owners:
            return str(owners[leases["router"][row]])
    return None


def _collect(
    pairs: Table[HostRow], number: int, routers: set[str], gateway: str | None, book: AddressBook, hosts: list[Host]
) -> dict[str, int]:
    """Make the hosts of one input; returns address -> index. Addresses behind routers count only when local."""
    by_address: dict[str, int] = {}
    by_key: dict[str, int] = {}
    scopes = [book.scope(address) for address in pairs["address"]]
    behind = sum(scope == "local" and mac == gateway for scope, mac in zip(scopes, pairs["mac"], strict=True))
    for mac, address, first in zip(pairs["mac"], pairs["address"], pairs["first_packet"], strict=True):
        scope = book.scope(address)
        if scope == "special" and address != "0.0.0.0":  # noqa: S104  (a DHCP client before its lease, not a bind)
            continue
        known_mac = mac or None
        routed = known_mac is None or mac in routers
        if routed and scope != "local":
            continue
        own_gateway = mac == gateway and scope == "local" and behind < _ROUTED_ADDRESSES
        key = str(mac) if known_mac and (not routed or own_gateway) else str(address)
        if key not in by_key:
            by_key[key] = len(hosts)
            hosts.append(Host(number, key, known_mac if not routed or own_gateway else None, first_packet=int(first)))
        if address != "0.0.0.0":  # noqa: S104
            hosts[by_key[key]].addresses.add(address)
            by_address.setdefault(address, by_key[key])
    return by_address


def _add_without_link(
    flows: Table[Flow], number: int, by_address: dict[str, int], hosts: list[Host], book: AddressBook
) -> None:
    """Captures of raw IP: every local address is a host of its own."""
    first: dict[str, int] = {}
    for column in ("orig_h", "resp_h"):
        for address, packet in zip(flows[column], flows["first_packet"], strict=True):
            if book.scope(address) == "local":
                first[address] = min(int(packet), first.get(address, int(packet)))
    for address, packet in sorted(first.items(), key=lambda item: item[1]):
        by_address[address] = len(hosts)
        hosts.append(Host(number, address, None, {address}, first_packet=packet))


def _is_local(host: Host, book: AddressBook) -> bool:
    return host.mac is not None or any(book.scope(address) == "local" for address in host.addresses)


def _add_outsiders(flows: Table[Flow], number: int, by_address: dict[str, int], hosts: list[Host]) -> None:
    """With no local host to be seen, judge the proven driven ends, else the originators."""
    proven = flows["controlled_side"] >= 0
    chosen = np.where(flows["controlled_side"] == 1, flows["resp_h"], flows["orig_h"])
    for row in np.flatnonzero(proven if proven.any() else np.ones(len(flows), dtype=bool)):
        address = str(chosen[row])
        if address not in by_address:
            by_address[address] = len(hosts)
            hosts.append(Host(number, address, None, {address}, first_packet=int(flows["first_packet"][row])))


def _add_names(tables: Tables, number: int, hosts: list[Host], start: int, by_address: dict[str, int]) -> None:
    by_mac = {host.mac: index for index, host in enumerate(hosts[start:], start) if host.mac}

    def note(mac: str | None, address: str | None, name: str | None, source: str) -> None:
        index = by_mac.get(mac) if mac else None
        if index is None:
            index = by_address.get(address or "")
        if index is not None and name:
            short = (
                name.lower().removesuffix(".local").split(".")[0] if source == "mdns" else name.split(".")[0].lower()
            )
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
        if source in ("nbns", "browser") or (source == "mdns" and heard["service"][row] in (None, "host")):
            note(heard["mac"][row], heard["address"][row], heard["name"][row], source)


def _add_roles(
    flows: Table[Flow],
    orig: NDArray[np.int64],
    resp: NDArray[np.int64],
    hosts: list[Host],
    gateway: str | None,
    book: AddressBook,
) -> None:
    """Device, server, gateway or neighbour, from what each host does in the flows."""
    ports = (flows["orig_p"], flows["resp_p"])
    chatter = np.isin(ports[1], list(CHATTER_PORTS)) | np.isin(ports[0], list(CHATTER_PORTS))
    responders = flows["resp_h"].tolist()
    one = {address: book.scope(address) != "special" and not _is_broadcast(address) for address in set(responders)}
    usable = ~chatter & np.fromiter(map(one.__getitem__, responders), np.bool_, len(responders))
    remote = (flows["controlled_side"] >= 0) | flows.present("tool")
    for ends, attribute in ((orig, "orig_flows"), (resp, "resp_flows")):
        for index, count in zip(*np.unique(ends[usable & (ends >= 0)], return_counts=True), strict=True):
            setattr(hosts[int(index)], attribute, int(count))
    for ends in (orig, resp):
        for index in np.unique(ends[remote & (ends >= 0)]):
            hosts[int(index)].remote_control = True
    touched = {int(index) for ends in (orig, resp) for index in np.unique(ends) if index >= 0}
    for index in touched:
        host = hosts[index]
        if host.orig_flows or host.remote_control:
            host.role = "device"
        elif host.resp_flows:
            host.role = "server"
    for host in hosts:
        if gateway is not None and host.mac == gateway:
            host.role = "gateway"


def _is_broadcast(address: str) -> bool:
    """Directed broadcast of the usual home networks; others look like hosts without a sender and do no harm."""
    return address.endswith(".255")


def _vantage(hosts: list[Host], flows: Table[Flow], orig: NDArray[np.int64], resp: NDArray[np.int64]) -> str:
    """Host when every unicast flow has one and the same device at an end, gateway when several lead out, else lan."""
    devices = [host for host in hosts if host.role == "device"]
    if not devices or not len(flows):
        return "unknown"
    if len(devices) == 1:
        return "host"
    outward = {int(index) for index in np.concatenate([orig[resp < 0], resp[orig < 0]]) if index >= 0}
    return "gateway" if len(outward) > 1 else "lan"


def _name_devices(hosts: list[Host], profile: Profile) -> None:
    """Give devices their ids: the best name, else the key; the same laptop in two inputs keeps one id by its MAC."""
    owners: dict[str, str] = {}  # device id -> identity that holds it
    known: dict[str, str] = {}  # identity -> device id
    for host in hosts:
        if host.role != "device":
            continue
        names = host.best_names()
        identifiers = {value.lower() for value in (host.key, *host.addresses, *names)}
        if profile.only_devices and not identifiers.intersection(profile.only_devices):
            host.role = "neighbour"
            continue
        identity = host.mac if host.mac and not _is_random(host.mac) else f"{host.input}/{host.key}"
        if identity not in known:
            wanted = names[0].upper() if names else host.key
            if wanted in owners:
                wanted = f"{wanted} ({host.key if names else f'input {host.input}'})"
            owners[wanted] = identity
            known[identity] = wanted
        host.device_id = known[identity]


def _is_random(mac: str) -> bool:
    """Locally administered: chosen by software, not a stable identity across captures."""
    try:
        return bool(int(mac[:2], 16) & 2)
    except ValueError:
        return True


def address_sort_key(address: str) -> tuple[int, int]:
    """Sort key that puts addresses in numeric order, IPv4 first."""
    parsed = ipaddress.ip_address(address)
    return parsed.version, int(parsed)
