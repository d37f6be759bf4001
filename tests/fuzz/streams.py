"""TCP streams that no honest system sends, through the second pass: ``python -m tests.fuzz.streams FIRST COUNT``."""

from __future__ import annotations

import dataclasses
import random
import struct
import sys

import numpy as np

from farmwatch.wire.packets import PacketChunk
from farmwatch.wire.scan import scan_chunks
from farmwatch.wire.series import Series, SeriesLimits, read_series, wanted_flows

__all__ = ["check", "hostile_packets", "main"]

_FLAGS = (16, 16, 16, 24, 24, 2, 18, 17, 20, 4, 0)


def _records(rng: random.Random, *, sound: bool) -> bytes:
    """A stream of TLS records, some of them impossible unless it is to be sound."""
    out = bytearray()
    while sound and len(out) < 20_000:
        length = rng.choice((1, 40, 40, 300, 2000))
        out += struct.pack("!BHH", rng.choice((20, 21, 22, 23)), 0x0303, length) + rng.randbytes(length)
    while len(out) < 20_000:
        length = rng.choice((0, 1, 40, 40, 120, 1400, 9000, 16_000, 18_432, 18_433, 65_535))
        kind = rng.choice((20, 21, 22, 23, 23, 23, 24, 25, 0))
        out += struct.pack("!BBBH", kind, rng.choice((3, 3, 3, 3, 3, 2)), rng.choice((0, 1, 3, 4, 5)), length)
        out += rng.randbytes(min(length, rng.choice((length, 5, 300))))
    return bytes(out)


def hostile_packets(rng: random.Random) -> list[tuple[int, bytes]]:
    """Times and Ethernet frames of a few connections: overlaps, gaps, jumps, wrap-around, cut packets, odd headers."""
    tame = rng.random() < 0.4
    streams = [_records(rng, sound=tame) if tame or rng.random() < 0.7 else rng.randbytes(20_000) for _ in range(4)]
    bases = [rng.choice((1, 0xFFFFFF00, 0x7FFFFFF0, rng.getrandbits(32))) for _ in range(4)]
    places = [0] * 4
    clock = 1_700_000_000_000_000_000
    packets = []
    for _ in range(rng.randint(20, 220)):
        one = rng.randrange(4)
        size = rng.choice((0, 0, 1, 4, 5, 6, 60, 500, 1448, 4000))
        jump = (
            0
            if tame and rng.random() < 0.9
            else rng.choice((0, 0, 0, 0, 0, size, -size, 1, -1, 700, -2000, 9000, 1 << 20, 1 << 31))
        )
        at = max(places[one] + jump, 0)
        data = streams[one][at % 20_000 :][:size]
        if jump in (0, size):
            places[one] = at + len(data)
        ack = bases[one ^ 1] + places[one ^ 1] + rng.choice((0, 0, 0, -500, 3000, 1 << 30))
        seq = (bases[one] + at) & 0xFFFFFFFF
        ends = [(bytes((10, 0, 0, 1 + one // 2)), 40_000), (b"\x0a\0\0\x09", 443)]
        (source, sport), (target, dport) = ends[one % 2], ends[1 - one % 2]
        flags = rng.choice(_FLAGS[:3] if tame or rng.random() < 0.8 else _FLAGS)
        tcp = struct.pack("!HHIIBBHHH", sport, dport, seq, ack & 0xFFFFFFFF, 0x50, flags, 9000, 0, 0) + data
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, source, target)
        frame = bytes(12) + b"\x08\0" + ip + tcp
        if rng.random() < 0.1:
            frame = frame[: rng.randrange(len(frame))]
        clock += rng.choice((0, 1, 1_000_000, 40_000_000, 20_000_000_000, -5_000_000))
        packets.append((clock, frame))
    return packets


def check(rng: random.Random) -> Series:
    """Both ways over one set of packets; raises AssertionError where something does not hold."""
    packets = hostile_packets(rng)
    sizes = np.array([len(frame) for _, frame in packets], np.int64)
    chunk = PacketChunk(
        np.frombuffer(b"".join(frame for _, frame in packets) + b"\0", np.uint8), 1, len(packets),
        np.cumsum(sizes) - sizes, sizes, sizes, np.array([ts for ts, _ in packets], np.int64),
        np.ones(len(packets), np.int64),
    )  # fmt: skip
    flows = scan_chunks([chunk], mode="interpreted").flows
    wanted = wanted_flows(flows, np.arange(len(flows)))
    limits = SeriesLimits(rows_per_flow=rng.choice((5, 60_000)), rows=rng.choice((12, 6_000)))
    one, two = (read_series([chunk], wanted, mode=mode, limits=limits) for mode in ("compiled", "interpreted"))
    for field in dataclasses.fields(Series):
        assert np.array_equal(getattr(one, field.name), getattr(two, field.name)), field.name
    assert one.differing == 0
    assert len(one) <= limits.rows
    assert one.of_rows.max(initial=0) <= limits.rows_per_flow
    assert int(one.of_rows.sum()) == len(one)
    segments = one.unit == 0
    for row, flow in enumerate(one.of_flow.tolist()):
        for side, name in enumerate(("orig", "resp")):
            own = int(one.size[segments & (one.flow == flow) & (one.side == side)].sum())
            assert own <= int(getattr(flows, f"{name}_payload_bytes")[flow]), "more new bytes than bytes"
        assert one.of_left_out[row] >= 0
    return one


def main(first: int, count: int) -> int:
    """Run seeds; the exit code says whether all held."""
    rows = framed = 0
    for seed in range(first, first + count):
        try:
            series = check(random.Random(seed))
        except AssertionError as error:
            sys.stdout.write(f"seed {seed}: {error}\n")
            return 1
        rows += len(series)
        framed += int(series.of_framed.sum())
    assert rows, "no stream gave any row"
    sys.stdout.write(f"held {count} streams, {rows} rows, {framed} framed flows\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
