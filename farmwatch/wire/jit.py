"""One kernel source, two ways to run it: compiled by Numba, or interpreted by Python.

Why: compiling the per-packet loops costs many seconds once and importing Numba half a second every time, which a
capture of a hundred packets must not pay. A function marked :func:`kernel` is ordinary Python over flat arrays; called
as it is, it runs interpreted (hand it memoryviews: they give Python ints, several times faster than NumPy scalars and
without wrap-around). :func:`compiled` gives the same function as a cached Numba dispatcher, with every kernel it calls
compiled too. Both ways must give the same bytes; a test holds them to it.

Rules for kernel source, so that both ways agree: signed 64-bit integers only, every product masked below 2**63, every
array one-dimensional, every index checked, no Python objects, tuples returned instead of mutated scalars.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import cache
from typing import Any, Generic, ParamSpec, TypeVar

__all__ = ["Kernel", "compiled", "kernel"]

P = ParamSpec("P")
R = TypeVar("R")


class Kernel(Generic[P, R]):
    """A function that can run interpreted (call it) or compiled (see :func:`compiled`)."""

    __slots__ = ("__wrapped__",)

    def __init__(self, function: Callable[P, R]) -> None:
        self.__wrapped__ = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run interpreted."""
        return self.__wrapped__(*args, **kwargs)


def kernel(function: Callable[P, R]) -> Kernel[P, R]:
    """Mark a function as a kernel."""
    return Kernel(function)


@cache
def compiled(target: Kernel[P, R]) -> Any:
    """The Numba dispatcher of a kernel, cached on disk, GIL released while it runs.

    A copy of the function is compiled whose globals name the dispatchers of the kernels it calls, so the interpreted
    source stays untouched. ``NUMBA_BOUNDSCHECK=1`` in the environment turns bounds checks on.
    """
    import numba

    source: Any = target.__wrapped__
    bound = {
        name: compiled(value) if isinstance(value, Kernel) else value for name, value in source.__globals__.items()
        if name in _names(source.__code__) or name == "__name__"
    }
    bound["__builtins__"] = source.__globals__.get("__builtins__", __builtins__)
    copy = types.FunctionType(source.__code__, bound, source.__name__, source.__defaults__, source.__closure__)
    copy.__qualname__ = source.__qualname__
    copy.__module__ = source.__module__
    return numba.njit(cache=True, nogil=True)(copy)


def _names(code: types.CodeType) -> set[str]:
    """Global names a code object mentions, nested functions included."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names
