"""ActivityNoRest: day and night, long days, shared devices, jigglers, no data."""

from __future__ import annotations

from farmwatch.analysis.fleet.detectors.activity_no_rest import ActivityNoRest
from farmwatch.records import PowerEvent
from tests.analysis.fleet.fleets import answers, at
from tests.analysis.fleet.inputs import declared, window

DETECTOR = ActivityNoRest()


def typed(device, hours, days=4, **values):
    return [window(device, day, hour, **{"presses": 30} | values) for day in range(days) for hour in range(hours)]


def test_day_and_night_for_days():
    """Twenty-one hours on four days are more than one person."""
    assert answers(DETECTOR, [declared("lt-1", person="p"), *typed("lt-1", 21)]) == {"lt-1": "day_and_night"}


def test_long_days_and_emergencies_are_not():
    """Sixteen hours every day; two nights through."""
    for rows in (typed("lt-1", 16), typed("lt-1", 24, days=2)):
        assert answers(DETECTOR, [declared("lt-1", person="p"), *rows]) == {"lt-1": "clear"}


def test_pointers_and_passing_touches_do_not_count():
    """A jiggler presses nothing, a bump presses few."""
    for values in ({"presses": 0, "moves": 80, "clicks": 5}, {"presses": 3}):
        assert answers(DETECTOR, [declared("lt-1", person="p"), *typed("lt-1", 24, **values)]) == {"lt-1": "clear"}


def test_shared_devices_arrangements_and_silence_are_no_data():
    """None of them is called clear."""
    rows = [declared("shared"), *typed("shared", 24), declared("arranged", person="p", accommodation=True)]
    rows += [*typed("arranged", 24), *typed("unlisted", 24), PowerEvent(device_id="silent", ts=at(1), event="boot")]
    assert set(answers(DETECTOR, rows).values()) == {"no data"}
