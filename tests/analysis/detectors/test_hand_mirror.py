"""HandMirror: its case files."""

from __future__ import annotations

from farmwatch.analysis.detectors.hand_mirror import HandMirror

DETECTOR = HandMirror()


def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)
