"""Recipes for terminals other than SSH: a shell over TLS that dials out, mosh, one in the browser, telnet, QUIC.

All show :mod:`tests.lab.hand.tools.prompt`, so nothing typed is run. They differ in what a key is on the wire: a TLS
record of one byte, a datagram with prediction and late acknowledgements, a WebSocket message, a bare byte, a
frame of a stream in a datagram.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
import zlib
from typing import TYPE_CHECKING

from tests.lab import net
from tests.lab.hand import human
from tests.lab.hand.tool import Desk, Human, Screen, Tool
from tests.lab.hand.tools import prompt, quicshell, webshell

if TYPE_CHECKING:
    from tests.lab.net import Lab

SHELL_PORT, MOSH_PORT, WEB_PORT, TELNET_PORT, QUIC_PORT = 4433, 60001, 7681, 23, 4434
ROWS, COLUMNS = 40, 120
LOCALE = {"LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
SHELL = "pty,setsid,ctty,stderr,sane"
RAW = "stty raw -echo; exec "
"""What puts the operator's terminal into the mode in which each key goes out by itself."""


def _prompt(lab: Lab) -> tuple[str, ...]:
    """Return the command of the prompt, with another seed for each lab."""
    return sys.executable, prompt.__file__, "shell", str(zlib.crc32(lab.folder.name.encode()))


def _certificate(lab: Lab) -> tuple[str, str]:
    """Return the paths of a self-signed certificate and its key, made once for each lab."""
    paths = str(lab.folder / "terminal.crt"), str(lab.folder / "terminal.key")
    if not (lab.folder / "terminal.key").exists():
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
             "-out", paths[0], "-keyout", paths[1], "-subj", "/CN=terminal.example"],
            check=True, capture_output=True,
        )  # fmt: skip
    return paths


def _open(lab: Lab, short: str, *command: str, env: dict[str, str] | None = None, wait: bool = True) -> Screen:
    """Start a client on a terminal of its own; by default wait for the prompt in what it shows."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", ROWS, COLUMNS, 0, 0))
    before = set(lab.folder.glob("*.log"))
    job = lab.start(short, *command, env=LOCALE | (env or {}), stdin=theirs)
    (log,) = set(lab.folder.glob("*.log")) - before
    os.close(theirs)
    job.stdin = os.fdopen(ours, "wb", buffering=0)  # The lab closes it when it ends the job.
    if wait:
        shown = prompt.PROMPT.strip().encode()
        net.wait_for(lambda: shown in log.read_bytes(), f"the prompt of {command[0]}\n{lab.logs()}")
    return Screen(short, 0, "", {"terminal": str(ours), "process": str(job.pid)})


def _drive(lab: Lab, screen: Screen, seconds: float, seed: int) -> Human:
    """Have the person type into the terminal.

    Raises:
        OSError: when the connection ended meanwhile.
    """
    done = human.play_terminal(int(screen.extra["terminal"]), seconds, seed)
    if any(job.poll() is not None for job in lab.jobs if str(job.pid) == screen.extra["process"]):
        raise OSError(f"the terminal's client ended early\n{lab.logs()}")
    return done


def _serve_shell(lab: Lab, short: str) -> Desk:
    """Bind a shell over TLS to a port; :func:`_dial` is the same shell, dialling out."""
    certificate, key = _certificate(lab)
    listen = f"OPENSSL-LISTEN:{SHELL_PORT},fork,reuseaddr,nodelay,cert={certificate},key={key},verify=0"
    lab.start(short, "socat", listen, f"EXEC:{shlex.join(_prompt(lab))},{SHELL}")
    lab.listening(short, SHELL_PORT)
    return Desk(short, 0)


def _view_shell(lab: Lab, short: str, address: str, port: int, desk: Desk) -> Screen:
    """Connect to the shell, or without an address listen for it."""
    certificate, key = _certificate(lab)
    end = f"OPENSSL:{address}:{port},nodelay,verify=0"
    if not address:
        end = f"OPENSSL-LISTEN:{port},reuseaddr,nodelay,cert={certificate},key={key},verify=0"
    screen = _open(lab, short, "sh", "-c", f"{RAW}socat - {end}", wait=bool(address))
    if not address:
        lab.listening(short, port)
    return screen


def _dial(lab: Lab, short: str, address: str, port: int, desk: Desk) -> None:
    """Dial a listening operator and give it the shell."""
    lab.start(short, "socat", f"OPENSSL:{address}:{port},nodelay,verify=0", f"EXEC:{shlex.join(_prompt(lab))},{SHELL}")


def _serve_mosh(lab: Lab, short: str) -> Desk:
    """Start mosh's server by hand.

    It leaves its process group, so it gets a process namespace of its own, whose end is its end.
    """
    server = shlex.join(("mosh-server", "new", "-p", str(MOSH_PORT), "--", *_prompt(lab)))
    script = f'trap "exit 0" TERM; {server} < /dev/null; sleep infinity & wait'
    before = set(lab.folder.glob("*.log"))
    lab.start(short, "unshare", "--pid", "--fork", "sh", "-c", script, env=LOCALE)
    (log,) = set(lab.folder.glob("*.log")) - before
    told = re.compile(rf"MOSH CONNECT {MOSH_PORT} (\S{{22}})")
    net.wait_for(lambda: told.search(log.read_text(errors="replace")), "mosh's server")
    found = told.search(log.read_text(errors="replace"))
    assert found is not None
    return Desk(short, 0, {"key": found.group(1)})


def _view_mosh(lab: Lab, short: str, address: str, port: int, desk: Desk) -> Screen:
    """Start mosh's client with the key that its server told."""
    return _open(lab, short, "mosh-client", address, str(port), env={"MOSH_KEY": desk.extra["key"]})


