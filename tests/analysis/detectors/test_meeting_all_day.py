"""MeetingAllDay: its case files."""

from __future__ import annotations

from farmwatch.analysis.detectors.meeting_all_day import MeetingAllDay

DETECTOR = MeetingAllDay()


def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)
