"""The I/O registry of macOS: ``ioreg -a`` as a property list, ``ioreg -l`` as text, or a list converted to JSON.

Every entry of the tree is a record. Text looks like this (bytes in angle brackets)::

    +-o Composite KVM Device@00100000  <class IOUSBHostDevice, id 0x1000893fc, …>
        {
          "idVendor" = 7531
          "UsbDeviceSignature" = <6b1d0401…>
        }
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from farmwatch.collectors.feeds.contract import Context
from farmwatch.collectors.feeds.documents import Misfit
from farmwatch.collectors.feeds.elements import Elements
from farmwatch.collectors.feeds.hardware import display_columns, hid_columns, joined
from farmwatch.errors import DecodeError
from farmwatch.records import DeviceFact, Display, PowerEvent, Record, UsbDevice
from farmwatch.wire.hardware.usb import class_triplet, decode_signature

__all__ = ["read_registry", "registry_entries", "registry_text"]

_SPEEDS = (1.5, 12.0, 480.0, 5000.0, 10000.0, 20000.0)  # IOKit/usb/USB.h: kUSBDeviceSpeedLow and following
_MOST_ENTRIES = 1_000_000
_CHILDREN = "IORegistryEntryChildren"
_ENTRY = re.compile(r"^[\s|]*\+-o .*<class ([\w]+)")
_PROPERTY = re.compile(r'^[\s|]*"([^"]+)" = (.*)$')
_PERSONAL = ("IOConsoleUsers", "ComputerName", "kCGSSessionUserNameKey", "kCGSessionLongUserNameKey")
_CLASS = "IOObjectClass"


def registry_entries(tree: Any) -> Iterator[dict[str, Any]]:
    """Entries of a property list, parents first, without recursion; anything that is no entry is passed on as empty."""
    waiting = [tree] if isinstance(tree, dict) else list(tree)[::-1] if isinstance(tree, list) else [{}]
    for _ in range(_MOST_ENTRIES):
        if not waiting:
            return
        entry = waiting.pop()
        if not isinstance(entry, dict):
            yield {}
            continue
        children = entry.get(_CHILDREN)
        if isinstance(children, list):
            waiting += children[::-1]
        yield entry


def registry_text(text: str) -> Iterator[dict[str, Any]]:
    """Entries of the tree as text; values of other shapes than number, text, yes, no and bytes are left out."""
    entry: dict[str, Any] | None = None
    for line in text.splitlines():
        if begun := _ENTRY.match(line):
            if entry is not None:
                yield entry
            entry = {_CLASS: begun[1]}
        elif entry is not None and (found := _PROPERTY.match(line)):
            value = _value(found[2].strip())
            if value is not None or found[1] in _PERSONAL:
                entry[found[1]] = value if value is not None else found[2]
    if entry is not None:
        yield entry


def _value(text: str) -> Any:
    if re.fullmatch(r"-?\d{1,19}", text):
        return int(text)
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    if re.fullmatch(r"<(?:[0-9a-fA-F]{2})*>", text):
        return bytes.fromhex(text[1:-1])
    return {"Yes": True, "No": False}.get(text)


def read_registry(entries: Iterable[dict[str, Any]], elements: Elements, context: Context) -> None:
    """Rows of the entries that matter, and an element for each entry."""
    before: list[dict[str, Any]] = []
    iterator = iter(entries)
    device_id = context.device_id
    if device_id is None:  # the platform's entry stands near the top and names the device for all others
        for entry in iterator:
            before.append(entry)
            if isinstance(found := entry.get("IOPlatformUUID"), str):
                device_id = found.lower()
                break
    for entry in chain(before, iterator):
        index = elements.new(len(elements) + 1)
        elements.dropped.update(name for name in _PERSONAL if name in entry)
        try:
            found_rows = _rows(entry)
        except (DecodeError, Misfit) as error:
            elements.reject(index, str(error))
            continue
        for record, columns, fault in found_rows:
            if device_id is None:
                elements.reject(index, "the output does not name its device: say which it is")
                continue
            elements.row(record, index, {"device_id": device_id, "ts": context.received} | columns)
            if fault:
                elements.reject(index, fault)
        if not found_rows:
            elements.unneeded(index, "other entry of the registry" if entry else "no entry of the registry")


def _rows(entry: dict[str, Any]) -> list[tuple[type[Record], dict[str, Any], str]]:
    """What one entry gives: record, columns, fault."""
    if "idVendor" in entry and "bDeviceClass" in entry:
        return [(UsbDevice, *_usb(entry))]
    if isinstance(entry.get("ReportDescriptor"), bytes | str) and "VendorID" in entry:
        return [(UsbDevice, *_hid(entry))]
    edid = entry.get("IODisplayEDID", entry.get("EDID"))
    if isinstance(edid, bytes | str):
        columns, fault = display_columns(_bytes(edid))
        return [(Display, columns, fault)]
    if "IOPlatformUUID" in entry:
        return [(DeviceFact, _platform(entry), "")]
    power = _power(entry)
    return [(PowerEvent, power, "")] if power else []


def _usb(entry: dict[str, Any]) -> tuple[dict[str, Any], str]:
    serial = entry.get("USB Serial Number", entry.get("kUSBSerialNumberString"))
    speed = entry.get("Device Speed")
    parts = [entry.get(name) for name in ("bDeviceClass", "bDeviceSubClass", "bDeviceProtocol")]
    columns: dict[str, Any] = {
        "event": "present",
        "vendor_id": entry.get("idVendor"),
        "product_id": entry.get("idProduct"),
        "bcd_device": entry.get("bcdDevice"),
        "bcd_usb": entry.get("bcdUSB"),
        "manufacturer": entry.get("USB Vendor Name", entry.get("kUSBVendorString")),
        "product": entry.get("USB Product Name", entry.get("kUSBProductString")),
        "serial": serial,
        "speed_mbps": _SPEEDS[speed] if isinstance(speed, int) and 0 <= speed < len(_SPEEDS) else None,
        "port_path": f"0x{entry['locationID'] & 0xFFFFFFFF:08x}" if isinstance(entry.get("locationID"), int) else None,
        "device_class": class_triplet(*(part for part in parts if isinstance(part, int)))
        if all(isinstance(part, int) for part in parts)
        else None,
    }
    signature = entry.get("UsbDeviceSignature")
    fault = ""
    if isinstance(signature, bytes | str):
        try:
            decoded = decode_signature(_bytes(signature), serial if isinstance(serial, str) else "")
            columns["interfaces"] = joined(decoded.interfaces)
        except DecodeError as error:
            fault = str(error)
    return columns, fault


def _hid(entry: dict[str, Any]) -> tuple[dict[str, Any], str]:
    columns, fault = hid_columns([_bytes(entry["ReportDescriptor"])])
    transport = str(entry.get("Transport") or "other").lower()[:32]
    known = {"event": "present", "vendor_id": entry.get("VendorID"), "product_id": entry.get("ProductID")}
    return known | columns | {"class_name": f"hid {transport}"}, fault


def _platform(entry: dict[str, Any]) -> dict[str, Any]:
    model = entry.get("model")
    if isinstance(model, bytes):
        model = model.rstrip(b"\0").decode("ascii", "replace")
    uuid, serial = entry.get("IOPlatformUUID"), entry.get("IOPlatformSerialNumber")
    return {
        "platform": "darwin",
        "vendor": "Apple",
        "model": model if isinstance(model, str) else None,
        "serial": serial if isinstance(serial, str) else None,
        "hardware_uuid": uuid.lower() if isinstance(uuid, str) else None,
    }


def _power(entry: dict[str, Any]) -> dict[str, Any]:
    """State of the battery, or of the lid."""
    if isinstance(closed := entry.get("AppleClamshellState"), bool):
        return {"event": "state", "lid_closed": closed}
    if not str(entry.get(_CLASS)).endswith("SmartBattery") or "CurrentCapacity" not in entry:
        return {}
    level, most = entry.get("CurrentCapacity"), entry.get("MaxCapacity")
    percent = None
    if isinstance(level, int) and isinstance(most, int) and 0 < most < 1 << 32 and 0 <= level < 1 << 32:
        percent = round(100 * level / most, 1)
    mains = entry.get("ExternalConnected")
    cycles = entry.get("CycleCount")
    return {
        "event": "state",
        "battery_pct": percent,
        "on_mains": mains if isinstance(mains, bool) else None,
        "cycles": cycles if isinstance(cycles, int) else None,
    }


def _bytes(value: bytes | str) -> bytes:
    """Bytes, or their hexadecimal text with or without angle brackets.

    Raises:
        Misfit: they are neither.
    """
    if isinstance(value, bytes):
        return value
    try:
        return bytes.fromhex(value.strip("<>"))
    except ValueError:
        raise Misfit("expected bytes in hexadecimal") from None
