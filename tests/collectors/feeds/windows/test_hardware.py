"""Devices in Windows' logs."""

from __future__ import annotations

import pytest

from farmwatch.collectors.feeds.windows.hardware import class_name
from farmwatch.records import Display, UsbDevice
from tests import windows_log
from tests.collectors.feeds.golden import account, parsed, rows

KIND = "windows-events"


def told(*cases):
    return parsed(KIND, windows_log.lines(windows_log.dump, windows_log.events(cases)))


def new(path, **fields):
    return (windows_log.SECURITY, 6416, {"DeviceId": path, "ClassName": "USB", **fields}, {})


def test_classes_of_a_device_and_of_an_interface():
    """A whole device says DevClass, an interface Class; the most exact of its ids counts."""
    ids = "\n\t\tUSB\\Class_08&SubClass_06&Prot_50\n\t\tUSB\\Class_08&SubClass_06\n\t\tUSB\\Class_08"
    first, second, third = rows(
        told(
            new("USB\\VID_1D6B&PID_0104&MI_02\\6&1", CompatibleIds=ids),
            new("USB\\VID_1D6B&PID_0104\\1", CompatibleIds="USB\\DevClass_00&SubClass_00&Prot_00"),
            new("HID\\VID_1D6B&PID_0104\\1", CompatibleIds="USB\\Class_03&SubClass_01&Prot_01"),
        ),
        UsbDevice,
    )
    assert (first["interfaces"], first.get("device_class")) == ("080650", None)
    assert (second["device_class"], second.get("interfaces")) == ("000000", None)
    assert not {"interfaces", "device_class"} & third.keys()


def test_what_a_bluetooth_device_or_phone_is_called_is_not_kept():
    """They are called after their owners; the count says that something was left behind."""
    stretches = told(
        new("BTHENUM\\DEV_001122334455\\7&1", DeviceDescription="Anna's headphones", ClassName="Bluetooth"),
        new("USB\\VID_05AC&PID_12A8&MI_00\\1", DeviceDescription="Anna's phone", ClassName="WPD"),
        new("USB\\VID_046D&PID_C52B\\1", DeviceDescription="USB Composite Device"),
    )
    assert [row.get("product") for row in rows(stretches, UsbDevice)] == [None, None, "USB Composite Device"]
    assert account(stretches)[2]["DeviceDescription"] == 2


def test_a_display_by_its_pnp_id():
    """Maker and product code; a driver's name is not the display's."""
    found = rows(
        told(
            new("DISPLAY\\GSM5B08\\4&1&0&UID1", DeviceDescription="Generic PnP Monitor", ClassName="Monitor"),
            new("DISPLAY\\DEL40A9\\4&1&0&UID2", DeviceDescription="Generic Monitor (DELL U2415)", ClassName="Monitor"),
            (windows_log.PNP, 410, {"DeviceInstanceId": "DISPLAY\\LNX7773\\4&1"}, {}),
        ),
        Display,
    )
    assert [(row["vendor"], row["product_code"], row.get("name")) for row in found] == [
        ("GSM", 0x5B08, None), ("DEL", 0x40A9, "DELL U2415"), ("LNX", 0x7773, None),
    ]  # fmt: skip


@pytest.mark.parametrize(("number", "event"), [(400, "driver"), (410, "attached"), (411, "driver"), (420, "removed")])
def test_what_happened(number, event):
    """Configured, started, failed, removed."""
    (row,) = rows(told((windows_log.PNP, number, {"DeviceInstanceId": "USB\\VID_534D&PID_2109\\1"}, {})), UsbDevice)
    assert (row["event"], row["vendor_id"]) == (event, 0x534D)


def test_an_event_without_a_device_is_rejected():
    """It says nothing."""
    rejects, _, _ = account(told((windows_log.PNP, 410, {"DriverName": "x.inf"}, {})))
    assert rejects == [("Kernel-PnP 410: names no device", 1)]


def test_setup_classes():
    """Known GUIDs have a word; others stay as they are."""
    assert class_name("{4D36E96B-E325-11CE-BFC1-08002BE10318}") == "Keyboard"
    assert class_name("5630831C-06C9-4856-B327-F5D32586E060") == "5630831c-06c9-4856-b327-f5d32586e060"
    assert class_name("") is None
