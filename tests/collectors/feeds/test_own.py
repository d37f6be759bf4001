"""farmwatch's own tables as files."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from farmwatch.collectors.feeds.contract import Context, Sample
from farmwatch.collectors.feeds.own import OwnTable
from farmwatch.collectors.feeds.registry import kind_of
from farmwatch.errors import SourceError
from farmwatch.records import Process, RosterEntry, Sighting, SignIn, UsbDevice

CONTEXT = Context("x", datetime(2026, 11, 1, tzinfo=UTC), b"p" * 32)
ROW = {"device_id": "lt-1", "ts": "2026-11-01T12:00:00Z", "event": "present", "vendor_id": 0x1D6B, "removable": True}


def read(record, data, context=CONTEXT):
    parsed = list(OwnTable(record).read(io.BytesIO(data), context))
    assert all(one.balanced() for one in parsed)
    return parsed, [row for one in parsed for table in one.tables.values() for row in table.to_pylist()]


def parquet(rows):
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def csv(rows):
    return "\n".join([",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]).encode()


@pytest.mark.parametrize(
    "data",
    [json.dumps(ROW).encode(), json.dumps([ROW]).encode(), csv([ROW]), parquet([ROW])],
    ids=["lines", "array", "csv", "parquet"],
)
def test_every_form_gives_the_same_row(data):
    """JSON, CSV and Parquet are spellings of one thing."""
    _, rows = read(UsbDevice, data)
    assert len(rows) == 1
    assert {name: rows[0][name] for name in ("device_id", "event", "vendor_id", "removable")} == {
        "device_id": "lt-1", "event": "present", "vendor_id": 0x1D6B, "removable": True,
    }  # fmt: skip
    assert rows[0]["ts"] == datetime(2026, 11, 1, 12, tzinfo=UTC)


def test_columns_we_do_not_have_are_counted_not_kept():
    """A sender may be ahead of us; a keyboard layout has no place here."""
    parsed, rows = read(UsbDevice, json.dumps({**ROW, "keyboard_layout": "xx", "table": "usb_devices"}).encode())
    assert parsed[0].dropped == {"keyboard_layout": 1}
    assert "keyboard_layout" not in rows[0]


def test_accounts_are_hidden_once():
    """Accounts never come in as they are, and what is hidden stays the same."""
    row = {
        "ts": ROW["ts"],
        "provider": "okta",
        "event": "sign-in",
        "account": "Some.Body@example.com",
        "outcome": "success",
    }
    _, rows = read(SignIn, json.dumps(row).encode())
    assert rows[0]["account"] == CONTEXT.hide("some.body@example.com ")
    _, again = read(SignIn, json.dumps({**row, "account": rows[0]["account"]}).encode())
    assert again[0]["account"] == rows[0]["account"]
    _, roster = read(
        RosterEntry, json.dumps({"device_id": "a", "ts": ROW["ts"], "accounts": "x@y.example, z@y.example"}).encode()
    )
    assert roster[0]["accounts"] == f"{CONTEXT.hide('x@y.example')},{CONTEXT.hide('z@y.example')}"


def test_neighbours_paths_and_arguments_are_cleaned():
    """What concerns families, folders and secrets does not come in."""
    near = {"device_id": "a", "ts": ROW["ts"], "kind": "neighbour", "value": "04:c9:8b:00:00:01"}
    gateway = {**near, "kind": "gateway_mac"}
    _, rows = read(Sighting, (json.dumps(near) + "\n" + json.dumps(gateway)).encode())
    assert rows[0]["value"] == CONTEXT.hide("04:c9:8b:00:00:01")
    assert rows[1]["value"] == "04:c9:8b:00:00:01"
    run = {
        "device_id": "a",
        "ts": ROW["ts"],
        "event": "started",
        "name": "x",
        "path": r"C:\Users\who\x.exe",
        "arguments": "x --pin=1234",
    }
    _, rows = read(Process, json.dumps(run).encode())
    assert rows[0]["path"] == r"C:\Users\*\x.exe"
    assert rows[0]["arguments"] == "--pin"


def test_the_device_may_come_from_outside():
    """A file that names no device takes the one that was named for it."""
    bare = {name: value for name, value in ROW.items() if name != "device_id"}
    parsed, rows = read(UsbDevice, json.dumps(bare).encode())
    assert not rows
    assert parsed[0].rejected == 1
    _, rows = read(UsbDevice, json.dumps(bare).encode(), Context("x", CONTEXT.received, b"p", "named"))
    assert rows[0]["device_id"] == "named"


@pytest.mark.parametrize(
    ("sample", "kind"),
    [
        (Sample("x", b"", ({"table": "displays", "device_id": "a"},), ()), "displays"),
        (Sample("usb_devices.ndjson", b"", ({"device_id": "a", "product": "b"},), ()), "usb_devices"),
        (Sample("x.csv", b"", (), ("device_id,ts,person,place,household",)), "roster"),
        (Sample("x.json", b"", ({"device_id": "a", "ts": 1, "foo": 2},), ()), None),
        (Sample("power.parquet", b"PAR1", (), ()), "power"),
        (Sample("notes.txt", b"hello", (), ("hello, world",)), None),
    ],
)
def test_the_table_is_told_by_name_or_columns(sample, kind):
    """What it says of itself first, then the file's name, then the columns."""
    found = kind_of(sample)
    assert (found.kind if found else None) == kind


def test_what_is_no_parquet_says_so():
    """The reason names what was expected."""
    with pytest.raises(SourceError, match="Parquet"):
        read(UsbDevice, b"PAR1" + b"x" * 100)


@pytest.mark.parametrize("before", ["\n" * 10, "\ufeff\r\n  "])
def test_blank_lines_before_json_do_not_make_it_csv(before):
    """What follows tells the form."""
    _, rows = read(UsbDevice, (before + json.dumps(ROW)).encode())
    assert len(rows) == 1


def test_a_text_without_a_column_of_ours_is_not_swallowed_as_a_header():
    """A lone line that names nothing is said to be none."""
    with pytest.raises(SourceError, match="no column"):
        read(UsbDevice, b"some line\n")


def test_a_parquet_column_of_another_type_has_no_values():
    """Rows are rejected for what is missing; nothing crashes."""
    parsed, rows = read(UsbDevice, parquet([{**ROW, "ts": {"a": 1}, "serial": [1]}]))
    assert not rows
    assert parsed[0].rejected == 1
