"""Medians and quantiles equal NumPy's own."""

from __future__ import annotations

import numpy as np
import pytest

from farmwatch.analysis.sessions.quantiles import median, quantile, share


@pytest.mark.parametrize("integers", [False, True])
def test_equal_to_the_last_bit(integers: bool) -> None:
    """Medians, quantiles and shares of arrays of all lengths are the very numbers NumPy gives."""
    rng = np.random.default_rng(5)
    for length in (*range(1, 60), 999, 1000, 5001):
        values = rng.lognormal(0, 3, length) if not integers else rng.integers(0, 1 << 40, length)
        assert median(values) == np.median(values)
        percents = (2, 5, 10, 50, 90, 95, 99)
        assert quantile(values, *(one / 100 for one in percents)) == tuple(np.percentile(values, percents))
        assert share(values > 1) == np.mean(values > 1)


def test_waits_without_an_end() -> None:
    """An infinite value is one like any other, as long as no quantile lies next to it."""
    values = np.array([1.0, 2.0, 3.0, np.inf])
    assert median(values) == 2.5
    assert quantile(values, 0.5) == (2.5,)
