"""Probes for UDP flows: a cheap look at the first datagrams, and the decoder that must then agree.

DTLS and QUIC are named here by their first bytes only; their own modules decode them.
"""

from __future__ import annotations

from collections.abc import Sequence

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.chromoting import decode_chromoting
from farmwatch.wire.protocols.identified import UNKNOWN, Identified, UdpHead, UdpProbe, on_port, starts_with
from farmwatch.wire.protocols.ike import EspFlow, IkeMessage, decode_esp_flow, decode_ike
from farmwatch.wire.protocols.nomachine import decode_nomachine_udp
from farmwatch.wire.protocols.openvpn import decode_openvpn
from farmwatch.wire.protocols.rdpudp import decode_rdpudp
from farmwatch.wire.protocols.rtp import RtpShape, is_rtcp, rtp_shape
from farmwatch.wire.protocols.rustdesk import decode_rustdesk_udp
from farmwatch.wire.protocols.stun import StunMessage, decode_channel_data, decode_stun
from farmwatch.wire.protocols.tailscale import decode_tailscale
from farmwatch.wire.protocols.teamviewer import decode_teamviewer_udp
from farmwatch.wire.protocols.wireguard import decode_wireguard
from farmwatch.wire.protocols.zerotier import decode_zerotier
from farmwatch.wire.protocols.zoom import decode_zoom

__all__ = ["UDP_PROBES", "identify_udp"]

_DTLS, _QUIC = Identified("dtls"), Identified("quic")
_COOKIE = b"\x21\x12\xa4\x42"
_CLASSIC_STUN = (b"\x00\x01", b"\x01\x01", b"\x01\x11")
_QUIC_VERSIONS = frozenset({b"\0\0\0\1", b"\x6b\x33\x43\xcf", b"\0\0\0\0"})  # v1, v2, version negotiation


def _quic_long(data: bytes) -> bool:
    """A long header with fixed bit, known version and connection ids that fit (RFC 9000 section 17.2, RFC 9369)."""
    if (
        len(data) < 7
        or data[0] & 0x80 == 0
        or data[1:5] not in _QUIC_VERSIONS
        or data[5] > 20
        or len(data) < 7 + data[5]
    ):
        return False
    if data[1:5] != b"\0\0\0\0" and (data[0] & 0x40 == 0 or len(data) < 40):
        return False
    return data[6 + data[5]] <= 20 and (data[5] or data[6 + data[5]]) > 0


def _rdpudp(head: UdpHead) -> Identified:
    record = decode_rdpudp(head.orig, head.resp)
    return Identified("rdp-udp", record, record.controlled_side, "rdp")


def _tailscale(head: UdpHead) -> Identified:
    return Identified("tailscale", decode_tailscale(head.orig, head.resp), None, "tailscale")


def _chromoting(head: UdpHead) -> Identified:
    record = decode_chromoting(head.orig, head.resp)
    return Identified("dtls", record, record.controlled_side, "chrome-remote-desktop")


def _zoom(head: UdpHead) -> Identified:
    return Identified("zoom", decode_zoom(head.orig, head.resp), None, "zoom")


def _stun(head: UdpHead) -> Identified:
    messages: list[StunMessage] = []
    for data in (*head.orig[:4], *head.resp[:4]):
        try:
            messages.append(decode_stun(data))
        except DecodeError:
            continue
    modern = next((message for message in messages if not message.classic), None)
    if modern:
        return Identified("stun", next((message for message in messages if message.mapped), modern))
    # Without the magic cookie a lone request proves little: an answer with an address and the same id, or the port,
    # must agree.
    asked = {message.transaction for message in messages if message.message_class == "request"}
    for message in messages:
        if (message.mapped and message.transaction in asked) or on_port(head.ports, 3478, 3479):
            return Identified("stun", message)
    raise DecodeError("no STUN message that is confirmed")


