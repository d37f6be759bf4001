"""Clocks behind events: a lattice all of them sit on, and the shortest interval a program leaves between them.

Two different things. A **lattice** is absolute: the events of minutes lie on multiples of one period, as the polling of
a USB keyboard or a periodic timer makes them (Monaco 2022). **Pacing** is relative: a program sends no two events
closer than so many milliseconds, and starts anew after every pause; what it leaves is a heap of gaps of that length.
Remote-control programs pace: 17 ms in TigerVNC (PointerEventInterval) and noVNC (MOUSE_MOVE_DELAY), 100 ms in mstsc
(MinInputSendInterval), 10 ms in PiKVM, and OpenSSH since 9.5 sends every 20 ms while somebody types, with decoys
(clientloop.c: the interval varies by a tenth). Where a grid sits on a flow, its times say less about the hand.

Lattice test: R = abs(sum exp(2*pi*i*t/P))**2 / n is exponential with mean 1 where there is no lattice; declared if
R > ln(M / alpha), M being all periods and drifts tried. Two corrections make that true of typing: packets closer than
50 ms count once (a clump would vote many times), and for long periods R is measured against the mean it has for gaps
of a smooth law, since a hundred milliseconds are not long beside the spread of human gaps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["PERIODS_MS", "Lattice", "Pacing", "find_lattice", "find_pacing"]

PERIODS_MS = (1.0, 2.0, 4.0, 5.0, 8.0, 10.0, 16.0, 50 / 3, 17.0, 20.0, 100.0)

_MS = 1_000_000
_DRIFT_PPM = 100.0  #: quartz of cheap devices stays within
_STEP_PPM = 10.0
_PHASE_STEP = 0.25  #: of a period that the last event may move between two drifts tried
_APART_NS = 50 * _MS  #: events closer than this to the one before count once
_MOST_EVENTS = 1000
_LONGEST_NS = 300 * 1_000_000_000  #: drift is a constant for minutes, not for hours
_LEAST_EVENTS = 16  #: R is at most n
_PER_STAMP = 4  #: a period must be so many times the time stamps' own resolution
_AS_STRONG = 0.5  #: a lattice of 20 ms is one of 10, 5, 4, 2 and 1 ms as well: the longest nearly as strong is meant

_LEAST_PACED = 20
_PACED_SHARE = 0.4  #: of short gaps; a fast typist's share between 97 and 105 ms stays below a quarter
_SHORTEST_MS = 4.0
_FRAME_MS = 50 / 3
_ABOVE_17_MS = 18.4


@dataclass(frozen=True, slots=True)
class Lattice:
    """Events on multiples of one period."""

    period_ms: float
    drift_ppm: float  #: of the period's clock against the capture's
    statistic: float  #: R over its mean without a lattice
    threshold: float
    events: int  #: that were looked at


@dataclass(frozen=True, slots=True)
class Pacing:
    """A shortest interval between events, with the programs known to leave it."""

    period_ms: float
    share: float  #: of the short gaps that have this length
    gaps: int  #: of this length
    name: str  #: whose it is, as far as known
    decoys: bool  #: packets are sent without a key behind them, so counts say nothing


@dataclass(frozen=True, slots=True)
class _Grid:
    low_ms: float  #: of the median gap
    high_ms: float
    period_ms: float
    longest_ms: float  #: gaps up to here are held against it; a press and its release lie 60 ms and more apart
    name: str
    protocols: frozenset[str] | None  #: in which its programs speak; none for all
    decoys: bool = False


_HIDDEN = frozenset({"tls", "http"})  #: protocols in which others run
_GRIDS = (
    _Grid(9.3, 11.5, 10.0, 45.0, "10 ms pacing (PiKVM)", _HIDDEN),
    _Grid(16.2, 16.85, _FRAME_MS, 45.0, "display frames at 60 Hz", None),
    _Grid(16.85, _ABOVE_17_MS, 17.0, 45.0, "17 ms pacing (TigerVNC, noVNC)", _HIDDEN | {"rfb"}),
    _Grid(_ABOVE_17_MS, 22.5, 20.0, 45.0, "20 ms pacing (OpenSSH 9.5 and later hide keystrokes so)",
          frozenset({"ssh"}), decoys=True),
    _Grid(97.0, 105.0, 100.0, 130.0, "100 ms pacing (mstsc)", _HIDDEN | {"rdp", "rdp-udp"}),
)  # fmt: skip
_REACH_MS = 3.0  #: gaps this far from a grid's bounds still belong to its heap
_SHARP_MS = 1.5  #: quartiles this close tell 17 ms from a display's 16.7
_STEPS = "a pointer's own rate, or a program's pacing"
_EITHER = "17 ms pacing (TigerVNC, noVNC) or display frames at 60 Hz"


def find_lattice(
    times: NDArray[np.int64], *, gap_law: tuple[float, float] | None = None, alpha: float = 1e-4
) -> Lattice | None:
    """The longest period on whose multiples the events lie.

    Args:
        times: ns, sorted.
        gap_law: median in seconds and shape of the log-logistic law of the gaps, where they are a hand's.
        alpha: chance of declaring one without a lattice, over all periods and drifts together.
    """
    events = _thinned(times)
    if len(events) < _LEAST_EVENTS:
        return None
    seconds = (events - events[0]) / 1e9
    resolution = _resolution(events)
    span = float(seconds[-1])
    tried = [
        (period_ms, _drifts(period_ms / 1e3, span))
        for period_ms in PERIODS_MS
        if period_ms * _MS >= _PER_STAMP * resolution
    ]
    if not tried:
        return None
    threshold = float(np.log(sum(len(drifts) for _, drifts in tried) / alpha))
    smooth = None if gap_law is None else _smooth_gaps(*gap_law)
    found: list[tuple[float, float, float]] = []
    for period_ms, drifts in tried:
        values = _rayleigh(seconds, period_ms / 1e3, drifts)
        if values.max() <= threshold:
            continue  # what is usual is never below 1
        values /= _usual(period_ms / 1e3, smooth)
        best = int(np.argmax(values))
        if values[best] > threshold:
            found.append((period_ms, float(drifts[best]), float(values[best])))
    if not found:
        return None
    strongest = max(value for _, _, value in found)
    period_ms, drift, value = max(one for one in found if one[2] >= _AS_STRONG * strongest)
    return Lattice(period_ms, drift, value, threshold, len(events))


def _thinned(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first of every run of close events, in the five minutes that have most of them."""
    if not len(times):
        return times
    events = times[np.concatenate([[True], np.diff(times) >= _APART_NS])]
    until = np.searchsorted(events, events + _LONGEST_NS)
    first = int(np.argmax(until - np.arange(len(events))))
    return np.asarray(events[first : min(int(until[first]), first + _MOST_EVENTS)])


