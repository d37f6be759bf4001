"""USB descriptors as an operating system read them from a device, and the words for classes and speeds.

Sources: USB 2.0 specification, sections 9.6.1 (device), 9.6.3 (configuration), 9.6.5 (interface), 9.6.6 (endpoint);
USB 3.2 section 9.6.3 for the unit of bMaxPower; HID 1.11 section 6.2.1; Linux ``Documentation/ABI/testing/
sysfs-bus-usb`` for the ``descriptors`` file (device descriptor, then every configuration as the device sent it).

Why the HID country code is only *localized* or not: it names a keyboard layout, which farmwatch keeps nowhere; that
a keyboard declares none is a trait of remote-control boxes. :func:`blank_country` takes it out of raw bytes.

Sample device descriptor: ``12 01 0002 00 00 00 40 6b1d 0401 0001 01 02 03 01`` is 1d6b:0104, revision 1.00.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from farmwatch.errors import DecodeError

__all__ = [
    "Configuration", "Endpoint", "HidFunction", "Interface", "Signature", "UsbDescriptors", "blank_country",
    "class_triplet", "decode_descriptors", "decode_signature", "speed_word",
]  # fmt: skip

_MAX_BYTES = 1 << 20
_MAX_ITEMS = 4096  # descriptors of one device; a camera has a few hundred
_SPEEDS = {  # Mbit/s as Linux writes them (drivers/usb/core/sysfs.c) to the words of the specifications
    "1.5": "low", "12": "full", "480": "high", "5000": "super", "10000": "super+", "20000": "super+ 2x2",
}  # fmt: skip
_LOCALIZED = 0xFF  # stands for any country code other than 0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint: address with direction bit, transfer type (0 control to 3 interrupt), packet bytes, interval."""

    address: int
    transfer: int
    max_packet: int
    interval: int


@dataclass(frozen=True, slots=True)
class HidFunction:
    """The HID descriptor of an interface: version as BCD (0x0101), whether a country is named, report bytes."""

    bcd_hid: int
    localized: bool
    report_bytes: int


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface or alternate setting; ``triplet`` is class, subclass, protocol as six hex digits."""

    number: int
    alternate: int
    triplet: str
    name_index: int
    hid: HidFunction | None
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class Configuration:
    """One configuration; ``max_power_ma`` as declared, ``attributes`` bit 6 self powered, bit 5 remote wake-up.

    ``interfaces_announced`` may differ from the interfaces present.
    """

    value: int
    name_index: int
    attributes: int
    max_power_ma: int
    interfaces_announced: int
    interfaces: tuple[Interface, ...]

    @property
    def triplets(self) -> tuple[str, ...]:
        """Class triplets of the interfaces in order, alternate settings left out."""
        return tuple(interface.triplet for interface in self.interfaces if not interface.alternate)


@dataclass(frozen=True, slots=True)
class UsbDescriptors:
    """Device descriptor and configurations; the indexes point at strings, 0 for none."""

    bcd_usb: int
    triplet: str
    max_packet: int
    vendor_id: int
    product_id: int
    bcd_device: int
    manufacturer_index: int
    product_index: int
    serial_index: int
    configurations_announced: int
    configurations: tuple[Configuration, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """What macOS keeps as ``UsbDeviceSignature``: identity, and every distinct interface triplet in order."""

    vendor_id: int
    product_id: int
    bcd_device: int
    triplet: str
    interfaces: tuple[str, ...]


def class_triplet(base: int, sub: int, protocol: int) -> str:
    """Class, subclass and protocol as six lower-case hex digits; sample: ``030101`` is a boot keyboard."""
    return f"{base & 0xFF:02x}{sub & 0xFF:02x}{protocol & 0xFF:02x}"


def speed_word(megabits: str) -> str:
    """The specification's word for a speed in Mbit/s as Linux writes it (``480`` is ``high``); empty if unknown."""
    return _SPEEDS.get(megabits.strip(), "")


def decode_descriptors(data: bytes) -> UsbDescriptors:
    """Decode the bytes of a sysfs ``descriptors`` file.

    ``complete`` is false where configurations or interfaces are fewer than announced, or a descriptor runs over the
    end; what was read up to there is kept.

    Raises:
        DecodeError: no device descriptor at the start, or more than a mebibyte.
    """
    if len(data) > _MAX_BYTES:
        raise DecodeError(f"descriptors of {len(data)} bytes; at most {_MAX_BYTES}")
    if len(data) < 18 or data[0] < 18 or data[1] != 1:
        raise DecodeError("does not begin with an 18-byte device descriptor")
    fields: tuple[int, ...] = struct.unpack_from("<HBBBBHHHBBBB", data, 2)
    usb, base, sub, protocol, packet, vendor, product, device, manufacturer, name, serial, announced = fields
    configurations, complete = _configurations(data, data[0], _unit_ma(usb))
    return UsbDescriptors(
        usb,
        class_triplet(base, sub, protocol),
        packet,
        vendor,
        product,
        device,
        manufacturer,
        name,
        serial,
        announced,
        configurations,
        complete and len(configurations) == announced and all(map(_whole, configurations)),
    )


