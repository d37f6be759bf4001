"""RemoteIdle: its case files."""

from __future__ import annotations

from farmwatch.analysis.detectors.remote_idle import RemoteIdle

DETECTOR = RemoteIdle()


def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)
