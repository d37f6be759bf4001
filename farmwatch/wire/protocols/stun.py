"""STUN, TURN and ICE messages, classic STUN, and TURN ChannelData.

Sources: RFC 8489 sections 5 (header) and 14 (attributes); RFC 8656 sections 12 (ChannelData) and 18 (TURN
attributes); RFC 8445 section 16 (ICE attributes); RFC 5780 section 7 (CHANGE-REQUEST, RESPONSE-ORIGIN,
OTHER-ADDRESS); RFC 3489 section 11 for messages without the magic cookie; RFC 4571 for the two-byte length in front
of a message on TCP.

USERNAME is reported as present or absent only: it may name a person.

Sample, a binding request with no attributes::

    00 01 00 00 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.text import printable

__all__ = [
    "ChannelData",
    "Endpoint",
    "StunMessage",
    "decode_channel_data",
    "decode_stun",
    "decode_stun_stream",
]

Endpoint = tuple[str, int]  #: address in text form and port

_COOKIE = b"\x21\x12\xa4\x42"
_METHODS = {
    0x001: "binding", 0x002: "shared-secret", 0x003: "allocate", 0x004: "refresh", 0x006: "send", 0x007: "data",
    0x008: "create-permission", 0x009: "channel-bind", 0x00A: "connect", 0x00B: "connection-bind",
    0x00C: "connection-attempt", 0x080: "goog-ping",
}  # fmt: skip
_CLASSES = ("request", "indication", "success", "error")
_CLASSIC_TYPES = frozenset({0x0001, 0x0101, 0x0111, 0x0002, 0x0102, 0x0112})
_CLASSIC_ATTRIBUTES = frozenset(range(0x0001, 0x000C)) | {0x0020, 0x8020, 0x8022, 0x8028, 0x8050}
_PLAIN = {
    0x0001: "mapped",
    0x0004: "source",
    0x0005: "changed",
    0x802B: "response_origin",
    0x802C: "other_address",
    0x8023: "alternate_server",
}
_XORED = {0x0020: "xor_mapped", 0x8020: "xor_mapped", 0x0012: "xor_peer", 0x0016: "xor_relayed"}
_MAX_ATTRIBUTES = 64


@dataclass(frozen=True, slots=True)
class ChannelData:
    """TURN data sent on a bound channel (RFC 8656 section 12.4)."""

    channel: int  #: 0x4000 to 0x4fff
    data: bytes  #: what is carried; for the next decoder, never stored


@dataclass(frozen=True, slots=True)
class StunMessage:
    """One STUN message."""

    method: str
    message_class: str  #: ``request``, ``indication``, ``success`` or ``error``
    transaction: str  #: hex; 24 digits, 32 in classic STUN
    classic: bool  #: RFC 3489: no magic cookie
    mapped: Endpoint | None = None  #: the sender's address as the server sees it (XOR form preferred)
    response_origin: Endpoint | None = None  #: RESPONSE-ORIGIN, or SOURCE-ADDRESS of RFC 3489
    other_address: Endpoint | None = None  #: OTHER-ADDRESS, or CHANGED-ADDRESS of RFC 3489
    alternate_server: Endpoint | None = None
    change_ip: bool | None = None  #: CHANGE-REQUEST asks for another address: a NAT behaviour test
    change_port: bool | None = None
    software: str | None = None
    realm: str | None = None
    username_present: bool = False
    error_code: int | None = None
    ice_role: str | None = None  #: ``controlling`` or ``controlled``: ICE's words, they do not say who drives a desktop
    use_candidate: bool = False
    priority: int | None = None
    xor_relayed: Endpoint | None = None
    xor_peer: Endpoint | None = None
    lifetime_s: int | None = None
    channel: int | None = None
    requested_transport: int | None = None  #: IP protocol number
    data: bytes | None = None  #: what a DATA attribute carries; for the next decoder, never stored
    fingerprint_ok: bool | None = None  #: CRC of FINGERPRINT matches; None without one
    attributes: tuple[int, ...] = ()  #: every attribute type, in order


def _endpoint(value: bytes, mask: bytes = b"") -> Endpoint | None:
    """An address attribute, un-XORed if a mask (cookie and transaction id) is given; None where malformed."""
    size = {1: 4, 2: 16}.get(value[1]) if len(value) >= 8 else None
    if size is None or len(value) < 4 + size:
        return None
    port, raw = int.from_bytes(value[2:4], "big"), value[4 : 4 + size]
    if mask:
        port ^= int.from_bytes(mask[:2], "big")
        raw = bytes(octet ^ key for octet, key in zip(raw, mask, strict=False))
    return str(IPv4Address(raw) if size == 4 else IPv6Address(raw)), port


def _attributes(data: bytes, end: int, padded: bool = True) -> list[tuple[int, bytes, int]]:
    found: list[tuple[int, bytes, int]] = []
    at = 20
    while at + 4 <= end:
        kind, size = int.from_bytes(data[at : at + 2], "big"), int.from_bytes(data[at + 2 : at + 4], "big")
        if at + 4 + size > end or len(found) >= _MAX_ATTRIBUTES:
            raise DecodeError(f"STUN attribute {kind:#06x} at byte {at} runs past the message of {end} bytes")
        found.append((kind, data[at + 4 : at + 4 + size], at))
        at += 4 + ((size + 3) // 4 * 4 if padded else size)
    return found


def _text(value: bytes) -> str:
    return printable(value.rstrip(b"\0 "), 128)


def _error_code(value: bytes) -> int | None:
    return (value[2] & 7) * 100 + value[3] if len(value) >= 4 else None


def _number(value: bytes) -> int | None:
    return int.from_bytes(value[:4], "big") if len(value) >= 4 else None


# Attribute type -> field and how its value is read; USERNAME only counts as present.
_SIMPLE: dict[int, tuple[str, Callable[[bytes], object]]] = {
    0x0006: ("username_present", lambda _: True),
    0x0009: ("error_code", _error_code),
    0x000C: ("channel", lambda value: int.from_bytes(value[:2], "big") if len(value) >= 2 else None),
    0x000D: ("lifetime_s", _number),
    0x0013: ("data", bytes),
    0x0014: ("realm", _text),
    0x0019: ("requested_transport", lambda value: value[0] if value else None),
    0x0024: ("priority", _number),
    0x0025: ("use_candidate", lambda _: True),
    0x8022: ("software", _text),
    0x8029: ("ice_role", lambda _: "controlled"),
    0x802A: ("ice_role", lambda _: "controlling"),
}


def _fields(attributes: Iterable[tuple[int, bytes, int]], message: bytes) -> dict[str, object]:
    mask = message[4:20]
    fields: dict[str, object] = {}
    for kind, value, at in attributes:
        if kind in _PLAIN:
            fields.setdefault(_PLAIN[kind], _endpoint(value))
        elif kind in _XORED:
            fields.setdefault(_XORED[kind], _endpoint(value, mask))
        elif kind in _SIMPLE:
            name, read = _SIMPLE[kind]
            fields.setdefault(name, read(value))
        elif kind == 0x0003 and len(value) >= 4:
            fields["change_ip"], fields["change_port"] = bool(value[3] & 4), bool(value[3] & 2)
        elif kind == 0x8028 and len(value) == 4:
            fields["fingerprint_ok"] = zlib.crc32(message[:at]) ^ 0x5354554E == int.from_bytes(value, "big")
    return fields


def decode_stun(data: bytes) -> StunMessage:
    """Read one whole STUN message.

    Raises:
        DecodeError: not a STUN message, or its length field disagrees with ``data``.
    """
    if len(data) < 20 or data[0] & 0xC0:
        raise DecodeError("STUN needs 20 bytes and two leading zero bits")
    kind, size = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
    if size + 20 != len(data):
        raise DecodeError(f"STUN length {size} does not fit a message of {len(data)} bytes")
    classic = data[4:8] != _COOKIE
    if classic and size % 4:
        raise DecodeError(f"classic STUN length {size} is no multiple of four")
    method = (kind & 0x3E00) >> 2 | (kind & 0x00E0) >> 1 | kind & 0x000F
    message_class = (kind & 0x0100) >> 7 | (kind & 0x0010) >> 4
    try:
        attributes = _attributes(data, len(data))
    except DecodeError:
        # Senders after Microsoft's MS-TURN (section 2.2.2) do not pad attributes to four bytes.
        attributes = _attributes(data, len(data), padded=False)
    if classic:
        unknown = [number for number, _, _ in attributes if number not in _CLASSIC_ATTRIBUTES]
        if kind not in _CLASSIC_TYPES or unknown or len(set(data[4:20])) < 6:
            raise DecodeError(f"no magic cookie and not RFC 3489 either: type {kind:#06x}")
    fields = _fields(attributes, data)
    xor_mapped, mapped = fields.pop("xor_mapped", None), fields.pop("mapped", None)
    source, changed = fields.pop("source", None), fields.pop("changed", None)
    fields["mapped"] = xor_mapped or mapped
    fields["response_origin"] = fields.get("response_origin") or source
    fields["other_address"] = fields.get("other_address") or changed
    return StunMessage(
        method=_METHODS.get(method, f"{method:#05x}"),
        message_class=_CLASSES[message_class],
        transaction=data[4 if classic else 8 : 20].hex(),
        classic=classic,
        attributes=tuple(number for number, _, _ in attributes),
        **fields,  # type: ignore[arg-type]  # every key is a field name set above, each with its field's type
    )


def decode_channel_data(data: bytes) -> ChannelData:
    """Read one ChannelData message; padding to four bytes is allowed (RFC 8656 section 12.5).

    Raises:
        DecodeError: channel number or length does not fit.
    """
    if len(data) < 4 or not 0x40 <= data[0] <= 0x4F:
        raise DecodeError("ChannelData starts with a channel number of 0x4000 to 0x4fff")
    size = int.from_bytes(data[2:4], "big")
    if not size or not 4 + size <= len(data) <= 4 + (size + 3) // 4 * 4:
        raise DecodeError(f"ChannelData length {size} does not fit a message of {len(data)} bytes")
    return ChannelData(int.from_bytes(data[:2], "big"), data[4 : 4 + size])


def decode_stun_stream(data: bytes) -> tuple[StunMessage, ...]:
    """Read the STUN messages at the start of a TCP stream, bare or each behind the two-byte length of RFC 4571.

    Reading stops at the first thing that is no STUN message.

    Raises:
        DecodeError: the stream does not start with one.
    """
    found: list[StunMessage] = []
    framed = data[6:10] == _COOKIE
    at = 0
    while at + 20 <= len(data) and len(found) < 64:
        start = at + 2 if framed else at
        if data[start + 4 : start + 8] != _COOKIE:
            break
        end = start + 20 + int.from_bytes(data[start + 2 : start + 4], "big")
        if end > len(data) or (framed and int.from_bytes(data[at:start], "big") != end - start):
            break
        try:
            found.append(decode_stun(data[start:end]))
        except DecodeError:
            break
        at = end
    if not found:
        raise DecodeError("the stream does not start with a whole STUN message")
    return tuple(found)
