"""A server inside the test process, with limits small enough to meet."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace

import pytest
import uvicorn

from farmwatch.server.running import configured
from farmwatch.server.service import open_service
from farmwatch.server.settings import CaptureLimits, Limits, LogLimits, Settings
from farmwatch.store import open_store
from tests.server.serving import Served

LIMITS = Limits(
    body_bytes=1 << 20, body_rows=2000, body_s=8, idle_s=1, header_bytes=8192, header_s=1.5, keep_alive_s=2, write_s=1,
    connections=40, in_flight_bytes=4 << 20, rate_bytes_s=0, token_s=0.1,
)  # fmt: skip
LOG = LogLimits(segment_s=0.1, free_bytes=0)
CAPTURES = CaptureLimits(size_bytes=64 << 20, total_bytes=128 << 20, open_uploads=3)


class Inside(Served):
    """A server in this process."""

    def __init__(self, service, server, thread, port, secret) -> None:
        super().__init__(None, f"http://127.0.0.1:{port}")
        self.service, self.server, self.thread, self.secret = service, server, thread, secret

    def end(self) -> None:
        """Stop it."""
        self.server.should_exit = True
        self.thread.join(30)
        assert not self.thread.is_alive()
        self.service.finish(30)


@pytest.fixture
def settings(tmp_path) -> Settings:
    """What the server is told."""
    return Settings(
        str(tmp_path / "store"), tmp_path / "log", tmp_path / "captures", limits=LIMITS, log=LOG, captures=CAPTURES
    )


@pytest.fixture
def inside(settings):
    """Makes servers in this process; they end with the test."""
    made = []

    def make(**changes) -> Inside:
        chosen = replace(settings, **changes)
        state = open_store(chosen.store).state
        secret = state.add_token(f"tester-{len(made)}")
        service = open_service(chosen)
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        server = uvicorn.Server(configured(service))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        made.append(Inside(service, server, thread, listener.getsockname()[1], secret))
        return made[-1]

    yield make
    for one in made:
        one.end()


@pytest.fixture
def served(inside) -> Inside:
    """A server in this process."""
    return inside()
