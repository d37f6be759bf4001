"""Naming, discovery and address-assignment messages as rows: names, queries, leases, announcements, ARP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from socket import inet_ntoa
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farmwatch.collectors.flow_rows import addresses, macs
from farmwatch.collectors.lookups import QTYPES, Lookup, lookup
from farmwatch.errors import DecodeError
from farmwatch.records import Announcement, Arp, DhcpRequest, Name, NameQuery, Rows, Table
from farmwatch.wire.flows import FlowTable, mac_text
from farmwatch.wire.messages import ArpTable, MessageKind, MessageTable
from farmwatch.wire.protocols.dhcp import parse_dhcp
from farmwatch.wire.protocols.dhcpv6 import parse_dhcpv6
from farmwatch.wire.protocols.dns import parse_dns
from farmwatch.wire.protocols.lldp import parse_cdp, parse_lldp
from farmwatch.wire.protocols.mdns import parse_mdns
from farmwatch.wire.protocols.nbns import parse_nbdgm, parse_nbns
from farmwatch.wire.protocols.ndp import parse_ndp
from farmwatch.wire.protocols.ssdp import parse_ssdp

__all__ = ["MessageRows", "arp_rows"]

_DHCP_KINDS = {1: "discover", 2: "offer", 3: "request", 4: "decline", 5: "ack", 6: "nak", 7: "release", 8: "inform"}
_DHCPV6_KINDS = {
    1: "solicit", 2: "advertise", 3: "request", 4: "confirm", 5: "renew", 6: "rebind", 7: "reply", 8: "release",
    9: "decline", 10: "reconfigure", 11: "information-request",
}  # fmt: skip
_SPOKEN_ON = {
    "dns": (53,), "mdns": (5353,), "llmnr": (5355,), "nbns": (137,), "netbios-datagram": (138,), "dhcp": (67, 68),
    "dhcpv6": (546, 547), "ssdp": (1900,),
}  # fmt: skip
_WORKSTATION, _SERVER, _DOMAIN_MASTER, _DOMAIN_CONTROLLERS = 0x00, 0x20, 0x1B, 0x1C
_MOST_TEXT = 300
_MOST_VALUE = 64  #: characters kept of one TXT value
_MOST_SAID = 64  #: hosts or services taken from one announcement
_MOST_OPAQUE = 128  #: hexadecimal digits kept of a DHCP option without a text form
# Rows of one input that any sender on the network can add to; busy offices have a tenth.
_MOST_NAMES = 200_000
_MOST_QUERIES = 200_000
_MOST_ANNOUNCEMENTS = 50_000
_MOST_REMEMBERED = 100_000  #: facts of decoded messages kept for repeats
#: TXT keys that tell of a device. Others hold what its owner typed: names, e-mail addresses, rooms.
_DEVICE_KEYS = frozenset(
    {"model", "md", "am", "ty", "usb_mfg", "usb_mdl", "vendor", "manufacturer", "mfg", "product", "version", "ver",
     "vers", "srcvers", "firmware", "fw", "fv", "kvmd_version", "board", "platform", "base", "video", "os", "osxvers"}
)  # fmt: skip
_PRESENT_KEYS = frozenset({"serial", "sn"})  #: TXT keys of which only the presence is kept
_PEOPLE = "_presence._tcp"  #: link-local messaging (XEP-0174): instances and TXT pairs are persons
_NO_ADDRESS = "0.0.0.0"  # noqa: S104  (what DHCP writes for none, not a bind)


class _Sent(NamedTuple):
    """Where one message came from."""

    packet: int
    ts: int
    last_ts: int
    sights: int
    mac: str | None
    source: str
    destination: str


@dataclass(slots=True)
class MessageRows:
    """Fills the tables that naming and discovery messages feed."""

    number: int
    names: Rows[Name] = field(default_factory=lambda: Rows(Name))
    leases: Rows[DhcpRequest] = field(default_factory=lambda: Rows(DhcpRequest))
    heard: Rows[Announcement] = field(default_factory=lambda: Rows(Announcement))
    bad: dict[str, int] = field(default_factory=dict)
    _asked: dict[tuple[str, str, str, str], list[Any]] = field(default_factory=dict)
    _known: set[tuple[str, str, str, str | None]] = field(default_factory=set)
    _said: dict[tuple[str | None, str, str | None, str | None, str | None], tuple[_Sent, str]] = field(
        default_factory=dict
    )
    _decoded: dict[bytes, Lookup] = field(default_factory=dict)
    _remembered: int = 0
    _unread: set[int] = field(default_factory=set)  #: flows with a message that did not decode

    def read(self, messages: MessageTable) -> None:
        """Decode all kept messages; what does not decode is counted by protocol."""
        readers: dict[int, Callable[[bytes, _Sent], None]] = {
            MessageKind.DNS: self._dns, MessageKind.MDNS: self._mdns, MessageKind.LLMNR: self._llmnr,
            MessageKind.NBNS: self._nbns, MessageKind.NETBIOS_DATAGRAM: self._browser, MessageKind.DHCP: self._dhcp,
            MessageKind.DHCPV6: self._dhcpv6, MessageKind.SSDP: self._ssdp, MessageKind.LLDP: self._lldp,
            MessageKind.CDP: self._cdp, MessageKind.NDP: self._ndp,
        }  # fmt: skip
        sources = addresses(messages.src_ip_hi, messages.src_ip_lo)
        destinations = addresses(messages.dst_ip_hi, messages.dst_ip_lo)
        senders = macs(messages.src_mac)
        columns = (
            messages.kind, messages.packet, messages.ts_ns, messages.last_ns, messages.count, messages.flow,
            messages.offset, messages.length,
        )  # fmt: skip
        rows = zip(*(column.tolist() for column in columns), senders.tolist(), sources, destinations, strict=True)
        pool = messages.pool.data
        for kind, packet, ts, last, count, flow, offset, length, mac, source, destination in rows:
            reader = readers.get(kind)
            if reader is None:
                continue
            sent = _Sent(packet, ts, last, count, mac, source, destination)
            try:
                reader(bytes(pool[offset : offset + length]), sent)
            except DecodeError:
                self._left_out(f"{MessageKind(kind).name.lower()} message not readable", count)
                self._unread.add(flow)

    def name_flows(self, flows: FlowTable, protocol: NDArray[Any]) -> None:
        """Fill in the protocol of UDP flows on a port of naming or discovery whose messages were all readable."""
        readable = (flows.proto == 17) & (flows.orig_data_packets + flows.resp_data_packets > 0)
        readable[[flow for flow in self._unread if flow >= 0]] = False
        for name, ports in _SPOKEN_ON.items():
            here = readable & (np.isin(flows.resp_port, ports) | np.isin(flows.orig_port, ports))
            protocol[[row for row in np.flatnonzero(here).tolist() if protocol[row] is None]] = name

    def dns_stream(self, message: Lookup, client: str, server: str, packet: int, ts: int) -> None:
        """One DNS message from a TCP stream."""
        sender = server if message.is_response else client
        sent = _Sent(packet, ts, ts, 1, None, sender, client if message.is_response else server)
        self._dns_message(message, sent, "dns")

    def named(self, address: str, name: str, source: str, sent_packet: int, ts: int, client: str | None) -> None:
        """Note a name for an address once."""
        self._named(address, name.lower().rstrip("."), source, sent_packet, ts, client)

    def _named(self, address: str, name: str, source: str, sent_packet: int, ts: int, client: str | None) -> None:
        key = (address, name, source, client)
        if not name or not address or key in self._known:
            return
        if len(self._known) >= _MOST_NAMES:
            self._left_out("names of addresses left out for lack of room")
            return
        self._known.add(key)
        self.names.add(
            input=self.number, address=address, name=name, source=source, ts=ts, packet=sent_packet, client=client
        )

    def _left_out(self, reason: str, count: int = 1) -> None:
        self.bad[reason] = self.bad.get(reason, 0) + count

    def _query(self, protocol: str, name: str, qtype: int, sent: _Sent) -> None:
        if not _personal(name):
            self._asked_for(protocol, name.lower().rstrip("."), QTYPES.get(qtype, str(qtype)), sent)

    def _asked_for(self, protocol: str, name: str, qtype: str, sent: _Sent) -> None:
        key = (protocol, sent.source, name, qtype)
        known = self._asked.get(key)
        if known is not None:
            known[2] = max(known[2], sent.last_ts)
            known[3] += sent.sights
        elif len(self._asked) < _MOST_QUERIES:
            self._asked[key] = [sent.packet, sent.ts, sent.last_ts, sent.sights, sent.mac]
        else:
            self._left_out("name queries left out for lack of room", sent.sights)

    def _say(
        self, protocol: str, sent: _Sent, name: str | None, *, domain: str | None = None, service: str | None = None,
        text: str = "",
    ) -> None:  # fmt: skip
        """Note what a host says of itself; said again, the first packet stays and the longer text wins."""
        key = (sent.mac or sent.source, protocol, name or None, domain or None, service or None)
        known = self._said.get(key)
        if known is None and len(self._said) >= _MOST_ANNOUNCEMENTS:
            self._left_out("announcements left out for lack of room", sent.sights)
        elif known is None or len(text) > len(known[1]):
            self._said[key] = (known[0] if known else sent, text[:_MOST_TEXT])

    def _dns(self, payload: bytes, sent: _Sent) -> None:
        self._dns_message(self._dns_decoded(payload), sent, "dns")

    def _llmnr(self, payload: bytes, sent: _Sent) -> None:
        self._dns_message(self._dns_decoded(payload), sent, "llmnr")

    def _dns_decoded(self, payload: bytes) -> Lookup:
        """A message's facts; the same message from many clients, its transaction id left out, is decoded once."""
        content = payload[2:]
        known = self._decoded.get(content)
        if known is None:
            known = lookup(parse_dns(payload))
            self._remembered += 1 + len(known)
            if self._remembered > _MOST_REMEMBERED:
                self._decoded.clear()
                self._remembered = 0
            self._decoded[content] = known
        return known

    def _dns_message(self, message: Lookup, sent: _Sent, protocol: str) -> None:
        for name, qtype in message.asked:
            self._asked_for(protocol, name, qtype, sent)
        for address, name in message.answers:
            self._named(address, name, protocol, sent.packet, sent.ts, sent.destination)
        if message.left_out:
            self._left_out("questions or addresses of overlong DNS messages left out", message.left_out)

    def _mdns(self, payload: bytes, sent: _Sent) -> None:
        message = parse_mdns(payload)
        for name in message.asked[:_MOST_SAID]:
            self._query("mdns", name, 12, sent)
        for host in message.hosts[:_MOST_SAID]:
            if not _personal(host.name):
                self._say("mdns", sent, host.name, service="host")
                for address in host.addresses[:_MOST_SAID]:
                    self.named(address, host.name, "mdns", sent.packet, sent.ts, None)
        for service in message.services[:_MOST_SAID]:
            if service.service == _PEOPLE:
                self._say("mdns", sent, None, service=service.service)
                continue
            instance = None if _personal(service.instance) else service.instance
            self._say("mdns", sent, instance, service=service.service, text=_device_text(service.properties))
        for kind in message.service_types[:_MOST_SAID]:
            self._say("mdns", sent, None, service=kind)
        over = (message.asked, message.hosts, message.services, message.service_types)
        if left := sum(max(len(listed) - _MOST_SAID, 0) for listed in over):
            self._left_out("entries of overlong mDNS messages left out", left)

    def _nbns(self, payload: bytes, sent: _Sent) -> None:
        message = parse_nbns(payload)
        registering = message.opcode in (
            5,
            8,
            9,
            15,
        )  # registration, refresh, multi-homed registration (RFC 1002 4.2.1.1)
        if not message.is_response and not registering:
            for name, qtype in message.questions:
                self._query("nbns", name.name, qtype, sent)
        for record in message.additionals if registering else message.answers:
            group = any(flag for _, flag in record.addresses)
            self._netbios(record.name.name, record.name.suffix, sent, group=group)
            for node, node_group in record.node_names:
                self._netbios(node.name, node.suffix, sent, group=node_group)

    def _netbios(self, name: str, suffix: int, sent: _Sent, *, group: bool) -> None:
        if group and suffix in (_WORKSTATION, _DOMAIN_CONTROLLERS):
            self._say("nbns", sent, None, domain=name, service="domain")
        elif not group and suffix in (_WORKSTATION, _SERVER):
            self._say("nbns", sent, name, service="host")
            self.named(sent.source, name, "nbns", sent.packet, sent.ts, None)
        elif suffix == _DOMAIN_MASTER:
            self._say("nbns", sent, None, domain=name, service="domain master")

    def _browser(self, payload: bytes, sent: _Sent) -> None:
        message = parse_nbdgm(payload)
        said = message.announcement
        if said is None:
            return
        if said.kind == 12:  # domain announcement: names the domain, and its master
            self._say("browser", sent, said.master, domain=said.name, service="domain")
        else:
            domain = message.destination.name if message.destination.suffix in (0x1D, 0x1E, 0x00) else None
            self._say("browser", sent, said.name, domain=domain, service="host")
            self.named(sent.source, said.name, "browser", sent.packet, sent.ts, None)

    def _dhcp(self, payload: bytes, sent: _Sent) -> None:
        message = parse_dhcp(payload)
        stated = (message.your_ip, message.requested_ip, message.client_ip)
        given = next((address for address in stated if address not in ("", _NO_ADDRESS)), None)
        self.leases.add(
            input=self.number, ts=sent.ts, packet=sent.packet, ip_version=4,
            message=_DHCP_KINDS.get(message.message_type, str(message.message_type)), mac=message.client_mac or None,
            address=given, host_name=message.hostname or None,
            fqdn=message.fqdn or None, vendor_class=message.vendor_class or None,
            parameters=",".join(str(code) for code in message.parameters) or None, server=message.server_id or None,
            domain=message.domain or None, search_domains=",".join(message.search_domains) or None,
            router=message.routers[0] if message.routers else None,
            client_id=message.client_id[:_MOST_OPAQUE] or None, vendor_data=message.vendor_data[:_MOST_OPAQUE] or None,
        )  # fmt: skip
        if message.hostname and given and not message.is_reply:
            self.named(given, message.hostname, "dhcp", sent.packet, sent.ts, None)

    def _dhcpv6(self, payload: bytes, sent: _Sent) -> None:
        message = parse_dhcpv6(payload)
        mac = (message.client.mac if message.client else "") or (
            message.relayed_macs[0] if message.relayed_macs else ""
        )
        self.leases.add(
            input=self.number, ts=sent.ts, packet=sent.packet, ip_version=6,
            message=_DHCPV6_KINDS.get(message.message_type, str(message.message_type)), mac=mac or sent.mac,
            address=message.addresses[0] if message.addresses else None, fqdn=message.fqdn or None,
            vendor_class=message.vendor_classes[0] if message.vendor_classes else None,
            parameters=",".join(str(code) for code in message.requested_options) or None,
            domain=message.search_domains[0] if message.search_domains else None,
            search_domains=",".join(message.search_domains) or None,
            client_id=message.client.raw[:_MOST_OPAQUE] if message.client else None,
        )  # fmt: skip
        if message.fqdn and message.addresses:
            self.named(message.addresses[0], message.fqdn, "dhcpv6", sent.packet, sent.ts, None)

    def _ssdp(self, payload: bytes, sent: _Sent) -> None:
        message = parse_ssdp(payload)
        if message.method != "M-SEARCH":
            text = "; ".join(part for part in (message.server, _bare_url(message.location)) if part)
            self._say("ssdp", sent, message.friendly_name, service=message.search_target, text=text)

    def _lldp(self, payload: bytes, sent: _Sent) -> None:
        message = parse_lldp(payload)
        text = " ".join(part for part in (message.system_description, message.manufacturer, message.model) if part)
        self._say("lldp", sent, message.system_name, service="switch or host", text=text)
        for address in message.management_addresses:
            self._managed(address, message.system_name, "lldp", sent)

    def _cdp(self, payload: bytes, sent: _Sent) -> None:
        message = parse_cdp(payload)
        self._say("cdp", sent, message.device_id, service="switch or host", text=message.platform)
        for address in message.addresses:
            self._managed(address, message.device_id, "cdp", sent)

    def _managed(self, address: str, name: str, source: str, sent: _Sent) -> None:
        """A management address: of several families, only IP addresses name a host."""
        with suppress(ValueError):
            self.named(str(ip_address(address)), name, source, sent.packet, sent.ts, None)

    def _ndp(self, payload: bytes, sent: _Sent) -> None:
        message = parse_ndp(payload)
        if message.icmp_type == 134:  # router advertisement, RFC 4861 section 4.2
            prefixes = " ".join(f"{one.prefix}/{one.length}" for one in message.prefixes)
            shown = {
                "mtu": str(message.mtu or ""), "prefixes": prefixes, "search": " ".join(message.search_domains),
                "dns": " ".join(message.dns_servers),
            }  # fmt: skip
            text = ";".join(f"{name}={value}" for name, value in shown.items() if value)
            self._say("ndp", sent, None, service="router", text=text)

    def tables(self) -> tuple[Table[Any], ...]:
        """The filled tables; nothing may be read afterwards."""
        for (_, protocol, said, domain, service), (sent, text) in self._said.items():
            self.heard.add(
                input=self.number, ts=sent.ts, packet=sent.packet, protocol=protocol, mac=sent.mac,
                address=sent.source, name=said, domain=domain, service=service, text=text,
            )  # fmt: skip
        return self.names.table(), self._queries(), self.leases.table(), self.heard.table()

    def _queries(self) -> Table[NameQuery]:
        protocol, client, name, qtype = zip(*self._asked, strict=True) if self._asked else ((),) * 4
        packet, ts, last, count, mac = zip(*self._asked.values(), strict=True) if self._asked else ((),) * 5
        times = {"ts": ts, "last_ts": last}
        columns = {
            "protocol": protocol, "client": client, "client_mac": mac, "name": name, "qtype": qtype, "packet": packet,
            "count": count, "input": (self.number,) * len(packet),
        }  # fmt: skip
        return Table(
            NameQuery,
            {one: NameQuery.columns[one].array(values) for one, values in columns.items()}
            | {one: np.array(values, np.int64).view("datetime64[ns]") for one, values in times.items()},
        )


