"""Ethernet frames, byte by byte, and the tape that keeps them in order: what crafted captures are made of.

Nothing here depends on a packet library, so a crafted capture is the same bytes on every machine. Layouts: RFC
791, 8200, 768, 9293, 826 and the classic libpcap file format.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

SYN, ACK, PSH, FIN, RST = 2, 16, 8, 1, 4
BROADCAST = "ff:ff:ff:ff:ff:ff"


def mac_bytes(mac: str) -> bytes:
    """Return a colon-separated hardware address as six bytes."""
    return bytes.fromhex(mac.replace(":", ""))


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclass(frozen=True, slots=True)
class Host:
    """One end of a conversation: hardware address, IP address and the time to live its system starts with."""

    mac: str
    ip: str
    ttl: int = 64

    @property
    def packed(self) -> bytes:
        """The IP address as bytes."""
        return ipaddress.ip_address(self.ip).packed


def group(ip: str) -> Host:
    """Return the host that stands for a multicast or broadcast address, with its hardware address."""
    address = ipaddress.ip_address(ip)
    if address.version == 6:
        return Host("33:33:" + address.packed[-4:].hex(":"), ip)
    if address.is_multicast:
        return Host("01:00:5e:" + bytes((address.packed[1] & 0x7F, *address.packed[2:])).hex(":"), ip)
    return Host(BROADCAST, ip)


def ethernet(src: str, dst: str, kind: int, payload: bytes) -> bytes:
    """Return an Ethernet frame, padded to 60 bytes."""
    return (mac_bytes(dst) + mac_bytes(src) + struct.pack("!H", kind) + payload).ljust(60, b"\0")


def ip(src: Host, dst: Host, protocol: int, payload: bytes, ttl: int | None = None) -> bytes:
    """Return a frame with an IPv4 or IPv6 packet; ``payload`` holds a transport header whose checksum is zero."""
    at = {6: 16, 17: 6, 58: 2}[protocol]
    pseudo = src.packed + dst.packed + struct.pack("!II", len(payload), protocol)
    value = checksum(pseudo + payload)
    payload = payload[:at] + struct.pack("!H", value or 0xFFFF) + payload[at + 2 :]
    hops = src.ttl if ttl is None else ttl
    if len(src.packed) == 16:
        head = struct.pack("!IHBB", 0x60000000, len(payload), protocol, hops) + src.packed + dst.packed
        return ethernet(src.mac, dst.mac, 0x86DD, head + payload)
    number = checksum(payload)
    head = (
        struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), number, 0x4000, hops, protocol, 0)
        + src.packed
        + dst.packed
    )
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return ethernet(src.mac, dst.mac, 0x0800, head + payload)


def udp(src: Host, sport: int, dst: Host, dport: int, payload: bytes, ttl: int | None = None) -> bytes:
    """Return a frame that carries one UDP datagram."""
    return ip(src, dst, 17, struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload, ttl)


def tcp(
    src: Host, sport: int, dst: Host, dport: int, flags: int, seq: int, ack: int, payload: bytes = b"",
    options: bytes = b"",
) -> bytes:  # fmt: skip
    """Return a frame that carries one TCP segment."""
    size = 20 + len(options)
    fields = (sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, size << 2, flags, 64240 if flags & SYN else 1026, 0, 0)
    return ip(src, dst, 6, struct.pack("!HHIIBBHHH", *fields) + options + payload)


def arp(
    operation: int, src_mac: str, src_ip: str, target_mac: str, target_ip: str, to: str = BROADCAST,
    link_mac: str | None = None,
) -> bytes:  # fmt: skip
    """Return an ARP frame (RFC 826). ``link_mac`` is the Ethernet source where it differs from the sender field."""
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + mac_bytes(src_mac) + ipaddress.ip_address(src_ip).packed
    body += mac_bytes(target_mac) + ipaddress.ip_address(target_ip).packed
    return ethernet(link_mac or src_mac, to, 0x0806, body)


@dataclass(slots=True)
class Tape:
    """Frames with their times in seconds since the Unix epoch, written in order of time.

    Two frames of the same microsecond keep the order in which they were added.
    """

    start: float
    frames: list[tuple[int, bytes]] = field(default_factory=list)

    def add(self, at: float, frame: bytes) -> None:
        """Add a frame ``at`` seconds after the start."""
        self.frames.append((round((self.start + at) * 1e6), frame))

    def write(self, path: Path) -> int:
        """Write a classic pcap file (little endian, microseconds, Ethernet); returns the number of packets."""
        parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
        for micros, frame in sorted(self.frames, key=lambda one: one[0]):
            parts.append(struct.pack("<IIII", micros // 10**6, micros % 10**6, len(frame), len(frame)))
            parts.append(frame)
        path.write_bytes(b"".join(parts))
        return len(self.frames)


class Conversation:
    """One TCP connection on a tape: keeps sequence numbers and timestamps so that scenes only say who sends what when.

    Args:
        tape: where frames go.
        client: who opens the connection.
        server: who accepts it.
        ports: (client port, server port).
        rng: source of initial sequence numbers and clocks.
        rtt: seconds from the capture point to the server and back; the client is beside the capture point.
        mss: announced by the client; the server answers 1460 or less, as a path with a tunnel makes it.
        stamps: negotiate TCP timestamps.
    """

    def __init__(
        self, tape: Tape, client: Host, server: Host, ports: tuple[int, int], rng: Random, *, rtt: float,
        mss: int = 1460, stamps: bool = True,
    ) -> None:  # fmt: skip
        self.tape, self.ends, self.ports = tape, (client, server), ports
        self.rtt, self.mss, self.stamps = rtt, mss, stamps
        self.seq = [rng.getrandbits(32), rng.getrandbits(32)]
        self.clock = [rng.getrandbits(31), rng.getrandbits(31)]
        self.heard = [0, 0]

    def _put(self, at: float, side: int, flags: int, payload: bytes = b"") -> None:
        other = 1 - side
        options = b""
        if flags & SYN:
            options = struct.pack("!BBH", 2, 4, self.mss if side == 0 else min(1460, self.mss)) + b"\1\1\4\2"
        if self.stamps:
            stamp = (self.clock[side] + round(at * 1000)) & 0xFFFFFFFF
            options += b"\1\1" + struct.pack("!BBII", 8, 10, stamp, self.heard[other])
            self.heard[side] = stamp
        if flags & SYN:
            options += b"\1\3\3\x08"
        ack = self.seq[other] if flags & ACK else 0
        src, dst = self.ends[side], self.ends[other]
        self.tape.add(
            at, tcp(src, self.ports[side], dst, self.ports[other], flags, self.seq[side], ack, payload, options)
        )
        self.seq[side] += len(payload) + (1 if flags & (SYN | FIN) else 0)

    def open(self, at: float) -> float:
        """Add the three-way handshake; returns when the client may send."""
        self._put(at, 0, SYN)
        self._put(at + self.rtt, 1, SYN | ACK)
        self._put(at + self.rtt + 0.0001, 0, ACK)
        return at + self.rtt + 0.0003

    def send(self, at: float, side: int, data: bytes, *, ack: bool = True) -> float:
        """Send data (side 0: the client) in segments, each answered by an ACK; returns when the last ACK has passed."""
        back = self.rtt if side == 0 else 0.0002
        size = min(self.mss, 1460) - (12 if self.stamps else 0)
        for cut in range(0, len(data), size):
            part = data[cut : cut + size]
            self._put(at, side, ACK | (PSH if cut + size >= len(data) else 0), part)
            at += 0.00005
        if ack:
            self._put(at + back, 1 - side, ACK)
        return at + back + 0.0001

    def close(self, at: float) -> float:
        """Add an orderly close begun by the client; returns when it is over."""
        self._put(at, 0, FIN | ACK)
        self._put(at + self.rtt, 1, FIN | ACK)
        self._put(at + self.rtt + 0.0002, 0, ACK)
        return at + self.rtt + 0.001
