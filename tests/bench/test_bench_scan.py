from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import generate, merge, scan

GIGABYTE = 1_000_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for captures of gigabytes, emptied afterwards."""
    path = tmp_path_factory.mktemp("bench")
    yield path
    shutil.rmtree(path)


def _room(folder: Path, gigabytes: int) -> None:
    if shutil.disk_usage(folder).free < gigabytes * GIGABYTE:
        pytest.skip(f"less than {gigabytes} GB free in {folder}")


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_generated_3m_packets_meet_every_bar(folder: Path) -> None:
    """A scan of 3 M generated packets beats each peer that is installed by its bar, in time and memory."""
    _room(folder, 4)
    capture = folder / "generated-3m.pcap"
    with capture.open("wb") as target:
        generate.generate(target, 3_000_000)
    runs = scan.compare(capture)
    print("\n" + scan.table(capture, runs))
    assert scan.misses(runs) == []
    assert runs[1].code == 0


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_merged_corpus_meets_every_bar(folder: Path, corpus: Path) -> None:
    """A scan of 3 M packets of real captures, repeated, meets the same bars."""
    _room(folder, 4)
    capture = folder / "merged-3m.pcap"
    with capture.open("wb") as target:
        merge.merge(target, [corpus / part for part in ("negative", "confusable", "positive")], 3_000_000)
    runs = scan.compare(capture)
    print("\n" + scan.table(capture, runs))
    assert scan.misses(runs) == []


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_memory_does_not_grow_with_the_file(folder: Path) -> None:
    """30 M packets stay under the same memory bar and within four times ``cat`` plus one second."""
    _room(folder, 25)
    capture = folder / "generated-30m.pcap"
    with capture.open("wb") as target:
        generate.generate(target, 30_000_000)
    runs = scan.compare(capture, times=1, only=())
    print("\n" + scan.table(capture, runs))
    capture.unlink()
    assert scan.misses(runs) == []


@pytest.mark.bench
def test_small_capture_does_not_wait_for_the_compiler(folder: Path) -> None:
    """100 packets take at most 5 s from a cold compile cache and 1.2 s warm."""
    times = scan.small(folder)
    print(f"\n{times}")
    assert times["cold"] < scan.COLD_SECONDS
    assert times["warm"] < scan.WARM_SECONDS
