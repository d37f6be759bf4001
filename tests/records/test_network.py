"""What captures show, as rows."""

from __future__ import annotations

import pytest

from farmwatch.records import NETWORK_TABLES

BY_NAME = {record.table: record for record in NETWORK_TABLES}


@pytest.mark.parametrize("record", NETWORK_TABLES, ids=lambda record: record.table)
def test_every_row_says_where_it_was_seen(record):
    """The number of its input, and, but for sums over an input, packet or flow or time."""
    assert record.columns["input"].type is int
    if record.table not in ("inputs", "rejects"):
        assert {"packet", "first_packet", "first_ts", "ts"} & record.columns.keys()


@pytest.mark.parametrize("record", NETWORK_TABLES, ids=lambda record: record.table)
def test_units_are_in_the_declaration(record):
    """A number of milliseconds, seconds or bytes says so."""
    units = {"_ms": "ms", "_s": "s", "_bytes": "B"}
    for name, declared in record.columns.items():
        for ending, unit in units.items():
            if name.endswith(ending) and declared.type in (int, float):
                assert declared.unit == unit, name


def test_flows_speak_of_both_sides_alike():
    """Every fact about the originator exists about the responder."""
    names = BY_NAME["flows"].columns
    assert {name for name in names if name.startswith("orig_")} == {
        f"orig_{name.removeprefix('resp_')}" for name in names if name.startswith("resp_")
    }


def test_no_payload_is_stored():
    """Header facts and counts only: no table has a column of bytes."""
    assert not [record.table for record in NETWORK_TABLES for one in record.columns.values() if one.type is bytes]
