"""One table: what a writer that slept long finds, and what happens when commits go wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from deltalake.exceptions import DeltaError

from farmwatch.errors import StoreError
from farmwatch.records.endpoint import DnsLookup
from farmwatch.store import lake_table, open_store
from farmwatch.store.check import check
from tests.store.samples import NOON, dns


def send(store, *rows):
    return store.append({DnsLookup: dns(*rows)}, feed="x", sender="y", received=NOON).rows["dns"]


def test_a_writer_that_slept_while_the_log_was_cleared(store):
    """It goes on from the newest version: it neither sends known rows again nor commits where nobody looks."""
    other = open_store(store.place.url)
    for number in range(3):
        assert store.append({DnsLookup: dns(1, first=number)}, feed="x", sender="y", received=NOON).rows["dns"] == 1
    for number in range(3, 70):
        other.append({DnsLookup: dns(1, first=number)}, feed="x", sender="y", received=NOON)
    table = other.table("dns")
    table._opened().create_checkpoint()
    for commit in sorted(Path(table.uri, "_delta_log").glob("*.json"))[:-1]:
        commit.unlink()
    assert send(store, 71) == 1
    assert open_store(store.place.url).read(DnsLookup).num_rows == 71
    assert list(check(store)) == []


def test_a_commit_that_was_done_though_an_error_came_after_it(store, put, monkeypatch):
    """As when the checkpoint after it finds no room: the rows are there, and are said to be."""
    put({DnsLookup: dns(1)})
    real = lake_table.DeltaTable.create_write_transaction

    def fail(self, *arguments, **options):
        real(self, *arguments, **options)
        raise DeltaError("no room for a checkpoint")

    monkeypatch.setattr(lake_table.DeltaTable, "create_write_transaction", fail)
    assert put({DnsLookup: dns(5)}).rows == {"dns": 4}
    monkeypatch.undo()
    assert put({DnsLookup: dns(6)}).rows == {"dns": 1}
    assert store.read(DnsLookup).num_rows == 6
    assert list(check(store)) == []


def test_a_commit_that_fails_leaves_the_table_as_it_was(store, put, monkeypatch):
    """Its file is deleted, and the same rows can be sent again."""
    put({DnsLookup: dns(1)})

    def fail(self, *arguments, **options):
        raise DeltaError("something broke")

    monkeypatch.setattr(lake_table.DeltaTable, "create_write_transaction", fail)
    with pytest.raises(StoreError, match="something broke"):
        put({DnsLookup: dns(5)})
    monkeypatch.undo()
    assert len(list(Path(store.table("dns").uri).glob("day=*/*"))) == 1
    assert put({DnsLookup: dns(5)}).rows == {"dns": 4}


def test_a_lock_that_is_held_for_ever_is_an_error(store, put, monkeypatch):
    """It names the file; nothing is written without it."""
    put({DnsLookup: dns(1)})
    monkeypatch.setattr(lake_table, "_WAIT_S", 0.1)
    with open_store(store.place.url).table("dns").alone(), pytest.raises(StoreError, match=r"dns\.lock: held"):
        put({DnsLookup: dns(2)})
    assert put({DnsLookup: dns(2)}).rows == {"dns": 1}


def test_a_damaged_log_is_said(store, put):
    """With the table and what to run."""
    put({DnsLookup: dns(1)})
    for commit in Path(store.table("dns").uri, "_delta_log").iterdir():
        commit.write_bytes(b"{")
    with pytest.raises(StoreError, match="farmwatch store check"):
        store.read(DnsLookup)
