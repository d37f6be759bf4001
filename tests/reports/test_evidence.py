"""Signals and methods that detectors cite."""

from __future__ import annotations

import re

from farmwatch.analysis.detectors import DETECTORS
from farmwatch.reports.evidence import cited


def test_every_row_of_the_page_is_there_with_its_columns():
    """Signals carry a grade and innocent causes, methods a source."""
    entries = cited()
    assert dict(entries["N9"].columns)["grade"].startswith("A for a KVM")
    assert dict(entries["N9"].columns)["innocent causes"].startswith("co-working")
    assert "99.93" in dict(entries["M3"].columns)["method"]
    assert all(text for entry in entries.values() for _, text in entry.columns)


def test_whatever_a_detector_cites_is_on_the_page():
    """No weight rests on a name that explains nothing."""
    names = {name for one in DETECTORS for name in re.findall(r"\b[NM]\d+\b", one.weight_reason)}
    assert names
    assert names <= cited().keys()
