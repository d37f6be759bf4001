"""Captures bent out of shape: packets cut, spliced, doubled, shuffled, with hostile payloads, names and lengths.

Everything follows from a seed: the same seed over the same source captures gives the same bytes.
"""

from __future__ import annotations

import gzip
import random
import struct
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import zstandard

from farmwatch.errors import SourceError
from farmwatch.wire.source import open_capture

__all__ = ["Packet", "mutated_capture", "read_packets"]

MOST_PACKETS = 120  #: of one source capture
MOST_BYTES = 2000  #: of one packet
LINKS = (1, 101, 0, 113, 276, 127, 105, 9, 107, 239, 192, 178)
PORTS = (22, 53, 67, 68, 80, 137, 138, 443, 546, 547, 1194, 1900, 3389, 3478, 4500, 5353, 5355, 5900, 5938, 7070, 51820)
#: Numbers that sit on the edges of what formats compare.
EDGES = (0, 1, 3, 4, 11, 12, 16, 27, 28, 31, 32, 255, 256, 65_535, 65_536, 262_144, 262_145, (1 << 28) - 1, 1 << 28,
         (1 << 31) - 1, 1 << 31, (1 << 32) - 4, (1 << 32) - 1)  # fmt: skip
#: What an adversary writes where a name belongs: markup, terminal commands, text backwards, formulas, broken UTF-8.
HOSTILE = (
    b"<script>alert(1)</script>", b"\x1b[2J\x1b]0;x\x07", b"\xe2\x80\xaetxt.exe", b"=cmd|'/c calc'!A0", b"\x00\x00\x00",
    b"\xff\xfe\xc3\x28\xf0\x28", b"\"'><img src=x>", b"\r\nSet-Cookie: a", b"{{7*7}}${7}", b"../../etc/passwd",
    b"\xc2\x9b31m", b"@SUM(1+1)", b"%n%s%x", b"A" * 64, b"\xf3\xa0\x80\x81" * 4, b"xn--a-\x80",
)  # fmt: skip
#: Beginnings that send a payload to a decoder of its own.
HEADS = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x16\x03\x03\x00\x5a\x02\x00\x00\x56\x03\x03",
    b"\x16\xfe\xff\0\0\0\0\0\0\0\0\0\x40\x01", b"\xc3\x00\x00\x00\x01\x08\1\2\3\4\5\6\7\x08\x00\x00\x44\x9e",
    b"\xd3\x6b\x33\x43\xcf\x08\1\2\3\4\5\6\7\x08\x00\x00", b"SSH-2.0-OpenSSH_9.6\r\n", b"RFB 003.008\n",
    b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00",
    b"\x00\x01\x00\x08\x21\x12\xa4\x42", b"GET / HTTP/1.1\r\nHost: ",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<title>", b"NOTIFY * HTTP/1.1\r\n",
    b"\x12\x34\x01\x00\x00\x01\xff\xff\x00\x00\x00\x00\xc0\x0c", b"\x01\x00\x00\x00", b"\x80\x60\x00\x01",
    b"\x38\x01\x02\x03\x04\x05\x06\x07\x08", b"NXSH-7.4.1\n", b"\x05\x01\x00", b"\x17\x24", b"\x02\x02\x00\x00",
    b"\x01\x00\x00\x00\x01\x00\x00\x00\x08\x08", b"TS\xf0\x9f\x92\xac",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Packet:
    """One captured packet."""

    data: bytes
    link: int
    ts_ns: int


@cache
def read_packets(path: Path) -> tuple[Packet, ...]:
    """The first packets of a capture; none where it cannot be read."""
    found: list[Packet] = []
    try:
        with open_capture(path, mode="interpreted", hashing=False, block_bytes=1 << 18) as reader:
            for chunk in reader.chunks():
                for at in range(min(chunk.count, MOST_PACKETS - len(found))):
                    start = int(chunk.offset[at])
                    size = min(int(chunk.caplen[at]), MOST_BYTES)
                    data = chunk.buffer[start : start + size].tobytes()
                    found.append(Packet(data, int(chunk.link[at]), int(chunk.ts_ns[at])))
                if len(found) >= MOST_PACKETS:
                    break
    except SourceError:
        return ()
    return tuple(found)


def mutated_capture(rng: random.Random, sources: list[Path]) -> bytes:
    """A mutated capture made of one to eight source captures, as a file's bytes."""
    packets: list[Packet] = []
    for _ in range(rng.choice((1, 2, 4, 8))):
        packets += read_packets(rng.choice(sources))
    if rng.random() < 0.3:
        rng.shuffle(packets)
    packets = packets[: rng.choice((50, 200, 400))]
    intensity = rng.choice((0.0, 0.02, 0.1, 0.5))
    packets = [_bent(rng, packet, packets) if rng.random() < intensity else packet for packet in packets]
    packets = _rearranged(rng, packets)
    data = _as_pcap(rng, packets) if rng.random() < 0.5 else _as_pcapng(rng, packets)
    if rng.random() < 0.3:
        data = _damaged(rng, data)
    packing = rng.randrange(20)
    if packing == 0:
        data = gzip.compress(data, 1, mtime=0)
    elif packing == 1:
        data = zstandard.compress(data, 1)
    return _damaged(rng, data) if packing < 2 and rng.random() < 0.3 else data


