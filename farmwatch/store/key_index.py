"""The index of row keys: which rows a table already has, day by day, in bounded memory.

A day's keys are kept as a few sorted runs; a new run is merged with its neighbours as soon as it is not much smaller,
so that adding costs little however large the day is.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from farmwatch.store.row_keys import Words

__all__ = ["KeyIndex", "first_of_each"]

Run = tuple[NDArray[np.uint64], NDArray[np.uint64]]


@dataclass(slots=True)
class _Day:
    """The keys of one day of one table, and the files they came from."""

    files: set[str] = field(default_factory=set)
    runs: list[Run] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """Memory of the keys."""
        return sum(16 * len(high) for high, _ in self.runs)

    def add(self, keys: Words) -> None:
        """Take in keys."""
        if not len(keys):
            return
        self.runs.append(_sorted(keys[:, 0], keys[:, 1]))
        while len(self.runs) > 1 and len(self.runs[-2][0]) <= 2 * len(self.runs[-1][0]):
            (high, low), (more_high, more_low) = self.runs[-2:]
            self.runs[-2:] = [_sorted(np.concatenate([high, more_high]), np.concatenate([low, more_low]))]

    def has(self, high: NDArray[np.uint64], low: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which of some keys, sorted by their first word, are there."""
        found = np.zeros(len(high), np.bool_)
        for run in self.runs:
            _look_up(run, high, low, found)
        return found


def _sorted(high: NDArray[np.uint64], low: NDArray[np.uint64]) -> Run:
    """Keys sorted by their first word; runs that are sorted already merge in one pass."""
    order = np.argsort(high, kind="stable")
    return high[order], low[order]


def _look_up(run: Run, high: NDArray[np.uint64], low: NDArray[np.uint64], found: NDArray[np.bool_]) -> None:
    """Mark which keys a run has. Keys that share their first word lie side by side and are tried in turn."""
    at = np.searchsorted(run[0], high)
    rows = np.flatnonzero(at < len(run[0]))
    while len(rows):
        rows = rows[run[0][at[rows]] == high[rows]]
        same = run[1][at[rows]] == low[rows]
        found[rows[same]] = True
        rows = rows[~same]
        at[rows] += 1
        rows = rows[at[rows] < len(run[0])]


def first_of_each(keys: Words) -> NDArray[np.bool_]:
    """Which rows are the first with their key."""
    order = np.lexsort((keys[:, 1], keys[:, 0]))  # stable: equal keys keep the order of their rows
    ordered = keys[order]
    first = np.ones(len(keys), np.bool_)
    first[order[1:]] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return first


class KeyIndex:
    """Keys of the days used last, read from the store's files when they are needed.

    Several threads may use it, but only one at a time for the same table.

    Args:
        limit_bytes: Memory for keys (16 bytes a row). The day in use stays in memory even if it alone needs more.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._days: OrderedDict[tuple[str, str], _Day] = OrderedDict()
        self._guard = threading.Lock()

    @property
    def bytes(self) -> int:
        """Memory in use."""
        return sum(day.bytes for day in self._days.values())

    def known(
        self, table: str, day: str, files: Iterable[str], load: Callable[[list[str]], Words], keys: Words
    ) -> NDArray[np.bool_]:
        """Which of some keys the table has on a day.

        Args:
            table: Name of the table.
            day: The day.
            files: All files of that day now. New ones are read; where one is gone, all are read again.
            load: Reads the keys of files.
            keys: Keys asked for, shape (n, 2).
        """
        current = set(files)
        held = self._days.get((table, day))
        if held is None or not held.files <= current:
            held = _Day()
        fresh = current - held.files
        if fresh:
            held.add(load(sorted(fresh)))
            held.files |= fresh
        self._use(table, day, held)
        order = np.argsort(keys[:, 0])
        found = np.empty(len(keys), np.bool_)
        found[order] = held.has(keys[order, 0], keys[order, 1])
        return found

    def add(self, table: str, day: str, file: str, keys: Words) -> None:
        """Take in the keys of a file just written, where the day is in memory."""
        held = self._days.get((table, day))
        if held is not None:
            held.add(keys)
            held.files.add(file)
            self._use(table, day, held)

    def _use(self, table: str, day: str, used: _Day) -> None:
        """Keep this day longest, and forget others while there is too much."""
        with self._guard:
            self._days[table, day] = used
            self._days.move_to_end((table, day))
            held = self.bytes
            while held > self._limit and len(self._days) > 1:
                held -= self._days.popitem(last=False)[1].bytes
