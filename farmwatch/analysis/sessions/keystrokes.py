"""How typing looks from outside: the law of its gaps, clumps, stalls, and clocks behind it.

Used where the control flow itself is not in the capture: at a company's gateway, or with a KVM beside the laptop. Then
only what the typed keys become is seen (SSH, RDP input, small TLS records), and what a network did to them before they
reached the laptop stays in their times. A gap I between keys arrives as I + d2 - d1, d being the delays on the way: the
mean is the same, a packet that must be waited for makes one long gap and then a clump of near-zero ones, and programs
that send at most every so many milliseconds leave a grid.

All of these have benign causes (Wi-Fi, a VPN over TCP, plain loss on the laptop's own uplink), so they weigh little.
Only aggregates leave this module: counts, shares and quantiles, never the times of keys, which would be a biometric.

Sources: log-logistic law of free text, Heliyon 2021 (e08413); bounds of 40 ms to 1.5 s from docs/evidence.md, M16.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.sessions.lattice import Lattice, Pacing, find_lattice, find_pacing

__all__ = ["GapLaw", "Rhythm", "fit_gaps", "rhythm"]

_MS = 1_000_000
_CLUMP_NS = 3 * _MS  #: no two keys of a person are this close, over and over
_STALL_NS = 300 * _MS  #: a silence that a lost packet's retransmission explains (Linux waits 200 ms and more)
_CLUMP_RUNS = 3  #: packets released at once, in units of what is usual on this flow
_SHORTEST_S, _LONGEST_S = 0.04, 1.5
_LEAST_GAPS = 30
_MOST_GAPS = 3000  #: that are fitted, spread over all

_Loss: TypeAlias = Callable[[NDArray[np.float64], float, float], float]


@dataclass(frozen=True, slots=True)
class GapLaw:
    """Log-logistic law of the gaps between 40 ms and 1.5 s, by maximum likelihood."""

    median_ms: float
    shape: float  #: 2.5 to 4 for people; the higher, the more even
    gain: float  #: AIC of the best log-normal law minus its own: above 0 it fits better
    gaps: int


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Aggregates of one direction's key-like packets."""

    packets: int
    events: int  #: packets less than 3 ms apart counted once
    clumped: float  #: share of gaps below 3 ms
    stalls: int  #: silences of 300 ms and more that end in a clump
    largest_clump: int  #: packets
    gap_ms: tuple[float, float, float] | None  #: 10 %, median and 90 % of the gaps between 40 ms and 1.5 s
    human_gaps: int  #: gaps between 40 ms and 1.5 s
    law: GapLaw | None
    lattice: Lattice | None
    pacing: Pacing | None


def rhythm(times: NDArray[np.int64], protocol: str | None = None) -> Rhythm:
    """Aggregates of a series of packet times.

    Args:
        times: ns, sorted, of the packets that look like keys, one direction of one flow.
        protocol: of the flow, where it is known; pacing grids are named by it.
    """
    gaps = np.diff(times)
    starts = np.concatenate([[True], gaps >= _CLUMP_NS]) if len(times) else np.zeros(0, np.bool_)
    events = times[starts]
    sizes = np.diff(np.append(np.flatnonzero(starts), len(times)))
    between = np.diff(events) / 1e9
    human = between[(between >= _SHORTEST_S) & (between <= _LONGEST_S)]
    law = fit_gaps(human)
    return Rhythm(
        packets=len(times),
        events=len(events),
        clumped=float((gaps < _CLUMP_NS).mean()) if len(gaps) else 0.0,
        stalls=_stalls(between, sizes),
        largest_clump=int(sizes.max(initial=0)),
        gap_ms=_spread(human),
        human_gaps=len(human),
        law=law,
        lattice=find_lattice(events, gap_law=None if law is None else (law.median_ms / 1e3, law.shape)),
        pacing=find_pacing(events, protocol),
    )


def _stalls(between: NDArray[np.float64], sizes: NDArray[np.int64]) -> int:
    """Silences that end in a clump: more packets at once than is usual on this flow.

    Programs that send two or three packets for every key make small clumps all the time, so the median size is the
    measure, not one packet.
    """
    if len(sizes) < 2:
        return 0
    usual = max(1.0, float(np.median(sizes)))
    return int(((between >= _STALL_NS / 1e9) & (sizes[1:] >= _CLUMP_RUNS * usual)).sum())


def _spread(human: NDArray[np.float64]) -> tuple[float, float, float] | None:
    if len(human) < _LEAST_GAPS:
        return None
    low, middle, high = (float(value) * 1e3 for value in np.quantile(human, (0.1, 0.5, 0.9)))
    return low, middle, high


def fit_gaps(seconds: NDArray[np.float64]) -> GapLaw | None:
    """Fit the log-logistic law, cut to 40 ms to 1.5 s, and compare it with the log-normal one.

    Returns:
        ``None`` for fewer than 30 gaps, or where they are all alike.
    """
    within = seconds[(seconds >= _SHORTEST_S) & (seconds <= _LONGEST_S)]
    logs = np.log(within[:: -(-len(within) // _MOST_GAPS) or 1])
    if len(logs) < _LEAST_GAPS or float(logs.std()) < 1e-3:
        return None
    centre, spread = float(np.median(logs)), float(logs.std())
    loss, place, scale = _fitted(logs, centre, spread * math.sqrt(3) / math.pi, _logistic_loss)
    rival, _, _ = _fitted(logs, centre, spread, _normal_loss)
    return GapLaw(math.exp(place) * 1e3, 1 / scale, 2 * (rival - loss), len(logs))


_LOW, _HIGH = math.log(_SHORTEST_S), math.log(_LONGEST_S)


def _logistic_loss(logs: NDArray[np.float64], place: float, scale: float) -> float:
    """Negative log-likelihood of a logistic law cut to the bounds."""
    z = (logs - place) / scale
    inside = 1 / (1 + math.exp(-(_HIGH - place) / scale)) - 1 / (1 + math.exp(-(_LOW - place) / scale))
    bulk = float((np.abs(z) + 2 * np.log1p(np.exp(-np.abs(z)))).sum())  # the density is even in z
    return bulk + len(logs) * (math.log(scale) + math.log(max(inside, 1e-12)))


def _normal_loss(logs: NDArray[np.float64], place: float, scale: float) -> float:
    """Negative log-likelihood of a normal law cut to the bounds."""
    z = (logs - place) / scale
    root = scale * math.sqrt(2)
    inside = (math.erf((_HIGH - place) / root) - math.erf((_LOW - place) / root)) / 2
    constant = math.log(scale) + 0.5 * math.log(2 * math.pi) + math.log(max(inside, 1e-12))
    return float((z * z).sum()) / 2 + len(logs) * constant


def _fitted(logs: NDArray[np.float64], place: float, scale: float, loss: _Loss) -> tuple[float, float, float]:
    """Smallest loss with its place and scale: a pattern search over place and log(scale), halving its steps."""
    log_scale, step = math.log(scale), 0.2
    best = loss(logs, place, scale)
    while step > 1e-4:
        for way in ((step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step)):
            here = place + way[0], min(max(log_scale + way[1], -6.0), 1.5)
            value = loss(logs, here[0], math.exp(here[1]))
            if value < best - 1e-9 and _LOW <= here[0] <= _HIGH:
                best, (place, log_scale) = value, here
                break
        else:
            step /= 2
    return best, place, math.exp(log_scale)