def _payload_at(data: bytes, link: int) -> tuple[int, int]:
    """Where transport header and payload of a plain packet start; zeros where it is none."""
    at = {1: 14, 101: 0, 113: 16, 0: 4, 276: 20}.get(link, 14)
    if len(data) < at + 20:
        return 0, 0
    version = data[at] >> 4
    if version == 4:
        protocol, transport = data[at + 9], at + 4 * (data[at] & 15)
    elif version == 6 and len(data) >= at + 40:
        protocol, transport = data[at + 6], at + 40
    else:
        return 0, 0
    if protocol == 17 and len(data) > transport + 8:
        return transport, transport + 8
    if protocol == 6 and len(data) > transport + 20:
        return transport, min(transport + 4 * (data[transport + 12] >> 4), len(data))
    return 0, 0


def _bent(rng: random.Random, packet: Packet, others: list[Packet]) -> Packet:
    """One packet with its bytes, payload, names, ports, link type or time changed."""
    transport, payload = _payload_at(packet.data, packet.link)
    choice = rng.randrange(10)
    data = packet.data
    if choice <= 2:
        data = _noise(rng, data, 0)
    elif choice == 3 and payload:
        data = data[:payload] + _noise(rng, data[payload:], 0)
    elif choice == 4 and payload:
        other = rng.choice(others)
        start = _payload_at(other.data, other.link)[1]
        data = _with_payload(data, packet.link, payload, other.data[start:])
    elif choice == 5 and payload:
        body = rng.choice(HEADS) + rng.choice((*HOSTILE, b"", rng.randbytes(40), bytes(300), b"\xff" * 300))
        data = _with_payload(data, packet.link, payload, body)
    elif choice == 6:
        data = _renamed(rng, data, payload)
    elif choice == 7 and payload:
        ports = bytearray(data)
        at = transport + rng.choice((0, 2))
        ports[at : at + 2] = struct.pack(">H", rng.choice(PORTS))
        data = bytes(ports)
    elif choice == 8:
        return replace(
            packet, ts_ns=rng.choice((0, -1, -(10**18), 2 * 10**18, 9 * 10**18, (1 << 62), packet.ts_ns // 2))
        )
    elif choice == 9:
        return replace(packet, link=rng.choice(LINKS))
    return replace(packet, data=data[: 4 * MOST_BYTES])


def _noise(rng: random.Random, packet: bytes, least: int) -> bytes:
    """Flip, overwrite, cut, double or stretch some bytes, mostly near the start."""
    data = bytearray(packet)
    for _ in range(rng.randint(1, 4)):
        if not data:
            break
        at = min(least + int(rng.expovariate(1 / 40)), len(data) - 1)
        choice = rng.randrange(6)
        if choice == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif choice == 1:
            data[at] = rng.choice((0, 1, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFF, 4, 6, 17, 41, 44, 47))
        elif choice == 2:
            del data[at + rng.randrange(20) :]
        elif choice == 3:
            data[at:at] = data[at : at + rng.randint(1, 60)]
        elif choice == 4:
            width = rng.choice((1, 2, 4))
            data[at : at + width] = (rng.choice(EDGES) & (1 << 8 * width) - 1).to_bytes(width, "big")
        else:
            data[at : at + 2] = rng.randbytes(2)
    return bytes(data)


def _with_payload(data: bytes, link: int, payload: int, body: bytes) -> bytes:
    """The packet's headers before another payload, lengths put right."""
    at = {1: 14, 101: 0, 113: 16, 0: 4, 276: 20}.get(link, 14)
    out = bytearray(data[:payload] + body)
    size = len(out) - at
    if out[at] >> 4 == 4:
        out[at + 2 : at + 4] = struct.pack(">H", min(size, 65_535))
        protocol, transport = out[at + 9], at + 4 * (out[at] & 15)
    else:
        out[at + 4 : at + 6] = struct.pack(">H", min(size - 40, 65_535))
        protocol, transport = out[at + 6], at + 40
    if protocol == 17:
        out[transport + 4 : transport + 6] = struct.pack(">H", min(len(out) - transport, 65_535))
    return bytes(out)


def _renamed(rng: random.Random, data: bytes, start: int) -> bytes:
    """A run of letters in the payload overwritten with hostile text of the same length."""
    runs: list[tuple[int, int]] = []
    begin = start
    for at in range(start, len(data) + 1):
        if at == len(data) or not (48 <= data[at] <= 122):
            if at - begin >= 4:
                runs.append((begin, at))
            begin = at + 1
    if not runs:
        return data
    begin, end = rng.choice(runs)
    word = rng.choice(HOSTILE)
    text = (word * ((end - begin) // len(word) + 1))[: end - begin]
    return data[:begin] + text + data[end:]


def _rearranged(rng: random.Random, packets: list[Packet]) -> list[Packet]:
    """Packets doubled, dropped, moved, reversed, or with their times mixed up; often left as they are."""
    choice = rng.randrange(10)
    if choice == 0:
        return [packet for packet in packets for _ in range(rng.choice((1, 1, 2, 3)))]
    if choice == 1:
        return [packet for packet in packets if rng.random() < 0.7]
    if choice == 2:
        mixed = list(packets)
        for _ in range(len(packets) // 5):
            at = rng.randrange(len(mixed))
            mixed.insert(max(0, at - rng.randrange(8)), mixed.pop(at))
        return mixed
    if choice == 3:
        return packets[::-1]
    if choice == 4:
        times = [packet.ts_ns for packet in packets]
        rng.shuffle(times)
        return [replace(packet, ts_ns=ts) for packet, ts in zip(packets, times, strict=True)]
    if choice == 5:
        return [replace(packet, ts_ns=packet.ts_ns * 1000 % (1 << 62)) for packet in packets]
    return packets


def _as_pcap(rng: random.Random, packets: list[Packet]) -> bytes:
    """A pcap file, any byte order and resolution; all packets get the first one's link type."""
    order = rng.choice("<>")
    magic, unit = rng.choice(((0xA1B2C3D4, 1000), (0xA1B23C4D, 1)))
    link = packets[0].link if packets else 1
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262_144, link)]
    for packet in packets:
        seconds, rest = divmod(max(packet.ts_ns, 0), 10**9)
        size = len(packet.data)
        out.append(struct.pack(order + "IIII", seconds & 0xFFFFFFFF, rest // unit, size, size) + packet.data)
    return b"".join(out)


def _as_pcapng(rng: random.Random, packets: list[Packet]) -> bytes:
    """A pcapng file of one or two sections, an interface per link type, with names between the packets."""
    order = rng.choice("<>")

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        total = struct.pack(order + "I", len(body) + 12)
        return struct.pack(order + "I", kind) + total + body + total

    links = sorted({packet.link for packet in packets}) or [1]
    nanoseconds = struct.pack(order + "HHB3xHH", 9, 1, 9, 0, 0)
    start = [block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))]
    start += [block(1, struct.pack(order + "HHI", link, 0, 0) + nanoseconds) for link in links]
    out = list(start)
    for packet in packets:
        ts, size = packet.ts_ns & (1 << 64) - 1, len(packet.data)
        head = struct.pack(order + "IIIII", links.index(packet.link), ts >> 32, ts & 0xFFFFFFFF, size, size)
        out.append(block(6, head + packet.data))
        if rng.random() < 0.03:
            name = rng.choice(HOSTILE) + b"\0"
            body = struct.pack(order + "HH4s", 1, 4 + len(name), rng.randbytes(4)) + name + bytes(-len(name) % 4)
            out.append(block(4, body + bytes(4)))
        if rng.random() < 0.01:
            out += start
    return b"".join(out)


def _damaged(rng: random.Random, data: bytes) -> bytes:
    """A file cut, flipped, spliced, or with extreme numbers where lengths may stand."""
    bent = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        if len(bent) < 8:
            break
        at = rng.randrange(len(bent)) if rng.random() < 0.8 else rng.randrange(min(len(bent), 200))
        choice = rng.randrange(7)
        if choice == 0:
            bent[at] ^= 1 << rng.randrange(8)
        elif choice == 1:
            value = rng.choice(EDGES)
            at -= at % 4
            bent[at : at + 4] = value.to_bytes(4, rng.choice(("little", "big")))
        elif choice == 2:
            del bent[at : at + rng.choice((1, 4, 16, 500))]
        elif choice == 3:
            del bent[at:]
        elif choice == 4:
            size = rng.choice((4, 16, 100, 2000))
            bent[at:at] = bent[max(0, at - size) : at]
        elif choice == 5:
            other, size = rng.randrange(len(bent)), rng.choice((16, 100, 1000))
            first, second = sorted((at, other))
            piece = bytes(bent[second : second + size])
            bent[second : second + size] = bent[first : first + size]
            bent[first : first + size] = piece
        else:
            bent[at:at] = rng.randbytes(rng.choice((1, 15, 64)))
    return bytes(bent)
