"""RemoteTool: its case files."""

from __future__ import annotations

from farmwatch.analysis.detectors.remote_tool import RemoteTool

DETECTOR = RemoteTool()


def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)
