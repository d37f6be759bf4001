"""KeystrokeSsh: its case files."""

from __future__ import annotations

from farmwatch.analysis.detectors.keystroke_ssh import KeystrokeSsh

DETECTOR = KeystrokeSsh()


def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)
