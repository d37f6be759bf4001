"""The agent at work beside a server: started, stopped, killed, and sent again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from farmwatch.agent.linux import LinuxProbe
from farmwatch.agent.message import Messages
from farmwatch.agent.run import Collector, default_spool, run_agent
from farmwatch.agent.sender import Server
from farmwatch.agent.spool import Losses, Spool
from tests.agent.test_sender import receiving, token  # noqa: F401 (a fixture)
from tests.agent.tree import laptop

ROOT = Path(__file__).resolve().parents[2]


def collector(root, interval=0.1):
    probe = LinuxProbe(root)
    return Collector(probe, Messages(probe, "d", b"k"), interval)


def received(server):
    return [json.loads(line) for *_, body in server.seen for line in body.splitlines()]


def test_once(tmp_path, token):  # noqa: F811 (the fixture)
    """One message goes out and the spool is empty; input could not be timed, and the message says so."""
    spool = Spool(tmp_path / "spool", 1 << 20)
    with receiving() as server:
        url = f"http://127.0.0.1:{server.server_port}"
        run_agent(collector(laptop(tmp_path / "root")), spool, Server(url, token), once=True, stop=threading.Event())
    (message,) = received(server)
    assert message["not_available"]["input"].startswith("timing needs a running agent")
    assert spool.batch(1) is None


def test_runs_until_stopped(tmp_path, token):  # noqa: F811 (the fixture)
    """Messages are numbered without gaps, and the last one is sent at the end."""
    spool, stop = Spool(tmp_path / "spool", 1 << 20), threading.Event()
    with receiving(503, 200) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        threading.Timer(4.0, stop.set).start()
        run_agent(collector(laptop(tmp_path / "root")), spool, Server(url, token), once=False, stop=stop)
    numbers = [message["sequence"] for message in received(server)]
    assert sorted(set(numbers)) == list(range(1, max(numbers) + 1))
    assert max(numbers) >= 5
    assert spool.batch(1) is None
    assert spool.losses == Losses()


SCRIPT = """
import sys, threading
from pathlib import Path
from farmwatch.agent.linux import LinuxProbe
from farmwatch.agent.message import Messages
from farmwatch.agent.run import Collector, run_agent
from farmwatch.agent.sender import Server
from farmwatch.agent.spool import Spool
root, folder, url, token = sys.argv[1:]
probe = LinuxProbe(Path(root))
spool = Spool(Path(folder), 1 << 20)
collector = Collector(probe, Messages(probe, "d", b"k"), 0.02)
print("up", flush=True)
run_agent(collector, spool, Server(url, Path(token)), once=False, stop=threading.Event())
"""


def test_killed_and_started_again(tmp_path, token):  # noqa: F811 (the fixture)
    """Ten times kill -9: what was spooled is sent by the next run, each message at least once, none half."""
    laptop(tmp_path / "root")
    with receiving(*[200, 503] * 40) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        arguments = [str(tmp_path / "root"), str(tmp_path / "spool"), url, str(token)]
        for number in range(10):
            job = subprocess.Popen([sys.executable, "-c", SCRIPT, *arguments], stdout=subprocess.PIPE, cwd=ROOT)
            job.stdout.readline()
            time.sleep(0.15 + 0.03 * number)
            job.send_signal(signal.SIGKILL)
            job.wait()
            job.stdout.close()
        spool = Spool(tmp_path / "spool", 1 << 20)
        run_agent(collector(tmp_path / "root"), spool, Server(url, token), once=True, stop=threading.Event())
        waited = time.monotonic() + 20
        while spool.batch(1) is not None and time.monotonic() < waited:
            run_agent(collector(tmp_path / "root"), spool, Server(url, token), once=True, stop=threading.Event())
    assert spool.batch(1) is None
    ids = [message["message_id"] for message in received(server)]
    assert len(set(ids)) >= 11
    assert spool.losses == Losses()


@pytest.mark.parametrize("root", [True, False])
def test_default_spool(monkeypatch, root):
    """Root keeps it with the system's state, others with their own."""
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    assert (default_spool() == Path("/var/lib/farmwatch/agent")) is root
    assert default_spool().name == "agent"
