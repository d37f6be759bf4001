"""A short trial of one recipe: a laptop, a relay and an operator in a row, and what went over the laptop's wire."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dpkt

from tests.lab.net import Lab, stop

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.hand.tool import Human, Tool

LAPTOP, RELAY, OPERATOR = "192.0.2.2", "198.51.100.7", "203.0.113.9"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the laptop's capture holds: (time, whether it left the laptop, bytes of payload), the person, the pings."""

    packets: tuple[tuple[float, bool, int], ...]
    human: Human
    relay_ms: float
    operator_ms: float

    def sizes(self, *, out: bool) -> list[int]:
        """Return the payload sizes of one direction."""
        return [size for _, left, size in self.packets if left is out]

    def answered(self, sizes: range, loop_ms: float, slack_ms: float = 12.0) -> float:
        """Return the share of incoming packets of these sizes that come one loop after something left the laptop."""
        left = [moment for moment, out, _ in self.packets if out]
        lags = [
            any(abs((moment - before) * 1000 - loop_ms) <= slack_ms for before in left)
            for moment, out, size in self.packets
            if not out and size in sizes
        ]
        return sum(lags) / len(lags) if lags else 0.0


def run(tool: Tool, way: str, path: Path, seconds: float = 8, near_ms: float = 5, far_ms: float = 40) -> Seen:
    """Serve, view and drive a desktop ``direct``, through a ``splice`` relay or in ``reverse``; returns what was seen.

    Delays are one way.
    """
    with Lab() as lab:
        for short in "lro":
            lab.namespace(short, forward=short == "r")
        lab.delay(("l", "eth0", LAPTOP), ("r", "tun0", RELAY), near_ms)
        lab.delay(("r", "tun1", "203.0.113.1"), ("o", "tun0", OPERATOR), far_ms)
        lab.run("l", "ip", "route", "replace", "default", "via", RELAY)
        lab.run("o", "ip", "route", "replace", "default", "via", "203.0.113.1")
        pings = lab.ping_ms("l", RELAY, 3), lab.ping_ms("l", OPERATOR, 3)
        desk = tool.serve(lab, "l")
        if way == "splice":
            kind = "TCP" if tool.proto == "tcp" else "UDP4"
            ends = f"{kind}-LISTEN:{tool.port},fork,reuseaddr", f"{kind}:{LAPTOP}:{tool.port}"
            lab.start("r", "socat", *ends)
            lab.listening("r", tool.port)
        capture = lab.capture("l", "eth0", path)
        if way == "reverse":
            assert tool.reverse is not None
            screen = tool.view(lab, "o", "", 5999, desk)
            tool.reverse(lab, "l", OPERATOR, 5999, desk)
        else:
            screen = tool.view(lab, "o", "203.0.113.1" if way == "splice" else LAPTOP, tool.port, desk)
        time.sleep(3.0)
        human = tool.drive(lab, screen, seconds, 3)
        time.sleep(1.0)
        assert all(job.poll() is None for job in lab.jobs), lab.logs()
        stop(capture)
    return Seen(tuple(_packets(path)), human, *pings)


def _packets(path: Path) -> list[tuple[float, bool, int]]:
    """Return (time, left the laptop, payload bytes) of every packet with payload in a capture of raw IP."""
    out = []
    with path.open("rb") as handle:
        for moment, data in dpkt.pcap.Reader(handle):
            packet = dpkt.ip.IP(data)
            if size := len(packet.data.data):
                out.append((moment, packet.src == bytes(map(int, LAPTOP.split("."))), size))
    return out
