"""Tables out of the store, whole, chosen, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from farmwatch.errors import StoreError
from farmwatch.records.endpoint import DnsLookup, FeedReject
from farmwatch.store.export import ExportFormat, export
from tests.store.samples import NOON, dns, reject


def exported(store, table, kind, **options):
    out = io.BytesIO()
    rows = export(store, table, out, kind, **options)
    return rows, out.getvalue()


def test_parquet_and_ndjson_hold_every_row(store, put):
    """The record's columns, then who sent it and when; keys of rows stay inside."""
    put({DnsLookup: dns(3)})
    rows, data = exported(store, "dns", ExportFormat.PARQUET)
    table = pq.read_table(io.BytesIO(data))
    assert rows == 3
    assert table.column_names == [*DnsLookup.columns, "received", "feed", "sender"]
    assert table.select(list(DnsLookup.columns)).to_pylist() == dns(3).to_pylist()
    rows, data = exported(store, "dns", ExportFormat.NDJSON)
    first = json.loads(data.splitlines()[0])
    assert rows == len(data.splitlines()) == 3
    assert first["ts"] == "2026-03-04T12:00:00Z"
    assert first["process"] is None


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r="])
def test_csv_holds_no_formula(store, put, start):
    """A text chosen by an adversary is a text in a spreadsheet; others are as they were."""
    put({DnsLookup: dns(1, name=start + "cmd|' /C calc'!A0")})
    put({DnsLookup: dns(1, first=1, name='fine, "quoted" =1')})
    _, data = exported(store, "dns", ExportFormat.CSV)
    found = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert {row["name"] for row in found} == {"'" + start + "cmd|' /C calc'!A0", 'fine, "quoted" =1'}
    assert {row["ts"] for row in found} == {"2026-03-04T12:00:00.000000Z", "2026-03-04T12:00:01.000000Z"}
    assert found[0]["process"] == ""


def test_rows_can_be_chosen(store, put):
    """By time and device."""
    put({DnsLookup: dns(5)})
    put({DnsLookup: dns(5, device="b", at=NOON + timedelta(days=1))}, rejects=reject())
    since = NOON + timedelta(seconds=2)
    assert exported(store, "dns", ExportFormat.CSV, since=since)[0] == 8
    assert exported(store, "dns", ExportFormat.CSV, since=since, until=NOON + timedelta(seconds=4))[0] == 2
    assert exported(store, "dns", ExportFormat.NDJSON, device_ids=["b"])[0] == 5
    assert exported(store, "dns", ExportFormat.PARQUET, device_ids=["nobody"])[0] == 0
    with pytest.raises(StoreError, match="no column device_id"):
        exported(store, FeedReject.table, ExportFormat.CSV, device_ids=["b"])


def test_what_cannot_be_exported_is_said(store, put):
    """No such table; a file missing."""
    with pytest.raises(StoreError, match="none yet"):
        exported(store, "dns", ExportFormat.CSV)
    put({DnsLookup: dns(1)})
    with pytest.raises(StoreError, match="no table nds; there are dns"):
        exported(store, "nds", ExportFormat.CSV)
    Path(store.table("dns").uri, store.table("dns").snapshot().files[0].path).unlink()
    with pytest.raises(StoreError):
        exported(store, "dns", ExportFormat.CSV)


def test_columns_of_other_versions_are_exported(store, put):
    """What a later version stored is not lost on the way out."""
    put({DnsLookup: dns(1)})
    table = store.table("dns")
    rows = dns(1, first=1).append_column("later", pa.array(["kept"]))
    table.append(rows, *_days(rows), list(rows.column_names), None, every_day=False)
    _, data = exported(store, "dns", ExportFormat.NDJSON)
    assert sorted(str(json.loads(line)["later"]) for line in data.splitlines()) == ["None", "kept"]


def _days(rows):
    from farmwatch.store.days import day_numbers

    return (day_numbers(rows.column("ts"), rows.num_rows, NOON),)
