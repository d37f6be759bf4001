"""A seeded typist: keys and pauses shaped like a person's, typed into an X display or a terminal.

Pauses between keys follow a log-logistic distribution with median 0.17 s and shape 3.2, cut to 0.05 to 1.5 s, with a
pause to think of 0.8 to 2.5 s after one word in six: the shape published for free text, and nobody's in particular.
Run as a program it types into the display of ``DISPLAY`` for so many seconds and writes when each key went down:
``python -m tests.lab.typist SECONDS SEED LOG``. The log holds times only, never which key.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = ("list", "the", "files", "and", "check", "that", "build", "passed", "before", "lunch", "then", "write", "note")


def keys(seed: int) -> Iterator[tuple[float, str]]:
    """Yield (pause before it in seconds, key) without end; the newline key ends a line."""
    rng = random.Random(seed)
    typed = 0
    while True:
        for letter in rng.choice(WORDS):
            chance = rng.uniform(0.001, 0.999)
            yield min(1.5, max(0.05, 0.17 * (chance / (1 - chance)) ** (1 / 3.2))), letter
        typed += 1
        yield rng.uniform(0.08, 0.25), "\n" if typed % 7 == 0 else " "
        if rng.random() < 1 / 6:
            yield rng.uniform(0.8, 2.5), rng.choice("abc")


class Display:
    """Just enough of Xlib and XTEST to press keys and move the pointer.

    Raises:
        OSError: when the display cannot be opened.
    """

    def __init__(self) -> None:
        self.xlib = ctypes.CDLL(ctypes.util.find_library("X11") or "libX11.so.6")
        self.xtest = ctypes.CDLL(ctypes.util.find_library("Xtst") or "libXtst.so.6")
        self.xlib.XOpenDisplay.restype = ctypes.c_void_p
        self.display = ctypes.c_void_p(self.xlib.XOpenDisplay(None))
        if not self.display:
            raise OSError("cannot open the X display")

    def key(self, letter: str, *, down: bool) -> None:
        """Press or release a key."""
        symbol = {"\n": 0xFF0D, " ": 0x20, "\b": 0xFF08}.get(letter, ord(letter))
        code = self.xlib.XKeysymToKeycode(self.display, ctypes.c_ulong(symbol))
        self.xtest.XTestFakeKeyEvent(self.display, code, int(down), 0)
        self.xlib.XFlush(self.display)

    def press(self, letter: str) -> None:
        """Press and release a key, held down for 60 ms."""
        self.key(letter, down=True)
        time.sleep(0.06)
        self.key(letter, down=False)

    def button(self, number: int, *, down: bool) -> None:
        """Press or release a pointer button; 4 and 5 are the wheel."""
        self.xtest.XTestFakeButtonEvent(self.display, number, int(down), 0)
        self.xlib.XFlush(self.display)

    def point(self, x: int, y: int) -> None:
        """Move the pointer."""
        self.xtest.XTestFakeMotionEvent(self.display, -1, x, y, 0)
        self.xlib.XFlush(self.display)


def type_into_display(seconds: float, seed: int) -> list[float]:
    """Type, and sweep the pointer after every fortieth key; returns the Unix time of each key press."""
    display, rng = Display(), random.Random(seed + 1)
    times: list[float] = []
    end = time.monotonic() + seconds
    for pause, letter in keys(seed):
        time.sleep(max(0.0, pause - 0.06))
        if time.monotonic() >= end:
            return times
        times.append(time.time())
        display.press(letter)
        if len(times) % 40 == 0:
            x, y = rng.randrange(100, 300), rng.randrange(100, 300)
            for step in range(25):
                display.point(x + 6 * step, y + 3 * step)
                time.sleep(0.016)
    return times


def type_into_terminal(terminal: int, seconds: float, seed: int) -> int:
    """Type into the file descriptor of a terminal; returns how many keys were typed."""
    typed, end = 0, time.monotonic() + seconds
    for pause, letter in keys(seed):
        time.sleep(pause)
        if time.monotonic() >= end:
            break
        os.write(terminal, letter.encode())
        typed += 1
    return typed


def main() -> int:
    """Run the command line."""
    seconds, seed, log = float(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    log.write_text(json.dumps(type_into_display(seconds, seed)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
