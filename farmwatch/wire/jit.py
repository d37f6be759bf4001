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

Why that folder must belong to this user alone: what lies in it is run. A folder that anybody else owns or may write to,
or that is reached through such a folder, is neither read nor written; the code is then made in memory.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import stat
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
_FOLDER_NAME = "kernels-"
_FOLDERS_KEPT = 6  # of other versions, Pythons and settings: the newest
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_COMPILED: list[MachineKernel] = []  # all kernels of this process that may run as machine code


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
    source stays untouched. ``NUMBA_BOUNDSCHECK=1`` in the environment turns bounds checks on; where Numba is missing or
    ``NUMBA_DISABLE_JIT=1`` the kernel runs interpreted.
    """
    source: Any = target.__wrapped__
    name = f"{source.__module__}.{source.__qualname__}"
    made = MachineKernel(name, _folder(), lambda: _dispatcher(target), plain(target))
    _COMPILED.append(made)
    return made


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
    """Remember that all kernels of ``name`` are compiled and cached, and clear away those of old versions.

    Nothing is noted where some machine code could not be written; that is no error.
    """
    folder = _folder()
    if folder is None or not all(one.kept for one in _COMPILED):
        return
    with suppress(OSError):
        (folder / f"{name}.ready").touch()
        _prune(folder)


def _prune(current: Path) -> None:
    """Remove all but the newest folders of other versions."""
    others = [
        one
        for one in current.parent.glob(f"{_FOLDER_NAME}*")
        if one != current and one.is_dir() and not one.is_symlink()
    ]
    others.sort(key=lambda one: one.stat().st_mtime, reverse=True)
    for old in others[_FOLDERS_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


@cache
def _folder() -> Path | None:
    """Where machine code of exactly these sources lives.

    ``None`` where the folder can be neither found nor made, does not belong to this user alone, or where nothing tells
    versions apart (an application frozen without sources). A folder that may only be read is still of use.
    """
    import platformdirs

    digest = _digest()
    if digest is None:
        return None
    base = platformdirs.user_cache_path("farmwatch")
    folder = base / f"{_FOLDER_NAME}{digest}"
    try:
        if not _is_safe_way(base.parent):
            return None
        base.parent.mkdir(parents=True, exist_ok=True)
        for one in (base, folder):
            with suppress(FileExistsError):
                one.mkdir(mode=0o700)
            if not _is_private(one):
                return None
    except OSError:
        return None
    return folder


def _digest() -> str | None:
    """What tells these kernels, this Python, compiler, its options and this processor from others."""
    options = sorted((name, value) for name, value in os.environ.items() if name.startswith("NUMBA_"))
    digest = hashlib.sha256(f"{sys.version}{options}{_processor()}".encode(errors="replace"))
    sources = sorted(Path(__file__).parent.glob("*.py"))
    try:
        for package in ("numba", "llvmlite"):
            found = find_spec(package)
            if found is None or found.origin is None:
                return None
            digest.update(Path(found.origin).with_name("_version.py").read_bytes())
        for path in sources:
            source = path.read_bytes()
            if path.name in ("jit.py", "layout.py", "machine_code.py") or b"@kernel" in source:
                digest.update(source)
    except OSError:
        return None
    return digest.hexdigest()[:16] if sources else None


def _is_private(folder: Path) -> bool:
    """Whether nobody but this user and the administrator can have put anything into a folder.

    Raises:
        OSError: it cannot be looked at.
    """
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return False
    return os.name != "posix" or (status.st_uid in (0, os.geteuid()) and not status.st_mode & _OTHERS_WRITE)


def _is_safe_way(folder: Path) -> bool:
    """Whether nobody else can put another folder in this one's place; folders that do not exist yet do not count.

    Raises:
        OSError: one of them cannot be looked at.
    """
    if os.name != "posix":
        return True
    place = folder.resolve()
    for one in (place, *place.parents):
        try:
            status = one.stat()
        except FileNotFoundError:
            continue
        anybody = status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX
        if status.st_uid not in (0, os.geteuid()) or anybody:
            return False
    return True


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
