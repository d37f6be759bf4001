"""What a capture or a network sensor shows: flows, names, handshakes, announcements. One class per table.

Columns use the words of Zeek's logs where Zeek has one (``orig_h``, ``resp_p``, ``server_name``). ``input`` is the
number of the input file; ``packet`` counts from 1 in that file, so that a reader can find the proof. A row that belongs
to a flow names it with ``flow``, which is the flow's row number among the flows of the same input.
"""

from __future__ import annotations

from datetime import datetime

from farmwatch.records.schema import Record, column

__all__ = [
    "SERIES_LEFT_UNREAD",
    "Announcement",
    "Arp",
    "CaptureInput",
    "DhcpRequest",
    "Flow",
    "FlowSeries",
    "Host",
    "Http",
    "Name",
    "NameQuery",
    "Reject",
    "RemoteControl",
    "SeriesFlow",
    "Ssh",
    "Stun",
    "Tls",
]


class CaptureInput(Record, table="inputs", key=("input",)):
    """One input file, what it holds and whether all of it could be read."""

    input: int = column("Number of the input, from 0, in the order given.")
    path: str = column("Path as given; '-' for standard input; of a sensor's logs their folder.")
    sha256: str = column("SHA-256 of the file as stored; of several logs, of their SHA-256 in order of name.")
    kind: str = column("pcap or pcapng; zeek or suricata for the logs of a sensor.")
    vantage: str = column("Where it was captured: host, lan, gateway or unknown.")
    packets: int = column("Packets read; 0 for logs.")
    bytes: int = column("Bytes of the file as stored.", unit="B")
    first_ts: datetime | None = column("Time of the earliest packet.", absent="no packets")
    last_ts: datetime | None = column("Time of the latest packet.", absent="no packets")
    flows: int = column("TCP and UDP flows found.")
    complete: bool = column("True where nothing was damaged or left out for lack of room.")


class Reject(Record, table="rejects", key=("input", "reason", "offset")):
    """Something an input held that could not be used, and why."""

    input: int = column("Number of the input.")
    reason: str = column("What was wrong, in words.")
    offset: int | None = column("Byte offset where it starts.", absent="counted over the whole input")
    count: int = column("How many packets, rows or bytes this covers.")


