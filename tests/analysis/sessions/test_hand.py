"""Which messages a hand may have made: answers taken out, sweeps apart, keys counted or honestly not."""

from __future__ import annotations

from itertools import takewhile

import numpy as np
import pytest

from tests.analysis.sessions.screens import ANSWER, SIZES, alone, hand_of, inputs, screen, typing
from tests.lab.hand import human
from tests.lab.hand.simulated import typist


@pytest.mark.parametrize("rtt_ms", [10, 90, 250])
def test_answers_are_no_input(rtt_ms):
    """Every input message stays, hardly an answer does."""
    at_screen, _ = screen(11, rtt_ms, jitter_ms=4)
    found, _, sizes = hand_of(at_screen)
    typed = np.flatnonzero(sizes != ANSWER)
    assert set(typed.tolist()) <= set(found.members.tolist())
    assert (sizes[found.members] == ANSWER).sum() <= 0.05 * (sizes == ANSWER).sum()
    assert not found.shared


def test_sweeps_of_the_pointer_are_apart_from_keys():
    """Single events are the keys, clicks and turns of the wheel; what the pointer sends is in sweeps."""
    times, sizes = inputs(12, 60)
    found, _, _ = alone(times, sizes)
    swept = sum(action.kind == "move" for action in takewhile(lambda action: action.at < 60, human.actions(12)))
    assert found.sweeps >= 3
    assert found.sweep_events == pytest.approx(swept, rel=0.35)
    assert (sizes[found.single] == SIZES["down"]).sum() >= 0.9 * (sizes == SIZES["down"]).sum()


@pytest.mark.parametrize(("count", "gap_s", "sweeps"), [(5, 0.016, 0), (6, 0.016, 1), (40, 0.044, 1), (40, 0.046, 0)])
def test_six_quick_messages_are_a_sweep(count, gap_s, sweeps):
    """At 25 to 125 a second; five in a row may be rolled keys."""
    found, _, _ = alone(5 + np.arange(count) * gap_s)
    assert found.sweeps == sweeps
    assert found.sweep_events == (count if sweeps else 0)
    assert len(found.events_s) == (0 if sweeps else count)


def test_messages_within_three_milliseconds_are_one_event():
    found, _, _ = alone([1.0, 1.002, 1.5, 1.504])
    assert found.events_s.tolist() == [1.0, 1.5, 1.504]
    assert found.single.tolist() == [0, 1, 2, 3]


def test_large_messages_are_no_input_unless_all_are_large():
    """Beyond 256 bytes nobody's key is, except where padding made most messages one size no larger than a packet."""
    times = np.arange(40) * 0.3
    sizes = np.where(np.arange(40) % 2 == 0, 40, 900)
    assert len(alone(times, sizes)[0].members) == 20
    assert len(alone(times, np.full(40, 900))[0].members) == 40
    assert len(alone(times, np.full(40, 1501))[0].members) == 0
    assert len(alone(times, 400 + np.arange(40))[0].members) == 0


def test_a_clock_is_regular_and_a_person_is_not():
    rng = np.random.default_rng(13)
    assert alone(np.arange(100) * 1.0 + rng.normal(0, 0.005, 100))[0].regular > 0.9
    assert alone(typist(rng, 300), 36)[0].regular < 0.3
    assert alone([1, 2, 3, 4, 5, 6, 7, 8])[0].regular == 0.0, "seven gaps say nothing"


def test_few_sizes_are_a_tools():
    assert alone(np.arange(40) * 0.3, 8)[0].few_sizes == 1.0
    assert alone(np.arange(40) * 0.3, 20 + np.arange(40))[0].few_sizes == pytest.approx(3 / 40)
    assert alone([])[0].few_sizes == 0.0


def test_spells_of_pairs_are_even():
    """Presses with their releases come in even spells, presses alone do not."""
    assert alone(typing(2, True)[0])[0].paired > 0.8
    assert alone(typing(2, False)[0])[0].paired < 0.5


def test_no_messages_are_no_hand():
    found, _, _ = alone([])
    assert (len(found.members), len(found.events_s), found.sweeps, found.sweep_events) == (0, 0, 0, 0)
