"""TypingClumped: its case files."""

from __future__ import annotations

from farmwatch.analysis.detectors.typing_clumped import TypingClumped

DETECTOR = TypingClumped()


def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)
