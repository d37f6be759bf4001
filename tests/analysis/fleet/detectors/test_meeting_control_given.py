"""MeetingControlGiven: hit, near miss, no data."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.meeting_control_given import MeetingControlGiven
from farmwatch.records import MeetingUse, PowerEvent
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = MeetingControlGiven()


def meeting(day, **values):
    return MeetingUse(device_id="lt-1", ts=at(day), product="zoom", **values)


@pytest.mark.parametrize(
    ("rows", "grade"),
    [
        ([meeting(day, controlled_s=3 * 3600) for day in range(3)], "hours"),
        ([meeting(1, controlled_s=3000)], "long"),
        ([meeting(day, control_given=True) for day in range(3)], "often"),
        ([meeting(day, controlled_s=300) for day in range(4)], "often"),
        ([meeting(1, control_given=True)], "brief"),
        ([meeting(1, control_given=False)], "clear"),
        ([meeting(1, controlled_s=0)], "clear"),
        ([meeting(1)], "no data"),
    ],
)
def test_control_by_how_long_and_how_often(rows, grade):
    """Hours a day, an hour once, minutes every day, once; not given; not recorded."""
    assert answers(DETECTOR, rows) == {"lt-1": grade}


def test_the_summary_has_the_numbers():
    """Meetings, days, hours, and the longest stretch."""
    finding = judged(DETECTOR, [meeting(day, controlled_s=7200) for day in range(3)]).hits["lt-1"][0]
    assert "3 meetings on 3 days, 6.0 hours in all, 120 min at a stretch" in finding.summary


def test_without_meetings_there_is_no_data():
    """Nothing to look at is not clear."""
    assert answers(DETECTOR, [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]) == {"lt-2": "no data"}
