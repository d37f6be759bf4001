"""The framing kernels of both formats, interpreted and compiled, against files written field by field."""

from __future__ import annotations

import io
import itertools
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farmwatch.wire.framing import TS_LIMIT_SECONDS
from farmwatch.wire.jit import compiled
from farmwatch.wire.pcap import PCAP_MAGICS, read_pcap_header
from farmwatch.wire.pcapng import INTERFACE_WIDTH, clock, set_clock
from farmwatch.wire.source import CaptureReader, Mode, open_capture

GIGA = 1_000_000_000
slow_is_fine = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@dataclass(frozen=True)
class Packet:
    """What a packet must read back as."""

    ts_ns: int
    data: bytes
    wirelen: int
    link: int


def read(content: bytes, mode: Mode, **options: Any) -> tuple[list[Packet], CaptureReader]:
    """Every packet of a capture held in memory, and the exhausted reader."""
    reader = open_capture(io.BytesIO(content), mode=mode, **options)
    packets: list[Packet] = []
    for chunk in reader.chunks():
        assert chunk.first_packet == len(packets) + 1
        columns = (chunk.ts_ns, chunk.offset, chunk.caplen, chunk.wirelen, chunk.link)
        assert all(len(column) == chunk.count for column in columns)
        for ts, offset, caplen, wirelen, link in zip(*(column.tolist() for column in columns), strict=True):
            assert offset >= 0
            assert offset + caplen <= len(chunk.buffer)
            packets.append(Packet(ts, chunk.buffer[offset : offset + caplen].tobytes(), wirelen, link))
    assert reader.packets == len(packets)
    return packets, reader


def pcap(
    records: list[tuple[int, int, bytes, int]], order: str = "<", magic: int = 0xA1B2C3D4,
    version: tuple[int, int] = (2, 4), snaplen: int = 65_535, network: int = 1, extra: int = 0,
) -> bytes:  # fmt: skip
    """A pcap file of (seconds, fraction, data, original length) with so many extra record header bytes."""
    out = [struct.pack(order + "IHHiIII", magic, *version, 0, 0, snaplen, network)]
    out.append(b"\xee" * (PCAP_MAGICS[magic][1] - 24))
    for seconds, fraction, data, original in records:
        out.append(struct.pack(order + "IIII", seconds, fraction, len(data), original) + b"\0" * extra + data)
    return b"".join(out)


def block(order: str, kind: int, body: bytes) -> bytes:
    """A pcapng block with padding and both lengths."""
    body += b"\0" * (-len(body) % 4)
    total = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + total + body + total


def option(order: str, code: int, value: bytes) -> bytes:
    """One pcapng option, padded."""
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def section(order: str) -> bytes:
    """A section header block."""
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order: str, link: int = 1, snaplen: int = 0, options: bytes = b"") -> bytes:
    """An interface description block."""
    return block(order, 1, struct.pack(order + "HHI", link, 0, snaplen) + options)


def enhanced(order: str, number: int, ticks: int, data: bytes, wirelen: int) -> bytes:
    """An enhanced packet block."""
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), wirelen)
    return block(order, 6, head + data)


def expected_ts(ticks: int, resolution: int, offset: int) -> int:
    """Nanoseconds by exact arithmetic, clamped as documented."""
    per_second = 2 ** (resolution & 127) if resolution & 128 else 10 ** (resolution & 127)
    total = Fraction(ticks * GIGA, per_second).__floor__()
    seconds = total // GIGA + offset
    if abs(seconds) > TS_LIMIT_SECONDS:
        return TS_LIMIT_SECONDS * GIGA * (1 if seconds > 0 else -1)
    return seconds * GIGA + total % GIGA


modes = pytest.mark.parametrize("mode", ["interpreted", "compiled"])
orders = pytest.mark.parametrize("order", ["<", ">"])
packet_bytes = st.binary(min_size=1, max_size=120)


@st.composite
def sound_records(draw: st.DrawFn, per_second: int) -> list[tuple[int, int, bytes, int]]:
    """Records as a capture program writes them: any time, any data, original length not below the captured one."""
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 2**32 - 1), st.integers(0, per_second - 1), st.binary(max_size=120), st.integers(0, 9000)
            ),
            max_size=30,
        )
    )
    return [(seconds or 1, fraction, data, len(data) + more) for seconds, fraction, data, more in rows]