def _resolution(events: NDArray[np.int64]) -> int:
    """Resolution of the time stamps, ns: the largest number that divides all their differences."""
    return int(np.gcd.reduce(np.diff(events)))


def _drifts(period: float, span: float) -> NDArray[np.float64]:
    """Drifts to try, ppm, so fine that the last event moves by less than a quarter of a period between two of them."""
    step = min(_STEP_PPM, _PHASE_STEP * period / max(span, 1e-3) * 1e6)
    half = int(np.ceil(_DRIFT_PPM / step))
    return np.asarray(np.arange(-half, half + 1) * step, np.float64)


def _rayleigh(seconds: NDArray[np.float64], period: float, drifts: NDArray[np.float64]) -> NDArray[np.float64]:
    """R for each drift."""
    steps = drifts[1] - drifts[0]
    first = np.exp(2j * np.pi / period * seconds * (1 + drifts[0] * 1e-6))
    turn = np.exp(2j * np.pi / period * seconds * steps * 1e-6)
    values = np.empty(len(drifts))
    for number in range(len(drifts)):
        values[number] = abs(first.sum()) ** 2
        first *= turn
    return np.asarray(values / len(seconds))


_CHANCE = (np.arange(2000) + 0.5) / 2000
_ODDS = _CHANCE / (1 - _CHANCE)


def _smooth_gaps(median: float, shape: float) -> NDArray[np.float64]:
    """Two thousand gaps in seconds, evenly drawn from a log-logistic law."""
    return np.asarray(np.clip(median * _ODDS ** (1 / shape), 0.04, None))


def _usual(period: float, gaps: NDArray[np.float64] | None) -> float:
    """Mean of R without a lattice: 1, more where gaps of a smooth law already favour a phase.

    For independent gaps with characteristic function f at 1/period the sum of phases is a random walk with correlated
    steps and its mean square is Re((1 + f) / (1 - f)) for each step.
    """
    if gaps is None:
        return 1.0
    f = complex(np.exp(2j * np.pi * gaps / period).mean())
    return max(1.0, float(((1 + f) / (1 - f)).real))


def find_pacing(times: NDArray[np.int64], protocol: str | None = None) -> Pacing | None:
    """The interval a program keeps between events, where a heap of gaps has that length.

    Args:
        times: ns, sorted, clumps of packets already counted once.
        protocol: of the flow, where it is known. Pointers report at rates of their own, so a heap is named after a
            program only where that program's protocol is spoken, or none is known.
    """
    gaps = np.diff(times) / _MS
    for grid in _GRIDS:
        short = gaps[(gaps >= _SHORTEST_MS) & (gaps <= grid.longest_ms)]
        least = max(_LEAST_PACED, _PACED_SHARE * len(short))
        reach = min(_REACH_MS, 0.15 * grid.period_ms)
        heap = short[(short >= grid.low_ms - reach) & (short <= grid.high_ms + reach)]
        if len(heap) < least:
            continue
        first, middle, third = (float(value) for value in np.quantile(heap, (0.25, 0.5, 0.75)))
        near = int((np.abs(heap - middle) <= reach).sum())
        if not grid.low_ms <= middle < grid.high_ms or near < least:
            continue
        share = near / len(short)
        if grid.protocols is not None and protocol is not None and protocol not in grid.protocols:
            return Pacing(middle, share, near, f"steps of {middle:.0f} ms ({_STEPS})", decoys=False)
        if third - first > _SHARP_MS and _FRAME_MS <= grid.period_ms < _ABOVE_17_MS:
            return Pacing(17.0, share, near, _EITHER, decoys=False)
        return Pacing(grid.period_ms, share, near, grid.name, grid.decoys)
    return None