def _personal(name: str) -> bool:
    """Whether a multicast name is that of a person: an account before its machine, or a messaging presence."""
    return "@" in name or _PEOPLE in name.lower()


def _device_text(properties: Sequence[tuple[str, str]]) -> str:
    """TXT pairs that tell of the device, and nothing its owner typed."""
    kept = [
        f"{key}={value[:_MOST_VALUE] if key in _DEVICE_KEYS else ''}"
        for key, value in properties
        if key in _PRESENT_KEYS or (key in _DEVICE_KEYS and "@" not in value)
    ]
    return ";".join(kept)


def _bare_url(url: str) -> str:
    """A URL without user, query and fragment."""
    scheme, slashes, rest = url.partition("?")[0].partition("#")[0].partition("://")
    if not slashes:
        return scheme.rpartition("@")[2]
    host, slash, path = rest.partition("/")
    return scheme + slashes + host.rpartition("@")[2] + slash + path


def arp_rows(arp: ArpTable, number: int) -> Table[Arp]:
    """ARP frames."""
    return Table(
        Arp,
        {
            "input": np.full(len(arp), number, np.int64),
            "packet": arp.packet,
            "ts": arp.ts_ns.view("datetime64[ns]"),
            "last_ts": arp.last_ns.view("datetime64[ns]"),
            "count": arp.count,
            "op": arp.op,
            "eth_src": _texts(arp.eth_src, mac_text),
            "sender_mac": _texts(arp.sender_mac, mac_text),
            "sender_ip": _texts(arp.sender_ip, _ipv4),
            "target_mac": _texts(arp.target_mac, mac_text),
            "target_ip": _texts(arp.target_ip, _ipv4),
        },
    )


def _texts(numbers: NDArray[np.int64], text: Callable[[int], str]) -> NDArray[Any]:
    """The text of each number; each distinct one is written once."""
    distinct, where = np.unique(numbers, return_inverse=True)
    texts = np.empty(len(distinct), dtype=object)
    texts[:] = [text(number) for number in distinct.tolist()]
    return np.asarray(texts[where])


def _ipv4(number: int) -> str:
    return inet_ntoa(number.to_bytes(4, "big"))