@modes
@slow_is_fine
@given(data=st.data())
def test_pcap_reads_back_as_written(mode: Mode, data: st.DataObject) -> None:
    """Any records in any byte order, resolution and chunking come back field by field, undamaged."""
    order = data.draw(st.sampled_from("<>"))
    magic = data.draw(st.sampled_from([0xA1B2C3D4, 0xA1B23C4D, 0x1C0001AB, 0x1C0001AC]))
    tick = PCAP_MAGICS[magic][0]
    records = data.draw(sound_records(GIGA // tick))
    upper = data.draw(st.sampled_from([0, 0x24000000, 0xF4000000]))
    content = pcap(records, order, magic, network=upper | 113)
    packets, reader = read(
        content, mode, block_bytes=data.draw(st.sampled_from([64, 1000, 1 << 20])), chunk_packets=data.draw(
            st.sampled_from([1, 3, 1000])
        ),
    )  # fmt: skip
    assert packets == [Packet(s * GIGA + f * tick, body, wire, 113) for s, f, body, wire in records]
    assert reader.kind == "pcap"
    assert reader.complete
    times = [packet.ts_ns for packet in packets]
    assert reader.first_ts_ns == min(times, default=None)
    assert reader.last_ts_ns == max(times, default=None)
    assert reader.timestamps_backwards == sum(b < a for a, b in itertools.pairwise(times))


@modes
@slow_is_fine
@given(data=st.data())
def test_pcapng_reads_back_as_written(mode: Mode, data: st.DataObject) -> None:
    """Sections of either byte order, interfaces with any clock, and every block kind come back as written."""
    out: list[bytes] = []
    expected: list[Packet] = []
    last = 0
    for _ in range(data.draw(st.integers(1, 3))):
        order = data.draw(st.sampled_from("<>"))
        out.append(section(order))
        clocks: list[tuple[int, int, int, int]] = []
        for _ in range(data.draw(st.integers(1, 3))):
            link, snaplen = data.draw(st.sampled_from([0, 1, 101, 276, 65535])), data.draw(st.sampled_from([0, 50]))
            resolution, offset = data.draw(st.integers(0, 255)), data.draw(st.integers(-(2**63), 2**63 - 1))
            options = option(order, 2, b"eth0") + option(order, 9, bytes([resolution])) + option(order, 13, b"\4")
            options += option(order, 14, struct.pack(order + "q", offset)) + option(order, 0, b"")
            out.append(interface(order, link, snaplen, options))
            clocks.append((link, snaplen, resolution, offset))
        for _ in range(data.draw(st.integers(0, 12))):
            kind = data.draw(st.sampled_from(["enhanced", "enhanced", "old", "simple", "unknown", "names"]))
            body, more = data.draw(packet_bytes), data.draw(st.integers(0, 5000))
            number, ticks = data.draw(st.integers(0, len(clocks) - 1)), data.draw(st.integers(0, 2**64 - 1))
            link, snaplen, resolution, offset = clocks[number]
            wire = len(body) + more
            if kind == "unknown":
                out.append(block(order, data.draw(st.sampled_from([5, 9, 10, 0xBAD, 0x7FFFFFFF])), body))
                continue
            if kind == "names":
                record = struct.pack(order + "HH", 1, 11) + b"\x0a\0\0\7laptop\0\0" + b"\0\0\0\0"
                out.append(block(order, 4, record))
                continue
            if kind == "simple":
                link, snaplen, _, _ = clocks[0]
                wire = len(body) + (more if len(body) == snaplen else 0)
                captured = min(len(body), snaplen) if snaplen else len(body)
                out.append(block(order, 3, struct.pack(order + "I", wire) + body))
                expected.append(Packet(last, body[:captured], wire, link))
                continue
            last = expected_ts(ticks, resolution, offset)
            if kind == "old":
                head = struct.pack(order + "HHIIII", number, 7, ticks >> 32, ticks & 0xFFFFFFFF, len(body), wire)
                out.append(block(order, 2, head + body))
            else:
                out.append(enhanced(order, number, ticks, body, wire))
            expected.append(Packet(last, body, wire, link))
    packets, reader = read(b"".join(out), mode, block_bytes=data.draw(st.sampled_from([64, 1000, 1 << 20])))
    assert packets == expected
    assert reader.kind == "pcapng"
    assert all("time stamps lie outside" in one.reason for one in reader.damage)
    assert reader.interface_names == ["eth0"]
    assert set(reader.names.items()) <= {("10.0.0.7", "laptop")}


@pytest.mark.parametrize("run", [clock, compiled(clock)], ids=["interpreted", "compiled"])
@settings(max_examples=400, deadline=None)
@given(ticks=st.integers(0, 2**64 - 1) | st.integers(0, 2**40), resolution=st.integers(0, 255))
def test_clock_is_exact(run: Any, ticks: int, resolution: int) -> None:
    """Every if_tsresol gives the floor of the exact quotient, or reports a time beyond what is kept."""
    row = np.zeros(INTERFACE_WIDTH, np.int64)
    set_clock(memoryview(row), 0, resolution)
    seconds, fraction = run(ticks >> 32, ticks & 0xFFFFFFFF, int(row[2]), int(row[3]), int(row[4]))
    per_second = 2 ** (resolution & 127) if resolution & 128 else 10 ** (resolution & 127)
    exact = Fraction(ticks * GIGA, per_second).__floor__()
    if exact // GIGA > TS_LIMIT_SECONDS:
        assert seconds > TS_LIMIT_SECONDS
    else:
        assert (seconds, fraction) == divmod(exact, GIGA)


@pytest.mark.parametrize(("magic", "extra"), [(0xA1B2C3D4, 8), (0xA1B2C3D4, 4), (0xA1B2CD34, 8), (0xA1B2CD34, 12)])
@orders
def test_longer_record_headers_are_told_by_their_chain(magic: int, extra: int, order: str) -> None:
    """Kuznetzov's, Red Hat's and Nokia's longer record headers are found though no field announces them."""
    records = [(1_000_000 + i, i, bytes(range(60 + i)), 60 + i) for i in range(10)]
    packets, reader = read(pcap(records, order, magic, extra=extra), "interpreted")
    assert [packet.data for packet in packets] == [data for _, _, data, _ in records]
    assert reader.complete


@pytest.mark.parametrize(("network", "link"), [(6, 1), (9, 6), (15, 10), (24, 0)])
def test_aix_interface_types_and_nanoseconds(network: int, link: int) -> None:
    """Version 2.2 with an interface type is AIX: mapped link type, nanosecond fractions."""
    content = bytearray(pcap([(5, 999_999_999, b"x" * 60, 60)], ">", version=(2, 2), network=network))
    packets, reader = read(bytes(content), "interpreted")
    assert packets == [Packet(5_999_999_999, b"x" * 60, 60, link)]
    assert reader.complete


@pytest.mark.parametrize(("version", "swapped"), [((2, 2), True), ((2, 3), True), ((2, 3), False), ((543, 0), True)])
def test_old_versions_swap_the_lengths(version: tuple[int, int], swapped: bool) -> None:
    """Before 2.3 (and in DG/UX's 543.0) the original length comes first; in 2.3 whichever makes sense."""
    content = bytearray(pcap([(5, 1, b"x" * 60, 1500)], version=version))
    if swapped:
        struct.pack_into("<II", content, 32, 1500, 60)
    packets, reader = read(bytes(content), "interpreted")
    assert packets == [Packet(5_000_001_000, b"x" * 60, 1500, 1)]
    assert reader.complete


def test_plain_header_is_kept_when_in_doubt() -> None:
    """One odd record is no reason to believe in a longer record header."""
    header = read_pcap_header(pcap([(1, 2_000_000, b"x" * 30, 10)]))
    assert header is not None
    assert header.record_header == 16


def ordinary(count: int = 20, size: int = 100) -> list[tuple[int, int, bytes, int]]:
    """Records with payload that looks like no header."""
    return [(1_700_000_000 + i, i, bytes([0xA0 + i % 16]) * size, size) for i in range(count)]


@modes
@orders
@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x80000000, 5_000_000, 200_000, 0x00FFFFFF])
def test_a_corrupt_length_costs_one_packet(mode: Mode, order: str, length: int) -> None:
    """After a record header with a wrong length, up to 4 GiB, reading goes on at the next record and says where."""
    content = bytearray(pcap(ordinary(), order))
    bad = 24 + 7 * 116
    struct.pack_into(order + "I", content, bad + 8, length)
    packets, reader = read(bytes(content), mode, block_bytes=256)
    assert [packet.data for packet in packets] == [data for i, (_, _, data, _) in enumerate(ordinary()) if i != 7]
    assert [(one.offset, one.length, one.packet) for one in reader.damage] == [(bad, 116, 7)]
    assert not reader.complete


