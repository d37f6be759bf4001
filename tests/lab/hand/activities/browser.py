"""A person at the laptop's own keyboard, at work in a web browser: Chromium on a display of the laptop's own.

Keys are pressed on the laptop, so whatever crosses the network is the application's doing. None of it is remote
control, and all of it is role *none*.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.lab import net
from tests.lab.hand import human
from tests.lab.hand.activities import site
from tests.lab.hand.ground import Ground, Label
from tests.lab.hand.tool import Human, Screen

WINDOW = "^desk$"
"""The name of the browser's window, from the page's title."""

_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync",
    "--disable-component-update", "--disable-dev-shm-usage", "--disable-extensions", "--mute-audio",
    "--password-store=basic", "--window-size=900,700", "--window-position=0,0", "--disable-features=Translate",
    "--ignore-certificate-errors",
)  # fmt: skip


def open_browser(
    ground: Ground, short: str, page: str, address: str, *, quic: bool = False, names: bool = False
) -> int:
    """Open a page in Chromium on a display of its own in a namespace; returns the display's number.

    With ``names`` the browser asks the namespace's resolver; otherwise it takes every name to be at ``address``.
    """
    lab, number = ground.lab, net.free_display()
    lab.start(short, "Xvfb", f":{number}", "-screen", "0", "900x700x24", "-nolisten", "tcp")
    net.wait_for(lambda: Path(f"/tmp/.X11-unix/X{number}").exists(), f"display {number}\n{lab.logs()}")
    flags = [*_FLAGS, f"--user-data-dir={lab.folder}/profile-{short}"]
    flags += [] if names else [f"--host-resolver-rules=MAP * {address}"]
    if quic:
        spki = site.fingerprint(lab)
        flags += ["--enable-quic", f"--origin-to-force-quic-on={site.NAME}:443"]
        flags += [f"--ignore-certificate-errors-spki-list={spki}"]
    lab.start(short, "chromium", *flags, f"--app=https://{site.NAME}/page/{page}", env={"DISPLAY": f":{number}"})
    lab.run(
        short, "xdotool", "search", "--sync", "--onlyvisible", "--name", WINDOW, "windowfocus",
        env={"DISPLAY": f":{number}"}, timeout=90,
    )  # fmt: skip
    time.sleep(1.5)
    return number


def type_on(ground: Ground, short: str, display: int, seconds: float, seed: int) -> Human:
    """Let the person type and point on a display of a namespace; returns what they did."""
    return human.drive_display(ground.lab, Screen(short, display, WINDOW), seconds, seed)


def _work(
    ground: Ground, seconds: float, seed: int, *, page: str, keys: bool = False, quic: bool = False,
) -> list[Label]:  # fmt: skip
    site.start(ground.lab, "w", ground.office, seed, quic=quic)
    display = open_browser(ground, "l", page, ground.office, quic=quic)
    if keys:
        type_on(ground, "l", display, seconds, seed)
    else:
        time.sleep(seconds)
    return []


def browse_many_names(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Read pages whose pictures come from hundreds of hosts, each looked up by name at the home router."""
    lab = ground.lab
    lab.start("g", sys.executable, "-m", "tests.lab.website", "dns", ground.router, ground.office)
    lab.listening("g", 53)
    lab.resolver("l", ground.router)
    site.start(lab, "w", ground.office, seed)
    open_browser(ground, "l", "names", ground.office, names=True)
    time.sleep(seconds)
    return []


def web_terminal(ground: Ground, seconds: float, seed: int) -> list[Label]:
    """Type in a terminal in the browser that runs on an office server: the laptop's person drives it."""
    site.start(ground.lab, "w", ground.office, seed)
    display = open_browser(ground, "l", "terminal", ground.office)
    did = type_on(ground, "l", display, seconds, seed)
    # Only keys reach the server: what the pointer does stays in the browser.
    return [ground.label(remote=f"{ground.office}:443", role="controlling", tool="web-terminal", keys=did.keys)]


def page(name: str, *, keys: bool = False, quic: bool = False) -> Callable[[Ground, float, int], list[Label]]:
    """Return the activity of working in a page of the site, typing or only watching."""
    return functools.partial(_work, page=name, keys=keys, quic=quic)
