"""What the recipes share: X servers that stand side by side, a desktop with work on it, and focus.

X display numbers are claimed by the server's own lock file. Namespaces share the folder of X sockets, and only the
lock tells two servers with the same number apart; abstract sockets do collide only within one network namespace.
"""

from __future__ import annotations

import functools
import os
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import net
from tests.lab.hand.tools import prompt

if TYPE_CHECKING:
    import subprocess

    from tests.lab.net import Lab

XVFB = ("Xvfb", "-screen", "0", "1100x800x24", "-nolisten", "tcp", "-noreset")
PROGRAMS = ("ip", "ss", "Xvfb", "xdotool", "xterm", "xclock", "xcalc")
"""What every desktop and viewer needs."""
SIZE = "800x600"
WORK = "^desk$"
"""Title of the window on the driven desktop that keys go into."""


def server(lab: Lab, short: str, *command: str, env: dict[str, str] | None = None) -> int:
    """Start an X server (default Xvfb, 1100 by 800) in a namespace and return its display number.

    Raises:
        OSError: when twenty numbers in a row were taken by somebody else.
    """
    command = command or XVFB
    first = 61 + os.getpid() % 83
    for _ in range(20):
        number = net.free_display(first)
        job = lab.start(short, command[0], f":{number}", *command[1:], env=env)
        net.wait_for(functools.partial(_settled, job, number), f"display {number}")
        if job.poll() is None:
            return number
        first = number + 1
    raise OSError(f"no X server came up\n{lab.logs()}")


def _settled(job: subprocess.Popen[bytes], number: int) -> bool:
    """Say whether an X server has its display number, or has given up."""
    if job.poll() is not None:
        return True
    try:
        return int(Path(f"/tmp/.X{number}-lock").read_text()) == job.pid and Path(f"/tmp/.X11-unix/X{number}").exists()
    except (FileNotFoundError, ValueError):
        return False


def work(lab: Lab, short: str, display: int) -> None:
    """Open what the person works in: a prompt that echoes and prints, a log that grows, buttons, a clock."""
    env = {"DISPLAY": f":{display}"}
    seed = zlib.crc32(lab.folder.name.encode())  # Another one for each lab: the same answers would be learnt.
    shell = [sys.executable, prompt.__file__]
    xterm = ("xterm", "-fa", "Monospace", "-fs", "9")
    lab.start(short, "xclock", "-update", "1", "-geometry", "110x110-0+0", env=env)
    lab.start(short, "xcalc", "-geometry", "190x240-0+130", env=env)
    lab.start(
        short, *xterm, "-geometry", "80x9+0-0", "-T", "log", "-e", *shell, "log", str(seed), env=env
    )  # fmt: skip
    lab.start(
        short, *xterm, "-geometry", "80x28+0+0", "-T", "desk", "-e", *shell, "shell", str(seed), env=env
    )  # fmt: skip
    focus(lab, short, display, WORK)


def focus(lab: Lab, short: str, display: int, window: str, seconds: float = 30) -> None:
    """Wait until a window is visible, then give it the keyboard: there is no window manager to do it."""
    env = {"DISPLAY": f":{display}"}
    search = ("xdotool", "search", "--sync", "--onlyvisible", "--name", window, "windowfocus", "--sync")
    lab.run(short, *search, env=env, timeout=seconds)
