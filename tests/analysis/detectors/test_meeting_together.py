"""MeetingTogether: its case files."""

from __future__ import annotations

from farmwatch.analysis.detectors.meeting_together import MeetingTogether

DETECTOR = MeetingTogether()


def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)
