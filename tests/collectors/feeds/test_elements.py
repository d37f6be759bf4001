"""Elements of snapshots: each is used, rejected or not needed; values of the wrong kind cost their row."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from farmwatch.collectors.feeds.contract import Fault
from farmwatch.collectors.feeds.documents import Misfit
from farmwatch.collectors.feeds.elements import Elements, bytes_of, list_of, object_of, text_of
from farmwatch.records import UsbDevice

NOW = datetime(2026, 10, 5, 8, tzinfo=UTC)


def known(**values):
    return {"device_id": "d", "ts": NOW, "event": "present", **values}


def test_account():
    """Four elements: two rows of one, a fault, something not needed, and one nobody spoke of."""
    elements = Elements()
    indexes = [elements.new(number) for number in (7, 8, 9, 10)]
    elements.row(UsbDevice, indexes[0], known(product="a"))
    elements.row(UsbDevice, indexes[0], known(product="b"))
    elements.reject(indexes[1], "broken")
    elements.unneeded(indexes[2], "other")
    elements.dropped["name"] += 2
    parsed = elements.finish()
    assert parsed.balanced()
    assert (parsed.records, parsed.used, parsed.rejects) == (4, 1, [Fault("broken", 8)])
    assert parsed.unneeded == {"other": 1, "nothing in it for farmwatch": 1}
    assert parsed.tables[UsbDevice].column("product").to_pylist() == ["a", "b"]
    assert parsed.dropped == {"name": 2}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"a": 1}, "usb_devices.vendor_id: expected a plain value"),
        ([1], "usb_devices.vendor_id: expected a plain value"),
        (b"x", "usb_devices.vendor_id: expected a plain value"),
        ("x", "usb_devices.vendor_id: expected a whole number"),
        (2**63, "usb_devices.vendor_id: expected a whole number"),
    ],
)
def test_values_of_the_wrong_kind(value, reason):
    """The row is not made, and the reason names the column."""
    elements = Elements()
    elements.row(UsbDevice, elements.new(1), known(vendor_id=value))
    assert [fault.reason for fault in elements.finish().rejects] == [reason]


def test_a_fault_beside_a_row():
    """An element that gave a row is used; its fault is told as partial."""
    elements = Elements()
    index = elements.new(3)
    elements.row(UsbDevice, index, known())
    elements.reject(index, "half of it")
    parsed = elements.finish()
    assert (parsed.used, parsed.rejects, parsed.partial) == (1, [], [Fault("half of it", 3)])


def test_pieces():
    """Nothing is empty; anything else than asked for is a misfit."""
    assert (list_of(None, "x"), object_of(None, "x"), text_of(None, "x"), bytes_of(None, "x")) == ([], {}, "", b"")
    assert bytes_of("0x00fF", "x") == b"\x00\xff"
    for check, value in (
        (list_of, {}), (list_of, [0] * 20_001), (object_of, []), (text_of, 1), (text_of, "\ud800"), (bytes_of, "0"),
        (bytes_of, "zz"), (bytes_of, "00" * (1 << 20) + "00"),
    ):  # fmt: skip
        with pytest.raises(Misfit, match="x: "):
            check(value, "x")
