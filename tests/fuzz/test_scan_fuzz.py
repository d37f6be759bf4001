"""The whole product over mutated captures: no exception, no hang, no growth, the same both ways, safe to show.

The short run is part of every test run. The long one checks array bounds in the machine code as well:
``pytest -m fuzz tests/fuzz/test_scan_fuzz.py`` (``FARMWATCH_FUZZ_SECONDS`` says how long, 60 by default;
``FARMWATCH_FUZZ_SEED`` where to start; ``FARMWATCH_FUZZ_SAVE`` names a folder for captures that broke something).
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from farmwatch.cli.main import run
from tests.fuzz.mutation import mutated_capture
from tests.fuzz.whole import capture_files

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = Path(os.environ.get("FARMWATCH_CORPUS", ROOT.parent / "shared" / "corpus"))
#: Captures nobody here made are used where they are; the ones of the project always.
FOLDERS = [ROOT / "pcaps", *([CORPUS] if (CORPUS / "labels.csv").is_file() else [])]


def fuzz(*options: str, environment: dict[str, str], timeout: float) -> str:
    """Run the mutations in a process of their own; gives what it said."""
    command = [sys.executable, "-m", "tests.fuzz.whole", *options, *map(str, FOLDERS)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=timeout, cwd=ROOT, env=os.environ | environment
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.timeout(400)  # of which compiling the kernels takes its share the first time
def test_mutated_captures_are_read_judged_and_shown():
    """Fixed seeds: both ways agree, every renderer is whole and safe, time and memory stay bounded."""
    assert "held 25 captures" in fuzz("--seeds", "0:25", environment={}, timeout=370)


@pytest.mark.fuzz
@pytest.mark.timeout(0)
def test_mutated_captures_for_a_long_time():
    """The same for as long as asked, with bounds checks in the machine code."""
    seconds = float(os.environ.get("FARMWATCH_FUZZ_SECONDS", "60"))
    first = int(os.environ.get("FARMWATCH_FUZZ_SEED", "100"))
    save = os.environ.get("FARMWATCH_FUZZ_SAVE")
    options = ["--seeds", f"{first}:{first + 1}", "--seconds", str(seconds), *(["--save", save] if save else [])]
    assert "held" in fuzz(*options, environment={"NUMBA_BOUNDSCHECK": "1"}, timeout=seconds + 600)


def test_exit_code_follows_what_was_readable(tmp_path, capfd):
    """0 where all was read, 3 where something was lost, 5 where nothing could be read, and said so; no traceback."""
    sources = capture_files([ROOT / "pcaps"])
    codes = set()
    for seed in range(12):
        path = tmp_path / f"{seed}.pcap"
        path.write_bytes(mutated_capture(random.Random(seed), sources))
        with pytest.raises(SystemExit) as ended:
            run(["scan", str(path), "--format", "csv"])
        out, err = capfd.readouterr()
        codes.add(ended.value.code)
        assert ended.value.code in (0, 3, 5), (seed, err)
        assert (f"UNREADABLE {path}" in err) == (ended.value.code == 5), seed
        assert (f"DAMAGED {path}" in err) == (ended.value.code == 3), seed
        assert "Traceback" not in err
        assert out.startswith("device_id,")
    assert codes >= {0, 3}
