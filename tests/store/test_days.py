"""Which day a row is filed under."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest

from farmwatch.store.days import EARLY, LATE, day_numbers, day_of, days_between, name_of

ARRIVED = datetime(2026, 3, 4, 23, 59, tzinfo=UTC)


def filed(*moments):
    column = pa.chunked_array([pa.array(moments, pa.timestamp("us", tz="UTC"))])
    return [name_of(number) for number in day_numbers(column, len(moments), ARRIVED).tolist()]


def test_days_are_those_of_the_rows_in_utc():
    """A row belongs to the UTC day of its own time; rows without one to the day they came."""
    half_past = datetime(2026, 3, 4, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    assert filed(half_past, None, datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC)) == [
        "2026-03-03", "2026-03-04", "2024-02-29",
    ]  # fmt: skip
    assert np.unique(day_numbers(None, 3, ARRIVED)).size == 1


def test_times_nobody_can_mean_share_two_days():
    """A clock never set, or far ahead, does not make a partition of its own; a little ahead is believed."""
    at = datetime(1970, 1, 1, tzinfo=UTC)
    assert filed(at, datetime(1999, 12, 31, 23, tzinfo=UTC)) == [EARLY, EARLY]
    assert filed(datetime(2093, 1, 1, tzinfo=UTC), ARRIVED + timedelta(days=3)) == [LATE, LATE]
    assert filed(ARRIVED + timedelta(days=2)) == ["2026-03-06"]


def test_a_span_covers_its_days_and_the_one_for_clocks_ahead():
    """The day for clocks ahead may hold any time, so it is always read."""
    days = [EARLY, "2026-03-03", "2026-03-04", "2026-03-05", LATE]
    since, until = datetime(2026, 3, 4, 5, tzinfo=UTC), datetime(2026, 3, 4, 6, tzinfo=UTC)
    assert days_between(days, since, until) == {"2026-03-04", LATE}
    assert days_between(days, None, None) == set(days)
    assert days_between(days, None, datetime(1980, 1, 1, tzinfo=UTC)) == {EARLY, LATE}
    assert day_of(datetime(1970, 1, 1, tzinfo=UTC)) == EARLY


def test_a_time_without_a_zone_is_refused():
    """Nobody knows its day."""
    with pytest.raises(ValueError, match="no time zone"):
        day_of(datetime(2026, 3, 4))  # noqa: DTZ001 (what is tested)
    with pytest.raises(ValueError, match="no time zone"):
        day_numbers(None, 1, datetime(2026, 3, 4))  # noqa: DTZ001 (what is tested)
