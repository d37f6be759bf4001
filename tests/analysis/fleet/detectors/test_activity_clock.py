"""ActivityClock: other hours, habits, zones, changes of clocks, jigglers, no data."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from farmwatch.analysis.fleet.detectors.activity_clock import ActivityClock
from farmwatch.records import DeviceFact, InputTiming, PowerEvent
from tests.analysis.fleet.fleets import answers, at, judged
from tests.analysis.fleet.inputs import declared

DETECTOR = ActivityClock()


def worker(device, longitude, *, shift=0.0, days=5, habit=None, seed=0, first=0, **values):
    """Someone who works from nine to five by the sun of a longitude, with a habit, a lunch and pauses."""
    draw = random.Random(f"{device} {seed}")
    own = draw.gauss(0, 0.75)
    habit = own if habit is None else habit
    rows = [declared(device, longitude=longitude, latitude=40.0)]
    for day in range(first, first + days):
        start = 9 - longitude / 15 + habit + shift + draw.gauss(0, 0.3)
        for number in range(96):
            hour = number / 12
            if draw.random() < (0.2 if 3 < hour < 4 else 0.7):
                rows.append(
                    InputTiming(device_id=device, ts=at(day, start + hour), window_s=300.0, input_device="046d:c31c",
                                **{"presses": 40} | values)
                )  # fmt: skip
    return rows


def office(count, longitude, **values):
    return [row for n in range(count) for row in worker(f"peer-{longitude:.0f}-{n:02d}", longitude, **values)]


@pytest.mark.parametrize("shift", [9.0, -8.0, 12.0, 6.0])
def test_other_hours_are_found(shift):
    """Far from what thirty devices of the zone do; the others stay clear."""
    rows = office(30, -75.0) + worker("lt-1", -75.0, shift=shift)
    found = answers(DETECTOR, rows)
    assert found.pop("lt-1") == "other_hours"
    assert set(found.values()) == {"clear"}


@pytest.mark.parametrize("shift", [2.0, -2.0, 3.5, -4.0])
def test_habits_are_not(shift):
    """Early risers and people who start after noon."""
    rows = office(30, -75.0) + worker("lt-1", -75.0, shift=shift, habit=0.0)
    assert answers(DETECTOR, rows)["lt-1"] == "clear"


def test_a_small_zone_is_compared_with_the_whole_fleet():
    """One device far west of the others: its hours turned by its longitude are the same, or are not."""
    rows = office(30, -75.0) + worker("west", -120.0) + worker("lt-1", -120.0, shift=9.0)
    found = answers(DETECTOR, rows)
    assert (found["west"], found["lt-1"]) == ("clear", "other_hours")


def test_the_sentence_names_hours_and_no_place():
    """How far, against how many, and that habits do the same."""
    rows = office(30, -75.0) + worker("lt-1", -75.0, shift=9.0)
    (finding,) = judged(DETECTOR, rows).hits["lt-1"]
    assert "hours later than on 30 devices" in finding.summary
    assert "habits explain this as well as places do" in finding.summary
    assert (finding.claim, finding.decibans) == ("abroad", 4.0)


def test_a_jiggler_has_no_hours():
    """Motion by itself is no input of a person; what is left is too little."""
    rows = office(30, -75.0)
    rows += worker("lt-1", -75.0, shift=9.0, presses=0, clicks=0, moves=40, jiggle_period_s=15.0)
    assert answers(DETECTOR, rows)["lt-1"] == "no data"


def test_no_data():
    """No coordinates, two days, declared travel, an arrangement, no input; and a fleet of three."""
    rows = office(30, -75.0)
    rows += [row for row in worker("placeless", 0.0) if isinstance(row, InputTiming)]
    rows += worker("short", -75.0, shift=9.0, days=2)
    rows += [row for row in worker("away", -75.0, shift=9.0) if isinstance(row, InputTiming)]
    rows.append(declared("away", longitude=-75.0, latitude=40.0, travel="2026-03-03/2026-03-20 elsewhere"))
    rows += [row for row in worker("arranged", -75.0, shift=9.0) if isinstance(row, InputTiming)]
    rows.append(declared("arranged", longitude=-75.0, latitude=40.0, accommodation=True))
    rows.append(PowerEvent(device_id="silent", ts=at(1), event="boot"))
    found = answers(DETECTOR, rows)
    assert {found[name] for name in ("placeless", "short", "away", "arranged", "silent")} == {"no data"}
    assert set(answers(DETECTOR, office(3, -75.0)).values()) == {"no data"}


def jumped(device, stays, *, change=-6, minutes=60):
    """A month of work during which the device's own clock jumps, and its user with it or not."""
    rows = worker(device, -75.0, days=28 + change, first=-28, seed=1)
    rows += [
        row if stays else InputTiming(device_id=device, ts=row.ts - timedelta(minutes=minutes), window_s=300.0,
                                      input_device=row.input_device, presses=row.presses)
        for row in worker(device, -75.0, days=7 - change, first=change, seed=1) if isinstance(row, InputTiming)
    ]  # fmt: skip
    for day in range(-28, 7):
        offset = -300 + (minutes if day >= change else 0)
        rows.append(DeviceFact(device_id=device, ts=at(day, 3), utc_offset_min=offset))
    return rows


def test_hours_that_stay_when_the_clock_changes():
    """The clock goes forward and the input does not; people who follow it are clear."""
    rows = jumped("lt-1", stays=True) + jumped("lt-2", stays=False) + office(30, -75.0)
    found = answers(DETECTOR, rows)
    assert (found["lt-1"], found["lt-2"]) == ("old_clock", "clear")


def test_a_clock_that_was_set_to_utc_is_no_summer_time():
    """Developers do that; and two changes are a traveller."""
    rows = [row for row in jumped("lt-1", stays=True) if not isinstance(row, DeviceFact)] + office(30, -75.0)
    utc = [DeviceFact(device_id="lt-1", ts=at(day, 3), utc_offset_min=60 if day < -6 else 0) for day in range(-28, 7)]
    assert answers(DETECTOR, rows + utc)["lt-1"] == "clear"
    trips = [DeviceFact(device_id="lt-1", ts=at(day, 3), utc_offset_min=-300 + 60 * (day % 2)) for day in range(-28, 7)]
    assert answers(DETECTOR, rows + trips)["lt-1"] == "clear"
