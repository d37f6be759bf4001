"""Distances as a person reads them."""

from __future__ import annotations

import pytest

from farmwatch.records.distance import at_most, kilometres


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "1 km"), (0.2, "1 km"), (99.1, "100 km"), (100, "100 km"), (1061, "1,100 km"), (13133.3, "14,000 km")],
)
def test_bounds_are_rounded_up_to_two_digits(value, said):
    """A bound may grow by rounding, never shrink."""
    assert kilometres(value) == said
    assert at_most(value) == f"at most about {said}"
