"""Round-trip times: what gives a sample, what must not, and which side a sample belongs to."""

from __future__ import annotations

import struct

import pytest

SYN, ACK, FIN, RST, PSH = 2, 16, 1, 4, 8
MS = 1_000_000


def segment(side: int, flags: int, seq: int, ack: int, size: int = 0, options: bytes = b"") -> bytes:
    """One Ethernet frame of a connection between 10.0.0.1:40000 (side 0) and 10.0.0.2:443 (side 1)."""
    options += b"\1" * (-len(options) % 4)
    ends = [(b"\x0a\0\0\1", 40000), (b"\x0a\0\0\2", 443)]
    (source, sport), (target, dport) = ends[side], ends[1 - side]
    tcp = struct.pack(
        "!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, (20 + len(options)) * 4, flags, 64000, 0, 0
    )
    body = tcp + options + bytes(size)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, 6, 0, source, target)
    return bytes(12) + b"\x08\0" + ip + body


@pytest.fixture
def measure(scan_frames):
    """Scan (time in ms, side, flags, seq, ack, size, options) packets, keeping every sample."""

    def run(*packets):
        frames = [segment(*packet[1:]) for packet in packets]
        times = [1_700_000_000_000_000_000 + int(packet[0] * MS) for packet in packets]
        return scan_frames(frames, times=times, keep_rtt_samples=True)

    return run


def samples(scan, side: int) -> list[float]:
    """Samples of one side in ms."""
    kept = scan.rtt_samples
    return [rtt / MS for rtt, which in zip(kept.rtt_ns.tolist(), kept.side.tolist(), strict=True) if which == side]


def handshake(start: int = 1000, other: int = 5000):
    return (
        (0, 0, SYN, start, 0),
        (30, 1, SYN | ACK, other, start + 1),
        (32, 0, ACK, start + 1, other + 1),
    )


def test_both_sides_are_kept_apart(measure):
    """The SYN measures the responder's side, the SYN/ACK the originator's."""
    scan = measure(*handshake())
    assert samples(scan, 1) == [30]
    assert samples(scan, 0) == [2]
    flows = scan.flows
    assert (flows.resp_rtt_min_ns[0], flows.orig_rtt_min_ns[0]) == (30 * MS, 2 * MS)
    assert flows.synack_ns[0] - flows.syn_ns[0] == 30 * MS
    assert flows.ack_ns[0] - flows.synack_ns[0] == 2 * MS


def test_one_sample_per_acknowledgement(measure):
    """A cumulative acknowledgement samples only the segment it ends with."""
    scan = measure(
        *handshake(),
        (40, 0, PSH | ACK, 1001, 5001, 100),
        (41, 0, PSH | ACK, 1101, 5001, 100),
        (42, 0, PSH | ACK, 1201, 5001, 100),
        (75, 1, ACK, 5001, 1301),
    )
    assert samples(scan, 1) == [30, 33]


def test_acknowledgement_inside_a_segment_gives_none(measure):
    """Only an exact segment end is unambiguous."""
    scan = measure(*handshake(), (40, 0, ACK, 1001, 5001, 100), (70, 1, ACK, 5001, 1051), (80, 1, ACK, 5001, 1101))
    assert samples(scan, 1) == [30, 40]


def test_delayed_acknowledgements_spoil_the_median_not_the_fifth_percentile(measure):
    """With 90 % of acknowledgements held back 40 ms, the transport RTT is still the path's."""
    packets = list(handshake())
    now, seq = 100.0, 1001
    for index in range(60):
        packets.append((now, 0, ACK, seq, 5001, 10))
        seq += 10
        packets.append((now + (30 if index % 10 == 0 else 70), 1, ACK, 5001, seq))
        now += 200
    scan = measure(*packets)
    assert scan.flows.resp_rtt_p5_ns[0] == 30 * MS
    assert sorted(samples(scan, 1))[30] == 70
    assert scan.flows.resp_rtt_samples[0] == 61


