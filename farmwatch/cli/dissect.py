"""One flow dissected by tshark, through pyshark, with what people typed, saw or sent left out.

Why an allow-list: tshark dissects everything, down to the keys pressed in a VNC session. farmwatch shows protocol
headers only, so layers and fields have to be named here to be shown, and long byte strings are given by their length.
"""

from __future__ import annotations

import ipaddress
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from farmwatch.errors import DependencyError, SourceError

if TYPE_CHECKING:
    from pyshark.packet.packet import Packet

__all__ = ["INSTALL", "Dissected", "FlowFilter", "dissect", "flow_of_packet", "parse_flow"]

INSTALL = (
    "sudo apt install tshark (Debian, Ubuntu), sudo dnf install wireshark-cli (Fedora), "
    "brew install wireshark (macOS), winget install WiresharkFoundation.Wireshark (Windows)"
)  #: the commands that install tshark

_FLOW = re.compile(
    r"(?:(?P<proto>tcp|udp)/)?(?P<a>\[[^\]]+\]|[^:\[\]]+):(?P<ap>\d+)-(?P<b>\[[^\]]+\]|[^:\[\]]+):(?P<bp>\d+)"
)
# Layers whose fields are header facts.
_LAYERS = frozenset({
    "frame", "eth", "sll", "sll2", "null", "raw", "radiotap", "wlan", "llc", "vlan", "mpls", "pppoe", "pppoes",
    "ppp", "gre", "vxlan", "geneve", "ip", "ipv6", "icmp", "icmpv6", "tcp", "udp", "tls", "dtls", "quic",
    "dns", "mdns", "llmnr", "nbns", "dhcp", "dhcpv6", "ssdp", "stun", "ssh", "tpkt", "cotp", "rtp", "rtcp",
    "wg", "openvpn", "isakmp",
})  # fmt: skip
_FIELDS = {
    "http": ("http.request.method", "http.request.version", "http.request.uri.path", "http.host", "http.user_agent",
             "http.server", "http.response.code", "http.response.phrase", "http.content_type", "http.upgrade",
             "http.content_length_header", "http.connection"),
    "vnc": ("vnc.server_proto_ver", "vnc.client_proto_ver", "vnc.num_security_types", "vnc.security_type",
            "vnc.client_security_type", "vnc.server_security_type", "vnc.auth_result",
            "vnc.width", "vnc.height", "vnc.client_message_type", "vnc.server_message_type"),
    "rdp": ("rdp.neg_type", "rdp.neg_length", "rdp.negReq.flags", "rdp.negRsp.flags", "rdp.negReq.requestedProtocols",
            "rdp.negReq.selectedProtocol", "rdp.negFailure.failureCode"),
    "websocket": ("websocket.fin", "websocket.opcode", "websocket.mask", "websocket.payload_length"),
}  # fmt: skip  # layers that also carry content, or facts about a person: only these fields
# Fields that make a headline, by layer, in tshark's words, and how they are shown.
_HEADLINES: dict[str, tuple[tuple[re.Pattern[str], str], ...]] = {
    layer: tuple((re.compile(pattern), shown) for pattern, shown in lines)
    for layer, lines in {
        "tcp": ((r"Flags: 0x\w+ \((.*)\)", "{}"), (r"TCP Segment Len: ([1-9]\d*)", "{} bytes of data")),
        "udp": ((r"UDP payload \((\d+) bytes\)", "{} bytes of data"),),
        "tls": (
            (r"Handshake Protocol: (.*)", "TLS {}"),
            (r"Server Name: (.*)", "server name {}"),
            (r"ALPN Next Protocol: (.*)", "ALPN {}"),
        ),
        "quic": ((r"Packet Type: (\w+).*", "QUIC {}"),),
        "ssh": ((r"Protocol: (SSH-.*)", "{}"), (r"Message Code: (.*) \(\d+\)", "SSH {}")),
        "vnc": (
            (r"Server protocol version: (.*)", "VNC server {}"),
            (r"Client protocol version: (.*)", "VNC client {}"),
            (r"Security type: (.*)", "security {}"),
        ),
        "rdp": (
            (r"Type: (RDP .*?)(?: \(0x.*)?", "{}"),
            (r"requestedProtocols: \w+, (.*)", "asks for {}"),
            (r"selectedProtocol: (.*?)(?: \(0x.*)?", "takes {}"),
        ),
        "http": ((r"Request Method: (.*)", "{}"), (r"Host: (.*)", "host {}"), (r"Status Code: (.*)", "status {}")),
        "stun": ((r"Message Type: \w+ \((.*)\)", "STUN {}"),),
    }.items()
}
_CONTENT = re.compile(
    r"payload(?!_length)|segment|reassembl|app_data|encrypted|\.data$|\.text$|cookie|authori|passw|credential|secret"
    r"|keyboard|locale|language|master|file_data",
    re.IGNORECASE,
)  # fields never shown, whatever their layer
_BYTES = re.compile(r"(?:[0-9a-f]{2}[:\s]?){17,}", re.IGNORECASE)
_PACKET_END = b"</packet>"
_READ_BYTES = 1 << 16
_MAX_PACKET_BYTES = 64 << 20  # PDML of the largest packet is some megabytes
_MAX_VALUE = 160  # characters of a value; longer ones are cut


