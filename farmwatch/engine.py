"""Where work runs: in this process, or in several local ones, behind ``concurrent.futures.Executor``.

Work is cut by capture file; the same functions run everywhere, and results come back in the order of the inputs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from typing import Any, ParamSpec, TypeVar

__all__ = ["InProcess", "executor", "ordered"]

P = ParamSpec("P")
T = TypeVar("T")


class InProcess(Executor):
    """Runs each call at once, where it is submitted."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run ``fn`` now; its result or error is in the future."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  (an executor hands every error to whoever asks for the result)
            future.set_exception(error)
        return future


def executor(jobs: int, tasks: int) -> Executor:
    """An executor for so many tasks: this process for one, a pool of local processes for more.

    Args:
        jobs: processes wanted; 0 means one per processor.
        tasks: how many pieces of work there are.
    """
    workers = min(jobs or os.cpu_count() or 1, tasks)
    return InProcess() if workers <= 1 else ProcessPoolExecutor(workers)


def ordered(runner: Executor, function: Callable[..., T], arguments: Iterable[tuple[Any, ...]]) -> Iterator[T]:
    """Results of ``function`` over argument tuples, in their order."""
    futures = [runner.submit(function, *values) for values in arguments]
    for future in futures:
        yield future.result()