def test_many_samples_are_thinned_and_the_percentile_holds(measure):
    """Thousands of samples keep a bounded share; the 5th percentile stays within the low tail."""
    packets = list(handshake())
    now, seq = 100.0, 1001
    for index in range(3000):
        packets.append((now, 0, ACK, seq, 5001, 10))
        seq += 10
        packets.append((now + 20 + (index * 7919 % 100), 1, ACK, 5001, seq))
        now += 200
    flows = measure(*packets).flows
    assert flows.resp_rtt_samples[0] == 3001
    assert flows.resp_rtt_min_ns[0] == 20 * MS
    assert 20 * MS <= flows.resp_rtt_p5_ns[0] <= 32 * MS


def test_retransmission_gives_no_sample(measure):
    """Karn: the acknowledgement of bytes sent twice is ambiguous."""
    scan = measure(
        *handshake(),
        (40, 0, ACK, 1001, 5001, 100),
        (240, 0, ACK, 1001, 5001, 100),
        (270, 1, ACK, 5001, 1101),
        (300, 0, ACK, 1101, 5001, 100),
        (331, 1, ACK, 5001, 1201),
    )
    assert samples(scan, 1) == [30, 31]
    assert scan.flows.orig_retransmitted[0] == 1


def test_hole_in_the_receivers_sack_empties_the_queue(measure):
    """After a SACK block beyond the acknowledgement, what was in flight is ambiguous."""
    sack = b"\x05\x0a" + struct.pack("!II", 1101, 1201)
    scan = measure(
        *handshake(),
        (40, 0, ACK, 1001, 5001, 100),
        (41, 0, ACK, 1101, 5001, 100),
        (71, 1, ACK, 5001, 1001, 0, sack),
        (90, 1, ACK, 5001, 1201),
    )
    assert samples(scan, 1) == [30]


def test_duplicate_sack_is_no_hole(measure):
    """A D-SACK block lies below the acknowledgement and spoils nothing."""
    sack = b"\x05\x0a" + struct.pack("!II", 1001, 1101)
    scan = measure(
        *handshake(),
        (40, 0, ACK, 1001, 5001, 100),
        (41, 0, ACK, 1101, 5001, 100),
        (70, 1, ACK, 5001, 1101, 0, sack),
        (71, 1, ACK, 5001, 1201),
    )
    assert samples(scan, 1) == [30, 30, 30]


def test_sequence_numbers_wrap(measure):
    """A stream that crosses 2**32 is measured like any other."""
    start = 2**32 - 150
    packets = list(handshake(start))
    for index in range(4):
        at = 100 + 100 * index
        packets.append((at, 0, ACK, start + 1 + 100 * index, 5001, 100))
        packets.append((at + 25, 1, ACK, 5001, start + 1 + 100 * (index + 1)))
    scan = measure(*packets)
    assert samples(scan, 1) == [30, 25, 25, 25, 25]
    assert scan.flows.orig_retransmitted[0] == 0
    assert scan.flows.orig_lost_bytes[0] == 0


def test_one_sided_capture_gives_none(measure):
    """Without the other direction there is nothing to measure, and -1 says so."""
    packets = [(0, 0, SYN, 1000, 0)] + [(10 + i, 0, ACK, 1001 + 100 * i, 5001, 100) for i in range(500)]
    scan = measure(*packets)
    assert samples(scan, 0) == samples(scan, 1) == []
    flows = scan.flows
    assert (flows.orig_rtt_min_ns[0], flows.resp_rtt_min_ns[0], flows.resp_rtt_p5_ns[0]) == (-1, -1, -1)


def test_keep_alive_is_no_retransmission(measure):
    """One byte before the next expected one asks for a sign of life; it is neither sent again nor measured."""
    scan = measure(
        *handshake(),
        (40, 0, ACK, 1001, 5001, 100),
        (70, 1, ACK, 5001, 1101),
        (60_000, 0, ACK, 1100, 5001, 1),
        (60_031, 1, ACK, 5001, 1101),
    )
    assert samples(scan, 1) == [30, 30]
    assert scan.flows.orig_retransmitted[0] == 0


def test_gaps_and_late_segments(measure):
    """A segment that fills a hole within 3 ms was reordered, later it was sent again; what stays open was lost."""
    scan = measure(
        *handshake(),
        (40, 0, ACK, 1101, 5001, 100),
        (41, 0, ACK, 1001, 5001, 100),
        (50, 0, ACK, 1301, 5001, 100),
        (350, 0, ACK, 1201, 5001, 100),
        (360, 0, ACK, 1501, 5001, 100),
    )
    flows = scan.flows
    assert (flows.orig_out_of_order[0], flows.orig_retransmitted[0], flows.orig_lost_bytes[0]) == (1, 1, 100)


