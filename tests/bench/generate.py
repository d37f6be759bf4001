"""Write a benchmark capture: ``python -m tests.bench.generate /tmp/bench.pcap --packets 3000000``.

What is in it (defaults): a gateway's view of 400 laptops and 3,000 servers, IPv4 and IPv6 alike. Flows by number:
DNS 42 %, TLS 28 % (real ClientHellos, half of them post-quantum and two segments long; TLS 1.3 and 1.2 server flights),
QUIC 9 % (Initials that decrypt), HTTP 4 %, mDNS/DHCP/NBNS/SSDP announcements 6 %, ARP 5 %, NTP 1.5 %, refused or
unanswered connections 4 %, and SSH, RDP and VNC sessions 0.5 % together. Server bytes of a flow follow a Pareto
distribution (shape 1.05, from 3 kB, at most 60 MB). TCP carries MSS, SACK, timestamp and window-scale options, slow
start, an ACK for every second segment, and losses before the capture point with their retransmissions. About 30 packets
a flow, so some 95,000 flows in 3 M packets, 33 minutes and 548 bytes a packet. The same seed writes the same bytes.
Packets are made in blocks, and what is longer than its block is carried over, so memory does not grow with the count.
"""

from __future__ import annotations

import argparse
import struct
import sys
import time
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tests.bench import pool as pools
from tests.bench import traffic

EPOCH = 1_767_600_000
"""2026-01-05 08:00 UTC: the first packet."""
RATE = 1700.0
"""Mean packets a second."""
CLIENTS, SERVERS = 400, 3000
SHARES = {
    traffic.DNS: 0.42, traffic.TLS: 0.28, traffic.QUIC: 0.09, traffic.HTTP: 0.04, traffic.CHATTER: 0.06,
    traffic.ARP: 0.05, traffic.NTP: 0.015, traffic.REFUSED: 0.04, traffic.SSH: 0.0025, traffic.RDP: 0.0015,
    traffic.VNC: 0.001,
}  # fmt: skip
PORTS = {
    traffic.DNS: 53, traffic.TLS: 443, traffic.QUIC: 443, traffic.HTTP: 80, traffic.NTP: 123, traffic.REFUSED: 445,
    traffic.SSH: 22, traffic.RDP: 3389, traffic.VNC: 5900,
}  # fmt: skip
_CHATTER = (
    (67, "ffffffffffff", "ffffffff"),
    (5353, "01005e0000fb", "e00000fb"),
    (137, "ffffffffffff", "0a1403ff"),
    (1900, "01005e7ffffa", "effffffa"),
)
"""Announcements in the order the pool holds them: port, destination MAC and IPv4 address in hex."""


