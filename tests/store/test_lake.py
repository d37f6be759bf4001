"""Appending, reading and asking: every row once, old tables under new declarations, no way out of SQL."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest

from farmwatch.errors import StoreError
from farmwatch.records.arrow import arrow_schema, from_arrow, to_arrow
from farmwatch.records.endpoint import DnsLookup, FeedReject, RosterEntry
from farmwatch.records.network import Reject
from farmwatch.records.schema import Record, Table, column
from farmwatch.store import Stored, open_store
from tests.store.samples import NOON, dns, reject, roster


def numbers(store, **options):
    return sorted(
        int(text) for text in store.read(DnsLookup, columns=["record_id"], **options)["record_id"].to_pylist()
    )


def test_rows_come_back_as_they_went_in(store, put):
    """What is read has the record's schema and the rows' values, absent ones absent."""
    rows = dns(5)
    assert put({DnsLookup: rows}) == Stored({"dns": 5}, {"dns": 0})
    found = store.read(DnsLookup)
    assert found.schema.equals(arrow_schema(DnsLookup))
    assert found.sort_by("record_id").to_pylist() == rows.to_pylist()
    assert len(from_arrow(found, DnsLookup)) == 5


def test_a_row_is_there_once(store, put):
    """Sent again, alone or among others, twice in a batch, by another sender: it is a duplicate and counted."""
    put({DnsLookup: dns(10)})
    assert put({DnsLookup: dns(10)}, sender="other") == Stored({"dns": 0}, {"dns": 10})
    assert put({DnsLookup: pa.concat_tables([dns(12), dns(13)])}) == Stored({"dns": 3}, {"dns": 22})
    assert numbers(store) == list(range(13))
    again = open_store(store.place.url)
    assert again.append({DnsLookup: dns(14)}, feed="x", sender="y", received=NOON).rows == {"dns": 1}


def test_two_stores_know_each_others_rows(store):
    """An index that was filled before somebody else wrote is brought up to date."""
    other = open_store(store.place.url)
    for turn in range(6):
        one = (store, other)[turn % 2]
        stored = one.append({DnsLookup: dns(10, first=5 * turn)}, feed="x", sender="y", received=NOON)
        assert stored.rows["dns"] == (10 if turn == 0 else 5)
    assert numbers(store) == list(range(35))


def test_rows_without_a_time_are_there_once_on_any_day(store, put):
    """A table without its own time is filed by arrival; the same row is a duplicate a month later too."""
    rows = to_arrow(Table.from_rows(Reject, [Reject(input=0, reason="cut", offset=None, count=1)]))
    assert put({Reject: rows}).rows == {"rejects": 1}
    assert put({Reject: rows}, received=NOON + timedelta(days=30)).rows == {"rejects": 0}
    assert store.read(Reject, since=NOON + timedelta(days=1)).num_rows == 0
    assert store.read(Reject, until=NOON + timedelta(days=1)).num_rows == 1


def test_a_row_of_a_clock_ahead_is_known_when_its_day_has_come(store, put):
    """Filed as from the future first, it is no new row when it is sent again later."""
    rows = dns(3, at=NOON + timedelta(days=10))
    assert put({DnsLookup: rows}).rows == {"dns": 3}
    assert put({DnsLookup: rows}, received=NOON + timedelta(days=10)).rows == {"dns": 0}
    assert numbers(store, since=NOON + timedelta(days=9), until=NOON + timedelta(days=11)) == [0, 1, 2]


def test_a_batch_is_committed_once(store, put):
    """A batch number that was committed adds nothing, whatever is in it; a later one does."""
    assert put({DnsLookup: dns(2)}, transaction=("door", 7)).rows == {"dns": 2}
    assert put({DnsLookup: dns(9)}, transaction=("door", 7)) == Stored({"dns": 0}, {"dns": 9})
    assert put({DnsLookup: dns(9)}, transaction=("door", 6)).rows == {"dns": 0}
    assert put({DnsLookup: dns(3)}, transaction=("door", 8)).rows == {"dns": 1}
    assert put({DnsLookup: dns(4)}, transaction=("other", 1)).rows == {"dns": 1}


def test_a_batch_that_ended_halfway_is_completed(store, put):
    """Tables commit one by one; repeated, the batch reaches those that lack it and no other twice."""
    put({DnsLookup: dns(2)}, transaction=("door", 1))
    stored = put({DnsLookup: dns(2), RosterEntry: roster("lt")}, transaction=("door", 1), rejects=reject())
    assert stored.rows == {"dns": 0, "roster": 1, "feed_rejects": 1}
    assert store.read(FeedReject).num_rows == 1


def test_batch_numbers_outlive_the_log(store, put):
    """Checkpoints and a cleared log keep them."""
    for number in range(60):
        put({DnsLookup: dns(1, first=number)}, transaction=("door", number))
    store.table("dns").clear(0)
    assert open_store(store.place.url).append(
        {DnsLookup: dns(90)}, feed="x", sender="y", received=NOON, transaction=("door", 59)
    ).rows == {"dns": 0}


def test_rejects_keep_who_sent_them(store, put):
    """Their own feed and sender stay, and no column is there twice."""
    put({}, rejects=reject("no ts"), feed="store's", sender="store's")
    row = store.read(FeedReject, columns=["reason", "feed", "sender", "received"]).to_pylist()
    assert row == [{"reason": "no ts", "feed": "theirs", "sender": "agent-1", "received": NOON}]


def test_rows_can_be_chosen(store, put):
    """By time, from the first included to the last not, by device, and only some columns."""
    put({DnsLookup: dns(100)})
    put({DnsLookup: dns(5, device="other", at=NOON + timedelta(days=2))})
    second = timedelta(seconds=1)
    assert numbers(store, since=NOON + 10 * second, until=NOON + 12 * second) == [10, 11]
    assert numbers(store, device_ids=["other", "nobody"]) == list(range(5))
    assert numbers(store, device_ids=[]) == []
    found = store.read(DnsLookup, columns=["day", "sender", "received", "feed"], device_ids=["other"])
    assert found.to_pylist()[0] == {"day": "2026-03-06", "sender": "agent-1", "received": NOON, "feed": "test"}
    with pytest.raises(StoreError, match="no column colour"):
        store.read(DnsLookup, columns=["colour"])


def test_an_empty_store_has_empty_tables(store):
    """Reading what was never written gives no rows, with the right columns."""
    assert store.read(DnsLookup).schema.equals(arrow_schema(DnsLookup))
    assert store.tables() == []
    assert store.query("SELECT count(*) AS n FROM dns")["n"].to_pylist() == [0]


class OldFact(Record, table="facts", key=("device_id",)):
    """A table as an older version declares it."""

    device_id: str = column("Device.")
    ts: datetime = column("When.")
    size: int | None = column("Size.", absent="unknown")


class NewFact(Record, table="facts", key=("device_id",)):
    """The same table, two columns later."""

    device_id: str = column("Device.")
    ts: datetime = column("When.")
    colour: str | None = column("Colour.", absent="older rows")
    size: int | None = column("Size.", absent="unknown")
    heavy: bool | None = column("Weight.", absent="older rows")


def facts(record, **values):
    rows = {"device_id": "lt", "ts": NOON, "size": 3, **values}
    return pa.Table.from_pylist([{name: rows.get(name) for name in record.columns}], arrow_schema(record))


def test_a_column_added_later_is_absent_in_older_rows(store, put):
    """Old rows are read under the new declaration, and sent again by a newer agent they are still the same rows."""
    put({OldFact: facts(OldFact)})
    assert store.read(NewFact).schema.equals(arrow_schema(NewFact))
    assert store.read(NewFact).to_pylist() == [
        {"device_id": "lt", "ts": NOON, "colour": None, "size": 3, "heavy": None}
    ]
    assert put({NewFact: facts(NewFact)}).rows == {"facts": 0}
    assert put({NewFact: facts(NewFact, colour="red")}).rows == {"facts": 1}
    assert sorted(store.read(NewFact)["colour"].to_pylist(), key=str) == [None, "red"]


def test_an_older_version_reads_and_writes_beside_a_newer(store, put):
    """Columns it does not know are left out of what it reads, and absent in what it writes."""
    put({NewFact: facts(NewFact, colour="red", heavy=True)})
    assert store.read(OldFact).to_pylist() == [{"device_id": "lt", "ts": NOON, "size": 3}]
    assert put({OldFact: facts(OldFact, size=4)}).rows == {"facts": 1}
    assert {row["size"]: row["colour"] for row in store.read(NewFact).to_pylist()} == {3: "red", 4: None}


def test_a_column_of_another_type_is_refused(store, put):
    """Nothing is written, and the message names both types."""

    class Wrong(Record, table="facts", key=("device_id",)):
        """The same table with a text for a number."""

        device_id: str = column("Device.")
        ts: datetime = column("When.")
        size: str | None = column("Size.", absent="unknown")

    put({OldFact: facts(OldFact)})
    with pytest.raises(StoreError, match="column size is int64 there and string"):
        put({Wrong: facts(Wrong, size="big")})
    assert store.read(OldFact).num_rows == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: rows.drop_columns(["name"]),
        lambda rows: rows.append_column("colour", pa.nulls(rows.num_rows, pa.string())),
        lambda rows: rows.set_column(1, "ts", pa.array(["soon"] * rows.num_rows)),
        lambda rows: rows.set_column(0, "device_id", pa.nulls(rows.num_rows, pa.string())),
    ],
    ids=["missing", "unknown", "type", "null"],
)
def test_rows_that_do_not_fit_are_refused_whole(store, put, spoil):
    """Nothing of the append is written, not even tables that fit."""
    with pytest.raises(StoreError, match="rows for table dns"):
        put({RosterEntry: roster("lt"), DnsLookup: spoil(dns(2))})
    assert store.tables() == []


def test_sql_sees_all_tables(store, put):
    """One view a table, with the store's columns; parameters are parameters."""
    put({DnsLookup: dns(7), RosterEntry: roster("lt")})
    found = store.query(
        "SELECT r.device_id, count(*) AS n FROM dns JOIN roster AS r USING (device_id) "
        "WHERE dns.device_id = ? AND dns.day = '2026-03-04' GROUP BY 1",
        ["lt"],
    )
    assert found.to_pylist() == [{"device_id": "lt", "n": 7}]
    assert "row_key" not in store.query("SELECT * FROM dns").column_names


