"""Probes for TCP flows: a cheap look at the first bytes, and the decoder that must then agree.

TLS, HTTP and SOCKS are named here by their first bytes only; their own modules decode them. What runs inside a SOCKS,
HTTP CONNECT or WebSocket stream is looked at one level deep.
"""

from __future__ import annotations

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.aeroadmin import decode_aeroadmin
from farmwatch.wire.protocols.anydesk import decode_anydesk
from farmwatch.wire.protocols.citrix import decode_citrix
from farmwatch.wire.protocols.devtunnels import decode_devtunnel
from farmwatch.wire.protocols.frp import decode_frp
from farmwatch.wire.protocols.identified import UNKNOWN, Identified, TcpHead, TcpProbe, on_port, starts_with
from farmwatch.wire.protocols.nomachine import decode_nomachine
from farmwatch.wire.protocols.openvpn import decode_openvpn_tcp
from farmwatch.wire.protocols.radmin import decode_radmin
from farmwatch.wire.protocols.rdp import decode_rdp
from farmwatch.wire.protocols.rfb import decode_rfb
from farmwatch.wire.protocols.rustdesk import decode_rustdesk
from farmwatch.wire.protocols.socks import parse_socks_reply, parse_socks_request
from farmwatch.wire.protocols.splashtop import decode_splashtop
from farmwatch.wire.protocols.ssh import SshSession, decode_ssh
from farmwatch.wire.protocols.stun import decode_stun_stream
from farmwatch.wire.protocols.tailscale import decode_derp
from farmwatch.wire.protocols.teamviewer import decode_dyngate, decode_teamviewer
from farmwatch.wire.protocols.websocket import parse_frame_headers

__all__ = ["TCP_PROBES", "identify_tcp"]

_TLS, _HTTP, _SOCKS = Identified("tls"), Identified("http"), Identified("socks")
_HTTP_STARTS = (
    b"GET ", b"POST ", b"HEAD ", b"PUT ", b"CONNECT ", b"OPTIONS ", b"DELETE ", b"PATCH ", b"TRACE ", b"HTTP/1.",
    b"PRI * HTTP/2", b"PROPFIND ", b"REPORT ",
)  # fmt: skip
# Protobuf tags (field number times eight plus two) of SignedId, Hash, RegisterPeer, PunchHoleRequest, PunchHoleSent,
# LocalAddr and RegisterPk, and the first tag byte of RequestRelay.
_RUSTDESK_TAGS = (b"\x1a", b"\x4a", b"\x32", b"\x42", b"\x52", b"\x6a", b"\x7a", b"\x92")
_MAX_UNMASKED = 4096  # bytes of a WebSocket direction that are looked into


def _is_tls(data: bytes) -> bool:
    """A handshake or alert record of SSL 3 to TLS 1.3, or an SSL 2 ClientHello that offers them (RFC 5246 E.2)."""
    if data[1:2] == b"\x03" and data[:1] in (b"\x16", b"\x15"):
        return data[2:3] <= b"\x04" and data[3:4] <= b"\x48"
    return (
        len(data) > 5
        and data[0] & 0x80 != 0
        and data[2] == 1
        and data[3] in (0, 3)
        and data[4] <= 4
        and _ssl2_lengths(data)
    )


def _is_tls_going_on(orig: bytes, resp: bytes) -> bool:
    """Records of a session whose handshake was not captured, wherever both directions have some."""
    records = (orig[:2], resp[:2])
    return all(record in (b"\x14\x03", b"\x15\x03", b"\x16\x03", b"\x17\x03", b"") for record in records) and any(
        data[:2] == b"\x17\x03" and data[2:3] <= b"\x04" and 16 < int.from_bytes(data[3:5], "big") <= 0x4800
        for data in (orig, resp)
    )


