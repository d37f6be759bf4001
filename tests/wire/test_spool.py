"""Anything that can be read once can be read twice, within bounds."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager

import pytest

from farmwatch.wire import spool
from farmwatch.wire.source import open_capture
from farmwatch.wire.spool import Readings
from tests.fuzz.hostile import pcap, udp4
from tests.wire.second_pass import Once

CAPTURE = pcap(udp4("10.0.0.1", "10.0.0.2", 5000 + n % 50, 6000, bytes(n % 700)) for n in range(2000))


class OnlyRead:
    """A stream that knows nothing but read, and is sometimes not ready."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)
        self._calls = 0

    def read(self, size):
        """Some bytes, none at the end, None when not ready."""
        self._calls += 1
        return None if self._calls % 7 == 3 else self._data.read(min(size, 9000))


@contextmanager
def pipe(data: bytes):
    """The reading end of a pipe into which a thread writes."""
    receiver, sender = os.pipe()

    def write() -> None:
        with os.fdopen(sender, "wb") as file:
            file.write(data)

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(receiver, "rb", buffering=0) as file:
        yield file
    thread.join()


def packets(source) -> int:
    with open_capture(source, mode="interpreted", hashing=False) as reader:
        return sum(chunk.count for chunk in reader.chunks())


def twice(source, **options) -> tuple[int, int, str]:
    """Packets of the first reading, of the second (-1: none), and why there was none."""
    with Readings(source, **options) as readings:
        first = packets(readings.first)
        again = readings.again()
        return first, -1 if again is None else packets(again), readings.fault


def test_paths_are_opened_again(tmp_path):
    path = tmp_path / "some.pcap"
    path.write_bytes(CAPTURE)
    assert twice(path) == twice(str(path)) == (2000, 2000, "")


def test_file_objects_are_wound_back_to_where_they_were():
    """Not to the start: what was read before is not ours."""
    file = io.BytesIO(b"something else" + CAPTURE)
    file.seek(14)
    assert twice(file) == (2000, 2000, "")


def test_streams_are_kept():
    """Pipes, raw streams, and objects that can only read."""
    with pipe(CAPTURE) as file:
        assert twice(file) == (2000, 2000, "")
    assert twice(Once(CAPTURE)) == twice(OnlyRead(CAPTURE)) == (2000, 2000, "")


def test_standard_input(monkeypatch):
    """A pipe at standard input is kept, a file there wound back; both are still called standard input."""
    with pipe(CAPTURE) as file:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(file)))
        with Readings("-") as readings:
            assert readings.first.name == "-"
            assert packets(readings.first) == packets(readings.again()) == 2000
    with tempfile.TemporaryFile() as file:
        file.write(CAPTURE)
        file.seek(0)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
        assert twice("-") == (2000, 2000, "")


def test_too_long_a_stream_is_read_once():
    """Beyond the bound nothing is kept, and the reason says what to do."""
    first, second, fault = twice(Once(CAPTURE), most_spooled=len(CAPTURE) - 1)
    assert (first, second) == (2000, -1)
    assert "save it to a file" in fault
    assert twice(Once(CAPTURE), most_spooled=len(CAPTURE))[1] == 2000


def test_no_room_to_keep_a_stream(monkeypatch):
    """A full or missing disk costs the second reading only."""

    def full(**_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.tempfile, "TemporaryFile", full)
    first, second, fault = twice(Once(CAPTURE))
    assert (first, second) == (2000, -1)
    assert fault.endswith("No space left on device")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at /proc")
def test_nothing_is_left_behind(tmp_path, monkeypatch):
    """The temporary file has no name while it is used, and is closed in the end."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Readings(Once(CAPTURE)) as readings:
        packets(readings.first)
        assert readings.again() is not None
        assert list(tmp_path.iterdir()) == []
        kept = readings.again()
    assert kept.closed


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_kept_and_not_opened_twice(tmp_path):
    """Nobody writes into it a second time: opening it again would wait for ever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", 'printf capture > "$0"', str(pipe)]), Readings(pipe) as readings:
        view = memoryview(bytearray(100))
        assert bytes(view[: readings.first.readinto(view)]) == b"capture"
        assert readings.again().read() == b"capture"