def test_sql_stays_in_the_store(store, put, tmp_path):
    """It reads no file, writes none, loads nothing and cannot lift the ban; Python's variables are not tables."""
    put({DnsLookup: dns(1)})
    hidden = dns(3)
    assert hidden.num_rows == 3
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    for sql in (
        f"SELECT * FROM read_csv('{secret}')", f"SELECT * FROM '{secret}'", f"COPY dns TO '{tmp_path / 'out.csv'}'",
        f"ATTACH '{tmp_path / 'x.db'}'", "SET enable_external_access = true", "INSTALL httpfs", "DROP VIEW nothing",
        "SELECT * FROM hidden",
    ):  # fmt: skip
        with pytest.raises(StoreError):
            store.query(sql)
        with pytest.raises((duckdb.Error, AttributeError)):
            store.duckdb().sql(sql).to_arrow_table()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.csv", "store"]


def test_no_value_of_a_row_is_in_the_log(store, put):
    """Commits and checkpoints hold paths, days and counts: forgetting need not rewrite them."""
    for number in range(60):
        put({DnsLookup: dns(2, first=2 * number, device="secret-device")})
    log = store.place.folder / "tables" / "dns" / "_delta_log"
    assert any(path.name.endswith("checkpoint.parquet") for path in log.iterdir())
    for path in log.iterdir():
        assert b"secret-device" not in path.read_bytes()
    stats = [
        json.loads(json.loads(line)["add"]["stats"])
        for path in log.glob("*.json")
        for line in path.read_text().splitlines()
        if "add" in json.loads(line)
    ]
    assert stats
    assert all(one.keys() == {"numRecords"} for one in stats)


