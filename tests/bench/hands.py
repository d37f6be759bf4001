"""Time the analysis of sessions: ``python -m tests.bench.hands`` judges 10,000 candidate flows and prints seconds.

The flows are simulated (seeded), 200 to 3000 messages each and as many short as long ones on a logarithmic scale: a
third remote screens and shells seen from either end, the rest what else passes for a candidate (web, tickers, media,
chatter). Bar: 20 s of one processor core. Processor seconds are judged, so that other work on the machine does not
matter; wall seconds and the peak of resident memory are printed beside them.
"""

from __future__ import annotations

import argparse
import re
import resource
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from farmwatch.analysis.sessions.hands import hands, measured_flows
from farmwatch.records import DeviceFlow, FlowSeries, Tables
from tests.analysis.sessions.screens import Seen, screen, shell, tables

FLOWS = 10_000
SECONDS = 20.0
"""Processor seconds in which so many flows have to be judged."""
STATUS = Path("/proc/self/status")
_SHORTEST, _LONGEST = 200, 3000  #: messages of a flow
_LEAST_SECONDS = 6.0  #: a flow lasts; the analysis asks for five
_SHARED = 20  #: of so many flows two have one far end, and may be looked at together
_PATTERNS = 12  #: sessions simulated of each kind; flows are pieces of them


@dataclass(frozen=True, slots=True)
class Measured:
    """What one judgement took."""

    flows: int
    messages: int
    found: int
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int
    before_bytes: int


def _web(rng: np.random.Generator) -> Seen:
    """Requests in bursts, answered by segments of full size."""
    asked = np.sort(rng.uniform(0, 900, 700))
    parts = rng.geometric(0.25, len(asked))
    start = np.repeat(asked + rng.uniform(0.02, 0.08, len(asked)), parts)
    came = np.sort(start + rng.uniform(0, 0.02, len(start)))
    return Seen.of((came, rng.choice([1448, 1448, 700, 120], len(came))), (asked, rng.integers(80, 900, len(asked))))


def _ticker(rng: np.random.Generator) -> Seen:
    """A poll answered at once, every second or so."""
    every = rng.uniform(0.3, 2)
    asked = np.arange(1700) * every + rng.normal(0, 0.001, 1700)
    return Seen.of((asked + rng.uniform(0.02, 0.03, 1700), rng.integers(90, 110, 1700)), (asked, np.full(1700, 60)))


def _media(rng: np.random.Generator) -> Seen:
    """Datagrams of sound and picture both ways."""
    times = [np.arange(1700) * 0.02 + rng.normal(0, 0.002, 1700) + start for start in rng.uniform(0, 0.02, 2)]
    return Seen.of(*((np.sort(way), rng.integers(60, 1200, 1700)) for way in times))


def _chatter(rng: np.random.Generator) -> Seen:
    """Small messages at any time."""
    return Seen.of(*((np.sort(rng.uniform(0, 1200, 1700)), rng.integers(30, 400, 1700)) for _ in range(2)))


def patterns(seed: int) -> list[list[tuple[Seen, str]]]:
    """Long sessions of each kind with their protocol, to cut flows from."""
    rng = np.random.default_rng([seed, 90])
    remote = [screen(one, float(rng.uniform(5, 300)), jitter_ms=4, seconds=75) for one in range(_PATTERNS)]
    typed = [shell(one, seconds=400) for one in range(_PATTERNS)]
    return [
        [(at_screen, "tcp") for at_screen, _ in remote],
        [(at_viewer, "udp" if one % 3 == 0 else "tcp") for one, (_, at_viewer) in enumerate(remote)],
        [(seen.mirrored() if one % 2 else seen, "tcp") for one, seen in enumerate(typed)],
        [(_web(rng), "tcp") for _ in range(_PATTERNS)],
        [(_web(rng), "tcp") for _ in range(_PATTERNS)],
        [(_ticker(rng), "tcp") for _ in range(_PATTERNS)],
        [(_media(rng), "udp") for _ in range(_PATTERNS)],
        [(_media(rng), "udp") for _ in range(_PATTERNS)],
        [(_chatter(rng), "tcp") for _ in range(_PATTERNS)],
    ]


def generate(flows: int = FLOWS, seed: int = 1) -> Tables:
    """The tables of a run with so many candidate flows."""
    rng, made = np.random.default_rng([seed, 91]), patterns(seed)
    chosen = []
    for number in range(flows):
        kind = made[number % len(made)]
        seen, proto = kind[rng.integers(len(kind))]
        wanted = min(int(np.exp(rng.uniform(np.log(_SHORTEST), np.log(_LONGEST)))), len(seen.times_s))
        first = int(rng.integers(len(seen.times_s) - wanted + 1))
        lasting = int(np.searchsorted(seen.times_s, seen.times_s[first] + _LEAST_SECONDS))
        part = slice(first, max(first + wanted, lasting))
        shaken = seen.times_s[part] + rng.uniform(0, 0.0003, len(seen.times_s[part]))
        order = np.argsort(shaken, kind="stable")
        columns = {"proto": proto, "rtt_ms": float(rng.uniform(4, 40)), "rtt_samples": 20, "protocol": "tls"}
        if number % _SHARED < 2:
            columns["remote_h"] = f"203.0.{number // _SHARED // 250}.{number // _SHARED % 250}"
        chosen.append((Seen(shaken[order] - shaken[order[0]], seen.out[part][order], seen.sizes[part][order]), columns))
    return tables(*chosen)


def _peak() -> int:
    """Largest resident memory since the last :func:`_forget_peak`, in bytes; of the whole process where /proc lacks."""
    if STATUS.is_file():
        return int(re.search(r"VmHWM:\s+(\d+)", STATUS.read_text())[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _forget_peak() -> int:
    """Start the peak anew and return what is in use: making the flows takes more than judging them."""
    if STATUS.is_file():
        STATUS.with_name("clear_refs").write_text("5")
    return _peak()


def measure(flows: int = FLOWS) -> Measured:
    """Judge so many flows once, in this process."""
    every = generate(flows)
    warm = generate(20)
    hands(warm[DeviceFlow], measured_flows(warm, warm[DeviceFlow]))  # imports and the model
    before = _forget_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    found = hands(every[DeviceFlow], measured_flows(every, every[DeviceFlow]))
    taken = time.process_time() - cpu, time.perf_counter() - wall
    return Measured(flows, len(every[FlowSeries]), len(found), *taken, _peak(), before)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--flows", type=int, default=FLOWS)
    found = measure(parser.parse_args().flows)
    print(
        f"{found.flows} flows, {found.messages} messages, {found.found} rows: {found.cpu_seconds:.1f} s of processor,"
        f" {found.wall_seconds:.1f} s on the wall, peak {found.peak_bytes / 1e6:.0f} MB"
        f" ({found.before_bytes / 1e6:.0f} MB with the flows alone)"
    )
    return int(found.cpu_seconds > SECONDS)


if __name__ == "__main__":
    raise SystemExit(main())
