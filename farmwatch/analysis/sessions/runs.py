"""Messages of one direction put together into runs: what was sent in one go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["GAP_S", "Runs", "runs_of"]

GAP_S = 0.010  #: a longer silence of one direction ends its run (docs/evidence.md, M10)


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of one direction, in order of time; all arrays have one entry per run."""

    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]  #: time of the last message
    size: NDArray[np.int64]  #: payload bytes
    messages: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start_s)


def runs_of(times_s: NDArray[np.float64], sizes: NDArray[np.int64], gap_s: float = GAP_S) -> Runs:
    """Cut the messages of one direction where it paused for longer than ``gap_s``.

    Args:
        times_s: (n,) seconds, rising.
        sizes: (n,) payload bytes.
        gap_s: the longest pause inside a run.
    """
    if not len(times_s):
        none = np.zeros(0)
        return Runs(none, none, none.astype(np.int64), none.astype(np.int64))
    first = np.flatnonzero(np.concatenate(([True], np.diff(times_s) > gap_s)))
    last = np.concatenate((first[1:], [len(times_s)])) - 1
    return Runs(times_s[first], times_s[last], np.add.reduceat(sizes, first), last - first + 1)
