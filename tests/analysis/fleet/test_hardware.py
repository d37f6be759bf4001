"""What is plugged into devices, reduced: rows that say the same are one, and rows about one thing are put together."""

from __future__ import annotations

import pytest

from farmwatch.records import Display, UsbDevice
from tests.analysis.fleet.fleets import at, fleet_of


def usb(*, day=1, event="present", **values):
    return UsbDevice(device_id="lt-1", ts=at(day), event=event, **({"vendor_id": 0x1234, "product_id": 1} | values))


def things(rows):
    with fleet_of(rows) as fleet:
        return fleet.rows("SELECT *, bit_count(days) AS on_days FROM usb_things ORDER BY vendor_id, product_id")


def test_what_is_told_again_and_again_is_one_row():
    """A list of every hour says the same; how often and on how many days is kept."""
    rows = [usb(day=day / 24, product="Keyboard") for day in range(72)]
    with fleet_of(rows) as fleet:
        (row,) = fleet.rows("SELECT *, bit_count(days) AS on_days FROM usb_seen")
    assert (row["n"], row["on_days"], row["moves"]) == (72, 3, 0)
    assert (row["first"], row["last"]) == (at(0), at(71 / 24))


def test_lists_count_in_the_window_and_events_for_thirty_days():
    """What was listed before the window may be gone; what came is not told again."""
    rows = [usb(day=-3), usb(day=-20, event="attached", product_id=2), usb(day=-22, event="driver", product_id=3)]
    assert [row["product_id"] for row in things(rows)] == [2, 3]


def test_windows_rows_of_a_composite_device_are_one_thing():
    """Interfaces, input devices and the drive behind it, which is named by its parent alone."""
    rows = [
        usb(instance_path="USB\\VID_1234&PID_0001&MI_00\\6&1", interfaces="030101"),
        usb(instance_path="HID\\VID_1234&PID_0001&MI_01\\7&1", class_name="Mouse"),
        usb(vendor_id=None, product_id=None, instance_path="USBSTOR\\CdRom&Ven_A_B&Prod_C&Rev_1\\8&1",
            parent="USB\\VID_1234&PID_0001&MI_02\\6&1"),
    ]  # fmt: skip
    (thing,) = things(rows)
    assert [thing[name] for name in ("keyboard", "mouse", "storage", "pointer", "whole")] == [
        True, True, True, False, False,
    ]  # fmt: skip
    with fleet_of(rows) as fleet:
        (drive,) = fleet.rows("SELECT scsi_vendor, scsi_product FROM usb_seen WHERE storage")
    assert drive == {"scsi_vendor": "A B", "scsi_product": "C"}


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"hid_kinds": "keyboard,pointer"}, {"keyboard", "pointer"}),
        ({"interfaces": "030101,030102"}, {"keyboard", "mouse"}),
        ({"hid_kinds": "digitizer"}, {"pen"}),
        ({"interfaces": "e00103,0a0000"}, {"network"}),
        ({"interfaces": "ff0000,020600"}, {"network"}),
        ({"interfaces": "010100,0e0100"}, {"audio", "video"}),
        ({"device_class": "090001"}, {"hub"}),
        ({"class_name": "DiskDrive"}, {"storage"}),
        ({"class_name": "Camera"}, {"video"}),
        ({"interfaces": "ff0801,e00101"}, set()),
        ({}, set()),
    ],
)
def test_what_a_thing_can_do(values, what):
    """By interfaces, by input reports or by the system's class, whichever a feed tells."""
    (thing,) = things([usb(**values)])
    known = ("keyboard", "mouse", "pointer", "pen", "storage", "network", "audio", "video", "hub")
    assert {name for name in known if thing[name]} == what


def test_displays_are_one_row_for_all_that_is_said_of_them():
    """Over thirty days; another serial number is another display."""
    rows = [Display(device_id="lt-1", ts=at(day), vendor="DEL", serial_text=serial)
            for serial, days in (("A", (1, 2)), ("B", (-20,)), ("C", (-40,))) for day in days]  # fmt: skip
    with fleet_of(rows) as fleet:
        found = fleet.rows("SELECT serial_text, n, bit_count(days) AS on_days FROM screens ORDER BY serial_text")
    assert found == [{"serial_text": "A", "n": 2, "on_days": 2}, {"serial_text": "B", "n": 1, "on_days": 1}]
