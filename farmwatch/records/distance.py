"""Distances as a person reads them, written the same by detectors and renderers."""

from __future__ import annotations

import math

__all__ = ["FARTHEST_KM", "KM_PER_MS", "at_most", "kilometres"]

KM_PER_MS = 199.86 / 2
"""Kilometres that one millisecond of round trip allows at most: light in fibre, 2/3 c (docs/evidence.md, M3)."""

FARTHEST_KM = 20_015.0
"""Half the circumference of the earth, in kilometres: a larger bound excludes nothing."""

_COARSE_KM = 10_000  # from here on two digits would say thousands of kilometres


def kilometres(value: float) -> str:
    """Kilometres, rounded up to two leading digits because they are bounds; never 0, which no bound can be."""
    if value < 100:
        return f"{max(math.ceil(value), 1)} km"
    step = 10 ** (len(str(int(value))) - 2)
    return f"{int(-(-value // step)) * step:,} km"


def at_most(value: float) -> str:
    """A distance that is an upper bound: ``at most about 16,100 km``; never more than 100 km above what it bounds."""
    if value < _COARSE_KM:
        return f"at most about {kilometres(value)}"
    return f"at most about {math.ceil(value / 100) * 100:,} km"
