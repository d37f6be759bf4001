"""MotionKvmJiggler: each firmware, look-alikes, arrangements, no data."""

from __future__ import annotations

import random

import pytest

from farmwatch.agent.timing import Axes, WindowCounter
from farmwatch.analysis.fleet.detectors.motion_kvm_jiggler import MotionKvmJiggler
from farmwatch.analysis.profile import Profile
from farmwatch.records import PowerEvent
from tests.analysis.fleet.fleets import answers, at, judged
from tests.analysis.fleet.inputs import declared, jiggle, window

DETECTOR = MotionKvmJiggler()
SCREEN = Axes((0, 32767), (0, 32767))


@pytest.mark.parametrize(
    ("shape", "grade"),
    [
        ((62.1, 11, "other", "absolute"), "pikvm"),
        ((62.1, 11, "centre", "absolute"), "pikvm"),
        ((62.0, 10, "alternating", "relative"), "pikvm"),
        ((21.5, 5, "other", "absolute"), "comet"),
        ((21.4, 4, "alternating", "relative"), "comet"),
        ((15.0, 2, "there-and-back", "relative"), "nanokvm"),
        ((30.0, 2, "there-and-back", "relative"), "nanokvm"),
        ((15.0, 2, "centre", "absolute"), "nanokvm"),
        ((20.0, 2, "corner", "absolute"), "jetkvm"),
        ((60.0, 2, "centre", "absolute"), "blikvm"),
    ],
)
def test_each_firmware_is_named(shape, grade):
    """What a firmware's source code does names the firmware."""
    assert answers(DETECTOR, jiggle("lt-1", 12, *shape)) == {"lt-1": grade}


def test_jitter_of_pikvm_is_allowed_and_of_others_not():
    """A quarter of jitter is one firmware's own; where the others keep time, so must the pointer."""
    assert answers(DETECTOR, jiggle("lt-1", 12, 61.0, 11, "other", "absolute", spread=0.15)) == {"lt-1": "pikvm"}
    assert answers(DETECTOR, jiggle("lt-1", 12, 21.5, 5, "other", "absolute", spread=0.15)) == {"lt-1": "clear"}


def test_a_cheap_jiggler_is_only_a_look_alike():
    """Two steps back to back every 15 s are no sure sign of one maker, one step a minute neither."""
    assert answers(DETECTOR, jiggle("lt-1", 12, 15.0, 2, "there-and-back", "relative", gap=8.0)) == {
        "lt-1": "look_alike"
    }
    assert answers(DETECTOR, jiggle("lt-1", 12, 60.0, 1, "other", "relative", spread=0.1, gap=None)) == {
        "lt-1": "look_alike"
    }


@pytest.mark.parametrize(
    "shape",
    [
        (45.0, 11, "other", "absolute"),
        (62.0, 7, "alternating", "relative"),
        (20.0, 2, "centre", "absolute"),
        (62.0, 11, "other", "relative"),
    ],
)
def test_other_motion_is_not_named(shape):
    """Another period, number of reports, end or pointer mode is another jiggler."""
    assert answers(DETECTOR, jiggle("lt-1", 12, *shape)) == {"lt-1": "clear"}


def test_reports_at_another_pace_are_not_that_firmware():
    """Eleven reports within a tenth of a second are not made by a loop that waits as long between two."""
    assert answers(DETECTOR, jiggle("lt-1", 12, 62.1, 11, "other", "absolute", gap=8.0)) == {"lt-1": "clear"}


def test_a_few_minutes_are_not_enough():
    """Bursts that were alike for a quarter of an hour may be chance."""
    assert answers(DETECTOR, jiggle("lt-1", 3, 15.0, 2, "centre", "absolute")) == {"lt-1": "clear"}


