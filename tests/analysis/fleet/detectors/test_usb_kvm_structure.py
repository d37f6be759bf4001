"""UsbKvmStructure: hit, near miss and no data for each grade."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.usb_kvm_structure import UsbKvmStructure
from farmwatch.analysis.profile import Profile
from farmwatch.records import PowerEvent, RosterEntry, UsbDevice
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = UsbKvmStructure()
KEYBOARD, POINTER_IF, MOUSE_IF, DISC = "030101", "030000", "030102", "080650"


def usb(vid=0x046D, pid=0xC31C, *, device="lt-1", **values):
    return UsbDevice(device_id=device, ts=at(1), event="present", vendor_id=vid, product_id=pid, **values)


def kvm(**values):
    """A KVM that calls itself a keyboard of a well-known maker."""
    given = {
        "manufacturer": "Logitech", "product": "USB Keyboard", "interfaces": "030101,030000,080650",
        "hid_kinds": "keyboard,pointer", "speed_mbps": 480.0,
    }  # fmt: skip
    return usb(**(given | values))


@pytest.mark.parametrize(
    ("row", "grade"),
    [
        (kvm(hid_reports="1111111111111111,3a71a5a23705ee80"), "report descriptor"),
        (usb(hid_reports="406e9a7433451eed"), "report descriptor"),
        (kvm(), "remote-control composite"),
        (kvm(interfaces="030101,030000", interface_strings="HID Interface,HID Interface", hid_kinds=None),
         "gadget keyboard"),
        (kvm(interfaces="e00103,0a0000,030101,080650", hid_kinds="keyboard"), "several traits"),
        (kvm(interfaces="010100,030101,080650", hid_kinds="keyboard,mouse"), "several traits"),
        (kvm(interfaces="030101,030000"), "several traits"),
        (kvm(interfaces="030101,030000", speed_mbps=12.0), "pointing keyboard"),
        (kvm(interfaces="030101,030102", hid_kinds="keyboard,mouse", bcd_usb=0x200, bcd_device=0x100, max_power_ma=250),
         "gadget constants"),
        (kvm(hid_kinds="keyboard,mouse"), "class mix"),
        (usb(hid_reports="5333cc3a23db1dd7", hid_kinds="keyboard"), "shared descriptor"),
        (usb(0x2E8A, 0x0003, interfaces="030101", hid_kinds="keyboard"), "board keyboard"),
        (kvm(interfaces="030101", hid_kinds="keyboard"), "fast keyboard"),
    ],
)  # fmt: skip
def test_how_a_kvm_is_built_is_found(row, grade):
    """Each trait counts by how few other things have it."""
    assert answers(DETECTOR, [row]) == {"lt-1": grade}


@pytest.mark.parametrize(
    "row",
    [
        usb(interfaces="030101,030000", hid_kinds="keyboard,consumer", speed_mbps=1.5),
        usb(0x046D, 0xC52B, interfaces="030101,030102,030000", hid_kinds="keyboard,mouse,vendor", speed_mbps=12.0),
        usb(0x0781, 0x5581, interfaces="080650", speed_mbps=480.0),
        usb(0x0B0E, 0x24C7, interfaces="010100,010200,030000,080650", hid_kinds="consumer,vendor", speed_mbps=12.0),
        usb(0x17EF, 0xA387, interfaces="020600,0a0000,030000", hid_kinds="vendor", speed_mbps=480.0),
        usb(0x17EF, 0xA391, device_class="090002", interfaces="090001,090002", speed_mbps=480.0),
        usb(0x256C, 0x006D, interfaces="030101,030102,030000", hid_kinds="keyboard,digitizer,pointer", speed_mbps=12.0),
        usb(0x05E0, 0x1200, interfaces="030101", hid_kinds="keyboard", speed_mbps=12.0),
        usb(0x04E8, 0x6863, interfaces="e00103,0a0000,ff4201", speed_mbps=480.0),
        usb(0x222A, 0x0001, interfaces="030000", hid_kinds="touch,pointer", speed_mbps=12.0),
        usb(0x1234, 0x5678, hid_kinds="keyboard", hid_reports="81c9b5a7d7ecf4b9", class_name="hid virtual injected"),
        usb(0x2E8A, 0x000A, interfaces="020201,0a0000", speed_mbps=12.0),
    ],
    ids=["keyboard", "receiver", "stick", "headset with disc", "dock's network card", "dock's hub", "drawing tablet",
         "barcode scanner", "phone", "touch screen", "program", "board without keys"],
)  # fmt: skip
def test_ordinary_things_of_desks_are_not(row):
    """They have the same parts, and not together."""
    assert answers(DETECTOR, [row]) == {"lt-1": "clear"}


def test_a_product_that_is_made_so_is_not_odd():
    """A gaming keyboard that brings a disc does so on every desk; one among many that do not is odd."""
    sold = [kvm(device=f"lt-{number}", hid_kinds="keyboard,mouse") for number in range(12)]
    assert set(answers(DETECTOR, sold).values()) == {"clear"}
    plain = [usb(device=f"lt-{number}", interfaces="030101", hid_kinds="keyboard") for number in range(12)]
    found = answers(DETECTOR, [*plain, kvm(device="lt-x", hid_kinds="keyboard,mouse")])
    assert {device for device, answer in found.items() if answer == "class mix"} == {"lt-x"}


def test_windows_tells_a_device_in_several_rows():
    """Interfaces, input devices and drives of one composite device are put together, a drive by its parent."""
    path = "USB\\VID_046D&PID_C31C"
    rows = [
        usb(instance_path=f"{path}&MI_00\\6&1", interfaces=KEYBOARD, class_name="HIDClass"),
        usb(instance_path=f"{path}&MI_01\\6&1", interfaces="010100", class_name="MEDIA"),
        UsbDevice(device_id="lt-1", ts=at(1), event="attached", class_name="DiskDrive", parent=f"{path}&MI_02\\6&1",
                  instance_path="USBSTOR\\Disk&Ven_X&Prod_Y\\7&1"),
    ]  # fmt: skip
    assert answers(DETECTOR, rows) == {"lt-1": "several traits"}


def test_an_arrangement_softens_and_is_named():
    """A switch device may look alike, so weak traits are silent and stronger ones weigh less."""
    declared = RosterEntry(device_id="lt-1", ts=at(-30), accommodation=True)
    assert answers(DETECTOR, [kvm(interfaces="030101,030000", speed_mbps=12.0), declared]) == {"lt-1": "clear"}
    found = judged(DETECTOR, [kvm(), declared]).hits["lt-1"][0]
    assert found.grade == "several traits"
    assert "an arrangement for unusual input is declared" in found.summary
    assert answers(DETECTOR, [kvm(hid_reports="3a71a5a23705ee80"), declared]) == {"lt-1": "report descriptor"}


def test_names_alone_are_no_data():
    """A feed that says only who made a device says nothing of how it is built."""
    assert answers(DETECTOR, [usb()]) == {"lt-1": "no data"}
    assert answers(DETECTOR, [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]) == {"lt-2": "no data"}


def test_an_approved_kvm_is_nothing():
    """By the roster for one device, by the profile where the descriptor is an approved product's own."""
    row = kvm(hid_reports="1111111111111111,3a71a5a23705ee80")
    roster = RosterEntry(device_id="lt-1", ts=at(-9), approved_tools="pikvm")
    assert answers(DETECTOR, [row, roster]) == {"lt-1": "no data"}
    with_own = Profile(approved_tools=frozenset({"pikvm", "glinet-comet", "jetkvm", "nanokvm", "tinypilot", "blikvm"}))
    assert answers(DETECTOR, [row], profile=with_own) == {"lt-1": "clear"}
    assert answers(DETECTOR, [kvm()], profile=with_own) == {"lt-1": "remote-control composite"}