class Flow(Record, table="flows", key=("input", "flow")):
    """One TCP or UDP conversation. ``orig`` sent the first packet seen, or the SYN where there is one.

    Logs of a sensor (``inputs.kind`` zeek or suricata) give fewer facts. ``packet`` numbers are lines of the log, and
    ``orig_data_pkts`` is 1 where there was payload; TTLs, retransmissions, small packets and seconds with traffic are 0
    because they are not known; ``longest_silence_s`` is the length of the flow, which no silence can exceed; wire bytes
    are those of IP packets (Zeek) or frames, and payload is worked out from frames (Suricata). Both ``active_s`` are 0
    beside packets in no other case, so that a flow shows where it comes from.
    """

    input: int = column("Number of the input.")
    flow: int = column("Number of the flow in its input, from 0.")
    ts: datetime = column("First packet.")
    last_ts: datetime = column("Last packet.")
    proto: str = column("tcp or udp.")
    orig_h: str = column("Originator address.")
    orig_p: int = column("Originator port.")
    resp_h: str = column("Responder address.")
    resp_p: int = column("Responder port.")
    orig_mac: str | None = column("Originator's link-layer address as seen here.", absent="no link layer")
    resp_mac: str | None = column("Responder's link-layer address as seen here.", absent="no link layer")
    encapsulation: str = column("Outer layer the flow was found in, the innermost of several; '' for none.")
    vlan: int | None = column("Innermost VLAN id of its first packet.", absent="not tagged")
    first_packet: int = column("Number of its first packet.")
    last_packet: int = column("Number of its last packet.")
    orig_pkts: int = column("Packets from the originator.")
    resp_pkts: int = column("Packets from the responder.")
    orig_wire_bytes: int = column("Frame bytes from the originator.", unit="B")
    resp_wire_bytes: int = column("Frame bytes from the responder.", unit="B")
    orig_bytes: int = column("Transport payload from the originator, retransmissions included.", unit="B")
    resp_bytes: int = column("Transport payload from the responder, retransmissions included.", unit="B")
    orig_data_pkts: int = column("Packets with payload from the originator.")
    resp_data_pkts: int = column("Packets with payload from the responder.")
    first_data_side: int | None = column("Who sent payload first: 0 originator, 1 responder.", absent="no payload")
    state: str = column("TCP: syn, half-open, established, midstream, closing, closed or reset; '' for UDP.")
    established: bool = column("TCP: handshake or data both ways seen; UDP: packets both ways.")
    orig_mss: int | None = column("MSS option of the originator's SYN.", unit="B", absent="no SYN or no option")
    resp_mss: int | None = column("MSS option of the responder's SYN/ACK.", unit="B", absent="no SYN/ACK or no option")
    orig_ttl: int = column("Smallest TTL or hop limit from the originator; 0 when it sent nothing.")
    resp_ttl: int = column("Smallest TTL or hop limit from the responder; 0 when it sent nothing.")
    retransmitted: int = column("Retransmitted data packets, both sides.")
    out_of_order: int = column("Data packets that came after later ones and were no retransmission, both sides.")
    lost_bytes: int = column("Payload that the capture lacks, by gaps never filled, both sides.", unit="B")
    handshake_rtt_ms: float | None = column(
        "SYN to SYN/ACK plus SYN/ACK to ACK.", unit="ms", absent="handshake not seen"
    )
    orig_rtt_ms: float | None = column(
        "5th percentile of round trips from the capture point to the originator.", unit="ms", absent="no sample"
    )
    orig_rtt_samples: int = column("Round-trip samples on the originator's side.")
    resp_rtt_ms: float | None = column(
        "5th percentile of round trips from the capture point to the responder.", unit="ms", absent="no sample"
    )
    resp_rtt_samples: int = column("Round-trip samples on the responder's side.")
    orig_ts_rtt_ms: float | None = column(
        "Least round trip to the originator by TCP timestamps, a cross-check.", unit="ms", absent="no sample"
    )
    resp_ts_rtt_ms: float | None = column(
        "Least round trip to the responder by TCP timestamps, a cross-check.", unit="ms", absent="no sample"
    )
    orig_small_pkts: int = column("Small data packets from the originator (1 to 127 bytes of payload).")
    resp_small_pkts: int = column("Small data packets from the responder (1 to 127 bytes of payload).")
    orig_small_gaps: int = column("Gaps of 10 ms to 2 s between small packets of the originator.")
    resp_small_gaps: int = column("Gaps of 10 ms to 2 s between small packets of the responder.")
    orig_active_s: int = column("Seconds of the clock in which the originator sent a packet.", unit="s")
    resp_active_s: int = column("Seconds of the clock in which the responder sent a packet.", unit="s")
    longest_silence_s: float = column("Longest gap between packets, of the side that paused longer.", unit="s")
    protocol: str | None = column("Application protocol named by its first bytes.", absent="not recognised")
    tool: str | None = column("Remote-access tool named by its first bytes alone.", absent="none named")
    unread: str = column(
        "Why the first bytes, which name protocol and far end, are not known: cut, midstream or unlogged (a sensor "
        "had no name for them); '' where they are."
    )
    tunnel: str | None = column("socks, http-connect or websocket where that runs inside one.", absent="runs bare")
    controlled_side: int | None = column(
        "Side that the protocol itself proves to be driven: 0 originator, 1 responder.", absent="protocol does not say"
    )


SERIES_LEFT_UNREAD = (
    "flows that might carry a hand left unread"  #: starts the reason of a reject that leaves flows untimed
)