def _ssl2_lengths(data: bytes) -> bool:
    size = (data[0] & 0x7F) << 8 | data[1]
    parts = [int.from_bytes(data[at : at + 2], "big") for at in (5, 7, 9)]
    return size == 9 + sum(parts) and parts[0] % 3 == 0 and parts[0] > 0 and parts[2] >= 16


def _is_socks(orig: bytes, resp: bytes) -> bool:
    """A SOCKS 5 greeting with its answer, or a SOCKS 4 request with its (RFC 1928 section 3, SOCKS 4)."""
    if orig[:1] == b"\x05" and len(orig) >= 3 and 1 <= orig[1] <= 8 and len(orig) >= 2 + orig[1]:
        return resp[:1] == b"\x05" and resp[1:2] in (b"\x00", b"\x01", b"\x02", b"\xff")
    if orig[:1] == b"\x04" and orig[1:2] in (b"\x01", b"\x02") and b"\0" in orig[8:300]:
        return resp[:1] == b"\x00" and resp[1:2] in (b"\x5a", b"\x5b", b"\x5c", b"\x5d")
    return False


def _ssh(head: TcpHead) -> Identified:
    record: SshSession = decode_ssh(head.orig, head.resp)
    return Identified("ssh", record, record.server_side, "ssh-reverse" if record.reversed else "ssh")


def _rfb(head: TcpHead) -> Identified:
    record = decode_rfb(head.orig, head.resp, head.first_side)
    return Identified("rfb", record, record.controlled_side, "vnc")


def _rdp(head: TcpHead) -> Identified:
    record = decode_rdp(head.orig, head.resp, port_hint=on_port(head.ports, 3389))
    return Identified("rdp", record, record.controlled_side, "rdp")


def _nomachine(head: TcpHead) -> Identified:
    record = decode_nomachine(head.orig, head.resp)
    return Identified("nomachine", record, record.controlled_side, "nomachine")


def _citrix(head: TcpHead) -> Identified:
    record = decode_citrix(head.orig, head.resp, head.first_side)
    return Identified("citrix", record, record.controlled_side, "citrix")


def _radmin(head: TcpHead) -> Identified:
    record = decode_radmin(head.orig, head.resp)
    return Identified("radmin", record, record.controlled_side, "radmin")


def _aeroadmin(head: TcpHead) -> Identified:
    return Identified("aeroadmin", decode_aeroadmin(head.orig, head.resp), None, "aeroadmin")


def _splashtop(head: TcpHead) -> Identified:
    record = decode_splashtop(head.orig, head.resp, port_hint=on_port(head.ports, 6783, 6784))
    return Identified("splashtop", record, record.controlled_side, "splashtop")


def _frp(head: TcpHead) -> Identified:
    record = decode_frp(head.orig, head.resp)
    return Identified("frp", record, record.controlled_side, "frp")


def _teamviewer(head: TcpHead) -> Identified:
    return Identified("teamviewer", decode_teamviewer(head.orig, head.resp), None, "teamviewer")


def _rustdesk(head: TcpHead) -> Identified:
    record = decode_rustdesk(head.orig, head.resp)
    return Identified("rustdesk", record, record.controlled_side, "rustdesk")


def _may_be_rustdesk(data: bytes) -> bool:
    """The byte after the frame header is the tag of a message that tells something."""
    at = (data[0] & 3) + 1 if data else 0
    return data[at : at + 1] in _RUSTDESK_TAGS and at > 0


def _openvpn(head: TcpHead) -> Identified:
    return Identified("openvpn", decode_openvpn_tcp(head.orig, head.resp), None, "openvpn")


def _stun_tcp(head: TcpHead) -> Identified:
    for data in (head.orig, head.resp):
        if data:
            return Identified("stun", decode_stun_stream(data)[0])
    raise DecodeError("no bytes")


