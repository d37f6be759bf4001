"""UsbKvmIdentity: hit, near miss, no data."""

from __future__ import annotations

from farmwatch.analysis.fleet.detectors.usb_kvm_identity import UsbKvmIdentity
from farmwatch.records import PowerEvent, UsbDevice
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = UsbKvmIdentity()


def usb(device, vid, pid, **values):
    return UsbDevice(device_id=device, ts=at(1), event="present", vendor_id=vid, product_id=pid, **values)


def test_a_kvm_under_its_own_name_is_found():
    """PiKVM's manufacturer string is enough."""
    rows = [usb("lt-1", 0x1D6B, 0x0104, manufacturer="PiKVM", product="PiKVM Composite Device", serial="CAFEBABE")]
    assert answers(DETECTOR, rows) == {"lt-1": "identity"}


def test_a_plain_linux_gadget_is_not():
    """The generic ids of Linux gadgets are shared by phones and development boards."""
    assert answers(DETECTOR, [usb("lt-1", 0x1D6B, 0x0104, product="Multifunction Composite Gadget")]) == {
        "lt-1": "clear"
    }


def test_without_usb_rows_there_is_no_data():
    """A device that says nothing of its USB devices is not called clear."""
    rows = [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]
    assert answers(DETECTOR, rows) == {"lt-2": "no data"}


def test_a_finding_names_its_rows():
    """The rows that prove it are told by table, time and number."""
    rows = [usb("lt-1", 0x1D6B, 0x0104, manufacturer="PiKVM", record_id="r7")]
    finding = judged(DETECTOR, rows).hits["lt-1"][0]
    assert finding.telling[0].record_ids == ("r7",)
    assert finding.telling[0].first_ts == "2026-03-03T00:00:00Z"
