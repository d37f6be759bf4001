"""Exports of udev: a real one of an emulated machine as text, the same records as JSON, and what is left behind."""

from __future__ import annotations

import json
import random

import pytest

from farmwatch.collectors.feeds.contract import Sample
from farmwatch.collectors.feeds.udev import UdevExport
from farmwatch.records import PowerEvent, UsbDevice
from tests.collectors.feeds.golden import account, check_golden, parsed, rows, samples

KIND = "udev"


def usb(**properties):
    return {"DEVPATH": "/devices/usb1/1-2", "SUBSYSTEM": "usb", "DEVTYPE": "usb_device", **properties}


def text(properties):
    lines = [f"P: {properties['DEVPATH']}", *(f"E: {name}={value}" for name, value in properties.items())]
    return "\n".join(lines) + "\n\n"


def seen(data, record=UsbDevice):
    return rows(parsed(KIND, data.encode(), device_id="d"), record)


def test_golden():
    """The samples give what they gave; keyboard layouts and names of wireless mice are left behind."""
    check_golden(KIND, device_id="LT-0142")


def test_recognised():
    """By the device path that text begins with, or the fields that every JSON record has."""
    assert UdevExport().recognises(Sample("x", b"", (), ("P: /devices/LNXSYSTM:00",)))
    assert UdevExport().recognises(Sample("x", b"", (usb(),), ()))
    assert not UdevExport().recognises(Sample("x", b"", ({"DEVPATH": "/x"},), ("P: x",)))


def test_gadget_of_the_real_export():
    """The composite device of the emulated machine, as udev's rules described it."""
    export = next(path for path in samples(KIND) if path.suffix == ".txt").read_text()
    gadget = next(row for row in seen(export) if row.get("serial") == "CAFEBABE")
    assert (gadget["vendor_id"], gadget["product_id"], gadget["bcd_device"]) == (0x1D6B, 0x0104, 0x0100)
    assert (gadget["manufacturer"], gadget["product"]) == ("PiKVM", "PiKVM Composite Device")
    assert (gadget["interfaces"], gadget["device_class"]) == ("030101,030000,080650", "000000")
    assert (gadget["port_path"], gadget["parent"]) == ("3-1", "usb3")


def test_text_and_json_say_the_same():
    """One record, written both ways."""
    properties = usb(PRODUCT="46d/c31c/6403", ID_VENDOR_ENC="Logi\\x20tech", ID_SERIAL_SHORT="1", TYPE="0/0/0")
    assert seen(text(properties)) == seen(json.dumps(properties)) != []
    assert seen(json.dumps(properties))[0]["manufacturer"] == "Logi tech"


def test_numbers_that_udev_puts_for_names_are_none():
    """A device without strings is shown by udev under its numbers; it has no name."""
    (row,) = seen(
        text(
            usb(PRODUCT="46d/c31c/6403", ID_VENDOR_ENC="046d", ID_VENDOR_ID="046d", ID_MODEL="c31c", ID_MODEL_ID="c31c")
        )
    )
    assert not {"manufacturer", "product", "serial"} & row.keys()


def test_an_export_without_its_device_is_rejected():
    """The export names no device; without one nothing can be kept."""
    rejects, _, _ = account(parsed(KIND, text(usb()).encode()))
    assert rejects == [("the export does not name its device: say which it is", 1)]


def test_lines_of_another_shape():
    """A record with such a line is rejected at its first line, the next one is read."""
    data = text(usb()) + "P: /devices/x\nhello\n\n" + "E: A=B\n\n" + text(usb())
    rejects, unneeded, _ = account(parsed(KIND, data.encode(), device_id="d"))
    reason = "not a record of udevadm's: no device path, or a line of another shape"
    assert rejects == [(reason, 6), (reason, 9)]
    assert unneeded == {}
    assert len(seen(data)) == 2


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"POWER_SUPPLY_TYPE": "Mains", "POWER_SUPPLY_ONLINE": "0"}, {"on_mains": False}),
        (
            {"POWER_SUPPLY_TYPE": "Battery", "POWER_SUPPLY_CAPACITY": "55", "POWER_SUPPLY_CYCLE_COUNT": "0"},
            {"battery_pct": 55.0},
        ),
        ({"POWER_SUPPLY_TYPE": "Battery", "POWER_SUPPLY_CAPACITY": "5", "POWER_SUPPLY_SCOPE": "Device"}, None),
        ({"POWER_SUPPLY_TYPE": "Battery", "POWER_SUPPLY_CAPACITY": "?"}, None),
    ],
)  # fmt: skip
def test_power(properties, expected):
    """Mains and the device's own battery; a mouse's battery is passed over."""
    found = seen(text({"DEVPATH": "/devices/p", "SUBSYSTEM": "power_supply", **properties}), PowerEvent)
    plain = [{name: value for name, value in row.items() if name not in ("device_id", "ts", "event")} for row in found]
    assert plain == ([expected] if expected else [])


def test_last_record_without_a_blank_line():
    """The end of the file ends a record as well."""
    assert len(seen(text(usb()).rstrip("\n"))) == 1


def test_ten_thousand_mutations():
    """Whatever the lines say: rows or rejects, every record accounted for."""
    rng = random.Random(12)
    export = next(path for path in samples(KIND) if path.suffix == ".txt").read_text().strip().split("\n\n")
    bent = []
    for _ in range(10_000):
        record = list(rng.choice(export))
        for _ in range(rng.choice((0, 1, 3))):
            at = rng.randrange(len(record))
            record[at] = rng.choice(("\n", "\0", "=", ":", "\ud7ff", "é", "\\x", record[at] * 9, ""))
        bent.append("".join(record))
    stretches = parsed(KIND, "\n\n".join(bent).encode(), device_id="d")
    assert sum(one.records for one in stretches) >= 10_000
    assert sum(one.used for one in stretches) > 300
    choices = {
        "DEVPATH": ("/x", 1, None),
        "SUBSYSTEM": ("usb", "hid", [], "power_supply"),
        "DEVTYPE": ("usb_device",),
        "PRODUCT": ("1/2", "1/2/3", "g/2/3", 5, "9" * 99 + "/1/1"),
        "TYPE": ("0/0/0", "9999/0/0", {}, "-1/0/0"),
        "HID_ID": ("0005:1:2", "::", 3),
        "POWER_SUPPLY_TYPE": ("Battery",),
        "POWER_SUPPLY_CAPACITY": ("9" * 40, "x", "\u0663"),
    }
    as_json = [json.dumps({name: rng.choice(values) for name, values in choices.items()}) for _ in range(2000)]
    stretches = parsed(KIND, "\n".join(as_json).encode(), device_id="d")
    assert sum(one.records for one in stretches) == 2000
