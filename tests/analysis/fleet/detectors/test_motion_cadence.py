"""MotionCadence: hours, nights, timetables, and what only looks like them."""

from __future__ import annotations

from farmwatch.analysis.fleet.detectors.motion_cadence import MotionCadence
from farmwatch.records import PowerEvent
from tests.analysis.fleet.fleets import answers, at, judged
from tests.analysis.fleet.inputs import declared, jiggle, window

DETECTOR = MotionCadence()
RETAIL = (40.0, 3, "other", "relative")  # of no KVM the knowledge has


def test_hours_of_it_are_found_and_nights_weigh_more():
    """Two hours without a hand are a hit, eight one of more weight."""
    rows = [*jiggle("lt-1", 30, *RETAIL, gap=8.0), *jiggle("lt-2", 100, *RETAIL, gap=8.0)]
    assert answers(DETECTOR, rows) == {"lt-1": "hours", "lt-2": "night"}


def test_lunch_with_a_jiggler_is_not():
    """An hour of it happens to staff who bought one."""
    assert answers(DETECTOR, jiggle("lt-1", 12, *RETAIL)) == {"lt-1": "clear"}


def test_a_hand_in_between_breaks_the_run():
    """Keys on the laptop's own keyboard every hour: somebody is there."""
    rows = jiggle("lt-1", 60, *RETAIL) + [
        window("lt-1", 0, hour, "0001:0001", presses=40, clicks=0) for hour in (1, 2, 3, 4)
    ]
    assert answers(DETECTOR, rows) == {"lt-1": "clear"}


def test_motion_of_a_hand_beside_it_counts_too():
    """A touchpad that moved in the same windows was moved by somebody."""
    rows = jiggle("lt-1", 30, *RETAIL)
    rows += [window("lt-1", 0, n / 12, "0002:0007", pointer="relative", moves=400) for n in range(30)]
    assert answers(DETECTOR, rows) == {"lt-1": "clear"}


def test_loose_cadence_is_not_exact():
    """A spread of a seventh is somebody fidgeting, or a jiggler of another detector."""
    assert answers(DETECTOR, jiggle("lt-1", 60, *RETAIL, spread=0.14)) == {"lt-1": "clear"}


def test_a_named_firmware_is_left_to_the_other_detector():
    """The same box would count twice."""
    assert answers(DETECTOR, jiggle("lt-1", 60, 62.1, 11, "other", "absolute")) == {"lt-1": "clear"}


def timetable(device, shift=lambda day: 0.0, days=5):
    """Nine to twelve o'clock on each day."""
    return [row for day in range(days) for row in
            jiggle(device, 36, 21.5, 5, "other", "absolute", day=day, hour=9 + shift(day))]  # fmt: skip


def test_a_timetable_is_found():
    """The same hours on five days, minutes apart at most."""
    found = judged(DETECTOR, timetable("lt-1", lambda day: 0.05 * (day % 2)))
    (finding,) = found.hits["lt-1"]
    assert finding.grade == "timetable"
    assert "at 09:0" in finding.summary
    assert "on 5 days" in finding.summary


def test_hours_that_vary_are_no_timetable():
    """People leave their desk at a quarter past, or at half past."""
    assert answers(DETECTOR, timetable("lt-1", lambda day: 0.25 * day)) == {"lt-1": "clear"}


def test_hours_that_begin_with_the_laptop_are_no_timetable():
    """A jiggler that is always on starts when its owner opens the lid, at nine sharp or not."""
    rows = timetable("lt-1") + [PowerEvent(device_id="lt-1", ts=at(day, 8.95), event="lid open") for day in range(5)]
    assert answers(DETECTOR, rows) == {"lt-1": "clear"}


def test_three_days_are_too_few():
    """Three days alike happen by chance."""
    assert answers(DETECTOR, timetable("lt-1", days=3)) == {"lt-1": "clear"}


def test_an_arrangement_explains_it_and_silence_is_no_data():
    """Neither is called clear."""
    rows = [*jiggle("lt-1", 60, *RETAIL), declared("lt-1", accommodation=True)]
    rows.append(PowerEvent(device_id="lt-2", ts=at(1), event="boot"))
    assert answers(DETECTOR, rows) == {"lt-1": "no data", "lt-2": "no data"}
