"""The first bytes of each flow: reassembled, bounded, and handed out once."""

from __future__ import annotations

import random
import struct

import pytest

from farmwatch.wire.heads import HEAD_BYTES, HEAD_DATAGRAMS
from farmwatch.wire.scan import ScanLimits

DATA = bytes(random.Random(4).randbytes(20_000))


def tcp(side: int, flags: int, seq: int, payload: bytes = b"", port: int = 40000) -> bytes:
    """One Ethernet frame between 10.0.0.1:port (side 0) and 10.0.0.2:443 (side 1)."""
    ends = [(b"\x0a\0\0\1", port), (b"\x0a\0\0\2", 443)]
    (source, sport), (target, dport) = ends[side], ends[1 - side]
    body = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, 0, 0x50, flags, 64000, 0, 0) + payload
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, 6, 0, source, target)
    return bytes(12) + b"\x08\0" + ip + body


def udp(side: int, payload: bytes, port: int = 40000) -> bytes:
    ends = [(b"\x0a\0\0\1", port), (b"\x0a\0\0\2", 9000)]
    (source, sport), (target, dport) = ends[side], ends[1 - side]
    body = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, 17, 0, source, target)
    return bytes(12) + b"\x08\0" + ip + body


@pytest.fixture
def heads(scan_frames):
    """Scan and give {flow: (orig head, resp head, batch row as dict)}."""

    def run(frames, **options):
        found = {}

        def take(batch):
            for position in range(len(batch)):
                columns = {name: int(getattr(batch, name)[position]) for name in batch.__slots__ if name != "pool"}
                assert columns["flow"] not in found, "a flow was handed out twice"
                found[columns["flow"]] = (batch.head(position, 0), batch.head(position, 1), columns)

        scan_frames(frames, on_heads=take, **options)
        return found

    return run


def stream(start: int, pieces, port: int = 40000):
    """A SYN and segments (offset, end) of DATA."""
    return [tcp(0, 2, start - 1, port=port)] + [tcp(0, 16, start + a, DATA[a:b], port) for a, b in pieces]


def test_in_order(heads):
    """Segments join; who spoke first is told."""
    orig, resp, row = heads(stream(1000, [(0, 500), (500, 900)]))[0]
    assert orig == DATA[:900]
    assert resp == b""
    assert row["first_side"] == 0
    assert (row["orig_truncated"], row["orig_midstream"]) == (0, 0)


@pytest.mark.parametrize("seed", range(20))
def test_any_order_with_repeats(heads, seed):
    """Shuffled neighbours, repeats and overlaps give the same bytes."""
    rng = random.Random(seed)
    start = rng.choice([1, 2**32 - 700, 2**31 - 20])
    pieces, at = [], 0
    while at < 3000:
        size = rng.randint(1, 400)
        pieces.append((max(at - rng.randint(0, 30), 0), at + size))
        at += size
    for index in range(len(pieces) - 1):
        if rng.random() < 0.3:
            pieces[index], pieces[index + 1] = pieces[index + 1], pieces[index]
    pieces += [pieces[rng.randrange(len(pieces))] for _ in range(3)]
    orig, _, row = heads(stream(start, pieces))[0]
    assert orig == DATA[:at]
    assert row["orig_truncated"] == 0


def test_gap_ends_the_head(heads):
    """Bytes beyond a gap are not part of the head, and the head says so."""
    orig, _, row = heads(stream(1000, [(0, 100), (200, 300)]))[0]
    assert orig == DATA[:100]
    assert row["orig_truncated"] == 1


def test_more_than_eight_kilobytes(heads):
    """A head ends at its limit, which is not a truncation."""
    orig, _, row = heads(stream(1000, [(i, i + 1448) for i in range(0, 14480, 1448)]))[0]
    assert orig == DATA[:HEAD_BYTES]
    assert row["orig_truncated"] == 0


