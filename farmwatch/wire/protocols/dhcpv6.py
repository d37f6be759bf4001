"""DHCP for IPv6: identifier, name, vendor and addresses of a host.

Sources: RFC 8415 sections 8, 9 (messages, relay), 11 (DUID), 21 (options); RFC 4704 (39 client FQDN), RFC 3646
(23 servers, 24 search list).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from socket import AF_INET6, inet_ntop

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.dns import domain_list
from farmwatch.wire.protocols.text import mac_text, printable

__all__ = ["Dhcpv6Message", "Duid", "parse_dhcpv6"]

RELAY_FORWARD = 12
RELAY_REPLY = 13
_LAST_TYPE = 36  # IANA DHCPv6 message types
_MAX_RELAYS = 8  # HOP_COUNT_LIMIT, RFC 8415 section 7.6
_MAX_OPTIONS = 256
_MAX_LISTED = 64  # entries kept of one list


@dataclass(frozen=True, slots=True)
class Duid:
    """A DHCP unique identifier; ``mac`` is the hardware address inside kinds 1 and 3, ``enterprise`` that of kind 2."""

    raw: str
    kind: int
    mac: str
    enterprise: int


@dataclass(frozen=True, slots=True)
class Dhcpv6Message:
    """The innermost message; what it does not carry is empty or None.

    ``relays`` are the link addresses of the relays it came through, outermost first; ``relayed_macs`` the client
    hardware addresses they added (RFC 6939 option 79).
    """

    message_type: int
    transaction_id: int
    client: Duid | None
    server: Duid | None
    fqdn: str
    vendor_enterprise: int
    vendor_classes: tuple[str, ...]
    requested_options: tuple[int, ...]
    addresses: tuple[str, ...]
    prefixes: tuple[str, ...]
    dns_servers: tuple[str, ...]
    search_domains: tuple[str, ...]
    relays: tuple[str, ...]
    relayed_macs: tuple[str, ...]


def parse_dhcpv6(payload: bytes) -> Dhcpv6Message:
    """Decode one message from UDP ports 546 and 547 (RFC 8415 section 8), unwrapping relays (section 9).

    Sample: ``01 a1b2c3  0001 000a 0003 0001 02005e100001`` is a solicit whose DUID holds 02:00:5e:10:00:01.

    Raises:
        DecodeError: too short, an unassigned type, or more relays than the protocol allows.
    """
    relays: list[str] = []
    macs: list[str] = []
    message = payload
    while message and message[0] in (RELAY_FORWARD, RELAY_REPLY):
        if len(relays) == _MAX_RELAYS:
            raise DecodeError(f"DHCPv6 message went through more than {_MAX_RELAYS} relays")
        if len(message) < 34:
            raise DecodeError("DHCPv6 relay message shorter than 34 bytes")
        relays.append(inet_ntop(AF_INET6, message[2:18]))
        inner = b""
        for code, value in _walk(message, 34):
            if code == 9:
                inner = value
            elif code == 79 and len(value) > 2:
                macs.append(mac_text(value[2:8]))
        message = inner
    if len(message) < 4 or not 0 < message[0] <= _LAST_TYPE:
        raise DecodeError("no DHCPv6 message of an assigned type")
    return _client_message(message, tuple(relays), tuple(macs))


def _client_message(message: bytes, relays: tuple[str, ...], macs: tuple[str, ...]) -> Dhcpv6Message:
    options: dict[int, bytes] = {}
    addresses: list[str] = []
    prefixes: list[str] = []
    for code, value in _walk(message, 4):
        options.setdefault(code, value)
        if code in (3, 4, 25):
            _leases(value[4 if code == 4 else 12 :], addresses, prefixes)
    requested = options.get(6, b"")[: 2 * _MAX_LISTED]
    servers = options.get(23, b"")[: 16 * _MAX_LISTED]
    vendor = options.get(16, b"")
    names = domain_list(options.get(39, b"")[1:])
    return Dhcpv6Message(
        message[0],
        int.from_bytes(message[1:4], "big"),
        _duid(options.get(1)),
        _duid(options.get(2)),
        names[0] if names else "",
        int.from_bytes(vendor[:4], "big"),
        tuple(_counted_strings(vendor[4:])),
        tuple(int.from_bytes(requested[at : at + 2], "big") for at in range(0, len(requested) - 1, 2)),
        tuple(addresses[:_MAX_LISTED]),
        tuple(prefixes[:_MAX_LISTED]),
        tuple(inet_ntop(AF_INET6, servers[at : at + 16]) for at in range(0, len(servers) - 15, 16)),
        domain_list(options.get(24, b"")),
        relays,
        macs,
    )


def _walk(data: bytes, position: int) -> Iterator[tuple[int, bytes]]:
    """Code and value of each option (RFC 8415 section 21.1); ends at the first that does not fit."""
    for _ in range(_MAX_OPTIONS):
        if position + 4 > len(data):
            return
        code = data[position] << 8 | data[position + 1]
        end = position + 4 + (data[position + 2] << 8 | data[position + 3])
        if end > len(data):
            return
        yield code, data[position + 4 : end]
        position = end


def _leases(options: bytes, addresses: list[str], prefixes: list[str]) -> None:
    """Addresses (option 5) and prefixes (option 26) inside an identity association (sections 21.4 to 21.22)."""
    for code, value in _walk(options, 0):
        if code == 5 and len(value) >= 24:
            addresses.append(inet_ntop(AF_INET6, value[:16]))
        elif code == 26 and len(value) >= 25:
            prefixes.append(f"{inet_ntop(AF_INET6, value[9:25])}/{value[8]}")


def _duid(value: bytes | None) -> Duid | None:
    """Kinds 1 and 3 end in a hardware address, kind 2 starts with an enterprise number (section 11)."""
    if value is None or len(value) < 3:
        return None
    kind = value[0] << 8 | value[1]
    ethernet = value[2:4] == b"\x00\x01"
    mac = value[8:14] if kind == 1 else value[4:10] if kind == 3 else b""
    enterprise = int.from_bytes(value[2:6], "big") if kind == 2 else 0
    return Duid(value[:130].hex(), kind, mac_text(mac) if ethernet and len(mac) == 6 else "", enterprise)


def _counted_strings(data: bytes) -> Iterator[str]:
    """Strings behind 16-bit lengths (section 21.16)."""
    position = 0
    for _ in range(_MAX_LISTED):
        if position + 2 > len(data):
            return
        end = position + 2 + (data[position] << 8 | data[position + 1])
        if end > len(data):
            return
        yield printable(data[position + 2 : end])
        position = end
