"""MeetingByLink: hit, near miss, no data."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.meeting_by_link import MeetingByLink
from farmwatch.records import InputTiming, PowerEvent, Process
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = MeetingByLink()
NINE = 14.0  #: hours UTC


UNEVEN = (0.0, 0.6, 0.3, 0.9)  #: minutes by which a hand misses the hour


def start(day, minutes=0.0, device="lt-1", **values):
    given = {"event": "started", "name": "zoom.exe", "arguments": "--url zoommtg:", "parent_name": "explorer.exe"}
    return Process(device_id=device, ts=at(day, NINE + minutes / 60), **(given | values))


def used(day, minutes, presses=40, input_device="046d:c31c"):
    """Input in the five minutes from so many minutes before or after nine."""
    return InputTiming(device_id="lt-1", ts=at(day, NINE + minutes / 60), window_s=300, input_device=input_device,
                       presses=presses)  # fmt: skip


def week(**values):
    return [start(day, **values) for day in range(4)]


def test_the_same_minute_every_day():
    """Nothing is known of who was at the device."""
    finding = judged(DETECTOR, week()).hits["lt-1"][0]
    assert finding.grade == "daily"
    assert "on 4 days" in finding.summary
    assert "started by explorer.exe" in finding.summary


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        ((0, 0, 0, 0), "14:00"),
        ((5, 5, 5, 5), "14:05"),
        ((-1, -1, -1, -1), "13:59"),
        ((-1, 0, -1, 0), "14:00"),
        ((14, 15, 15, 14), "14:15"),
        ((6, 7, 7, 6), "14:06"),
        ((1, 2, 2, 2), "14:02"),
        ((-1, 0, 1, 1), "14:00"),
        ((-NINE * 60, -NINE * 60, -NINE * 60, -NINE * 60), "00:00"),
    ],
)
def test_the_minute_that_is_named(minutes, said):
    """The commonest, with one minute to either side; of several the one next to a quarter of an hour."""
    rows = [start(day, minute, parent_name="taskeng.exe") for day, minute in enumerate(minutes)]
    summary = judged(DETECTOR, rows).hits["lt-1"][0].summary
    assert f"at {said} UTC, give or take a minute, on 4 days" in summary


def test_with_nobody_at_the_device_it_weighs_more():
    """Input was reported that day, an hour later, and what was made by a program is nobody."""
    later = [used(day, 60) for day in range(4)]
    assert answers(DETECTOR, week() + later) == {"lt-1": "idle"}
    injected = [used(day, -5, input_device="injected") for day in range(4)]
    assert answers(DETECTOR, week() + later + injected) == {"lt-1": "idle"}


def test_with_somebody_at_the_device_it_is_a_habit():
    """Keys were pressed in the minutes before; a window without a press is no input."""
    assert answers(DETECTOR, week() + [used(day, -6) for day in range(4)]) == {"lt-1": "attended"}
    assert answers(DETECTOR, week() + [used(day, -6, presses=0) for day in range(4)]) == {"lt-1": "idle"}


@pytest.mark.parametrize("parent", ["chrome.exe", "outlook.exe", "zoom.exe", "msedge.exe", None])
def test_browsers_and_mail_programs_are_clear(parent):
    """That is how people join their daily meeting."""
    assert answers(DETECTOR, week(parent_name=parent)) == {"lt-1": "clear"}


def test_a_few_minutes_apart_is_a_person():
    """The Run box at no fixed minute says nothing; a script does, a little."""
    apart = [start(day, 7 * day) for day in range(4)]
    assert answers(DETECTOR, apart) == {"lt-1": "clear"}
    scripted = [start(day, 7 * day, parent_name="powershell.exe") for day in range(4)]
    assert answers(DETECTOR, scripted) == {"lt-1": "scripted"}


def test_two_days_are_chance():
    """And so is a link that opens no meeting."""
    assert answers(DETECTOR, week()[:2]) == {"lt-1": "clear"}
    assert answers(DETECTOR, week(arguments="https:")) == {"lt-1": "clear"}


def by_hand(device="lt-1", **values):
    return [start(day, UNEVEN[day], device, **values) for day in range(4)]


def test_from_the_desktop_it_is_mostly_a_reminder():
    """Explorer opens the Run box's links and those of notifications; a hand is not exact to the second."""
    assert answers(DETECTOR, by_hand()) == {"lt-1": "desktop"}
    assert answers(DETECTOR, by_hand(parent_name="svchost.exe")) == {"lt-1": "desktop"}
    assert answers(DETECTOR, by_hand(parent_name="taskeng.exe")) == {"lt-1": "daily"}
    assert DETECTOR.grades["desktop"].decibans <= 3


def test_from_the_desktop_with_somebody_there_is_clear():
    """Who clicks a reminder has a hand on the mouse; without one it was no click."""
    assert answers(DETECTOR, by_hand() + [used(day, -6) for day in range(4)]) == {"lt-1": "clear"}
    assert answers(DETECTOR, by_hand() + [used(day, 60) for day in range(4)]) == {"lt-1": "desktop_idle"}


def test_what_many_devices_do_is_how_links_are_opened_here():
    """Ten devices open links from the desktop at any time: one more that does it daily is no hit; a schedule is."""
    others = [start(2, 40 + number, f"lt-{number}") for number in range(2, 12)]
    assert set(answers(DETECTOR, by_hand() + others).values()) == {"clear"}
    assert answers(DETECTOR, by_hand() + others[:8])["lt-1"] == "desktop"
    assert answers(DETECTOR, week() + others)["lt-1"] == "daily"
    idle = by_hand() + others + [used(day, 60) for day in range(4)]
    assert answers(DETECTOR, idle)["lt-1"] == "desktop_idle"


def test_other_meetings_of_the_day_do_not_hide_it():
    """Opened from the desktop at odd times as well."""
    rows = week() + [start(day, 95 + 17 * day) for day in range(4)]
    finding = judged(DETECTOR, rows).hits["lt-1"][0]
    assert finding.observed == "zoom.exe: 4 starts"


def test_without_starts_there_is_no_data():
    """A list of what runs does not say when it was started."""
    rows = [start(1, event="running"), PowerEvent(device_id="lt-2", ts=at(1), event="boot")]
    assert answers(DETECTOR, rows) == {"lt-1": "no data", "lt-2": "no data"}


def test_input_before_midnight_is_input():
    """Five in the afternoon on one coast is the next day in UTC."""
    rows = [start(day, 60 * (24 - NINE) + 2) for day in range(4)]
    before = [used(day, 60 * (24 - NINE) - 5) for day in range(4)]
    after = [used(day + 1, 60) for day in range(4)]
    assert answers(DETECTOR, [*rows, *before, *after]) == {"lt-1": "attended"}
    assert answers(DETECTOR, [*rows, *after]) == {"lt-1": "idle"}
