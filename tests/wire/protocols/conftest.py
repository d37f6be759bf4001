"""Heads of the flows of a capture, read by a second, plain implementation: decoders are tested without the kernels."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import dpkt
import pytest

HEAD_BYTES = 8192
HEAD_DATAGRAMS = 16
GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "tools"


@dataclass
class Flow:
    """One conversation as the decoders get it; ``ends`` are (address, port) of originator and responder."""

    proto: str
    ends: tuple[tuple[str, int], tuple[str, int]]
    first_side: int = -1
    syn: bool = False
    isn: list[int | None] = field(default_factory=lambda: [None, None])
    segments: tuple[dict[int, bytes], dict[int, bytes]] = field(default_factory=lambda: ({}, {}))
    datagrams: tuple[list[bytes], list[bytes]] = field(default_factory=lambda: ([], []))
    times: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))

    @property
    def ports(self) -> tuple[int, int]:
        """Originator's and responder's port."""
        return self.ends[0][1], self.ends[1][1]

    def head(self, side: int) -> bytes:
        """The first bytes this side sent, in sequence order, up to the first gap."""
        segments = self.segments[side]
        if not segments:
            return b""
        start = self.isn[side]
        base = next(iter(segments)) if start is None else start
        parts = sorted(((seq - base) & 0xFFFFFFFF, data) for seq, data in segments.items())
        out = bytearray()
        for offset, data in parts:
            if offset > 0x7FFFFFFF:
                continue
            if offset > len(out):
                break
            out += data[len(out) - offset :]
            if len(out) >= HEAD_BYTES:
                break
        return bytes(out[:HEAD_BYTES])


def _network(linktype: int, frame: bytes) -> tuple[int, bytes] | None:
    """(ethertype, payload) of a frame."""
    if linktype in (101, 12, 14, 228, 229):
        version = frame[0] >> 4 if frame else 0
        return (0x0800 if version == 4 else 0x86DD), frame
    if linktype in (0, 108):
        family = frame[4:5]
        return (0x0800 if family and family[0] >> 4 == 4 else 0x86DD), frame[4:]
    if linktype == 113:
        return int.from_bytes(frame[14:16], "big"), frame[16:]
    if linktype == 276:
        return int.from_bytes(frame[0:2], "big"), frame[20:]
    if linktype != 1:
        return None
    kind, rest = int.from_bytes(frame[12:14], "big"), frame[14:]
    while kind in (0x8100, 0x88A8, 0x9100) and len(rest) >= 4:
        kind, rest = int.from_bytes(rest[2:4], "big"), rest[4:]
    if kind == 0x8864 and len(rest) > 8:
        kind, rest = (0x0800 if rest[6:8] == b"\x00\x21" else 0x86DD), rest[8:]
    return kind, rest


def _transport(kind: int, packet: bytes) -> tuple[str, str, int, bytes] | None:
    """(source, destination, protocol, payload) of an unfragmented IP packet."""
    if kind == 0x0800 and len(packet) >= 20 and packet[0] >> 4 == 4:
        header, total = (packet[0] & 15) * 4, int.from_bytes(packet[2:4], "big")
        if int.from_bytes(packet[6:8], "big") & 0x3FFF or header < 20:
            return None
        body = packet[header : total or len(packet)]
        return packet[12:16].hex(), packet[16:20].hex(), packet[9], body
    if kind == 0x86DD and len(packet) >= 40 and packet[0] >> 4 == 6:
        following, body = packet[6], packet[40 : 40 + int.from_bytes(packet[4:6], "big")]
        while following in (0, 43, 60) and len(body) >= 8:
            following, body = body[0], body[(body[1] + 1) * 8 :]
        return packet[8:24].hex(), packet[24:40].hex(), following, body
    return None


def _frames(path: Path) -> Iterator[tuple[float, int, bytes]]:
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    stream = io.BytesIO(raw)
    try:
        reader = dpkt.pcap.UniversalReader(stream)
        link = reader.datalink()
        for stamp, frame in reader:
            yield float(stamp), link, bytes(frame)
    except (ValueError, dpkt.Error, struct.error, IndexError):
        return


def read_flows(path: Path) -> list[Flow]:
    """All TCP and UDP flows of a capture in order of appearance."""
    current: dict[tuple[str, tuple[str, int], tuple[str, int]], Flow] = {}
    flows: list[Flow] = []
    for stamp, link, frame in _frames(path):
        network = _network(link, frame)
        packet = network and _transport(*network)
        if not packet or packet[2] not in (6, 17) or len(packet[3]) < 8:
            continue
        src, dst, protocol, body = packet
        source, target = (src, int.from_bytes(body[:2], "big")), (dst, int.from_bytes(body[2:4], "big"))
        name = "tcp" if protocol == 6 else "udp"
        low, high = sorted((source, target))
        flow = current.get((name, low, high))
        flags = body[13] if protocol == 6 and len(body) >= 20 else 0
        if protocol == 6 and len(body) < 20:
            continue
        seq = int.from_bytes(body[4:8], "big")
        pure_syn = flags & 0x12 == 0x02
        if flow is None or (pure_syn and flow.syn and flow.isn[0] != (seq + 1) & 0xFFFFFFFF):
            ends = (target, source) if flags & 0x12 == 0x12 else (source, target)
            flow = current[name, low, high] = Flow(name, ends)
            flows.append(flow)
        side = 0 if flow.ends[0] == source else 1
        if protocol == 17:
            data = body[8 : max(8, int.from_bytes(body[4:6], "big"))]
            if data and len(flow.datagrams[side]) < HEAD_DATAGRAMS:
                flow.datagrams[side].append(data)
                flow.times[side].append(stamp)
        else:
            if flags & 0x02:
                flow.isn[side] = (seq + 1) & 0xFFFFFFFF
                flow.syn = flow.syn or pure_syn
            data = body[(body[12] >> 4) * 4 :]
            if data and len(flow.segments[side]) < 1024:
                known = flow.segments[side].get(seq, b"")
                if len(data) > len(known):
                    flow.segments[side][seq] = data
        if data and flow.first_side < 0:
            flow.first_side = side
    return flows


@pytest.fixture(scope="session")
def flows_of(corpus: Path) -> Callable[[str], list[Flow]]:
    """Flows of one corpus capture, by its path below the corpus folder."""
    known: dict[str, list[Flow]] = {}

    def load(name: str) -> list[Flow]:
        if name not in known:
            known[name] = read_flows(corpus / name)
        return known[name]

    return load


@pytest.fixture(scope="session")
def golden() -> Callable[[str, Any], None]:
    """Compare a record with its golden file; ``FARMWATCH_GOLDEN=write`` remakes the files."""

    def check(name: str, record: Any) -> None:
        document = json.loads(json.dumps(asdict(record)))
        path = GOLDEN / f"{name}.json"
        if os.environ.get("FARMWATCH_GOLDEN") == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(document, indent=1, ensure_ascii=True, sort_keys=True) + "\n", encoding="ascii")
        assert json.loads(path.read_text(encoding="ascii")) == document

    return check
