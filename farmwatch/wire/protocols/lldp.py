"""Switches and devices that introduce themselves on their cable: LLDP and Cisco's CDP.

Sources: IEEE 802.1AB-2016 clause 8 (LLDP), ANSI/TIA-1057 section 10 (LLDP-MED inventory), Cisco "Cisco Discovery
Protocol" frame format (version, TTL, checksum, then type, length, value).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from socket import AF_INET6, inet_ntoa, inet_ntop

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.text import mac_text, printable

__all__ = ["CdpMessage", "LldpMessage", "parse_cdp", "parse_lldp"]

_MAX_FIELDS = 128
_MAX_ADDRESSES = 16
_MED = b"\x00\x12\xbb"


@dataclass(frozen=True, slots=True)
class LldpMessage:
    """One LLDP message; what it does not carry is empty.

    ``capabilities`` and ``enabled_capabilities`` are the bit fields of IEEE 802.1AB table 8-4 (bit 2 bridge, bit 4
    router, bit 7 station), ``ttl`` in seconds. Manufacturer and model are those of LLDP-MED.
    """

    chassis_kind: int
    chassis_id: str
    port_kind: int
    port_id: str
    ttl: int
    port_description: str
    system_name: str
    system_description: str
    capabilities: int
    enabled_capabilities: int
    management_addresses: tuple[str, ...]
    manufacturer: str
    model: str


@dataclass(frozen=True, slots=True)
class CdpMessage:
    """One CDP message; what it does not carry is empty. ``ttl`` in seconds, ``software`` is the version text."""

    version: int
    ttl: int
    device_id: str
    port_id: str
    platform: str
    software: str
    capabilities: int
    addresses: tuple[str, ...]
    native_vlan: int


def parse_lldp(frame_after_ethertype: bytes) -> LldpMessage:
    """Decode the bytes behind EtherType 0x88CC (IEEE 802.1AB clause 8.2); fields behind a cut one are left out.

    Sample: ``02 07 04 02005e100001  04 03 05 6531  06 02 0078  0000`` is chassis 02:00:5e:10:00:01, port ``e1``.

    Raises:
        DecodeError: the message does not begin with the mandatory chassis and port fields.
    """
    chassis: tuple[int, str] | None = None
    port: tuple[int, str] | None = None
    texts: dict[int, str] = {}
    inventory: dict[int, str] = {}
    ttl = capabilities = enabled = 0
    addresses: list[str] = []
    for kind, value in _lldp_fields(frame_after_ethertype):
        if kind == 1 and chassis is None and len(value) > 1:
            chassis = value[0], _identifier(value, mac_kind=4, address_kind=5)
        elif kind == 2 and port is None and len(value) > 1:
            port = value[0], _identifier(value, mac_kind=3, address_kind=4)
        elif kind == 3 and not ttl and len(value) >= 2:
            ttl = value[0] << 8 | value[1]
        elif kind in (4, 5, 6):
            texts.setdefault(kind, printable(value.rstrip(b"\x00")))
        elif kind == 7 and len(value) >= 4:
            capabilities, enabled = struct.unpack_from("!HH", value)
        elif kind == 8 and len(value) >= 2 and len(addresses) < _MAX_ADDRESSES:
            addresses.append(_network_address(value[1 : 1 + value[0]]))
        elif kind == 127 and value[:3] == _MED and len(value) > 4:
            inventory.setdefault(value[3], printable(value[4:].rstrip(b"\x00")))
        if chassis is None:
            break
    if chassis is None or port is None:
        raise DecodeError("LLDP message does not begin with a chassis and a port identifier")
    return LldpMessage(
        *chassis,
        *port,
        ttl,
        texts.get(4, ""),
        texts.get(5, ""),
        texts.get(6, ""),
        capabilities,
        enabled,
        tuple(addresses),
        inventory.get(9, ""),
        inventory.get(10, ""),
    )


def parse_cdp(message: bytes) -> CdpMessage:
    """Decode the bytes behind the SNAP header ``aaaa03 00000c 2000``; fields behind a cut one are left out.

    Sample: ``02 b4 0000  0001 0007 737731`` is device ``sw1``.

    Raises:
        DecodeError: unknown version, or no readable field.
    """
    if len(message) < 8 or message[0] not in (1, 2):
        raise DecodeError("not a CDP message of version 1 or 2")
    found = CdpMessage(message[0], message[1], "", "", "", "", 0, (), 0)
    fields = 0
    for kind, value in _cdp_fields(message):
        fields += 1
        if kind == 1:
            found = replace(found, device_id=printable(value.rstrip(b"\x00")))
        elif kind in (2, 22):
            known = dict.fromkeys((*found.addresses, *_cdp_addresses(value)))
            found = replace(found, addresses=tuple(known)[:_MAX_ADDRESSES])
        elif kind == 3:
            found = replace(found, port_id=printable(value.rstrip(b"\x00")))
        elif kind == 4 and len(value) >= 4:
            found = replace(found, capabilities=int.from_bytes(value[:4], "big"))
        elif kind == 5:
            found = replace(found, software=printable(value.rstrip(b"\x00")))
        elif kind == 6:
            found = replace(found, platform=printable(value.rstrip(b"\x00")))
        elif kind == 10 and len(value) >= 2:
            found = replace(found, native_vlan=value[0] << 8 | value[1])
    if not fields:
        raise DecodeError("CDP message without a readable field")
    return found


def _lldp_fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type (7 bits) and value (9 bits of length) up to the end field (IEEE 802.1AB clause 8.4)."""
    position = 0
    for _ in range(_MAX_FIELDS):
        if position + 2 > len(data):
            return
        kind = data[position] >> 1
        end = position + 2 + ((data[position] & 1) << 8 | data[position + 1])
        if kind == 0 or end > len(data):
            return
        yield kind, data[position + 2 : end]
        position = end


