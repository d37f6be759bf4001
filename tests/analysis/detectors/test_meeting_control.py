"""MeetingControl: its case files."""

from __future__ import annotations

from farmwatch.analysis.detectors.meeting_control import MeetingControl

DETECTOR = MeetingControl()


def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)