def _serve_web(lab: Lab, short: str) -> Desk:
    """Serve a terminal over WebSocket and TLS."""
    lab.start(short, sys.executable, "-m", webshell.__name__, "serve", str(WEB_PORT), *_certificate(lab), *_prompt(lab))
    lab.listening(short, WEB_PORT)
    return Desk(short, 0)


def _view_web(lab: Lab, short: str, address: str, port: int, desk: Desk) -> Screen:
    """Open the terminal as its page does."""
    client = shlex.join((sys.executable, "-m", webshell.__name__, "view", address, str(port)))
    return _open(lab, short, "sh", "-c", RAW + client)


def _serve_telnet(lab: Lab, short: str) -> Desk:
    """Start a telnet server whose login is the prompt."""
    login = lab.folder / f"login-{short}"
    login.write_text(f"#!/bin/sh\nexec {shlex.join(_prompt(lab))}\n")
    login.chmod(0o755)
    lab.start(short, "busybox", "telnetd", "-F", "-p", str(TELNET_PORT), "-l", str(login))
    lab.listening(short, TELNET_PORT)
    return Desk(short, 0)


def _view_telnet(lab: Lab, short: str, address: str, port: int, desk: Desk) -> Screen:
    """Connect with a telnet client, which goes over to single keys when the server offers to echo."""
    return _open(lab, short, "busybox", "telnet", address, str(port))


def _serve_quic(lab: Lab, short: str) -> Desk:
    """Serve a terminal over QUIC."""
    certificate = _certificate(lab)
    lab.start(short, sys.executable, "-m", quicshell.__name__, "serve", str(QUIC_PORT), *certificate, *_prompt(lab))
    lab.listening(short, QUIC_PORT)
    return Desk(short, 0)


def _view_quic(lab: Lab, short: str, address: str, port: int, desk: Desk) -> Screen:
    """Open the terminal."""
    client = shlex.join((sys.executable, "-m", quicshell.__name__, "view", address, str(port)))
    return _open(lab, short, "sh", "-c", RAW + client)


_COMMON = ("ip", "ss")
TOOLS = (
    Tool(
        "reverse-shell", (*_COMMON, "socat", "openssl"), "tcp", SHELL_PORT,
        _serve_shell, _view_shell, _drive, _dial, loops=False,
    ),
    Tool(
        "mosh", (*_COMMON, "mosh-server", "mosh-client", "unshare"), "udp", MOSH_PORT,
        _serve_mosh, _view_mosh, _drive, loops=False,
    ),
    Tool("web-shell", (*_COMMON, "openssl"), "tcp", WEB_PORT, _serve_web, _view_web, _drive),
    Tool("telnet", (*_COMMON, "busybox"), "tcp", TELNET_PORT, _serve_telnet, _view_telnet, _drive, loops=False),
    Tool("quic-shell", (*_COMMON, "openssl"), "udp", QUIC_PORT, _serve_quic, _view_quic, _drive),
)  # fmt: skip
"""The recipes of terminals.

A shell's echo and telnet's are answered by nothing. mosh's client acknowledges what is shown, but holds that back for
100 ms (``ACK_DELAY`` of its transport sender): no answer of the path's length. A browser answers the pings of the
terminal's server at once.
"""
