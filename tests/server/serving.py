"""Real servers for tests and benches: started as a process, asked over sockets, killed."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from farmwatch.store import open_store

START_S = 60.0
PROGRAM = ("-m", "farmwatch")


@dataclass
class Answer:
    """What a server said."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Served:
    """A running ``farmwatch serve``."""

    process: subprocess.Popen
    url: str
    said: list[str] = field(default_factory=list)  #: lines of standard error
    listener: threading.Thread | None = None  #: who reads them

    @property
    def port(self) -> int:
        """Its port."""
        return urlsplit(self.url).port

    def ask(self, method: str, path: str, body=None, *, token=None, headers=None, timeout=60) -> Answer:
        """One request on a connection of its own."""
        made = (
            http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=timeout, context=ssl._create_unverified_context()
            )
            if self.url.startswith("https")
            else http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        )
        given = dict(headers or {})
        if token is not None:
            given["Authorization"] = f"Bearer {token}"
        with contextlib.closing(made):
            made.request(method, path, body, given)
            answer = made.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def raw(self, data: bytes, *, wait: float = 20.0) -> bytes:
        """Bytes on a bare connection; what comes back until the server closes or is silent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(data)
            return received(connection)

    def kill(self) -> None:
        """End it with kill -9."""
        self.process.kill()
        self.process.wait()
        self.listener.join()

    def stop(self, timeout: float = 60.0) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        self.listener.join()
        return code


def received(connection: socket.socket) -> bytes:
    """Everything that comes until the end, a reset or silence."""
    parts = []
    with contextlib.suppress(OSError):
        while part := connection.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def start(store: Path, *options: str, port=0, environment=None, wait=True) -> Served:
    """Start a server, on a free port unless one is named, and wait until it listens."""
    command = [
        sys.executable, *PROGRAM, "serve", "--store", str(store), "--listen", f"127.0.0.1:{port}", *options
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
    )
    served = Served(process, "")
    listening = threading.Event()

    def listen() -> None:
        with process.stderr:
            for line in process.stderr:
                served.said.append(line.rstrip())
                if line.startswith("listening on "):
                    served.url = line.split()[2].rstrip(",")
                    listening.set()
        listening.set()

    served.listener = threading.Thread(target=listen, daemon=True)
    served.listener.start()
    if not wait:
        return served
    if not listening.wait(START_S) or not served.url:
        served.kill()
        raise AssertionError("the server did not start:\n" + "\n".join(served.said))
    return served


@contextlib.contextmanager
def serving(store: Path, *options: str, **more) -> Iterator[Served]:
    """A server for the length of a block; killed at the end if it still runs."""
    served = start(store, *options, **more)
    try:
        yield served
    finally:
        if served.process.poll() is None:
            served.kill()


def token(store: Path, name: str = "tester", kinds=()) -> str:
    """A token of a store."""
    return open_store(store).state.add_token(name, kinds)


def until(question, seconds: float = 30.0, step: float = 0.05):
    """Ask again and again until the answer is true; that answer."""
    end = time.monotonic() + seconds
    while not (answer := question()):
        if time.monotonic() > end:
            raise AssertionError("it did not come true in time")
        time.sleep(step)
    return answer
