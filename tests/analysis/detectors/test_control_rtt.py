"""ControlRtt: its case files."""

from __future__ import annotations

from farmwatch.analysis.detectors import DETECTORS
from farmwatch.analysis.detectors.control_rtt import ControlRtt

DETECTOR = ControlRtt()


def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)


def test_the_next_step_names_a_detector_that_there_is():
    """The loop through a relay is measured here: whoever follows the advice finds it."""
    assert "hand.far" in DETECTOR.check
    assert "hand.far" in {detector.id for detector in DETECTORS}
