"""Medians and quantiles of short arrays, to the last bit as NumPy gives them.

Why not NumPy's own: they spend some twenty microseconds on arguments and on values that are no numbers, and timing
analysis asks for dozens of them of every flow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["median", "quantile", "share"]


def median(values: NDArray[Any]) -> float:
    """The middle of the values, between the two middle ones of an even number; at least one, none of them NaN."""
    middle = len(values) // 2
    ordered = np.sort(values)
    return float(ordered[middle]) if len(values) % 2 else float((ordered[middle - 1] + ordered[middle]) / 2)


def quantile(values: NDArray[Any], *shares: float) -> tuple[float, ...]:
    """Values below which these shares of all lie, between neighbours in proportion; at least one value, none NaN."""
    ordered = np.sort(values)
    last = len(ordered) - 1
    found = []
    for place in (last * one for one in shares):
        below = int(place)
        low, high, part = float(ordered[below]), float(ordered[min(below + 1, last)]), place - below
        found.append(high - (high - low) * (1 - part) if part >= 0.5 else low + (high - low) * part)
    return tuple(found)


def share(chosen: NDArray[np.bool_]) -> float:
    """The share of True among at least one value."""
    return int(np.count_nonzero(chosen)) / len(chosen)
