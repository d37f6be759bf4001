"""The ground the scenarios stand on: five namespaces, three links, captures, and pings that say what is true.

::

    l laptop --veth-- g home router --near leg-- r relay --far leg-- o operator
                      g home router --corporate leg-- w office

Legs are given as round trips in milliseconds. The far leg has the scenario's jitter, the near leg a quarter of it; both
lose the scenario's share of packets.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab import net
from tests.lab.net import Lab

LAPTOP_MAC, ROUTER_MAC = "f8:bc:12:63:0a:31", "74:ac:b9:47:61:31"
PINGS = 40


@dataclass(frozen=True, slots=True)
class Legs:
    """Round trips of the three legs in milliseconds, and how bad the way over the relay is."""

    near_ms: float = 10.0
    far_ms: float = 150.0
    office_ms: float = 20.0
    jitter_ms: float = 0.0
    loss: float = 0.0
    law: str = "exponential"
    reorder: float = 0.0
    rate_mbit: float = 0.0


@dataclass(frozen=True, slots=True)
class Label:
    """The truth about one flow of a capture, or one session: a row of ``labels.csv``.

    ``local`` and ``remote`` are "address:port" with ``*`` for any port. Round trips are in milliseconds; ``None`` says
    that there is none to find.
    """

    local: str
    remote: str
    role: str = "none"
    tool: str = ""
    proto: str = "tcp"
    way: str = "direct"
    evasion: str = ""
    vantage: str = "laptop"
    transport_rtt_ms: float | None = None
    loop_rtt_ms: float | None = None
    keys: int = 0
    clicks: int = 0
    moves: int = 0
    operator: str = ""
    relay: str = ""


@dataclass(slots=True)
class Ground:
    """Namespaces in place, their addresses, the seed of the links, and the round trips ping measured.

    ``pings`` has the median, ``least`` the smallest round trip from the laptop to ``relay``, ``operator`` and
    ``office``, in milliseconds.
    """

    lab: Lab
    legs: Legs
    seed: int = 0
    laptop: str = "10.44.1.23"
    router: str = "10.44.1.1"
    wan: str = "198.51.100.1"
    relay: str = "198.51.100.7"
    relay_far: str = "203.0.113.1"
    operator: str = "203.0.113.9"
    corporate: str = "10.80.0.1"
    office: str = "10.80.0.5"
    pings: dict[str, float] = field(default_factory=dict)
    least: dict[str, float] = field(default_factory=dict)

    def build(self) -> None:
        """Make the namespaces, cable them, and set the routes."""
        lab, legs = self.lab, self.legs
        for short, forward in (("l", False), ("g", True), ("r", True), ("o", False), ("w", False)):
            lab.namespace(short, forward=forward)
        lab.wire(("l", "eth0", f"{self.laptop}/24", LAPTOP_MAC), ("g", "lan", f"{self.router}/24", ROUTER_MAC))
        lab.delay(
            ("g", "wan", self.wan), ("r", "tun0", self.relay), legs.near_ms / 2, legs.jitter_ms / 4,
            law=legs.law, loss=legs.loss, rate_mbit=legs.rate_mbit, seed=self.seed,
        )  # fmt: skip
        lab.delay(
            ("r", "tun1", self.relay_far), ("o", "tun0", self.operator), legs.far_ms / 2, legs.jitter_ms,
            law=legs.law, loss=legs.loss, reorder=legs.reorder, seed=self.seed,
        )  # fmt: skip
        lab.delay(
            ("g", "corp", self.corporate), ("w", "tun0", self.office), legs.office_ms / 2, legs.jitter_ms / 4,
            seed=self.seed,
        )  # fmt: skip
        for short, via in (("l", self.router), ("r", self.wan), ("o", self.relay_far), ("w", self.corporate)):
            lab.run(short, "ip", "route", "replace", "default", "via", via)
        lab.run("g", "ip", "route", "add", "203.0.113.0/24", "via", self.relay)

    def measure(self) -> None:
        """Ping the relay, the operator and the office from the laptop.

        Raises:
            ValueError: when a round trip is off by more than 2 ms and the jitter: the truth would not be true.
        """
        near, far, office = self.legs.near_ms, self.legs.far_ms, self.legs.office_ms
        paths = {
            "relay": (self.relay, near, 0.5),
            "operator": (self.operator, near + far, 2.5),
            "office": (self.office, office, 0.5),
        }
        with ThreadPoolExecutor(len(paths)) as pool:
            found = dict(zip(paths, pool.map(self._ping, [address for address, _, _ in paths.values()]), strict=True))
        for name, (_, wanted, share) in paths.items():
            self.pings[name], self.least[name] = round(statistics.median(found[name]), 2), min(found[name])
            if not -0.5 <= self.least[name] - wanted <= 2.0 + share * self.legs.jitter_ms:
                raise ValueError(f"ping to the {name}: {self.least[name]} ms where {wanted} ms were set")

    def _ping(self, address: str) -> list[float]:
        self.lab.run("l", "ping", "-n", "-q", "-c", "3", "-i", "0.2", "-W", "2", address)  # ARP, and everybody awake
        text = self.lab.run("l", "ping", "-n", "-c", str(PINGS), "-i", "0.05", "-W", "2", address)
        return [float(value) for value in re.findall(r"time=([\d.]+)", text)]

    def label(self, *, remote: str, role: str, **values: object) -> Label:
        """Return a label of the laptop's flow to a remote; the transport round trip is that of the remote's place."""
        ends = {self.relay: "relay", self.operator: "operator", self.office: "office"}
        end = ends.get(remote.rsplit(":", 1)[0])
        facts: dict[str, object] = {"transport_rtt_ms": self.pings.get(end) if end else None}
        if role == "controlling":
            facts["operator"] = "local"
        return Label(local=f"{self.laptop}:*", remote=remote, role=role, **{**facts, **values})  # type: ignore[arg-type]


@contextmanager
def ground(legs: Legs, seed: int = 0) -> Iterator[Ground]:
    """Build the ground, measure it, and take it away at the end; jitter and loss follow from the seed."""
    with Lab() as lab:
        place = Ground(lab, legs, seed)
        place.build()
        place.measure()
        yield place


@dataclass(slots=True)
class Tape:
    """Captures running on a ground, by vantage: ``laptop``, ``gateway``, ``corporate``."""

    jobs: dict[str, tuple[Path, subprocess.Popen[bytes]]] = field(default_factory=dict)

    @classmethod
    def on(cls, place: Ground, base: Path, vantages: tuple[str, ...] = ("laptop",)) -> Tape:
        """Start capturing into ``base`` (a path without suffix) at each vantage."""
        spots = {
            "laptop": ("l", "eth0", ""),
            "gateway": ("g", "lan", ".gateway"),
            "corporate": ("w", "tun0", ".corporate"),
        }
        tape = cls()
        for vantage in vantages:
            short, interface, suffix = spots[vantage]
            path = base.with_name(f"{base.name}{suffix}.pcap")
            path.unlink(missing_ok=True)
            tape.jobs[vantage] = path, place.lab.capture(short, interface, path)
        return tape

    def stop(self) -> dict[str, Path]:
        """End the captures once the last packets are in; returns the files by vantage."""
        time.sleep(0.5)
        for _, job in self.jobs.values():
            net.stop(job)
        return {vantage: path for vantage, (path, _) in self.jobs.items()}
