"""Which messages a hand may have made: answers taken out, sweeps apart, keys counted or honestly not."""

from __future__ import annotations

from itertools import takewhile

import numpy as np
import pytest

from farmwatch.analysis.sessions.hand import count_keys, find_hand
from farmwatch.analysis.sessions.loop import answer_classes
from farmwatch.analysis.sessions.runs import runs_of
from tests.analysis.sessions.screens import ANSWER, SIZES, Seen, inputs, screen, shell
from tests.lab.hand import human
from tests.lab.hand.simulated import typist


def hand_of(seen):
    """The incoming hand with its times and sizes."""
    times, sizes = seen.times_s[~seen.out], seen.sizes[~seen.out]
    runs = runs_of(seen.times_s[seen.out], seen.sizes[seen.out])
    return find_hand(times, sizes, answer_classes(times, sizes, runs)), times, sizes


def alone(times, sizes=8):
    """The hand of messages without another direction."""
    times = np.asarray(times, float)
    sizes = np.full(len(times), sizes) if np.isscalar(sizes) else np.asarray(sizes)
    return find_hand(times, sizes, []), times, sizes


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


def typing(seed, releases):
    """Bursts of whole presses, with or without releases, and how many presses they are."""
    rng = np.random.default_rng([seed, 14])
    times, presses, at = [], 0, 1.0
    for _ in range(40):
        for _ in range(int(rng.integers(3, 9))):
            times.append(at)
            if releases:
                times.append(at + rng.uniform(0.06, 0.1))
            at += rng.uniform(0.14, 0.3)
            presses += 1
        at += rng.uniform(0.9, 2.0)
    return np.sort(np.array(times)), presses


@pytest.mark.parametrize("releases", [True, False])
def test_keys_are_counted_by_what_the_protocol_sends(releases):
    """RFB and RDP send presses and releases apart, SSH presses alone."""
    times, presses = typing(1, releases)
    found, times, sizes = alone(times)
    assert count_keys(times, sizes, found, pairs=releases) == pytest.approx(presses, rel=0.03)


def test_spells_of_pairs_are_even():
    """Presses with their releases come in even spells, presses alone do not."""
    assert alone(typing(2, True)[0])[0].paired > 0.8
    assert alone(typing(2, False)[0])[0].paired < 0.5


def test_keys_that_share_a_segment_count_all():
    """Two or three messages of one key's size in one segment are as many keys."""
    times, presses = typing(3, False)
    doubled = np.full(len(times), 36)
    doubled[::5] = 72
    doubled[1::25] = 108
    found, times, sizes = alone(times, doubled)
    assert count_keys(times, sizes, found, pairs=False) == int((doubled // 36).sum()) > presses


def test_keys_of_a_shell_are_counted():
    seen = shell(15)
    found, times, sizes = hand_of(seen)
    assert count_keys(times, sizes, found, pairs=False) == pytest.approx((sizes == 36).sum(), rel=0.02)


def test_nothing_is_counted_where_answers_have_the_size_of_keys():
    """Padded to one size, answers and keys cannot be told apart: shared, and no count."""
    at_screen, _ = screen(16, 120, jitter_ms=2)
    found, times, sizes = hand_of(at_screen.padded(64))
    assert found.shared
    assert count_keys(times, sizes, found, pairs=True) is None


def test_keys_of_the_size_of_answers_are_not_counted():
    """Half the messages of one size answer what left: how many of the others are keys nobody can say."""
    rng = np.random.default_rng(62)
    left = np.cumsum(rng.uniform(0.3, 2.0, 300))
    came = np.concatenate([left + 0.09, np.cumsum(rng.uniform(0.2, 2.0, 300))])
    found, times, sizes = hand_of(Seen.of((came, np.full(600, 10)), (left, np.full(300, 300))))
    assert found.shared
    assert found.sweeps == 0
    assert count_keys(times, sizes, found, pairs=True) is None
    plain = hand_of(Seen.of((came[300:], np.full(300, 10)), (left, np.full(300, 300))))
    assert count_keys(*plain[1:], plain[0], pairs=False) == 300


def test_fewer_than_ten_messages_are_not_counted():
    found, times, sizes = alone(np.arange(9) * 0.5)
    assert count_keys(times, sizes, found, pairs=False) is None
    found, times, sizes = alone(np.arange(10) * 0.5)
    assert count_keys(times, sizes, found, pairs=False) == 10
    assert count_keys(times, sizes, found, pairs=True) == 5


def test_no_messages_are_no_hand():
    found, times, sizes = alone([])
    assert (len(found.members), len(found.events_s), found.sweeps, found.sweep_events) == (0, 0, 0, 0)
    assert count_keys(times, sizes, found, pairs=True) is None
