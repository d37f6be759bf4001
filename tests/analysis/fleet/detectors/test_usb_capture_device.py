"""UsbCaptureDevice: hit, near miss and no data for each grade."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.usb_capture_device import UsbCaptureDevice
from farmwatch.records import PowerEvent, UsbDevice
from tests.analysis.fleet.fleets import answers, at

DETECTOR = UsbCaptureDevice()


def usb(vid, pid, **values):
    return UsbDevice(device_id="lt-1", ts=at(1), event="present", vendor_id=vid, product_id=pid, **values)


STICK = usb(0x534D, 0x2109, product="USB Video", class_name="Camera")


@pytest.mark.parametrize(
    ("rows", "grade"),
    [
        ([STICK], "kvm stick"),
        ([usb(0x1BCF, 0x2C99, product="HDMI Capture")], "capture"),
        ([usb(0x1BCF, 0x2C99, product="Game Capture HD")], "capture"),
        ([usb(0x0FD9, 0x0066, product="Cam", interfaces="0e0100,0e0200,010100")], "capture"),
        ([usb(0x1BCF, 0x2C99, product="HDMI to USB"), STICK], "kvm stick"),
    ],
)
def test_capture_devices_are_found(rows, grade):
    """By what KVM kits are built on, by their makers, by what they are called."""
    assert answers(DETECTOR, rows) == {"lt-1": grade}


@pytest.mark.parametrize(
    "row",
    [
        usb(0x046D, 0x085E, product="BRIO Ultra HD Webcam", interfaces="0e0100", class_name="Camera"),
        usb(0x0FD9, 0x0060, product="Stream Deck", interfaces="030000"),
        usb(0x0BDA, 0x4014, product="USB Audio"),
        usb(0x1D6B, 0x0104, manufacturer="PiKVM"),
    ],
    ids=["camera", "keypad of a capture maker", "sound", "a KVM's other side"],
)
def test_cameras_are_not(row):
    """A camera looks at people."""
    assert answers(DETECTOR, [row]) == {"lt-1": "clear"}


def test_without_usb_rows_there_is_no_data():
    """Nothing is known of a device that tells no USB devices."""
    assert answers(DETECTOR, [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]) == {"lt-2": "no data"}
