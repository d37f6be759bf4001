"""Numbers of tables."""

from __future__ import annotations

from datetime import timedelta

from farmwatch.records.endpoint import DnsLookup, FeedReject
from farmwatch.store.stats import TableStats, stats
from tests.store.samples import NOON, dns, reject


def test_tables_in_numbers(store, put):
    """Rows, devices and days as they are; a clock that was never set is no first day."""
    put({DnsLookup: dns(5)})
    put({DnsLookup: dns(5, device="b", at=NOON + timedelta(days=1))})
    put({DnsLookup: dns(1, device="b", at=NOON - timedelta(days=20_000))}, rejects=reject())
    lookups, rejects = stats(store)
    assert (lookups.table, lookups.rows, lookups.devices, lookups.files) == ("dns", 11, 2, 3)
    assert (lookups.first_day, lookups.last_day) == ("2026-03-04", "2026-03-05")
    assert lookups.bytes == sum(file.size for file in store.table("dns").snapshot().files) > 0
    assert rejects == TableStats("feed_rejects", 1, rejects.bytes, 1, "2026-03-04", "2026-03-04", None)
    assert FeedReject.table == rejects.table


def test_an_empty_store_has_none(store):
    """No tables, no numbers."""
    assert list(stats(store)) == []
