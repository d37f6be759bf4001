"""What a remote tool's own program does on the driven machine: see the screen, and press its keys and move its pointer.

The screen is the frame buffer that Xvfb keeps in a file (``-fbdir``): the picture of a real X display, read without
asking the X server for it. Keys, buttons and pointer go in through XTEST, as real tools on X do it.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import mmap
import struct
from typing import TYPE_CHECKING

import numpy as np

from tests.lab.hand.tools import desktop

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.lab.net import Lab

SIZE = (640, 480)


def start(lab: Lab, short: str) -> tuple[int, Path]:
    """Start a desktop with work on it in a namespace; returns its X display and its frame buffer's file."""
    folder = lab.folder / f"screen-{short}"
    folder.mkdir()
    display = desktop.server(
        lab, short, "Xvfb", "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24", "-nolisten", "tcp", "-noreset",
        "-fbdir", str(folder),
    )  # fmt: skip
    desktop.work(lab, short, display)
    return display, folder / "Xvfb_screen0"


class Picture:
    """The frame buffer of an Xvfb, which is an X window dump: a header, a colour map, then rows of pixels.

    Header fields are the big-endian words of X11/XWDFile.h: size 0, width 4, height 5, bytes a line 12, colours 19.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as handle:
            self.memory = mmap.mmap(handle.fileno(), 0, prot=mmap.PROT_READ)
        words = struct.unpack(">25I", self.memory[:100])
        width, height, line, start = words[4], words[5], words[12], words[0] + 12 * words[19]
        rows = np.frombuffer(self.memory, np.uint8, height * line, start).reshape(height, line)
        self.pixels: NDArray[np.uint8] = rows[:, : 4 * width].reshape(height, width, 4)
        self.last = np.zeros_like(self.pixels)

    def changed(self) -> bool:
        """Say whether the screen is another than at the last call that said so; :attr:`last` is then a copy of it."""
        if np.array_equal(self.pixels, self.last):
            return False
        self.last = self.pixels.copy()
        return True


class Fingers:
    """Keys, buttons and pointer of an X display, by XTEST.

    Raises:
        OSError: when the display cannot be opened.
    """

    def __init__(self, display: int) -> None:
        self.xlib = ctypes.CDLL(ctypes.util.find_library("X11") or "libX11.so.6")
        self.xtest = ctypes.CDLL(ctypes.util.find_library("Xtst") or "libXtst.so.6")
        self.xlib.XOpenDisplay.restype = ctypes.c_void_p
        self.display = ctypes.c_void_p(self.xlib.XOpenDisplay(f":{display}".encode()))
        if not self.display:
            raise OSError(f"cannot open X display {display}")

    def key(self, symbol: int, down: bool) -> None:
        """Press or release the key of a keysym; one the keyboard does not have is left out."""
        if code := self.xlib.XKeysymToKeycode(self.display, ctypes.c_ulong(symbol)):
            self.xtest.XTestFakeKeyEvent(self.display, code, int(down), 0)
            self.xlib.XFlush(self.display)

    def button(self, number: int, down: bool) -> None:
        """Press or release a pointer button; 4 and 5 are the wheel."""
        self.xtest.XTestFakeButtonEvent(self.display, number, int(down), 0)
        self.xlib.XFlush(self.display)

    def point(self, x: int, y: int) -> None:
        """Move the pointer."""
        self.xtest.XTestFakeMotionEvent(self.display, -1, x, y, 0)
        self.xlib.XFlush(self.display)
