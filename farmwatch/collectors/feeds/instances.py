r"""Windows device instance paths taken apart: ``USB\VID_046D&PID_C52B\serial``, ``HID\...``, ``DISPLAY\GSM5B08\...``.

An instance path is *enumerator*\*device id*\*instance id* (Microsoft, "Device Instance IDs"). Vendor and product of a
USB device stand in its device id, those of a display are the PNP id and the product code of its EDID, and the instance
id is the device's own serial number unless Windows made one up, which it tells by an ampersand as the second character.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Instance", "instance_of"]

_LONGEST = 1024
_IDS = re.compile(r"(?i)VID[_&](000[12]|0[12])?([0-9A-F]{4})[&_]PID[_&]([0-9A-F]{4})(?![0-9A-F])")
_INTERFACE = re.compile(r"(?i)&MI_([0-9A-F]{2})")
_REVISION = re.compile(r"(?i)[&_]REV[_&]([0-9A-F]{4})(?![0-9A-F])")
_MAKER = re.compile(r"(?i)&VEN_([^&\\]*)")
_MODEL = re.compile(r"(?i)&PROD_([^&\\]*)")
_DISPLAY = re.compile(r"(?i)^([A-Z]{3})([0-9A-F]{4})$")
_MADE_UP = re.compile(r"(?i)^[0-9A-F]&")  # of Windows: no serial number of the device
_UNIT = re.compile(r"&[0-9A-F]{1,4}$", re.IGNORECASE)  # of a storage device: logical unit after its serial number
_KINDS = {
    "USB": "usb", "USBSTOR": "storage", "HID": "hid", "DISPLAY": "display", "MONITOR": "display",
    "BTHENUM": "bluetooth", "BTHLE": "bluetooth", "BTHLEDEVICE": "bluetooth", "BTHHFENUM": "bluetooth",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Instance:
    """What an instance path says of a device."""

    kind: str  #: usb, storage, hid, bluetooth, display or other
    vendor_id: int | None = None
    product_id: int | None = None
    bcd_device: int | None = None
    interface: int | None = None  #: number of the interface of a composite device
    serial: str | None = None
    maker: str | None = None  #: of a storage device, in words; of a display its three-letter PNP id
    model: str | None = None  #: of a storage device, in words
    product_code: int | None = None  #: of a display


@lru_cache(maxsize=8192)
def instance_of(path: str) -> Instance:
    r"""Take an instance path, or a hardware id, apart.

    ``#`` may stand for a backslash, as in interface paths, and ``\\?\`` in front. Never raises: what is not said is
    absent.

    >>> instance_of("USB\\VID_1D6B&PID_0104\\CAFEBABE").serial
    'CAFEBABE'
    """
    parts = path[:_LONGEST].strip().removeprefix("\\\\?\\").replace("#", "\\").strip("\\").split("\\")
    if len(parts) > 3 and parts[0].upper() not in _KINDS:
        parts = _inside(parts)
    kind = _KINDS.get(parts[0].upper(), "other")
    device = parts[1] if len(parts) > 1 else ""
    if kind == "display":
        code = _DISPLAY.match(device)
        return Instance(kind, maker=code[1].upper(), product_code=int(code[2], 16)) if code else Instance(kind)
    if kind == "other":
        return Instance(kind)
    ids, interface, revision = _IDS.search(device), _INTERFACE.search(device), _REVISION.search(device)
    maker, model = _MAKER.search(device), _MODEL.search(device)
    if ids and ids[1] in ("01", "0001"):  # numbered by the Bluetooth SIG: not a USB vendor
        ids = None
    return Instance(
        kind,
        vendor_id=int(ids[2], 16) if ids else None,
        product_id=int(ids[3], 16) if ids else None,
        bcd_device=int(revision[1], 16) if revision and kind in ("usb", "hid") else None,
        interface=int(interface[1], 16) if interface else None,
        serial=_serial(kind, parts[2] if len(parts) > 2 else "", interface is not None),
        maker=(maker[1].replace("_", " ").strip() or None) if maker else None,
        model=(model[1].replace("_", " ").strip() or None) if model else None,
    )


def _inside(parts: list[str]) -> list[str]:
    """The path of a device that stands inside the path of what was made for it, such as a portable device's."""
    for at, part in enumerate(parts):
        word = part.rsplit("_", 1)[-1].upper()
        if word in ("USBSTOR", "USB", "HID") and at + 1 < len(parts):
            return [word, *parts[at + 1 :]]
    return parts


def _serial(kind: str, text: str, interface: bool) -> str | None:
    if not text or interface or kind in ("hid", "bluetooth") or _MADE_UP.match(text):
        return None
    return (_UNIT.sub("", text) if kind == "storage" else text) or None
