"""Words that findings about tools share."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import farmwatch.analysis.fleet.detectors as detectors
from farmwatch.analysis.fleet.tool_proof import many, times


def test_one_is_no_plural():
    """One day, several days, none; people are no persons; thousands are parted."""
    assert [many(count, "day") for count in (0, 1, 2, 1200)] == ["0 days", "1 day", "2 days", "1,200 days"]
    assert [many(count, "person", "people") for count in (1, 3)] == ["1 person", "3 people"]
    assert [times(count) for count in (1, 2)] == ["once", "2 times"]


@pytest.mark.parametrize("path", sorted(Path(detectors.__file__).parent.glob("*.py")), ids=lambda path: path.stem)
def test_detectors_count_things_in_one_way(path):
    """No detector makes plurals of its own, or writes days after a number that may be one."""
    source = path.read_text(encoding="utf-8")
    assert not re.findall(r"if [^\n]{1,60} == 1 else '?\"?\w+s\b|'s' if|\{row\['\w*(?:days|times)'\]\} \w+s\b", source)
