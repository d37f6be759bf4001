"""Record tables as Arrow and back."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from farmwatch.records import NETWORK_TABLES, TELEMETRY_TABLES, DnsLookup, FeedReject, Rows, Table, UsbDevice
from farmwatch.records.arrow import arrow_schema, empty_arrow, from_arrow, to_arrow

NOON = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("record", [*TELEMETRY_TABLES, *NETWORK_TABLES, FeedReject], ids=lambda record: record.table)
def test_every_table_goes_there_and_back(record):
    """Values, absent values and types stay as they are."""
    values = {"datetime": NOON, "int": 7, "float": 1.5, "bool": True, "str": "x"}
    full = {name: values[column.type.__name__] for name, column in record.columns.items()}
    bare = {name: None if column.absent else full[name] for name, column in record.columns.items()}
    table = Table.from_rows(record, [record(**full), record(**bare)])
    arrow = to_arrow(table)
    assert arrow.schema.equals(arrow_schema(record))
    assert arrow.to_pylist() == [full, bare]
    assert list(from_arrow(arrow, record).rows()) == list(table.rows())
    assert len(from_arrow(empty_arrow(record), record)) == 0


def test_a_column_of_later_is_absent_and_a_needed_one_is_missed():
    """Old files lack new columns; what always has a value must be there."""
    rows = Rows(DnsLookup)
    rows.add(device_id="a", ts=NOON, name="x")
    arrow = to_arrow(rows.table())
    assert from_arrow(arrow.drop_columns(["answers"]), DnsLookup).row(0).answers is None
    with pytest.raises(ValueError, match="name is missing"):
        from_arrow(arrow.drop_columns(["name"]), DnsLookup)
    holes = arrow.set_column(0, "device_id", pa.array([None], pa.string()))
    with pytest.raises(ValueError, match="without a value"):
        from_arrow(holes, DnsLookup)


def test_a_truth_may_be_unknown():
    """False is not the same as not reported."""
    rows = Rows(UsbDevice)
    for known in (True, False, None):
        rows.add(device_id="a", ts=NOON, event="present", removable=known)
    table = rows.table()
    assert [row.removable for row in table.rows()] == [True, False, None]
    assert table.present("removable").tolist() == [True, True, False]
    assert to_arrow(table)["removable"].to_pylist() == [True, False, None]