@modes
def test_missing_bytes_in_a_packet(mode: Mode) -> None:
    """Bytes lost inside a packet make its record swallow the next header: the search finds the record after that."""
    content = pcap(ordinary())
    cut = 24 + 5 * 116 + 50
    packets, reader = read(content[:cut] + content[cut + 30 :], mode)
    assert len(packets) >= 18
    assert reader.packets + sum(one.length > 0 for one in reader.damage) >= 19
    assert reader.damage


@modes
def test_zero_filled_stretch(mode: Mode) -> None:
    """A hole of zeros is damage, not thousands of empty packets of 1970."""
    content = pcap(ordinary())
    at = 24 + 5 * 116
    packets, reader = read(content[:at] + b"\0" * 5000 + content[at:], mode, block_bytes=512)
    assert len(packets) == 20
    assert [(one.offset, one.length, one.packet) for one in reader.damage] == [(at, 5000, 5)]
    assert "zeros" in reader.damage[0].reason


@modes
@pytest.mark.parametrize(("keep", "packet"), [(24 + 19 * 116 + 7, 19), (24 + 19 * 116 + 90, 19), (24 + 5, 0)])
def test_truncated_tail(mode: Mode, keep: int, packet: int) -> None:
    """A file cut inside its last record gives everything before it and says how much is missing."""
    packets, reader = read(pcap(ordinary())[:keep], mode)
    assert len(packets) == packet
    start = 24 + packet * 116
    assert [(one.offset, one.length, one.packet) for one in reader.damage] == [(start, keep - start, packet)]
    assert "the file ends inside" in reader.damage[0].reason


