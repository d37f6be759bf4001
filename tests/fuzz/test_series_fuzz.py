"""Hostile TCP streams never break the second pass, and both ways of running it agree on every one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str, bounds: bool = False) -> str:
    """Run the streams in a process of its own: bounds checks are a property of the machine code."""
    environment = {**os.environ, **({"NUMBA_BOUNDSCHECK": "1"} if bounds else {})}
    command = [sys.executable, "-m", "tests.fuzz.streams", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.timeout(300)
def test_hostile_streams_agree():
    """Fixed seeds: the same series compiled and interpreted, every bound kept."""
    assert "held 60 streams" in run("0", "60")


@pytest.mark.fuzz
@pytest.mark.timeout(1800)
def test_hostile_streams_with_bounds_checks():
    """Many more of them stay inside every array (machine code made with bounds checks)."""
    assert "held 1500 streams" in run("1000", "1500", bounds=True)
