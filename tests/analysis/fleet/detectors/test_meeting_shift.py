"""MeetingShift: hit, near miss, no data."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.meeting_shift import MeetingShift
from farmwatch.records import MeetingUse, PowerEvent, RosterEntry
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = MeetingShift()


def meeting(day, hours=8.0, hour=14.0, **values):
    given = {"device_id": "lt-1", "product": "zoom", "meeting_id": f"m{day}", "ended": at(day, hour + hours)}
    return MeetingUse(ts=at(day, hour), **(given | values))


def week(days=4, **values):
    return [meeting(day, **values) for day in range(days)]


@pytest.mark.parametrize(
    ("rows", "grade"),
    [
        (week(participants=2, shared_s=7 * 3600), "screen"),
        (week(participants=2), "regular"),
        ([meeting(day, hour=12 + day, participants=2) for day in range(4)], "daily"),
        (week(1, participants=2, shared_s=7 * 3600), "single"),
        ([meeting(day, hour=23.98 if day == 2 else 24.02, participants=2) for day in (0, 2, 4)], "regular"),
    ],
)
def test_shifts_by_screen_days_and_start(rows, grade):
    """Shown most of the time; the same minute, also around midnight; at any time; one day."""
    assert answers(DETECTOR, rows) == {"lt-1": grade}


@pytest.mark.parametrize(
    "rows",
    [
        week(participants=25, shared_s=7 * 3600),
        week(hours=1.5, participants=2, shared_s=5000),
        week(2, participants=2),
        week(ended=None),
    ],
)
def test_ordinary_meetings_are_clear(rows):
    """A bridge of many, an hour and a half, a workshop of two days, an end that is not known."""
    assert answers(DETECTOR, rows) == {"lt-1": "clear"}


def test_rejoining_goes_on_with_the_same_meeting():
    """Four hours, a drop, four hours more."""
    rows = [meeting(day, 4, hour, meeting_id="room", participants=2) for day in range(4) for hour in (9, 13.1)]
    assert "8.0 h on 4 days" in judged(DETECTOR, rows).hits["lt-1"][0].summary


def test_who_is_listed_counts_where_the_service_gives_no_number():
    """Five accounts in it are a team's virtual office; two are not."""

    def room(people):
        return [meeting(day, meeting_id="room", account=f"a{one}", device_id="lt-1" if one == 0 else None)
                for day in range(4) for one in range(people)]  # fmt: skip

    assert answers(DETECTOR, room(2))["lt-1"] == "regular"
    assert answers(DETECTOR, room(5))["lt-1"] == "clear"


def test_a_meeting_of_the_owners_account_is_the_devices():
    """The service names the account only."""
    roster = RosterEntry(device_id="lt-1", ts=at(-9), accounts="acc")
    rows = week(device_id=None, account="acc", participants=2)
    assert answers(DETECTOR, [*rows, roster]) == {"lt-1": "regular"}


def test_without_meetings_there_is_no_data():
    """Nothing to look at is not clear."""
    assert answers(DETECTOR, [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]) == {"lt-2": "no data"}


def test_a_meeting_of_unknown_people_says_nothing():
    """Neither a number of people nor a number of the meeting: it may be a hall."""
    assert answers(DETECTOR, week(meeting_id=None, shared_s=7 * 3600)) == {"lt-1": "clear"}
