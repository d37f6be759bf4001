"""A link with delay between two network namespaces: two TUN interfaces and a process that carries packets late.

Why not ``tc netem``: many kernels, and containers among them, have no netem. TUN rather than a packet socket on a veth
pair, because the kernel completes checksums and segments before a TUN interface hands a packet over. Packets stay in
order. Run as a program: ``python -m tests.lab.link JSON``; it prints ``ready`` when both ends are up.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import queue
import random
import struct
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001


@dataclass(frozen=True, slots=True)
class Link:
    """Two ends (namespace, interface, address) and the one-way delay between them in milliseconds.

    ``jitter_ms`` is the mean of an exponential delay added to each packet.
    """

    near: tuple[str, str, str]
    far: tuple[str, str, str]
    delay_ms: float
    jitter_ms: float = 0.0
    seed: int = 1

    def arguments(self) -> list[str]:
        """Return the command that runs this link."""
        return [sys.executable, "-m", "tests.lab.link", json.dumps(asdict(self))]


def open_tun(end: tuple[str, str, str], peer: str) -> int:
    """Open a TUN interface inside a named namespace and bring it up; returns its file descriptor.

    The calling process stays in that namespace.

    Raises:
        OSError: when the namespace or /dev/net/tun cannot be used.
    """
    namespace, name, address = end
    with Path(f"/run/netns/{namespace}").open() as handle:
        if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN_NO_PI))
    subprocess.run(["ip", "addr", "add", address, "peer", peer, "dev", name], check=True)
    subprocess.run(["ip", "link", "set", name, "up", "mtu", "1500"], check=True)
    return tun


def carry(source: int, target: int, link: Link, seed: int) -> None:
    """Start two threads that carry packets one way, each after its delay."""
    rng, waiting = random.Random(seed), queue.SimpleQueue[tuple[float, bytes]]()

    def read() -> None:
        due = 0.0
        while True:
            packet = os.read(source, 65536)
            extra = rng.expovariate(1 / link.jitter_ms) if link.jitter_ms else 0.0
            due = max(due, time.monotonic() + (link.delay_ms + extra) / 1000)
            waiting.put((due, packet))

    def write() -> None:
        while True:
            due, packet = waiting.get()
            # Sleep to within half a millisecond and spin the rest: sleep alone wakes late.
            if (pause := due - time.monotonic() - 0.0005) > 0:
                time.sleep(pause)
            while time.monotonic() < due:
                pass
            os.write(target, packet)

    for job in (read, write):
        threading.Thread(target=job, daemon=True).start()


def main() -> int:
    """Run one link until standard input closes."""
    values = json.loads(sys.argv[1])
    link = Link(**{**values, "near": tuple(values["near"]), "far": tuple(values["far"])})
    near = open_tun(link.near, link.far[2])
    far = open_tun(link.far, link.near[2])
    carry(near, far, link, link.seed)
    carry(far, near, link, link.seed + 1)
    print("ready", flush=True)
    sys.stdin.read()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
