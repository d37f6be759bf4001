"""Upkeep: few large files, no row twice, old days gone, and nothing lost."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from farmwatch.errors import StoreError
from farmwatch.records.endpoint import DnsLookup, RosterEntry
from farmwatch.store import open_store
from farmwatch.store.check import check
from farmwatch.store.days import EARLY, LATE
from farmwatch.store.upkeep import compact, retain, vacuum
from tests.store.samples import NOON, dns, roster


def files(store):
    return store.table("dns").snapshot().files


def write_twice(store, count):
    """Rows that are there twice, as two writers to an object store leave them: a writer that sees no others' files."""
    blind = open_store(store.place.url).table("dns")
    blind._new = lambda before, keys, days, every_day: keys[:, 0] == keys[:, 0]
    store._tables["dns"] = blind
    store.append({DnsLookup: dns(count)}, feed="x", sender="y", received=NOON)
    store._tables.clear()


def test_small_files_become_one_a_day(store, put):
    """All rows are still there, ordered by device and time; files replaced stay until they are cleared."""
    for number in range(8):
        put({DnsLookup: dns(5, first=5 * number, device=f"lt{number % 2}")})
    put({DnsLookup: dns(3, at=NOON + timedelta(days=1))})
    before = store.read(DnsLookup).sort_by("ts")
    (done,) = compact(store)
    assert (done.table, done.files_before, done.files_after, done.duplicates) == ("dns", 9, 2, 0)
    assert store.read(DnsLookup).sort_by("ts").equals(before)
    first = next(file for file in files(store) if file.rows == 40)
    rows = store.table("dns").snapshot().dataset(store.table("dns").snapshot().schema, [first]).to_table()
    keys = list(zip(rows["device_id"].to_pylist(), rows["ts"].to_pylist(), strict=True))
    assert keys == sorted(keys)
    assert len(list(Path(store.table("dns").uri).glob("day=*/*"))) == 10
    assert vacuum(store, hours=0) == {"dns": 8}
    assert len(list(Path(store.table("dns").uri).glob("day=*/*"))) == 2
    assert list(check(store)) == []


def test_compacted_rows_are_still_known(store, put):
    """Before and after, in this process and in a new one, rows sent again are duplicates."""
    for number in range(4):
        put({DnsLookup: dns(5, first=5 * number)})
    list(compact(store))
    vacuum(store, hours=0)
    assert put({DnsLookup: dns(21)}).rows == {"dns": 1}
    again = open_store(store.place.url)
    assert again.append({DnsLookup: dns(22)}, feed="x", sender="y", received=NOON).rows == {"dns": 1}


def test_rows_that_are_there_twice_are_dropped(store, put):
    """One of each stays."""
    put({DnsLookup: dns(10)})
    write_twice(store, 6)
    assert store.read(DnsLookup).num_rows == 16
    assert [fault.what for fault in check(store)] == ["6 rows are there twice"]
    (done,) = compact(store)
    assert done.duplicates == 6
    assert sorted(store.read(DnsLookup)["record_id"].to_pylist(), key=int) == [str(number) for number in range(10)]
    assert list(check(store)) == []


def test_large_files_are_left_alone(store, put):
    """Files grow to the size asked for and are not written again and again."""
    for number in range(12):
        put({DnsLookup: dns(300, first=300 * number)})
    size = files(store)[0].size
    list(compact(store, target_bytes=4 * size))
    assert 3 <= len(files(store)) <= 6
    paths = {file.path for file in files(store) if file.size > 2 * size}
    list(compact(store, target_bytes=4 * size))
    assert paths <= {file.path for file in files(store)}


def test_nothing_to_do_is_no_commit(store, put):
    """A compacted table is not written to again."""
    put({DnsLookup: dns(5)})
    version = store.table("dns").snapshot().version
    list(compact(store))
    assert store.table("dns").snapshot().version == version


def test_old_days_go_by_table(store, put):
    """Each table has its time; 0 keeps for ever, and tables not named take the rule for the others."""
    for days in (0, 50, 100):
        put({DnsLookup: dns(5, at=NOON - timedelta(days=days), device=f"d{days}")})
    put({RosterEntry: roster("lt")})
    today = NOON.date()
    assert retain(store, {"*": 0}, today=today) == {}
    assert retain(store, {"*": 60, "roster": 0}, today=today) == {"dns": 5}
    assert retain(store, {"dns": 50, "roster": 0}, today=today + timedelta(days=365), tables=["roster"]) == {}
    assert retain(store, {"dns": 50}, today=today) == {}
    assert retain(store, {"dns": 49}, today=today) == {"dns": 5}
    assert set(store.read(DnsLookup)["device_id"].to_pylist()) == {"d0"}
    assert retain(store, today=date(2036, 1, 1)) == {"dns": 5}
    assert store.read(RosterEntry).num_rows == 1


def test_rows_of_broken_clocks_go_by_arrival(store, put):
    """Filed under no real day, they stay as long after they came."""
    put({DnsLookup: dns(2, at=NOON - timedelta(days=20_000))})
    put({DnsLookup: dns(2, at=NOON + timedelta(days=20_000))})
    put({DnsLookup: dns(3, at=NOON + timedelta(days=30_000))}, received=NOON + timedelta(days=40))
    assert {file.day for file in files(store)} == {EARLY, LATE}
    assert retain(store, {"*": 30}, today=NOON.date() + timedelta(days=20)) == {}
    assert retain(store, {"*": 30}, today=NOON.date() + timedelta(days=45)) == {"dns": 4}
    assert store.read(DnsLookup).num_rows == 3


def test_an_unknown_table_is_named(store, put):
    """With those that there are."""
    put({DnsLookup: dns(1)})
    with pytest.raises(StoreError, match="no table dnss; there are dns"):
        list(compact(store, ["dnss"]))


def test_what_a_crash_left_is_cleared(store, put):
    """A file that no commit names goes with the others."""
    put({DnsLookup: dns(1)})
    orphan = Path(store.table("dns").uri, "day=2026-03-04", "orphan.parquet")
    orphan.write_bytes(b"PAR1")
    vacuum(store, hours=0)
    assert not orphan.exists()
    assert store.read(DnsLookup).num_rows == 1
