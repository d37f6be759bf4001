"""Columns of USB devices and displays, worked out of the bytes that the hardware gave.

Each function returns columns by name and what was wrong with the bytes in words (empty: nothing): a device whose
descriptor is broken is still there, and its fault is told.

Decoded bytes are remembered: a fleet has few models of keyboard, and each device sends its own every hour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from farmwatch.errors import DecodeError
from farmwatch.wire.hardware.edid import Edid, decode_edid
from farmwatch.wire.hardware.hid import decode_report_descriptor
from farmwatch.wire.hardware.usb import decode_descriptors

__all__ = ["display_columns", "hid_columns", "joined", "usb_columns"]


T = TypeVar("T")
_KEPT = 1024  # decoded results of each kind
_LONGEST_KEPT = 4096  # bytes; no device made for people needs more, and a hostile sender shall not fill the memory


def _remembered(decode: Callable[[bytes], T]) -> Callable[[bytes], T]:
    """A decoder that remembers its latest results of ordinary size."""
    kept = lru_cache(_KEPT)(decode)
    return lambda data: kept(data) if len(data) <= _LONGEST_KEPT else decode(data)


_edid = _remembered(decode_edid)
_report = _remembered(decode_report_descriptor)
_usb = _remembered(decode_descriptors)


def joined(texts: Sequence[str], limit: int = 32) -> str | None:
    """Texts with commas between; a comma inside a text becomes a semicolon. None for no text."""
    return ",".join(text.replace(",", ";")[:120] for text in texts[:limit]) or None


def display_columns(edid: bytes) -> tuple[dict[str, Any], str]:
    """Columns of table ``displays`` from an EDID."""
    if not edid:
        return {}, ""
    try:
        seen = _edid(edid)
    except DecodeError as error:
        return {}, f"edid: {error}"
    mode, limits = seen.preferred, seen.range_limits
    columns = {
        "vendor": seen.vendor_id,
        "product_code": seen.product_code,
        "serial_number": seen.serial_number or None,
        "serial_text": seen.serial_text or None,
        "name": seen.name or None,
        "week": seen.week or None,
        "year": seen.year,
        "width": mode.width if mode else None,
        "height": mode.height if mode else None,
        "refresh_hz": mode.refresh_hz if mode else None,
        "width_mm": seen.width_mm or None,
        "height_mm": seen.height_mm or None,
        "pixel_clock_khz": mode.pixel_clock_khz if mode else None,
        "max_pixel_clock_mhz": (limits.max_pixel_clock_mhz or None) if limits else None,
        "extensions": seen.extensions_announced,
        "extensions_present": len(seen.extensions),
        "edid_sha256": seen.sha256,
        "extension_sha256": joined([extension.sha256 for extension in seen.extensions]),
        "sound": _sound(seen),
    }
    return columns, ""


def _sound(seen: Edid) -> bool:
    whole = len(seen.extensions) == seen.extensions_announced
    return whole and seen.checksum_ok and all(extension.checksum_ok for extension in seen.extensions)


def usb_columns(descriptors: bytes) -> tuple[dict[str, Any], str]:
    """Columns of table ``usb_devices`` from what sysfs shows as ``descriptors``."""
    if not descriptors:
        return {}, ""
    try:
        seen = _usb(descriptors)
    except DecodeError as error:
        return {}, f"usb descriptors: {error}"
    columns: dict[str, Any] = {
        "vendor_id": seen.vendor_id,
        "product_id": seen.product_id,
        "bcd_device": seen.bcd_device,
        "bcd_usb": seen.bcd_usb,
        "device_class": seen.triplet,
    }
    if seen.configurations:
        first = seen.configurations[0]
        columns |= {
            "interfaces": joined(first.triplets),
            "max_power_ma": first.max_power_ma,
            "attributes": first.attributes,
        }
    return columns, "" if seen.complete else "usb descriptors: not complete"


def hid_columns(descriptors: Sequence[bytes]) -> tuple[dict[str, Any], str]:
    """Hashes and kinds of HID report descriptors, in the order of the interfaces."""
    hashes: list[str] = []
    kinds: list[str] = []
    fault = ""
    for raw in descriptors:
        if not raw:
            continue
        try:
            seen = _report(raw)
        except DecodeError as error:
            fault = f"report descriptor: {error}"
            continue
        hashes.append(seen.short_hash)
        kinds += [kind.value for kind in seen.kinds]
    return {"hid_reports": joined(hashes), "hid_kinds": joined(list(dict.fromkeys(kinds)))}, fault
