"""Naming, discovery and address-assignment messages as rows: names, queries, leases, announcements, STUN, ARP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from farmwatch.collectors.flow_rows import addresses, macs
from farmwatch.errors import DecodeError
from farmwatch.records import Announcement, Arp, DhcpRequest, Name, NameQuery, Rows, Stun, Table
from farmwatch.wire.flows import mac_text
from farmwatch.wire.messages import ArpTable, MessageKind, MessageTable, StunTable
from farmwatch.wire.protocols.dhcp import parse_dhcp
from farmwatch.wire.protocols.dhcpv6 import parse_dhcpv6
from farmwatch.wire.protocols.dns import DnsMessage, answers_by_address, parse_dns
from farmwatch.wire.protocols.lldp import parse_cdp, parse_lldp
from farmwatch.wire.protocols.mdns import parse_mdns
from farmwatch.wire.protocols.nbns import parse_nbdgm, parse_nbns
from farmwatch.wire.protocols.ndp import parse_ndp
from farmwatch.wire.protocols.ssdp import parse_ssdp
from farmwatch.wire.protocols.stun import decode_stun

__all__ = ["MessageRows", "arp_rows", "stun_rows"]

_QTYPES = {
    1: "A",
    2: "NS",
    5: "CNAME",
    6: "SOA",
    12: "PTR",
    15: "MX",
    16: "TXT",
    28: "AAAA",
    33: "SRV",
    65: "HTTPS",
    255: "ANY",
}
_DHCP_KINDS = {1: "discover", 2: "offer", 3: "request", 4: "decline", 5: "ack", 6: "nak", 7: "release", 8: "inform"}
_DHCPV6_KINDS = {
    1: "solicit", 2: "advertise", 3: "request", 4: "confirm", 5: "renew", 6: "rebind", 7: "reply", 8: "release",
    9: "decline", 10: "reconfigure", 11: "information-request",
}  # fmt: skip
_WORKSTATION, _SERVER, _DOMAIN_MASTER, _DOMAIN_CONTROLLERS = 0x00, 0x20, 0x1B, 0x1C
_STUN_METHODS = {
    1: "binding",
    3: "allocate",
    4: "refresh",
    6: "send",
    7: "data",
    8: "create-permission",
    9: "channel-bind",
}
_STUN_KINDS = ("request", "indication", "success", "error")
_MOST_TEXT = 300
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


class _Dns(NamedTuple):
    """What rows are made of in a DNS message."""

    asked: tuple[tuple[str, str], ...]  #: name, type; of a query
    answers: tuple[tuple[str, str], ...]  #: address, name; of a response


@dataclass(slots=True)
class MessageRows:
    """Fills the tables that naming and discovery messages feed."""

    number: int
    names: Rows[Name] = field(default_factory=lambda: Rows(Name))
    queries: Rows[NameQuery] = field(default_factory=lambda: Rows(NameQuery))
    leases: Rows[DhcpRequest] = field(default_factory=lambda: Rows(DhcpRequest))
    heard: Rows[Announcement] = field(default_factory=lambda: Rows(Announcement))
    bad: dict[str, int] = field(default_factory=dict)
    _asked: dict[tuple[str, str, str, str], list[Any]] = field(default_factory=dict)
    _known: set[tuple[str, str, str, str | None]] = field(default_factory=set)
    _said: set[tuple[str | None, str, str | None, str | None, str | None]] = field(default_factory=set)
    _decoded: dict[bytes, _Dns] = field(default_factory=dict)

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
            messages.kind, messages.packet, messages.ts_ns, messages.last_ns, messages.count, messages.offset,
            messages.length,
        )  # fmt: skip
        rows = zip(*(column.tolist() for column in columns), senders.tolist(), sources, destinations, strict=True)
        pool = messages.pool.data
        for kind, packet, ts, last, count, offset, length, mac, source, destination in rows:
            reader = readers.get(kind)
            if reader is None:
                continue
            sent = _Sent(packet, ts, last, count, mac, source, destination)
            try:
                reader(bytes(pool[offset : offset + length]), sent)
            except DecodeError:
                reason = f"{MessageKind(kind).name.lower()} message not readable"
                self.bad[reason] = self.bad.get(reason, 0) + count

    def dns_stream(self, message: DnsMessage, client: str, server: str, packet: int, ts: int) -> None:
        """One DNS message from a TCP stream."""
        sender = server if message.is_response else client
        sent = _Sent(packet, ts, ts, 1, None, sender, client if message.is_response else server)
        self._dns_message(_dns_facts(message), sent, "dns")

    def named(self, address: str, name: str, source: str, sent_packet: int, ts: int, client: str | None) -> None:
        """Note a name for an address once."""
        key = (address, name, source, client)
        if name and address and key not in self._known:
            self._known.add(key)
            self.names.add(
                input=self.number, address=address, name=name.lower().rstrip("."), source=source, ts=ts,
                packet=sent_packet, client=client,
            )  # fmt: skip

    def _query(self, protocol: str, name: str, qtype: int, sent: _Sent) -> None:
        self._asked_for(protocol, name.lower().rstrip("."), _QTYPES.get(qtype, str(qtype)), sent)

    def _asked_for(self, protocol: str, name: str, qtype: str, sent: _Sent) -> None:
        key = (protocol, sent.source, name, qtype)
        known = self._asked.get(key)
        if known is None:
            self._asked[key] = [sent.packet, sent.ts, sent.last_ts, sent.sights, sent.mac]
        else:
            known[2] = max(known[2], sent.last_ts)
            known[3] += sent.sights

    def _say(
        self, protocol: str, sent: _Sent, name: str | None, *, domain: str | None = None, service: str | None = None,
        text: str = "",
    ) -> None:  # fmt: skip
        key = (sent.mac or sent.source, protocol, name, domain, service)
        if key in self._said:
            return
        self._said.add(key)
        self.heard.add(
            input=self.number, ts=sent.ts, packet=sent.packet, protocol=protocol, mac=sent.mac, address=sent.source,
            name=name or None, domain=domain or None, service=service or None, text=text[:_MOST_TEXT],
        )  # fmt: skip

    def _dns(self, payload: bytes, sent: _Sent) -> None:
        self._dns_message(self._dns_decoded(payload), sent, "dns")

    def _llmnr(self, payload: bytes, sent: _Sent) -> None:
        self._dns_message(self._dns_decoded(payload), sent, "llmnr")

    def _dns_decoded(self, payload: bytes) -> _Dns:
        """A message's facts; the same message from many clients, its transaction id left out, is decoded once."""
        known = self._decoded.get(payload[2:])
        if known is None:
            known = self._decoded[payload[2:]] = _dns_facts(parse_dns(payload))
        return known

    def _dns_message(self, message: _Dns, sent: _Sent, protocol: str) -> None:
        for name, qtype in message.asked:
            self._asked_for(protocol, name, qtype, sent)
        for address, name in message.answers:
            self.named(address, name, protocol, sent.packet, sent.ts, sent.destination)

    def _mdns(self, payload: bytes, sent: _Sent) -> None:
        message = parse_mdns(payload)
        for name in message.asked:
            self._query("mdns", name, 12, sent)
        for host in message.hosts:
            self._say("mdns", sent, host.name, service="host")
            for address in host.addresses:
                self.named(address, host.name, "mdns", sent.packet, sent.ts, None)
        for service in message.services:
            text = ";".join(f"{key}={value}" for key, value in service.properties)
            self._say("mdns", sent, service.instance, service=service.service, text=text)
        for kind in message.service_types:
            self._say("mdns", sent, None, service=kind)

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
            domain=message.domain or None, router=message.routers[0] if message.routers else None,
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
        )  # fmt: skip

    def _ssdp(self, payload: bytes, sent: _Sent) -> None:
        message = parse_ssdp(payload)
        if message.method != "M-SEARCH":
            text = "; ".join(part for part in (message.server, message.location) if part)
            self._say("ssdp", sent, message.friendly_name, service=message.search_target, text=text)

    def _lldp(self, payload: bytes, sent: _Sent) -> None:
        message = parse_lldp(payload)
        text = " ".join(part for part in (message.system_description, message.manufacturer, message.model) if part)
        self._say("lldp", sent, message.system_name, service="switch or host", text=text)

    def _cdp(self, payload: bytes, sent: _Sent) -> None:
        message = parse_cdp(payload)
        self._say("cdp", sent, message.device_id, service="switch or host", text=message.platform)

    def _ndp(self, payload: bytes, sent: _Sent) -> None:
        message = parse_ndp(payload)
        if message.icmp_type == 134:  # router advertisement, RFC 4861 section 4.2
            self._say("ndp", sent, None, service="router")

    def tables(self) -> tuple[Table[Any], ...]:
        """The filled tables; nothing may be read afterwards."""
        for (protocol, client, name, qtype), (packet, ts, last, count, mac) in self._asked.items():
            self.queries.add(
                input=self.number, ts=ts, last_ts=last, packet=packet, protocol=protocol, client=client, client_mac=mac,
                name=name, qtype=qtype, count=count,
            )  # fmt: skip
        return self.names.table(), self.queries.table(), self.leases.table(), self.heard.table()


