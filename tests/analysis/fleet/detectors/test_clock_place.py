"""ClockPlace: clocks far from the declared sun, wide zones, UTC, journeys, no data."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.clock_place import ClockPlace
from farmwatch.records import DeviceFact, PowerEvent
from tests.analysis.fleet.fleets import answers, at, judged
from tests.analysis.fleet.inputs import declared

DETECTOR = ClockPlace()


def clock(device, *offsets):
    return [DeviceFact(device_id=device, ts=at(0.5 * n), utc_offset_min=offset) for n, offset in enumerate(offsets)]


def place(device, longitude, **values):
    return declared(device, latitude=40.0, longitude=longitude, **values)


@pytest.mark.parametrize(("longitude", "offset"), [(-112.0, 540), (-75.0, 60), (10.0, -300), (175.0, -300)])
def test_a_clock_of_another_zone(longitude, offset):
    """Hours away from the sun at the declared place, the date line between or not."""
    assert answers(DETECTOR, [place("lt-1", longitude), *clock("lt-1", *[offset] * 10)]) == {"lt-1": "away"}


@pytest.mark.parametrize(
    ("longitude", "offset"),
    [(-75.0, -300), (-75.0, -240), (-5.9, 120), (76.0, 480), (-150.0, -480), (179.0, -720), (-176.0, 780)],
)
def test_legal_time_may_be_hours_from_the_sun(longitude, offset):
    """Wide zones, summer time, the date line."""
    assert answers(DETECTOR, [place("lt-1", longitude), *clock("lt-1", *[offset] * 10)]) == {"lt-1": "clear"}


def test_a_journey_is_no_setting():
    """Three days on another time, or declared travel."""
    rows = [place("lt-1", -75.0), *clock("lt-1", *[-300] * 7, *[60] * 3)]
    assert answers(DETECTOR, rows) == {"lt-1": "clear"}
    rows = [place("lt-1", -75.0, travel="2026-03-01/2026-03-30 elsewhere"), *clock("lt-1", *[60] * 10)]
    assert answers(DETECTOR, rows) == {"lt-1": "no data"}


def test_a_habit_of_the_company_weighs_next_to_nothing():
    """Head office's time on a tenth of the devices."""
    rows = [row for n in range(6) for row in (place(f"lt-{n}", -112.0), *clock(f"lt-{n}", 60, 60))]
    assert set(answers(DETECTOR, rows).values()) == {"habit_here"}


def test_utc_silence_and_no_place_are_no_data():
    """None of them is called clear."""
    rows = [place("utc", -75.0), *clock("utc", 0, 0), declared("placeless"), *clock("placeless", -300)]
    rows += [place("untold", -75.0), DeviceFact(device_id="untold", ts=at(1)), *clock("unlisted", -300)]
    rows.append(PowerEvent(device_id="silent", ts=at(1), event="boot"))
    assert set(answers(DETECTOR, rows).values()) == {"no data"}


def test_the_sentence_has_offset_and_hours():
    """No zone, no country."""
    (finding,) = judged(DETECTOR, [place("lt-1", -112.0), *clock("lt-1", *[570] * 4)]).hits["lt-1"]
    assert finding.summary == (
        "its own clock is UTC+9:30, 7.0 hours from the sun at its declared place, in 4 of 4 reports"
    )
