"""Relayed or direct where nothing answers in a class of its own, or honestly undecided."""

from __future__ import annotations

import numpy as np
import pytest

from farmwatch.analysis.sessions.cross_layer import cross_layer
from farmwatch.analysis.sessions.runs import runs_of
from tests.lab.hand.simulated import typist


def asked(rng, count=240, mean=2.5):
    """When requests leave: at no fixed times."""
    return np.cumsum(0.3 + rng.exponential(mean, count))


def judged(came, left, transport_ms):
    return cross_layer(np.sort(came), runs_of(left, np.full(len(left), 300)), transport_ms)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("lag_ms", "transport_ms", "decision"),
    [(12, 10, "direct"), (40, 38, "direct"), (150, 148, "direct"), (90, 12, "relayed"), (200, 20, "relayed"),
     (60, 40, "relayed"), (600, 30, "relayed")],
)  # fmt: skip
def test_requests_and_their_answers_decide(seed, lag_ms, transport_ms, decision):
    """Answers of changing size after the way there and back, with jitter: the lag is told and the test ends."""
    rng = np.random.default_rng([seed, 30])
    left = asked(rng)
    found = judged(left + lag_ms / 1e3 + rng.exponential(0.002, len(left)), left, transport_ms)
    assert found.decision == decision
    assert found.lag_ms == pytest.approx(lag_ms, abs=6)
    assert found.agreement >= 0.6
    assert found.factor >= 1000 or found.factor <= 1 / 1000


@pytest.mark.parametrize("seed", range(8))
def test_a_persons_own_pace_decides_nothing(seed):
    """Nothing answers by itself: what comes is typed, at no fixed time after what left."""
    rng = np.random.default_rng([seed, 31])
    came = typist(rng, 900)
    left = np.sort(np.concatenate([came + rng.uniform(0.005, 0.04, len(came)), rng.uniform(0, 900, 60)]))
    found = judged(came, left, 10)
    assert found is None or found.decision == "undecided"


@pytest.mark.parametrize("seed", range(4))
def test_windows_that_disagree_have_no_vote(seed):
    """A third of the answers come at a person's pace, far later: the others still say direct."""
    rng = np.random.default_rng([seed, 34])
    left = np.cumsum(1.5 + rng.exponential(2.5, 360))
    lags = np.where(np.repeat(rng.random(120) < 0.33, 3), np.repeat(rng.uniform(0.1, 0.9, 120), 3), 0.012)
    found = judged(left + lags, left, 10)
    assert found.agreement < 0.8
    assert found.decision == "direct"
    assert found.lag_ms == pytest.approx(12, abs=2)


def test_few_windows_decide_nothing():
    """Seven windows with an answer are too few, eight may be looked at."""
    left = np.arange(1.0, 25.0) * 3
    assert judged(left[:21] + 0.1, left[:21], 10) is None
    assert judged(left + 0.1, left, 10).windows == 8
    assert judged(np.zeros(0), left, 10) is None
    assert judged(left, np.zeros(0), 10) is None


def test_near_the_threshold_windows_must_be_many():
    """The published threshold lies 15 ms above the transport."""
    rng = np.random.default_rng(32)
    left = asked(rng)
    assert judged(left + 0.024, left, 10).decision == "direct"
    assert judged(left + 0.026, left, 10).decision == "relayed"


def test_a_clock_set_otherwise_changes_nothing():
    rng = np.random.default_rng(33)
    left = np.round(asked(rng) * 1024) / 1024
    came = left + 0.125
    assert judged(came, left, 10) == judged(came + 8192, left + 8192, 10)


def test_floods_end():
    """Hundreds of messages in reach of every window: a histogram stands in for pairs."""
    left = np.arange(1.0, 1201.0) * 2
    came = (left[:, None] + 0.08 + np.arange(200)[None, :] * 0.0002).ravel()
    found = judged(came, left, 10)
    assert found.windows <= 400
    assert found.lag_ms == pytest.approx(100, abs=25)