def _hints_anydesk(orig: bytes, resp: bytes) -> bool:
    """Whether AnyDesk's names can be there: certificates come in the first 2 KiB, the ALPN in the ClientHello."""
    return (
        resp.find(b"AnyNet Relay", 0, 2048) >= 0
        or resp.find(b"AnyDesk Client", 0, 2048) >= 0
        or orig.find(b"anydesk/", 0, 1024) >= 0
        or orig.find(b"AnyDesk Client", 0, 2048) >= 0
    )


def _tls(head: TcpHead) -> Identified:
    if not _hints_anydesk(head.orig, head.resp):
        return _TLS
    try:
        return Identified("tls", decode_anydesk(head.orig, head.resp), None, "anydesk")
    except DecodeError:
        return _TLS


def _http(head: TcpHead) -> Identified:
    start = head.orig[:4096] if head.orig.startswith(_HTTP_STARTS) else head.resp[:4096]
    try:
        if b"tunnel-relay-" in start:
            tunnel = decode_devtunnel(head.orig, head.resp)
            return Identified("devtunnel", tunnel, tunnel.controlled_side, "vscode-tunnel")
        if b"DynGate" in start:
            return Identified("teamviewer", decode_dyngate(head.orig, head.resp), None, "teamviewer")
        if b"DERP" in start or b"derp" in start:
            return Identified("derp", decode_derp(head.orig, head.resp), None, "tailscale")
    except DecodeError:
        return _HTTP
    if start.startswith(b"CONNECT "):
        return _through_connect(head)
    return _through_websocket(head) if head.resp.startswith(b"HTTP/1.1 101 ") else _HTTP


def _through_connect(head: TcpHead) -> Identified:
    """What runs inside an HTTP CONNECT the proxy granted (RFC 9110 section 9.3.6)."""
    if not (head.orig.startswith(b"CONNECT ") and head.resp.startswith(b"HTTP/1.") and head.resp[8:11] == b" 20"):
        return _HTTP
    asked, granted = head.orig.find(b"\r\n\r\n"), head.resp.find(b"\r\n\r\n")
    if asked < 0 or granted < 0:
        return _HTTP
    return _inner(TcpHead(head.orig[asked + 4 :], head.resp[granted + 4 :], -1, head.ports), "http-connect", _HTTP)


def _through_websocket(head: TcpHead) -> Identified:
    """What runs inside a WebSocket: VNC in a browser (noVNC, KVM consoles), SSH in a tunnel (RFC 6455 section 5.2)."""
    asked, granted = head.orig.find(b"\r\n\r\n"), head.resp.find(b"\r\n\r\n")
    if asked < 0 or granted < 0:
        return _HTTP
    streams = [_websocket_payload(data) for data in (head.orig[asked + 4 :], head.resp[granted + 4 :])]
    first = 1 if streams[1] and not head.orig[asked + 4 :] else -1
    return _inner(TcpHead(streams[0], streams[1], first, head.ports), "websocket", _HTTP)


def _websocket_payload(data: bytes) -> bytes:
    """The joined binary payload of the first frames of one direction, unmasked; empty where it is no WebSocket."""
    try:
        frames = parse_frame_headers(data)
    except DecodeError:
        return b""
    stream = bytearray()
    for frame in frames:
        if frame.opcode in (0, 2) and len(stream) < _MAX_UNMASKED:
            part = data[frame.payload_start : frame.payload_start + min(frame.length, _MAX_UNMASKED)]
            if frame.masked:
                key = data[frame.payload_start - 4 : frame.payload_start]
                part = bytes(octet ^ key[index & 3] for index, octet in enumerate(part))
            stream += part
    return bytes(stream)


def _socks(head: TcpHead) -> Identified:
    try:
        request, reply = parse_socks_request(head.orig), parse_socks_reply(head.resp)
    except DecodeError:
        return _SOCKS
    if not reply.granted:
        return _SOCKS
    return _inner(
        TcpHead(head.orig[request.inner_start :], head.resp[reply.inner_start :], -1, (0, request.port)),
        "socks",
        _SOCKS,
    )


