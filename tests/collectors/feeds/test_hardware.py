"""Columns out of the bytes of hardware; broken bytes give a fault in words and what could be read."""

from __future__ import annotations

from farmwatch.collectors.feeds.hardware import display_columns, hid_columns, joined, usb_columns
from tests.wire.hardware.devices import (
    ABSOLUTE_POINTER,
    COMET_CTA,
    COMET_EDID,
    COMET_USB,
    CONSUMER,
    JETKVM_EDID,
    KERNEL_KEYBOARD,
    edid,
)


def test_display():
    """Identity, mode, size and the hash of each block."""
    columns, fault = display_columns(COMET_EDID)
    assert fault == ""
    assert (columns["vendor"], columns["name"], columns["week"], columns["year"]) == ("DEL", "DELL P2422H", 20, 2021)
    assert (columns["width"], columns["height"], columns["refresh_hz"]) == (1920, 1080, 60.0)
    assert (columns["extensions"], columns["extensions_present"], columns["sound"]) == (1, 1, True)
    assert (
        display_columns(edid("LNX", 1, "X", extensions=[COMET_CTA]))[0]["extension_sha256"]
        == columns["extension_sha256"]
    )


def test_an_announced_block_that_is_missing_is_not_sound():
    """JetKVM's old default announces a block it does not carry."""
    columns, _ = display_columns(JETKVM_EDID)
    assert (columns["extensions"], columns["extensions_present"], columns["sound"]) == (1, 0, False)
    assert (columns["extension_sha256"], columns["serial_text"]) == (None, None)


def test_usb():
    """Structure of the first configuration."""
    columns, fault = usb_columns(COMET_USB)
    assert fault == ""
    assert columns["interfaces"] == "e00103,0a0000,030101,030000,080650,080650"
    assert (columns["bcd_usb"], columns["max_power_ma"], columns["attributes"]) == (0x200, 250, 0xA0)
    cut, fault = usb_columns(COMET_USB[:60])
    assert (cut["product_id"], fault) == (0x104, "usb descriptors: not complete")


def test_hid():
    """Hashes in the order of the interfaces, each kind once; a broken one is told and costs the others nothing."""
    columns, fault = hid_columns([KERNEL_KEYBOARD, b"", ABSOLUTE_POINTER, CONSUMER, KERNEL_KEYBOARD])
    assert columns["hid_reports"].split(",")[::3] == ["81c9b5a7d7ecf4b9"] * 2
    assert (columns["hid_kinds"], fault) == ("keyboard,pointer,consumer", "")
    columns, fault = hid_columns([b"\xa1", KERNEL_KEYBOARD])
    assert (columns["hid_kinds"], fault) == ("keyboard", "report descriptor: item 0xa1 at 0 is cut short")


def test_nothing():
    """No bytes, no columns, no fault."""
    assert display_columns(b"") == usb_columns(b"") == ({}, "")
    assert hid_columns([]) == ({"hid_reports": None, "hid_kinds": None}, "")


def test_joined():
    """Commas inside a text do not make two of it; length is bounded."""
    assert joined(["a,b", "c"]) == "a;b,c"
    assert len(joined(["x" * 500] * 500)) < 4096
    assert joined([]) is None
