"""Several processes at once: writers, readers, compaction, and ones that die in the middle."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from farmwatch.records.endpoint import DnsLookup
from farmwatch.store import open_store
from farmwatch.store.check import check
from tests.store.samples import NOON, dns

ROOT = Path(__file__).resolve().parents[2]


def start(*arguments: object) -> subprocess.Popen[str]:
    """A process that does a piece of work."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.store.workers", *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def result(process: subprocess.Popen[str]) -> dict[str, int]:
    """What it says at its end."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return json.loads(out)


def numbers(url) -> list[int]:
    return sorted(int(text) for text in open_store(url).read(DnsLookup, columns=["record_id"])["record_id"].to_pylist())


def test_writers_of_the_same_rows_store_them_once(store):
    """Three processes send overlapping rows; each row is new to exactly one of them."""
    url = store.place.url
    found = [result(one) for one in [start("write", url, first, 15) for first in (0, 0, 7)]]
    assert numbers(url) == list(range(230))
    assert sum(one["new"] for one in found) == 230


def test_writers_of_the_same_batches_commit_them_once(store):
    """Two processes replay the same numbered batches."""
    url = store.place.url
    found = [result(one) for one in [start("transact", url, 25) for _ in range(2)]]
    assert numbers(url) == list(range(250))
    assert sum(one["new"] for one in found) == 250


def test_readers_go_on_while_others_write_compact_and_clear(store, put, tmp_path):
    """Files are cleared away under readers at once: they read a newer version and never see a row twice or lose one."""
    url, stop = store.place.url, tmp_path / "stop"
    put({DnsLookup: dns(10)})
    beside = [start("tidy", url, stop), start("read", url, stop), start("read", url, stop)]
    try:
        result(start("write", url, 0, 60))
    finally:
        stop.touch()
    tidied, *readers = [result(one) for one in beside]
    assert tidied["joined"] > 5
    assert tidied["cleared"] > 5
    assert all(one["reads"] > 2 for one in readers)
    assert numbers(url) == list(range(610))
    assert list(check(open_store(url))) == []


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment(store, seed):
    """What a writer said is stored is there, once; the next one goes on where it was, and nothing is damaged."""
    draw, url, said = random.Random(seed), store.place.url, -1
    for _ in range(3):
        with start("endless", url) as process:
            process.stdout.readline()
            time.sleep(draw.random() * 0.3)
            process.kill()
            rest = process.stdout.read().splitlines()
        said = max([said, *(int(line) for line in rest if line.isdecimal())])
        found = numbers(url)
        assert found == list(range(len(found)))
        assert len(found) >= 50 * (said + 1)
    assert list(check(open_store(url))) == []
    again = open_store(url).append({DnsLookup: dns(50)}, feed="x", sender="y", received=NOON)
    assert again.rows == {"dns": 0}


def test_state_takes_several_writers(store):
    """Tokens, enrolments and decisions of four processes are all there, and they made one secret."""
    url = store.place.url
    found = [result(one) for one in [start("tokens", url, name, 10) for name in "abcd"]]
    assert len({one["pepper"] for one in found}) == 1
    tokens = store.state.tokens()
    assert sorted(one.name for one in tokens) == sorted(f"{name}-{number}" for name in "abcd" for number in range(10))
    assert sum(one.revoked is not None for one in tokens) == 20
    assert len(store.state.cases.of("lt")) == 40
    assert store.state.file.faults() == []
