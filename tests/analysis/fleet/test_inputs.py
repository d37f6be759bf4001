"""Input devices: what they are, what they did by day, and whom the roster excuses."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.inputs import excused
from tests.analysis.fleet.fleets import fleet_of
from tests.analysis.fleet.inputs import BUILT_IN, attached, declared, window, windows


@pytest.mark.parametrize(
    ("source", "usb", "role"),
    [
        ("injected", None, "injected"),
        (BUILT_IN, None, "built in"),
        ("0002:0007", None, "built in"),
        ("046d:c31c", None, "unknown"),
        ("046d:c31c", {}, "usb"),
        ("046D:C31C", {"removable": True}, "usb"),
        ("05ac:0281", {"removable": False}, "built in"),
        ("04f3:2b7c", {"class_name": "hid i2c"}, "built in"),
        ("046d:b35b", {"class_name": "hid bluetooth"}, "bluetooth"),
        (BUILT_IN, {"removable": True}, "usb"),
    ],
)
def test_what_an_input_device_is(source, usb, role):
    """By its numbers and by where it hangs; what is plugged in is never taken for built in."""
    rows = [window("lt-1", 1, 9, source, presses=1)]
    if usb is not None:
        rows.append(attached("lt-1", source, **usb))
    with fleet_of(rows) as fleet:
        assert [row["role"] for row in fleet.rows("SELECT role FROM input_sources")] == [role]


def test_the_same_ids_on_usb_and_inside_are_taken_for_usb():
    """A box that copies a touchpad."""
    rows = [window("lt-1", 1, 9, "04f3:2b7c", clicks=1), attached("lt-1", "04f3:2b7c", class_name="hid i2c"),
            attached("lt-1", "04f3:2b7c", removable=True, hid_kinds="keyboard,pointer")]  # fmt: skip
    with fleet_of(rows) as fleet:
        assert fleet.rows("SELECT role, box FROM input_sources") == [{"role": "usb", "box": True}]


def test_days_count_what_may_be_counted():
    """Lost reports leave clumps out, jigglers motion, and few presses a grid."""
    rows = [
        *windows("lt-1", 2, BUILT_IN, presses=30, clicks=1, moves=7, clumped_presses=4, stalls=1, lattice_ms=100.0),
        window("lt-1", 0, 2, BUILT_IN, presses=30, clumped_presses=9, stalls=5, lost_reports=2),
        window("lt-1", 0, 3, BUILT_IN, moves=80, jiggle_period_s=15.0),
        window("lt-1", 0, 4, BUILT_IN, presses=5, lattice_ms=100.0),
        window("lt-1", 0, 5, BUILT_IN, presses=-7, clicks=2**62, moves=-1),
    ]
    with fleet_of(rows) as fleet:
        (day,) = fleet.rows("SELECT * FROM input_days")
    assert (day["windows"], day["presses"], day["clicks"], day["moves"]) == (6, 95, 1_000_002, 14)
    assert (day["lossy"], day["jiggling"], day["sound_presses"]) == (1, 1, 65)
    assert (day["clumped"], day["stalls"], day["tested"], day["gridded"]) == (8, 2, 60, 60)


def test_what_the_roster_explains():
    """An arrangement, or a KVM approved for this device; other tools excuse no input."""
    rows = [declared("lt-1", accommodation=True), declared("lt-2", approved_tools="anydesk,pikvm")]
    with fleet_of([*rows, declared("lt-3", approved_tools="anydesk"), declared("lt-4")]) as fleet:
        assert excused(fleet) == {
            "lt-1": "the roster says that an arrangement explains unusual input",
            "lt-2": "the roster approves a remote KVM on it",
        }