def _channel_data(head: UdpHead) -> Identified:
    datagrams = (*head.orig, *head.resp)
    wrapped = [decode_channel_data(data) for data in datagrams if b"\x40" <= data[:1] <= b"\x4f"]
    # RFC 7983: what a channel carries is DTLS or RTP once it runs.
    media = sum(20 <= message.data[0] <= 63 or 128 <= message.data[0] <= 191 for message in wrapped)
    if media < 4 or len({message.channel for message in wrapped}) > 2 or len(wrapped) * 4 < len(datagrams) * 3:
        raise DecodeError("too few TURN ChannelData messages")
    return Identified("stun", wrapped[0])


def _wireguard(head: UdpHead) -> Identified:
    record = decode_wireguard(head.orig, head.resp)
    if record.initiator_side is None and record.data_messages < 4 and not on_port(head.ports, 51820):
        raise DecodeError("too few data messages to call it WireGuard without a handshake")
    tool = "cloudflare-warp" if record.reserved else "wireguard"
    return Identified("wireguard", record, None, tool)


def _openvpn_udp(head: UdpHead) -> Identified:
    return Identified("openvpn", decode_openvpn(head.orig, head.resp), None, "openvpn")


def _ike(head: UdpHead) -> Identified:
    for data in (*head.orig[:4], *head.resp[:4]):
        if data == b"\xff" or (on_port(head.ports, 4500) and not data.startswith(b"\0\0\0\0")):
            continue
        record: IkeMessage = decode_ike(data)
        return Identified("ike", record, None, "ipsec")
    raise DecodeError("no IKE message")


def _esp(head: UdpHead) -> Identified:
    record: EspFlow = decode_esp_flow(head.orig, head.resp)
    return Identified("esp-udp", record, None, "ipsec")


def _zerotier(head: UdpHead) -> Identified:
    return Identified(
        "zerotier", decode_zerotier(head.orig, head.resp, port_hint=on_port(head.ports, 9993)), None, "zerotier"
    )


def _teamviewer_udp(head: UdpHead) -> Identified:
    return Identified("teamviewer", decode_teamviewer_udp(head.orig, head.resp), None, "teamviewer")


def _nomachine_udp(head: UdpHead) -> Identified:
    return Identified("nomachine", decode_nomachine_udp(head.orig, head.resp), None, "nomachine")


def _rustdesk_udp(head: UdpHead) -> Identified:
    record = decode_rustdesk_udp(head.orig, head.resp)
    return Identified("rustdesk", record, record.controlled_side, "rustdesk")


def _rtp(head: UdpHead) -> Identified:
    for side in (head.orig, head.resp):
        try:
            record: RtpShape = rtp_shape(side)
        except DecodeError:
            continue
        return Identified("rtp", record)
    datagrams = (*head.orig, *head.resp)
    if len(datagrams) >= 2 and all(is_rtcp(data) for data in datagrams):
        return Identified("rtcp")
    raise DecodeError("neither direction is RTP")


def _is_media_setup(data: bytes) -> bool:
    """STUN or DTLS: how a WebRTC flow begins."""
    return data[:2] == b"\x16\xfe" or data[4:8] == _COOKIE


def _is_stun(data: bytes) -> bool:
    return data[4:8] == _COOKIE or (data[:2] in _CLASSIC_STUN and len(data) >= 20)


def _may_be_zoom(data: bytes) -> bool:
    return data[:2] in (b"\x01\x00", b"\x05\x00", b"\x1f\x02") or (data[:4] == b"\x00\x01\x00\x18" and len(data) == 44)


def _may_be_rdpudp(data: bytes) -> bool:
    return len(data) >= 30 and ((len(data) >= 1000 and data[7] & 1 == 1) or data[7] & 0x0F == 0x0C)


def _may_be_ike(data: bytes) -> bool:
    """Version 1.0 or 2.0 where the header has it, with or without the marker; or a keepalive that came first."""
    return data[17:18] in (b"\x10", b"\x20") or data[21:22] in (b"\x10", b"\x20") or data == b"\xff"


def _may_be_zerotier(orig: bytes, resp: bytes) -> bool:
    if len(orig) < 28:
        return False
    return (len(orig) >= 111 and orig[27] & 0x1F == 1) or orig[8:18] == resp[13:18] + resp[8:13]


