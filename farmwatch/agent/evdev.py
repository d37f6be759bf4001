"""Reading Linux event nodes: each report becomes *press*, *click* or *motion* as it is read, and its code is gone.

Sources: Linux Documentation/input/event-codes.rst and input-programming.rst; include/uapi/linux/input.h for the ioctl
numbers and struct input_event; drivers/input/evdev.c for the size of a reader's buffer.

The kernel is asked to leave out scan codes (EVIOCSMASK on EV_MSC), and of a key event's code only whether it lies in
the range of buttons is looked at. Nodes are opened for reading only and are not grabbed.

The kernel stamps events itself and keeps at least 64 of them for a slow reader, 21 ms of the fastest common mouse; what
it had to throw away it says, and that is counted.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from farmwatch.agent.timing import Axes, WindowCounter

__all__ = ["EventReader", "feed"]

_EVENT = struct.Struct("@llHHi")
_READ_BYTES = _EVENT.size * 256
_EV_SYN, _EV_KEY, _EV_REL, _EV_ABS, _EV_MSC = 0, 1, 2, 3, 4
_SYN_REPORT, _SYN_DROPPED = 0, 3
_DOWN = 1  # 0 is up, 2 repeats while held
_BUTTONS = range(0x100, 0x160)  # BTN_MISC up to the first KEY_ code behind them
_CLOCK_MONOTONIC = 1
_EVIOCSCLOCKID = 0x400445A0
_EVIOCSMASK = 0x40104593
_EVIOCGABS = 0x80184540  # plus the axis


@dataclass(slots=True)
class _Position:
    """What one report has said so far, and where an absolute pointer is."""

    x: int = 0
    y: int = 0
    moved: bool = False


@dataclass(slots=True)
class _State:
    position: _Position = field(default_factory=_Position)
    skipping: bool = False  # after a loss, up to the next report


class EventReader:
    """One event node, open for reading."""

    def __init__(self, path: Path, *, absolute: bool) -> None:
        """Open a node.

        Raises:
            OSError: it is gone, or may not be read.
        """
        self.path = path
        self.absolute = absolute
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._state = _State()
        try:
            fcntl.ioctl(self._fd, _EVIOCSCLOCKID, struct.pack("@i", _CLOCK_MONOTONIC))
            _leave_out_scan_codes(self._fd)
            self.axes = Axes(_axis(self._fd, 0), _axis(self._fd, 1)) if absolute else None
        except OSError:
            os.close(self._fd)
            raise

    def fileno(self) -> int:
        """For waiting on it."""
        return self._fd

    def read(self, counter: WindowCounter) -> None:
        """Count what has come in.

        Raises:
            OSError: the device is gone.
        """
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return
        feed(data, counter, self._state, absolute=self.absolute)

    def close(self) -> None:
        """Let the node go."""
        os.close(self._fd)


def feed(data: bytes, counter: WindowCounter, state: _State | None = None, *, absolute: bool = False) -> None:
    """Count the events in some bytes of an event node. ``state`` carries a report over to the next bytes."""
    state = state or _State()
    position = state.position
    for seconds, micros, kind, code, value in _events(data):
        if kind == _EV_SYN:
            _report(counter, state, code, seconds + micros / 1e6, absolute=absolute)
        elif state.skipping:
            continue
        elif kind == _EV_KEY:
            if value == _DOWN:
                (counter.click if code in _BUTTONS else counter.press)(seconds + micros / 1e6)
        elif kind in (_EV_REL, _EV_ABS) and code < 2 and (kind == _EV_ABS) == absolute:
            position.moved = True
            if code == 0:
                position.x = value
            else:
                position.y = value


def _events(data: bytes) -> Iterator[tuple[int, int, int, int, int]]:
    return _EVENT.iter_unpack(data[: len(data) - len(data) % _EVENT.size])


def _report(counter: WindowCounter, state: _State, code: int, at: float, *, absolute: bool) -> None:
    """The end of a report: motion is counted once, however many axes it moved."""
    position = state.position
    if code == _SYN_DROPPED:
        counter.lost()
        state.skipping = True
    elif code == _SYN_REPORT and not state.skipping and position.moved:
        counter.move(at, position.x, position.y)
    if code == _SYN_REPORT:
        state.skipping = False
    position.moved = False
    if not absolute:
        position.x = position.y = 0


def _leave_out_scan_codes(fd: int) -> None:
    """Ask the kernel not to hand out EV_MSC events; kernels before 4.4 cannot, and then they are skipped when read."""
    import ctypes

    empty = ctypes.create_string_buffer(8)
    try:
        fcntl.ioctl(fd, _EVIOCSMASK, struct.pack("@IIQ", _EV_MSC, len(empty), ctypes.addressof(empty)))
    except OSError:
        return


def _axis(fd: int, axis: int) -> tuple[int, int]:
    """Lowest and highest value of an absolute axis (struct input_absinfo)."""
    answer = fcntl.ioctl(fd, _EVIOCGABS + axis, bytes(24))
    _, low, high, *_ = struct.unpack("@6i", answer)
    return int(low), int(high)
