"""The loop to whatever answers by itself: found where it is, named as unsure where it is, absent where nothing is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from farmwatch.analysis.sessions.loop import answer_classes, measure_loops
from farmwatch.analysis.sessions.runs import runs_of
from tests.analysis.sessions.screens import ANSWER, Seen, inputs, screen, shell, video


def classes_of(seen, grain=1):
    """The classes of what came, and the runs of what left."""
    runs = runs_of(seen.times_s[seen.out], seen.sizes[seen.out])
    return answer_classes(seen.times_s[~seen.out], seen.sizes[~seen.out], runs, grain=grain), runs


def loops_of(seen, floor_s=0.0):
    found, runs = classes_of(seen)
    return measure_loops(found, runs, floor_s)


def sure(loops):
    return [loop for loop in loops if not loop.mixed and not loop.upper_bound]


@pytest.mark.parametrize("jitter_ms", [0, 4, 10])
@pytest.mark.parametrize("rtt_ms", [5, 20, 60, 110, 190, 400, 900])
def test_the_loop_of_a_screen_is_its_round_trip(rtt_ms, jitter_ms):
    """One loop, within 3 ms, its interval around it, of the answers' size, without reservations."""
    at_screen, _ = screen(rtt_ms + jitter_ms, rtt_ms, jitter_ms=jitter_ms)
    (loop,) = loops_of(at_screen)
    assert loop.rtt_ms == pytest.approx(rtt_ms, abs=3)
    assert loop.low_ms <= loop.rtt_ms <= loop.high_ms
    assert loop.low_ms - 1 <= rtt_ms <= loop.high_ms + 1
    assert loop.high_ms - loop.low_ms < 3 + jitter_ms
    assert rtt_ms - jitter_ms <= loop.least_ms <= loop.rtt_ms + 1, "the quickest answer bounds the distance"
    assert loop.sizes == (ANSWER,)
    assert (loop.mixed, loop.upper_bound) == (False, False)
    assert loop.samples > 100
    assert loop.answered > 0.8


def test_two_answers_at_different_places_are_two_loops():
    """Each update is answered by something near and by something far: shortest first."""
    near, _ = screen(1, 30)
    left = near.times_s[near.out]
    far = left + 0.18
    both = Seen.of(
        (
            np.concatenate([near.times_s[~near.out], far]),
            np.concatenate([near.sizes[~near.out], np.full(len(far), 24)]),
        ),
        (left, near.sizes[near.out]),
    )
    first, second = loops_of(both)
    assert (round(first.rtt_ms / 3), first.sizes) == (10, (ANSWER,))
    assert (round(second.rtt_ms / 3), second.sizes) == (60, (24,))


@pytest.mark.parametrize("seed", range(4))
def test_a_shell_has_no_loop(seed):
    """A plain SSH-like echo: what comes is typed by a person, at no fixed time after what left."""
    assert loops_of(shell(seed)) == []


@pytest.mark.parametrize("hover", [0.0, 0.15, 0.9])
def test_a_screen_whose_viewer_never_answers_has_no_loop(hover):
    """However much the pointer changes: its sweeps fill half a second after every update, which is no peak."""
    for seed in range(8):
        at_screen, _ = screen(seed, 80, hover=hover)
        assert loops_of(at_screen)
        found, _ = classes_of(at_screen.without_answers())
        assert not [one.size for one in found if one.is_answer or one.is_mixed]


def test_two_clocks_side_by_side_are_no_question_and_answer():
    """Independent beats of a second stay the same time apart all day: the sharpest peak there is, and no loop."""
    beats = np.arange(1.0, 181.0)
    seen = Seen.of((beats + 0.08, np.full(180, 20)), (beats, np.full(180, 30)))
    (found,), _ = classes_of(seen)
    assert found.clocked
    assert not found.is_answer
    assert not found.is_mixed
    assert dataclasses.replace(found, clocked=False).is_answer, "only the clock keeps it from being one"
    assert loops_of(seen) == []


def test_frames_at_fixed_intervals_make_the_loop_less_sure():
    """Eight frames a second, all answered: the loop could be longer by any number of intervals, and that is said."""
    at_screen, _ = screen(3, 300, frames_hz=8, seconds=40)
    loops = loops_of(at_screen)
    assert loops
    assert sure(loops) == []
    assert all(loop.mixed for loop in loops)
    runner_up = max(found.runner_up for found in classes_of(at_screen)[0] if found.is_answer)
    assert runner_up > 0.6


@pytest.mark.parametrize("rtt_ms", [20, 80, 200])
def test_parts_of_large_frames_never_show_a_loop_shorter_than_the_truth(rtt_ms):
    """Parts are answered before the whole frame has left; what is measured is called an upper bound."""
    loops = loops_of(video(4, rtt_ms))
    assert loops
    for loop in loops:
        assert loop.upper_bound
        assert loop.rtt_ms >= rtt_ms - 0.5
        assert loop.low_ms >= rtt_ms - 0.5
        assert loop.least_ms >= rtt_ms - 0.5


