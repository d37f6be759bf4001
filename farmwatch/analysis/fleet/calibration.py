"""The arithmetic of calibration: scores to probabilities, how well they hold, and what a benign fleet says of a score.

* Platt scaling: two parameters by Newton's method with backtracking and smoothed targets (Platt 1999; Lin, Lin and
  Weng 2007), for few positives.
* Isotonic regression: pool adjacent violators, above :data:`ISOTONIC_POSITIVES` positives, below which it overfits
  (Niculescu-Mizil and Caruana 2005).
* Reliability: bins of predicted probability with the share that came true, expected calibration error, Brier score,
  log-loss.
* Conformal p-values over held-out benign scores, and the Benjamini-Hochberg rule over them (Bates et al. 2023).
* What an alarm is worth at a prevalence (Axelsson 2000).

Scores are decibans, labels booleans. Sources: docs/evidence.md, M6 and M9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.scoring import Calibration

__all__ = [
    "ISOTONIC_POSITIVES",
    "LEAST_IN_BIN",
    "Reliability",
    "ReliabilityBin",
    "benjamini_hochberg",
    "fit_isotonic",
    "fit_platt",
    "p_values",
    "ppv",
    "probabilities",
    "reliability",
    "upper_bound",
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ISOTONIC_POSITIVES = 1000  #: positives from which on a step curve is fitted instead of a line
_DECIBAN = 10 / math.log(10)  # decibans of one unit of log-odds
_STEPS = 100
_LEAST_STEP = 1e-10
_RIDGE = 1e-12  # added to the Hessian's diagonal, as Lin, Lin and Weng do
_BINS = 10
LEAST_IN_BIN = 20  #: devices below which the share that came true says little


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Predictions of about the same probability."""

    low: float
    high: float
    devices: int
    predicted: float  #: their mean
    came_true: float  #: share


@dataclass(frozen=True, slots=True)
class Reliability:
    """How well probabilities hold."""

    bins: tuple[ReliabilityBin, ...]  #: those with devices
    ece: float  #: expected calibration error: mean gap of the bins, by devices
    largest_gap: float  #: of the bins with :data:`LEAST_IN_BIN` devices or more; 0 where there is none
    brier: float  #: mean squared error
    log_loss: float  #: mean, natural logarithm


def _log_odds(share: float) -> float:
    return math.log(share / (1 - share))


def fit_platt(scores: Floats, labels: Bools) -> Calibration:
    """What sums of weights are worth, as a line: the labels' own prevalence is taken out again.

    Raises:
        ValueError: one of the two classes is empty.
    """
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        raise ValueError("both classes are needed")
    slope, intercept = _newton(scores / _DECIBAN, labels, positives, negatives)
    offset = (intercept - _log_odds(positives / (positives + negatives))) * _DECIBAN
    return Calibration(max(0.0, slope), offset)


