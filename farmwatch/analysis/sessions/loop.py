"""How long the far end takes to answer what the device sends by itself: the loop that crosses every relay.

A remote-control viewer answers each screen update automatically (a fence, an update request, a frame acknowledgement, a
delay probe). Those answers come in messages of few fixed sizes, a fixed time after the end of an outgoing run. Sizes
and times survive encryption, relays and tunnels, so the time since an outgoing run ended, collected for each size of
incoming message apart, has a peak at the way to the person's own machine and back: the size-class correlogram
(docs/evidence.md, M10). What a person types has no such peak, and that tells the two apart.

Why sizes apart: answers are a minority beside keys and pointer moves. Where padding or a tunnel has made all sizes
equal the peak still stands out of the crowd, but a smaller share of the class sits on it; that is said (``mixed``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.sessions.quantiles import median, quantile, share
from farmwatch.analysis.sessions.runs import Runs

__all__ = ["AnswerClass", "Loop", "answer_classes", "automatic_share", "measure_loops"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

_REACH_S = 1.0  #: lags looked at: a satellite and two relays stay below it
_BIN_S = 0.001
_LEAST = 10  #: messages of a class
_SHARE = 0.6  #: of a class on its peak
_MIXED_SHARE = 0.15  #: of a class that holds other messages of the same size too
_Z = 12.0  #: height of the peak over its background, in standard deviations
_AROUND = 60  #: bins on either side of a peak that must hold a valley: frames 33 ms apart still have theirs
_AMBIGUOUS = 0.6  #: height of the next peak, as a share, from which on either may be the loop
_WIDTHS_S = (0.004, 0.012)  #: of the kernel: quiet lines first, then lines with jitter
_CLOCK_SHARE, _CLOCKED = 0.03, 0.7  #: a timer's intervals lie within 3 % of each other, but for some
_MOST_CLASSES = 12  #: of different size, the most frequent ones
_MOST_PAIRS = 300_000  #: of run and message; more do not sharpen the peak
_EARLY_S, _EARLY_SHARE = 0.002, 0.03  #: by which a loop may stay below the transport's 5th percentile
_SAME_S = 0.008  #: classes whose peaks are this close answer from one place
_WINDOW = 20  #: runs whose answers give one value of the interval
_SMALL_RUN = 10_240  #: bytes; a larger one needs more than one flight on the way behind a relay


@dataclass(frozen=True, slots=True)
class AnswerClass:
    """Messages of one size of one direction, held against the runs of the other."""

    size: int
    members: Ints  #: indices into the messages of the direction
    lag_s: float  #: of the peak; NaN without a sharp one
    width_s: float  #: of the kernel the peak was found with
    z: float  #: height of the peak, 0 without a sharp one
    share: float  #: of the class that sits on the peak
    answered: float  #: share of the runs that have an answer on the peak
    runner_up: float  #: height of the next peak as a share of this one: near 1 where runs come at fixed intervals
    matched: Ints  #: positions in ``members`` of those on the peak
    lags_s: Floats  #: their lags
    runs: Ints  #: the runs they answer
    clocked: bool  #: it comes at one interval: two clocks side by side look like question and answer

    @property
    def is_answer(self) -> bool:
        """Whether the class is an automatic answer: most of it sits on a sharp peak."""
        return self._is_sharp and self.share >= _SHARE

    @property
    def is_mixed(self) -> bool:
        """Whether a sharp peak stands out of a class that holds other messages too."""
        return self._is_sharp and _MIXED_SHARE <= self.share < _SHARE and len(self.matched) >= _LEAST

    @property
    def _is_sharp(self) -> bool:
        return self.z >= _Z and len(self.members) >= _LEAST and not self.clocked


def answer_classes(times_s: Floats, sizes: Ints, runs: Runs, *, grain: int = 1) -> list[AnswerClass]:
    """Hold each frequent size of message against the runs of the other direction.

    Args:
        times_s: (n,) seconds of one direction's messages, rising.
        sizes: (n,) their sizes in bytes.
        runs: of the other direction.
        grain: sizes are one class when their quotient by it is the same; 16 for padded datagrams.

    Returns:
        The classes with enough members, the most frequent first.
    """
    if len(times_s) < _LEAST or len(runs) < _LEAST:
        return []
    keys = sizes // grain
    distinct, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    chosen = [index for index in np.argsort(-counts, kind="stable")[:_MOST_CLASSES].tolist() if counts[index] >= _LEAST]
    return [_class(np.flatnonzero(inverse == index), int(distinct[index]) * grain, times_s, runs) for index in chosen]


def automatic_share(times_s: Floats, runs: Runs) -> float:
    """Share of messages of any size that come a fixed time after runs of the other direction; 0 without a sharp peak.

    What a person does has hardly any (0.06 to 0.15 of published sessions); requests that a page sets off have much.
    """
    if len(times_s) < _LEAST or len(runs) < _LEAST:
        return 0.0
    found = _class(np.arange(len(times_s)), 0, times_s, runs)
    return found.share if found.z >= _Z else 0.0


def _class(members: Ints, size: int, times_s: Floats, runs: Runs) -> AnswerClass:
    lags, which, answered = _pairs(times_s[members], runs.end_s)
    clocked = _is_clocked(times_s[members])
    best = AnswerClass(size, members, np.nan, 0.0, 0.0, 0.0, 0.0, 0.0, _NONE, np.zeros(0), _NONE, clocked)
    if not len(lags):
        return best
    histogram = np.bincount((lags / _BIN_S).astype(np.int64), minlength=_BINS)[:_BINS].astype(np.float64)
    for width, kernel in zip(_WIDTHS_S, _KERNELS, strict=True):
        density = np.convolve(histogram, kernel, "same")
        # The mean keeps an empty background from making any three coincidences a peak.
        background = max(median(density), 0.2 * len(lags) / _REACH_S, 2.0)
        top = int(np.argmax(density[:_LAST_BIN]))
        # So does its own neighbourhood: in a sweep of the pointer much comes for half a second after whatever left.
        background = max(background, quantile(density[max(top - _AROUND, 0) : top + _AROUND + 1], 0.1)[0])
        z = (density[top] - background) / np.sqrt(background / (2 * width))
        if z < max(_Z, 1.3 * best.z):
            continue
        centre = (top + 0.5) * _BIN_S
        near = np.abs(lags - centre) <= 2 * width
        centre = median(lags[near]) if near.any() else centre
        on = np.flatnonzero(np.abs(lags - centre) <= 2 * width)
        # One answer per message: the run whose lag is nearest to the peak.
        on = on[np.argsort(np.abs(lags[on] - centre), kind="stable")]
        matched, first = np.unique(which[on], return_index=True)
        kept = on[first]
        aside = np.abs(_CENTRES - centre) > 4 * width
        next_peak = float(density[aside].max()) if aside.any() else 0.0
        best = AnswerClass(
            size, members, centre, width, float(z), len(matched) / len(members),
            len(np.unique(answered[kept])) / len(runs),
            (next_peak - background) / max(float(density[top]) - background, 1e-9), matched, lags[kept],
            answered[kept], clocked,
        )  # fmt: skip
    return best


def _is_clocked(times_s: Floats) -> bool:
    """Whether nearly all messages of a class come one interval apart."""
    gaps = np.diff(times_s)
    middle = median(gaps) if len(gaps) else 0.0
    return middle > 0.2 and share(np.abs(gaps - middle) <= _CLOCK_SHARE * middle) >= _CLOCKED


def _pairs(times_s: Floats, ends_s: Floats) -> tuple[Floats, Ints, Ints]:
    """Every (message, run that ended within reach before it): lag, message, run."""
    high = np.searchsorted(ends_s, times_s, "left")
    low = np.searchsorted(ends_s, times_s - _REACH_S, "right")
    counts = high - low
    if counts.sum() > _MOST_PAIRS:
        # The first so many messages: what follows would only repeat them.
        keep = int(np.searchsorted(np.cumsum(counts), _MOST_PAIRS))
        counts = np.where(np.arange(len(counts)) < max(keep, 1), counts, 0)
    total = int(counts.sum())
    which = np.repeat(np.arange(len(times_s)), counts)
    offsets = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    runs = np.repeat(low, counts) + offsets
    return times_s[which] - ends_s[runs], which, runs


_NONE = np.zeros(0, dtype=np.int64)
_BINS = int(_REACH_S / _BIN_S)
_LAST_BIN = int(0.97 * _BINS)  #: nearer to the end of the reach half a peak looks like one
_CENTRES = (np.arange(_BINS) + 0.5) * _BIN_S


def _laplace(width_s: float) -> Floats:
    """Kernel exp(-|x|/k)/(2k) on the bins of the histogram, cut at five widths."""
    half = int(5 * width_s / _BIN_S)
    x = np.arange(-half, half + 1) * _BIN_S
    return np.asarray(np.exp(-np.abs(x) / width_s) / (2 * width_s))


_KERNELS = tuple(_laplace(width) for width in _WIDTHS_S)


@dataclass(frozen=True, slots=True)
class Loop:
    """One way to something that answers by itself, and back."""

    rtt_ms: float
    low_ms: float  #: 5th percentile over windows of runs
    high_ms: float  #: 95th percentile
    least_ms: float  #: 2nd percentile from starts of runs: distance may only be bounded by the quickest
    samples: int
    sizes: tuple[int, ...]  #: of the answers
    upper_bound: bool  #: the runs are large frames, which need several flights and decoding before they are answered
    mixed: bool  #: answers and other messages share one size, or runs at fixed intervals allow other lags as well
    answered: float  #: share of the runs that were answered


def measure_loops(classes: list[AnswerClass], runs: Runs, floor_s: float = 0.0) -> list[Loop]:
    """The loops that classes of answers show, shortest first; classes with the same lag are one loop.

    Args:
        classes: of the incoming messages.
        runs: outgoing.
        floor_s: round trip of the transport: no answer from its end or beyond can be sooner.
    """
    possible = [found for found in classes if found.lag_s >= floor_s - max(_EARLY_S, _EARLY_SHARE * floor_s)]
    sure = [found for found in possible if found.is_answer and found.runner_up <= _AMBIGUOUS]
    telling = sure or [found for found in possible if found.is_answer or found.is_mixed]
    loops: list[Loop] = []
    for group in _same_lag(telling):
        lags = np.concatenate([found.lags_s for found in group])
        of = np.concatenate([found.runs for found in group])
        small = runs.size[of] <= _SMALL_RUN
        bound = small.sum() < max(_LEAST, 0.2 * len(of))
        # Parts of a run are answered before its end has left, so large frames, and the quickest, count from its start.
        since = lags + (runs.end_s - runs.start_s)[of]
        lags, since, of = (since, since, of) if bound else (lags[small], since[small], of[small])
        values = _window_values(lags, of, bound)
        low, middle, high = (one * 1e3 for one in quantile(values, 0.05, 0.5, 0.95))
        loops.append(
            Loop(
                middle,
                low,
                high,
                quantile(since, 0.02)[0] * 1e3,
                len(lags),
                tuple(sorted(found.size for found in group)),
                bool(bound),
                not sure,
                len(np.unique(of)) / len(runs),
            )
        )
    return loops


def _same_lag(classes: list[AnswerClass]) -> list[list[AnswerClass]]:
    groups: list[list[AnswerClass]] = []
    for found in sorted(classes, key=lambda one: one.lag_s):
        if groups and found.lag_s - groups[-1][0].lag_s <= _SAME_S:
            groups[-1].append(found)
        else:
            groups.append([found])
    return groups


def _window_values(lags_s: Floats, runs: Ints, bound: bool) -> Floats:
    """One value per window of runs: the median lag, or of large frames the 2 % quantile."""
    windows = runs // _WINDOW
    order = np.argsort(windows, kind="stable")
    cuts = np.flatnonzero(np.diff(windows[order])) + 1
    parts = [part for part in np.split(lags_s[order], cuts) if len(part) >= 3]
    if len(parts) < 3:
        return lags_s
    return np.array([quantile(part, 0.02)[0] if bound else median(part) for part in parts])
