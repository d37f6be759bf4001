"""Distances as a person reads them."""

from __future__ import annotations

import pytest

from farmwatch.records.distance import at_most, kilometres


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "1 km"), (0.2, "1 km"), (99.1, "100 km"), (100, "100 km"), (1061, "1,100 km"), (9990, "10,000 km")],
)
def test_bounds_are_rounded_up_to_two_digits(value, said):
    """A bound may grow by rounding, never shrink."""
    assert kilometres(value) == said
    assert at_most(value) == f"at most about {said}"


def test_long_bounds_are_rounded_up_to_hundreds():
    """Text, chart and numbers of a report name the same bound."""
    assert kilometres(13133.3) == "14,000 km"
    assert at_most(13133.3) == "at most about 13,200 km"
    assert at_most(16015.9) == "at most about 16,100 km"
