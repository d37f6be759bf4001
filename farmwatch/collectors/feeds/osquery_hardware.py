r"""Hardware in osquery's tables: USB devices and displays, on Windows by way of drivers and the registry.

osquery has ``usb_devices`` on macOS and Linux only and ``connected_displays`` on macOS only. On Windows ``drivers``
lists the devices in use, whose instance path says what they are, and the registry keeps the EDID of each display
(``HKLM\SYSTEM\CurrentControlSet\Enum\DISPLAY\…\Device Parameters``, in hexadecimal and padded to the longest value of
its key).
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.collectors.feeds.columns import each, filled, first_of, hexadecimal, lowered, times, whole
from farmwatch.collectors.feeds.hardware import display_columns
from farmwatch.collectors.feeds.instances import Instance, instance_of
from farmwatch.collectors.feeds.osquery_rows import Rows, decimal_version, mask, pixels, triplet_of
from farmwatch.records import DeviceFact, Display, UsbDevice

__all__ = ["connected_displays", "drivers", "hardware_events", "monitor_edids", "registry", "usb"]

_EDID_BLOCK = 128
_MOST_EDID = 2 * 256 * _EDID_BLOCK  # hexadecimal digits of the base block and 255 extensions
_ZONE = re.compile(r"(?i)\\Control\\TimeZoneInformation(?:\\|$)")
_ENUM = re.compile(r"(?i)\\Enum\\((?:USB|HID)\\[^\\]+\\[^\\]+)$")
_ACTIONS = {"add": "attached", "attach": "attached", "insert": "attached", "remove": "removed", "detach": "removed"}


def usb(rows: Rows) -> None:
    """``usb_devices`` of macOS and Linux."""
    vendor, product = hexadecimal(rows["vendor_id"]), hexadecimal(rows["model_id"])
    broken = pc.and_(pc.is_null(vendor), pc.is_valid(filled(rows["vendor_id"])))
    rows.reject(mask(broken), "usb_devices.vendor_id is not hexadecimal")
    known = mask(pc.is_valid(vendor))
    rows.unneeded(~known, "usb_devices row without a vendor")
    place = pc.binary_join_element_wise(filled(rows["usb_address"]), filled(rows["usb_port"]), ":")
    removable = whole(rows["removable"])
    rows.add(
        UsbDevice,
        {
            "event": _event(rows),
            "vendor_id": vendor,
            "product_id": product,
            "manufacturer": filled(rows["vendor"]),
            "product": filled(rows["model"]),
            "serial": _serial(rows["serial"]),
            "bcd_device": decimal_version(rows["version"]),
            "device_class": triplet_of(rows["class"], rows["subclass"], rows["protocol"]),
            "removable": pc.if_else(
                pc.greater_equal(removable, 0), pc.equal(removable, 1), pa.scalar(None, pa.bool_())
            ),
            "port_path": place,
        },
        known,
    )


def _serial(values: pa.Array) -> pa.Array:
    """Serial numbers; on macOS osquery gives the index of the missing text where a device has none."""
    texts = filled(values)
    return pc.if_else(pc.match_substring_regex(texts, r"^\d{1,2}$"), pa.scalar(None, pa.string()), texts)


def _event(rows: Rows) -> pa.Array:
    """What happened to the devices of a differential query or of a snapshot."""
    return pa.array(np.where(rows.removed, "removed", np.where(rows.initial, "present", "attached")), pa.string())


def hardware_events(rows: Rows) -> None:
    """``hardware_events``: what came and went, by udev or IOKit."""
    event = each(lambda text: _ACTIONS.get(text.strip().lower()), rows["action"])
    vendor, product = hexadecimal(rows["vendor_id"]), hexadecimal(rows["model_id"])
    kind = pc.binary_join_element_wise(
        pc.coalesce(rows["type"], pa.scalar("")), pc.coalesce(rows["driver"], pa.scalar("")), " "
    )
    about = pc.match_substring_regex(kind, "(?i)usb|hid")
    told = pc.and_(pc.and_(pc.is_valid(event), pc.is_valid(vendor)), pc.fill_null(about, False))
    used = mask(told)
    rows.unneeded(~used, "hardware event of another kind")
    rows.add(
        UsbDevice,
        {
            "ts": first_of(times(rows["time"]), rows.time()),
            "event": event,
            "vendor_id": vendor,
            "product_id": product,
            "manufacturer": filled(rows["vendor"]),
            "product": filled(rows["model"]),
            "serial": filled(rows["serial"]),
            "port_path": filled(rows["path"]),
            "class_name": filled(rows["type"]),
        },
        used,
    )


def connected_displays(rows: Rows) -> None:
    """``connected_displays`` of macOS: what system_profiler says of each."""
    off = mask(pc.fill_null(pc.equal(whole(rows["online"]), 0), False))
    rows.unneeded(off, "display that is off")
    how = pc.replace_substring_regex(lowered(rows["connection_type"]), "^spdisplays_", "")
    seen = first_of(rows["pixels"], rows["resolution"])
    rows.add(
        Display,
        {
            "connector": filled(how),
            "internal": pc.equal(how, "internal"),
            "vendor": each(_pnp_id, rows["vendor_id"]),
            "product_code": hexadecimal(rows["product_id"]),
            "serial_number": _positive(hexadecimal(rows["serial_number"])),
            "name": filled(rows["name"]),
            "week": _positive(whole(rows["manufactured_week"])),
            "year": _positive(whole(rows["manufactured_year"])),
            "width": pixels(seen, 0),
            "height": pixels(seen, 1),
            "refresh_hz": first_of(pixels(rows["resolution"], 2), pixels(rows["pixels"], 2)),
        },
        ~off,
    )


def _positive(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.greater(values, 0), values, pa.scalar(None, pa.int64()))


def _pnp_id(text: str) -> str | None:
    """Three letters of five bits each (VESA E-EDID 1.4, 3.4.1) from the number in hexadecimal; letters stay."""
    word = text.strip()
    if re.fullmatch(r"[A-Z]{3}", word):
        return word
    if not re.fullmatch(r"(?:0x)?[0-9a-fA-F]{1,4}", word):
        return None
    number = int(word, 16)
    letters = [number >> 10 & 31, number >> 5 & 31, number & 31]
    return "".join(chr(64 + letter) for letter in letters) if all(0 < letter < 27 for letter in letters) else None


def drivers(rows: Rows) -> None:
    """``drivers`` of Windows: USB, HID and display devices in use, by their instance path."""
    seen = [instance_of(path) if path else None for path in rows["device_id"].to_pylist()]
    devices = np.array([one is not None and one.vendor_id is not None for one in seen], np.bool_)
    displays = np.array([one is not None and one.product_code is not None for one in seen], np.bool_)
    named = first_of(rows["device_name"], rows["description"])
    rows.add(
        UsbDevice,
        {
            **_identity(seen),
            "event": _event(rows),
            "manufacturer": filled(rows["manufacturer"]),
            "product": named,
            "instance_path": filled(rows["device_id"]),
            "class_name": filled(rows["class"]),
        },
        devices,
    )
    rows.add(
        Display,
        {
            "connector": filled(rows["device_id"]),
            "vendor": pa.array([one.maker if one else None for one in seen], pa.string()),
            "product_code": pa.array([one.product_code if one else None for one in seen], pa.int64()),
            "name": named,
        },
        displays & ~rows.removed,
    )
    rows.unneeded(displays & rows.removed, "removed row of a display")
    rows.unneeded(~(devices | displays), "driver of another kind of device")


def _identity(seen: list[Instance | None]) -> dict[str, pa.Array]:
    """Vendor, product and serial number of devices by their instance paths."""
    return {
        "vendor_id": pa.array([one.vendor_id if one else None for one in seen], pa.int64()),
        "product_id": pa.array([one.product_id if one else None for one in seen], pa.int64()),
        "bcd_device": pa.array([one.bcd_device if one else None for one in seen], pa.int64()),
        "serial": pa.array([one.serial if one else None for one in seen], pa.string()),
    }


def monitor_edids(rows: Rows) -> None:
    """Displays of Windows with their EDID: ``drivers`` joined with the registry."""
    found: list[dict[str, Any]] = []
    listed = zip(rows["device_id"].to_pylist(), rows["edid"].to_pylist(), strict=True)
    for position, (path, digits) in enumerate(listed):
        columns, fault = _edid((digits or "").strip())
        if fault:
            rows.output.reject([int(rows.where[position])], fault)
        seen = instance_of(path or "")
        told = {"vendor": seen.maker, "product_code": seen.product_code} if seen.product_code is not None else {}
        found.append({"connector": path, **told, **columns} if columns or told else {})
    names = sorted({name for columns in found for name in columns})
    made = {name: pa.array([columns.get(name) for columns in found]) for name in names}
    rows.add(Display, made, np.array([bool(columns) for columns in found], np.bool_))


def _edid(digits: str) -> tuple[dict[str, Any], str]:
    """Columns of a display from an EDID in hexadecimal, cut to the blocks it announces."""
    if not digits or len(digits) > _MOST_EDID:
        return {}, "edid: longer than any EDID" if digits else ""
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        return {}, "edid: not in hexadecimal"
    if len(raw) >= _EDID_BLOCK:
        raw = raw[: _EDID_BLOCK * (1 + raw[126])]
    return display_columns(raw)


def registry(rows: Rows) -> None:
    """``registry`` of Windows: the clock's offset, and USB devices that were ever attached."""
    keys = first_of(rows["path"], rows["key"]).to_pylist()
    offsets: list[int | None] = [None] * len(keys)
    paths: list[str | None] = [None] * len(keys)
    for at, (key, name, data) in enumerate(zip(keys, rows["name"].to_pylist(), rows["data"].to_pylist(), strict=True)):
        if not key:
            continue
        if (name or "").strip().lower() == "activetimebias" and _ZONE.search(key):
            offsets[at] = _offset(data or "")
            if offsets[at] is None:
                rows.output.reject([int(rows.where[at])], "ActiveTimeBias is not a number of minutes")
        elif (match := _ENUM.search(key)) and instance_of(match[1]).vendor_id is not None:
            paths[at] = match[1]
    zoned = np.array([offset is not None for offset in offsets], np.bool_)
    rows.add(DeviceFact, {"utc_offset_min": pa.array(offsets, pa.int64()), "platform": "windows"}, zoned)
    seen = [instance_of(path) if path else None for path in paths]
    devices = np.array([one is not None for one in seen], np.bool_)
    listed = pa.array(paths, pa.string())
    rows.add(UsbDevice, {**_identity(seen), "event": "driver", "instance_path": listed}, devices)
    rows.unneeded(~(zoned | devices), "registry value of another kind")


def _offset(text: str) -> int | None:
    """Minutes that local time is ahead, from the bias, a DWORD that may have been written without its sign."""
    if not re.fullmatch(r"\s*-?\d{1,10}\s*", text):
        return None
    bias = int(text)
    bias -= 1 << 32 if bias >= 1 << 31 else 0
    return -bias if abs(bias) <= 14 * 60 else None
