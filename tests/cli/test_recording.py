"""Packets to pcap files with limits."""

from __future__ import annotations

import dpkt
import pytest

from farmwatch.cli.recording import Recorder


def read(path):
    """Times and packets of a pcap, by another reader."""
    with path.open("rb") as file:
        return list(dpkt.pcap.Reader(file))


def test_packets_come_back_with_their_times(tmp_path):
    """Bytes, microseconds and link type survive."""
    path = tmp_path / "out.pcap"
    recorder = Recorder(path, linktype=113)
    assert recorder.write(b"a" * 60, 1_700_000_000.25)
    assert recorder.write(b"b" * 61, 1_700_000_001.5)
    recorder.close()
    assert read(path) == [(1_700_000_000.25, b"a" * 60), (1_700_000_001.5, b"b" * 61)]
    with path.open("rb") as file:
        assert dpkt.pcap.Reader(file).datalink() == 113
    assert recorder.files == [path]


def test_long_packets_are_cut_and_say_how_long_they_were(tmp_path):
    """The record keeps the original length."""
    path = tmp_path / "out.pcap"
    recorder = Recorder(path, linktype=1, snaplen=64)
    recorder.write(b"x" * 1500, 1.0)
    recorder.close()
    data = path.read_bytes()
    assert int.from_bytes(data[32:36], "little") == 64
    assert int.from_bytes(data[36:40], "little") == 1500
    assert len(data) == 24 + 16 + 64


def test_full_file_ends_the_recording(tmp_path):
    """Without rotation nothing is written beyond the limit."""
    path = tmp_path / "out.pcap"
    recorder = Recorder(path, linktype=1, max_bytes=200)
    written = [recorder.write(b"x" * 60, float(number)) for number in range(5)]
    recorder.close()
    assert written == [True, True, False, False, False]
    assert path.stat().st_size <= 200
    assert recorder.packets == 2


def test_rotation_keeps_the_newest_files(tmp_path):
    """Files are numbered; the oldest are dropped."""
    recorder = Recorder(tmp_path / "out.pcap", linktype=1, max_bytes=200, rotate=2)
    for number in range(7):
        assert recorder.write(b"x" * 60, float(number))
    recorder.close()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["out-0003.pcap", "out-0004.pcap"]
    assert recorder.files == sorted(tmp_path.iterdir())
    assert [time for path in recorder.files for time, _ in read(path)] == [4.0, 5.0, 6.0]
    assert recorder.packets == 7


@pytest.mark.parametrize("rotate", [0, 3])
def test_packet_larger_than_a_file_is_still_written(tmp_path, rotate):
    """A limit below one packet does not loop or write empty files."""
    recorder = Recorder(tmp_path / "out.pcap", linktype=1, max_bytes=30, rotate=rotate)
    assert recorder.write(b"x" * 100, 1.0)
    recorder.close()
    assert sum(len(read(path)) for path in recorder.files) == 1
