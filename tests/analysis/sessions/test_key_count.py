"""Keys are counted where they can be told from everything else, and honestly not counted where they cannot."""

from __future__ import annotations

import numpy as np
import pytest

from farmwatch.analysis.sessions.key_count import count_keys
from tests.analysis.sessions.screens import Seen, alone, hand_of, screen, shell, typing


@pytest.mark.parametrize("releases", [True, False])
def test_keys_are_counted_by_what_the_protocol_sends(releases):
    """RFB and RDP send presses and releases apart, SSH presses alone."""
    times, presses = typing(1, releases)
    found, times, sizes = alone(times)
    assert count_keys(times, sizes, found, pairs=releases) == pytest.approx(presses, rel=0.03)


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


def together(seed, share):
    """Typing, a share of whose messages arrives in one segment with an answer of another size, and some answers."""
    times, presses = typing(seed, True)
    rng = np.random.default_rng([seed, 15])
    sizes = np.where(rng.random(len(times)) < share, 12 + 20, 12)
    answers = np.sort(rng.uniform(times[0], times[-1], len(times) // 2))
    every = np.concatenate([times, answers])
    order = np.argsort(every)
    return every[order], np.concatenate([sizes, np.full(len(answers), 20)])[order], presses


def test_keys_that_share_segments_with_answers_are_not_counted():
    """A few such segments are left out; where they are many a count would be wrong by as many, so there is none."""
    times, sizes, presses = together(4, 0.04)
    found, times, sizes = alone(times, sizes)
    assert count_keys(times, sizes, found, pairs=True) == pytest.approx(presses, rel=0.1)
    times, sizes, _ = together(4, 0.5)
    found, times, sizes = alone(times, sizes)
    assert count_keys(times, sizes, found, pairs=True) is None


def test_sizes_that_are_all_sums_of_each_other_are_not_counted():
    """A direction in which every small size occurs: no size is surely one message's."""
    rng = np.random.default_rng(63)
    found, times, sizes = alone(np.cumsum(rng.uniform(0.06, 2.0, 4000)), rng.integers(1, 30, 4000))
    assert count_keys(times, sizes, found, pairs=False) is None