@pytest.mark.parametrize("rtt_ms", [30, 150, 400])
@pytest.mark.parametrize("size", [64, 600])
def test_padding_to_one_size_is_said_or_leaves_no_loop(rtt_ms, size):
    """Answers drown in input of the same size: unsure or none, and never a confident wrong number."""
    for seed in range(3):
        loops = loops_of(screen(seed, rtt_ms, jitter_ms=4)[0].padded(size))
        assert [loop for loop in sure(loops) if abs(loop.rtt_ms - rtt_ms) > 5] == []
        assert [loop for loop in sure(loops) if not loop.low_ms - 5 <= rtt_ms <= loop.high_ms + 5] == []


def test_a_class_of_which_a_part_answers_is_mixed():
    """Forty in a hundred messages of one size sit on the peak: it is measured, with the reservation."""
    rng = np.random.default_rng(61)
    left = np.cumsum(rng.uniform(0.3, 2.0, 300))
    came = np.concatenate([left + 0.09, rng.uniform(0, left[-1], 450)])
    seen = Seen.of((came, np.full(750, 20)), (left, np.full(300, 300)))
    (found,), _ = classes_of(seen)
    assert found.is_mixed
    assert not found.is_answer
    (loop,) = loops_of(seen)
    assert loop.mixed
    assert loop.rtt_ms == pytest.approx(90, abs=2)


def test_what_is_sooner_than_the_transport_is_no_loop():
    """No answer from its end or beyond can be sooner than the transport's round trip; a little early is allowed for."""
    at_screen, _ = screen(5, 40)
    (loop,) = loops_of(at_screen, floor_s=0.040)
    assert loop.rtt_ms == pytest.approx(40, abs=1)
    assert len(loops_of(at_screen, floor_s=0.0415)) == 1
    assert loops_of(at_screen, floor_s=0.060) == []


def test_few_messages_have_no_classes():
    """Nine answers are too few, ten of a size and ten runs are enough to look."""
    left = np.arange(1.0, 31.0, 1.7)
    for count, classes in ((9, 0), (10, 1)):
        seen = Seen.of((left[:count] + 0.05, np.full(count, 12)), (left, np.full(len(left), 300)))
        assert len(classes_of(seen)[0]) == classes
    assert answer_classes(np.zeros(0), np.zeros(0, np.int64), runs_of(np.zeros(0), np.zeros(0, np.int64))) == []
    assert measure_loops([], runs_of(np.zeros(0), np.zeros(0, np.int64))) == []


def test_padded_datagrams_of_nearly_one_size_are_one_class():
    """With a grain of 16 answers of 96 to 111 bytes are one class; without it none is large enough."""
    rng = np.random.default_rng(6)
    left = np.cumsum(rng.uniform(0.1, 1.0, 60))
    seen = Seen.of((left + 0.07, 96 + np.arange(60) % 16), (left, np.full(60, 400)))
    assert classes_of(seen)[0] == []
    (found,), runs = classes_of(seen, grain=16)
    assert (found.size, len(found.members)) == (96, 60)
    (loop,) = measure_loops([found], runs)
    assert loop.rtt_ms == pytest.approx(70, abs=1)


def test_at_most_twelve_sizes_are_looked_at_and_the_commonest_first():
    rng = np.random.default_rng(7)
    left = np.cumsum(rng.uniform(0.1, 0.5, 300))
    sizes = np.repeat(np.arange(20) + 50, 10 + np.arange(20))[:300]
    came = np.sort(rng.uniform(0, left[-1], len(sizes)))
    found, _ = classes_of(Seen.of((came, rng.permutation(sizes)), (left, np.full(len(left), 100))))
    counts = [len(one.members) for one in found]
    assert len(counts) == 12
    assert counts == sorted(counts, reverse=True)


def test_a_flood_is_cut_to_its_first_messages():
    """However many pairs there are, the work is bounded and the loop is found in the first ones."""
    rng = np.random.default_rng(8)
    left = np.cumsum(rng.uniform(0.011, 0.013, 9000))
    found, _ = classes_of(Seen.of((left + 0.03, np.full(9000, 12)), (left, np.full(9000, 90))))
    (only,) = found
    assert only.lag_s == pytest.approx(0.03, abs=0.001)
    assert 0.3 < only.share < 0.7, "only the first part of the class was looked at"


def test_input_alone_gives_no_answer_class():
    """Keys and pointer moves come at no fixed time after updates they did not cause."""
    typed, sizes = inputs(9, 60)
    rng = np.random.default_rng(9)
    left = np.sort(rng.uniform(0, 60, 300))
    found, _ = classes_of(Seen.of((typed, sizes), (left, np.full(300, 500))))
    assert found
    assert not any(one.is_answer or one.is_mixed for one in found)
