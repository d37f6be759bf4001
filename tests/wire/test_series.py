"""The second pass: one row per segment, record and datagram of the wanted flows, as tshark sees them."""

from __future__ import annotations

import dataclasses
import struct
import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farmwatch.wire.packets import PacketChunk
from farmwatch.wire.scan import scan_chunks
from farmwatch.wire.series import Series, SeriesLimits, read_series, wanted_flows
from tests.wire.second_pass import series_of_capture

SYN, ACK, RST = 2, 16, 4
MS = 1_000_000
START = 1_700_000_000_000_000_000
PCAPS = Path(__file__).parents[2] / "pcaps"


def segment(side: int, seq: int, data: bytes = b"", ack: int = 0, flags: int = ACK, *, port: int = 40000) -> bytes:
    """One Ethernet frame of a connection between 10.0.0.1 (side 0) and 10.0.0.2:443 (side 1)."""
    ends = [(b"\x0a\0\0\1", port), (b"\x0a\0\0\2", 443)]
    (source, sport), (target, dport) = ends[side], ends[1 - side]
    tcp = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 64000, 0, 0)
    body = tcp + data
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, 6, 0, source, target)
    return bytes(12) + b"\x08\0" + ip + body


def tls(length: int, kind: int = 23, filler: int = 0xAA) -> bytes:
    return struct.pack("!BHH", kind, 0x0303, length) + bytes([filler]) * length