def _inner(head: TcpHead, tunnel: str, outer: Identified) -> Identified:
    """Identify the stream inside a proxy's; one level only, so that nesting cannot be used to spend time."""
    if not (head.orig or head.resp):
        return outer
    found = _probe_tcp(head, nested=True)
    if found.tool is None:
        return outer
    return Identified(found.protocol, found.record, found.controlled_side, found.tool, tunnel)


# Order is the detection priority. TLS and HTTP come first because nearly every flow is one of them and their first
# bytes are claimed by no other protocol here. Then strings nobody else sends (SSH, RFB, NoMachine, Citrix), openings
# that their decoder checks field by field (RDP, Radmin, AeroAdmin, Splashtop, TeamViewer, FRP), then proxies, and last
# those known by length and shape only (OpenVPN, STUN, RustDesk).
TCP_PROBES: tuple[TcpProbe, ...] = (
    ("tls", lambda orig, resp: _is_tls(orig) or (not orig and _is_tls(resp)) or _is_tls_going_on(orig, resp), _tls),
    ("http", starts_with(*_HTTP_STARTS), _http),
    ("ssh", starts_with(b"SSH-"), _ssh),
    ("rfb", lambda orig, resp: orig.startswith((b"RFB ", b"ID:")) or resp.startswith(b"RFB "), _rfb),
    ("nomachine", starts_with(b"NXSH-", b"NXD-"), _nomachine),
    ("citrix", starts_with(b"\x7f\x7fICA", b"\x1aCGP/"), _citrix),
    ("rdp", starts_with(b"\x03\x00"), _rdp),
    (
        "radmin",
        starts_with(b"\x01\x00\x00\x00\x01\x00\x00\x00", b"\x01\x00\x00\x00\x25", b"\x01\x00\x00\x00\x05"),
        _radmin,
    ),
    ("aeroadmin", starts_with(b"\xe1\x00\x00\x00\x00"), _aeroadmin),
    ("splashtop", starts_with(b"\x00\x01\x00\x08", b"\x01\x00\x34\x12", b"\x00\x00\x34\x12"), _splashtop),
    ("teamviewer", starts_with(b"\x17\x24", b"\x11\x30"), _teamviewer),
    ("frp", starts_with(b"\x17\x16\x03", b"o\x00\x00\x00", b"\x00\x01\x00\x01\x00\x00\x00"), _frp),
    ("socks", _is_socks, _socks),
    ("openvpn", lambda orig, resp: orig[2:3] in (b"\x38", b"\x50") or resp[2:3] in (b"\x38", b"\x50"), _openvpn),
    ("stun", lambda orig, resp: b"\x21\x12\xa4\x42" in (orig[4:8], orig[6:10], resp[4:8], resp[6:10]), _stun_tcp),
    ("rustdesk", lambda orig, resp: _may_be_rustdesk(orig) or _may_be_rustdesk(resp), _rustdesk),
)


def _probe_tcp(head: TcpHead, nested: bool) -> Identified:
    for name, test, decode in TCP_PROBES:
        if test(head.orig, head.resp) and not (nested and name in ("socks", "http")):
            try:
                return decode(head)
            except DecodeError:
                continue
    return UNKNOWN


def identify_tcp(orig: bytes, resp: bytes, first_side: int = -1, ports: tuple[int, int] = (0, 0)) -> Identified:
    """Name the protocol of a TCP flow from the first bytes of its directions.

    Args:
        orig: first bytes from the end that opened the connection; may be empty.
        resp: first bytes from the other end; may be empty.
        first_side: who sent payload first: 0 originator, 1 responder, -1 not known.
        ports: originator's and responder's port, used only where bytes alone are generic.

    Returns:
        Never raises for any bytes; ``unknown`` where nothing fits.
    """
    if _is_tls(orig) and not _hints_anydesk(orig, resp):
        return _TLS  # the common case, answered before anything is allocated
    return _probe_tcp(TcpHead(orig, resp, first_side, ports), nested=False)
