"""Devices made by a real kernel: uinput keyboards and pointers, and a composite USB gadget on dummy_hcd.

Run inside a machine whose kernel has the drivers (see tests/lab/machine.py); standard output is one JSON document::

    python -m tests.agent.kernel_devices
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from farmwatch.agent.linux import LinuxProbe
from farmwatch.agent.message import Messages
from farmwatch.agent.run import Collector
from farmwatch.agent.spool import Losses
from tests.wire.hardware.devices import ABSOLUTE_POINTER, KERNEL_KEYBOARD

_UI_SET_EVBIT, _UI_SET_KEYBIT, _UI_SET_RELBIT = 0x40045564, 0x40045565, 0x40045566
_UI_DEV_SETUP, _UI_DEV_CREATE = 0x405C5503, 0x5501
_GADGET = Path("/sys/kernel/config/usb_gadget/kvm")
WINDOW_S = 40.0
JIGGLE_S = 3.0


class Uinput:
    """A keyboard or mouse of a program."""

    def __init__(self, name: str, keys: range, axes: tuple[int, ...] = ()) -> None:
        self._fd = os.open("/dev/uinput", os.O_WRONLY | os.O_NONBLOCK)
        for kind in (1, *((2,) if axes else ())):
            fcntl.ioctl(self._fd, _UI_SET_EVBIT, kind)
        for key in keys:
            fcntl.ioctl(self._fd, _UI_SET_KEYBIT, key)
        for axis in axes:
            fcntl.ioctl(self._fd, _UI_SET_RELBIT, axis)
        fcntl.ioctl(self._fd, _UI_DEV_SETUP, struct.pack("@HHHH80sI", 6, 0x1234, 0x5678, 1, name.encode(), 0))
        fcntl.ioctl(self._fd, _UI_DEV_CREATE)

    def send(self, *events: tuple[int, int, int]) -> None:
        """One report."""
        packed = [struct.pack("@llHHi", 0, 0, *event) for event in (*events, (0, 0, 0))]
        os.write(self._fd, b"".join(packed))

    def tap(self, key: int) -> None:
        """Press and release."""
        self.send((1, key, 1))
        self.send((1, key, 0))


def make_gadget() -> None:
    """A device as remote-control boxes are: keyboard, absolute pointer and storage in one, with a maker's strings."""
    _GADGET.mkdir()
    for name, value in {"idVendor": "0x1d6b", "idProduct": "0x0104", "bcdDevice": "0x0100", "bcdUSB": "0x0200"}.items():
        (_GADGET / name).write_text(value)
    strings = _GADGET / "strings/0x409"
    strings.mkdir()
    for name, value in {
        "manufacturer": "PiKVM",
        "product": "PiKVM Composite Device",
        "serialnumber": "CAFEBABE",
    }.items():
        (strings / name).write_text(value)
    config = _GADGET / "configs/c.1"
    config.mkdir()
    (config / "MaxPower").write_text("250")
    (config / "bmAttributes").write_text("0xa0")
    for number, (descriptor, size, boot) in enumerate([(KERNEL_KEYBOARD, 8, 1), (ABSOLUTE_POINTER, 6, 0)]):
        function = _GADGET / f"functions/hid.usb{number}"
        function.mkdir()
        for name, value in {"protocol": boot, "subclass": boot, "report_length": size}.items():
            (function / name).write_text(str(value))
        (function / "report_desc").write_bytes(descriptor)
        (config / function.name).symlink_to(function)
    storage = _GADGET / "functions/mass_storage.usb0"
    storage.mkdir()
    (storage / "lun.0/removable").write_text("1")
    (config / storage.name).symlink_to(storage)
    (_GADGET / "UDC").write_text(next(Path("/sys/class/udc").iterdir()).name)


def remove_gadget() -> None:
    """Pull the plug."""
    (_GADGET / "UDC").write_text("\n")


def jiggle(stop: threading.Event) -> None:
    """NanoKVM's absolute jiggler, faster: two reports 100 ms apart, the second at the centre of the screen."""
    with Path("/dev/hidg1").open("wb", buffering=0) as port:
        while not stop.is_set():
            for place in (0x3F00, 0x3FFF):
                port.write(struct.pack("<BHHb", 0, place, place, 0))
                time.sleep(0.1)
            stop.wait(JIGGLE_S - 0.2)


def type_on_grid(keyboard: Uinput, stop: threading.Event, rng: random.Random) -> None:
    """Presses whose times are multiples of 50 ms, as software that batches sends them."""
    at = time.monotonic()
    while not stop.is_set():
        at += 0.05 * rng.randrange(2, 6)
        time.sleep(max(at - time.monotonic(), 0))
        keyboard.tap(rng.randrange(16, 26))


def type_in_clumps(port: Path, stop: threading.Event, rng: random.Random) -> None:
    """Presses of the gadget's keyboard that were held for a while and come together, as over a bad network."""
    with port.open("wb", buffering=0) as keyboard:
        while not stop.is_set():
            stop.wait(rng.uniform(0.6, 0.9))
            keys = [rng.randrange(4, 30) for _ in range(3)]
            if len(set(keys)) == 3:
                keyboard.write(bytes([0, 0, *keys, 0, 0, 0]))
                keyboard.write(bytes(8))


def move_mouse(mouse: Uinput, stop: threading.Event) -> None:
    """A pointer that is moved every 50 ms."""
    while not stop.is_set():
        mouse.send((2, 0, 3), (2, 1, -2))
        time.sleep(0.05)


def main() -> None:
    """Make devices, let them work for a window, say what the agent would have sent."""
    rng = random.Random(4)
    make_gadget()
    keyboard = Uinput("keyboard", range(1, 120))
    mouse = Uinput("mouse", range(0x110, 0x113), (0, 1, 8))
    time.sleep(2)
    probe = LinuxProbe()
    kept: list[bytes] = []
    stop, done = threading.Event(), threading.Event()
    jobs: list[tuple[Callable[..., None], tuple[object, ...]]] = [
        (jiggle, (stop,)),
        (type_on_grid, (keyboard, stop, rng)),
        (type_in_clumps, (Path("/dev/hidg0"), stop, random.Random(5))),
        (move_mouse, (mouse, stop)),
    ]
    threads = [threading.Thread(target=work, args=given, daemon=True) for work, given in jobs]
    collector = Collector(probe, Messages(probe, "device", b"key"), 5.0, WINDOW_S)

    def finish() -> None:
        time.sleep(2)
        for thread in threads:
            thread.start()
        time.sleep(WINDOW_S - 4)
        stop.set()
        time.sleep(4)
        remove_gadget()
        time.sleep(8)
        done.set()

    threading.Thread(target=finish, daemon=True).start()
    before = time.process_time()

    def keep(message: bytes) -> bool:
        kept.append(message)
        return True

    collector.run(keep, Losses, done)
    json.dump(
        {"messages": [json.loads(message) for message in kept], "cpu_s": time.process_time() - before}, sys.stdout
    )


if __name__ == "__main__":
    main()
