"""KvmBeacon: its case files."""

from __future__ import annotations

from farmwatch.analysis.detectors.kvm_beacon import KvmBeacon

DETECTOR = KvmBeacon()


def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)
