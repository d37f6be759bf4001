"""How many keys were pressed, where that can be told: messages of the size that keys have.

On a line with jitter messages catch up with each other, and one segment holds a key and an automatic answer, or two
keys. Its size is then a sum of sizes that come more often alone, mostly of several such sums; where that is frequent
there is no count.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.sessions.hand import Hand, commonest

__all__ = ["count_keys"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LEAST_KEYS = 10
_SWEPT = 0.1  #: share of messages of the commonest size that are in sweeps: then it is the pointer's size as well
_TOGETHER = 0.15  #: share of segments that hold several messages: what a count may be off by
_LARGEST = 128  #: bytes of a segment that is looked at for this; larger ones hold something else
_MOST_PARTS = 6  #: messages in one
_MOST_UNITS, _LEAST_UNIT = 6, 0.03  #: different sizes of them, and the share of the messages that each has alone


def count_keys(times_s: Floats, sizes: Ints, hand: Hand, *, pairs: bool) -> int | None:
    """Key presses among the single events.

    Args:
        times_s: (n,) seconds of the direction's messages.
        sizes: (n,) bytes.
        hand: found in them.
        pairs: whether the protocol sends presses and releases apart.

    Returns:
        The count, or ``None`` where keys share their size with answers or pointer messages, or their segments with
        either.
    """
    times, holds = commonest(sizes, hand.single, times_s)
    total = int(holds.sum())
    if total < _LEAST_KEYS or hand.shared:
        return None
    single = sizes[hand.single]
    base = int(np.bincount(single).argmax())
    swept = int((sizes[hand.members] == base).sum()) - int((single == base).sum())
    if swept > _SWEPT * len(times) or _together(single) > _TOGETHER:
        return None
    return round(total / 2) if pairs else total


def _together(sizes: Ints) -> float:
    """Share of segments whose size is a sum of different sizes that come more often alone."""
    found, counts = np.unique(sizes, return_counts=True)
    units: list[int] = []
    sums: set[int] = set()
    several = 0
    for index in np.lexsort((found, -counts)).tolist():
        size, count = int(found[index]), int(counts[index])
        if size in sums:
            several += count
        elif 0 < size <= _LARGEST and count >= _LEAST_UNIT * len(sizes) and len(units) < _MOST_UNITS:
            units.append(size)
            sums = _sums(units)
    return several / len(sizes)


def _sums(units: list[int]) -> set[int]:
    """Every size that up to six units of at least two different sizes add up to."""
    reached: set[tuple[int, int]] = {(unit, unit) for unit in units}  # with the one size in it, 0 for several
    every = set(reached)
    for _ in range(_MOST_PARTS - 1):
        reached = {
            (size + unit, unit if unit == only else 0)
            for size, only in reached
            for unit in units
            if size + unit <= _LARGEST
        }
        every |= reached
    return {size for size, only in every if not only}
