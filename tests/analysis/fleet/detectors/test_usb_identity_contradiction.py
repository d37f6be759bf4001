"""UsbIdentityContradiction: hit, near miss and no data for each grade."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.usb_identity_contradiction import UsbIdentityContradiction
from farmwatch.records import PowerEvent, RosterEntry, UsbDevice
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = UsbIdentityContradiction()


def usb(device="lt-x", vid=0x03F0, pid=0x034A, **values):
    """A keyboard of an ordinary model."""
    given = {
        "manufacturer": "HP", "product": "HP Elite Keyboard", "bcd_device": 0x0101, "device_class": "000000",
        "interfaces": "030101,030000", "hid_kinds": "keyboard,consumer", "hid_reports": "aaaa,bbbb", "speed_mbps": 1.5,
    }  # fmt: skip
    return UsbDevice(device_id=device, ts=at(1), event="present", vendor_id=vid, product_id=pid, **(given | values))


UNITS = [usb(f"lt-{number:02}") for number in range(12)]


def of_x(rows):
    return answers(DETECTOR, rows)["lt-x"]


@pytest.mark.parametrize(
    ("row", "grade"),
    [
        (usb(speed_mbps=480.0), "speed"),
        (usb(interfaces="030101,030000,080650"), "build"),
        (usb(hid_kinds="keyboard,pointer"), "build"),
        (usb(speed_mbps=480.0, interfaces="030101,080650", hid_reports="cccc"), "several"),
        (usb(hid_reports="aaaa,dddd"), "descriptor"),
        (usb(device_class="ef0201"), "class"),
        (usb(serial="HPK12345678"), "serial"),
        (usb(serial="HPK12345678", hid_reports="aaaa,dddd"), "details"),
    ],
)
def test_a_unit_unlike_the_others_is_found(row, grade):
    """The fleet's own units say how a product is built."""
    found = answers(DETECTOR, [*UNITS, row])
    assert found.pop("lt-x") == grade
    assert set(found.values()) == {"clear"}


@pytest.mark.parametrize(
    ("row", "grade"),
    [
        (usb(vid=0x046D, pid=0xC31C, manufacturer="Logitech", product="USB Keyboard", speed_mbps=480.0), "speed"),
        (usb(vid=0x046D, pid=0xC31C, manufacturer="Logitech", serial="LGK00000001"), "serial"),
        (usb(vid=0x046D, pid=0xC52B, manufacturer="Logitech", serial="1", speed_mbps=480.0), "several"),
        (usb(vid=0x1D6B, pid=0x0104, manufacturer="Logitech, Inc.", product="Device"), "gadget"),
        (usb(vid=0x1D6B, pid=0x0104, manufacturer=None, product="Dell KB216 Wired Keyboard"), "gadget"),
        (usb(vid=0x046D, pid=0x0001, manufacturer="Dell"), "maker"),
    ],
)
def test_some_contradictions_need_no_other_units(row, grade):
    """What is known of the products that disguises copy most, and who holds which vendor id."""
    assert answers(DETECTOR, [row]) == {"lt-x": grade}


@pytest.mark.parametrize(
    "row",
    [
        usb(),
        usb(bcd_device=0x0300, hid_reports="eeee"),
        usb(vid=0x046D, pid=0xC31C, manufacturer="Logitech", product="USB Keyboard"),
        usb(vid=0x046D, pid=0xC52B, manufacturer="Logitech", product="USB Receiver", speed_mbps=12.0),
        usb(vid=0x1D6B, pid=0x0104, manufacturer="Raspberry Pi", product="Gadget"),
        usb(vid=0x1D6B, pid=0x0002, manufacturer="Dell", product="xHCI Host Controller"),
        usb(vid=0x1D6B, pid=0x0104, manufacturer="Microsoft", instance_path="HID\\VID_1D6B&PID_0104\\7"),
        usb(vid=0x17EF, pid=0x6099, manufacturer="Lenovo", product="Traditional USB Keyboard", serial="77"),
        usb(vid=0x04D9, pid=0x1702, manufacturer="Dell"),
    ],
    ids=["same", "new revision", "plain keyboard", "receiver", "hobby gadget", "root hub", "driver's maker", "no units",
         "built for a brand"],
)  # fmt: skip
def test_units_that_fit_are_not(row):
    """A new revision, an unknown product and a driver's name contradict nothing."""
    assert of_x([*UNITS, row]) == "clear"


def test_a_mouse_that_is_another_is_told_with_jigglers():
    """A jiggler under a mouse's numbers is no KVM, and a camera's new build is nothing."""

    def mouse(device, **values):
        return usb(device, pid=0x0941, interfaces="030102", hid_kinds="mouse", **values)

    mice = [mouse(f"lt-{number:02}") for number in range(12)]
    found = judged(DETECTOR, [*mice, mouse("lt-x", hid_reports="ffff")]).hits["lt-x"][0]
    assert (found.grade, found.group) == ("mouse", "jiggler")
    cameras = [usb(f"lt-{number:02}", pid=0x0942, interfaces="0e0100", hid_kinds=None) for number in range(12)]
    assert of_x([*cameras, usb(pid=0x0942, interfaces="0e0100", hid_kinds=None, serial="1")]) == "clear"


def test_a_phone_that_shares_its_connection_is_no_other_build():
    """Phones show a network card when they are told to."""
    phones = [usb(f"lt-{number:02}", pid=0x12A8, interfaces="060101,ff0000", hid_kinds=None) for number in range(12)]
    assert of_x([*phones, usb(pid=0x12A8, interfaces="060101,020d00", hid_kinds=None, speed_mbps=480.0)]) == "clear"


def test_gadgets_of_one_number_are_no_product():
    """Every maker of boards uses the same vendor and product id for something else."""
    board = {"vid": 0x1D6B, "pid": 0x0104, "manufacturer": "Maker", "product": "Board"}
    boards = [usb(f"lt-{number:02}", **board) for number in range(12)]
    assert of_x([*boards, usb(interfaces="030101,080650", hid_kinds="keyboard,pointer", **board)]) == "clear"


def test_few_units_say_nothing():
    """Two units that differ may be two builds."""
    assert of_x([*UNITS[:3], usb(interfaces="030101,080650")]) == "clear"


def test_two_builds_sold_side_by_side_are_not_odd():
    """Where a third of the units have a disc, the maker sells them so."""
    other = [usb(f"ot-{number}", interfaces="030101,080650") for number in range(6)]
    assert of_x([*UNITS, *other, usb(interfaces="030101,080650")]) == "clear"


def test_an_arrangement_explains_small_differences():
    """An aid for somebody with a disability may copy a keyboard's numbers; a false speed remains and is told so."""
    declared = RosterEntry(device_id="lt-x", ts=at(-30), accommodation=True)
    assert of_x([*UNITS, usb(serial="1"), declared]) == "clear"
    assert "arrangement" in judged(DETECTOR, [*UNITS, usb(speed_mbps=480.0), declared]).hits["lt-x"][0].summary


def test_without_usb_rows_there_is_no_data():
    """Nothing is known of a device that tells no USB devices."""
    assert answers(DETECTOR, [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]) == {"lt-2": "no data"}
