"""ControlRtt: its case files."""

from __future__ import annotations

from farmwatch.analysis.detectors.control_rtt import ControlRtt

DETECTOR = ControlRtt()


def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)
