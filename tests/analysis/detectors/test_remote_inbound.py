"""RemoteInbound: its case files."""

from __future__ import annotations

from farmwatch.analysis.detectors.remote_inbound import RemoteInbound

DETECTOR = RemoteInbound()


def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)
