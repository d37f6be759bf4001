"""ARP over Ethernet and IPv4: who has which address.

Sources: RFC 826 (packet), RFC 5227 (probe and announcement), IANA ARP operation codes.
The packet kernel does the bulk of a capture; this decoder serves inspection and is the kernel's oracle.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from socket import inet_ntoa

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.text import mac_text

__all__ = ["ArpMessage", "parse_arp"]

_HEADER = struct.Struct("!HHBBH")


@dataclass(frozen=True, slots=True)
class ArpMessage:
    """One ARP message; addresses of other families than MAC-48 and IPv4 are given as hexadecimal."""

    operation: int
    hardware_type: int
    protocol_type: int
    sender_mac: str
    sender_ip: str
    target_mac: str
    target_ip: str

    @property
    def is_probe(self) -> bool:
        """A request without a sender address: the host checks that an address is free (RFC 5227 section 2.1)."""
        return self.operation == 1 and self.sender_ip == "0.0.0.0"  # noqa: S104  a compared value, nothing is bound

    @property
    def is_announcement(self) -> bool:
        """Sender and target address are the same: gratuitous ARP (RFC 5227 section 2.3)."""
        return self.sender_ip == self.target_ip


def parse_arp(frame_after_ethertype: bytes) -> ArpMessage:
    """Decode the bytes behind EtherType 0x0806 (RFC 826 "Packet format"); padding behind them is ignored.

    Sample: ``0001 0800 06 04 0001 02005e100001 0a000001 000000000000 0a000002`` asks who has 10.0.0.2.

    Raises:
        DecodeError: shorter than its own lengths say.
    """
    data = frame_after_ethertype
    if len(data) < _HEADER.size:
        raise DecodeError("ARP message shorter than its 8-byte header")
    hardware_type, protocol_type, hardware_size, protocol_size, operation = _HEADER.unpack_from(data)
    end = 8 + 2 * (hardware_size + protocol_size)
    if len(data) < end:
        raise DecodeError(f"ARP message has {len(data)} bytes, its address lengths need {end}")
    sender_protocol = 8 + hardware_size
    target_hardware = sender_protocol + protocol_size
    target_protocol = target_hardware + hardware_size
    return ArpMessage(
        operation,
        hardware_type,
        protocol_type,
        mac_text(data[8:sender_protocol]),
        _address(data[sender_protocol:target_hardware], protocol_type),
        mac_text(data[target_hardware:target_protocol]),
        _address(data[target_protocol:end], protocol_type),
    )


def _address(raw: bytes, protocol_type: int) -> str:
    return inet_ntoa(raw) if protocol_type == 0x0800 and len(raw) == 4 else raw.hex()
