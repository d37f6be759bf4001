"""KvmOnLan: its case files."""

from __future__ import annotations

from farmwatch.analysis.detectors.kvm_on_lan import KvmOnLan

DETECTOR = KvmOnLan()


def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)
