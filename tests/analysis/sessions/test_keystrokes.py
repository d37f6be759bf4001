"""Aggregates of typing: gap law, clumps, stalls."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from farmwatch.analysis.sessions.keystrokes import fit_gaps, rhythm
from tests.lab.hand.simulated import ns, obscured, on_lattice, stalled, typist


def gaps(rng, number, median, shape):
    chance = rng.uniform(0, 1, 3 * number)
    drawn = median * (chance / (1 - chance)) ** (1 / shape)
    return drawn[(drawn >= 0.04) & (drawn <= 1.5)][:number]


@pytest.mark.parametrize(("median", "shape"), [(0.15, 3.0), (0.23, 2.6), (0.3, 4.0)])
def test_the_law_of_the_gaps_is_found(median, shape):
    """Median within 5 %, shape within 15 %, and it fits better than a log-normal law."""
    rng = np.random.default_rng([1, int(median * 100)])
    found = fit_gaps(gaps(rng, 2000, median, shape))
    assert found.median_ms == pytest.approx(1e3 * median, rel=0.05)
    assert found.shape == pytest.approx(shape, rel=0.15)
    assert found.gain > 0


def test_a_log_normal_law_is_told_apart():
    rng = np.random.default_rng(2)
    drawn = rng.lognormal(np.log(0.2), 0.5, 4000)
    assert fit_gaps(drawn[(drawn > 0.04) & (drawn < 1.5)]).gain < 0


@pytest.mark.parametrize("values", [[], [0.2] * 10, [0.2] * 100, [5.0] * 100, [0.04, 1.5] * 40])
def test_few_or_equal_gaps_have_no_law(values):
    """Fewer than thirty, all alike or outside the bounds; an absurd mixture at least ends."""
    found = fit_gaps(np.array(values))
    assert found is None or found.gaps == len(values) >= 30


def test_plain_typing_has_neither_clumps_nor_clocks():
    for seed in range(30):
        found = rhythm(ns(typist(np.random.default_rng([3, seed]), 600)))
        assert (found.clumped, found.stalls, found.largest_clump) == (0.0, 0, 1)
        assert found.lattice is None
        assert found.pacing is None
        assert 120 <= found.gap_ms[1] <= 400


def test_a_lossy_way_leaves_stalls_and_clumps():
    """One key in fifty is lost on the way; what waits for it comes in one clump."""
    counts = []
    for seed in range(20):
        rng = np.random.default_rng([4, seed])
        found = rhythm(ns(stalled(rng, typist(rng, 600), 0.02)))
        counts.append(found.stalls)
        assert found.clumped > 0
    assert np.median(counts) >= 5


def test_programs_that_send_twice_for_each_key_do_not_clump():
    """Pairs are the rule there; only more than usual is a clump."""
    rng = np.random.default_rng(5)
    times = typist(rng, 600)
    found = rhythm(ns(np.concatenate([times, times + 0.0002])))
    assert found.clumped == pytest.approx(0.5, abs=0.01)
    assert found.stalls == 0


def test_clocks_are_part_of_the_rhythm():
    rng = np.random.default_rng(6)
    times = typist(rng, 120)
    assert rhythm(ns(on_lattice(rng, times, 8, jitter_ms=0.5))).lattice.period_ms == 8
    assert rhythm(ns(obscured(rng, times))).pacing.decoys


def test_only_aggregates_leave():
    """However many keys there are, what is kept does not grow and holds no series."""
    rng = np.random.default_rng(7)
    few, many = (dataclasses.asdict(rhythm(ns(typist(rng, length)))) for length in (60, 3600))

    def numbers(value):
        if isinstance(value, dict):
            return sum(map(numbers, value.values()))
        return len(value) if isinstance(value, (tuple, list, np.ndarray)) else 1

    assert numbers(many) <= numbers(few) + 4
    assert numbers(many) < 25


@pytest.mark.parametrize("times", [[], [1], [7] * 50])
def test_degenerate_series(times):
    found = rhythm(np.array(times, np.int64))
    assert found.packets == len(times)
    assert found.law is None
    assert found.stalls == 0