class SeriesFlow(Record, table="series_flows", key=("input", "flow")):
    """A flow that might carry a hand, and how much of its series was kept."""

    input: int = column("Number of the input.")
    flow: int = column("Flow in its input.")
    packet: int = column("First packet of the flow.")
    rows: int = column("Rows of the series kept, of all units.")
    left_out: int = column("Rows left out for lack of room: everything after the last one kept.")
    framed: bool = column("TCP: nearly all of the stream was read as TLS records, which the series then holds as well.")
    breaks: int = column("Times the chain of TLS records was lost (bytes not captured) and found again.")


class FlowSeries(Record, table="series", key=("input", "flow", "n")):
    """What a flow that might carry a hand sent, when and how much: sizes and times, nothing of the content.

    Rows are in the order of input, flow, packet. A TCP flow has a row for each segment with new bytes, and for a framed
    one (see ``series_flows``) also a row for each TLS record, right after the segment that completes it.
    """

    input: int = column("Number of the input.", bits=32)
    flow: int = column("Flow in its input.", bits=32)
    n: int = column("Number of the row in its flow, from 0.", bits=32)
    ts: datetime = column("Time of the packet; of a record, of the packet that completes it.")
    side: int = column("Who sent it: 0 originator, 1 responder.", bits=8)
    size: int = column(
        "New bytes of a segment (none sent before), payload of a datagram, length of a record without its header.",
        unit="B",
        bits=32,
    )
    unit: int = column("0 TCP segment, 1 TLS record, 2 UDP datagram.", bits=8)
    content_type: int = column("Content type of a TLS record (20 to 24), else 0.", bits=8)


class RemoteControl(Record, table="remote_control", key=("input", "flow")):
    """A remote-control or remote-shell protocol recognised by its own bytes."""

    input: int = column("Number of the input.")
    flow: int = column("Flow in its input.")
    ts: datetime = column("First packet of the flow.")
    packet: int = column("First packet of the flow.")
    protocol: str = column("rdp, rdp-udp, rfb, ssh, nomachine, radmin, teamviewer, anydesk, rustdesk and their like.")
    version: str | None = column("Protocol or software version in the greeting.", absent="not shown")
    controlled_side: int | None = column("0 originator, 1 responder is the driven side.", absent="not shown")
    proof: str = column("What in the bytes names the protocol and the side.")
    detail: str = column("Further header facts: security asked for and chosen, software; '' for none.")


class Tls(Record, table="tls", key=("input", "flow")):
    """One TLS, DTLS or QUIC handshake."""

    input: int = column("Number of the input.")
    flow: int = column("Flow in its input.")
    ts: datetime = column("First packet of the flow.")
    packet: int = column("First packet of the flow.")
    transport: str = column("tcp, quic or dtls.")
    version: str | None = column("Version agreed, or the best one offered.", absent="hello not complete")
    server_name: str | None = column(
        "SNI of the ClientHello, lower case.", absent="not sent, encrypted, or hello not seen"
    )
    alpn: str | None = column("ALPN offers, comma separated.", absent="not sent")
    ja4: str | None = column("JA4 of the ClientHello.", absent="hello not complete")
    client_side: int | None = column("Who sent the ClientHello: 0 originator, 1 responder.", absent="hello not seen")
    subject_cn: str | None = column("Server certificate: common name.", absent="TLS 1.3 hides it, or not seen")
    subject_org: str | None = column("Server certificate: organisation.", absent="not in it")
    subject_ou: str | None = column("Server certificate: organisational unit.", absent="not in it")
    issuer_cn: str | None = column("Server certificate's issuer: common name.", absent="not in it")
    issuer_org: str | None = column("Server certificate's issuer: organisation.", absent="not in it")
    issuer_ou: str | None = column("Server certificate's issuer: organisational unit.", absent="not in it")
    san: str | None = column("Server certificate: DNS names, comma separated, first 20.", absent="not in it")
    certificate_sha256: str | None = column("SHA-256 of the server's leaf certificate.", absent="not seen")
    client_subject_cn: str | None = column(
        "Client certificate: common name where it is a product's.", absent="none in clear, or perhaps a person's"
    )


