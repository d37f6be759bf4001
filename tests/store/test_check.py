"""Checking: what is damaged is found, with where it is and what to do."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from farmwatch.errors import StoreError
from farmwatch.records import endpoint
from farmwatch.records.endpoint import DnsLookup
from farmwatch.store import lake
from farmwatch.store.check import check
from tests.store.samples import NOON, dns


@pytest.fixture
def file(store, put) -> Path:
    """The only file of a table whose rows do not compress away."""
    put({DnsLookup: dns(400)})
    return Path(store.table("dns").uri, store.table("dns").snapshot().files[0].path)


def test_a_sound_store_has_no_faults(store, file):
    """Nor has an empty one."""
    assert file.is_file()
    assert list(check(store)) == []


def test_a_missing_file(store, file):
    """Its rows are gone; reading says so too."""
    file.unlink()
    (fault,) = check(store)
    assert fault.what == "is missing"
    assert fault.where == str(file)
    assert "copy" in fault.advice
    with pytest.raises(StoreError, match="farmwatch store check"):
        store.read(DnsLookup)


def test_turned_bits(store, file):
    """A bit turned anywhere is found, or it changes nothing that was sent."""
    sent, sound = list(DnsLookup.columns), file.read_bytes()
    rows, found = pq.ParquetFile(file).read().select(sent), 0
    for at in range(4, len(sound) - 8, 37):
        spoilt = bytearray(sound)
        spoilt[at] ^= 0x10
        file.write_bytes(spoilt)
        if list(check(store)):
            found += 1
        else:
            assert pq.ParquetFile(file).read().select(sent).equals(rows), at
    assert found > 0.7 * len(range(4, len(sound) - 8, 37))


def test_a_file_cut_short(store, file):
    """As after a disk was full under somebody else's copy."""
    file.write_bytes(file.read_bytes()[:-100])
    (fault,) = check(store)
    assert fault.what.startswith("cannot be read")


def test_another_file_in_its_place(store, file):
    """Readable, but not what the log says."""
    rows = pq.ParquetFile(file).read().slice(0, 300)
    pq.write_table(rows, file)
    found = [fault.what for fault in check(store)]
    assert "holds 300 rows, 400 in the log" in found
    assert any("bytes long" in what for what in found)


def test_a_damaged_log(store, file):
    """The table's files are sound, and nobody knows which belong to it."""
    log = file.parent.parent / "_delta_log"
    for commit in log.glob("*.json"):
        commit.write_text("{not json")
    (fault,) = check(store)
    assert "log" in fault.what


def test_a_column_of_another_type(store, put, monkeypatch):
    """Written by another version of farmwatch."""

    class Other(endpoint.Record, table="dns", key=("device_id",)):
        """A table of the same name."""

        device_id: str = endpoint.column("Device.")
        ts: datetime = endpoint.column("When.")
        name: int = endpoint.column("A number.")

    row = {"device_id": "lt", "ts": NOON, "name": 3}
    put({Other: pa.Table.from_pylist([row], lake.arrow_schema(Other))})
    monkeypatch.setattr("farmwatch.store.check.record_classes", lambda: {"dns": DnsLookup})
    (fault,) = check(store)
    assert fault.what == "column name is int64, declared string"


def test_a_table_farmwatch_did_not_make(store):
    """It is refused on writing, and its rows have no keys."""
    write_deltalake(store.place.table_uri("dns"), dns(2).append_column("day", pa.array(["2026-03-04"] * 2)))
    assert list(check(store))
    with pytest.raises(StoreError, match="did not make"):
        store.append({DnsLookup: dns(1)}, feed="x", sender="y", received=NOON)


def test_a_damaged_state(store, put):
    """The lake is not affected."""
    put({DnsLookup: dns(1)})
    store.state.pepper()
    path = store.state.file.path
    for log in path.parent.glob("state.sqlite-*"):
        log.unlink()
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 5000)
    (fault,) = check(store)
    assert fault.where == str(path)
    assert store.read(DnsLookup).num_rows == 1
