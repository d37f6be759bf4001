"""Windows device instance paths taken apart."""

from __future__ import annotations

import pytest

from farmwatch.collectors.feeds.instances import Instance, instance_of

USB, HID, STORAGE, DISPLAY = "usb", "hid", "storage", "display"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (r"USB\VID_1D6B&PID_0104\CAFEBABE", Instance(USB, 0x1D6B, 0x0104, serial="CAFEBABE")),
        (r"USB\VID_046D&PID_C52B\5&2f0a0f5&0&1", Instance(USB, 0x046D, 0xC52B)),
        (r"USB\VID_046D&PID_C52B&MI_01\6&1f&0&0001", Instance(USB, 0x046D, 0xC52B, interface=1)),
        (r"USB\VID_046D&PID_C52B&REV_2411", Instance(USB, 0x046D, 0xC52B, bcd_device=0x2411)),
        (r"USB\ROOT_HUB30\4&2f0a0f5&0&0", Instance(USB)),
        (r"HID\VID_0E0F&PID_000A&MI_01&Col02\7&33", Instance(HID, 0x0E0F, 0x000A, interface=1)),
        (r"HID\ELAN0412&Col01\5&2b", Instance(HID)),
        (
            r"HID\{00001812-0000-1000-8000-00805f9b34fb}_Dev_VID&02046d_PID&b342_REV&0011_001122334455&Col01\9&1",
            Instance(HID, 0x046D, 0xB342, bcd_device=0x11),
        ),
        (r"BTHENUM\{0000110e}_VID&0001005d_PID&b33c\7&1", Instance("bluetooth")),
        (
            r"USBSTOR\CdRom&Ven_GLINET&Prod_FLASH_DRIVE&Rev_0504\CAFE1234&0",
            Instance(STORAGE, serial="CAFE1234", maker="GLINET", model="FLASH DRIVE"),
        ),
        (r"USBSTOR\Disk&Ven_&Prod_&Rev_1.0\6&1a2b&0", Instance(STORAGE)),
        (r"DISPLAY\GSM5B08\4&2b34c5a&0&UID265988", Instance(DISPLAY, maker="GSM", product_code=0x5B08)),
        (r"MONITOR\LNX7773", Instance(DISPLAY, maker="LNX", product_code=0x7773)),
        (r"DISPLAY\Default_Monitor\4&1", Instance(DISPLAY)),
        (r"\\?\USB#VID_1D6B&PID_0104#CAFEBABE#{a5dcbf10}", Instance(USB, 0x1D6B, 0x0104, serial="CAFEBABE")),
        (
            r"SWD\WPDBUSENUM\_??_USBSTOR#Disk&Ven_SanDisk&Prod_Ultra&Rev_1.00#4C53&0#{53f5}",
            Instance(STORAGE, serial="4C53", maker="SanDisk", model="Ultra"),
        ),
        (r"PCI\VEN_8086&DEV_15F3\3&1", Instance("other")),
        ("", Instance("other")),
        ("USB", Instance(USB)),
        (r"USB\VID_XYZW&PID_0104\1", Instance(USB, serial="1")),
    ],
)
def test_instance_paths(path, found):
    """Vendor, product, serial number and kind, as far as the path says them; case does not count."""
    assert instance_of(path) == found
    again = instance_of(path.lower())
    assert (again.kind, again.vendor_id, again.product_id, again.product_code, again.maker and again.maker.upper()) == (
        found.kind, found.vendor_id, found.product_id, found.product_code, found.maker and found.maker.upper(),
    )  # fmt: skip


def test_length_is_bounded():
    """A path of a megabyte costs no more than its beginning."""
    assert instance_of("USB\\VID_1D6B&PID_0104\\" + "A" * 1_000_000).vendor_id == 0x1D6B
    assert instance_of("\\" * 1_000_000) == Instance("other")
