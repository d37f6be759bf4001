"""Case files as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from farmwatch.analysis.detectors import DETECTORS

CASES = Path(__file__).parents[2] / "cases"


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.id)
def test_each_detector_has_its_cases(detector):
    """At least a hit, a near miss and a capture that shows nothing."""
    names = [path.stem for path in (CASES / detector.id).glob("*.toml")]
    assert all(any(name.startswith(kind) for name in names) for kind in ("hit", "near_miss", "no_data")), names


def test_no_case_is_left_without_a_detector():
    """A folder of cases belongs to a registered detector."""
    folders = {path.name for path in CASES.iterdir() if path.is_dir()}
    assert folders == {detector.id for detector in DETECTORS}
