"""RemoteSessionDays: hit, near miss, no data."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.remote_session_days import RemoteSessionDays
from farmwatch.analysis.profile import Profile
from farmwatch.records import PowerEvent, Process, RosterEntry
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = RemoteSessionDays()
WEEK = (0, 1, 2, 6)
SESSION = ("teamviewer_desktop.exe", "--IPCport --Module")


def ran(days, device="lt-1", name="notes.exe", arguments=None):
    return [Process(device_id=device, ts=at(day), event="started", name=name, arguments=arguments) for day in days]


def visited(days, device="lt-1"):
    return ran(days, device, *SESSION)


def allowed(*devices):
    return [RosterEntry(device_id=name, ts=at(-9), approved_tools="teamviewer") for name in devices]


def test_sessions_on_most_days():
    """The summary says on how many of the days on which programs ran."""
    rows = visited(WEEK) + ran(range(7))
    assert answers(DETECTOR, rows) == {"lt-1": "most_days"}
    assert "on 4 of 7 days" in judged(DETECTOR, rows).hits["lt-1"][0].summary


@pytest.mark.parametrize(
    "rows",
    [
        visited((0, 1, 6)) + ran(range(3)),
        visited(WEEK) + ran(range(-3, 7)),
        visited([1, 1.1, 1.2, 1.3, 1.4]),
        visited(range(5)) + ran(range(5)),
        [Process(device_id="lt-1", ts=at(day), event="running", name=SESSION[0], arguments=SESSION[1]) for day in WEEK],
        ran(range(6), name="teamviewer_service.exe"),
        ran(range(6), name="screenconnect.clientservice.exe", arguments="?e=Access&y=Guest"),
    ],
)
def test_what_is_not_day_after_day_is_clear(rows):
    """Three days; four of ten; five times a day; less than a week; one that never ended; what waits for sessions."""
    assert answers(DETECTOR, rows) == {"lt-1": "clear"}


def test_a_tool_allowed_for_everybody_is_allowed_for_support():
    """Allowed to one person by name, it is that person's own way in."""
    everybody = allowed("lt-1", "lt-2", "lt-3")
    assert answers(DETECTOR, visited(range(7)) + everybody)["lt-1"] == "allowed"
    profile = Profile(approved_tools=frozenset({"teamviewer"}))
    assert answers(DETECTOR, visited(range(7)), profile=profile) == {"lt-1": "allowed"}
    others = [RosterEntry(device_id=f"lt-{number}", ts=at(-9)) for number in range(2, 9)]
    assert answers(DETECTOR, visited(range(7)) + allowed("lt-1") + others)["lt-1"] == "clear"


def test_where_many_are_like_that_it_is_a_habit():
    """Ten of five hundred devices are; of six hundred they are not."""

    def fleet(total):
        return [row for number in range(total) for row in ran([1], f"lt-{number}")] + [
            row for number in range(10) for row in visited(range(7), f"lt-{number}")
        ]

    assert answers(DETECTOR, fleet(500))["lt-1"] == "clear"
    assert answers(DETECTOR, fleet(600))["lt-1"] == "most_days"


def test_without_programs_there_is_no_data():
    """Power events tell of no program."""
    assert answers(DETECTOR, [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]) == {"lt-2": "no data"}
