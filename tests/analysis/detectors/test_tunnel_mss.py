"""TunnelMss: its case files."""

from __future__ import annotations

from farmwatch.analysis.detectors.tunnel_mss import TunnelMss

DETECTOR = TunnelMss()


def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)
