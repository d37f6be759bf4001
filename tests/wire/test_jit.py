"""Kernels: one source, two ways to run."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from farmwatch.wire import jit
from farmwatch.wire.fields import be64, bytes_hash, endpoint_hash, settle, signed32, stir
from farmwatch.wire.jit import compiled, plain


def test_number_kernels_agree():
    """Reading and hashing give the same signed numbers compiled, interpreted and bound plainly."""
    rng = np.random.default_rng(2)
    data = rng.integers(0, 256, 400, dtype=np.uint8)
    keys = rng.integers(1 << 27, 1 << 29, 9, dtype=np.int64) | 1
    view, numbers = memoryview(data), memoryview(keys)
    for at in range(0, 390, 13):
        value = be64(view, at)
        assert value == compiled(be64)(data, at) == plain(be64)(view, at)
        assert -(2**63) <= value < 2**63
        for function, arguments, native in (
            (endpoint_hash, (value, ~value, at, numbers), (value, ~value, at, keys)),
            (stir, (value & (2**62 - 1), numbers), (value & (2**62 - 1), keys)),
            (
                bytes_hash,
                (view, 3, at, 2, 2, value & (2**62 - 1), numbers),
                (data, 3, at, 2, 2, value & (2**62 - 1), keys),
            ),
        ):
            result = function(*arguments)
            assert result == compiled(function)(*native) == plain(function)(*arguments)
            assert 0 <= result < 2**62
    for number in (0, 1, 2**31 - 1, 2**31, 2**32 - 1, -1, -(2**31)):
        assert signed32(number) == compiled(signed32)(number)
        assert -(2**31) <= signed32(number) < 2**31


def test_interpreting_does_not_import_numba():
    """A small capture must not wait for the compiler's import."""
    program = (
        "import sys, io, struct\n"
        "from farmwatch.wire.scan import choose_mode, scan_chunks\n"
        "from farmwatch.wire.source import open_capture\n"
        "data = struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)\n"
        "data += struct.pack('<IIII', 1, 0, 60, 60) + bytes(60)\n"
        "assert choose_mode(len(data)) == 'interpreted'\n"
        "with open_capture(io.BytesIO(data), mode='interpreted') as reader:\n"
        "    assert scan_chunks(reader.chunks(), mode='interpreted').packets == 1\n"
        "sys.exit(any(name in sys.modules for name in ('numba', 'pandas', 'pydantic', 'scipy')))\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_machine_code_is_remembered(tmp_path, monkeypatch):
    """The note that kernels are compiled lies beside their machine code; an unwritable cache is no error."""
    monkeypatch.setattr(jit, "_folder", lambda: tmp_path)
    assert not jit.is_compiled("scan")
    jit.note_compiled("scan")
    assert jit.is_compiled("scan")
    monkeypatch.setattr(jit, "_folder", lambda: None)
    jit.note_compiled("scan")
    assert not jit.is_compiled("scan")


def test_neighbours_do_not_pile_up():
    """Whatever the keys, the hosts of several networks find a free slot nearby in a table half full."""
    view = np.arange(1, 2049, dtype=np.int64)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        step, other = (int(number) | 1 for number in rng.integers(1 << 27, 1 << 29, 2))
        values = np.concatenate([(view * step) & (2**62 - 1), (view * other + (1 << 50)) & (2**62 - 1)])
        slots = np.array([settle(int(value)) & 0x1FFF for value in values])
        taken = np.bincount(slots, minlength=0x2000)
        assert taken.max() < 10
        assert 0.36 < (taken > 0).mean() < 0.43  # 4,096 random throws fill 39 % of 8,192 slots
    assert len({settle(value) for value in range(100_000)}) == 100_000
