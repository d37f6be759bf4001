r"""Devices that come, go and get a driver: Security 6416, Kernel-PnP, UserPnp and DriverFrameworks-UserMode.

Kernel-PnP/Configuration is on by default and reaches back for months; 6416 needs the Plug and Play audit policy. Only
what is attached to a laptop from outside is kept: USB, HID, Bluetooth and USB storage as ``usb_devices``, DISPLAY as
``displays``. Everything else (disks, printers, the main board) is not needed, and so is the leaving of a display.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.collectors.feeds.columns import each, select
from farmwatch.collectors.feeds.instances import Instance, instance_of
from farmwatch.collectors.feeds.windows.events import Group, Meaning, mask_of
from farmwatch.records import Display, UsbDevice

__all__ = ["HARDWARE_MEANINGS", "class_name"]

_WANTED = ("usb", "storage", "hid", "bluetooth")
_CLASSES = {
    "4d36e965-e325-11ce-bfc1-08002be10318": "CDROM",
    "4d36e967-e325-11ce-bfc1-08002be10318": "DiskDrive",
    "4d36e96b-e325-11ce-bfc1-08002be10318": "Keyboard",
    "4d36e96c-e325-11ce-bfc1-08002be10318": "MEDIA",
    "4d36e96d-e325-11ce-bfc1-08002be10318": "Modem",
    "4d36e96e-e325-11ce-bfc1-08002be10318": "Monitor",
    "4d36e96f-e325-11ce-bfc1-08002be10318": "Mouse",
    "4d36e972-e325-11ce-bfc1-08002be10318": "Net",
    "4d36e978-e325-11ce-bfc1-08002be10318": "Ports",
    "4d36e97d-e325-11ce-bfc1-08002be10318": "System",
    "36fc9e60-c465-11cf-8056-444553540000": "USB",
    "50dd5230-ba8a-11d1-bf5d-0000f805f530": "SmartCardReader",
    "53d29ef7-377c-4d14-864b-eb3a85769359": "Biometric",
    "6bdd1fc6-810f-11d0-bec7-08002be2092f": "Image",
    "745a17a0-74d3-11d0-b6fe-00a0c90f57da": "HIDClass",
    "88bae032-5a81-49f0-bc3d-a4ff138216d6": "USBDevice",
    "ca3e7ab9-b4c3-4ae6-8251-579ef933890f": "Camera",
    "e0cbf06c-cd8b-4647-bb8a-263b43f0f974": "Bluetooth",
    "eec5ad98-8080-425f-922a-dabf3de3f69a": "WPD",
}  # setup classes: Microsoft, "System-Defined Device Setup Classes Available to Vendors"
_TRIPLET = re.compile(r"(?i)USB\\(Dev)?Class_([0-9A-F]{2})(?:&SubClass_([0-9A-F]{2}))?(?:&Prot_([0-9A-F]{2}))?")
_OWNED = pa.array(["WPD", "Bluetooth"])
_IN_BRACKETS = re.compile(r"\(([^()]{1,64})\)\s*$")
_REMOVE_DEVICE, _SURPRISE_REMOVAL, _PNP = 2, 23, 27  # minor and major codes of an IRP, wdm.h


def class_name(guid: str) -> str | None:
    """The word for a device setup class, else its GUID in lower case without braces."""
    plain = guid.strip().strip("{}").lower()
    return _CLASSES.get(plain, plain or None)


def _triplets(compatible: str, device: bool) -> str | None:
    """Class, subclass and protocol out of compatible ids: of the device, or of the interface they are of."""
    for found in _TRIPLET.finditer(compatible[:4096]):
        if bool(found[1]) == device and found[3] and found[4]:
            return f"{found[2]}{found[3]}{found[4]}".lower()
    return None


def _bcd(hardware_ids: str) -> int | None:
    first = hardware_ids.strip().split()
    return instance_of(first[0]).bcd_device if first else None


def _name_in_brackets(description: str) -> str | None:
    """The display's own name out of ``Generic Monitor (NAME)``; the driver's name is not it."""
    found = _IN_BRACKETS.search(description)
    return found[1].strip() or None if found else None


class _Devices:
    """Instance paths of a group taken apart."""

    def __init__(self, group: Group, *fields: str) -> None:
        self.group = group
        self.paths = group.text(*fields)
        self.found = [instance_of(path) if path else Instance("") for path in self.paths.to_pylist()]
        kinds = np.array([one.kind for one in self.found])
        self.missing = kinds == ""
        self.usb = np.isin(kinds, _WANTED)
        self.displays = kinds == "display"

    def product(self, rows: NDArray[np.bool_], described: dict[str, pa.Array]) -> pa.Array:
        """Descriptions, but of Bluetooth devices and phones, which are called after their owners."""
        given = described.get("product")
        if given is None:
            return pa.nulls(int(rows.sum()), pa.string())
        own = pa.array([self.found[at].kind == "bluetooth" for at in np.flatnonzero(rows)])
        if "class_name" in described:
            own = pc.or_(own, pc.fill_null(pc.is_in(described["class_name"], _OWNED), False))
        self.group.left_behind("DeviceDescription", int(pc.sum(pc.and_(own, pc.is_valid(given))).as_py() or 0))
        return pc.if_else(own, pa.scalar(None, pa.string()), given)

    def column(self, rows: NDArray[np.bool_], name: str, kind: pa.DataType | None = None) -> pa.Array:
        return pa.array([getattr(self.found[at], name) for at in np.flatnonzero(rows)], kind or pa.string())


def _give(group: Group, event: str, fields: tuple[str, ...], columns: dict[str, pa.Array]) -> None:
    devices = _Devices(group, *fields)
    if devices.missing.any():
        group.where(devices.missing).reject("names no device")
    usb = devices.usb
    if usb.any():
        described = {name: select(values, usb) for name, values in columns.items()}
        described["product"] = pc.coalesce(devices.product(usb, described), devices.column(usb, "model"))
        whole = pa.int64()
        described["bcd_device"] = pc.coalesce(
            devices.column(usb, "bcd_device", whole), described.get("bcd_device", pa.scalar(None, whole))
        )
        group.where(usb).add(
            UsbDevice,
            event=event,
            vendor_id=devices.column(usb, "vendor_id", whole),
            product_id=devices.column(usb, "product_id", whole),
            manufacturer=devices.column(usb, "maker"),
            serial=devices.column(usb, "serial"),
            instance_path=select(devices.paths, usb),
            **described,
        )
    shown = devices.displays
    if shown.any():
        if event == "removed":
            group.where(shown).unneeded("of a display")
        else:
            product = columns.get("product", pa.nulls(len(group), pa.string()))
            group.where(shown).add(
                Display,
                vendor=devices.column(shown, "maker"),
                product_code=devices.column(shown, "product_code", pa.int64()),
                name=each(_name_in_brackets, select(product, shown)),
            )
    other = ~(usb | shown | devices.missing)
    if other.any():
        group.where(other).unneeded("of other hardware")


def _new_device(group: Group) -> None:
    """6416: also what a device says of its classes, and where it hangs."""
    compatible, paths = group.text("CompatibleIds"), group.text("DeviceId")
    usb = pc.match_substring_regex(paths, r"(?i)^USB\\")
    _give(
        group,
        "attached",
        ("DeviceId",),
        {
            "product": group.text("DeviceDescription"),
            "class_name": pc.coalesce(group.text("ClassName"), each(class_name, group.text("ClassId"))),
            "port_path": group.text("LocationInformation"),
            "bcd_device": each(_bcd, group.text("VendorIds"), pa.int64()),
            "device_class": pc.if_else(usb, each(lambda ids: _triplets(ids, device=True), compatible), None),
            "interfaces": pc.if_else(usb, each(lambda ids: _triplets(ids, device=False), compatible), None),
        },
    )


def _configured(event: str) -> Meaning:
    """Kernel-PnP."""

    def meaning(group: Group) -> None:
        columns = {
            "class_name": each(class_name, group.text("ClassGuid")),
            "parent": group.text("ParentDeviceInstanceId"),
        }
        _give(group, event, ("DeviceInstanceId",), columns)

    return meaning


def _installed(group: Group) -> None:
    """UserPnp."""
    columns = {"class_name": each(class_name, group.text("SetupClass")), "product": group.text("DriverDescription")}
    _give(group, "driver", ("DeviceInstanceID",), columns)


def _arrived(group: Group) -> None:
    _give(group, "attached", ("InstanceId",), {})


def _operated(group: Group) -> None:
    """DriverFrameworks 2100 and 2102: of the operations passed on to a device only its removal says anything."""
    major = group.number("MajorCode", "RequestMajorCode", "Major")
    minor = group.number("MinorCode", "RequestMinorCode", "Minor")
    gone = mask_of(pc.and_(pc.equal(major, _PNP), pc.is_in(minor, pa.array([_REMOVE_DEVICE, _SURPRISE_REMOVAL]))))
    if not gone.all():
        group.where(~gone).unneeded("of another operation")
    if gone.any():
        _give(group.where(gone), "removed", ("InstanceId",), {})


HARDWARE_MEANINGS: dict[tuple[str, int], Meaning] = {
    ("security-auditing", 6416): _new_device,
    ("kernel-pnp", 400): _configured("driver"),
    ("kernel-pnp", 401): _configured("driver"),
    ("kernel-pnp", 410): _configured("attached"),
    ("kernel-pnp", 411): _configured("driver"),
    ("kernel-pnp", 420): _configured("removed"),
    ("kernel-pnp", 430): _configured("driver"),
    ("userpnp", 20001): _installed,
    ("userpnp", 20003): _installed,
    ("driverframeworks-usermode", 2003): _arrived,
    ("driverframeworks-usermode", 2100): _operated,
    ("driverframeworks-usermode", 2102): _operated,
}  #: by provider and event number
