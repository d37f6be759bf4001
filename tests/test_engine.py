"""Where work runs."""

from __future__ import annotations

from concurrent.futures import Executor, ProcessPoolExecutor

import pytest

from farmwatch.engine import InProcess, executor, ordered


def double(value):
    return 2 * value


def fail(value):
    raise ValueError(f"no {value}")


@pytest.mark.parametrize(("jobs", "tasks"), [(1, 9), (8, 1), (0, 1), (4, 0)])
def test_one_worker_is_this_process(jobs, tasks):
    """One job, or one task, needs no pool."""
    with executor(jobs, tasks) as runner:
        assert isinstance(runner, InProcess)


def test_more_work_gets_more_processes_and_keeps_its_order():
    """Results come back in the order of the arguments."""
    with executor(2, 5) as runner:
        assert isinstance(runner, ProcessPoolExecutor)
        assert list(ordered(runner, double, [(n,) for n in range(5)])) == [0, 2, 4, 6, 8]


def test_in_process_is_an_executor():
    with InProcess() as runner:
        assert isinstance(runner, Executor)
        assert list(ordered(runner, double, [(1,), (2,)])) == [2, 4]
        assert list(runner.map(double, [1, 2])) == [2, 4]


def test_errors_reach_whoever_asks_for_the_result():
    """Submitting never raises; asking does."""
    with InProcess() as runner:
        future = runner.submit(fail, 3)
        assert isinstance(future.exception(), ValueError)
        with pytest.raises(ValueError, match="no 3"):
            list(ordered(runner, fail, [(3,)]))