def test_programs_and_built_in_pointers_are_no_kvm():
    """What no cable brings in comes from no box."""
    rows = jiggle("lt-1", 12, 15.0, 2, "there-and-back", "relative", source="injected")
    rows += jiggle("lt-2", 12, 15.0, 2, "there-and-back", "relative", source="0002:0007")
    assert answers(DETECTOR, rows) == {"lt-1": "clear", "lt-2": "clear"}


def test_an_arrangement_explains_it():
    """A device with an arrangement is not judged, and not called clear."""
    rows = [*jiggle("lt-1", 12, 15.0, 2, "centre", "absolute"), declared("lt-1", accommodation=True)]
    assert answers(DETECTOR, rows) == {"lt-1": "no data"}


def test_an_approved_box_is_nothing():
    """Approved for one device by the roster, or for all by the profile."""
    rows = jiggle("lt-1", 12, 15.0, 2, "centre", "absolute")
    assert answers(DETECTOR, [*rows, declared("lt-1", approved_tools="anydesk,nanokvm")]) == {"lt-1": "no data"}
    assert answers(DETECTOR, rows, profile=Profile(approved_tools=frozenset({"nanokvm"}))) == {"lt-1": "clear"}


def test_without_input_timing_there_is_no_data():
    """Most agents do not time input."""
    assert answers(DETECTOR, [PowerEvent(device_id="lt-1", ts=at(1), event="boot")]) == {"lt-1": "no data"}


def test_the_finding_counts_with_other_signs_of_the_box():
    """It is hardware, of the same cause as the box's USB identity, and names its windows."""
    (finding,) = judged(DETECTOR, jiggle("lt-1", 12, 62.1, 11, "other", "absolute")).hits["lt-1"]
    assert (finding.family, finding.group) == ("hardware", "kvm")
    assert "every 62 s, 11 reports" in finding.summary
    assert finding.telling[0].count == 12


def _told(moves, period, jitter, *, axes, seed):
    """What the agent's own counter says of a firmware's loop over two hours, as rows."""
    draw = random.Random(seed)
    clock, bursts = 5.0, []
    while clock < 7200:
        bursts.append(clock)
        clock += period * (1 + draw.uniform(-jitter, jitter))
    rows, before = [], ()
    for number in range(24):
        start = number * 300.0
        counter = WindowCounter(start, axes, before)
        for burst in bursts:
            for step, (x, y) in enumerate(moves if start <= burst < start + 300 else ()):
                counter.move(burst + step * 0.1, x, y)
        seen = counter.window(start, 300.0, "1d6b:0104", "relative" if axes is None else "absolute")
        before = counter.recent(start + 300)
        rows.append(
            window("lt-1", 0, number / 12, pointer=seen.pointer, presses=0, clicks=0, moves=seen.moves,
                   move_gap_ms=seen.move_gap_ms, jiggle_period_s=seen.jiggle_period_s,
                   jiggle_spread=seen.jiggle_spread, jiggle_reports=seen.jiggle_reports,
                   jiggle_shape=seen.jiggle_shape or None)
        )  # fmt: skip
    return rows


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("moves", "period", "jitter", "axes", "grade"),
    [
        ([(9000 + move, 7000 + move) for move in [50, -50] * 5 + [0]], 62.1, 0.0, SCREEN, "pikvm"),
        ([(9000 + move, 7000 + move) for move in [50, -50] * 5 + [0]], 62.1, 0.25, SCREEN, "pikvm"),
        ([(move, move) for move in [10, -10] * 5], 62.0, 0.25, None, "pikvm"),
        ([(16384 + move, 16384 + move) for move in (50, -50, 50, -50, 0)], 21.5, 0.02, SCREEN, "comet"),
        ([(10, 10), (-10, -10)], 30.0, 0.0, None, "nanokvm"),
    ],
)
def test_from_the_loop_to_the_name(moves, period, jitter, axes, grade, seed):
    """The firmware's loop, as its source has it, through the agent's own counter, gives the firmware."""
    assert answers(DETECTOR, _told(moves, period, jitter, axes=axes, seed=seed)) == {"lt-1": grade}
