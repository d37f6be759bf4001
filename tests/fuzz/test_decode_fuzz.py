"""Mutated packets never break the kernels, and both ways of running them agree on every one."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from farmwatch.errors import SourceError
from farmwatch.wire.source import open_capture

# Runs in a process of its own: bounds checks are a property of the machine code.
PROGRAM = """
import dataclasses, random, sys
from pathlib import Path
import numpy as np
from farmwatch.wire.packets import PacketChunk
from farmwatch.wire.scan import ScanLimits, scan_chunks

def frames(path):
    data, at = Path(path).read_bytes(), 0
    while at < len(data):
        size, link, ts = (int.from_bytes(data[at + i : at + i + 8], "little") for i in (0, 8, 16))
        yield data[at + 24 : at + 24 + size], link, ts
        at += 24 + size

def chunk(packets):
    sizes = np.array([len(packet) for packet, _, _ in packets], dtype=np.int64)
    return PacketChunk(
        buffer=np.frombuffer(b"".join(packet for packet, _, _ in packets), dtype=np.uint8), first_packet=1,
        count=len(packets), offset=np.cumsum(sizes) - sizes, caplen=sizes, wirelen=sizes + 3,
        ts_ns=np.array([ts for _, _, ts in packets], dtype=np.int64),
        link=np.array([link for _, link, _ in packets], dtype=np.int64))

def flat(value, path=""):
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        if dataclasses.is_dataclass(item):
            yield from flat(item, path + field.name + ".")
        else:
            yield path + field.name, item

packets = list(frames(sys.argv[1]))
limits = ScanLimits(head_bytes=1 << 18, messages_per_kind=200, message_bytes=50_000, stun_messages=100, arp_packets=100,
                    hosts=300, rtt_blocks=300, flows=3000)
for start in range(0, len(packets), 20_000):
    part = packets[start : start + 20_000]
    results = []
    for mode in ("compiled", "interpreted"):
        heads = []
        def take(batch, heads=heads):
            heads.extend((int(batch.flow[i]), batch.head(i, 0), batch.head(i, 1)) for i in range(len(batch)))
            for i in np.flatnonzero(batch.proto == 17):
                batch.datagrams(int(i), 0)
        scan = scan_chunks([chunk(part)], mode=mode, limits=limits, on_heads=take, keep_rtt_samples=True)
        results.append((scan, heads))
    (one, first), (two, second) = results
    for (name, left), (_, right) in zip(flat(one), flat(two), strict=True):
        assert np.array_equal(left, right) if isinstance(left, np.ndarray) else left == right, name
    assert first == second
print("agreed on", len(packets))
"""


def mutate(rng: random.Random, packet: bytes) -> bytes:
    """Flip, overwrite, cut, double or stretch some bytes, mostly in the headers."""
    data = bytearray(packet)
    for _ in range(rng.randint(0, 4)):
        if not data:
            break
        at = min(int(rng.expovariate(1 / 40)), len(data) - 1)
        choice = rng.randrange(5)
        if choice == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif choice == 1:
            data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, 6, 17, 4, 41, 44, 47))
        elif choice == 2:
            del data[at + rng.randrange(20) :]
        elif choice == 3:
            data[at:at] = data[at : at + rng.randint(1, 60)]
        else:
            data[at : at + 2] = rng.randbytes(2)
    return bytes(data)


def collect(corpus: Path, rng: random.Random, every: int, copies: int, per_capture: int) -> bytes:
    """Mutated packets of many captures: records of length, link type, time and bytes."""
    links = (1, 101, 0, 113, 276, 127, 105, 9, 107, 239, 192, 178)
    out = bytearray()
    for path in sorted(corpus.rglob("*.pcap*"))[rng.randrange(every) :: every]:
        try:
            with open_capture(path, mode="interpreted") as reader:
                chunk = next(iter(reader.chunks()), None)
                if chunk is None:
                    continue
                for at in range(min(chunk.count, per_capture)):
                    start = int(chunk.offset[at])
                    packet = chunk.buffer[start : start + min(int(chunk.caplen[at]), 2000)].tobytes()
                    for _ in range(copies):
                        body = mutate(rng, packet)
                        link = int(chunk.link[at]) if rng.random() < 0.97 else rng.choice(links)
                        ts = max(int(chunk.ts_ns[at]), 0) % (1 << 62) + rng.randrange(10**9)
                        out += b"".join(value.to_bytes(8, "little") for value in (len(body), link, ts)) + body
        except SourceError:
            continue
    return bytes(out)


def run(tmp_path: Path, records: bytes, *, bounds: bool) -> None:
    path = tmp_path / "packets"
    path.write_bytes(records)
    environment = {**os.environ, "NUMBA_BOUNDSCHECK": "1"} if bounds else dict(os.environ)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "agreed on" in done.stdout


def test_mutated_packets_agree(corpus, tmp_path):
    """A few thousand mutated packets give the same tables compiled and interpreted."""
    run(tmp_path, collect(corpus, random.Random(7), every=40, copies=3, per_capture=15), bounds=False)


@pytest.mark.fuzz
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(4))
def test_mutated_packets_with_bounds_checks(corpus, tmp_path, seed):
    """Hundreds of thousands of mutated packets stay inside every array (machine code made with bounds checks)."""
    run(tmp_path, collect(corpus, random.Random(seed), every=4, copies=6, per_capture=25), bounds=True)
