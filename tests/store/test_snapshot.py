"""Snapshots: one version of a table, whatever happens to it afterwards."""

from __future__ import annotations

import pyarrow as pa

from farmwatch.records.endpoint import DnsLookup, RosterEntry
from farmwatch.store.upkeep import compact
from tests.store.samples import NOON, dns, roster


def test_a_snapshot_does_not_move(store, put):
    """Rows appended later do not show, and files replaced later are still read."""
    put({DnsLookup: dns(3)})
    put({DnsLookup: dns(3, first=3)})
    before = store.table("dns").snapshot()
    put({DnsLookup: dns(9)})
    list(compact(store))
    assert before.dataset(before.schema).count_rows() == 6
    assert [file.rows for file in before.files] == [3, 3]
    assert before.days() == [NOON.date().isoformat()]
    assert store.table("dns").snapshot().version > before.version


def test_days_and_missing_columns_are_filled_in(store, put):
    """The day comes from the file's folder, and a column no file has is null."""
    put({DnsLookup: dns(2)})
    snapshot = store.table("dns").snapshot()
    schema = pa.schema([("device_id", pa.string()), ("later", pa.int64()), ("day", pa.string())])
    assert snapshot.dataset(schema).to_table().to_pylist() == [
        {"device_id": "lt", "later": None, "day": "2026-03-04"}
    ] * 2  # fmt: skip


def test_each_table_has_its_own_secret(store, put):
    """Whoever learned the key of one table's rows knows nothing of another's."""
    put({DnsLookup: dns(1), RosterEntry: roster("lt")})
    secrets = {store.table(name).snapshot().secret for name in ("dns", "roster")}
    assert {len(secret) for secret in secrets} == {32}
    assert len(secrets) == 2