def _newton(scores: Floats, labels: Bools, positives: int, negatives: int) -> tuple[float, float]:
    """Slope and intercept of the log-odds that fit best."""
    targets = np.where(labels, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    slope, intercept = 0.0, math.log((positives + 1) / (negatives + 1))
    loss = _cross_entropy(slope * scores + intercept, targets)
    for _ in range(_STEPS):
        predicted = _logistic(slope * scores + intercept)
        spread = predicted * (1 - predicted)
        gradient = np.array([np.dot(scores, predicted - targets), np.sum(predicted - targets)])
        cross = float(np.dot(scores, spread))
        hessian = np.array([[np.dot(scores * scores, spread), cross], [cross, np.sum(spread)]]) + _RIDGE * np.eye(2)
        if np.abs(gradient).max() < 1e-5:
            break
        direction = -np.linalg.solve(hessian, gradient)
        descent, step = float(gradient @ direction), 1.0
        while step >= _LEAST_STEP:
            new = slope + step * direction[0], intercept + step * direction[1]
            reached = _cross_entropy(new[0] * scores + new[1], targets)
            if reached < loss + 1e-4 * step * descent:
                (slope, intercept), loss = new, reached
                break
            step /= 2
        else:
            break
    return float(slope), float(intercept)


def _logistic(log_odds: Floats) -> Floats:
    return np.asarray(np.where(log_odds >= 0, 1, np.exp(-np.abs(log_odds))) / (1 + np.exp(-np.abs(log_odds))))


def _cross_entropy(log_odds: Floats, targets: Floats) -> float:
    return float(np.sum(np.logaddexp(0.0, log_odds) - targets * log_odds))


def fit_isotonic(scores: Floats, labels: Bools) -> Calibration:
    """What sums of weights are worth, as a rising curve; each step is smoothed by half a device of each class.

    Raises:
        ValueError: one of the two classes is empty.
    """
    from scipy.optimize import isotonic_regression

    positives = int(labels.sum())
    if not positives or positives == len(labels):
        raise ValueError("both classes are needed")
    distinct, place = np.unique(scores, return_inverse=True)
    count = np.bincount(place).astype(np.float64)
    hits = np.bincount(place, weights=labels)
    fitted = isotonic_regression(hits / count, weights=count)
    starts = np.asarray(fitted.blocks[:-1], np.int64)
    devices, true = np.add.reduceat(count, starts), np.add.reduceat(hits, starts)
    centres = np.add.reduceat(distinct * count, starts) / devices
    share = (true + 0.5) / (devices + 1)
    worth = (np.log(share / (1 - share)) - _log_odds(positives / len(labels))) * _DECIBAN
    knots = zip(centres.tolist(), np.maximum.accumulate(worth).tolist(), strict=True)
    return Calibration(knots=tuple(knots))


def probabilities(scores: Floats, calibration: Calibration, prior: float) -> Floats:
    """Probabilities of scores at a prior: what they are worth, added to its log-odds."""
    if calibration.knots:
        knots = np.array(calibration.knots)
        worth = np.interp(scores, knots[:, 0], knots[:, 1])
    else:
        worth = calibration.slope * scores + calibration.offset
    return _logistic(worth / _DECIBAN + _log_odds(prior))


def reliability(predicted: Floats, labels: Bools, bins: int = _BINS) -> Reliability:
    """How well probabilities hold: bins of equal width, and scores that punish being wrong."""
    place = np.minimum((predicted * bins).astype(np.int64), bins - 1)
    found = []
    for number in np.unique(place).tolist():
        inside = place == number
        found.append(
            ReliabilityBin(
                number / bins,
                (number + 1) / bins,
                int(inside.sum()),
                float(predicted[inside].mean()),
                float(labels[inside].mean()),
            )
        )
    gap = sum(one.devices * abs(one.predicted - one.came_true) for one in found) / max(1, len(predicted))
    gaps = [abs(one.predicted - one.came_true) for one in found if one.devices >= LEAST_IN_BIN]
    safe = np.clip(predicted, 1e-15, 1 - 1e-15)
    loss = -np.mean(np.where(labels, np.log(safe), np.log1p(-safe)))
    return Reliability(
        tuple(found), gap, max(gaps, default=0.0), float(np.mean((predicted - labels) ** 2)), float(loss)
    )


def p_values(scores: Floats, benign: Floats) -> Floats:
    """Conformal p-values: (1 + held-out benign scores at or above) / (n + 1), never below 1 / (n + 1)."""
    ordered = np.sort(benign)
    above = len(ordered) - np.searchsorted(ordered, scores, side="left")
    return np.asarray((1 + above) / (len(ordered) + 1), np.float64)


def benjamini_hochberg(values: Floats, share: float) -> Bools:
    """Which of many p-values to follow up so that on average at most a share of them is false.

    Holds for conformal p-values too, although they depend on each other through the benign scores, because that
    dependence is positive (Bates et al. 2023).
    """
    chosen = np.zeros(len(values), np.bool_)
    if len(values):
        order = np.argsort(values, kind="stable")
        good = values[order] <= share * np.arange(1, len(values) + 1) / len(values)
        if good.any():
            chosen[order[: int(np.flatnonzero(good)[-1]) + 1]] = True
    return chosen


def ppv(recall: float, false_alarms: float, prevalence: float) -> float:
    """Share of alarms that are right: πD / (πD + (1 - π)F)."""
    right, wrong = prevalence * recall, (1 - prevalence) * false_alarms
    return right / (right + wrong) if right + wrong else 0.0


def upper_bound(count: int, of: int, confidence: float = 0.95) -> float:
    """Largest rate that so many cases leave room for (Clopper and Pearson 1934): about 3 / n where there were none."""
    from scipy.stats import beta

    return 1.0 if count >= of else float(beta.ppf(confidence, count + 1, of - count))