def test_packet_cut_by_the_snap_length(heads):
    """What the capture cut off is a gap."""
    frames = stream(1000, [(0, 1000), (1000, 1100)])
    whole = [len(frame) for frame in frames]
    frames[1] = frames[1][:200]
    orig, _, row = heads(frames, wire=whole)[0]
    assert orig == DATA[: 200 - 54]
    assert row["orig_truncated"] == 1


def test_midstream(heads):
    """Without the SYN the head starts at the first segment seen and is marked."""
    orig, resp, row = heads([tcp(0, 16, 777, b"abc"), tcp(1, 16, 999, b"xyz"), tcp(0, 16, 780, b"def")])[0]
    assert (orig, resp) == (b"abcdef", b"xyz")
    assert row["orig_midstream"] == row["resp_midstream"] == 1


def test_data_in_the_syn(heads):
    """Fast Open: payload of the SYN comes first."""
    orig, _, _ = heads([tcp(0, 2, 99, b"abc"), tcp(0, 16, 103, b"def")])[0]
    assert orig == b"abcdef"


def test_closed_flows_are_handed_out_before_the_end(heads):
    """Many short flows need no more room than a few: closed ones are handed out and their room reused."""
    frames = []
    for port in range(1, 3001):
        frames += [tcp(0, 2, 9, port=port), tcp(0, 16, 10, DATA[:3000], port), tcp(0, 4, 3010, port=port)]
    found = heads(frames, limits=ScanLimits(head_bytes=1 << 20), chunk=500)
    assert len(found) == 3000
    assert all(orig == DATA[:3000] and not row["orig_truncated"] for orig, _, row in found.values())


def test_open_flows_beyond_the_room_are_handed_out_as_they_are(heads):
    """When open flows fill the room, all are handed out and later flows get the room."""
    frames = [frame for port in range(1, 301) for frame in stream(10, [(0, 1400)], port)]
    found = heads(frames, limits=ScanLimits(head_bytes=64 << 10))
    assert len(found) == 300
    assert all(orig == DATA[:1400] for orig, _, _ in found.values())


def test_datagram_boundaries(scan_frames):
    """UDP heads keep each datagram with time and packet number, up to sixteen per direction."""
    frames = [udp(0, DATA[i : i + 20 + i]) for i in range(20)] + [udp(1, b"answer")]
    times = [5_000_000_000 + i for i in range(21)]
    batches = []
    scan_frames(
        frames,
        times=times,
        on_heads=lambda batch: batches.append((batch.datagrams(0, 0), batch.datagrams(0, 1), int(batch.first_side[0]))),
    )
    ((sent, answered, first),) = batches
    assert [datagram.payload for datagram in sent] == [DATA[i : i + 20 + i] for i in range(HEAD_DATAGRAMS)]
    assert [datagram.ts_ns for datagram in sent] == times[:HEAD_DATAGRAMS]
    assert [datagram.packet for datagram in sent] == list(range(1, HEAD_DATAGRAMS + 1))
    assert [datagram.payload for datagram in answered] == [b"answer"]
    assert first == 0


def test_large_datagrams_stop_at_the_limit(scan_frames):
    """No direction keeps more than 8 KiB, and a cut datagram tells its size."""
    batches = []
    frames = [udp(0, DATA[:3000]) for _ in range(5)]
    scan_frames(frames, on_heads=lambda batch: batches.append((batch.datagrams(0, 0), int(batch.orig_length[0]))))
    ((sent, length),) = batches
    assert length <= HEAD_BYTES
    assert [len(datagram.payload) for datagram in sent] == [3000, 3000, HEAD_BYTES - 60 - 6000]
    assert sent[2].wire_bytes == 3000


def test_no_callback_keeps_nothing(scan_frames):
    """Without a taker no bytes are kept."""
    scan = scan_frames(stream(1000, [(0, 500)]))
    assert scan.flows.orig_head_bytes[0] == 0
