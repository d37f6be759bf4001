"""Machine code of kernels: made once by Numba, kept as an object file, called without importing Numba.

Why not Numba's own cache: importing Numba and setting up its type registries takes longer than a scan of a gigabyte may
take altogether. The object file of a kernel needs nothing but LLVM's loader (a tenth of a second) because kernels
allocate nothing, call nothing but each other, and take nothing but numbers and flat arrays.

How it is called: Numba's documented convention for CPU targets (``numba.core.callconv.CPUCallConv``): a pointer to the
result, a pointer for exceptions, then the arguments, an array as its seven fields. Calls release the interpreter lock.

Layout of a kept file: one line of JSON (symbol, number of results, SHA-256 of the object), then the object. LLVM ends
the process over a damaged object, so a file whose hash differs is made again.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["MachineKernel"]

_SUFFIX = ".o"
_SUCCESS = (0, -2)  # RETCODE_OK and RETCODE_NONE of numba.core.callconv
_LETTERS = {np.dtype(np.int64): "I", np.dtype(np.uint8): "B"}


class MachineKernel:
    """One kernel, compiled for each combination of argument types it is called with (in practice one)."""

    def __init__(self, name: str, folder: Path | None, dispatcher: Callable[[], Any]) -> None:
        self._name = name
        self._folder = folder
        self._dispatcher = dispatcher
        self._ready: dict[str, tuple[Any, int]] = {}

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
        result = (ctypes.c_int64 * max(results, 1))()
        status = function(result, ctypes.byref(ctypes.c_void_p()), *flat)
        if status not in _SUCCESS:
            raise RuntimeError(f"kernel {self._name} stopped with status {status}")
        return None if results == 0 else result[0] if results == 1 else tuple(result)

    def _prepare(self, kinds: str) -> tuple[Any, int]:
        kept = self._folder / f"{self._name}-{kinds}{_SUFFIX}" if self._folder else None
        content = b""
        if kept is not None:
            with suppress(OSError):
                content = kept.read_bytes()
        said, code = _split(content)
        if not said:
            content = _made(self._dispatcher(), kinds)
            if kept is not None:
                with suppress(OSError):
                    _write(kept, content)
            said, code = _split(content)
        width = sum(7 if kind in "IB" else 1 for kind in kinds)
        prototype = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * width)
        self._ready[kinds] = prototype(_loaded(said["symbol"], code)), said["results"]
        return self._ready[kinds]


def _made(dispatcher: Any, kinds: str) -> bytes:
    """Compile for these argument types and return what to keep."""
    import llvmlite.binding as llvm
    from numba import types

    letters = {"I": types.Array(types.int64, 1, "C"), "B": types.Array(types.uint8, 1, "C"), "i": types.int64}
    signature = tuple(letters[kind] for kind in kinds)
    dispatcher.compile(signature)
    made = dispatcher.overloads[signature]
    result = made.signature.return_type
    results = 0 if result == types.none else 1 if result == types.int64 else len(result)
    if results > 1 and set(result) != {types.int64}:
        raise TypeError(f"{dispatcher} returns {result}, not 64-bit numbers")
    code: bytes = _machine().emit_object(llvm.parse_assembly(made.library.get_llvm_str()))
    said = {"symbol": made.fndesc.llvm_func_name, "results": results, "sha256": hashlib.sha256(code).hexdigest()}
    return json.dumps(said).encode() + b"\n" + code


def _split(content: bytes) -> tuple[dict[str, Any], bytes]:
    """What a kept file says, and its object; nothing where it is not whole."""
    head, _, code = content.partition(b"\n")
    try:
        said: dict[str, Any] = json.loads(head)
        sound = said["sha256"] == hashlib.sha256(code).hexdigest()
    except (ValueError, KeyError, TypeError):
        sound = False
    return (said, code) if sound else ({}, b"")


def _write(path: Path, content: bytes) -> None:
    """Write so that another process sees either nothing or the whole."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(path)


_ENGINES: list[Any] = []  # the code is gone when its engine is


def _loaded(symbol: str, code: bytes) -> int:
    """Address of a function in an object file."""
    import llvmlite.binding as llvm

    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _ENGINES.append(engine)
    return int(engine.get_function_address(symbol))


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
