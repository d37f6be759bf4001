"""Machine code of kernels: made once by Numba, kept as an object file, called without importing Numba.

Why not Numba's own cache: importing Numba and setting up its type registries takes longer than a scan of a gigabyte may
take altogether. The object file of a kernel needs nothing but LLVM's loader (a tenth of a second) because kernels
allocate nothing, call nothing but each other, and take nothing but numbers and flat arrays.

How it is called: Numba's documented convention for CPU targets (``numba.core.callconv.CPUCallConv``): a pointer to the
result, a pointer for exceptions, then the arguments, an array as its seven fields. Calls release the interpreter lock.

Layout of a kept file: the SHA-256 of what follows, then one line of JSON (symbol, number of results, processor), then
the object. LLVM ends the process over a damaged object, and a wrong symbol or number of results would run wild, so a
file whose hash, fields or processor differ is made again. Against someone who writes such files on purpose only the
folder's owner and mode help (see :mod:`farmwatch.wire.jit`).

Where neither a kept object nor the compiler is to be had, the kernel runs interpreted.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["MachineKernel"]

_SUFFIX = ".o"
_SUCCESS = (0, -2)  # RETCODE_OK and RETCODE_NONE of numba.core.callconv
_LETTERS = {np.dtype(np.int64): "I", np.dtype(np.uint8): "B"}
_MOST_RESULTS = 64


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a kept file holds."""

    symbol: str
    results: int
    code: bytes


class MachineKernel:
    """One kernel, compiled for each combination of argument types it is called with (in practice one)."""

    def __init__(
        self, name: str, folder: Path | None, dispatcher: Callable[[], Any], fallback: Callable[..., Any] | None = None
    ) -> None:
        """Nothing is loaded yet.

        Args:
            name: what the kept files are called.
            folder: where they are; None keeps nothing.
            dispatcher: gives Numba's compiler for the kernel; raises ImportError where there is none.
            fallback: the interpreted kernel, called with memoryviews where no machine code is to be had.
        """
        self._name = name
        self._folder = folder
        self._dispatcher = dispatcher
        self._fallback = fallback
        self._ready: dict[str, tuple[Any, int]] = {}
        self._on_disk: dict[str, bool] = {}

    @property
    def kept(self) -> bool:
        """Whether all machine code this kernel ran with is on disk."""
        return all(self._on_disk.values())

    def __call__(self, *arguments: Any) -> Any:
        """Run the machine code, made first where it is not on disk.

        Raises:
            TypeError: an argument is neither a number nor a flat array of int64 or uint8.
            RuntimeError: the kernel raised, such as IndexError under ``NUMBA_BOUNDSCHECK=1``.
        """
        flat: list[int] = []
        kinds = ""
        for value in arguments:
            if isinstance(value, np.ndarray):
                letter = _LETTERS.get(value.dtype)
                if letter is None or value.ndim != 1 or not value.flags.c_contiguous:
                    raise TypeError(f"{self._name} takes flat arrays of int64 or uint8, not {value.dtype}{value.shape}")
                kinds += letter
                address: int = value.__array_interface__["data"][0]
                flat += (0, 0, value.size, value.itemsize, address, value.size, value.itemsize)
            else:
                kinds += "i"
                flat.append(int(value))
        function, results = self._ready.get(kinds) or self._prepare(kinds)
        if function is None:
            if self._fallback is None:
                raise RuntimeError(f"kernel {self._name} can be neither compiled nor interpreted")
            return self._fallback(*[one.data if isinstance(one, np.ndarray) else one for one in arguments])
        result = (ctypes.c_int64 * max(results, 1))()
        status = function(result, ctypes.byref(ctypes.c_void_p()), *flat)
        if status not in _SUCCESS:
            raise RuntimeError(f"kernel {self._name} stopped with status {status}")
        return None if results == 0 else result[0] if results == 1 else tuple(result)

    def _prepare(self, kinds: str) -> tuple[Any, int]:
        """The function to call and how many numbers it returns; no function where only the interpreter is left."""
        path = self._folder / f"{self._name}-{kinds}{_SUFFIX}" if self._folder else None
        found = _split(_content(path)) if path is not None else None
        address = _loaded(found) if found is not None else 0
        self._on_disk[kinds] = address != 0
        if address == 0:
            content = _made(self._dispatcher, kinds)
            found = _split(content)
            address = _loaded(found) if found is not None else 0
            if address and path is not None:
                with suppress(OSError):
                    _write(path, content)
                    self._on_disk[kinds] = True
        if found is None or address == 0:
            self._ready[kinds] = None, 0
        else:
            width = sum(7 if kind in "IB" else 1 for kind in kinds)
            prototype = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * width)
            self._ready[kinds] = prototype(address), found.results
        return self._ready[kinds]


