r"""Linux hardware as udev tells it: ``udevadm info --export-db``, as text or with ``--json=short`` or ``pretty``.

Text: records between blank lines; the first letter of a line says what it is (systemd's udevadm-info.c)::

    P: /devices/pci0000:00/0000:00:14.0/usb1/1-2
    E: DEVTYPE=usb_device
    E: PRODUCT=1d6b/104/100
    E: ID_MODEL_ENC=PiKVM\x20Composite\x20Device
    E: ID_USB_INTERFACES=:030101:030000:080650:

JSON: one object a record with the properties as its fields. An export names no device and no time: the device comes
from the caller, the time is that of arrival. Every record of udev is a record here.

Left behind and counted: keyboard layouts (``XKB…``), names of wireless input devices, labels of volumes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from farmwatch.collectors.feeds.contract import ByteStream, Context, Parsed, Sample
from farmwatch.collectors.feeds.documents import json_objects
from farmwatch.collectors.feeds.elements import Elements
from farmwatch.collectors.feeds.hardware import joined
from farmwatch.collectors.feeds.lines import LONGEST_LINE, blocks
from farmwatch.records import PowerEvent, Record, UsbDevice

__all__ = ["UdevExport"]

_LINE = re.compile(r"([A-Z]): (.*)")
_ESCAPE = re.compile(r"(?:\\x[0-9a-fA-F]{2})+")
_BUSES = {0x05: "bluetooth", 0x06: "virtual", 0x18: "i2c"}  # include/uapi/linux/input.h; USB devices are told as such
_BUS_USB = 0x03
_SUBSYSTEMS = {"block", "drm", "hidraw", "input", "net", "pci", "platform", "sound", "tty", "usb", "usbmisc", "acpi"}
_LAYOUT = ("XKBLAYOUT", "XKBMODEL", "XKBOPTIONS", "XKBVARIANT")
_LABELS = ("ID_FS_LABEL", "ID_FS_LABEL_ENC", "ID_PART_ENTRY_NAME")
_MOST_PROPERTIES = 1024


class UdevExport:
    """Hardware of a Linux device as udev tells it."""

    kind: ClassVar[str] = "udev"
    sentence: ClassVar[str] = "Linux hardware: udevadm info --export-db, as text or JSON."
    tables: ClassVar[tuple[type[Record], ...]] = (UsbDevice, PowerEvent)

    def recognises(self, sample: Sample) -> bool:
        """Text that begins with a device path, or objects with a device path and a subsystem."""
        if sample.documents:
            return {"DEVPATH", "SUBSYSTEM"} <= sample.documents[0].keys()
        return bool(sample.lines) and sample.lines[0].startswith("P: /")

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read an export; see the module."""
        first = stream.read(1)
        whole = _Rejoined(first, stream)
        if first in (b"{", b"["):
            for documents, numbers, faults in json_objects(whole):
                elements = Elements()
                for document, number in zip(documents, numbers.tolist(), strict=True):
                    _device(document, elements, elements.new(number), context)
                yield elements.finish(faults)
        else:
            yield from _text(whole, context)


class _Rejoined:
    """A stream with its first byte put back."""

    def __init__(self, first: bytes, stream: ByteStream) -> None:
        self._first = first
        self._stream = stream
        self.name = getattr(stream, "name", "input")

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most one more than asked for."""
        first, self._first = self._first, b""
        return first + self._stream.read(size)


def _text(stream: ByteStream, context: Context) -> Iterator[Parsed]:
    """Records of a text export; one that is cut by the end of a block of lines goes on in the next."""
    record: dict[str, str] = {}
    started = 0
    for block in blocks(stream):
        elements = Elements()
        for number in block.too_long:
            elements.reject(elements.new(number), f"line longer than {LONGEST_LINE >> 20} MiB")
        lines = block.data.decode("utf-8", "replace").split("\n")
        lines = lines[:-1] if lines[-1] == "" else lines
        for number, line in enumerate(lines, block.first_line):
            if not line.strip():
                if started:
                    _device(record, elements, elements.new(started), context)
                record, started = {}, 0
                continue
            started = started or number
            _add(record, line)
        if len(elements):
            yield elements.finish()
    if started:
        elements = Elements()
        _device(record, elements, elements.new(started), context)
        yield elements.finish()


def _add(record: dict[str, str], line: str) -> None:
    """A line of a record: properties by name, the device path, and a mark where it is no line of udev's."""
    match = _LINE.match(line)
    if match is None or len(record) > _MOST_PROPERTIES:
        record["?"] = line
    elif match[1] == "E":
        name, _, value = match[2].partition("=")
        record[name] = value
    elif match[1] == "P":
        record["DEVPATH"] = match[2]


