"""How long the analysis of sessions takes on many candidate flows."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from farmwatch.records import DeviceFlow, FlowSeries, SeriesFlow
from tests.bench import hands


@pytest.mark.bench
@pytest.mark.timeout(300)
def test_ten_thousand_candidate_flows_within_twenty_seconds() -> None:
    """In a process of its own, on one core: under 20 s of processor time."""
    one_core = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench.hands"], capture_output=True, text=True, check=False, timeout=280,
        env={**os.environ, **one_core},
    )  # fmt: skip
    print(f"\n{ran.stdout}{ran.stderr}")
    assert ran.returncode == 0


def test_flows_are_of_the_sizes_that_are_meant() -> None:
    """Two hundred to three thousand messages, always the same ones, and a few that share a far end."""
    made = hands.generate(40)
    lengths = made[SeriesFlow]["rows"]
    assert lengths.min() >= 200
    assert lengths.max() <= 3001
    assert (made[FlowSeries]["ts"] == hands.generate(40)[FlowSeries]["ts"]).all()
    remotes = made[DeviceFlow]["remote_h"].tolist()
    assert len(remotes) - len(set(remotes)) == 2
