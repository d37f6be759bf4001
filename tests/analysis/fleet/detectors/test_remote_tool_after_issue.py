"""RemoteToolAfterIssue: hit, near miss, no data."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.remote_tool_after_issue import RemoteToolAfterIssue
from farmwatch.records import PowerEvent, Process, RosterEntry, Software
from tests.analysis.fleet.fleets import answers, at

DETECTOR = RemoteToolAfterIssue()


def process(day, name="anydesk.exe", device="lt-1"):
    return Process(device_id=device, ts=at(day), event="running", name=name)


def issued(day):
    return RosterEntry(device_id="lt-1", ts=at(-60), issued=at(day))


@pytest.mark.parametrize(("day", "grade"), [(-1, "fortnight"), (-12.9, "fortnight"), (-20, "month"), (-31, "clear")])
def test_the_sooner_the_more(day, grade):
    """The tool is first seen on day 1 of the window; the device was handed out some days before."""
    assert answers(DETECTOR, [issued(day), process(1), process(2)]) == {"lt-1": grade}


def test_a_tool_of_its_image_is_clear():
    """Installed by IT before the hand-over, first reported after it."""
    row = Software(device_id="lt-1", ts=at(1), kind="program", name="AnyDesk", installed=at(-9))
    assert answers(DETECTOR, [issued(-3), row]) == {"lt-1": "clear"}
    assert answers(DETECTOR, [issued(-13), row]) == {"lt-1": "fortnight"}


def test_an_old_device_is_clear():
    """Handed out a year ago."""
    assert answers(DETECTOR, [issued(-365), process(1)]) == {"lt-1": "clear"}


def test_first_telemetry_stands_for_the_day_of_issue_in_an_older_fleet():
    """Without a declared day; where the whole fleet is new to farmwatch, nothing is said."""
    new = [PowerEvent(device_id="lt-1", ts=at(0), event="boot"), process(2)]
    old = [PowerEvent(device_id=f"lt-{number}", ts=at(-40), event="boot") for number in range(2, 22)]
    assert answers(DETECTOR, new)["lt-1"] == "clear"
    assert answers(DETECTOR, [*new, *old])["lt-1"] == "new"


def test_without_programs_there_is_no_data():
    """A roster entry alone shows no tool."""
    assert answers(DETECTOR, [issued(-3)]) == {"lt-1": "no data"}
