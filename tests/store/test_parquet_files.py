"""Data files: on the disk before a commit names them, and gone where writing fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from farmwatch.errors import StoreError
from farmwatch.records.endpoint import DnsLookup
from farmwatch.store import parquet_files
from tests.store.samples import NOON, dns


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc to tell which file is made durable")
def test_rows_are_durable_before_the_commit_and_the_commit_before_the_answer(store, put, monkeypatch):
    """The order that keeps a power cut from leaving a commit without its rows, or an answer without its commit."""
    put({DnsLookup: dns(1)})
    log, done, sync = Path(store.table("dns").uri, "_delta_log"), [], os.fsync

    def note(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").resolve()
        done.append((path.name if path.suffix != ".parquet" else "rows", len(list(log.glob("*.json")))))
        sync(handle)

    monkeypatch.setattr(os, "fsync", note)
    put({DnsLookup: dns(2)})
    assert done == [("rows", 2), ("day=2026-03-04", 2), (f"{2:020d}.json", 3), ("_delta_log", 3)]


def test_a_write_that_fails_leaves_nothing(store, put, monkeypatch):
    """Neither a file nor a row; and it is the table's error, not the program's."""

    def fail(rows, file, **options):
        file.write(b"PAR1 half a file")
        raise OSError(28, "No space left on device")

    put({DnsLookup: dns(1)})
    monkeypatch.setattr(parquet_files.pq, "write_table", fail)
    with pytest.raises(StoreError, match="disk is full"):
        put({DnsLookup: dns(2)})
    monkeypatch.undo()
    assert len(list(Path(store.table("dns").uri).glob("day=*/*"))) == 1
    assert store.read(DnsLookup).num_rows == 1
    assert store.append({DnsLookup: dns(2)}, feed="x", sender="y", received=NOON).rows == {"dns": 1}
