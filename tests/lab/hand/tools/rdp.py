"""Recipes for RDP: FreeRDP's shadow server seen by the graphics pipeline or by RemoteFX, and xrdp before Xvnc or Xorg.

Each xrdp has a configuration, a certificate and a port of its own and is joined straight to an X server that stands
already; its session manager, which would log a user in, takes no part.
"""

from __future__ import annotations

import functools
import subprocess
from typing import TYPE_CHECKING

from tests.lab.hand import human
from tests.lab.hand.tool import Desk, Screen, Tool
from tests.lab.hand.tools import desktop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.net import Lab

PORT = 3389
WINDOW = "FreeRDP"
XORG_SIZE = "1024x768"
"""What xorgxrdp changes to as soon as it runs, whatever its modes say."""
XORG = """\
Section "ServerFlags"
    Option "DontVTSwitch" "on"
    Option "AutoAddDevices" "off"
    Option "AutoAddGPU" "off"
EndSection
Section "Module"
    Load "glamoregl"
    Load "xorgxrdp"
EndSection
Section "InputDevice"
    Identifier "xrdpKeyboard"
    Driver "xrdpkeyb"
EndSection
Section "InputDevice"
    Identifier "xrdpMouse"
    Driver "xrdpmouse"
EndSection
Section "Monitor"
    Identifier "Monitor"
    HorizSync 30-80
    VertRefresh 60-75
    Modeline "800x600" 40 800 840 968 1056 600 601 605 628 +hsync +vsync
EndSection
Section "Device"
    Identifier "Video"
    Driver "xrdpdev"
EndSection
Section "Screen"
    Identifier "Screen"
    Device "Video"
    Monitor "Monitor"
    DefaultDepth 24
    SubSection "Display"
        Depth 24
        Modes "800x600"
    EndSubSection
EndSection
Section "ServerLayout"
    Identifier "Layout"
    Screen "Screen"
    InputDevice "xrdpMouse" "CorePointer"
    InputDevice "xrdpKeyboard" "CoreKeyboard"
EndSection
"""
"""The X server xorgxrdp drives: no devices, one mode."""
XRDP = """\
[Globals]
ini_version=1
fork=true
port={port}
tcp_nodelay=true
security_layer=tls
certificate={folder}/xrdp.crt
key_file={folder}/xrdp.key
ssl_protocols=TLSv1.2, TLSv1.3
autorun=desk
allow_channels=true
bitmap_cache=true
bitmap_compression=true
bulk_compression=true
max_bpp=32
use_fastpath=both
[Logging]
LogFile={folder}/xrdp-own.log
LogLevel=INFO
EnableSyslog=false
[Channels]
drdynvc=true
[desk]
name=desk
username=na
password=na
"""


def _serve_shadow(lab: Lab, short: str) -> Desk:
    """Start a desktop on Xvfb, and FreeRDP's shadow server that watches it."""
    display = desktop.server(lab, short, "Xvfb", "-screen", "0", f"{desktop.SIZE}x24", "-nolisten", "tcp", "-noreset")
    desktop.work(lab, short, display)
    lab.start(short, "freerdp-shadow-cli", f"/port:{PORT}", "-auth", "/sec:tls", env={"DISPLAY": f":{display}"})
    lab.listening(short, PORT)
    return Desk(short, display)


def _start_xrdp(lab: Lab, short: str, backend: str) -> None:
    """Start xrdp, joined to a running X server by the lines of ``backend``."""
    folder: Path = lab.folder / f"xrdp-{short}"
    folder.mkdir()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=desk", "-days", "30",
         "-out", f"{folder}/xrdp.crt", "-keyout", f"{folder}/xrdp.key"],
        check=True, capture_output=True,
    )  # fmt: skip
    config = folder / "xrdp.ini"
    config.write_text(XRDP.format(port=PORT, folder=folder) + backend)
    lab.start(short, "xrdp", "--nodaemon", "--config", str(config))
    lab.listening(short, PORT)


def _serve_xrdp(lab: Lab, short: str) -> Desk:
    """Start a desktop on Xvnc, and xrdp that turns it into RDP."""
    inner = 5900
    display = desktop.server(
        lab, short, "Xvnc", "-SecurityTypes", "None", "-geometry", desktop.SIZE, "-depth", "24", "-AlwaysShared",
        "-localhost", "-rfbport", str(inner),
    )  # fmt: skip
    lab.listening(short, inner)
    desktop.work(lab, short, display)
    _start_xrdp(lab, short, f"lib=libvnc.so\nip=127.0.0.1\nport={inner}\n")
    return Desk(short, display)


def _serve_xorgxrdp(lab: Lab, short: str) -> Desk:
    """Start a desktop on Xorg with xorgxrdp's own driver, and xrdp in front of it."""
    config = lab.folder / f"xorg-{short}.conf"
    config.write_text(XORG)
    display = desktop.server(
        lab, short, "/usr/lib/xorg/Xorg", "-config", str(config), "-noreset", "-nolisten", "tcp", "-novtswitch",
        "-logfile", f"{lab.folder}/xorg-{short}.log",
        env={"XRDP_SOCKET_PATH": str(lab.folder)},
    )  # fmt: skip
    desktop.work(lab, short, display)
    _start_xrdp(lab, short, f"lib=libxup.so\nip=127.0.0.1\nport={lab.folder}/xrdp_display_{display}\ncode=20\n")
    return Desk(short, display)


def _view(
    lab: Lab, short: str, address: str, port: int, desk: Desk, size: str = desktop.SIZE, modes: tuple[str, ...] = ()
) -> Screen:
    """Start FreeRDP's viewer."""
    display = desktop.server(lab, short)
    lab.start(
        short, "xfreerdp", f"/v:{address}:{port}", "/u:desk", "/p:desk", "/cert:ignore", *modes, "/sec:tls",
        f"/size:{size}", env={"DISPLAY": f":{display}"},
    )  # fmt: skip
    desktop.focus(lab, short, display, WINDOW)
    return Screen(short, display, WINDOW)


_SHADOW = ("freerdp-shadow-cli", "xfreerdp", *desktop.PROGRAMS)
TOOLS = (
    Tool(
        "freerdp-gfx", _SHADOW, "tcp", PORT,
        _serve_shadow, functools.partial(_view, modes=("/gfx:AVC420",)), human.drive_display,
    ),
    Tool(
        "freerdp-rfx", _SHADOW, "tcp", PORT,
        _serve_shadow, functools.partial(_view, modes=("/rfx",)), human.drive_display,
    ),
    Tool(
        "xrdp", ("xrdp", "Xvnc", "xfreerdp", "openssl", *desktop.PROGRAMS), "tcp", PORT,
        _serve_xrdp, _view, human.drive_display, loops=False,
    ),
    Tool(
        "xrdp-xorg", ("xrdp", "/usr/lib/xorg/Xorg", "xfreerdp", "openssl", *desktop.PROGRAMS), "tcp", PORT,
        _serve_xorgxrdp, functools.partial(_view, size=XORG_SIZE), human.drive_display, loops=False,
    ),
)  # fmt: skip
"""The RDP recipes.

FreeRDP 2's shadow server uses the graphics pipeline for H.264 alone; asked for anything else there it falls back to
bitmaps that nobody acknowledges. xrdp sends pictures without asking for frame acknowledgements, so it has no loop.
"""