def _cdp_fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and value; the length counts its own four bytes."""
    position = 4
    for _ in range(_MAX_FIELDS):
        if position + 4 > len(data):
            return
        kind, size = struct.unpack_from("!HH", data, position)
        if size < 4 or position + size > len(data):
            return
        yield kind, data[position + 4 : position + size]
        position += size


def _identifier(value: bytes, mac_kind: int, address_kind: int) -> str:
    """Chassis or port identifier: one byte says whether it is a hardware address, a network address or text."""
    if value[0] == mac_kind and len(value) == 7:
        return mac_text(value[1:])
    if value[0] == address_kind:
        return _network_address(value[1:])
    return printable(value[1:].rstrip(b"\x00"))


def _network_address(value: bytes) -> str:
    """IANA address family number (1 IPv4, 2 IPv6, 6 MAC) and the address; others as hexadecimal."""
    family, raw = value[:1], value[1:]
    if family == b"\x01" and len(raw) == 4:
        return inet_ntoa(raw)
    if family == b"\x02" and len(raw) == 16:
        return inet_ntop(AF_INET6, raw)
    if family == b"\x06" and len(raw) == 6:
        return mac_text(raw)
    return raw.hex()


def _cdp_addresses(value: bytes) -> Iterator[str]:
    """Address list: count, then protocol type, protocol, address; IPv4 is NLPID 0xCC, IPv6 an 802.2 SNAP type."""
    position = 4
    for _ in range(min(int.from_bytes(value[:4], "big"), _MAX_ADDRESSES)):
        if position + 2 > len(value):
            return
        protocol_end = position + 2 + value[position + 1]
        protocol = value[position + 2 : protocol_end]
        size = int.from_bytes(value[protocol_end : protocol_end + 2], "big")
        raw = value[protocol_end + 2 : protocol_end + 2 + size]
        if protocol == b"\xcc" and len(raw) == 4:
            yield inet_ntoa(raw)
        elif protocol[-2:] == b"\x86\xdd" and len(raw) == 16:
            yield inet_ntop(AF_INET6, raw)
        position = protocol_end + 2 + size