class Http(Record, table="http", key=("input", "flow")):
    """First request and answer of a clear HTTP/1 conversation; query strings and cookies are not kept.

    What people read on the internet is none of our business: path and title are kept of pages on private addresses, and
    elsewhere only where they are a known product's.
    """

    input: int = column("Number of the input.")
    flow: int = column("Flow in its input.")
    ts: datetime = column("First packet of the flow.")
    packet: int = column("First packet of the flow.")
    method: str | None = column("Request method.", absent="request not seen")
    host: str | None = column("Host header.", absent="not sent")
    path: str | None = column("Path without its query.", absent="request not seen, or on the internet")
    status: int | None = column("Status code of the answer.", absent="answer not seen")
    server: str | None = column("Server header.", absent="not sent")
    title: str | None = column("Title of a small clear HTML page.", absent="no such page, or on the internet")
    favicon_mmh3: int | None = column("MurmurHash3 of a small icon, as search engines compute it.", absent="no icon")
    favicon_md5: str | None = column("MD5 of a small icon.", absent="no icon")
    upgrade: str | None = column("Protocol asked for by Upgrade, with the WebSocket sub-protocol.", absent="no upgrade")
    marks: str = column("Answer fields that device software is known by, one a line; '' for none.")


class Ssh(Record, table="ssh", key=("input", "flow")):
    """One SSH greeting and key-exchange offer."""

    input: int = column("Number of the input.")
    flow: int = column("Flow in its input.")
    ts: datetime = column("First packet of the flow.")
    packet: int = column("First packet of the flow.")
    client: str | None = column("Software of the side that acts as client.", absent="greeting not seen")
    server: str | None = column("Software of the side that acts as server.", absent="greeting not seen")
    hassh: str | None = column("HASSH of the client's offer.", absent="offer not seen")
    hassh_server: str | None = column("HASSH of the server's offer.", absent="offer not seen")
    server_side: int | None = column(
        "Side acting as SSH server: 0 originator, 1 responder.", absent="content does not say"
    )
    paced: bool = column("Both ends send keystrokes on a fixed grid (OpenSSH 9.5 or later).")


class Stun(Record, table="stun", key=("input", "packet", "kind", "transaction")):
    """One STUN or TURN message header; of a TCP stream the first of each side, at the flow's first packet."""

    input: int = column("Number of the input.")
    flow: int | None = column("Flow in its input.", absent="flow table was full")
    packet: int = column("Packet number.")
    ts: datetime = column("Time of the packet.")
    source: str = column("Sender address.")
    destination: str = column("Receiver address.")
    destination_port: int = column("Receiver port.")
    method: str = column("binding, allocate, refresh, send, data, create-permission, channel-bind, or a number.")
    kind: str = column("request, indication, success or error.")
    transaction: str = column("Transaction id in hex, to pair request and response.")
    classic: bool = column("RFC 3489 message without the magic cookie.")
    change_request: bool = column("Carries the obsolete CHANGE-REQUEST attribute.")
    software: str | None = column("SOFTWARE attribute.", absent="not sent or not kept")
    mapped: str | None = column("Reflexive address in a response.", absent="none in it, or not kept")
    peer_address: str | None = column(
        "XOR-PEER-ADDRESS: whom a relay is asked to speak to.", absent="none in it, or not kept"
    )
    relayed_address: str | None = column(
        "XOR-RELAYED-ADDRESS: the address a relay gives.", absent="none in it, or not kept"
    )
    error_code: int | None = column("ERROR-CODE of an error response.", absent="none in it, or not kept")
    rtt_ms: float | None = column(
        "At a response: since its request, which was sent once.", unit="ms", absent="no such request, or on TCP"
    )


class Name(Record, table="names", key=("input", "address", "name", "source")):
    """A name seen for an address."""

    input: int = column("Number of the input.")
    address: str = column("IP address.")
    name: str = column("Name, lower case, without trailing dot.")
    source: str = column("dns, mdns, llmnr, nbns, browser, dhcp, dhcpv6, lldp, cdp or resolution block.")
    ts: datetime = column("First time seen.")
    packet: int = column("First packet that shows it.")
    client: str | None = column("Address that asked for it.", absent="announced, not asked for")


