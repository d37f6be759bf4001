"""Forgetting: no byte of the device is left, and everything about the others is."""

from __future__ import annotations

import gc
import sqlite3
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from farmwatch.errors import StoreError
from farmwatch.records.arrow import to_arrow
from farmwatch.records.endpoint import DeviceFact, DnsLookup, RosterEntry
from farmwatch.records.network import DhcpRequest
from farmwatch.records.schema import Rows
from farmwatch.store import state_file
from farmwatch.store.check import check
from farmwatch.store.forget import forget, known_rows
from farmwatch.store.traces import traces
from farmwatch.store.upkeep import compact
from tests.store.samples import NOON, dns, roster

GONE = "ACME-LT-0042-\u00e9"


def everything(folder: Path) -> bytes:
    """Every byte of a store, its names and the values of Parquet files, without the code under test."""
    found = []
    for path in sorted(folder.rglob("*")):
        found.append(str(path).encode())
        if path.is_file():
            found.append(path.read_bytes())
            if path.suffix == ".parquet":
                found.append(repr(pq.ParquetFile(path).read().to_pylist()).encode())
    return b"\n".join(found)


@pytest.fixture
def filled(store, put):
    """A device among others, in several tables, days, old files, checkpoints and the case state."""
    for number in range(55):
        put({DnsLookup: dns(2, first=2 * number, device=GONE if number % 3 == 0 else "other")})
    list(compact(store))
    put({DnsLookup: dns(40, device=GONE, at=NOON - timedelta(days=3))})
    put({DnsLookup: dns(7, device=GONE + "-not", at=NOON - timedelta(days=3))})
    put({RosterEntry: roster(GONE)})
    put({RosterEntry: roster("other")})
    state = store.state
    for number in range(60):
        state.cases.decide(GONE, "driven", "confirmed", reason=f"seen {number} " * 20, who="analyst")
    state.cases.decide("other", "driven", "dismissed", reason="help desk", who="analyst")
    state.enrol(GONE)
    state.audit("analyst", "note", "other", f"beside {GONE}")
    return store


def test_no_byte_is_left(filled):
    """Not in files, footers, logs, checkpoints or the database, however it is stored; other rows stay."""
    with pytest.raises(AssertionError):
        assert GONE.encode() not in everything(filled.place.folder)
    rows = known_rows(filled, GONE)
    assert rows == {"dns": 78, "roster": 1}
    gone = forget(filled, GONE)
    # The device whose id begins with the other's is another device, and its id holds the first one's bytes.
    assert gone.left == tuple(traces(filled, GONE + "-not"))
    assert forget(filled, GONE + "-not").left == ()
    assert gone.rows == rows
    assert gone.state == {"cases": 1, "dispositions": 60, "enrolments": 1, "audit": 61}
    found = everything(filled.place.folder)
    for form in (GONE.encode(), GONE.encode("utf-16-le"), repr(GONE).encode(), b"ACME-LT-0042", b"seen 59 "):
        assert form not in found
    assert set(filled.read(DnsLookup)["device_id"].to_pylist()) == {"other"}
    assert filled.read(DnsLookup).num_rows == 72
    assert filled.state.cases.of("other")[0].reason == "help desk"
    assert filled.state.cases.audit()[-1].action == "forget"
    assert list(check(filled)) == []


def test_a_forgotten_device_may_come_back(filled, put):
    """Its rows are no duplicates of what went."""
    put({DnsLookup: dns(40, device=GONE, at=NOON - timedelta(days=3))})
    forget(filled, GONE)
    assert put({DnsLookup: dns(40, device=GONE, at=NOON - timedelta(days=3))}).rows == {"dns": 40}


def test_rows_about_others_that_name_it(store, put):
    """They are somebody else's: said, and removed only when asked."""
    put({DnsLookup: dns(3, device="other", name="x42.internal")})
    put({DnsLookup: dns(3, device="other", first=10)})
    put({DnsLookup: dns(2, device="x42")})
    gone = forget(store, "x42")
    assert gone.rows == {"dns": 2}
    assert len(gone.left) == 1
    assert gone.left[0].startswith("tables/dns/day=2026-03-04/")
    assert forget(store, "x42", mentions=True).left == ()
    assert sorted(store.read(DnsLookup)["record_id"].to_pylist()) == ["10", "11", "12"]


def test_an_unfinished_forgetting_is_finished(store, put):
    """Files that a crash kept, of rows removed or never committed, go when it is run again."""
    put({DnsLookup: dns(2, device="x42")})
    orphan = Path(store.table("dns").uri, "day=2026-03-04", "orphan.parquet")
    pq.write_table(pa.table({"device_id": ["x43"] * 100}), orphan)
    assert traces(store, "x43") == ["tables/dns/day=2026-03-04/orphan.parquet"]
    assert forget(store, "x43").left == ()
    assert store.read(DnsLookup).num_rows == 2


def test_an_empty_id_is_refused(store):
    """It would be everybody's."""
    with pytest.raises(StoreError, match="empty"):
        forget(store, "")


def test_a_database_in_use_is_no_success(filled, monkeypatch):
    """A reader that keeps the state open keeps old pages in its log: the error says so, and later it works."""
    monkeypatch.setattr(state_file, "_BUSY_S", 0.1)
    connection = sqlite3.connect(filled.state.file.path)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM cases").fetchone()
    with pytest.raises(StoreError, match="forget again later"):
        filled.state.cases.forget(GONE)
    connection.rollback()
    connection.close()
    gc.collect()
    filled.state.cases.forget(GONE)
    assert GONE.encode() not in filled.state.file.path.read_bytes()


def test_what_sensors_saw_of_it_goes_by_its_link_layer_address_and_name(store, put):
    """Rows without device ids go where they hold an address or a name the store knows the device by; no others do."""
    mac, name = "54:e1:ad:00:00:42", "acme-lt-0042"
    facts = Rows(DeviceFact)
    facts.add(device_id=GONE, ts=NOON, host_name=name, macs=f"{mac},54:e1:ad:00:00:43")
    facts.add(device_id="other", ts=NOON, host_name="other-host", macs="54:e1:ad:00:00:99")
    leases = Rows(DhcpRequest)
    for number, (lease, host) in enumerate(
        [(mac, None), ("02:00:00:00:00:01", name.upper()), ("54:e1:ad:00:00:99", "other-host")]
    ):
        leases.add(input=1, ts=NOON, packet=number, ip_version=4, message="request", mac=lease, host_name=host)
    put({DeviceFact: to_arrow(facts.table())})
    put({DhcpRequest: to_arrow(leases.table())})
    assert known_rows(store, GONE) == {"devices": 1, "dhcp": 2}
    assert forget(store, GONE).rows == {"devices": 1, "dhcp": 2}
    assert store.read(DhcpRequest).column("mac").to_pylist() == ["54:e1:ad:00:00:99"]
    assert mac.encode() not in everything(store.place.folder)
