"""Event bytes as the kernel writes them become press, click and motion; which key it was is nowhere afterwards."""

from __future__ import annotations

import errno
import json
import os
import random
import struct
from pathlib import Path

import pytest

from farmwatch.agent import evdev
from farmwatch.agent.evdev import EventReader, feed
from farmwatch.agent.facts import as_json
from farmwatch.agent.timing import Axes, WindowCounter

SYN = (0, 0, 0)
DROPPED = (0, 3, 0)


def events(*listed, start=10.0, gap=0.0):
    """Bytes of events, each report ``gap`` seconds after the one before."""
    at, packed = start, b""
    for kind, code, value in listed:
        packed += struct.pack("@llHHi", int(at), round(at % 1 * 1e6), kind, code, value)
        at += gap if (kind, code) == (0, 0) else 0
    return packed


def window(data, *, absolute=False, axes=None):
    counter = WindowCounter(0.0, axes)
    feed(data, counter, absolute=absolute)
    return counter.window(0.0, 60.0, "046d:c31c", "")


def test_presses_clicks_and_motion():
    """Down counts once, up and repeat do not; buttons are clicks; two axes of a report are one motion."""
    seen = window(events(
        (4, 4, 458756), (1, 30, 1), SYN, (1, 30, 2), SYN, (1, 30, 0), SYN, (1, 0x110, 1), SYN, (1, 0x110, 0), SYN,
        (2, 0, 5), (2, 1, -5), SYN, (2, 8, 1), SYN, gap=0.1,
    ))  # fmt: skip
    assert (seen.presses, seen.clicks, seen.moves) == (1, 1, 1)


def test_keys_beyond_the_buttons_are_keys():
    """Media and other keys above the button codes are presses."""
    assert window(events((1, 0x161, 1), SYN, (1, 0x15F, 1), SYN, (1, 0xFF, 1), SYN)).presses == 2


def typed(codes, rng):
    listed = []
    for code in codes:
        listed += [(4, 4, code), (1, code, 1), SYN, (1, code, 0), SYN]
    return events(*listed, gap=rng.uniform(0.03, 0.05))


def test_nothing_of_the_keys_leaves():
    """Whatever was typed, in whatever order: the window is the same, byte for byte."""
    windows = set()
    for text in ([30, 48, 46, 32, 18], [18, 32, 46, 48, 30], [30] * 5, [57, 28, 14, 42, 29]):
        windows.add(json.dumps(as_json(window(typed(text, random.Random(1))))))
    assert len(windows) == 1


def test_the_counter_holds_no_code():
    """No attribute of the counter holds a code or a value of a key, not even while the window runs."""
    counter = WindowCounter(0.0)
    feed(events((4, 4, 91919), (1, 77, 1), SYN, (1, 123, 1), SYN), counter)
    held = repr([getattr(counter, name) for name in vars(counter)])
    assert not {"77", "123", "91919"} & set(held.replace(",", " ").replace("[", " ").replace("]", " ").split())


def test_lost_reports_are_counted():
    """After the kernel's own mark the rest of that report is not believed."""
    seen = window(events((2, 0, 1), SYN, DROPPED, (2, 0, 99), (1, 30, 1), SYN, (2, 0, 1), SYN, gap=0.1))
    assert (seen.moves, seen.presses, seen.lost_reports) == (2, 0, 1)


def test_absolute_positions():
    """A pointer that sends one axis keeps the other; relative events of its wheel are no motion."""
    listed = [(3, 0, 100), (3, 1, 200), SYN, (2, 8, 1), SYN, (3, 0, 0), SYN, (3, 1, 0), SYN]
    seen = window(events(*listed, gap=3.0) * 3, absolute=True, axes=Axes((0, 32767), (0, 32767)))
    assert seen.moves == 9


def test_reports_over_several_reads():
    """A report that begins in one read and ends in the next is one motion."""
    data = events((2, 0, 5), (2, 1, 5), SYN, (2, 0, 1), SYN)
    counter, state = WindowCounter(0.0), evdev._State()
    for at in range(0, len(data), 24):
        feed(data[at : at + 24], counter, state)
    assert counter.window(0.0, 1.0, "", "").moves == 2


def test_any_bytes():
    """Ten thousand reads of noise are counted, never an error."""
    rng = random.Random(41)
    counter = WindowCounter(0.0)
    for _ in range(10_000):
        feed(rng.randbytes(rng.randrange(100)), counter, absolute=rng.random() < 0.5)
    counter.window(0.0, 1.0, "", "")


@pytest.fixture
def node(tmp_path, monkeypatch):
    """A pipe that stands for an event node: what the kernel is asked is kept, and always granted."""
    path = tmp_path / "event0"
    os.mkfifo(path)
    asked = []

    def ioctl(_, request, argument):
        asked.append(request)
        return struct.pack("@6i", 0, 0, 32767, 0, 0, 0) if request & 0xFF00 == 0x4500 and len(argument) == 24 else 0

    monkeypatch.setattr(evdev.fcntl, "ioctl", ioctl)
    return path, asked


def test_reader(node):
    """The node is read without waiting; the clock is the monotonic one, scan codes are not asked for."""
    path, asked = node
    reader = EventReader(path, absolute=True)
    assert asked == [0x400445A0, 0x40104593, 0x80184540, 0x80184541]
    assert reader.axes == Axes((0, 32767), (0, 32767))
    counter = WindowCounter(0.0)
    writer = os.open(path, os.O_WRONLY)
    reader.read(counter)
    os.write(writer, events((1, 30, 1), SYN))
    reader.read(counter)
    os.close(writer)
    reader.close()
    assert counter.window(0.0, 1.0, "", "").presses == 1


def test_a_node_that_is_none(tmp_path):
    """A file that is no event node, or not there, is an OSError and leaves nothing open."""
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError, match="ioctl") as error:
        EventReader(plain, absolute=False)
    assert error.value.errno == errno.ENOTTY
    with pytest.raises(FileNotFoundError):
        EventReader(tmp_path / "missing", absolute=False)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
