"""A link between two network namespaces: two TUN interfaces and a process that carries packets late, or not at all.

Why not ``tc netem``: many kernels, and containers among them, have no netem. TUN rather than a packet socket on a veth
pair, because the kernel completes checksums and segments before a TUN interface hands a packet over. Packets stay in
order unless told otherwise. Run as a program: ``python -m tests.lab.link JSON``; it prints ``ready`` when both ends
are up.

One thread waits for packets and for the time they are due. Under the real-time scheduler that wait ends on time even
on a busy machine; where that is not permitted the last half millisecond is spun away instead.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import json
import math
import os
import random
import select
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001
PR_SET_TIMERSLACK = 29
QUEUE_S = 0.4  # a rate-limited end drops what would wait longer: a home router's buffer, roughly
_SIGMA = 0.8  # of the log-normal law: a tail heavier than the exponential's, as of shared radio


@dataclass(frozen=True, slots=True)
class Link:
    """Two ends (namespace, interface, address) and what happens between them, the same in both directions.

    ``delay_ms`` is one way. ``jitter_ms`` is the mean of a delay added to each packet, by the law ``exponential`` or
    ``lognormal``. ``loss`` and ``reorder`` are shares of packets: dropped, and held back by 1 to 5 ms without holding
    back those behind. ``rate_mbit`` limits the rate (0: unlimited), with a queue of :data:`QUEUE_S`.
    """

    near: tuple[str, str, str]
    far: tuple[str, str, str]
    delay_ms: float
    jitter_ms: float = 0.0
    seed: int = 1
    law: str = "exponential"
    loss: float = 0.0
    reorder: float = 0.0
    rate_mbit: float = 0.0

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
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN_NO_PI))
    subprocess.run(["ip", "addr", "add", address, "peer", peer, "dev", name], check=True)
    subprocess.run(["ip", "link", "set", name, "up", "mtu", "1500"], check=True)
    return tun


class Lane:
    """One direction of a link: decides when each packet leaves, or that it does not."""

    def __init__(self, link: Link, seed: int) -> None:
        self.link, self.rng = link, random.Random(seed)
        self.last = self.free = 0.0

    def due(self, now: float, size: int) -> float | None:
        """Return the time at which a packet of so many bytes that comes now leaves; ``None`` when it is dropped."""
        link, rng = self.link, self.rng
        if link.loss and rng.random() < link.loss:
            return None
        if link.rate_mbit:
            if self.free - now > QUEUE_S:
                return None
            now = self.free = max(self.free, now) + size * 8e-6 / link.rate_mbit
        extra = 0.0
        if link.jitter_ms:
            if link.law == "lognormal":
                extra = rng.lognormvariate(math.log(link.jitter_ms) - _SIGMA**2 / 2, _SIGMA)
            else:
                extra = rng.expovariate(1 / link.jitter_ms)
        due = max(self.last, now + (link.delay_ms + extra) / 1000)
        if link.reorder and rng.random() < link.reorder:
            return due + rng.uniform(0.001, 0.005)
        self.last = due
        return due


def on_time() -> bool:
    """Ask for the real-time scheduler and exact timers; returns whether the wait needs no spinning."""
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(20))
    except PermissionError:
        return False
    return True


def carry(near: int, far: int, link: Link, until: int, *, exact: bool) -> None:
    """Carry packets between two TUN descriptors until the descriptor ``until`` can be read (it is closed).

    ``exact`` says that the scheduler wakes on time; otherwise the last half millisecond of each wait is spun.
    """
    other = {near: far, far: near}
    lanes = {near: Lane(link, link.seed), far: Lane(link, link.seed + 1)}
    waiting: list[tuple[float, int, int, bytes]] = []
    count, early = 0, 0.0 if exact else 0.0005
    clock, watched = time.monotonic, [near, far, until]
    while True:
        pause = waiting[0][0] - clock() - early if waiting else None
        # select rather than poll: its timeout has microseconds.
        ready = select.select(watched, (), (), max(pause, 0.0) if pause is not None else None)[0]
        if until in ready:
            return
        for source in ready:
            for packet in _arrived(source):
                count += 1
                due = lanes[source].due(clock(), len(packet))
                if due is not None:
                    heapq.heappush(waiting, (due, count, other[source], packet))
        while waiting and waiting[0][0] - clock() <= early:
            while not exact and waiting[0][0] > clock():
                pass
            _, _, target, packet = heapq.heappop(waiting)
            _send(target, packet)


def _arrived(source: int, most: int = 64) -> list[bytes]:
    """Read the packets that wait at a TUN descriptor."""
    out: list[bytes] = []
    while len(out) < most:
        try:
            out.append(os.read(source, 65536))
        except BlockingIOError:
            break
    return out


def _send(target: int, packet: bytes, write: Callable[[int, bytes], int] = os.write) -> None:
    """Hand a packet over; a full interface drops it, as an interface does."""
    try:
        write(target, packet)
    except BlockingIOError:
        return


def main() -> int:
    """Run one link until standard input closes."""
    values = json.loads(sys.argv[1])
    link = Link(**{**values, "near": tuple(values["near"]), "far": tuple(values["far"])})
    near = open_tun(link.near, link.far[2])
    far = open_tun(link.far, link.near[2])
    exact = on_time()
    print("ready", flush=True)
    carry(near, far, link, sys.stdin.fileno(), exact=exact)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
