"""HID report descriptors: kinds, ranges and hashes, and descriptors that do not hold together."""

from __future__ import annotations

import random

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.hardware.hid import InputKind, decode_report_descriptor
from tests.wire.hardware.devices import (
    ABSOLUTE_POINTER,
    BOOT_MOUSE,
    CONSUMER,
    KERNEL_KEYBOARD,
    SYSTEM,
    TOUCH,
    VENDOR,
)

KINDS = {
    InputKind.KEYBOARD: KERNEL_KEYBOARD,
    InputKind.MOUSE: BOOT_MOUSE,
    InputKind.POINTER: ABSOLUTE_POINTER,
    InputKind.CONSUMER: CONSUMER,
    InputKind.SYSTEM: SYSTEM,
    InputKind.TOUCH: TOUCH,
    InputKind.VENDOR: VENDOR,
}


@pytest.mark.parametrize(("kind", "data"), KINDS.items(), ids=[kind.value for kind in KINDS])
def test_kind(kind, data):
    """Each descriptor is one application of its kind."""
    assert decode_report_descriptor(data).kinds == (kind,)


def test_hash_of_the_kernel_sample():
    """The keyboard of the kernel's documentation has the hash by which JetKVM's keyboard is known."""
    seen = decode_report_descriptor(KERNEL_KEYBOARD)
    assert (seen.size, seen.short_hash) == (63, "81c9b5a7d7ecf4b9")
    assert seen.sha256.startswith(seen.short_hash)
    assert (seen.applications[0].leds, seen.applications[0].input_bits) == (5, 64)


def test_absolute_pointer_in_full():
    """Range, buttons and wheel of a pointer that sends positions."""
    (seen,) = decode_report_descriptor(ABSOLUTE_POINTER).applications
    assert (seen.usage_page, seen.usage, seen.x_range, seen.y_range) == (1, 2, (0, 32767), (0, 32767))
    assert (seen.buttons, seen.wheel, seen.horizontal_wheel, seen.report_ids) == (8, True, False, ())


def test_only_the_relative_flag_separates_mouse_and_pointer():
    """The same descriptor with the flag set is a mouse."""
    assert ABSOLUTE_POINTER.count(b"\x95\x02\x81\x02") == 1
    relative = ABSOLUTE_POINTER.replace(b"\x95\x02\x81\x02", b"\x95\x02\x81\x06")
    assert decode_report_descriptor(relative).kinds == (InputKind.MOUSE,)


def test_several_applications_with_report_ids():
    """A combined keyboard has one application per collection, numbered reports and all."""
    numbered = KERNEL_KEYBOARD.replace(b"\xa1\x01", b"\xa1\x01\x85\x01", 1)
    seen = decode_report_descriptor(numbered + CONSUMER + SYSTEM)
    assert seen.kinds == (InputKind.KEYBOARD, InputKind.CONSUMER, InputKind.SYSTEM)
    assert [application.report_ids for application in seen.applications] == [(1,), (3,), (4,)]


def test_an_array_of_usages_is_no_wheel():
    """A volume control that could name any consumer usage does not have a horizontal wheel."""
    assert not decode_report_descriptor(CONSUMER).applications[0].horizontal_wheel


def test_global_states_are_kept_and_taken_back():
    """Push and pop bring the usage page back."""
    pushed = b"\x05\x01\xa4\x05\x0c\xb4\x09\x06\xa1\x01\xc0"
    assert decode_report_descriptor(pushed).kinds == (InputKind.KEYBOARD,)


def test_long_items_are_passed_over():
    """A long item is skipped by its length."""
    assert decode_report_descriptor(b"\xfe\x02\x10\xaa\xbb" + BOOT_MOUSE).kinds == (InputKind.MOUSE,)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "0 bytes"),
        (KERNEL_KEYBOARD[:-1], "inside a collection"),
        (b"\xc0", "did not open"),
        (b"\x05\x01", "without an application"),
        (b"\x05", "cut short"),
        (b"\xfe\x05\x00\x00", "cut short"),
        (b"\xb4", "did not keep"),
        (b"\xa4" * 65, "kept"),
        (b"\xa1\x01" * 65, "deep"),
        (b"\xa1\x01\xc0" * 257, "application collections"),
        (b"\x77\xff\xff\xff\xff", "bits"),
        (b"\x97\xff\xff\xff\xff", "fields"),
        (b"\x00" * 65_536, "65536 bytes"),
    ],
)
def test_what_does_not_hold_together(data, reason):
    """Every way to break a descriptor is told."""
    with pytest.raises(DecodeError, match=reason):
        decode_report_descriptor(data)


def test_a_usage_range_of_billions_costs_nothing():
    """Usage minimum 0 to maximum 4294967295 is bounded."""
    bomb = b"\x0b\x00\x00\x00\x00\xa1\x01" + b"\x1b\x00\x00\x01\x00\x2b\xff\xff\xff\xff" * 5000 + b"\x81\x02\xc0"
    assert decode_report_descriptor(bomb).applications


def test_any_bytes_give_a_value_or_decode_error():
    """10,000 mutated descriptors: never another exception."""
    rng = random.Random(2)
    values = 0
    for _ in range(10_000):
        data = bytearray(b"".join(rng.sample(list(KINDS.values()), rng.randrange(1, 4))))
        for _ in range(rng.choice((1, 2, 8))):
            at = rng.randrange(len(data))
            change = rng.randrange(3)
            if change == 0:
                data[at] = rng.randrange(256)
            elif change == 1:
                del data[at]
            else:
                data.insert(at, rng.choice((0xA1, 0xC0, 0x85, 0xFE, 0x27, 0x97, rng.randrange(256))))
        try:
            values += bool(decode_report_descriptor(bytes(data)).kinds)
        except DecodeError:
            continue
    assert values > 1000