def chunks_of(frames: list[bytes], times: list[int] | None = None, cut: int = 1 << 16) -> list[PacketChunk]:
    """The frames a millisecond apart, cut to ``cut`` captured bytes, as two chunks."""
    stamps = times or [START + number * MS for number in range(len(frames))]
    found = []
    for first in range(0, len(frames), max(len(frames) // 2, 1)):
        part = frames[first : first + max(len(frames) // 2, 1)]
        kept = [frame[:cut] for frame in part]
        sizes = np.array([len(frame) for frame in kept], np.int64)
        found.append(
            PacketChunk(
                np.frombuffer(b"".join(kept), np.uint8), first + 1, len(part), np.cumsum(sizes) - sizes, sizes,
                np.array([len(frame) for frame in part], np.int64),
                np.array(stamps[first : first + len(part)], np.int64), np.ones(len(part), np.int64),
            )
        )  # fmt: skip
    return found


def series_of(
    frames: list[bytes], *, times: list[int] | None = None, cut: int = 1 << 16, rows=None, mode="interpreted", **limits
) -> Series:
    chunks = chunks_of(frames, times, cut)
    flows = scan_chunks(chunks, mode="interpreted").flows
    wanted = wanted_flows(flows, np.arange(len(flows)) if rows is None else np.array(rows))
    return read_series(chunks, wanted, mode=mode, limits=SeriesLimits(**limits))


def listed(series: Series, unit: int) -> list[tuple[int, int, int]]:
    """(millisecond, side, size) of the rows of one unit."""
    return [
        ((ts - START) // MS, side, size)
        for ts, side, size, one in zip(
            series.ts_ns.tolist(), series.side.tolist(), series.size.tolist(), series.unit.tolist(), strict=True
        )
        if one == unit
    ]


def test_segments_of_both_sides():
    """Payload packets give a row each, with time and side; acknowledgements alone give none."""
    frames = [
        segment(0, 100, flags=SYN),
        segment(1, 500, flags=SYN | ACK, ack=101),
        segment(0, 101, b"x" * 10, ack=501),
        segment(1, 501, ack=111),
        segment(1, 501, b"y" * 300, ack=111),
    ]
    series = series_of(frames)
    assert listed(series, 0) == [(2, 0, 10), (4, 1, 300)]
    assert (series.n.tolist(), series.flow.tolist()) == ([0, 1], [0, 0])
    assert (series.of_flow.tolist(), series.of_rows.tolist(), series.differing) == ([0], [2], 0)
    assert not series.of_framed.any()


def test_only_new_bytes_count():
    """A retransmission gives nothing, a partly old segment its new part, a keep-alive nothing."""
    frames = [
        segment(0, 101, b"x" * 100),
        segment(0, 101, b"x" * 100),
        segment(0, 151, b"x" * 100),
        segment(0, 250, b"\0"),
        segment(0, 251, b"x" * 5),
    ]
    assert listed(series_of(frames), 0) == [(0, 0, 100), (2, 0, 50), (4, 0, 5)]


def test_late_segments_fill_their_gaps():
    """Segments out of order are new when they come, once; so is each part of a gap."""
    frames = [
        segment(0, 1, b"a" * 100),
        segment(0, 401, b"e" * 100),
        segment(0, 201, b"c" * 100),
        segment(0, 201, b"c" * 100),
        segment(0, 51, b"b" * 200),
        segment(0, 1, b"z" * 500),
        segment(0, 1, b"z" * 500),
    ]
    assert [size for _, _, size in listed(series_of(frames), 0)] == [100, 100, 100, 100, 100]


def test_sequence_numbers_wrap_around():
    """The stream goes on over 2**32, gaps and repetitions included."""
    base = (1 << 32) - 150
    frames = [
        segment(0, base, b"a" * 100),
        segment(0, base + 200, b"c" * 100),
        segment(0, base + 100, b"b" * 100),
        segment(0, base + 100, b"b" * 100),
        segment(0, base + 300, tls(5)),
    ]
    assert [size for _, _, size in listed(series_of(frames), 0)] == [100, 100, 100, 10]


def test_resets_do_not_count():
    """The text of a reset is no data."""
    assert listed(series_of([segment(0, 1, b"a"), segment(0, 2, b"reason", flags=RST | ACK)]), 0) == [(0, 0, 1)]


def test_records_of_a_stream():
    """Each TLS record is a row at the packet that completes it: several in one, one over several, split headers."""
    stream = tls(100, 22) + tls(1, 20) + tls(40) + tls(300) + tls(7, 21)
    cuts = [0, 105 + 6 + 45, 105 + 6 + 45 + 3, 105 + 6 + 45 + 200, len(stream)]
    frames = [segment(0, 1 + a, stream[a:b]) for a, b in pairwise(cuts)]
    series = series_of(frames)
    assert listed(series, 1) == [(0, 0, 100), (0, 0, 1), (0, 0, 40), (3, 0, 300), (3, 0, 7)]
    assert series.content_type[series.unit == 1].tolist() == [22, 20, 23, 23, 21]
    assert (series.of_framed.tolist(), series.of_breaks.tolist()) == ([True], [0])
    assert len(listed(series, 0)) == 4


def test_records_behind_another_greeting():
    """A stream that turns to TLS after some words in clear (RDP, STARTTLS) is framed from there on."""
    greeting = b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\x0b\0\0\0"
    stream = tls(200, 22) + tls(300) * 4
    frames = [segment(0, 1, greeting), segment(0, 1 + len(greeting), stream)]
    series = series_of(frames)
    assert series.of_framed.tolist() == [True]
    assert [size for _, _, size in listed(series, 1)] == [200, 300, 300, 300, 300]


def test_a_stream_of_other_bytes_has_segments_only():
    """What looks like a record here and there is no chain of records: the flow is not framed, no record is a row."""
    frames = [segment(0, 1 + 105 * n, (tls(50) if n % 5 == 0 else b"SSH-2.0-x" * 7)[:55].ljust(105)) for n in range(20)]
    series = series_of(frames)
    assert series.of_framed.tolist() == [False]
    assert set(series.unit.tolist()) == {0}
    assert len(series) == 20


def test_a_late_segment_completes_its_record():
    """Records that had to wait for a missing segment are complete when that comes."""
    stream = tls(50) * 4
    cuts = [0, 55, 80, 165, 220]
    parts = [segment(0, 1 + a, stream[a:b]) for a, b in pairwise(cuts)]
    series = series_of([parts[0], parts[2], parts[3], parts[1]])
    assert listed(series, 1) == [(0, 0, 50), (3, 0, 50), (3, 0, 50), (3, 0, 50)]
    assert series.of_breaks.tolist() == [0]


def test_a_gap_that_was_acknowledged_is_not_waited_for():
    """A segment the capture missed: the chain goes on at the next header in sight, and the break is counted."""
    stream = tls(50) * 6
    frames = [segment(0, 1 + 55 * n, stream[55 * n : 55 * n + 55]) for n in range(6)]
    frames[2:3] = []
    frames.insert(4, segment(1, 900, ack=1 + 55 * 5))
    series = series_of(frames)
    assert listed(series, 1) == [(0, 0, 50), (1, 0, 50), (2, 0, 50), (3, 0, 50), (5, 0, 50)]
    assert (series.of_framed.tolist(), series.of_breaks.tolist()) == ([True], [1])


def test_a_gap_inside_a_body_breaks_nothing():
    """Missing bytes of a record's body leave its length and the next header known."""
    stream = tls(3000) + tls(60)
    frames = [
        segment(0, 1, stream[:1000]),
        segment(0, 2001, stream[2000:]),
        segment(1, 900, ack=1 + len(stream)),
    ]
    series = series_of(frames)
    assert listed(series, 1) == [(1, 0, 3000), (1, 0, 60)]
    assert series.of_breaks.tolist() == [0]


def test_nothing_is_waited_for_in_vain():
    """One side alone, no acknowledgements: what waits is read at the end, with its own time."""
    stream = tls(50) * 3
    frames = [segment(0, 1, stream[:55]), segment(0, 111, stream[110:]), segment(0, 166, tls(9))]
    series = series_of(frames)
    assert listed(series, 1) == [(0, 0, 50), (1, 0, 50), (2, 0, 9)]


def test_packets_cut_short():
    """Bodies that were not captured do no harm; headers that were not end the chain there."""
    frames = [segment(0, 1 + 305 * n, tls(300)) for n in range(6)]
    assert len(listed(series_of(frames, cut=96), 1)) == 6
    doubled = [segment(0, 1 + 610 * n, tls(300) * 2) for n in range(6)]
    assert not series_of(doubled, cut=96).of_framed.any()


def test_the_next_connection_is_another_flow():
    """Connections between the same ports follow each other; each has its own rows, whoever is wanted."""
    frames = []
    for number in range(4):
        base = 1000 * number
        frames += [segment(0, base, flags=SYN), segment(1, 77 + base, flags=SYN | ACK, ack=base + 1)]
        frames += [segment(0, base + 1, bytes(10 + number), ack=78 + base)]
    for rows in ([0, 1, 2, 3], [1, 3], [2]):
        series = series_of(frames, rows=rows)
        assert (series.flow.tolist(), series.size.tolist()) == (rows, [10 + row for row in rows])
        assert series.differing == 0


def test_datagrams():
    """Every datagram with payload is a row, repetitions included."""
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + 5, 0, 0, 64, 17, 0, b"\x0a\0\0\1", b"\x0a\0\0\2")
    frame = bytes(12) + b"\x08\0" + ip + struct.pack("!HHHH", 5000, 6000, 13, 0) + b"12345"
    series = series_of([frame, frame])
    assert listed(series, 2) == [(0, 0, 5), (1, 0, 5)]


def test_a_clock_that_goes_back():
    """Rows of a flow are in order of time even where the capture is not."""
    frames = [segment(0, 1 + 10 * n, b"0123456789") for n in range(4)]
    series = series_of(frames, times=[START + n * MS for n in (0, 2, 1, 3)])
    assert [at for at, _, _ in listed(series, 0)] == [0, 1, 2, 3]
    assert series.n.tolist() == [0, 1, 2, 3]


def test_rows_are_bounded():
    """The first rows of a flow are kept, in all no more than there is room for, and what was cut is said by flow."""
    frames = [segment(0, 1 + n, b"x", port=40000 + port) for n in range(50) for port in range(3)]
    series = series_of(frames, rows_per_flow=20)
    assert (series.of_rows.tolist(), series.of_left_out.tolist()) == ([20] * 3, [30] * 3)
    assert max(listed(series, 0))[0] == 59


def test_memory_does_not_grow_with_the_capture():
    """Four times the packets need the same memory while they are read."""
    frames = [segment(0, 1 + n, b"x", port=40000 + n % 30) for n in range(3000)]
    [one, two] = chunks_of(frames)
    wanted = wanted_flows(scan_chunks([one, two], mode="interpreted").flows, np.arange(30))
    peaks = []
    for times in (1, 4):
        tracemalloc.start()
        chunks = (chunk for _ in range(times) for chunk in (one, two))
        read_series(chunks, wanted, mode="interpreted", limits=SeriesLimits(rows=500))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 100_000
    assert max(peaks) < 40 << 20


def test_room_is_shared_fairly():
    """Where not everything fits, short flows are kept whole and long ones cut alike."""
    frames = [segment(0, 1 + n, b"x", port=40000 + port) for n in range(60) for port in range(3)]
    frames += [segment(0, 1 + n, b"x", port=50000) for n in range(4)]
    chunks = chunks_of(frames)
    flows = scan_chunks(chunks, mode="interpreted").flows
    limits = SeriesLimits(rows=100)
    series = read_series(chunks, wanted_flows(flows, np.arange(4)), mode="interpreted", limits=limits)
    assert series.of_rows.tolist()[3] == 4
    assert len(set(series.of_rows.tolist()[:3])) == 1
    assert 60 < len(series) <= 100


def test_more_flows_than_wanted():
    """Flows beyond the limit are not looked at."""
    frames = [segment(0, 1, b"x", port=40000 + port) for port in range(9)]
    assert series_of(frames, flows=4).of_flow.tolist() == [0, 1, 2, 3]


def test_another_file_is_noticed():
    """A flow of which other packets come than the first time has no series, and is counted."""
    frames = [segment(0, 1 + n, b"x", port=40000 + n % 2) for n in range(20)]
    flows = scan_chunks(chunks_of(frames), mode="interpreted").flows
    wanted = wanted_flows(flows, np.arange(2))
    series = read_series(chunks_of(frames[:10] + frames[11:]), wanted, mode="interpreted")
    assert series.differing == 2 - len(series.of_flow)
    assert series.differing > 0
    assert set(series.flow.tolist()) == set(series.of_flow.tolist())


def equal(one: Series, two: Series) -> None:
    for field in dataclasses.fields(Series):
        left, right = getattr(one, field.name), getattr(two, field.name)
        assert np.array_equal(left, right), field.name


@pytest.mark.parametrize("path", sorted(PCAPS.glob("*.pcap")), ids=lambda path: path.stem)
def test_both_ways_of_running_agree(path):
    """Interpreted and compiled kernels give the same rows, and find every packet of pass one again."""
    (_, one), (_, two) = (series_of_capture(path, mode) for mode in ("interpreted", "compiled"))
    equal(one, two)
    assert one.differing == 0


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_cutting_a_stream_differently_gives_the_same_records(data):
    """However a stream is cut into segments, repeated and reordered a little, its records are the same, in order."""
    lengths = data.draw(st.lists(st.integers(1, 2500), min_size=2, max_size=25))
    kinds = [data.draw(st.sampled_from((20, 21, 22, 23, 24))) for _ in lengths]
    stream = b"".join(tls(length, kind, kind) for length, kind in zip(lengths, kinds, strict=True))
    cuts = sorted({0, len(stream), *data.draw(st.lists(st.integers(1, len(stream) - 1), max_size=30))})
    base = data.draw(st.sampled_from((1, (1 << 32) - 700)))
    parts = [segment(0, base + a, stream[a:b]) for a, b in pairwise(cuts)]
    order = list(range(1, len(parts)))
    for at in data.draw(st.lists(st.integers(0, max(len(order) - 2, 0)), max_size=6)):
        if at + 1 < len(order):
            order[at], order[at + 1] = order[at + 1], order[at]
    again = data.draw(st.lists(st.sampled_from(order), max_size=4)) if order else []
    frames = [segment(0, base - 1, flags=SYN), parts[0], *(parts[n] for n in order), *(parts[n] for n in again)]
    series = series_of(frames)
    rows = series.unit == 1
    assert series.size[rows].tolist() == lengths
    assert series.content_type[rows].tolist() == kinds
    assert series.size[series.unit == 0].sum() == len(stream)
    assert (series.of_framed.tolist(), series.of_breaks.tolist()) == ([True], [0])
