"""Chance by name and number."""

from __future__ import annotations

import numpy as np
import pytest

from farmwatch.simulation.dice import Dice, scrambled


def test_one_question_has_one_answer():
    """The same seed, name and numbers give the same draw, however many are asked at once."""
    together = Dice(3).share("a", np.arange(100), 7)
    assert together[42] == Dice(3).share("a", 42, 7)
    assert (together == Dice(3).share("a", np.arange(100), 7)).all()


@pytest.mark.parametrize("other", [(4, "a", 1, 2), (3, "b", 1, 2), (3, "a", 2, 1), (3, "a", 1, 3)])
def test_another_question_has_another_answer(other):
    """Seed, name, and each number in its place count."""
    seed, name, *keys = other
    assert Dice(3).raw("a", 1, 2) != Dice(seed).raw(name, *keys)


def test_shares_are_even():
    """Draws fill ten bins evenly, within five standard deviations, also for keys that follow each other."""
    count = 100_000
    bins = np.bincount((Dice(1).share("even", np.arange(count)) * 10).astype(int), minlength=10)
    assert np.abs(bins - count / 10).max() < 5 * np.sqrt(count * 0.09)


def test_normal_and_waited_have_their_moments():
    """Mean and deviation come out within one percent of a hundred thousand draws."""
    dice, many = Dice(1), np.arange(100_000)
    drawn = dice.normal("n", 5.0, 2.0, many)
    assert drawn.mean() == pytest.approx(5, abs=0.05)
    assert drawn.std() == pytest.approx(2, abs=0.05)
    assert dice.waited("w", 3.0, many).mean() == pytest.approx(3, abs=0.06)


def test_picks_follow_weights():
    """A weight of nought is never picked, others in their proportion."""
    found = np.bincount(Dice(1).pick("p", (1, 0, 3), np.arange(40_000)), minlength=3)
    assert found[1] == 0
    assert found[2] / found[0] == pytest.approx(3, rel=0.1)


def test_order_is_a_permutation():
    """Everybody has one place."""
    assert sorted(Dice(9).order("o", 1000)) == list(range(1000))


def test_scrambled_numbers_stay_different():
    """No two numbers of the range meet."""
    assert len(set(scrambled(np.arange(1 << 14), 14).tolist())) == 1 << 14
