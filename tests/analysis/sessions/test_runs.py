"""Messages of one direction put together into runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmwatch.analysis.sessions.runs import GAP_S, runs_of


def of(times, sizes=None):
    return runs_of(np.array(times, float), np.array(sizes if sizes is not None else [1] * len(times), np.int64))


def test_a_pause_ends_a_run():
    """Start, end, bytes and count of each run; a pause of just the longest gap is inside one."""
    found = of([1.0, 1.004, 1.012, 1.2, 3.0, 3.01], [10, 20, 30, 40, 50, 60])
    assert found.start_s.tolist() == [1.0, 1.2, 3.0]
    assert found.end_s.tolist() == [1.012, 1.2, 3.01]
    assert found.size.tolist() == [60, 40, 110]
    assert found.messages.tolist() == [3, 1, 2]
    assert len(found) == 3


def test_nothing_has_no_runs():
    found = of([])
    assert len(found) == 0
    assert (found.size.dtype, found.messages.dtype) == (np.int64, np.int64)


def test_the_gap_can_be_finer():
    times = np.array([0.0, 0.005, 0.010])
    assert len(runs_of(times, np.ones(3, np.int64))) == 1
    assert len(runs_of(times, np.ones(3, np.int64), gap_s=0.003)) == 3


@pytest.mark.parametrize("start", [0.0, 1e6])
@given(gaps=st.lists(st.sampled_from([0.0, 0.001, 0.0099, 0.02, 5.0]), max_size=60))
def test_every_message_is_in_one_run(start, gaps):
    """Bytes and messages add up, runs are in order, and longer than the gap apart."""
    times = start + np.cumsum(np.array(gaps))
    found = runs_of(times, np.arange(len(times)) + 1)
    assert found.messages.sum() == len(times)
    assert found.size.sum() == len(times) * (len(times) + 1) // 2
    assert (found.end_s >= found.start_s).all()
    assert (found.start_s[1:] - found.end_s[:-1] > GAP_S).all()