def _addresses(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Addresses of clients and servers: (n, 16) bytes, IPv4 in the first four."""
    out: dict[str, np.ndarray] = {}
    for name, count, v4, v6 in (
        ("c", CLIENTS, (10, 20), "20010db800100020"), ("s", SERVERS, (198, 18), "20010db800a00000")
    ):  # fmt: skip
        number = np.arange(count)
        four = np.zeros((count, 16), np.uint8)
        four[:, :2] = v4
        four[:, 2] = number // 200
        four[:, 3] = number % 200 + 20
        six = np.tile(np.frombuffer(bytes.fromhex(v6).ljust(16, b"\0"), np.uint8), (count, 1))
        six[:, 12:14] = (number.astype(">u2")).view(np.uint8).reshape(count, 2)
        six[:, 15] = 7
        out[name + "4"], out[name + "6"] = four, six
    mac = rng.integers(0, 256, (CLIENTS, 6), np.uint8)
    mac[:, :3] = (0xF4, 0xD4, 0x88)
    out["mac"] = mac
    return out


def _flows(rng: np.random.Generator, count: int, start: float, span: float, where: dict[str, np.ndarray]) -> np.ndarray:
    """Draw flows that start within [start, start + span) seconds."""
    flows = np.zeros(count, traffic.FLOW)
    kinds = np.array(list(SHARES), np.uint8)
    weights = np.array(list(SHARES.values()))
    kind = flows["kind"] = rng.choice(kinds, count, p=weights / weights.sum())
    flows["start"] = np.sort(start + rng.random(count) * span)
    flows["seed"] = rng.integers(1, 1 << 62, count, np.uint64)
    flows["pick"] = rng.integers(0, 1 << 30, count)
    flows["cport"] = rng.integers(32768, 61000, count)
    flows["sport"] = np.array([PORTS.get(one, 9) for one in range(11)], np.uint16)[kind]
    flows["near"] = 0.0004 + rng.exponential(0.0006, count)
    flows["far"] = np.clip(rng.lognormal(np.log(0.025), 0.8, count), 0.002, 0.4)
    budget = np.minimum(3000 * (1 - rng.random(count)) ** (-1 / 1.05), 60e6)
    flows["budget"] = budget
    sessions = np.isin(kind, (traffic.SSH, traffic.RDP, traffic.VNC))
    flows["budget"][sessions] = np.minimum(budget[sessions] * 30, 2e6)
    client = rng.zipf(1.3, count) % CLIENTS
    server = rng.zipf(1.15, count) % SERVERS
    six = (rng.random(count) < 0.3) & (kind != traffic.CHATTER) & (kind != traffic.ARP)
    flows["version"] = np.where(six, 6, 4)
    flows["cip"] = np.where(six[:, None], where["c6"][client], where["c4"][client])
    flows["sip"] = np.where(six[:, None], where["s6"][server], where["s4"][server])
    flows["cmac"] = where["mac"][client]
    flows["smac"] = (0x00, 0x1B, 0x17, 0x00, 0x01, 0x30)
    for row, (port, mac, address) in enumerate(_CHATTER):
        these = np.flatnonzero((kind == traffic.CHATTER) & (flows["pick"] % 4 == row))
        flows["sport"][these] = port
        flows["cport"][these] = 68 if port == 67 else port
        flows["smac"][these] = np.frombuffer(bytes.fromhex(mac), np.uint8)
        flows["sip"][these, :4] = np.frombuffer(bytes.fromhex(address), np.uint8)
    return flows


def generate(target: BinaryIO, packets: int, seed: int = 1, block: int = 500_000) -> dict[str, float]:
    """Write a capture of exactly ``packets`` packets.

    Args:
        target: binary file opened for writing.
        packets: how many packets.
        seed: the same seed gives the same bytes.
        block: packets made at a time.

    Returns:
        packets, flows, bytes written and seconds of traffic.
    """
    rng = np.random.default_rng(seed)
    pool = pools.build(seed)
    where = _addresses(rng)
    target.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    room = np.empty(4 * block, traffic.PACKET)
    buffer = np.empty(100_000 * 1700, np.uint8)
    waiting = np.empty(0, traffic.PACKET)
    flows = np.empty(0, traffic.FLOW)
    base, written, size, made, clock, last = 0, 0, 24, 0, 0.0, 0.0
    per_flow = 40.0
    while written < packets:
        span = block / RATE
        count = max(64, int(block / per_flow))
        fresh = _flows(rng, count, clock, span, where)
        used, laid = traffic.schedule(
            fresh, base + len(flows), room, pool.rows, pool.kinds, pool.records_at, pool.random_at
        )
        fresh = fresh[:laid]
        made += laid
        per_flow = 0.5 * per_flow + 0.5 * used / max(laid, 1)
        flows = np.concatenate([flows, fresh])
        # Where the room was full the block ends early, at the first flow that found no place.
        clock = float(fresh["start"][-1]) if laid < count else clock + span
        merged = np.concatenate([waiting, room[:used]])
        merged = merged[np.argsort(merged["t"], kind="stable")]
        cut = int(np.searchsorted(merged["t"], clock))
        ready, waiting = merged[:cut], merged[cut:].copy()
        ready = ready[: packets - written]
        for at in range(0, len(ready), 100_000):
            part = ready[at : at + 100_000]
            end = traffic.write(part, flows, base, pool.data, buffer, EPOCH)
            target.write(buffer[:end].data)
            size += end
        written += len(ready)
        last = float(ready["t"][-1]) if len(ready) else last
        oldest = int(waiting["flow"].min()) if len(waiting) else base + len(flows)
        flows = flows[oldest - base :]
        base = oldest
    return {"packets": written, "flows": made, "bytes": size, "seconds": last}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("path", type=Path, help="capture to write")
    parser.add_argument("--packets", type=int, default=3_000_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    began = time.perf_counter()
    with asked.path.open("wb") as target:
        facts = generate(target, asked.packets, asked.seed)
    print(f"{asked.path}: {facts} in {time.perf_counter() - began:.1f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