def _content(path: Path) -> bytes:
    """The bytes of a file, none where it cannot be read."""
    with suppress(OSError):
        return path.read_bytes()
    return b""


def _made(maker: Callable[[], Any], kinds: str) -> bytes:
    """Compile for these argument types and return what to keep; nothing where there is no compiler."""
    try:
        import llvmlite.binding as llvm
        from numba import types

        dispatcher = maker()
    except ImportError:
        return b""
    if not hasattr(dispatcher, "compile"):  # NUMBA_DISABLE_JIT=1 gives back the plain function
        return b""
    letters = {"I": types.Array(types.int64, 1, "C"), "B": types.Array(types.uint8, 1, "C"), "i": types.int64}
    signature = tuple(letters[kind] for kind in kinds)
    dispatcher.compile(signature)
    made = dispatcher.overloads[signature]
    result = made.signature.return_type
    results = 0 if result == types.none else 1 if result == types.int64 else len(result)
    if results > 1 and set(result) != {types.int64}:
        raise TypeError(f"{dispatcher} returns {result}, not 64-bit numbers")
    code: bytes = _machine().emit_object(llvm.parse_assembly(made.library.get_llvm_str()))
    said = {"symbol": made.fndesc.llvm_func_name, "results": results, "processor": _processor()}
    whole = json.dumps(said).encode() + b"\n" + code
    return hashlib.sha256(whole).hexdigest().encode() + b"\n" + whole


def _split(content: bytes) -> _Kept | None:
    """What a kept file holds; None where it is not whole or for another processor."""
    digest, _, whole = content.partition(b"\n")
    if digest != hashlib.sha256(whole).hexdigest().encode():
        return None
    head, _, code = whole.partition(b"\n")
    try:
        said = json.loads(head)
        symbol, results, processor = said["symbol"], said["results"], said["processor"]
    except (ValueError, KeyError, TypeError):
        return None
    sound = isinstance(symbol, str) and symbol and type(results) is int and 0 <= results <= _MOST_RESULTS
    return _Kept(symbol, results, code) if sound and code and processor == _processor() else None


def _write(path: Path, content: bytes) -> None:
    """Write so that another process or thread sees either nothing or the whole.

    Raises:
        OSError: it could not be written; nothing is left behind.
    """
    unfinished = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


_ENGINES: list[Any] = []  # the code is gone when its engine is, and so is the target they share


def _loaded(kept: _Kept) -> int:
    """Address of the function in an object file; 0 where the object has no such function or LLVM is missing."""
    try:
        import llvmlite.binding as llvm

        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
        _ENGINES.append(engine)
        engine.add_object_file(llvm.ObjectFileRef.from_data(kept.code))
        engine.finalize_object()
        return int(engine.get_function_address(kept.symbol))
    except (ImportError, RuntimeError):
        return 0


@cache
def _processor() -> str:
    """LLVM's name for this processor and all it can do; empty without LLVM."""
    try:
        import llvmlite.binding as llvm
    except ImportError:
        return ""
    return f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"


@cache
def _machine() -> Any:
    """LLVM's description of this processor."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, reloc="default",
        codemodel="jitdefault", jit=True,
    )  # fmt: skip
