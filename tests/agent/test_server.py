"""The agent and the server together, both killed at random moments: every message is in the store, once."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from farmwatch.agent.spool import Spool
from farmwatch.records import DeviceFact, Display, UsbDevice
from farmwatch.store import open_store
from tests.agent.tree import laptop
from tests.server import serving

ROOT = Path(__file__).resolve().parents[2]
AGENT = """
import sys, threading
from pathlib import Path
from farmwatch.agent.linux import LinuxProbe
from farmwatch.agent.message import Messages
from farmwatch.agent.run import Collector, run_agent
from farmwatch.agent.sender import Server
from farmwatch.agent.spool import Spool

class Whole(Messages):
    def make(self, *given):
        self.forget()
        message = super().make(*given)
        self.last = message["message_id"]
        return message

class Told(Spool):
    def append(self, message):
        kept = super().append(message)
        print(messages.last, flush=True)
        return kept

root, folder, url, token = sys.argv[1:]
probe = LinuxProbe(Path(root))
messages = Whole(probe, "LT-0142", b"k")
collector, spool = Collector(probe, messages, 0.05), Told(Path(folder), 8 << 20)
run_agent(collector, spool, Server(url, Path(token)), once=False, stop=threading.Event())
"""


@pytest.mark.timeout(300)
def test_both_killed_at_random_moments(tmp_path):
    """Eight rounds of kill -9 on either side: what the agent had spooled is in the store exactly once."""
    rng = random.Random(51)
    store, spool = tmp_path / "store", tmp_path / "spool"
    (tmp_path / "token").write_text(serving.token(store, "agent"))
    root, port = laptop(tmp_path / "root"), serving.free_port()
    arguments = [root, spool, f"http://127.0.0.1:{port}", tmp_path / "token"]
    kept: set[str] = set()
    served = serving.start(store, port=port)
    try:
        for number in range(8):
            job = subprocess.Popen(
                [sys.executable, "-c", AGENT, *map(str, arguments)], stdout=subprocess.PIPE, text=True, cwd=ROOT
            )
            first = job.stdout.readline()
            time.sleep(rng.uniform(0.2, 1.5))
            if number % 2:
                served.kill()
            job.kill()
            kept |= {first.strip(), *job.stdout.read().split("\n")[:-1]}
            job.wait()
            job.stdout.close()
            if number % 2:
                served = serving.start(store, port=port)
        _send_the_rest(arguments, spool)
        assert served.stop() == 0
    finally:
        if served.process.poll() is None:
            served.kill()
    lake = open_store(store)
    seen = Counter(row["record_id"].partition(":")[0] for row in lake.read(DeviceFact).to_pylist())
    assert kept <= seen.keys()
    assert set(seen.values()) == {1}
    assert len(kept) >= 8
    boxes = lake.read(UsbDevice).to_pylist()
    assert {row["hid_reports"].partition(",")[0] for row in boxes if row["serial"] == "CAFEBABE"} == {
        "81c9b5a7d7ecf4b9"
    }
    assert Counter(row["name"] for row in lake.read(Display).to_pylist())["PiKVM V4 Plus"] == len(seen)


def _send_the_rest(arguments: list[object], spool: Path) -> None:
    """Let an agent run that nobody kills, until the spool is empty."""
    job = subprocess.Popen([sys.executable, "-c", AGENT, *map(str, arguments)], stdout=subprocess.DEVNULL, cwd=ROOT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        job.wait(4)
    job.terminate()
    job.wait()
    state = json.loads((spool / "state.json").read_bytes())
    assert state["lost_messages"] == 0
    waiting = Spool(spool, 8 << 20)
    left = waiting.batch(1)
    waiting.close()
    if left is not None:
        _send_the_rest(arguments, spool)
