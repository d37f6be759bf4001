"""A page in Chromium, asked over its debugging protocol: what it measured, what it complained of."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

START_S = 30.0


class Tab:
    """One tab: commands, and the events that came meanwhile."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to a command."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            said = json.loads(self._socket.recv(timeout=START_S))
            if said.get("id") == number:
                return said.get("result", {})
            self.events.append(said)

    def value(self, expression: str) -> Any:
        """What an expression gives in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def open(self, page: Path) -> float:
        """Open a page; seconds until it was loaded and had been laid out and painted once."""
        self.call("Page.navigate", url=page.as_uri())
        while not self.value("document.readyState === 'complete' && performance.timing.loadEventEnd > 0"):
            time.sleep(0.02)
        painted = "new Promise(done => requestAnimationFrame(() => setTimeout(() => done(performance.now()), 0)))"
        return float(self.value(painted)) / 1000

    def complaints(self) -> list[str]:
        """Errors and violations of the page's policy."""
        self.value("1")
        return [json.dumps(event["params"]) for event in self.events
                if event.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown")]  # fmt: skip

    def requests(self) -> list[str]:
        """Addresses the page asked for."""
        return [event["params"]["request"]["url"] for event in self.events
                if event.get("method") == "Network.requestWillBeSent"]  # fmt: skip


@contextlib.contextmanager
def tab(folder: Path) -> Iterator[Tab]:
    """A tab of a browser without a window, ended with the block."""
    command = [
        shutil.which("chromium") or "", "--headless", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0",
        f"--user-data-dir={folder / 'profile'}", "--window-size=1200,900", "about:blank",
    ]  # fmt: skip
    if os.geteuid() == 0:
        command.insert(1, "--no-sandbox")
    with (folder / "chromium.err").open("wb") as errors:
        process = subprocess.Popen(command, stderr=errors, stdout=subprocess.DEVNULL)
    try:
        port = _port(folder / "chromium.err")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=START_S) as answer:
            (page, *_) = [one for one in json.load(answer) if one["type"] == "page"]
        with connect(page["webSocketDebuggerUrl"], max_size=None, origin=None) as socket:
            opened = Tab(socket)
            for domain in ("Page", "Runtime", "Log", "Network"):
                opened.call(f"{domain}.enable")
            yield opened
    finally:
        process.terminate()
        process.wait(timeout=START_S)


def _port(log: Path) -> str:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if found := re.search(r"ws://127\.0\.0\.1:(\d+)/", log.read_text(errors="replace")):
            return found[1]
        time.sleep(0.05)
    raise AssertionError(log.read_text(errors="replace"))
