"""Rows on their way out: checked, and every record accounted for."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from farmwatch.collectors.feeds.contract import Fault, Parsed
from farmwatch.collectors.feeds.output import LONGEST_TEXT, Output
from farmwatch.records import DnsLookup, UsbDevice
from farmwatch.records.arrow import arrow_schema

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def output(count):
    return Output(np.arange(1, count + 1, dtype=np.int64))


def test_rows_have_the_schema_and_blank_text_has_no_value():
    """Columns left out are empty; a plain value stands for all rows."""
    out = output(2)
    out.add(UsbDevice, {"device_id": ["a", "b"], "ts": NOON, "event": "present", "serial": ["", "S"]})
    parsed = out.finish()
    table = parsed.tables[UsbDevice]
    assert table.schema.equals(arrow_schema(UsbDevice))
    assert table["serial"].to_pylist() == [None, "S"]
    assert (parsed.records, parsed.used, parsed.rejected) == (2, 2, 0)
    assert parsed.balanced()


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("device_id", None, "usb_devices.device_id is missing"),
        ("device_id", "", "usb_devices.device_id is missing"),
        ("ts", None, "usb_devices.ts is missing"),
        ("ts", datetime(1999, 1, 1, tzinfo=UTC), "between the years"),
        ("ts", datetime(2150, 1, 1, tzinfo=UTC), "between the years"),
        ("serial", "x" * (LONGEST_TEXT + 1), "longer than"),
        ("speed_mbps", float("inf"), "finite"),
    ],
)
def test_a_bad_value_rejects_its_record_alone(column, value, said):
    """The reason names the column; the neighbour stays."""
    columns = {
        "device_id": ["a", "b"],
        "ts": [NOON, NOON],
        "event": ["x", "y"],
        "serial": ["s", "t"],
        "speed_mbps": [1.0, 2.0],
    }
    columns[column][1] = value
    out = output(2)
    out.add(UsbDevice, {name: pa.array(v, arrow_schema(UsbDevice).field(name).type) for name, v in columns.items()})
    parsed = out.finish()
    assert parsed.tables[UsbDevice]["device_id"].to_pylist() == ["a"]
    assert parsed.rejects[0].offset == 2
    assert said in parsed.rejects[0].reason
    assert parsed.balanced()


def test_a_record_is_used_if_any_of_its_rows_is():
    """Rows lost from a record that gave others are partial faults and count no record twice."""
    out = output(2)
    out.add(DnsLookup, {"device_id": ["a", "a", "a"], "ts": NOON, "name": ["x", None, "y"]}, rows=np.array([0, 0, 1]))
    parsed = out.finish()
    assert parsed.used == 2
    assert parsed.rejects == []
    assert [fault.offset for fault in parsed.partial] == [1]
    assert parsed.balanced()


def test_rejected_unneeded_and_silent_records_are_all_counted():
    """What nobody spoke of counts as not needed; a record is counted once whatever was said of it."""
    out = output(5)
    out.before(Parsed(records=1, rejects=[Fault("not JSON", 9)]))
    out.reject([0, 0], "wrong")
    out.unneeded(np.array([True, True, False, False, False]), "heartbeat")
    out.add(DnsLookup, {"device_id": ["a"], "ts": NOON, "name": ["x"]}, rows=np.array([4]))
    parsed = out.finish()
    assert parsed.records == 6
    assert parsed.used == 1
    assert parsed.rejected == 2
    assert parsed.unneeded == {"heartbeat": 1, "nothing in it for farmwatch": 2}
    assert parsed.balanced()


def test_many_faults_of_one_reason_are_summed():
    """The first ones have their numbers, the rest are one count."""
    out = output(1000)
    out.reject(np.arange(1000), "wrong")
    parsed = out.finish()
    assert parsed.rejected == 1000
    assert len(parsed.rejects) < 100
    assert parsed.rejects[0].offset == 1


def test_a_column_that_does_not_exist_is_a_bug():
    """A feed cannot misspell a column unnoticed."""
    with pytest.raises(ValueError, match="no column wrong"):
        output(1).add(DnsLookup, {"wrong": ["x"]})
