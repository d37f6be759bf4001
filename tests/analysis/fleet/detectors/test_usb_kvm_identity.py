"""UsbKvmIdentity: hit, near miss and no data for each grade."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.usb_kvm_identity import UsbKvmIdentity
from farmwatch.analysis.profile import Profile
from farmwatch.records import PowerEvent, RosterEntry, UsbDevice
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = UsbKvmIdentity()


def usb(vid=None, pid=None, *, device="lt-1", day=1, event="present", **values):
    return UsbDevice(device_id=device, ts=at(day), event=event, vendor_id=vid, product_id=pid, **values)


def cdrom(maker, product):
    """The disc of a KVM as Windows tells it: by the names of the drive alone."""
    path = f"USBSTOR\\CdRom&Ven_{maker}&Prod_{product}&Rev_0504\\CAFE1234&0"
    return usb(event="attached", instance_path=path, class_name="CDROM", manufacturer="(Standard CD-ROM drives)")


@pytest.mark.parametrize(
    ("row", "grade"),
    [
        (usb(0x1D6B, 0x0104, manufacturer="PiKVM", product="PiKVM Composite Device", serial="CAFEBABE"), "identity"),
        (usb(0x3346, 0x1009, manufacturer="sipeed", product="NanoKVM"), "identity"),
        (usb(0x1D6B, 0x0106, manufacturer="BliKVM"), "identity"),
        (usb(0x1D6B, 0x0104, product="USB Emulation Device"), "identity"),
        (usb(0x046D, 0xC52B, manufacturer="Logitech (x64)"), "identity"),
        (usb(0x045E, 0x0750, serial="MSK0A1B2C3D"), "reported"),
        (cdrom("GLINET", "FLASH_DRIVE"), "identity"),
        (usb(event="attached", class_name="drive", manufacturer="PiKVM", product="Optical Drive"), "identity"),
        (usb(0x1D6B, 0x0104, manufacturer="Aurga"), "reported"),
        (usb(0x1D6B, 0x0104, serial="CAFEBABE"), "shared identity"),
        (usb(0x1D6B, 0x0105, serial="cafebabe", instance_path="USB\\VID_1D6B&PID_0105\\CAFEBABE"), "shared identity"),
        (usb(0x1D6B, 0x0104, serial="6b65796d696d6570690", product="Multifunction USB Device"), "traits"),
        (usb(0x0624, 0x0248), "console"),
        (usb(0x1493, 0x1572), "part"),
        (usb(0x0557, 0x2419), "part"),
        (usb(0x1A86, 0xE129), "part"),
    ],
)
def test_values_of_kvms_are_found(row, grade):
    """Each value counts by how few other things have it."""
    assert answers(DETECTOR, [row]) == {"lt-1": grade}


@pytest.mark.parametrize(
    "row",
    [
        usb(0x1D6B, 0x0104, product="Multifunction Composite Gadget"),
        usb(0x1D6B, 0x0104, bcd_device=0x0100, bcd_usb=0x0200, attributes=0x80, max_power_ma=500),
        usb(0x1D6B, 0x0002, manufacturer="Linux 6.1 xhci-hcd", serial="0000:00:14.0"),
        usb(0x1A40, 0x0101, product="USB 2.0 Hub", device_class="090001"),
        usb(0x046D, 0xC52B, manufacturer="Logitech", product="USB Receiver", attributes=0xA0, max_power_ma=98),
        usb(0x045E, 0x0750, manufacturer="Microsoft", product="Wired Keyboard 600"),
        usb(0x1D6B, 0x0104, product="Board", serial="0123456789ABCDEF"),
        usb(0x2E8A, 0x0003, product="RP2 Boot"),
        usb(0x534D, 0x2109, product="USB Video"),
        cdrom("HL-DT-ST", "DVDRAM_GP65NB60"),
    ],
)
def test_ordinary_devices_are_not(row):
    """Gadgets, hubs, receivers, boards and drives share single values with KVMs."""
    assert answers(DETECTOR, [row]) == {"lt-1": "clear"}


def test_an_arrival_told_once_counts_for_thirty_days():
    """Feeds of events do not repeat themselves."""
    early = usb(0x3346, 0x1009, day=-18, event="attached")
    assert answers(DETECTOR, [early, usb(0x046D, 0xC31C)]) == {"lt-1": "identity"}
    listed = usb(0x3346, 0x1009, day=-18)
    assert answers(DETECTOR, [listed, usb(0x046D, 0xC31C)]) == {"lt-1": "clear"}


def test_an_arrangement_for_input_explains_a_keyboard_chip_but_not_a_kvm():
    """Switches and foot pedals are built from the same chips."""
    declared = RosterEntry(device_id="lt-1", ts=at(-30), accommodation=True)
    assert answers(DETECTOR, [usb(0x1A86, 0xE129), declared]) == {"lt-1": "clear"}
    assert answers(DETECTOR, [usb(0x1D6B, 0x0104, manufacturer="PiKVM"), declared]) == {"lt-1": "identity"}


def test_the_strongest_of_several_is_told_once():
    """One box shows itself by several values and is one finding."""
    rows = [usb(0x1A86, 0xE129), usb(0x1D6B, 0x0104, serial="CAFEBABE"), cdrom("PiKVM", "OPTICAL_DRIVE")]
    assert answers(DETECTOR, rows) == {"lt-1": "identity"}


def test_without_usb_rows_there_is_no_data():
    """A device that says nothing of its USB devices is not called clear."""
    rows = [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]
    assert answers(DETECTOR, rows) == {"lt-2": "no data"}


def test_a_finding_names_its_rows():
    """The rows that prove it are told by table, time and number."""
    rows = [usb(0x1D6B, 0x0104, manufacturer="PiKVM", record_id="r7")]
    finding = judged(DETECTOR, rows).hits["lt-1"][0]
    assert finding.telling[0].record_ids == ("r7",)
    assert finding.telling[0].first_ts == "2026-03-03T00:00:00Z"
    assert "told on 2026-03-03" in finding.summary


def test_an_approved_kvm_is_nothing():
    """By the roster for one device, by the profile for all; another product's approval explains nothing."""
    row = usb(0x1D6B, 0x0104, manufacturer="PiKVM", product="PiKVM Composite Device", serial="CAFEBABE")
    roster = RosterEntry(device_id="lt-1", ts=at(-9), approved_tools="anydesk,pikvm")
    assert answers(DETECTOR, [row, roster]) == {"lt-1": "no data"}
    assert answers(DETECTOR, [row], profile=Profile(approved_tools=frozenset({"pikvm"}))) == {"lt-1": "clear"}
    assert answers(DETECTOR, [row], profile=Profile(approved_tools=frozenset({"jetkvm"}))) == {"lt-1": "identity"}