def blank_country(data: bytes) -> bytes:
    """The same descriptors with every HID country code other than 0 replaced by 255, which no country has.

    Bytes behind the first descriptor that cannot be walked over are left out: they could hide a code.
    """
    blanked = bytearray(data)
    at = 0
    for _ in range(_MAX_ITEMS):
        if at + 2 > len(blanked) or blanked[at] < 2 or at + blanked[at] > len(blanked):
            break
        size = blanked[at]
        if blanked[at + 1] == 0x21 and size >= 5 and blanked[at + 4]:
            blanked[at + 4] = _LOCALIZED
        at += size
    return bytes(blanked[:at])


def decode_signature(data: bytes, serial: str) -> Signature:
    """Decode a ``UsbDeviceSignature`` of the macOS I/O registry.

    Layout as seen in dumps: vendor, product, revision (16 bits each, least significant byte first), the serial number
    as text, the device's class triplet, then one triplet per kind of interface.
    Sample with serial ``AB``: ``6b1d 0401 0001 4142 000000 030101`` is 1d6b:0104 with a boot keyboard.

    Raises:
        DecodeError: shorter than that, the serial number not where it belongs, or no whole triplets.
    """
    text = serial.encode("utf-8", "replace")
    rest = data[6 + len(text) :]
    if len(data) > _MAX_BYTES or len(data) < 9 or data[6 : 6 + len(text)] != text or len(rest) < 3 or len(rest) % 3:
        raise DecodeError(f"device signature of {len(data)} bytes does not hold its serial number and class triplets")
    vendor, product, device = struct.unpack_from("<HHH", data)
    triplets = tuple(rest[at : at + 3].hex() for at in range(0, len(rest), 3))
    return Signature(vendor, product, device, triplets[0], triplets[1:])


def _unit_ma(bcd_usb: int) -> int:
    """The field bMaxPower counts 8 mA steps from USB 3.0 on, 2 mA steps before."""
    return 8 if bcd_usb >= 0x0300 else 2


def _descriptors(data: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Type and bytes of one descriptor after the other, up to one that is cut short."""
    for _ in range(_MAX_ITEMS):
        if at + 2 > len(data) or data[at] < 2 or at + data[at] > len(data):
            break
        yield data[at + 1], data[at : at + data[at]]
        at += data[at]
    if at < len(data):
        yield -1, data[at : at + 2]


def _configurations(data: bytes, start: int, unit_ma: int) -> tuple[tuple[Configuration, ...], bool]:
    """All configurations, and whether every byte was accounted for."""
    done: list[Configuration] = []
    head = b""
    interfaces: list[Interface] = []
    complete = True
    for kind, raw in _descriptors(data, start):
        if kind == -1:
            complete = False
        elif kind == 2 and len(raw) >= 9:
            done += _finished(head, interfaces, unit_ma)
            head, interfaces = raw, []
        elif kind == 4 and len(raw) >= 9 and head:
            triplet = class_triplet(raw[5], raw[6], raw[7])
            interfaces.append(Interface(raw[2], raw[3], triplet, raw[8], None, ()))
        elif interfaces:
            interfaces[-1] = _extended(interfaces[-1], kind, raw)
    done += _finished(head, interfaces, unit_ma)
    return tuple(done), complete


def _whole(configuration: Configuration) -> bool:
    """Whether all announced interfaces are there."""
    return len({interface.number for interface in configuration.interfaces}) == configuration.interfaces_announced


def _finished(head: bytes, interfaces: list[Interface], unit_ma: int) -> list[Configuration]:
    if not head:
        return []
    return [Configuration(head[5], head[6], head[7], head[8] * unit_ma, head[4], tuple(interfaces))]


def _extended(interface: Interface, kind: int, raw: bytes) -> Interface:
    """The interface with one more of its descriptors."""
    if kind == 0x21 and interface.triplet.startswith("03") and len(raw) >= 9:
        version, country, _, _, size = struct.unpack_from("<HBBBH", raw, 2)
        return replace(interface, hid=HidFunction(version, bool(country), size))
    if kind == 5 and len(raw) >= 7:
        endpoint = Endpoint(raw[2], raw[3] & 3, int.from_bytes(raw[4:6], "little") & 0x7FF, raw[6])
        return replace(interface, endpoints=(*interface.endpoints, endpoint))
    return interface