@modes
def test_odd_but_legal_records(mode: Mode) -> None:
    """Zero-length packets, captured beyond original length, a fraction of over a second, 1970 and 2106 are packets."""
    plain = (1, 0, b"ordinary", 8)
    records = [
        (0, 1, b"", 0), (0, 0, b"abc", 3), (1, 0, b"", 1500), (2, 0, b"long" * 10, 7), plain, (0, 0, b"", 0), plain,
        (3, 4_000_000_000, b"x", 1), (2**32 - 1, 999_999, b"y", 1), (1, 0, b"z", 2**31), plain, (0, 0, b"", 0),
    ]  # fmt: skip
    packets, reader = read(pcap(records), mode)
    assert [(packet.data, packet.wirelen) for packet in packets] == [(data, wire) for _, _, data, wire in records]
    assert packets[7].ts_ns == 3 * GIGA + 4_000_000_000 * 1000
    assert reader.complete
    assert reader.timestamps_backwards == sum(b.ts_ns < a.ts_ns for a, b in itertools.pairwise(packets)) == 5


@modes
def test_snap_length_zero_and_unlimited(mode: Mode) -> None:
    """A snap length of 0 or 4 GiB in the file header limits nothing by itself."""
    for snaplen in (0, 0xFFFFFFFF):
        packets, reader = read(pcap(ordinary(), snaplen=snaplen), mode)
        assert len(packets) == 20
        assert reader.complete


@modes
def test_a_packet_longer_than_the_block(mode: Mode) -> None:
    """A record that spans many blocks is whole, and so are its neighbours."""
    records = [(1, 0, b"a" * 60, 60), (2, 0, bytes(range(256)) * 3900, 998_400), (3, 0, b"b" * 60, 60)]
    packets, reader = read(pcap(records, snaplen=1 << 20), mode, block_bytes=4096)
    assert [packet.data for packet in packets] == [data for _, _, data, _ in records]
    assert reader.complete


