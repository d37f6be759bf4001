"""USB descriptors: the Comet as its dump describes it, macOS signatures, country codes taken out, broken bytes."""

from __future__ import annotations

import random

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.hardware.usb import (
    HidFunction,
    blank_country,
    class_triplet,
    decode_descriptors,
    decode_signature,
    speed_word,
)
from tests.wire.hardware.devices import COMET_USB, Function, usb

COMET_SIGNATURE = bytes.fromhex("6b1d040100014341464542414245000000e001030a0000030101030000080650")


def test_comet():
    """Every fact of the published lsusb dump that survives in the sysfs bytes."""
    seen = decode_descriptors(COMET_USB)
    assert (seen.vendor_id, seen.product_id, seen.bcd_usb, seen.bcd_device) == (0x1D6B, 0x0104, 0x0200, 0x0100)
    assert (seen.manufacturer_index, seen.product_index, seen.serial_index, seen.triplet) == (1, 2, 3, "000000")
    (configuration,) = seen.configurations
    assert (configuration.attributes, configuration.max_power_ma, configuration.name_index) == (0xA0, 250, 4)
    assert configuration.triplets == ("e00103", "0a0000", "030101", "030000", "080650", "080650")
    keyboard, pointer = configuration.interfaces[2:4]
    assert keyboard.hid == HidFunction(0x0101, localized=False, report_bytes=65)
    assert (pointer.hid.report_bytes, pointer.name_index, pointer.endpoints[0].interval) == (73, 11, 4)
    assert seen.complete


def test_power_unit_follows_the_version():
    """A USB 3 device counts its current in steps of 8 mA."""
    data = usb(1, 2, [], bcd_usb=0x0310, power_ma=250)
    assert decode_descriptors(data).configurations[0].max_power_ma == 1000


def test_alternate_settings_are_not_counted_twice():
    """A second setting of an interface adds no class to the list."""
    alternate = bytearray(Function((1, 2, 0)).descriptors(0))
    alternate[3] = 1
    data = usb(1, 2, [Function((1, 2, 0))]) + bytes(alternate)
    configuration = decode_descriptors(data).configurations[0]
    assert len(configuration.interfaces) == 2
    assert configuration.triplets == ("010200",)


@pytest.mark.parametrize("cut", [18, 27, 40, len(COMET_USB) - 1])
def test_cut_short_is_not_complete(cut):
    """What was read before the cut stays."""
    seen = decode_descriptors(COMET_USB[:cut])
    assert seen.product_id == 0x0104
    assert not seen.complete


@pytest.mark.parametrize("data", [b"", COMET_USB[:17], b"\x09" + COMET_USB[1:], b"\x12\x02" + COMET_USB[2:]])
def test_no_device_descriptor(data):
    """Without the device descriptor there is nothing to say."""
    with pytest.raises(DecodeError, match="device descriptor"):
        decode_descriptors(data)


def test_country_code_leaves_no_layout():
    """Only whether a keyboard names a country is kept, in the record and in blanked bytes."""
    data = usb(1, 2, [Function((3, 1, 1), report_bytes=63, country=code) for code in (0, 8, 33)])
    assert [part.hid.localized for part in decode_descriptors(data).configurations[0].interfaces] == [False, True, True]
    blanked = blank_country(data)
    assert len(blanked) == len(data)
    differences = [(old, new) for old, new in zip(data, blanked, strict=True) if old != new]
    assert differences == [(8, 255), (33, 255)]
    assert decode_descriptors(blanked) == decode_descriptors(data)


def test_bytes_that_cannot_be_walked_are_left_out():
    """A broken length could hide a country code, so nothing behind it is kept."""
    data = usb(1, 2, [Function((3, 1, 1), report_bytes=63, country=33)])
    assert blank_country(data[:27] + b"\x00" + data[27:]) == data[:27]


def test_macos_signature():
    """The signature of a Comet as the I/O registry shows it."""
    seen = decode_signature(COMET_SIGNATURE, "CAFEBABE")
    assert (seen.vendor_id, seen.product_id, seen.bcd_device, seen.triplet) == (0x1D6B, 0x0104, 0x0100, "000000")
    assert seen.interfaces == ("e00103", "0a0000", "030101", "030000", "080650")
    with pytest.raises(DecodeError, match="signature"):
        decode_signature(COMET_SIGNATURE, "ANOTHER1")
    with pytest.raises(DecodeError, match="signature"):
        decode_signature(COMET_SIGNATURE[:-1], "CAFEBABE")


def test_words():
    """Triplets and speeds as everybody writes them."""
    assert class_triplet(3, 1, 1) == "030101"
    assert [speed_word(speed) for speed in ("1.5", "12", "480\n", "5000", "9")] == ["low", "full", "high", "super", ""]


def test_any_bytes_give_a_value_or_decode_error():
    """10,000 mutated descriptors: never another exception, and blanking keeps the length or cuts."""
    rng = random.Random(3)
    values = 0
    for _ in range(10_000):
        data = bytearray(COMET_USB)
        for _ in range(rng.choice((1, 4, 16))):
            data[rng.randrange(2 if rng.random() < 0.95 else 0, len(data))] = rng.choice(
                (0, 1, 255, rng.randrange(256))
            )
        data = data[: rng.randrange(len(data))] if rng.random() < 0.2 else data
        assert len(blank_country(bytes(data))) <= len(data)
        try:
            values += decode_descriptors(bytes(data)).max_packet >= 0
        except DecodeError:
            continue
    assert values > 5000
