"""Machine code kept on disk: made once, found again, refused when damaged."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from farmwatch.wire.fields import copy_bytes
from farmwatch.wire.framing import u32
from farmwatch.wire.jit import _dispatcher
from farmwatch.wire.machine_code import MachineKernel
from farmwatch.wire.pcap import chain


def machine(function, folder, made):
    """A kernel with its own folder, noting in ``made`` that the compiler was asked for."""

    def dispatcher():
        made.append(function)
        return _dispatcher(function)

    return MachineKernel(function.__wrapped__.__name__, folder, dispatcher)


def test_numbers_tuples_and_nothing_come_back(tmp_path):
    """A kernel gives one number, several, or none, as its interpreted source does."""
    data = np.arange(64, dtype=np.uint8)
    target = np.zeros(64, dtype=np.uint8)
    assert machine(u32, tmp_path, [])(data, 4, 1) == 0x04050607
    numbers = (data, 0, 64, 1, 0, 16, 1_000_000, 0, -1)
    assert machine(chain, tmp_path, [])(*numbers) == chain(*map(memoryview, numbers[:1]), *numbers[1:])
    assert machine(copy_bytes, tmp_path, [])(target, 8, data, 16, 4) is None
    assert target[8:12].tolist() == [16, 17, 18, 19]


def test_second_process_finds_the_code(tmp_path):
    """What one kernel object compiled, the next one loads without the compiler, and without importing Numba."""
    data, made = np.arange(64, dtype=np.uint8), []
    first = machine(u32, tmp_path, made)(data, 4, 1)
    assert (first, len(made)) == (machine(u32, tmp_path, made)(data, 4, 1), 1)
    program = (
        "import sys, pathlib, numpy\n"
        "from farmwatch.wire.machine_code import MachineKernel\n"
        "kernel = MachineKernel('u32', pathlib.Path(sys.argv[1]), None)\n"
        "assert kernel(numpy.arange(64, dtype=numpy.uint8), 4, 1) == 0x04050607\n"
        "sys.exit('numba' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False).returncode == 0


@pytest.mark.parametrize("damage", [lambda code: code[:-40], lambda _: b"", lambda code: b"[]\n" + code])
def test_damaged_code_is_made_again(tmp_path, damage):
    """A file cut short or not ours is never handed to the loader."""
    data, made = np.arange(64, dtype=np.uint8), []
    machine(u32, tmp_path, made)(data, 4, 1)
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    assert machine(u32, tmp_path, made)(data, 4, 1) == 0x04050607
    assert len(made) == 2
    assert len(kept.read_bytes()) == len(whole)


def changed(content: bytes, **fields: object) -> bytes:
    """A kept file with other words in its header, ``None`` to leave one out, under a hash that agrees."""
    head, _, code = content.partition(b"\n")[2].partition(b"\n")
    said = json.loads(head) | fields
    whole = json.dumps({name: value for name, value in said.items() if value is not None}).encode() + b"\n" + code
    return hashlib.sha256(whole).hexdigest().encode() + b"\n" + whole


@pytest.mark.parametrize(
    "fields",
    [{"symbol": "no_such_kernel"}, {"symbol": 7}, {"symbol": None}, {"results": 900}, {"results": "1"},
     {"results": None}, {"processor": "another"}, {"processor": None}],
    ids=repr,
)  # fmt: skip
def test_header_that_cannot_be_right_is_made_again(tmp_path, fields):
    """A symbol the object does not hold, odd fields or another processor never reach the call, even hashed right."""
    data, made = np.arange(64, dtype=np.uint8), []
    machine(u32, tmp_path, made)(data, 4, 1)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(changed(kept.read_bytes(), **fields))
    assert machine(u32, tmp_path, made)(data, 4, 1) == 0x04050607
    assert len(made) == 2


@pytest.mark.parametrize(("old", "new"), [(b"u32", b"u33"), (b'"results": 1', b'"results": 0')])
def test_hash_covers_the_header(tmp_path, old, new):
    """One changed letter in the header is damage like one in the code."""
    data, made = np.arange(64, dtype=np.uint8), []
    machine(u32, tmp_path, made)(data, 4, 1)
    (kept,) = tmp_path.iterdir()
    head, newline, code = kept.read_bytes().partition(b"\x7fELF")
    assert old in head
    kept.write_bytes(head.replace(old, new, 1) + newline + code)
    assert machine(u32, tmp_path, made)(data, 4, 1) == 0x04050607
    assert len(made) == 2


def no_compiler():
    """What happens where Numba is not installed."""
    raise ImportError("numba")


@pytest.mark.parametrize("dispatcher", [no_compiler, lambda: u32.__wrapped__], ids=["missing", "NUMBA_DISABLE_JIT"])
def test_without_a_compiler_the_kernel_is_interpreted(tmp_path, dispatcher):
    """No Numba, or Numba told not to compile: the same answer, slower, and nothing noted as compiled."""
    kernel = MachineKernel("u32", tmp_path, dispatcher, u32)
    assert kernel(np.arange(64, dtype=np.uint8), 4, 1) == 0x04050607
    assert not kernel.kept
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_nothing_and_is_known(tmp_path, monkeypatch):
    """A full disk: the kernel runs, nothing half-written stays, and the code does not count as kept."""

    def refuse(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    kernel = machine(u32, tmp_path, [])
    assert kernel(np.arange(64, dtype=np.uint8), 4, 1) == 0x04050607
    assert not kernel.kept
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_nothing_is_kept():
    """Where nothing can be written the code is made in memory."""
    assert machine(u32, None, [])(np.arange(64, dtype=np.uint8), 0, 0) == 0x03020100


@pytest.mark.parametrize(
    "array", [np.zeros(8, np.int32), np.zeros((2, 4), np.uint8), np.zeros(16, np.uint8)[::2], np.zeros(8, np.float64)]
)
def test_other_arrays_are_refused(tmp_path, array):
    """Machine code believes its arguments, so only flat contiguous int64 and uint8 arrays get there."""
    with pytest.raises(TypeError, match="flat arrays"):
        machine(u32, tmp_path, [])(array, 0, 0)
