"""DHCP for IPv4: the name, vendor and network a host states when it joins.

Sources: RFC 2131 section 2 (message), RFC 2132 (options), RFC 3397 (119 domain search), RFC 4702 (81 client FQDN),
RFC 2131 section 4.1 and RFC 2132 section 9.3 (overload), RFC 3396 (long options in pieces).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from socket import inet_ntoa

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.dns import domain_list
from farmwatch.wire.protocols.text import mac_text, printable

__all__ = ["DhcpMessage", "parse_dhcp"]

_FIXED = 236
_COOKIE = b"\x63\x82\x53\x63"
_HEADER = struct.Struct("!4BIHH")
_MAX_ADDRESSES = 16
_MAX_OPAQUE = 255  # bytes kept of options that are shown as hexadecimal or as numbers


@dataclass(frozen=True, slots=True)
class DhcpMessage:
    """One DHCP message; what it does not carry is empty, zero or, for addresses, the empty string.

    ``message_type`` is option 53 (1 discover, 2 offer, 3 request, 5 ack, 8 inform; 0 in plain BOOTP), ``fqdn`` option
    81, ``vendor_data`` option 43 as hexadecimal, ``parameters`` option 55 in the order asked (it tells operating
    systems apart), ``client_id`` option 61 as hexadecimal, ``lease_time`` in seconds.
    """

    is_reply: bool
    transaction_id: int
    client_mac: str
    client_ip: str
    your_ip: str
    relay_ip: str
    message_type: int
    hostname: str
    fqdn: str
    vendor_class: str
    vendor_data: str
    client_id: str
    parameters: tuple[int, ...]
    requested_ip: str
    server_id: str
    lease_time: int
    subnet_mask: str
    routers: tuple[str, ...]
    dns_servers: tuple[str, ...]
    domain: str
    search_domains: tuple[str, ...]


def parse_dhcp(payload: bytes) -> DhcpMessage:
    """Decode one DHCP or BOOTP message from UDP ports 67 and 68 (RFC 2131 section 2).

    A message cut inside its options gives the whole options before the cut. Sample: 236 fixed bytes, the cookie
    ``63825363``, then ``35 01 01  0c 04 6b 76 6d 31  ff`` is a discover from host ``kvm1``.

    Raises:
        DecodeError: fixed part missing, or operation neither request nor reply.
    """
    if len(payload) < _FIXED:
        raise DecodeError(f"DHCP message has {len(payload)} bytes, its fixed part needs {_FIXED}")
    operation, hardware_type, hardware_size, _, transaction_id, _, _ = _HEADER.unpack_from(payload)
    if operation not in (1, 2):
        raise DecodeError(f"DHCP operation {operation} is neither request (1) nor reply (2)")
    options = _options(payload) if payload[_FIXED : _FIXED + 4] == _COOKIE else {}
    size = hardware_size if 0 < hardware_size <= 16 else 0
    if hardware_type == 1 and size > 6:
        size = 6
    return DhcpMessage(
        operation == 2,
        transaction_id,
        mac_text(payload[28 : 28 + size]),
        _set_address(payload[12:16]),
        _set_address(payload[16:20]),
        _set_address(payload[24:28]),
        _number(options.get(53, b"")),
        _text(options.get(12, b"")),
        _fqdn(options.get(81, b"")),
        _text(options.get(60, b"")),
        options.get(43, b"")[:_MAX_OPAQUE].hex(),
        options.get(61, b"")[:_MAX_OPAQUE].hex(),
        tuple(options.get(55, b"")[:_MAX_OPAQUE]),
        _first(options.get(50, b"")),
        _first(options.get(54, b"")),
        _number(options.get(51, b"")),
        _first(options.get(1, b"")),
        _addresses(options.get(3, b"")),
        _addresses(options.get(6, b"")),
        _text(options.get(15, b"")),
        domain_list(options.get(119, b"")),
    )


def _options(payload: bytes) -> dict[int, bytes]:
    """All options; pieces of one code are joined in order: option field, then file, then server name (RFC 3396)."""
    found: dict[int, bytearray] = {}
    for code, value in _walk(payload, _FIXED + 4, len(payload)):
        found.setdefault(code, bytearray()).extend(value)
    overload = _number(bytes(found.get(52, b"")))
    for flag, start, end in ((1, 108, 236), (2, 44, 108)):
        if overload & flag and overload <= 3:
            for code, value in _walk(payload, start, end):
                found.setdefault(code, bytearray()).extend(value)
    return {code: bytes(value) for code, value in found.items()}


def _walk(data: bytes, position: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Code and value of each option of one field (RFC 2132 section 2: 0 pads, 255 ends)."""
    while position < end:
        code = data[position]
        position += 1
        if code == 0:
            continue
        if code == 255 or position >= end:
            return
        size = data[position]
        position += 1
        if position + size > end:
            return
        yield code, data[position : position + size]
        position += size


def _text(value: bytes) -> str:
    """Text of an option; some clients end it with zero bytes, which RFC 2132 section 2 tells receivers to cut."""
    return printable(value.rstrip(b"\x00"))


def _fqdn(value: bytes) -> str:
    """Option 81: flags, two result codes, then the name; flag E means DNS wire form (RFC 4702 section 2.1)."""
    if len(value) <= 3:
        return ""
    if value[0] & 0x04:
        names = domain_list(value[3:])
        return names[0] if names else ""
    return _text(value[3:]).removesuffix(".")


def _number(value: bytes) -> int:
    return int.from_bytes(value[:4], "big")


def _set_address(value: bytes) -> str:
    return "" if value == b"\x00\x00\x00\x00" else inet_ntoa(value)


def _first(value: bytes) -> str:
    return inet_ntoa(value[:4]) if len(value) >= 4 else ""


def _addresses(value: bytes) -> tuple[str, ...]:
    return tuple(inet_ntoa(value[at : at + 4]) for at in range(0, min(len(value) - 3, 4 * _MAX_ADDRESSES), 4))
