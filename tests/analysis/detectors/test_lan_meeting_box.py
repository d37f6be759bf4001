"""LanMeetingBox: its case files."""

from __future__ import annotations

from farmwatch.analysis.detectors.lan_meeting_box import LanMeetingBox

DETECTOR = LanMeetingBox()


def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)
