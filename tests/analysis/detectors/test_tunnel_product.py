"""TunnelProduct: its case files."""

from __future__ import annotations

from farmwatch.analysis.detectors.tunnel_product import TunnelProduct

DETECTOR = TunnelProduct()


def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)
