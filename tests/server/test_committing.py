"""From segments to the store: one commit a table, whoever sent the rows; tried again until it works; never twice."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from farmwatch.errors import StoreError
from farmwatch.records.arrow import arrow_schema
from farmwatch.records.endpoint import DnsLookup, RosterEntry
from farmwatch.server import committing
from farmwatch.server.committing import Committer
from farmwatch.server.frames import encode
from farmwatch.server.log import Log
from farmwatch.server.metrics import Metrics
from farmwatch.server.settings import LogLimits
from farmwatch.store import open_store

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def dns(device: str, count: int = 3, ts: datetime = NOON) -> pa.Table:
    """Rows of a device."""
    given = [{"device_id": device, "ts": ts, "record_id": str(number), "name": "x"} for number in range(count)]
    return pa.Table.from_pylist(given, schema=arrow_schema(DnsLookup))


class Line:
    """A log with a committer behind it."""

    def __init__(self, folder, **limits) -> None:
        self.store = open_store(folder / "store")
        self.metrics = Metrics()
        self.committer = Committer(self.store, self.metrics, 1000)
        self.sealed = []
        self.log = Log(
            folder / "log", LogLimits(segment_s=3600, free_bytes=0, **limits), self.metrics, self.sealed.append
        )
        self.log.start()

    def add(self, tables, sender: str = "tester", feed: str = "dns", received: datetime = NOON) -> None:
        """Append a delivery."""
        pieces = encode(tables, feed=feed, sender=sender, received=received, request="r")
        self.log.append(pieces, sum(rows.num_rows for rows in tables.values())).result(10)

    def commit(self, seconds: float = 20) -> None:
        """Seal what there is and commit it."""
        self.log.close()
        for segment in self.sealed:
            self.committer.put(segment)
        self.committer.start(self.log)
        assert self.committer.finish(seconds) == 0
        self.log.unlock()

    def versions(self, table: str = "dns") -> int:
        """Commits of a table that added rows."""
        return len(self.store.table(table).snapshot().files)


def test_rows_of_many_senders_are_one_commit(tmp_path):
    """A thousand hosts that report in a second are one commit, and each row says who sent it, when and how."""
    line = Line(tmp_path)
    for number in range(200):
        line.add({DnsLookup: dns(f"d{number}")}, f"s{number}", f"feed{number % 3}", NOON + timedelta(seconds=number))
    line.commit()
    assert line.versions() == 1
    found = line.store.query("select device_id, sender, feed, received, count(*) as n from dns group by all order by 1")
    assert found.num_rows == 200
    for row in found.to_pylist():
        number = int(row["device_id"][1:])
        assert (row["sender"], row["feed"], row["n"]) == (f"s{number}", f"feed{number % 3}", 3)
        assert row["received"].timestamp() == (NOON + timedelta(seconds=number)).timestamp()
    assert line.metrics.committed_rows.value("dns") == 600


def test_duplicates_are_counted_and_left_out(tmp_path):
    """The same rows in one segment, or in a later one, are there once, from whom they came first."""
    line = Line(tmp_path, segment_rows=3)
    for sender in ("first", "second", "third"):
        line.add({DnsLookup: dns("a")}, sender)
    line.commit()
    assert line.store.query("select distinct sender from dns").to_pylist() == [{"sender": "first"}]
    assert line.store.query("select count(*) as n from dns").to_pylist() == [{"n": 3}]
    assert line.metrics.duplicates.value("dns") == 6


def test_a_night_in_between_makes_two_days(tmp_path):
    """Rows without a time of their own are filed under the day they came, also where a segment spans midnight."""
    line = Line(tmp_path)
    entry = {"device_id": "a", "ts": NOON, "person_id": "p"}
    names = {column.name for column in arrow_schema(RosterEntry)}
    rows = pa.Table.from_pylist(
        [{name: entry.get(name) for name in names}], schema=pa.schema(arrow_schema(RosterEntry))
    )
    line.add({RosterEntry: rows, DnsLookup: dns("a")}, received=datetime(2026, 3, 4, 23, 59, 59, tzinfo=UTC))
    line.add({DnsLookup: dns("b", ts=NOON + timedelta(days=9))}, received=datetime(2026, 3, 5, 0, 0, 1, tzinfo=UTC))
    line.commit()
    days = line.store.query("select device_id, day from dns group by all order by all").to_pylist()
    assert days == [{"device_id": "a", "day": "2026-03-04"}, {"device_id": "b", "day": "9999-12-31"}]


@pytest.mark.parametrize("step", [-400, -5, -1, 1, 5, 400])
def test_a_step_of_the_clock_does_not_double_rows(tmp_path, step):
    """Rows that come again after this machine's clock was set, forward or back, are known; so are those after it."""
    line = Line(tmp_path, segment_rows=1)
    days = [NOON + timedelta(days=number) for number in range(-3, 1)]
    right, wrong = NOON, NOON + timedelta(days=step)
    for device, clocks in (("a", (right, wrong, right)), ("b", (wrong, right, wrong))):
        for received in clocks:
            for ts in days:
                line.add({DnsLookup: dns(device, ts=ts)}, received=received)
    line.commit()
    assert line.store.query("select count(*) as n from dns").to_pylist() == [{"n": 2 * 3 * len(days)}]


