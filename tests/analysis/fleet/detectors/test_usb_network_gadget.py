"""UsbNetworkGadget: hit, near miss and no data for each grade."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.usb_network_gadget import UsbNetworkGadget
from farmwatch.records import DeviceFact, PowerEvent, RosterEntry, UsbDevice
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = UsbNetworkGadget()
RNDIS = "e00103,0a0000"


def usb(vid=0x1D6B, pid=0x0104, *, day=2, hour=12, **values):
    return UsbDevice(device_id="lt-1", ts=at(day, hour), event="attached", vendor_id=vid, product_id=pid, **values)


def issued(day):
    return RosterEntry(device_id="lt-1", ts=at(-90), issued=at(day))


BOARD = usb(interfaces=RNDIS)


@pytest.mark.parametrize(
    ("rows", "grade"),
    [
        ([BOARD, issued(2)], "first day"),
        ([BOARD, issued(-5)], "first weeks"),
        ([BOARD, issued(-60)], "gadget"),
        ([BOARD], "gadget"),
        ([usb(0x0525, 0xA4A2, interfaces="020600,0a0000")], "gadget"),
        ([usb(0x1234, 1, product="Raspberry Pi USB Gadget", class_name="Net")], "gadget"),
        ([usb(interfaces="080650"), issued(2)], "first day"),
    ],
)
def test_boards_that_pose_as_something_are_found(rows, grade):
    """The sooner after a laptop was handed out, the more it says."""
    assert answers(DETECTOR, rows) == {"lt-1": grade}


def test_the_first_report_of_a_new_device_stands_for_its_issue():
    """A device that turns up among others is new; one that is there from the feed's first day is not known to be."""
    others = DeviceFact(device_id="lt-0", ts=at(-40))
    found = answers(DETECTOR, [BOARD, others, DeviceFact(device_id="lt-1", ts=at(2, 11))])
    assert found["lt-1"] == "first day"
    assert answers(DETECTOR, [BOARD, DeviceFact(device_id="lt-1", ts=at(2, 11))]) == {"lt-1": "gadget"}


def test_what_came_earlier_counts_from_then():
    """A board that was there long before the window is no news after an issue."""
    early = usb(day=-80, interfaces=RNDIS)
    assert answers(DETECTOR, [BOARD, early, issued(1)]) == {"lt-1": "gadget"}


def test_the_summary_says_how_soon():
    """Hours on the first days, days after."""
    assert "12 hours after it was handed out" in judged(DETECTOR, [BOARD, issued(2)]).hits["lt-1"][0].summary
    assert "as disc, 12 hours" in judged(DETECTOR, [usb(interfaces="080650"), issued(2)]).hits["lt-1"][0].summary


@pytest.mark.parametrize(
    "row",
    [
        usb(0x04E8, 0x6863, interfaces=RNDIS, manufacturer="SAMSUNG"),
        usb(0x05AC, 0x12A8, interfaces="060101,fffe02", class_name="Net"),
        usb(0x0BDA, 0x8153, interfaces="020600,0a0000", product="USB 10/100/1000 LAN"),
        usb(0x2E8A, 0x000A, interfaces="020201,0a0000", product="Pico"),
        usb(0x1D6B, 0x0002, interfaces="090000"),
        usb(0x0781, 0x5581, interfaces="080650"),
    ],
    ids=["phone", "another phone", "dock", "board as serial port", "root hub", "stick"],
)
def test_ordinary_network_cards_and_discs_are_not(row):
    """They have their own makers' ids."""
    assert answers(DETECTOR, [row, issued(2)]) == {"lt-1": "clear"}


def test_without_usb_rows_there_is_no_data():
    """Nothing is known of a device that tells no USB devices."""
    assert answers(DETECTOR, [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]) == {"lt-2": "no data"}


def test_an_approved_kvm_is_clear():
    """Those that bring files over do it as a disc."""
    assert answers(DETECTOR, [BOARD, RosterEntry(device_id="lt-1", ts=at(-9), approved_tools="pikvm")]) == {
        "lt-1": "clear"
    }