@modes
@orders
def test_pcapng_damage_costs_the_blocks_it_touches(mode: Mode, order: str) -> None:
    """Each kind of broken block is reported at its offset with its bytes, and the blocks around it are read."""
    head = section(order) + interface(order)
    good = [enhanced(order, 0, i, bytes([0xA0 + i]) * 90, 90) for i in range(8)]
    size = len(good[0])
    stranger = enhanced(order, 7, 1, b"?" * 90, 90)
    overfull = bytearray(enhanced(order, 0, 1, b"?" * 90, 90))
    struct.pack_into(order + "I", overfull, 20, 5000)
    no_trailer = bytearray(good[3])
    no_trailer[-4:] = b"\xff\xff\xff\xff"
    no_length = bytearray(good[5])
    struct.pack_into(order + "I", no_length, 4, 0xFFFFFFFC)
    tiny = struct.pack(order + "III", 6, 12, 12)
    blocks = [good[0], stranger, bytes(overfull), good[1], bytes(no_trailer), good[4], bytes(no_length), good[6]]
    blocks += [tiny, good[7]]
    packets, reader = read(head + b"".join(blocks), mode, block_bytes=200)
    assert [packet.data[0] - 0xA0 for packet in packets] == [0, 1, 3, 4, 6, 7]
    starts = np.cumsum([len(head), *(len(one) for one in blocks)]).tolist()
    assert [(one.offset, one.length, one.packet) for one in reader.damage] == [
        (starts[1], size, 1),
        (starts[2], size, 1),
        (starts[4] + size - 4, 4, 2),
        (starts[6], size, 4),
        (starts[8], 12, 5),
    ]
    words = [one.reason for one in reader.damage]
    assert "interface 7" in words[0]
    assert "5,000 captured bytes" in words[1]
    assert "trailing copy" in words[2]
    assert "4,294,967,292" in words[3]
    assert "too short" in words[4]


@modes
@orders
def test_pcapng_cut_and_orphaned(mode: Mode, order: str) -> None:
    """A simple packet before any interface is damage; so is a file that ends inside a block or a block's head."""
    simple = block(order, 3, struct.pack(order + "I", 40) + b"x" * 40)
    whole = section(order) + simple + interface(order) + enhanced(order, 0, 1, b"y" * 40, 40)
    packets, reader = read(whole + enhanced(order, 0, 2, b"z" * 40, 40)[:50], mode)
    assert len(packets) == 1
    assert [(one.offset, one.length, one.packet) for one in reader.damage] == [(28, 56, 0), (len(whole), 50, 1)]
    packets, reader = read(whole + b"\6\0\0", mode)
    assert [(one.offset, one.length) for one in reader.damage] == [(28, 56), (len(whole), 3)]


@modes
def test_sections_of_unknown_versions_are_skipped(mode: Mode) -> None:
    """The format demands that a section of another major version is not interpreted: it is reported as lost."""
    known = section("<") + interface("<") + enhanced("<", 0, 1, b"y" * 40, 40)
    strange = block("<", 0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 2, 0, -1)) + known[28:]
    packets, reader = read(known + strange + known, mode)
    assert len(packets) == 2
    assert [(one.offset, one.length) for one in reader.damage] == [(len(known), len(strange))]
    assert "version 2" in reader.damage[0].reason
    packets, reader = read(known + strange, mode)
    assert [(one.offset, one.length) for one in reader.damage] == [(len(known), len(strange))]


@modes
def test_pcapng_lost_section_header_is_found_again(mode: Mode) -> None:
    """Garbage between sections is skipped to the next section header, whatever its byte order."""
    little = section("<") + interface("<") + enhanced("<", 0, 1, b"y" * 40, 40)
    big = section(">") + interface(">", 101) + enhanced(">", 0, 1, b"w" * 40, 40)
    packets, reader = read(little + b"\xde\xad\xbe\xef" * 25 + b"!" + big, mode, block_bytes=64)
    assert [packet.link for packet in packets] == [1, 101]
    assert [(one.offset, one.length) for one in reader.damage] == [(len(little), 101)]
    assert reader.link_types == (1, 101)


@modes
def test_more_interfaces_than_are_kept(mode: Mode) -> None:
    """A file may not fill memory with interface blocks: those beyond the limit are reported and ignored."""
    content = section("<") + interface("<") * 65_540 + enhanced("<", 65_535, 1, b"y" * 40, 40)
    packets, reader = read(content, mode)
    assert len(packets) == 1
    assert len(reader.damage) == 4
    assert "more than 65,536 interfaces" in reader.damage[0].reason
