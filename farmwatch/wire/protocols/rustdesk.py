"""RustDesk: framing, rendezvous messages, relay requests and the session's opening; which side is which.

Sources: RustDesk's public hbb_common (src/bytes_codec.rs for the frame, protos/rendezvous.proto and
protos/message.proto for field numbers), rustdesk src/server.rs, src/client.rs and src/rendezvous_mediator.rs for who
sends what, and the kcp-sys crate (14-byte header before KCP) for UDP sessions. Fact rows (RustDesk payload): framing
and KCP high, the rest medium: derived from source, NOT seen on a wire, since no RustDesk capture was found; the
samples below are built from the documented framing.

Frame on TCP: the low two bits of byte 0 give the header length minus 1, the little-endian header shifted right by two
the payload length. UDP to the rendezvous server has no frame.

Samples, the first with its frame header, the relay requests without::

    c5 01 1a 6f 0a 6d <64-byte signature> 0a 09 <ID digits> 12 20 <key>   controlled end speaks first: SignedId
    32 0b 0a 09 31 32 33 34 35 36 37 38 39                                controlled end, UDP 21116: RegisterPeer
    92 01 26 12 24 <36-character uuid>                                    controlled end to the relay, no ID
    92 01 31 0a 09 <ID digits> 12 24 <uuid>                               controller to the relay, with the peer's ID
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from farmwatch.errors import DecodeError

__all__ = ["RustDeskFlow", "decode_rustdesk", "decode_rustdesk_udp", "read_frame"]

_ID = re.compile(rb"[0-9]{6,16}|[A-Za-z][A-Za-z0-9_-]{5,15}|[0-9]{6,16}(?:/r)?@[\w.:-]{1,80}")
_UUID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_VARINT, _BYTES = 0, 2
_MAX_FIELDS = 24
_CONTROLLED, _CONTROLLER, _SERVER = "controlled", "controller", "server"
# Field numbers of RendezvousMessage -> (name, sender, string fields, number fields, required fields)
_RENDEZVOUS: dict[int, tuple[str, str, tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = {
    6: ("RegisterPeer", _CONTROLLED, (1,), (2,), (1,)),
    7: ("RegisterPeerResponse", _SERVER, (), (2,), ()),
    8: ("PunchHoleRequest", _CONTROLLER, (1, 3, 5, 6, 10, 11, 12), (2, 4, 7, 8, 9), (1,)),
    10: ("PunchHoleSent", _CONTROLLED, (1, 2, 3, 5, 7, 8), (4, 6), (1, 2)),
    13: ("LocalAddr", _CONTROLLED, (1, 2, 3, 4, 5, 6), (), (1, 4)),
    15: ("RegisterPk", _CONTROLLED, (1, 2, 3, 4), (5,), (1, 2, 3)),
    16: ("RegisterPkResponse", _SERVER, (), (1, 2), ()),
    18: ("RequestRelay", "", (1, 2, 3, 4, 6, 8, 9, 10, 11), (5, 7), (2,)),
}
_ID_FIELD = {6: 1, 8: 1, 10: 2, 13: 4, 15: 1, 18: 1}
_Fields = dict[int, tuple[int, bytes, int]]


@dataclass(frozen=True, slots=True)
class RustDeskFlow:
    """One RustDesk connection."""

    stage: str  #: ``session``, ``direct session`` (not encrypted), ``relay`` or ``rendezvous``
    message: str  #: the message that told, by its name in the public protocol
    controlled_side: (
        int | None
    )  #: 0 originator, 1 responder; None where the message does not tell, or the driven end is behind a relay
    controller_side: int | None
    peer_id: str | None  #: RustDesk ID shown in the clear: of the driven machine
    transport: str  #: ``tcp``, ``udp`` or ``kcp``


def read_frame(data: bytes) -> tuple[bytes, int]:
    """The first frame's payload and the offset after it.

    Raises:
        DecodeError: the frame is empty, cut short, or its header wastes bytes no encoder would.
    """
    if not data:
        raise DecodeError("no bytes")
    width = (data[0] & 3) + 1
    size = int.from_bytes(data[:width], "little") >> 2
    # The codec always takes the smallest header that fits: 6, 14, 22 or 30 bits.
    if size == 0 or len(data) < width + size or (width > 1 and size >> (8 * (width - 1) - 2) == 0):
        raise DecodeError(f"no whole RustDesk frame: header of {width} bytes says {size} of {len(data)}")
    return data[width : width + size], width + size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(10):
        if at + index >= len(data):
            break
        octet = data[at + index]
        value |= (octet & 0x7F) << (7 * index)
        if octet < 0x80:
            return value, at + index + 1
    raise DecodeError(f"protobuf number at byte {at} does not end")


def _fields(data: bytes) -> _Fields:
    """Fields of one protobuf message, number -> (wire type, bytes, number); must fill ``data`` exactly."""
    found: _Fields = {}
    at = 0
    for _ in range(_MAX_FIELDS):
        if at == len(data):
            return found
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        value, start = _varint(data, at)
        if number == 0 or wire not in (_VARINT, _BYTES) or number in found:
            break
        if wire == _VARINT:
            found[number], at = (wire, b"", value), start
        else:
            at = start + value
            if at > len(data):
                break
            found[number] = (wire, data[start:at], value)
    if at == len(data):
        return found
    raise DecodeError("not one protobuf message of numbers and strings")


def _only(payload: bytes) -> tuple[int, bytes]:
    """The single field of a message that is a ``oneof`` and nothing else."""
    outer = _fields(payload)
    if len(outer) != 1:
        raise DecodeError(f"a RustDesk message holds one of many; this holds {len(outer)}")
    number, (wire, body, _) = next(iter(outer.items()))
    if wire != _BYTES:
        raise DecodeError("a RustDesk message holds a message, not a number")
    return number, body


def _rendezvous(payload: bytes) -> tuple[str, str, str | None]:
    """(name, sender, peer id) of a rendezvous message."""
    number, body = _only(payload)
    if number not in _RENDEZVOUS:
        raise DecodeError(f"no RustDesk rendezvous message {number} that names a side")
    name, sender, strings, numbers, required = _RENDEZVOUS[number]
    inner = _fields(body)
    fitting = all(key in (strings if value[0] == _BYTES else numbers) for key, value in inner.items())
    if not fitting or any(key not in inner for key in required):
        raise DecodeError(f"fields of RustDesk {name} do not fit")
    shown = inner.get(_ID_FIELD.get(number, 0))
    if shown is not None and _ID.fullmatch(shown[1]) is None:
        raise DecodeError(f"RustDesk {name} without an ID where one stands")
    if number == 18 and _UUID.fullmatch(inner[2][1]) is None:
        raise DecodeError(f"RustDesk {name} without a uuid")
    if number == 15 and len(inner[3][1]) != 32:
        raise DecodeError("RustDesk RegisterPk without a 32-byte key")
    if number == 18:
        # src/client.rs names the peer it wants; src/server.rs, which is wanted, only repeats the uuid.
        sender = _CONTROLLER if shown else _CONTROLLED
    return name, sender, shown[1].decode("ascii") if shown else None


def _signed_id(payload: bytes) -> str:
    """The ID inside SignedId: a 64-byte signature, then IdPk (id, 32-byte key)."""
    number, body = _only(payload)
    inner = _fields(body) if number == 3 else {}
    if set(inner) != {1} or len(inner[1][1]) < 64 + 40:
        raise DecodeError("no RustDesk SignedId")
    signed = _fields(inner[1][1][64:])
    if set(signed) != {1, 2} or len(signed[2][1]) != 32 or _ID.fullmatch(signed[1][1]) is None:
        raise DecodeError("RustDesk SignedId without ID and key")
    return signed[1][1].decode("ascii")


def _is_hash(payload: bytes) -> bool:
    """Hash: salt and challenge, short printable strings; what an unsecured controlled end opens with."""
    number, body = _only(payload)
    inner = _fields(body) if number == 9 else {}
    return set(inner) == {1, 2} and all(4 <= len(value[1]) <= 64 and value[1].isalnum() for value in inner.values())


def _answers(payload: bytes, wanted: int) -> bool:
    try:
        number, body = _only(payload)
        inner = _fields(body)
    except DecodeError:
        return False
    return number == wanted and 1 in inner


def _session(mine: bytes, theirs: bytes, side: int, transport: str) -> RustDeskFlow:
    payload, _ = read_frame(mine)
    try:
        answer = read_frame(theirs)[0]
    except DecodeError:
        answer = b""
    try:
        peer = _signed_id(payload)
    except DecodeError:
        if not _is_hash(payload) or (answer and not _answers(answer, 7)):
            raise DecodeError("no RustDesk session opening") from None
        return RustDeskFlow("direct session", "Hash", side, 1 - side, None, transport)
    return RustDeskFlow("session", "SignedId", side, 1 - side, peer, transport)


def decode_rustdesk(orig: bytes, resp: bytes, transport: str = "tcp") -> RustDeskFlow:
    """Read a TCP connection (or a KCP stream) from the first bytes of both directions.

    Raises:
        DecodeError: no session opening, relay request or rendezvous message in whole frames.
    """
    for side, (mine, theirs) in enumerate(((orig, resp), (resp, orig))):
        if not mine:
            continue
        try:
            return _session(mine, theirs, side, transport)
        except DecodeError:
            pass
        try:
            name, sender, peer = _rendezvous(read_frame(mine)[0])
        except DecodeError:
            continue
        if not sender:
            continue
        return RustDeskFlow(
            stage="relay" if name == "RequestRelay" else "rendezvous",
            message=name,
            controlled_side=side if sender == _CONTROLLED else None,
            controller_side=side if sender == _CONTROLLER else None,
            peer_id=peer,
            transport=transport,
        )
    raise DecodeError("no RustDesk message in whole frames")


def decode_rustdesk_udp(orig: Sequence[bytes], resp: Sequence[bytes]) -> RustDeskFlow:
    """Read a UDP flow from its first datagrams: rendezvous messages, or a session over KCP.

    Raises:
        DecodeError: neither.
    """
    for side, mine in enumerate((orig, resp)):
        for data in mine[:4]:
            try:
                name, sender, peer = _rendezvous(data)
            except DecodeError:
                continue
            if sender in (_CONTROLLED, _CONTROLLER):
                controlled = side if sender == _CONTROLLED else None
                return RustDeskFlow("rendezvous", name, controlled, side if controlled is None else None, peer, "udp")
    return decode_rustdesk(_kcp_bytes(orig), _kcp_bytes(resp), "kcp")


def _kcp_bytes(datagrams: Sequence[bytes]) -> bytes:
    """Stream bytes of a KCP direction: kcp-sys header (conversation, two sessions, flag 8 = data), then KCP pushes."""
    parts: dict[int, bytes] = {}
    for data in datagrams:
        at = 14
        while (
            len(data) >= at + 24
            and data[12] == 8
            and data[:4] == data[at : at + 4]
            and data[at + 4] in (0x51, 0x52, 0x53, 0x54)
        ):
            size = int.from_bytes(data[at + 20 : at + 24], "little")
            if size > len(data) - at - 24:
                break
            if data[at + 4] == 0x51:
                parts.setdefault(int.from_bytes(data[at + 12 : at + 16], "little"), data[at + 24 : at + 24 + size])
            at += 24 + size
    stream = bytearray()
    for number in range(len(parts)):
        if number not in parts:
            break
        stream += parts[number]
    return bytes(stream)
