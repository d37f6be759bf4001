"""VpnConsumer: its case files."""

from __future__ import annotations

from farmwatch.analysis.detectors.vpn_consumer import VpnConsumer

DETECTOR = VpnConsumer()


def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)
