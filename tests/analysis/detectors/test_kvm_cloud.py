"""KvmCloud: its case files."""

from __future__ import annotations

from farmwatch.analysis.detectors.kvm_cloud import KvmCloud

DETECTOR = KvmCloud()


def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)
