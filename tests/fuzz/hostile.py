"""Captures made by hand, byte by byte, for tests of hostile input: frames, datagrams, names, files."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable

__all__ = ["dns_name", "pcap", "pcap_header", "pcapng_block", "record", "tcp4", "udp4"]

START_S = 1_700_000_000
OWN_MAC = b"\x54\xe1\xad\x00\x00\x01"
PEER_MAC = b"\x94\x83\xc4\x00\x00\x02"


def pcap_header(link: int = 1) -> bytes:
    """Header of a little-endian pcap with microseconds."""
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, link)


def record(data: bytes, second: int = START_S, microsecond: int = 0) -> bytes:
    """One packet record."""
    return struct.pack("<IIII", second, microsecond, len(data), len(data)) + data


def pcap(frames: Iterable[bytes], start_s: int = START_S) -> bytes:
    """A pcap of Ethernet frames a millisecond apart."""
    return pcap_header() + b"".join(
        record(frame, start_s + number // 1000, number % 1000 * 1000) for number, frame in enumerate(frames)
    )


def pcapng_block(kind: int, body: bytes) -> bytes:
    """A little-endian pcapng block."""
    body += bytes(-len(body) % 4)
    total = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + total + body + total


def _frame(source: str, destination: str, protocol: int, body: bytes, mac: bytes) -> bytes:
    ends = ipaddress.IPv4Address(source).packed + ipaddress.IPv4Address(destination).packed
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0)
    return PEER_MAC + mac + b"\x08\x00" + head + ends + body


def udp4(source: str, destination: str, source_port: int, port: int, payload: bytes, *, mac: bytes = OWN_MAC) -> bytes:
    """An Ethernet frame with a UDP datagram over IPv4; checksums are left 0."""
    head = struct.pack(">HHHH", source_port, port, 8 + len(payload), 0)
    return _frame(source, destination, 17, head + payload, mac)


def tcp4(
    source: str, destination: str, source_port: int, port: int, payload: bytes = b"", *, seq: int = 0, ack: int = 0,
    flags: int = 0x18, mac: bytes = OWN_MAC,
) -> bytes:  # fmt: skip
    """An Ethernet frame with a TCP segment over IPv4; checksums are left 0."""
    head = struct.pack(">HHIIBBHHH", source_port, port, seq, ack, 0x50, flags, 64_000, 0, 0)
    return _frame(source, destination, 6, head + payload, mac)


def dns_name(*labels: bytes) -> bytes:
    """A domain name as labels (RFC 1035 section 3.1)."""
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