@dataclass(frozen=True, slots=True)
class FlowFilter:
    """A conversation by its two ends; ``protocol`` is tcp, udp, or None for either."""

    protocol: str | None
    ends: tuple[tuple[str, int], tuple[str, int]]

    def display_filter(self) -> str:
        """The Wireshark display filter that selects both directions."""
        protocols = (self.protocol,) if self.protocol else ("tcp", "udp")
        return " || ".join(f"({self._direction(protocol)})" for protocol in protocols)

    def _direction(self, protocol: str) -> str:
        (a, ap), (b, bp) = self.ends
        ip = "ipv6" if ":" in a else "ip"
        one = f"{ip}.src == {a} && {protocol}.srcport == {ap} && {ip}.dst == {b} && {protocol}.dstport == {bp}"
        two = f"{ip}.src == {b} && {protocol}.srcport == {bp} && {ip}.dst == {a} && {protocol}.dstport == {ap}"
        return f"({one}) || ({two})"


@dataclass(frozen=True, slots=True)
class Dissected:
    """One packet: its number, time, direction, length, layers, and the fields that may be shown by layer."""

    number: int
    time: str
    length: int
    layers: tuple[str, ...]
    fields: tuple[tuple[str, tuple[str, ...]], ...]
    forward: bool = True  #: sent by the flow's first end

    def headline(self) -> tuple[str, ...]:
        """What the packet is in few words: TCP flags, bytes of data, and what its handshake says."""
        said: dict[str, None] = {}
        for layer, fields in self.fields:
            for pattern, shown in _HEADLINES.get(layer, ()):
                for field in fields:
                    match = pattern.fullmatch(field)
                    if match is not None:
                        said.setdefault(shown.format(*match.groups()))
        return tuple(said)


def parse_flow(text: str) -> FlowFilter | None:
    """A flow written ``tcp/10.0.0.5:50111-198.51.100.7:443``; None where it is not.

    IPv6 goes in brackets, and the protocol may be left out.
    Addresses are parsed before they come near a display filter, so nothing else can get into one.
    """
    match = _FLOW.fullmatch(text.strip())
    if match is None:
        return None
    try:
        first, second = (str(ipaddress.ip_address(match[name].strip("[]"))) for name in ("a", "b"))
    except ValueError:
        return None
    ports = int(match["ap"]), int(match["bp"])
    if max(ports) > 65535 or (":" in first) != (":" in second):
        return None
    return FlowFilter(match["proto"], ((first, ports[0]), (second, ports[1])))


def flow_of_packet(path: Path, number: int) -> FlowFilter | None:
    """The TCP or UDP flow that a packet belongs to; None where it belongs to none or there is no such packet."""
    for packet in _packets(path, f"frame.number == {number}", 1):
        addresses = packet.ipv6 if "ipv6" in packet else packet.ip if "ip" in packet else None
        transport = "tcp" if "tcp" in packet else "udp" if "udp" in packet else None
        if addresses is None or transport is None:
            return None
        ports = packet[transport]
        return FlowFilter(
            transport, ((str(addresses.src), int(ports.srcport)), (str(addresses.dst), int(ports.dstport)))
        )
    return None