def _dns_facts(message: DnsMessage) -> _Dns:
    """What a query asks for, or the addresses a response gives."""
    if message.is_response:
        return _Dns((), tuple((address, name) for address, name, _ in answers_by_address(message)))
    return _Dns(
        tuple((one.name.lower().rstrip("."), _QTYPES.get(one.rtype, str(one.rtype))) for one in message.questions), ()
    )


def stun_rows(stun: StunTable, messages: MessageTable, flows: Sequence[Any], number: int) -> Table[Stun]:
    """Every STUN header, with software and reflexive address where the message itself was kept.

    Args:
        stun: header facts of every message.
        messages: kept messages; a repeat of one is not kept, its header is.
        flows: originator addresses, responder addresses, originator ports, responder ports of all flows.
        number: number of the input.
    """
    kept: dict[int, tuple[str | None, str | None]] = {}
    for row in (messages.kind == MessageKind.STUN).nonzero()[0].tolist():
        try:
            message = decode_stun(messages.payload(row))
        except DecodeError:
            continue
        kept[int(messages.packet[row])] = (message.software, str(message.mapped[0]) if message.mapped else None)
    rows: Rows[Stun] = Rows(Stun)
    originators, responders, orig_ports, resp_ports = flows
    for at in range(len(stun)):
        flow, side, kind, packet = int(stun.flow[at]), int(stun.direction[at]), int(stun.type[at]), int(stun.packet[at])
        method = kind & 0xF | (kind & 0xE0) >> 1 | (kind & 0x3E00) >> 2  # RFC 8489 section 5, figure 3
        source, destination = (originators, responders) if side == 0 else (responders, originators)
        cookie = int(stun.txn_hi[at]) >> 32 == 0
        software, mapped = kept.get(packet, (None, None))
        rows.add(
            input=number, flow=flow if flow >= 0 else None, packet=packet, ts=int(stun.ts_ns[at]),
            source=source[flow] if flow >= 0 else "", destination=destination[flow] if flow >= 0 else "",
            destination_port=int((resp_ports if side == 0 else orig_ports)[flow]) if flow >= 0 else 0,
            method=_STUN_METHODS.get(method, str(method)), kind=_STUN_KINDS[(kind >> 4 & 1) | (kind >> 7 & 2)],
            transaction=f"{int(stun.txn_hi[at]) & (1 << 64) - 1:x}{int(stun.txn_lo[at]) & (1 << 64) - 1:016x}",
            classic=not cookie, change_request=bool(stun.change_request[at]), software=software, mapped=mapped,
        )  # fmt: skip
    return rows.table()


def arp_rows(arp: ArpTable, number: int) -> Table[Arp]:
    """ARP frames."""
    rows: Rows[Arp] = Rows(Arp)
    for at in range(len(arp)):
        rows.add(
            input=number, packet=int(arp.packet[at]), ts=int(arp.ts_ns[at]), last_ts=int(arp.last_ns[at]),
            count=int(arp.count[at]), op=int(arp.op[at]), eth_src=mac_text(int(arp.eth_src[at])),
            sender_mac=mac_text(int(arp.sender_mac[at])), sender_ip=_ipv4(int(arp.sender_ip[at])),
            target_mac=mac_text(int(arp.target_mac[at])), target_ip=_ipv4(int(arp.target_ip[at])),
        )  # fmt: skip
    return rows.table()


def _ipv4(number: int) -> str:
    return ".".join(str(number >> shift & 0xFF) for shift in (24, 16, 8, 0))
