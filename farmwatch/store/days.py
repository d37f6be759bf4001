"""Days: which partition a row belongs to."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["EARLY", "LATE", "day_numbers", "day_of", "days_between", "name_of"]

EARLY = "1999-12-31"
"""Where rows from before 2000 are kept, whatever their day: clocks that were never set."""
LATE = "9999-12-31"
"""Where rows are kept that claim to come from more than two days after they arrived: clocks set wrong."""
_AHEAD = timedelta(days=2)
_US_A_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1)
_FIRST = (date(2000, 1, 1) - _EPOCH).days
_EARLY_NUMBER, _LATE_NUMBER = _FIRST - 1, (date.fromisoformat(LATE) - _EPOCH).days


def day_of(moment: datetime) -> str:
    """The UTC day of a moment, as partitions are named.

    Raises:
        ValueError: the moment has no time zone, so that nobody knows its day.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return max(moment.astimezone(UTC).date().isoformat(), EARLY)


def name_of(number: int) -> str:
    """The partition name of a day number."""
    return (_EPOCH + timedelta(days=number)).isoformat()


def day_numbers(ts: pa.ChunkedArray | None, rows: int, received: datetime) -> NDArray[np.int64]:
    """The day of every row, counted from 1970: that of its ``ts``, or of its arrival where there is none.

    Raises:
        ValueError: ``received`` has no time zone.

    Why times nobody can mean share two partitions: a sender with a broken clock must not make a partition a row.
    """
    arrival = (date.fromisoformat(day_of(received)) - _EPOCH).days
    if ts is None:
        return np.full(rows, arrival, np.int64)
    us: Any = ts.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    numbers = np.floor_divide(pc.fill_null(us, arrival * _US_A_DAY).to_numpy(), _US_A_DAY)
    numbers = np.where(numbers < _FIRST, _EARLY_NUMBER, numbers)
    return np.where(numbers > arrival + _AHEAD.days, _LATE_NUMBER, numbers)


def days_between(days: list[str], since: datetime | None, until: datetime | None) -> set[str]:
    """The days among some that may hold rows from ``since`` (included) to ``until`` (not included)."""
    first, last = day_of(since) if since else "", day_of(until) if until else LATE
    return {day for day in days if first <= day <= last or day == LATE}