class NameQuery(Record, table="name_queries", key=("input", "client", "protocol", "name", "qtype")):
    """What a host asked for by name."""

    input: int = column("Number of the input.")
    ts: datetime = column("First time asked.")
    last_ts: datetime = column("Last time asked.")
    packet: int = column("First packet that asks.")
    protocol: str = column("dns, mdns, llmnr or nbns.")
    client: str = column("Address that asked.")
    client_mac: str | None = column("Link-layer address that asked.", absent="no link layer")
    name: str = column("Name asked for, lower case, without trailing dot.")
    qtype: str = column("Record type asked for.")
    count: int = column("Times asked.")


class DhcpRequest(Record, table="dhcp", key=("input", "packet")):
    """What a DHCP client says of itself, and what it was given."""

    input: int = column("Number of the input.")
    ts: datetime = column("Time of the first such message.")
    packet: int = column("Packet number.")
    ip_version: int = column("4 or 6.")
    message: str = column("discover, request, inform, offer, ack, solicit and so on.")
    mac: str | None = column("Client hardware address.", absent="DUID without one")
    address: str | None = column("Address asked for or given.", absent="none in it")
    host_name: str | None = column("Option 12.", absent="not sent")
    fqdn: str | None = column("Option 81, or 39 of version 6.", absent="not sent")
    vendor_class: str | None = column("Option 60, or 16 of version 6.", absent="not sent")
    parameters: str | None = column("Option 55 as comma-separated numbers.", absent="not sent")
    server: str | None = column("Server identifier, option 54.", absent="not sent")
    domain: str | None = column("Domain handed out, option 15, or the first of 24 of version 6.", absent="not sent")
    search_domains: str | None = column(
        "Search list handed out, options 119, or 24 of version 6, comma separated.", absent="not sent"
    )
    router: str | None = column("Router handed out, option 3.", absent="not sent")
    client_id: str | None = column("Option 61, or 1 of version 6, in hex, first 64 bytes.", absent="not sent")
    vendor_data: str | None = column("Option 43 in hex, first 64 bytes.", absent="not sent")


class Announcement(Record, table="announcements", key=("input", "packet", "service", "name")):
    """What a host says of itself on its own network."""

    input: int = column("Number of the input.")
    ts: datetime = column("First time seen.")
    packet: int = column("Packet number.")
    protocol: str = column("mdns, nbns, browser, llmnr, ssdp, lldp, cdp or ndp.")
    mac: str | None = column("Link-layer sender.", absent="no link layer")
    address: str = column("Sender address; '' where the protocol has none.")
    name: str | None = column("Host, instance or system name.", absent="not in it")
    domain: str | None = column("NetBIOS domain or workgroup.", absent="not in it")
    service: str | None = column("Service type, device type or role.", absent="not in it")
    text: str = column(
        "TXT pairs that tell of the device, SERVER line, system description, what a router advertises; '' for none."
    )


class Arp(Record, table="arp", key=("input", "packet")):
    """ARP frames, equal ones counted once."""

    input: int = column("Number of the input.")
    packet: int = column("First packet.")
    ts: datetime = column("First time seen.")
    last_ts: datetime = column("Last time seen.")
    count: int = column("Equal frames.")
    op: int = column("1 request, 2 reply.")
    eth_src: str = column("Sender in the Ethernet header.")
    sender_mac: str = column("Sender hardware address in the ARP body.")
    sender_ip: str = column("Sender protocol address.")
    target_mac: str = column("Target hardware address.")
    target_ip: str = column("Target protocol address.")


class Host(Record, table="hosts", key=("input", "mac", "address")):
    """A link-layer address and an IP address seen together as sender."""

    input: int = column("Number of the input.")
    mac: str = column("Link-layer address.")
    address: str = column("IP address.")
    packets: int = column("Packets sent.")
    bytes: int = column("Frame bytes sent.", unit="B")
    first_ts: datetime = column("First packet.")
    last_ts: datetime = column("Last packet.")
    ttl: int = column("Smallest TTL or hop limit.")
