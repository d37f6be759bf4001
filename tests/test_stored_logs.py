"""Sensor logs of a store: whose day they are, and which rows belong to its flows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from farmwatch.analysis.profile import Profile
from farmwatch.knowledge import load_knowledge
from farmwatch.records import Flow, Ssh, Table
from farmwatch.records.arrow import to_arrow
from farmwatch.store import open_store
from farmwatch.stored_logs import _rows, _Stretch, scanned_logs

DAY = datetime(2026, 3, 8, tzinfo=UTC)


def row(record, number, hours, **values):
    """A row of a log, so many hours into the day, with nothing in the columns that do not matter here."""
    empty = {name: one.type() for name, one in record.columns.items() if not one.absent and one.type is not datetime}
    ts = DAY + timedelta(hours=hours)
    return record(**empty | {"flow": number, "ts": ts} | values)


def flow(number, hours):
    """A connection to port 22 from a laptop at home."""
    ts = DAY + timedelta(hours=hours)
    return row(Flow, number, hours, last_ts=ts, proto="tcp", orig_h="192.168.1.7", orig_p=50000 + number,
               resp_h="198.51.100.9", resp_p=22)  # fmt: skip


@pytest.fixture
def store(tmp_path):
    store = open_store(tmp_path / "store")
    rows = {
        Flow: [flow(1, 1), flow(2, -2), flow(3, -48)],
        Ssh: [row(Ssh, number, 1 + number) for number in (1, 2, 3, 4)],
    }
    tables = {record: to_arrow(Table.from_rows(record, found)) for record, found in rows.items()}
    store.append(tables, feed="zeek", sender="sensor", received=DAY)
    return store


def test_rows_belong_to_flows_of_the_day_or_the_day_before(store):
    """Not to a flow of days ago, whose number may be in use again, and not to one that no log has."""
    stretch = _Stretch("sensor", "zeek", DAY, DAY + timedelta(days=1), 1, 0)
    with store.duckdb() as connection:
        assert _rows(connection, Flow, stretch).column("flow").to_pylist() == [1]
        assert sorted(_rows(connection, Ssh, stretch).column("flow").to_pylist()) == [1, 2]


def test_days_are_judged_one_by_one(store):
    """Each day of a sensor is an input; other feeds' flows and days outside the time are none."""
    store.append({Flow: to_arrow(Table.from_rows(Flow, [flow(5, 5)]))}, feed="netflow", sender="router", received=DAY)
    given = load_knowledge(), Profile()
    assert len(list(scanned_logs(store, DAY - timedelta(days=7), DAY + timedelta(days=1), *given))) == 3
    assert len(list(scanned_logs(store, DAY, DAY + timedelta(days=1), *given))) == 1
    assert list(scanned_logs(store, DAY + timedelta(days=1), DAY + timedelta(days=2), *given)) == []
