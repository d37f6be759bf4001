"""Is the far end's program farther away than its transport? A sequential test for flows without a class of answers.

Where padding or a transport has hidden the sizes, a few outgoing runs and what follows them still tell how long the
program behind the far end takes: for each window of three runs, the lag at which the incoming messages pile up. Each
window votes whether that lag exceeds the transport's round trip by more than a threshold; a sequential probability
ratio test adds the votes up (Xue et al., NDSS 2025; docs/evidence.md, M11). It decides *relayed or direct*, and gives
no number to be trusted as a distance.

Why windows must agree: where nothing answers by itself, a person's own pace decides the lag, which is then anywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.sessions.runs import Runs

__all__ = ["BEYOND_MS", "CrossLayer", "cross_layer"]

Floats = NDArray[np.float64]

_RUNS = 3  #: of a window
_REACH_S = 1.0
_STEP_S = 0.001
_WIDTH_S = 0.004  #: of the Laplace weight around each incoming message
BEYOND_MS = 15.0  #: a loop so far over the transport shows a relay: published threshold, some 1,000 km
_NEAR_IF_DIRECT = 0.95  #: chance that a direct flow's window stays below it
_NEAR_IF_RELAYED = 0.5
_FACTOR = 1000.0  #: likelihood ratio that ends the test
_AGREE_MS = 15.0  #: windows within this of the median agree
_AGREEMENT = 0.6  #: share of windows that must
_LEAST = 8  #: windows
_MOST = 400


@dataclass(frozen=True, slots=True)
class CrossLayer:
    """What the windows say together."""

    lag_ms: float  #: median of the windows that agree
    windows: int
    agreement: float  #: share of the windows near the median
    decision: Literal["relayed", "direct", "undecided"]
    factor: float  #: likelihood ratio relayed over direct when the test ended


def cross_layer(incoming_s: Floats, runs: Runs, transport_ms: float) -> CrossLayer | None:
    """Test a flow; ``None`` where too few windows have an answer.

    Args:
        incoming_s: (n,) seconds of the incoming messages, rising.
        runs: outgoing.
        transport_ms: round trip of the transport on the same flow.
    """
    lags = [lag for lag in map(_window_lag, *_windows(incoming_s, runs)) if lag is not None]
    if len(lags) < _LEAST:
        return None
    found = np.array(lags) * 1e3
    middle = float(np.median(found))
    near = np.abs(found - middle) <= _AGREE_MS
    agreement = float(near.mean())
    if agreement < _AGREEMENT:
        return CrossLayer(middle, len(found), agreement, "undecided", 1.0)
    # Windows in which a person typed lie anywhere, mostly farther: a third of them would outvote the others.
    decision, factor = _decide((found[near] - transport_ms >= BEYOND_MS).tolist())
    return CrossLayer(float(np.median(found[near])), len(found), agreement, decision, factor)


def _windows(incoming_s: Floats, runs: Runs) -> tuple[list[Floats], list[Floats]]:
    """Ends of the runs of each window, and the incoming messages within reach of them."""
    count = min(len(runs) // _RUNS, _MOST)
    ends = [runs.end_s[_RUNS * number : _RUNS * (number + 1)] for number in range(count)]
    low = np.searchsorted(incoming_s, [end[0] for end in ends], "right")
    high = np.searchsorted(incoming_s, [end[-1] + _REACH_S for end in ends], "right")
    return ends, [incoming_s[a:b] for a, b in zip(low, high, strict=True)]


def _window_lag(ends_s: Floats, incoming_s: Floats) -> float | None:
    """The lag at which most incoming messages follow the runs of one window."""
    lags = (incoming_s[:, None] - ends_s[None, :]).ravel()
    lags = np.sort(lags[(lags > 0) & (lags <= _REACH_S)])
    if len(lags) < _RUNS:
        return None
    weight = np.exp(-np.abs(lags[:, None] - lags[None, :]) / _WIDTH_S).sum(axis=0) if len(lags) <= 64 else None
    if weight is None:
        histogram = np.bincount((lags / _STEP_S).astype(np.int64))
        return float((np.argmax(np.convolve(histogram, np.ones(9), "same")) + 0.5) * _STEP_S)
    return float(lags[int(np.argmax(weight))])


def _decide(votes: list[bool]) -> tuple[Literal["relayed", "direct", "undecided"], float]:
    """Wald's test over the votes in order."""
    far = math.log((1 - _NEAR_IF_RELAYED) / (1 - _NEAR_IF_DIRECT))
    close = math.log(_NEAR_IF_RELAYED / _NEAR_IF_DIRECT)
    score, limit = 0.0, math.log(_FACTOR)
    for vote in votes:
        score += far if vote else close
        if score >= limit:
            return "relayed", math.exp(score)
        if score <= -limit:
            return "direct", math.exp(score)
    return "undecided", math.exp(score)
