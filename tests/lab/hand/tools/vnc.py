"""Recipes for VNC: TigerVNC plain and over TLS, x11vnc beside a running X server, noVNC in a browser.

A viewer told to view no address listens on the port instead, for the driven side to dial (``reverse``).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from tests.lab.hand import human
from tests.lab.hand.tool import Desk, Screen, Tool
from tests.lab.hand.tools import desktop

if TYPE_CHECKING:
    from tests.lab.net import Lab

PORT, WEB_PORT, PAGE_PORT = 5900, 6080, 6081
PAGES = "/usr/share/novnc"
WINDOW = "TigerVNC$"
BROWSER = (
    "chromium", "--no-sandbox", "--test-type", "--disable-gpu", "--no-first-run", "--no-default-browser-check",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-dev-shm-usage", "--password-store=basic", "--window-position=0,0", "--window-size=1100,800",
)  # fmt: skip
"""A browser that makes no connections of its own."""


def _serve_xvnc(lab: Lab, short: str, security: str, port: int, *options: str) -> Desk:
    """Start a desktop whose X server is the VNC server."""
    display = desktop.server(
        lab, short, "Xvnc", "-SecurityTypes", security, "-geometry", desktop.SIZE, "-depth", "24", "-AlwaysShared",
        "-desktop", "desk", "-rfbport", str(port), *options,
    )  # fmt: skip
    lab.listening(short, port)
    desktop.work(lab, short, display)
    return Desk(short, display)


def _serve_x11vnc(lab: Lab, short: str) -> Desk:
    """Start a desktop on Xvfb, and x11vnc that watches it."""
    display = desktop.server(lab, short, "Xvfb", "-screen", "0", f"{desktop.SIZE}x24", "-nolisten", "tcp", "-noreset")
    desktop.work(lab, short, display)
    lab.start(
        short, "x11vnc", "-display", f":{display}", "-rfbport", str(PORT), "-forever", "-shared", "-nopw",
        "-desktop", "desk", "-noipv6", "-quiet", "-norc",
    )  # fmt: skip
    lab.listening(short, PORT)
    return Desk(short, display)


def _serve_novnc(lab: Lab, short: str) -> Desk:
    """Start a desktop on Xvnc, seen only from its own machine, and websockify in front of it."""
    desk = _serve_xvnc(lab, short, "None", PORT, "-localhost")
    lab.start(short, "websockify", str(WEB_PORT), f"127.0.0.1:{PORT}")
    lab.listening(short, WEB_PORT)
    return desk


def _view_vnc(lab: Lab, short: str, address: str, port: int, desk: Desk, security: str = "None") -> Screen:
    """Start TigerVNC's viewer; without an address it listens on the port."""
    display = desktop.server(lab, short)
    env = {"DISPLAY": f":{display}"}
    viewer = ("vncviewer", "-SecurityTypes", security, "-RemoteResize=0", "-Log", "*:stderr:30")
    if not address:
        lab.start(short, *viewer, "-listen", str(port), env=env)
        lab.listening(short, port)
        return Screen(short, display, WINDOW)
    lab.start(short, *viewer, f"{address}::{port}", env=env)
    desktop.focus(lab, short, display, WINDOW)
    return Screen(short, display, WINDOW)


def _view_novnc(lab: Lab, short: str, address: str, port: int, desk: Desk) -> Screen:
    """Open noVNC's page in a browser, from the viewer's own machine: only its websocket goes to the desktop."""
    lab.start(short, "python3", "-m", "http.server", str(PAGE_PORT), "--bind", "127.0.0.1", "-d", PAGES)
    lab.listening(short, PAGE_PORT)
    display = desktop.server(lab, short)
    page = f"--app=http://127.0.0.1:{PAGE_PORT}/vnc.html?autoconnect=true&host={address}&port={port}"
    profile = f"--user-data-dir={lab.folder}/browser-{short}"
    lab.start(short, *BROWSER, profile, page, env={"DISPLAY": f":{display}"})
    screen = Screen(short, display, "^desk - noVNC$")
    desktop.focus(lab, short, display, screen.window, seconds=90)
    lab.run(short, "xdotool", "mousemove", "550", "550", "click", "1", env={"DISPLAY": f":{display}"})
    return screen


def _dial_xvnc(lab: Lab, short: str, address: str, port: int, desk: Desk) -> None:
    """Have Xvnc dial a listening viewer."""
    lab.run(short, "vncconfig", "-connect", f"{address}:{port}", env={"DISPLAY": f":{desk.display}"})


def _dial_x11vnc(lab: Lab, short: str, address: str, port: int, desk: Desk) -> None:
    """Have x11vnc dial a listening viewer."""
    lab.run(short, "x11vnc", "-display", f":{desk.display}", "-sync", "-R", f"connect:{address}:{port}")


TOOLS = (
    Tool(
        "tigervnc", ("Xvnc", "vncviewer", "vncconfig", *desktop.PROGRAMS), "tcp", PORT,
        functools.partial(_serve_xvnc, security="None", port=PORT), _view_vnc, human.drive_display, _dial_xvnc,
    ),
    Tool(
        "tigervnc-tls", ("Xvnc", "vncviewer", "vncconfig", *desktop.PROGRAMS), "tcp", PORT,
        functools.partial(_serve_xvnc, security="TLSNone", port=PORT),
        functools.partial(_view_vnc, security="TLSNone"), human.drive_display, _dial_xvnc,
    ),
    Tool(
        "x11vnc", ("x11vnc", "vncviewer", *desktop.PROGRAMS), "tcp", PORT,
        _serve_x11vnc, _view_vnc, human.drive_display, _dial_x11vnc,
    ),
    Tool(
        "novnc", ("Xvnc", "websockify", f"{PAGES}/utils/novnc_proxy", "chromium", *desktop.PROGRAMS), "tcp", WEB_PORT,
        _serve_novnc, _view_novnc, human.drive_display,
    ),
)  # fmt: skip
"""The VNC recipes."""