def _may_be_nomachine(data: bytes) -> bool:
    return data[2:4] == b"\x01\x00" and int.from_bytes(data[4:6], "little") == len(data)


def _may_be_rustdesk_udp(data: bytes) -> bool:
    """A rendezvous message, or kcp-sys: SYN, or data whose conversation number stands again in KCP's header."""
    return data[:1] in (b"\x32", b"\x7a", b"\x52") or (len(data) >= 14 and data[12] in (1, 3, 8) and data[13] == 0)


# Order is the detection priority, over the first datagram of each direction: long magic first (disco), then handshakes
# with many fixed fields, then lengths that must agree, RTP by its shape over many datagrams last. Chrome's certificate
# is looked for before STUN and DTLS, which carry it and would answer first.
UDP_PROBES: tuple[UdpProbe, ...] = (
    ("tailscale", starts_with(b"TS\xf0\x9f", b"\x01\x00", b"\x02\x00", b"\x04\x00"), _tailscale),
    ("chromoting", lambda orig, resp: _is_media_setup(orig) or _is_media_setup(resp), _chromoting),
    ("quic", lambda orig, resp: _quic_long(orig) or _quic_long(resp), lambda _: _QUIC),
    ("zoom", lambda orig, resp: _may_be_zoom(orig) or _may_be_zoom(resp), _zoom),
    ("stun", lambda orig, resp: _is_stun(orig) or _is_stun(resp), _stun),
    ("dtls", starts_with(b"\x16\xfe"), lambda _: _DTLS),
    ("rdp-udp", lambda orig, resp: _may_be_rdpudp(orig) or _may_be_rdpudp(resp), _rdpudp),
    ("wireguard", starts_with(b"\x01", b"\x02", b"\x04"), _wireguard),
    (
        "openvpn",
        lambda orig, resp: orig[:1] in (b"\x38", b"\x50", b"\x40") or resp[:1] in (b"\x38", b"\x50"),
        _openvpn_udp,
    ),
    ("ike", lambda orig, resp: _may_be_ike(orig) or _may_be_ike(resp), _ike),
    ("zerotier", _may_be_zerotier, _zerotier),
    ("teamviewer", lambda orig, resp: orig[11:13] == b"\x17\x24" or resp[11:13] == b"\x17\x24", _teamviewer_udp),
    ("nomachine", lambda orig, resp: _may_be_nomachine(orig) or _may_be_nomachine(resp), _nomachine_udp),
    ("rustdesk", lambda orig, resp: _may_be_rustdesk_udp(orig) or _may_be_rustdesk_udp(resp), _rustdesk_udp),
    ("stun", lambda orig, resp: b"\x40" <= (orig or resp)[:1] <= b"\x4f", _channel_data),
    ("rtp", lambda orig, resp: bool(orig or resp), _rtp),
)


def identify_udp(orig: Sequence[bytes], resp: Sequence[bytes], ports: tuple[int, int] = (0, 0)) -> Identified:
    """Name the protocol of a UDP flow from the first datagrams of its directions.

    Args:
        orig: first datagrams from the end that sent first; may be empty.
        resp: first datagrams from the other end; may be empty.
        ports: originator's and responder's port, used only where bytes alone are generic.

    Returns:
        Never raises for any bytes; ``unknown`` where nothing fits.
    """
    first, second = (orig[0] if orig else b""), (resp[0] if resp else b"")
    if first[:1] >= b"\xc0" and _quic_long(first) and (not second or second[0] > 0x54) and second[4:8] != _COOKIE:
        return _QUIC  # the common case: no probe before that of QUIC would look at it
    head = UdpHead(orig, resp, ports)
    for _, test, decode in UDP_PROBES:
        if test(first, second):
            try:
                return decode(head)
            except DecodeError:
                continue
    if on_port(ports, 4500):
        try:
            return _esp(head)
        except DecodeError:
            return UNKNOWN
    return UNKNOWN