def test_received_may_be_any_zone(store, put):
    """Times are kept in UTC."""
    put({DnsLookup: dns(1)}, received=datetime.fromisoformat("2026-03-04T14:00:00+02:00"))
    assert store.read(DnsLookup, columns=["received"])["received"].to_pylist() == [datetime(2026, 3, 4, 12, tzinfo=UTC)]


def test_threads_share_a_store(tmp_path):
    """Several threads append to several tables and days with hardly any memory for keys: each row is there once."""
    store = open_store(tmp_path / "store", index_bytes=3000)
    failed: list[BaseException] = []
    stored: list[int] = []

    def send(thread: int) -> None:
        try:
            for number in range(12):
                at = NOON - timedelta(days=(thread + number) % 4)
                one = store.append(
                    {DnsLookup: dns(30, first=15 * (number // 4), at=at), RosterEntry: roster(f"lt{number}")},
                    feed="x", sender=str(thread), received=NOON,
                )  # fmt: skip
                stored.append(one.rows["dns"])
        except BaseException as error:  # noqa: BLE001 (shown by the assertion below)
            failed.append(error)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    rows = store.read(DnsLookup, columns=["record_id", "day"]).to_pylist()
    assert len(rows) == len({(row["record_id"], row["day"]) for row in rows}) == sum(stored) == 4 * 60
    assert store.read(RosterEntry).num_rows == 12