def test_a_store_that_fails_is_tried_again(tmp_path, monkeypatch, caplog):
    """Commits that fail, in whatever way, are kept and repeated; the log is emptied only then."""
    line = Line(tmp_path)
    line.add({DnsLookup: dns("a")})
    real, left = line.store.table("dns").append, [StoreError("full"), OSError("gone"), TypeError("odd")]

    def append(*arguments, **more) -> int:
        if left:
            raise left.pop(0)
        return real(*arguments, **more)

    monkeypatch.setattr(line.store.table("dns"), "append", append)
    monkeypatch.setattr(committing, "_FIRST_WAIT_S", 0.01)
    line.log.close()
    line.committer.put(line.sealed[0])
    line.committer.start(line.log)
    end = time.monotonic() + 10
    while line.log.pending_bytes and time.monotonic() < end:
        time.sleep(0.01)
    assert line.committer.finish(10) == 0
    line.log.unlock()
    assert line.store.query("select count(*) as n from dns").to_pylist() == [{"n": 3}]
    assert line.metrics.commit_failures.value() == 3
    assert "a commit failed" in caplog.text
    assert line.committer.failure == ""
    assert not line.sealed[0].path.exists()


def test_a_batch_is_not_committed_twice(tmp_path):
    """A segment that is offered again after its commit, as after a crash, adds nothing; its files stay as they are."""
    line = Line(tmp_path)
    line.add({DnsLookup: dns("a")})
    line.log.close()
    (segment,) = line.sealed
    kept = segment.path.read_bytes()
    for _ in range(3):
        segment.path.write_bytes(kept)
        committer = Committer(line.store, line.metrics, 1000)
        committer.put(segment)
        committer.start(line.log)
        assert committer.finish(20) == 0
    line.log.unlock()
    assert line.versions() == 1
    assert line.store.query("select count(*) as n from dns").to_pylist() == [{"n": 3}]


def test_a_crash_between_tables_of_a_batch_completes_it(tmp_path, monkeypatch):
    """Where one table of a batch was committed and the next was not, the repetition adds the missing one only."""
    line = Line(tmp_path)
    reject = pa.Table.from_pylist(
        [{"ts": NOON, "feed": "f", "sender": "s", "input_name": "x", "offset": 1, "reason": "bad", "count": 1}],
        schema=arrow_schema(committing.record_classes()["feed_rejects"]),
    )
    line.add({DnsLookup: dns("a"), committing.record_classes()["feed_rejects"]: reject})
    monkeypatch.setattr(committing, "_FIRST_WAIT_S", 0.01)
    real, left = line.store.table("feed_rejects").append, [1]

    def append(*arguments, **more) -> int:
        if left:
            left.pop()
            assert line.versions("dns") == 1
            raise StoreError("crash")
        return real(*arguments, **more)

    monkeypatch.setattr(line.store.table("feed_rejects"), "append", append)
    line.log.close()
    line.committer.put(line.sealed[0])
    line.committer.start(line.log)
    end = time.monotonic() + 10
    while line.log.pending_bytes and time.monotonic() < end:
        time.sleep(0.01)
    assert line.committer.finish(10) == 0
    line.log.unlock()
    assert (line.versions("dns"), line.versions("feed_rejects")) == (1, 1)
    assert line.store.query("select count(*) as n from dns").to_pylist() == [{"n": 3}]


def test_rows_of_an_older_version_fit(tmp_path):
    """A column that a record did not have yet is absent; one that must have a value puts the delivery aside."""
    line = Line(tmp_path)
    line.add({DnsLookup: dns("old").drop_columns(["answers", "path"])}, "old")
    line.add({DnsLookup: dns("odd").drop_columns(["device_id"])}, "odd")
    line.add({DnsLookup: dns("new")}, "new")
    line.commit()
    senders = line.store.query("select distinct sender from dns order by 1").to_pylist()
    assert senders == [{"sender": "new"}, {"sender": "old"}]
    assert line.metrics.corrupt.value() == 1
    assert len(list((tmp_path / "log" / "quarantine").iterdir())) == 1


def test_segments_that_wait_are_committed_together(tmp_path):
    """A committer that is behind takes several segments at once, up to its limit of rows."""
    line = Line(tmp_path, segment_rows=100)
    for number in range(25):
        line.add({DnsLookup: dns(f"d{number}", 100)})
    line.commit()
    assert len(line.sealed) == 25
    assert line.versions() == 3
    assert line.store.query("select count(*) as n from dns").to_pylist() == [{"n": 2500}]


def test_ending_with_a_broken_store_keeps_the_log(tmp_path, monkeypatch):
    """A server that ends while commits fail leaves its segments for the next start, and does not wait for ever."""
    line = Line(tmp_path)
    line.add({DnsLookup: dns("a")})

    def append(*_, **__) -> int:
        raise StoreError("full")

    monkeypatch.setattr(line.store.table("dns"), "append", append)
    line.log.close()
    line.committer.put(line.sealed[0])
    line.committer.start(line.log)
    began = time.monotonic()
    assert line.committer.finish(5) == 1
    assert time.monotonic() - began < 6
    line.log.unlock()
    assert line.sealed[0].path.exists()
    with pytest.raises(StoreError):
        append()
