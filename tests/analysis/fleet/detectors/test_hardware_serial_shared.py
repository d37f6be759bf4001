"""HardwareSerialShared: hit, near miss and no data for each grade."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.hardware_serial_shared import HardwareSerialShared
from farmwatch.records import Display, PowerEvent, RosterEntry, UsbDevice
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = HardwareSerialShared()
TOWNS = {"A": (40.7, -74.0), "B": (41.9, -87.6), "C": (34.0, -118.2), "near A": (40.8, -74.1)}


def owner(device, town, **values):
    latitude, longitude = TOWNS[town]
    given = {"person": f"p-{device}", "place": town, "latitude": latitude, "longitude": longitude}
    return RosterEntry(device_id=device, ts=at(-90), **(given | values))


def screen(device, *, days=(1, 2, 3), **values):
    given = {"vendor": "PHL", "product_code": 0xC233, "name": "PHL 342E2", "serial_text": "UK02143099999"}
    return [Display(device_id=device, ts=at(day, 9), **(given | values)) for day in days]


def keyboard(device, serial="KB7731A"):
    return [UsbDevice(device_id=device, ts=at(day, 9), event="present", vendor_id=0x03F0, product_id=0x0224,
                      hid_kinds="keyboard", serial=serial) for day in (1, 2)]  # fmt: skip


def of_one(rows):
    return answers(DETECTOR, rows)["lt-1"]


PAIR = [owner("lt-1", "A"), owner("lt-2", "B")]


def test_one_monitor_in_two_places_is_found_on_both():
    """Two laptops declared far apart have the same monitor on the same days."""
    found = answers(DETECTOR, [*PAIR, *screen("lt-1"), *screen("lt-2")])
    assert found == {"lt-1": "two places", "lt-2": "two places"}


def test_a_single_day_may_be_a_visit():
    """Somebody came with the laptop; three places on one day are no visit."""
    day = [*PAIR, *screen("lt-1"), *screen("lt-2", days=(1,))]
    assert of_one(day) == "one day"
    assert of_one([*day, owner("lt-3", "C"), *screen("lt-3", days=(1,))]) == "several places"


def test_more_places_weigh_more():
    """Three places at once are no visit."""
    rows = [*PAIR, owner("lt-3", "C"), *screen("lt-1"), *screen("lt-2"), *screen("lt-3")]
    assert set(answers(DETECTOR, rows).values()) == {"several places"}
    found = judged(DETECTOR, rows).hits["lt-1"][0]
    assert "2 other laptops" in found.summary
    assert "3 different places" in found.summary
    assert "lt-2, lt-3" in found.observed


def test_keyboards_count_like_monitors():
    """A keyboard's serial number is as good as a monitor's."""
    assert of_one([*PAIR, *keyboard("lt-1"), *keyboard("lt-2")]) == "two places"


@pytest.mark.parametrize(
    "rows",
    [
        [*PAIR, *screen("lt-1"), *screen("lt-2", days=(4, 5, 6))],
        [owner("lt-1", "A"), owner("lt-2", "near A"), *screen("lt-1"), *screen("lt-2")],
        [owner("lt-1", "A", household="h"), owner("lt-2", "B", household="h"), *screen("lt-1"), *screen("lt-2")],
        [owner("lt-1", "A", person="p"), owner("lt-2", "B", person="p"), *screen("lt-1"), *screen("lt-2")],
        [owner("lt-1", "A", site="office"), owner("lt-2", "B"), *screen("lt-1"), *screen("lt-2")],
        [owner("lt-1", "A"), owner("lt-2", "B", travel="2026-03-01/2026-03-09 A"), *screen("lt-1"), *screen("lt-2")],
        [*PAIR, *screen("lt-1", serial_text=None, serial_number=0x01010101),
         *screen("lt-2", serial_text=None, serial_number=0x01010101)],
        [*PAIR, *screen("lt-1", serial_text="CAFEBABE"), *screen("lt-2", serial_text="CAFEBABE")],
        [*PAIR, *screen("lt-1", serial_text="00000000"), *screen("lt-2", serial_text="00000000")],
        [*PAIR, *screen("lt-1", serial_text=None), *screen("lt-2", serial_text=None)],
        [*PAIR, *screen("lt-1", internal=True), *screen("lt-2", internal=True)],
        [*PAIR, *keyboard("lt-1", "0123456789ABCDEF"), *keyboard("lt-2", "0123456789ABCDEF")],
        [*PAIR, *keyboard("lt-1", "12345678"), *keyboard("lt-2", "12345678")],
    ],
    ids=["passed on", "next town", "household", "one person's two laptops", "hot desk", "declared travel",
         "left blank by the maker", "a KVM's own", "zeros", "no serial", "built in", "a sample's", "typed"],
)  # fmt: skip
def test_ordinary_sharing_is_not(rows):
    """Things move between colleagues, households and desks, and makers repeat numbers."""
    assert of_one(rows) == "clear"


def test_a_number_printed_on_most_units_says_nothing():
    """A cheap model with one serial number for all."""
    rows = [row for number in range(8) for row in
            (owner(f"lt-{number}", "ABC"[number % 3]), *screen(f"lt-{number}"))]  # fmt: skip
    assert of_one(rows) == "clear"


def test_without_coordinates_the_names_of_places_are_compared():
    """A roster may hold words only."""
    bare = {"latitude": None, "longitude": None}
    rows = [owner("lt-1", "A", **bare), owner("lt-2", "B", **bare), *screen("lt-1"), *screen("lt-2")]
    assert of_one(rows) == "two places"
    same = [owner("lt-1", "A", **bare), owner("lt-2", "A", place=" a ", **bare), *screen("lt-1"), *screen("lt-2")]
    assert of_one(same) == "clear"


def test_without_things_or_a_declared_place_there_is_no_data():
    """Both are needed to say that a thing is where it should not be."""
    silent = PowerEvent(device_id="lt-3", ts=at(1), event="boot")
    found = judged(DETECTOR, [owner("lt-1", "A"), *screen("lt-1"), *screen("lt-2"), silent])
    assert list(found.unseen[:, 0]) == [False, True, True]
    assert found.coverage[0].no_data == {
        "no rows in displays or usb_devices": 1, "the roster declares no place for it": 1,
    }  # fmt: skip
