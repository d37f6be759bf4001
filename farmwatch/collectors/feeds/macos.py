"""macOS hardware: ``system_profiler -json``, and the I/O registry as ``ioreg -a`` (property list) or ``ioreg -l``.

``system_profiler -json SPUSBDataType SPDisplaysDataType SPPowerDataType SPHardwareDataType`` (SPUSBHostDataType from
macOS 26 on) is one object of lists; values are texts: ``"vendor_id": "0x1d6b  (Linux Foundation)"``. The registry is a
tree; its USB devices carry ``UsbDeviceSignature``, which holds every interface class, its displays an EDID, its HID
devices a report descriptor.

A record is a USB device, a display, a HID device, the power state, the hardware overview, or any other part, which is
not needed. An output names no time: it is that of arrival. The device is the caller's, else the hardware UUID.

Left behind and counted: names of the computer and its users, of wireless displays and wireless input devices.
"""

from __future__ import annotations

import json
import plistlib
import re
import xml.parsers.expat
from collections.abc import Iterator
from typing import Any, ClassVar

from farmwatch.collectors.feeds.contract import ByteStream, Context, Parsed, Sample
from farmwatch.collectors.feeds.elements import Elements
from farmwatch.collectors.feeds.lines import read_all
from farmwatch.collectors.feeds.macos_profiler import read_profile
from farmwatch.collectors.feeds.macos_registry import read_registry, registry_entries, registry_text
from farmwatch.errors import SourceError
from farmwatch.records import DeviceFact, Display, PowerEvent, Record, UsbDevice

__all__ = ["MacHardware"]

_LARGEST = 256 << 20
_UNREADABLE = (  # plistlib lets all of these through for property lists that are none
    ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError, xml.parsers.expat.ExpatError,
)  # fmt: skip
_DATA_TYPE = re.compile(r"SP[A-Za-z0-9]+DataType")


class MacHardware:
    """Hardware of a Mac as its own tools print it."""

    kind: ClassVar[str] = "macos"
    sentence: ClassVar[str] = "macOS hardware: system_profiler -json, ioreg -a or ioreg -l."
    tables: ClassVar[tuple[type[Record], ...]] = (DeviceFact, UsbDevice, Display, PowerEvent)

    def recognises(self, sample: Sample) -> bool:
        """Objects of SP…DataType lists, property lists of the registry, or its tree as text."""
        if sample.documents:
            return _is_profile(sample.documents[0]) or "IORegistryEntryChildren" in sample.documents[0]
        if b"<plist" in sample.head and b"IORegistryEntry" in sample.head:
            return True
        head = sample.head[:4096].lstrip()
        # An output of several megabytes in one object is no whole document in the sample: its first key tells it.
        return head.startswith(b"+-o ") or re.match(rb'\{\s*"SP[A-Za-z0-9]+DataType"\s*:', head) is not None

    def read(self, stream: ByteStream, context: Context) -> Iterator[Parsed]:
        """Read an output; see the module.

        Raises:
            SourceError: it is neither of the three, or larger than 256 MiB.
        """
        data = read_all(stream, _LARGEST)
        elements = Elements()
        start = data.lstrip(b" \t\r\n\xef\xbb\xbf")
        try:
            if start.startswith((b"<?xml", b"<!DOCTYPE", b"<plist", b"bplist")):
                read_registry(registry_entries(plistlib.loads(start)), elements, context)
            elif start.startswith((b"{", b"[")):
                document = json.loads(data)
                if _is_profile(document):
                    read_profile(document, elements, context)
                else:
                    read_registry(registry_entries(document), elements, context)
            else:
                read_registry(registry_text(data.decode("utf-8", "replace")), elements, context)
        except _UNREADABLE as error:
            elements.reject(elements.new(1), f"cannot be read as a whole: {type(error).__name__}")
            yield elements.finish()
            raise SourceError(context.name, 0, f"neither system_profiler -json nor ioreg output: {error}") from error
        yield elements.finish()


def _is_profile(document: Any) -> bool:
    return isinstance(document, dict) and any(_DATA_TYPE.fullmatch(name) for name in document)
