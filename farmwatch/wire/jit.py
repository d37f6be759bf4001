"""One kernel source, two ways to run it: compiled by Numba, or interpreted by Python.

Why: compiling the per-packet loops costs many seconds once and importing Numba half a second every time, which a
capture of a hundred packets must not pay. A function marked :func:`kernel` is ordinary Python over flat arrays; called
as it is, it runs interpreted (hand it memoryviews: they give Python ints, several times faster than NumPy scalars and
without wrap-around). :func:`compiled` gives the same function as machine code kept on disk, with every kernel it calls
compiled into it. Both ways must give the same bytes; a test holds them to it.

Rules for kernel source, so that both ways agree: signed 64-bit integers only, every product masked below 2**63, every
array one-dimensional, every index checked, no Python objects, tuples returned instead of mutated scalars.

Why the compiled code has a folder of its own per digest of sources, versions and processor: machine code made from an
older version of any kernel or constant, or for another processor, must never be loaded.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import types
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

from farmwatch.wire.machine_code import MachineKernel

__all__ = ["Kernel", "compiled", "is_compiled", "kernel", "note_compiled", "plain"]

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
def compiled(target: Kernel[P, R]) -> MachineKernel:
    """A kernel as machine code kept on disk; the GIL is released while it runs.

    A copy of the function is compiled whose globals name the dispatchers of the kernels it calls, so the interpreted
    source stays untouched. ``NUMBA_BOUNDSCHECK=1`` in the environment turns bounds checks on.
    """
    source: Any = target.__wrapped__
    return MachineKernel(f"{source.__module__}.{source.__qualname__}", _folder(), lambda: _dispatcher(target))


@cache
def _dispatcher(target: Kernel[P, R]) -> Any:
    """Numba's compiler for a kernel and those it calls."""
    import numba

    # Kernels allocate nothing, so counting references to their arrays would be wasted (atomic) work; they are called
    # as bare functions, so wrappers for Python and C would be wasted compilation.
    options: dict[str, Any] = {"nogil": True, "_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return numba.njit(**options)(_bound(target, _dispatcher))


@cache
def plain(target: Kernel[P, R]) -> Any:
    """The interpreted function with the kernels it calls bound as plain functions, which saves a call each."""
    return _bound(target, plain)


def _bound(target: Kernel[P, R], way: Callable[[Kernel[Any, Any]], Any]) -> Any:
    """A copy of a kernel's function in whose globals every kernel is replaced by ``way(kernel)``."""
    source: Any = target.__wrapped__
    names = _names(source.__code__)
    bound = {
        name: way(value) if isinstance(value, Kernel) else value
        for name, value in source.__globals__.items()
        if name in names or name == "__name__"
    }
    bound["__builtins__"] = source.__globals__.get("__builtins__", __builtins__)
    copy = types.FunctionType(source.__code__, bound, source.__name__, source.__defaults__, source.__closure__)
    copy.__qualname__ = source.__qualname__
    copy.__module__ = source.__module__
    return copy


def is_compiled(name: str) -> bool:
    """Whether machine code for the kernels of ``name`` (see :func:`note_compiled`) is on disk already."""
    folder = _folder()
    return folder is not None and (folder / f"{name}.ready").exists()


def note_compiled(name: str) -> None:
    """Remember that all kernels of ``name`` are compiled and cached."""
    folder = _folder()
    if folder is not None:
        (folder / f"{name}.ready").touch()


@cache
def _folder() -> Path | None:
    """Where machine code of exactly these sources lives; ``None`` where nothing can be written."""
    import platformdirs

    digest = hashlib.sha256(f"{sys.version}{os.environ.get('NUMBA_BOUNDSCHECK', '')}{_processor()}".encode())
    for package in ("numba", "llvmlite"):
        found = find_spec(package)
        if found is not None and found.origin is not None:
            digest.update(Path(found.origin).with_name("_version.py").read_bytes())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        source = path.read_bytes()
        if path.name in ("layout.py", "machine_code.py") or b"@kernel" in source:
            digest.update(source)
    folder = platformdirs.user_cache_path("farmwatch") / f"kernels-{digest.hexdigest()[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def _processor() -> str:
    """What tells this processor's instruction set from another's, without asking LLVM."""
    lines: list[str] = []
    with suppress(OSError), Path("/proc/cpuinfo").open(encoding="ascii", errors="replace") as file:
        for line in file:
            if not line.strip():
                break  # the first processor speaks for all
            if line.startswith(("model name", "flags", "Features", "CPU ")):
                lines.append(line)
    return platform.machine() + "".join(lines)


def _names(code: types.CodeType) -> set[str]:
    """Global names a code object mentions, nested functions included."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names
