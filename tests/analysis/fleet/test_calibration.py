"""The arithmetic of calibration, against closed forms and against scikit-learn where it is installed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from farmwatch.analysis.fleet.calibration import (
    benjamini_hochberg,
    fit_isotonic,
    fit_platt,
    p_values,
    ppv,
    probabilities,
    reliability,
    upper_bound,
)

DECIBAN = 10 / math.log(10)


def drawn(seed, devices=20_000, slope=0.6, offset=-3.0, prevalence=0.1):
    """Scores and labels whose log-odds are a known line of the score."""
    draw = np.random.default_rng(seed)
    scores = np.round(draw.normal(0, 15, devices), 2)
    odds = (slope * scores + offset) / DECIBAN + math.log(prevalence / (1 - prevalence))
    return scores, draw.random(devices) < 1 / (1 + np.exp(-odds))


def test_platt_finds_the_line():
    """Slope and offset come back, the labels' own prevalence taken out."""
    scores, labels = drawn(1, 200_000)
    found = fit_platt(scores, labels)
    share = labels.mean()
    assert found.slope == pytest.approx(0.6, abs=0.02)
    drawn_offset = -3.0 + DECIBAN * (math.log(0.1 / 0.9) - math.log(share / (1 - share)))
    assert found.offset == pytest.approx(drawn_offset, abs=0.2)


def test_platt_on_scores_that_part_the_classes_stays_finite():
    """Smoothed targets keep the slope from running away; useless scores get none; one class is refused."""
    scores = np.array([0.0] * 50 + [30.0] * 20)
    found = fit_platt(scores, scores > 1)
    assert 0 < found.slope < 10
    assert fit_platt(-scores, scores > 1).slope == 0.0
    with pytest.raises(ValueError, match="both classes"):
        fit_platt(scores, scores > 100)


def test_platt_agrees_with_scikit_learn():
    """The same two numbers as its sigmoid calibration, which has the same targets."""
    calibration = pytest.importorskip("sklearn.calibration", reason="scikit-learn is not installed")
    scores, labels = drawn(2, 3000)
    theirs = calibration._SigmoidCalibration().fit(scores, labels)
    ours = fit_platt(scores, labels)
    share = labels.mean()
    assert ours.slope / DECIBAN == pytest.approx(-theirs.a_, rel=1e-3)
    assert ours.offset / DECIBAN + math.log(share / (1 - share)) == pytest.approx(-theirs.b_, rel=1e-3, abs=1e-3)
    assert probabilities(scores, ours, share) == pytest.approx(theirs.predict(scores), abs=1e-3)


def test_isotonic_rises_and_holds_on_new_scores():
    """A curve that is no line is followed; more evidence is never worth less; outside it stays level."""
    draw = np.random.default_rng(3)
    scores = draw.uniform(-20, 40, 40_000)
    truth = np.where(scores < 0, 0.02, np.where(scores < 20, 0.3, 0.9))
    labels = draw.random(len(scores)) < truth
    found = fit_isotonic(scores, labels)
    worth = [knot[1] for knot in found.knots]
    assert worth == sorted(worth)
    at = np.array([-10.0, 10.0, 30.0, 999.0])
    predicted = probabilities(at, found, labels.mean())
    assert predicted == pytest.approx([0.02, 0.3, 0.9, 0.9], abs=0.05)
    assert found.worth(10.0) == pytest.approx(np.interp(10.0, *np.array(found.knots).T))


def test_isotonic_agrees_with_scikit_learn():
    """Where a step has many devices, smoothing by half of one changes nothing."""
    isotonic = pytest.importorskip("sklearn.isotonic", reason="scikit-learn is not installed")
    draw = np.random.default_rng(4)
    scores = draw.integers(0, 12, 60_000).astype(float)
    labels = draw.random(len(scores)) < scores / 15 + 0.05
    theirs = isotonic.IsotonicRegression(out_of_bounds="clip").fit(scores, labels)
    at = np.array([point for point, _ in fit_isotonic(scores, labels).knots])
    ours = probabilities(at, fit_isotonic(scores, labels), labels.mean())
    assert ours == pytest.approx(theirs.predict(at), abs=2e-3)


def test_reliability_of_probabilities_that_hold_and_that_do_not():
    """Bins, expected error, Brier and log-loss by hand."""
    labels = np.array([True] * 30 + [False] * 70 + [True] * 80 + [False] * 20)
    good = reliability(np.array([0.3] * 100 + [0.8] * 100), labels)
    assert good.ece == pytest.approx(0)
    assert good.brier == pytest.approx((0.21 + 0.16) / 2)
    assert good.log_loss == pytest.approx(
        -(0.3 * math.log(0.3) + 0.7 * math.log(0.7) + 0.8 * math.log(0.8) + 0.2 * math.log(0.2)) / 2
    )
    assert good.largest_gap == pytest.approx(0)
    assert [(one.low, one.devices) for one in good.bins] == [(0.3, 100), (0.8, 100)]
    assert reliability(np.array([0.5] * 100 + [1.0] * 100), labels).ece == pytest.approx(0.2)


def test_conformal_p_values_count_benign_scores():
    """One more than those at or above, of one more than all; ties count against."""
    assert p_values(np.array([5.0, 2.0, 9.0]), np.array([1.0, 2.0, 2.0, 5.0])).tolist() == [0.4, 0.8, 0.2]
    assert p_values(np.array([5.0]), np.array([])).tolist() == [1.0]


def test_benjamini_hochberg_by_hand():
    """The largest rank whose p-value is under its line decides for all below."""
    values = np.array([0.9, 0.02, 0.03, 0.001, 0.5])
    assert benjamini_hochberg(values, 0.05).tolist() == [False, True, True, True, False]
    assert not benjamini_hochberg(values + 0.1, 0.05).any()
    assert benjamini_hochberg(np.array([]), 0.1).tolist() == []


def test_false_discoveries_stay_below_the_share_over_many_fleets():
    """Over 200 simulated fleets, each with a benign fleet of its own, a tenth of those followed up is false at most."""
    draw = np.random.default_rng(5)
    shares, found = [], 0
    for _ in range(200):
        benign = np.round(np.abs(draw.normal(0, 6, 2000)))
        fleet = np.r_[np.round(np.abs(draw.normal(0, 6, 1000))), np.round(draw.normal(35, 6, 40))]
        driven = np.arange(len(fleet)) >= 1000
        chosen = benjamini_hochberg(p_values(fleet, benign), 0.1)
        shares.append((chosen & ~driven).sum() / max(1, chosen.sum()))
        found += int((chosen & driven).sum())
    assert np.mean(shares) <= 0.1
    assert found > 0.8 * 200 * 40


def test_what_an_alarm_is_worth():
    """The table of base rates: at 1 in 10,000, recall 0.9 and one false alarm in 10,000, not even half are right."""
    assert ppv(0.9, 1e-4, 1e-4) == pytest.approx(0.474, abs=1e-3)
    assert ppv(0.9, 1e-5, 1e-4) == pytest.approx(0.900, abs=1e-3)
    assert ppv(0.9, 1e-3, 1e-3) == pytest.approx(0.474, abs=1e-3)
    assert ppv(0.0, 0.0, 1e-3) == 0.0


def test_no_false_alarm_still_leaves_room_for_some():
    """None in n leaves room for three in n; all of n for everything."""
    assert upper_bound(0, 30_000) == pytest.approx(3 / 30_000, rel=0.01)
    assert upper_bound(5, 5) == 1.0