def _device(given: dict[str, Any], elements: Elements, index: int, context: Context) -> None:
    """One record of udev's."""
    if not isinstance(given.get("DEVPATH"), str) or "?" in given:
        elements.reject(index, "not a record of udevadm's: no device path, or a line of another shape")
        return
    properties = {name: value for name, value in given.items() if isinstance(value, str)}
    _count_dropped(properties, elements)
    subsystem, kind = properties.get("SUBSYSTEM", ""), properties.get("DEVTYPE", "")
    if subsystem == "usb" and kind == "usb_device":
        name = _last(properties["DEVPATH"])
        if name.startswith("usb"):
            elements.unneeded(index, "USB root hub")
        else:
            _row(UsbDevice, _usb(properties, name), elements, index, context)
    elif subsystem == "hid" and (columns := _hid(properties)):
        _row(UsbDevice, columns, elements, index, context)
    elif subsystem == "power_supply" and (state := _power(properties)):
        _row(PowerEvent, state, elements, index, context)
    else:
        elements.unneeded(index, subsystem if subsystem in _SUBSYSTEMS else "other subsystem")


def _count_dropped(properties: dict[str, str], elements: Elements) -> None:
    elements.dropped.update(name for name in (*_LAYOUT, *_LABELS) if name in properties)
    wireless = properties.get("HID_ID", "").startswith("0005:") or properties.get("ID_BUS") == "bluetooth"
    if wireless:
        elements.dropped.update(name for name in ("HID_NAME", "NAME") if name in properties)


def _row(record: type[Record], columns: dict[str, Any], elements: Elements, index: int, context: Context) -> None:
    if context.device_id is None:
        elements.reject(index, "the export does not name its device: say which it is")
        return
    elements.row(record, index, {"device_id": context.device_id, "ts": context.received} | columns)


def _usb(properties: dict[str, str], name: str) -> dict[str, Any]:
    vendor, product, revision = _numbers(properties.get("PRODUCT", ""), 16)
    triplet = _numbers(properties.get("TYPE", ""), 10)
    interfaces = [
        part for part in properties.get("ID_USB_INTERFACES", "").split(":") if re.fullmatch("[0-9a-f]{6}", part)
    ]
    return {
        "event": "present",
        "vendor_id": vendor if vendor is not None else _hex(properties.get("ID_VENDOR_ID", "")),
        "product_id": product if product is not None else _hex(properties.get("ID_MODEL_ID", "")),
        "bcd_device": revision if revision is not None else _hex(properties.get("ID_REVISION", "")),
        "manufacturer": _plain(properties, "ID_VENDOR", properties.get("ID_VENDOR_ID", "")),
        "product": _plain(properties, "ID_MODEL", properties.get("ID_MODEL_ID", "")),
        "serial": properties.get("ID_SERIAL_SHORT") or None,
        "device_class": "".join(f"{part & 255:02x}" for part in triplet if part is not None) or None,
        "interfaces": joined(interfaces),
        "port_path": name,
        "parent": _last(properties["DEVPATH"].rpartition("/")[0]) or None,
    }


def _hid(properties: dict[str, str]) -> dict[str, Any] | None:
    """A HID device that hangs on no USB interface."""
    parts = properties.get("HID_ID", "").split(":")
    if len(parts) != 3:
        return None
    bus, vendor, product = map(_hex, parts)
    if bus == _BUS_USB or vendor is None or product is None:
        return None
    virtual = "/devices/virtual/" in properties["DEVPATH"] and _BUSES.get(bus or 0) != "bluetooth"
    return {
        "event": "present",
        "vendor_id": vendor,
        "product_id": product,
        "class_name": f"hid {_BUSES.get(bus or 0, 'other')}{' injected' if virtual else ''}",
    }


def _power(properties: dict[str, str]) -> dict[str, Any] | None:
    """Mains or a battery of the device itself; supplies of mice and the like are passed over."""
    kind, online = properties.get("POWER_SUPPLY_TYPE"), properties.get("POWER_SUPPLY_ONLINE")
    if properties.get("POWER_SUPPLY_SCOPE") == "Device":
        return None
    if kind in ("Mains", "USB") and online in ("0", "1"):
        return {"event": "state", "on_mains": online == "1"}
    if kind == "Battery" and (level := properties.get("POWER_SUPPLY_CAPACITY", "")).isdecimal():
        cycles = properties.get("POWER_SUPPLY_CYCLE_COUNT", "0")
        counted = int(cycles) if cycles.isdecimal() and len(cycles) < 10 else 0
        return {"event": "state", "battery_pct": float(level[:4]), "cycles": counted or None}
    return None


def _plain(properties: dict[str, str], name: str, number: str) -> str | None:
    """A text of the device with its escapes undone. A device without one gets its number from udev: that is none."""
    encoded = properties.get(f"{name}_ENC")
    if encoded is not None:
        text = _ESCAPE.sub(
            lambda part: bytes.fromhex(part[0].replace("\\x", "")).decode("utf-8", "replace"), encoded
        ).strip()
    else:
        text = properties.get(name, "").replace("_", " ").strip()
    return None if not text or text.lower() == number.lower() else text


def _numbers(text: str, base: int) -> list[int | None]:
    """Three numbers with slashes between; None for each that is none."""
    parts = text.split("/")
    if len(parts) != 3:
        return [None, None, None]
    sound = [part if re.fullmatch("[0-9a-fA-F]{1,8}" if base == 16 else "[0-9]{1,3}", part) else "" for part in parts]
    return [int(part, base) if part else None for part in sound]


def _hex(text: str) -> int | None:
    return int(text, 16) if re.fullmatch("[0-9a-fA-F]{1,8}", text) else None


def _last(path: str) -> str:
    return path.rpartition("/")[2]
