"""Recipes for SSH: a prompt typed into through a terminal, and windows shown over X forwarding.

The server lets its own fresh key in and nothing else, and runs a script of ours whatever it is asked for: nothing typed
is run. Versions of OpenSSH that hide keystrokes are told apart by their captures, not here.
"""

from __future__ import annotations

import fcntl
import os
import pty
import shlex
import struct
import subprocess
import sys
import termios
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import net
from tests.lab.hand import human
from tests.lab.hand.tool import Desk, Human, Screen, Tool
from tests.lab.hand.tools import desktop, prompt

if TYPE_CHECKING:
    from tests.lab.net import Lab

PORT = 22
SSHD = "/usr/sbin/sshd"
WINDOW = "^forwarded$"
ROWS, COLUMNS = 40, 120


def _prompt(lab: Lab, what: str) -> str:
    """Return the command of a prompt, with another seed for each lab."""
    seed = zlib.crc32(lab.folder.name.encode())
    return shlex.join((sys.executable, prompt.__file__, what, str(seed)))


def _serve(lab: Lab, short: str, script: str = "") -> Desk:
    """Start an SSH server that runs a shell script for everybody; by default the prompt."""
    key, config, login = (lab.folder / f"desk-{name}" for name in ("key", f"sshd-{short}", f"login-{short}"))
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    login.write_text(f"#!/bin/sh\n{script or 'exec ' + _prompt(lab, 'shell')}\n")
    login.chmod(0o755)
    lines = (
        f"HostKey {key}", f"AuthorizedKeysFile {key}.pub", "StrictModes no", "UsePAM no", "PidFile none",
        "PermitRootLogin prohibit-password", "PasswordAuthentication no", "PrintMotd no", "PrintLastLog no",
        "PermitUserRC no", "X11Forwarding yes", "AddressFamily inet", f"ForceCommand {login}",
        f"SetEnv XAUTHORITY={lab.folder}/desk-authority",
    )  # fmt: skip
    config.write_text("\n".join(lines) + "\n")
    lab.start(short, SSHD, "-D", "-e", "-f", str(config), "-p", str(PORT))
    lab.listening(short, PORT)
    return Desk(short, 0, {"key": str(key)})


def _serve_windows(lab: Lab, short: str) -> Desk:
    """Start an SSH server that opens windows on the display of whoever logs in."""
    xterm = "xterm -fa Monospace -fs 9"
    script = (
        "xclock -update 1 -geometry 110x110-0+0 &\nxcalc -geometry 190x240-0+130 &\n"
        f"{xterm} -geometry 80x9+0-0 -T log -e {_prompt(lab, 'log')} &\n"
        f"exec {xterm} -geometry 80x28+0+0 -T forwarded -e {_prompt(lab, 'shell')}"
    )
    return _serve(lab, short, script)


def _login(address: str, port: int, desk: Desk, *more: str) -> tuple[str, ...]:
    """Return the client's command line."""
    options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes", "User=root")
    chosen = (part for option in options for part in ("-o", option))
    return "ssh", *chosen, "-F", "none", "-i", desk.extra["key"], "-p", str(port), *more, address


def _view(lab: Lab, short: str, address: str, port: int, desk: Desk) -> Screen:
    """Log in through a terminal of its own and wait for the prompt."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", ROWS, COLUMNS, 0, 0))
    log = lab.folder / f"{len(lab.jobs):02}-ssh.log"
    job = lab.start(short, *_login(address, port, desk, "-tt"), stdin=theirs)
    os.close(theirs)
    job.stdin = os.fdopen(ours, "wb", buffering=0)  # The lab closes it when it ends the job.
    net.wait_for(lambda: prompt.PROMPT.encode() in log.read_bytes(), "the prompt over SSH")
    return Screen(short, 0, "", {"terminal": str(ours), "process": str(job.pid)})


def _view_windows(lab: Lab, short: str, address: str, port: int, desk: Desk) -> Screen:
    """Log in with X forwarding and wait for the windows."""
    display = desktop.server(lab, short)
    lab.start(short, *_login(address, port, desk, "-Y"), env={"DISPLAY": f":{display}"})
    for window in ("^xclock$", "^Calculator$", "^log$", WINDOW):
        # Opening windows takes some 300 round trips of the whole way.
        desktop.focus(lab, short, display, window, seconds=300)
    # The first key from another keyboard makes every program ask for the keyboard's map again, once.
    lab.run(short, "xdotool", "key", "shift", env={"DISPLAY": f":{display}"})
    time.sleep(2.0)
    return Screen(short, display, WINDOW)


def _drive(lab: Lab, screen: Screen, seconds: float, seed: int) -> Human:
    """Have the person type into the terminal.

    Raises:
        OSError: when the connection ended meanwhile.
    """
    done = human.play_terminal(int(screen.extra["terminal"]), seconds, seed)
    if any(job.poll() is not None for job in lab.jobs if str(job.pid) == screen.extra["process"]):
        raise OSError(f"ssh ended early\n{lab.logs()}")
    return done


TOOLS = (
    Tool("ssh", ("ip", "ss", "ssh", "ssh-keygen", SSHD), "tcp", PORT, _serve, _view, _drive, loops=False),
    Tool(
        "ssh-x", ("ssh", "ssh-keygen", SSHD, "xauth", *desktop.PROGRAMS), "tcp", PORT,
        _serve_windows, _view_windows, human.drive_display,
    ),
)  # fmt: skip
"""The SSH recipes.

What is drawn over X forwarding is not answered; every few tens of kilobytes are, at once, by a window adjustment.
The plain shell's window is forty times as large, and a person's session does not fill it: it has no loop.
"""