def dissect(path: Path, flow: FlowFilter, limit: int) -> Iterator[Dissected]:
    """The first ``limit`` packets of a flow, header fields only.

    Raises:
        DependencyError: tshark or pyshark is missing; the message holds the command that installs it.
        SourceError: tshark cannot read the capture.
    """
    for packet in _packets(path, flow.display_filter(), limit):
        info = packet.frame_info
        sender = _sender(packet)
        yield Dissected(
            number=int(info.number),
            time=str(info.time_epoch),
            length=int(info.len),
            layers=tuple(str(layer.layer_name) for layer in packet.layers),
            fields=tuple(
                (name, shown)
                for name, layer in [("frame", info), *((str(layer.layer_name), layer) for layer in packet.layers)]
                if (shown := tuple(_fields(name, layer)))
            ),
            forward=sender is None or sender == flow.ends[0],
        )


def _sender(packet: Packet) -> tuple[str, int] | None:
    """Address and port that a packet comes from; None where it has none."""
    addresses = packet.ipv6 if "ipv6" in packet else packet.ip if "ip" in packet else None
    transport = "tcp" if "tcp" in packet else "udp" if "udp" in packet else None
    if addresses is None or transport is None:
        return None
    return str(ipaddress.ip_address(str(addresses.src))), int(packet[transport].srcport)


def _packets(path: Path, display_filter: str, limit: int) -> Iterator[Packet]:
    """Packets that pass a display filter, the first ``limit`` of them, one at a time.

    tshark is run here and pyshark reads what it writes. Why not ``pyshark.FileCapture``: it drives tshark through
    asyncio child watchers, which Python 3.14 no longer has.
    """
    program = shutil.which("tshark")
    if program is None:
        raise DependencyError(f"tshark is not installed and inspect needs it: {INSTALL}")
    try:
        from pyshark.tshark.output_parser.tshark_xml import packet_from_xml_packet
    except ImportError as error:
        raise DependencyError("pyshark is not installed and inspect needs it: pip install 'pyshark>=0.6'") from error
    command = [program, "-n", "-r", str(path), "-Y", display_filter, "-T", "pdml"]
    count = 0
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints) as running,  # noqa: S603 (no shell; the filter holds only addresses and numbers)
    ):
        try:
            for text in _packet_texts(running.stdout):
                yield packet_from_xml_packet(text)
                count += 1
                if count >= limit:
                    return
        finally:
            running.kill()
        if running.wait() not in (0, -9):
            complaints.seek(0)
            said = complaints.read(4096).decode(errors="replace").strip().splitlines() or ["no reason given"]
            reason = f"tshark stopped: {said[-1].removeprefix('tshark: ')}"
            raise SourceError(str(path), 0, f"{reason} ({count} packets shown)" if count else reason)


def _packet_texts(stream: IO[bytes] | None) -> Iterator[bytes]:
    """The packet elements of PDML, cut out as they arrive; one beyond any sensible size ends the reading."""
    assert stream is not None
    held = bytearray()
    searched = 0
    while chunk := stream.read1(_READ_BYTES):  # type: ignore[attr-defined]  # a buffered pipe, which IO does not say
        held += chunk
        while (end := held.find(_PACKET_END, searched)) >= 0:
            end += len(_PACKET_END)
            start = held.find(b"<packet>")
            yield bytes(held[start:end])
            del held[:end]
            searched = 0
        searched = max(len(held) - len(_PACKET_END), 0)
        if len(held) > _MAX_PACKET_BYTES:
            return


def _fields(name: str, layer: Any) -> Iterator[str]:
    """The showable fields of a layer, in tshark's own words."""
    allowed = _FIELDS.get(name)
    if allowed is None and name not in _LAYERS:
        return
    for field_name in layer.field_names:
        for field in layer.get_field(field_name).all_fields:
            full = str(field.name or field_name)
            if (allowed is not None and full not in allowed) or _CONTENT.search(full):
                continue
            text = str(field.showname or f"{full}: {field.show}")
            text = _BYTES.sub(lambda found: f"({len(re.sub('[^0-9a-fA-F]', '', found[0])) // 2} bytes)", text)
            yield text if len(text) <= _MAX_VALUE else f"{text[: _MAX_VALUE - 1]}\u2026"
