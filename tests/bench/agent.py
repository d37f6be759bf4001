"""How much processor time the agent takes: quiet, in ordinary use, and under a mouse that never rests.

The agent runs in a process of its own with real /proc and /sys, a real spool and a server on loopback. Input comes
through a pipe in the place of an event node: the bytes are those of the kernel, at the times at which a device sends
them. ``python -m tests.bench.agent [SECONDS]`` prints a line for each.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.agent.test_sender import receiving

ROOT = Path(__file__).resolve().parents[2]
INTERVAL_S = 60.0  # the default
#: Reports a second, and the share of each second in which they come.
LOADS = {"quiet": (0, 0.0), "ordinary use": (125, 0.3), "a 1000 Hz mouse that never rests": (1000, 1.0)}

AGENT = """
import struct, sys, threading, time
from pathlib import Path
from farmwatch.agent import evdev
from farmwatch.agent.linux import EventDevice, LinuxProbe
from farmwatch.agent.message import Messages
from farmwatch.agent.run import Collector, run_agent
from farmwatch.agent.sender import Server
from farmwatch.agent.spool import Spool

node, folder, url, token, interval, seconds = sys.argv[1:]
evdev.fcntl.ioctl = lambda *_: struct.pack("@6i", 0, 0, 9, 0, 0, 0)

class Probe(LinuxProbe):
    def inputs(self):
        return [EventDevice(Path(node), "046d:c077", "relative")]

probe, stop = Probe(), threading.Event()
print("up", flush=True)
threading.Timer(float(seconds), stop.set).start()
collector = Collector(probe, Messages(probe, "d", b"k"), float(interval), 30.0)
before, started = time.process_time(), time.monotonic()
run_agent(collector, Spool(Path(folder), 1 << 24), Server(url, Path(token)), once=False, stop=stop)
print(time.process_time() - before, time.monotonic() - started, flush=True)
"""


def share(rate: int, busy: float, seconds: float) -> float:
    """Processor time of the agent as a share of the time that passed, its start left out."""
    with tempfile.TemporaryDirectory(prefix="farmwatch-bench-") as folder, receiving() as server:
        node, token = Path(folder, "event0"), Path(folder, "token")
        os.mkfifo(node)
        token.write_text("t")
        arguments = [node, Path(folder, "spool"), f"http://127.0.0.1:{server.server_port}", token, INTERVAL_S, seconds]
        job = subprocess.Popen(
            [sys.executable, "-c", AGENT, *map(str, arguments)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert job.stdout is not None
        job.stdout.readline()
        pipe = os.open(node, os.O_RDWR)
        _move(pipe, rate, busy, seconds - 1)
        used, passed = map(float, job.stdout.read().split())
        job.stdout.close()
        job.wait()
        os.close(pipe)
    return used / passed


def _move(pipe: int, rate: int, busy: float, seconds: float) -> None:
    """Reports of two axes each, and a key press every fifth of a second."""
    end = time.monotonic() + seconds
    number = 0
    while (now := time.monotonic()) < end:
        number += 1
        if rate and now % 1 < busy:
            events = [(2, 0, 1), (2, 1, 1), *([(1, 30, 1)] if number % max(rate // 5, 1) == 0 else []), (0, 0, 0)]
            at = (int(now), int(now % 1 * 1e6))
            os.write(pipe, b"".join(struct.pack("@llHHi", *at, *event) for event in events))
            time.sleep(max(1 / rate - (time.monotonic() - now), 0))
        else:
            time.sleep(0.01)


def main() -> None:
    """All loads."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    for name, (rate, busy) in LOADS.items():
        print(f"{name}: {share(rate, busy, seconds):.2%} of one processor")


if __name__ == "__main__":
    main()
