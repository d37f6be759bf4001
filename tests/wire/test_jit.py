"""Kernels: one source, two ways to run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

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
    monkeypatch.setattr(jit, "_COMPILED", [])
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


def fresh_folder() -> Path | None:
    """What the cache folder would be in a new process."""
    return jit._folder.__wrapped__()


def test_folder_depends_on_processor_compiler_options_and_this_source(own_cache, monkeypatch):
    """Whatever changes machine code gets another folder."""
    here = fresh_folder()
    assert here is not None
    assert here.parent == own_cache / "farmwatch"
    with monkeypatch.context() as patch:
        patch.setattr(jit, "_processor", lambda: "another")
        assert fresh_folder() not in (here, None)
    monkeypatch.setenv("NUMBA_OPT", "1")
    assert fresh_folder() not in (here, None)


def test_folder_is_made_for_this_user_alone(own_cache):
    """Nobody else may even look into what will be run."""
    folder = fresh_folder()
    assert [one.stat().st_mode & 0o777 for one in (folder, folder.parent)] == [0o700, 0o700]


posix_only = pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX")


@posix_only
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
@pytest.mark.parametrize("above", [False, True], ids=["itself", "above"])
def test_folder_others_may_write_to_is_refused(own_cache, mode, above):
    """Machine code from a folder that others can write to is never run."""
    folder = fresh_folder()
    (folder.parent if above else folder).chmod(mode)
    assert fresh_folder() is None


@posix_only
def test_cache_that_anybody_could_swap_is_refused(own_cache):
    """A cache home anybody may write to is refused before anything is made in it, unless only owners may rename."""
    own_cache.chmod(0o777)
    assert fresh_folder() is None
    assert list(own_cache.iterdir()) == []
    own_cache.chmod(0o1777)
    assert fresh_folder() is not None


@posix_only
def test_foreign_folder_is_refused(own_cache, monkeypatch):
    """What another user owns is not run: a folder made first under /tmp, or a home kept by sudo."""
    folder = fresh_folder()
    owner = os.geteuid() + 1
    real = Path.lstat

    class Foreign:
        def __init__(self, status):
            self.st_mode, self.st_uid = status.st_mode, owner

    monkeypatch.setattr(Path, "lstat", lambda self: Foreign(real(self)) if self == folder else real(self))
    assert fresh_folder() is None


@posix_only
def test_linked_folder_is_refused(own_cache, tmp_path):
    """A symbolic link in the folder's place leads nobody knows where."""
    folder = fresh_folder()
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert fresh_folder() is None


def test_read_only_folder_is_read(own_cache, monkeypatch):
    """Machine code made beforehand, as in a container image, is used even where nothing can be added to it."""
    folder = fresh_folder()
    folder.chmod(0o500)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert fresh_folder() == folder


def test_nothing_that_tells_versions_apart_means_no_folder(own_cache, monkeypatch):
    """An application frozen without Numba's version file keeps no machine code, and does not fail over it."""
    monkeypatch.setattr(jit, "find_spec", lambda name: type("Spec", (), {"origin": "/nowhere/numba/__init__.py"}))
    assert fresh_folder() is None


def test_ready_is_not_noted_without_the_code(own_cache, monkeypatch):
    """A scan whose machine code could not be kept must not claim that it was, nor fail for want of room."""
    monkeypatch.setattr(jit, "_folder", lambda: own_cache)
    monkeypatch.setattr(jit, "_COMPILED", [type("Lost", (), {"kept": False})])
    jit.note_compiled("scan")
    assert not jit.is_compiled("scan")
    monkeypatch.setattr(jit, "_COMPILED", [])
    monkeypatch.setattr(jit, "_folder", lambda: own_cache / "gone")
    jit.note_compiled("scan")
    assert not jit.is_compiled("scan")


def test_old_folders_are_cleared_away(own_cache, monkeypatch):
    """Of folders of other versions only the newest few stay, and nothing else is touched."""
    for number in range(12):
        one = own_cache / f"kernels-{number:016x}"
        one.mkdir()
        os.utime(one, (1_000_000 + number, 1_000_000 + number))
    (own_cache / "suffixes").mkdir()
    monkeypatch.setattr(jit, "_folder", lambda: own_cache / "kernels-0000000000000000")
    monkeypatch.setattr(jit, "_COMPILED", [])
    jit.note_compiled("scan")
    assert sorted(one.name for one in own_cache.iterdir()) == [
        "kernels-0000000000000000", *(f"kernels-{number:016x}" for number in range(6, 12)), "suffixes"
    ]  # fmt: skip


def test_scan_runs_with_the_compiler_switched_off(own_cache):
    """NUMBA_DISABLE_JIT=1 makes compiled mode slow, not wrong."""
    program = (
        "import numpy as np\n"
        "from farmwatch.wire.fields import be64\n"
        "from farmwatch.wire.jit import compiled\n"
        "assert compiled(be64)(np.arange(8, dtype=np.uint8), 0) == 0x0001020304050607\n"
    )
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0
