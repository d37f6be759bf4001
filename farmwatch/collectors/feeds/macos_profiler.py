"""``system_profiler -json``: USB devices, displays, power and the hardware overview of a Mac.

Field names as the tool prints them; those of ``SPUSBHostDataType`` are of macOS 26.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from farmwatch.collectors.feeds.contract import Context
from farmwatch.collectors.feeds.documents import Misfit
from farmwatch.collectors.feeds.elements import Elements, bytes_of, list_of, object_of
from farmwatch.collectors.feeds.hardware import display_columns
from farmwatch.records import DeviceFact, Display, PowerEvent, Record, UsbDevice

__all__ = ["pnp_letters", "read_profile"]

_USB = ("SPUSBDataType", "SPUSBHostDataType")
_SPEEDS = {
    "low_speed": 1.5,
    "full_speed": 12.0,
    "high_speed": 480.0,
    "super_speed": 5000.0,
    "super_speed_plus": 10000.0,
}
_APPLE = 0x05AC
_DEEPEST = 32
_MOST = 20_000
_PERSONAL = ("computer_name", "host_name", "local_host_name", "user_name", "localHostName")


def read_profile(document: dict[str, Any], elements: Elements, context: Context) -> None:
    """Rows of an output, and an element for each of its parts."""
    overview = _first(document.get("SPHardwareDataType"))
    software = _first(document.get("SPSoftwareDataType"))
    for part in (overview, software):
        elements.dropped.update(name for name in _PERSONAL if part.get(name) is not None)
    device_id = context.device_id or str(overview.get("platform_UUID") or "").lower() or None
    sink = _Sink(elements, context, device_id)
    for name, value in list(document.items())[:_MOST]:
        if name in _USB:
            _each(_usb_devices(value), _usb, sink)
        elif name == "SPDisplaysDataType":
            _each(_displays(value), _display, sink)
        elif name == "SPPowerDataType":
            _each([value], _power, sink)
        elif name == "SPHardwareDataType":
            _each([(overview, software)], _overview, sink)
        else:
            elements.unneeded(elements.new(1), "other part of system_profiler's output")


class _Sink:
    """Where rows of one output go."""

    def __init__(self, elements: Elements, context: Context, device_id: str | None) -> None:
        self.elements = elements
        self._context = context
        self._device_id = device_id

    def row(self, record: type[Record], index: int, columns: dict[str, Any]) -> None:
        """A row of the device."""
        if self._device_id is None:
            self.elements.reject(index, "the output does not name its device: say which it is")
            return
        self.elements.row(record, index, {"device_id": self._device_id, "ts": self._context.received} | columns)


def _each(parts: Any, read: Any, sink: _Sink) -> None:
    """Read every part as an element of its own; faults stay with theirs."""
    try:
        for part in parts:
            index = sink.elements.new(len(sink.elements) + 1)
            try:
                read(part, index, sink)
            except Misfit as misfit:
                sink.elements.reject(index, str(misfit))
    except Misfit as misfit:
        sink.elements.reject(sink.elements.new(len(sink.elements) + 1), str(misfit))


def _first(value: Any) -> dict[str, Any]:
    found = value[0] if isinstance(value, list) and value else {}
    return found if isinstance(found, dict) else {}


def _usb_devices(value: Any) -> Iterator[dict[str, Any]]:
    """Everything below the controllers that has a vendor; the tree is walked without recursion.

    Raises:
        Misfit: it is no tree of objects, or one deeper than 32 or larger than 20,000.
    """
    waiting = [(entry, 0) for entry in list_of(value, "SPUSBDataType")][::-1]
    seen = 0
    while waiting:
        entry, depth = waiting.pop()
        given = object_of(entry, "_items")
        if depth:
            yield given
        seen += 1
        if depth >= _DEEPEST or seen > _MOST:
            raise Misfit("SPUSBDataType: deeper or larger than any bus")
        waiting += [(child, depth + 1) for child in list_of(given.get("_items"), "_items")][::-1]


def _usb(given: dict[str, Any], index: int, sink: _Sink) -> None:
    vendor = given.get("vendor_id", given.get("USBDeviceKeyVendorID"))
    product = given.get("product_id", given.get("USBDeviceKeyProductID"))
    if vendor is None and product is None:
        sink.elements.unneeded(index, "USB entry without ids")
        return
    hardware = given.get("USBKeyHardwareType")
    built_in = given.get("Built-in_Device", given.get("built-in_device"))
    columns = {
        "event": "present",
        "vendor_id": _APPLE if vendor == "apple_vendor_id" else _hex(vendor),
        "product_id": _hex(product),
        "manufacturer": _text(given.get("manufacturer", given.get("USBDeviceKeyVendorName"))),
        "product": _text(given.get("_name")),
        "serial": _text(given.get("serial_num", given.get("USBDeviceKeySerialNumber"))),
        "bcd_device": _bcd(given.get("bcd_device", given.get("USBDeviceKeyProductVersion"))),
        "speed_mbps": _speed(given.get("device_speed", given.get("USBDeviceKeyLinkSpeed"))),
        "max_power_ma": _whole(given.get("bus_power_used")),
        "removable": {"Removable": True, "Built-in": False}.get(str(hardware))
        if hardware
        else _yes(built_in, negate=True),
        "port_path": str(given.get("location_id", given.get("USBKeyLocationID")) or "").partition(" ")[0] or None,
    }
    sink.row(UsbDevice, index, columns)


def _displays(value: Any) -> Iterator[dict[str, Any]]:
    """Displays of all graphics adapters.

    Raises:
        Misfit: they are no lists of objects.
    """
    for adapter in list_of(value, "SPDisplaysDataType"):
        for display in list_of(object_of(adapter, "SPDisplaysDataType").get("spdisplays_ndrvs"), "spdisplays_ndrvs"):
            yield object_of(display, "spdisplays_ndrvs")


def _display(given: dict[str, Any], index: int, sink: _Sink) -> None:
    connection = str(given.get("spdisplays_connection_type") or "").lower()
    wireless = (
        "airplay" in connection or "sidecar" in connection or given.get("spdisplays_virtualdevice") == "spdisplays_yes"
    )
    pixels = re.match(r"(\d{1,5}) x (\d{1,5})", str(given.get("_spdisplays_pixels") or ""))
    refresh = re.search(r"@ ([\d.]{1,8})\s?Hz", str(given.get("_spdisplays_resolution") or ""))
    if wireless and given.get("_name") is not None:
        sink.elements.dropped["_name of a wireless display"] += 1
    columns: dict[str, Any] = {
        "connector": connection.removeprefix("spdisplays_") or None,
        "internal": connection == "spdisplays_internal" or "built-in" in str(given.get("spdisplays_display_type")),
        "name": None if wireless else _text(given.get("_name")),
        "vendor": pnp_letters(_hex(given.get("_spdisplays_display-vendor-id"))),
        "product_code": _hex(given.get("_spdisplays_display-product-id")),
        "serial_number": _hex(given.get("_spdisplays_display-serial-number")) or None,
        "week": _whole(given.get("_spdisplays_display-week")) or None,
        "year": _whole(given.get("_spdisplays_display-year")) or None,
        "width": int(pixels[1]) if pixels else None,
        "height": int(pixels[2]) if pixels else None,
        "refresh_hz": refresh[1] if refresh else None,
    }
    raw = given.get("_spdisplays_edid", given.get("_IODisplayEDID"))
    decoded, fault = display_columns(bytes_of(raw, "_spdisplays_edid"))
    sink.row(Display, index, columns | {name: value for name, value in decoded.items() if value is not None})
    if fault:
        sink.elements.reject(index, fault)


def _power(value: Any, index: int, sink: _Sink) -> None:
    parts = [object_of(part, "SPPowerDataType") for part in list_of(value, "SPPowerDataType")]
    joined: dict[str, Any] = {}
    for part in parts:
        joined |= part
        for inner in ("sppower_battery_charge_info", "sppower_battery_health_info"):
            joined |= object_of(part.get(inner), inner)
    mains = _yes(joined.get("sppower_battery_charger_connected"))
    charge = joined.get("sppower_battery_state_of_charge")
    if mains is None and charge is None:
        sink.elements.unneeded(index, "power settings without a battery or charger")
        return
    cycles = _whole(joined.get("sppower_battery_cycle_count"))
    columns = {"event": "state", "on_mains": mains, "battery_pct": charge, "cycles": cycles}
    sink.row(PowerEvent, index, columns)


def _overview(value: tuple[dict[str, Any], dict[str, Any]], index: int, sink: _Sink) -> None:
    overview, software = value
    columns = {
        "platform": "darwin",
        "os": _text(software.get("os_version")),
        "vendor": "Apple",
        "model": _text(overview.get("machine_model")),
        "serial": _text(overview.get("serial_number")),
        "hardware_uuid": str(overview.get("platform_UUID") or "").lower() or None,
    }
    sink.row(DeviceFact, index, columns)


def pnp_letters(packed: int | None) -> str | None:
    """The three letters of a display's vendor number (five bits each); None where it holds none."""
    if packed is None:
        return None
    codes = (packed >> 10 & 31, packed >> 5 & 31, packed & 31)
    return (
        "".join(chr(64 + code) for code in codes)
        if all(1 <= code <= 26 for code in codes) and packed < 1 << 15
        else None
    )


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _hex(value: Any) -> int | None:
    """``0x046d  (Logitech Inc.)``, ``10ac`` or a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = re.match(r"(?:0x)?([0-9a-fA-F]{1,8})\b", value.strip()) if isinstance(value, str) else None
    return int(match[1], 16) if match else None


def _bcd(value: Any) -> int | None:
    """``1.00`` as 0x0100; a number in hexadecimal as it is."""
    match = re.fullmatch(r"([0-9a-fA-F]{1,2})\.([0-9a-fA-F]{2})", value) if isinstance(value, str) else None
    return int(match[1] + match[2], 16) if match else _hex(value)


def _whole(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value.strip()) else None


def _speed(value: Any) -> float | None:
    """``high_speed``, or ``480 Mb/s`` and ``5 Gb/s``."""
    text = str(value or "").strip().lower()
    match = re.match(r"(?:up to )?([\d.]{1,6}) ([mg])b/s", text)
    if match and match[1].count(".") < 2 and match[1] != ".":
        return float(match[1]) * (1000 if match[2] == "g" else 1)
    return _SPEEDS.get(text)


def _yes(value: Any, *, negate: bool = False) -> bool | None:
    known = {"true": True, "yes": True, "false": False, "no": False}.get(str(value).lower())
    return None if known is None else known != negate
