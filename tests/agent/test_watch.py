"""Watching input nodes that come and go, and windows that end."""

from __future__ import annotations

import os
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from farmwatch.agent import evdev
from farmwatch.agent.linux import EventDevice, LinuxProbe
from farmwatch.agent.probe import UnavailableError
from farmwatch.agent.watch import InputWatch, Pace
from tests.agent.test_evdev import SYN, events


@dataclass
class Nodes:
    """A probe that knows pipes as input devices."""

    sources: list[EventDevice] = field(default_factory=list)

    def inputs(self):
        """The pipes."""
        return self.sources


@pytest.fixture
def granted(monkeypatch):
    monkeypatch.setattr(evdev.fcntl, "ioctl", lambda *_: struct.pack("@6i", 0, 0, 9, 0, 0, 0))


def node(folder: Path, name: str, pointer: str = "") -> EventDevice:
    os.mkfifo(folder / name)
    return EventDevice(folder / name, "046d:c31c", pointer)


@pytest.mark.usefixtures("granted")
def test_windows(tmp_path):
    """Reports of a window are in its row; a quiet window gives none; the next one starts empty."""
    source = node(tmp_path, "event0")
    watch = InputWatch(Nodes([source]), 2.0)
    watch.look()
    assert watch.missing == ""
    writer = os.open(source.path, os.O_WRONLY)
    os.write(writer, events((1, 30, 1), SYN, (1, 31, 1), SYN, gap=0.1))
    watch.wait(time.monotonic() + 0.05)
    assert watch.windows() == []
    time.sleep(2.0)
    (window,) = watch.windows()
    assert (window.presses, window.input_device) == (2, "046d:c31c")
    assert window.window_s >= 2.0
    assert abs(window.ts - time.time()) < 5
    assert watch.windows(all_of_them=True) == []
    os.close(writer)
    watch.close()


@pytest.mark.usefixtures("granted")
def test_devices_that_come_and_go(tmp_path):
    """What a device did before it went is in its window; one that comes is opened."""
    one, two = node(tmp_path, "event0"), node(tmp_path, "event1", "absolute")
    nodes = Nodes([one])
    watch = InputWatch(nodes, 300)
    watch.look()
    writer = os.open(one.path, os.O_WRONLY)
    os.write(writer, events((1, 30, 1), SYN))
    watch.wait(time.monotonic() + 0.05)
    nodes.sources = [two]
    watch.look()
    other = os.open(two.path, os.O_WRONLY)
    os.write(other, events((3, 0, 4), SYN))
    watch.wait(time.monotonic() + 0.05)
    found = {(window.presses, window.moves, window.pointer) for window in watch.windows(all_of_them=True)}
    assert found == {(1, 0, ""), (0, 1, "absolute")}
    os.close(writer)
    os.close(other)
    watch.close()


def test_nodes_that_may_not_be_read(tmp_path):
    """How many, and what to do."""
    (tmp_path / "event0").write_bytes(b"")
    watch = InputWatch(Nodes([EventDevice(tmp_path / "event0", "x", "")]), 300)
    watch.look()
    assert watch.missing == "1 of 1 input devices may not be read: run as root or in the group 'input'"
    assert watch.windows(all_of_them=True) == []
    watch.close()


def test_machines_without_input(tmp_path):
    """The reason is the probe's; waiting still passes the time."""
    watch = InputWatch(LinuxProbe(tmp_path), 300)
    with pytest.raises(UnavailableError) as error:
        LinuxProbe(tmp_path).inputs()
    watch.look()
    assert watch.missing == str(error.value)
    before = time.monotonic()
    watch.wait(before + 0.1)
    assert time.monotonic() - before >= 0.09
    watch.close()
    empty = InputWatch(Nodes(), 300)
    empty.look()
    assert empty.missing == "no keyboard or pointer"
    empty.close()


def test_pace():
    """Under load it reads less often, at rest again as often as it may; both have an end."""
    pace = Pace()
    wall, cpu = time.monotonic(), time.process_time()
    pauses = []
    for share in [0.02] * 10 + [0.006] * 2 + [0.001] * 10:
        wall, cpu = wall + 2.5, cpu + 2.5 * share
        pace.look(wall, cpu)
        pace.look(wall + 1, cpu + 1)  # too early to tell
        pauses.append(pace.pause_s)
    assert pauses[0] == pytest.approx(0.030)
    assert pauses[9:12] == [0.2] * 3
    assert pauses[-1] == 0.02
