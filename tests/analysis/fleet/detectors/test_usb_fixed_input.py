"""UsbFixedInput: hit, near miss and no data for each grade."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.usb_fixed_input import UsbFixedInput
from farmwatch.records import PowerEvent, RosterEntry, UsbDevice
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = UsbFixedInput()


def listed(pid, kinds, *, days=range(5), event="present", **values):
    return [UsbDevice(device_id="lt-1", ts=at(day, 10), event=event, vendor_id=0x1234, product_id=pid, hid_kinds=kinds,
                      **values) for day in days]  # fmt: skip


BOX = listed(1, "keyboard,pointer")
MOUSE = listed(2, "mouse")


def test_the_only_input_that_never_leaves_is_found():
    """Every day, never unplugged, nothing beside it but what is built in."""
    inside = [*listed(3, "keyboard", removable=False), *listed(4, "mouse", class_name="hid i2c")]
    assert answers(DETECTOR, [*BOX, *inside]) == {"lt-1": "only input"}


@pytest.mark.parametrize(("days", "said"), [((2,), "on the only day with"), (range(5), "on all 5 days with")])
def test_days_are_counted_in_words(days, said):
    """One day is not all of several, where so few are asked for."""
    found = judged(UsbFixedInput(least_days=1), listed(1, "keyboard,pointer", days=days))
    assert [said in one.summary for one in found.hits["lt-1"]] == [True]


def test_beside_other_input_it_weighs_less():
    """A mouse on the desk speaks of a person, not much."""
    assert answers(DETECTOR, [*BOX, *MOUSE]) == {"lt-1": "fixed pointer"}
    assert answers(DETECTOR, [*BOX, *listed(2, "mouse", class_name="hid bluetooth")]) == {"lt-1": "fixed pointer"}


@pytest.mark.parametrize(
    "rows",
    [
        listed(0xC52B, "keyboard,mouse,consumer"),
        listed(1, "keyboard,pointer,digitizer"),
        [*BOX, *listed(1, "keyboard,pointer", days=(3,), event="removed")],
        [*listed(1, "keyboard,pointer", days=(0, 1, 3)), *MOUSE],
        listed(1, "keyboard,pointer", removable=False),
        listed(1, "keyboard,pointer", class_name="hid virtual injected"),
        [*BOX, RosterEntry(device_id="lt-1", ts=at(-9), accommodation=True)],
        [*BOX, RosterEntry(device_id="lt-1", ts=at(-9), approved_tools="pikvm")],
        [*listed(1, "keyboard"), *listed(2, "pointer")],
    ],
    ids=[
        "receiver",
        "tablet",
        "unplugged",
        "away for a day",
        "built in",
        "a program's",
        "arrangement",
        "approved",
        "two things",
    ],
)
def test_input_of_people_is_not(rows):
    """Receivers move by steps, tablets are pens, and what people use is unplugged some day."""
    assert answers(DETECTOR, rows) == {"lt-1": "clear"}


def test_a_look_or_two_and_feeds_without_reports_are_no_data():
    """Two days are one stay, and a feed that does not tell pointers apart cannot say."""
    assert answers(DETECTOR, listed(1, "keyboard,pointer", days=(0, 1))) == {"lt-1": "no data"}
    assert answers(DETECTOR, listed(1, None, interfaces="030101,030000")) == {"lt-1": "no data"}
    assert answers(DETECTOR, [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]) == {"lt-2": "no data"}