def stamp(value: int, echo: int) -> bytes:
    return b"\1\1\x08\x0a" + struct.pack("!II", value, echo)


def test_timestamps_give_a_second_estimate(measure):
    """The first echo of a TSval measures; a later packet with the same TSval does not shorten it."""
    scan = measure(
        (0, 0, SYN, 1000, 0, 0, stamp(100, 0)),
        (30, 1, SYN | ACK, 5000, 1001, 0, stamp(900, 100)),
        (32, 0, ACK, 1001, 5001, 0, stamp(101, 900)),
        (40, 0, ACK, 1001, 5001, 100, stamp(110, 900)),
        (60, 0, ACK, 1101, 5001, 100, stamp(110, 900)),
        (75, 1, ACK, 5001, 1101, 0, stamp(930, 110)),
        (91, 1, ACK, 5001, 1201, 0, stamp(940, 110)),
    )
    flows = scan.flows
    assert (flows.resp_ts_rtt_samples[0], flows.resp_ts_rtt_min_ns[0]) == (2, 30 * MS)
    assert (flows.orig_ts_rtt_samples[0], flows.orig_ts_rtt_min_ns[0]) == (1, 2 * MS)
    assert flows.orig_timestamps[0] == flows.resp_timestamps[0] == 1


def test_pure_acknowledgements_are_not_timed_by_timestamps(measure):
    """The echo of a packet without data comes with the application's next data, not with the path's delay."""
    scan = measure(
        (0, 0, ACK, 1000, 5000, 0, stamp(100, 800)),
        (900, 1, ACK, 5000, 1000, 50, stamp(900, 100)),
    )
    assert scan.flows.resp_ts_rtt_samples[0] == 0


def test_udp_request_and_answer(scan_frames):
    """The first answer after a packet that followed a second of silence is timed."""

    def datagram(side: int) -> bytes:
        ends = [(b"\x0a\0\0\1", 40000), (b"\x0a\0\0\2", 9000)]
        (source, sport), (target, dport) = ends[side], ends[1 - side]
        udp = struct.pack("!HHHH", sport, dport, 12, 0) + b"data"
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, source, target)
        return bytes(12) + b"\x08\0" + ip + udp

    plan = [(0, 0), (45, 1), (100, 0), (130, 1), (3000, 0), (3040, 1)]
    flows = scan_frames([datagram(side) for _, side in plan], times=[at * MS for at, _ in plan]).flows
    assert (flows.request_rtt_samples[0], flows.request_rtt_ns[0]) == (2, 40 * MS)


def test_unanswered_attempts_take_no_room(scan_frames):
    """A flood of SYNs leaves the room for round-trip times to the connections that have some."""
    from farmwatch.wire.layout import S_BLOCKS
    from farmwatch.wire.scan import ScanLimits
    from farmwatch.wire.tables import Tables

    kept = []

    class Watched(Tables):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            kept.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("farmwatch.wire.scan.Tables", Watched)
        frames = [segment(0, SYN, 1000, 0)[:34] + struct.pack("!H", 1024 + n) + segment(0, SYN, 1000, 0)[36:]
                  for n in range(500)]  # fmt: skip
        scan = scan_frames(frames, limits=ScanLimits())
    assert len(scan.flows) == 500
    assert int(kept[0].state[S_BLOCKS]) == 1


def test_lost_round_trip_times_are_counted(scan_frames):
    """When the room for segments in flight is used up, that is said."""
    from farmwatch.wire.scan import ScanLimits

    frames = []
    for port in range(8200):
        for number in range(2):
            frame = segment(0, ACK | PSH, 1000 + 100 * number, 1, 100)
            frames.append(frame[:34] + struct.pack("!H", 2000 + port) + frame[36:])
    scan = scan_frames(frames, limits=ScanLimits(rtt_blocks=1))
    assert scan.rejects == {"round-trip times not followed for lack of room": 8200 - 8191}
