"""EDIDs, report descriptors and USB descriptors built from documented values, for every test that needs a device."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: The keyboard of the Linux kernel's gadget documentation; JetKVM and NanoKVM send the same bytes.
KERNEL_KEYBOARD = bytes.fromhex(
    "05010906a101050719e029e71500250175019508810295017508810395057501050819012905910295017503910395067508150025650507"
    "190029658100c0"
)
#: The mouse of HID 1.11 appendix E.10.
BOOT_MOUSE = bytes.fromhex(
    "05010902a1010901a100050919012903150025019503750181029501750581010501093009311581257f750895028106c0c0"
)
#: A pointer that sends positions from 0 to 32767, two buttons of eight and a wheel, written for these tests.
ABSOLUTE_POINTER = bytes.fromhex(
    "05010902a1010509190129081500250195087501810205010930093116000026ff7f75109502810209381581257f750895018106c0"
)
#: Volume keys, power keys, a touch screen and a maker's own collection, one application each.
CONSUMER = bytes.fromhex("050c0901a1018503150026010219002aff02751095018100c0")
SYSTEM = bytes.fromhex("05010980a10185041981298315012503750295018100c0")
TOUCH = bytes.fromhex("050d0904a1010922a10209421500250175019501810295078103050109301500260010751095018102c0c0")
VENDOR = bytes.fromhex("0600ff0901a101150026ff007508954009018102c0")

#: The second block that GL.iNet's Comet appends to any EDID its user supplies.
COMET_CTA = bytes.fromhex("020312f0230904018301000065030c0010").ljust(127, b"\0") + b"\xc0"


def vendor_code(letters: str) -> int:
    return (ord(letters[0]) - 64) << 10 | (ord(letters[1]) - 64) << 5 | (ord(letters[2]) - 64)


def with_checksum(block: bytes) -> bytes:
    block = block[:127].ljust(127, b"\0")
    return block + bytes([-sum(block) & 0xFF])


#: CEA-861 timings: pixel clock in kHz, width, blanking, height, blanking.
MODES = {
    "1280x720@60": (74_250, 1280, 370, 720, 30),
    "1920x1080@60": (148_500, 1920, 280, 1080, 45),
    "1920x1080@30": (74_250, 1920, 280, 1080, 45),
    "2560x1440@60": (241_500, 2560, 160, 1440, 41),
}


def timing(mode: str, width_mm: int = 0, height_mm: int = 0) -> bytes:
    clock, width, h_blank, height, v_blank = MODES[mode]
    return struct.pack(
        "<H16B",
        clock // 10,
        width & 255, h_blank & 255, (width >> 8) << 4 | h_blank >> 8,
        height & 255, v_blank & 255, (height >> 8) << 4 | v_blank >> 8,
        88, 44, 4 << 4 | 5, 0,
        width_mm & 255, height_mm & 255, (width_mm >> 8) << 4 | height_mm >> 8,
        0, 0, 0x1E,
    )  # fmt: skip


def text(tag: int, value: str) -> bytes:
    return bytes([0, 0, 0, tag, 0]) + (value.encode() + b"\n").ljust(13, b" ")[:13]


def limits(low_v: int, high_v: int, low_h: int = 30, high_h: int = 80, clock_mhz: int = 150) -> bytes:
    return bytes([0, 0, 0, 0xFD, 0, low_v, high_v, low_h, high_h, clock_mhz // 10, 0, 10, *[32] * 6])


def edid(
    vendor: str, product: int, name: str, *, mode: str = "1920x1080@60", serial: int = 0, serial_text: str = "",
    week: int = 0, year: int = 2020, size_cm: tuple[int, int] = (53, 30), version: int = 3, definition: int = 0x80,
    announced: int | None = None, extensions: Sequence[bytes] = (), rates: tuple[int, int] = (50, 75),
) -> bytes:  # fmt: skip
    """An EDID whose fields have the given values, checksums right."""
    descriptors = [timing(mode, size_cm[0] * 10, size_cm[1] * 10), text(0xFC, name), limits(*rates)]
    if serial_text:
        descriptors.append(text(0xFF, serial_text))
    body = b"".join(descriptors).ljust(72, b"\0")
    if len(descriptors) < 4:
        body = body[:54] + bytes([0, 0, 0, 0x10, 0, *[0] * 13])
    head = (
        b"\x00\xff\xff\xff\xff\xff\xff\x00"
        + struct.pack(">H", vendor_code(vendor))
        + struct.pack("<HI", product, serial)
    )
    head += bytes([week, year - 1990, 1, version, definition, *size_cm, 120, 0x0A])
    head += bytes.fromhex("ee91a3544c99260f5054") + bytes([0, 0, 0]) + b"\x01\x01" * 8
    count = len(extensions) if announced is None else announced
    return with_checksum(head + body + bytes([count])) + b"".join(extensions)


def cta(*blocks: bytes, timings: Iterable[bytes] = ()) -> bytes:
    """A CTA-861 block, revision 3, of data blocks and timings."""
    joined = b"".join(blocks)
    return with_checksum(bytes([2, 3, 4 + len(joined), 0xF1]) + joined + b"".join(timings))


def data_block(tag: int, payload: bytes) -> bytes:
    return bytes([tag << 5 | len(payload)]) + payload


PIKVM_EDID = edid(
    "LNX", 0x7773, "PiKVM V4 Plus", serial=0x01010101, serial_text="CAFEBABE", week=35, year=2016,
    extensions=[cta(data_block(2, bytes([0x90, 4, 3])), data_block(3, b"\x03\x0c\x00\x10\x00\x00\x2d"))],
)  # fmt: skip
JETKVM_EDID = edid("TSB", 0x8801, "T749-fHD720", serial=0x88888800, week=28, year=2011, announced=1)
TINYPILOT_EDID = edid("TSB", 0x9876, "TinyPilot", serial=0x88888800, week=45, year=2020, mode="1920x1080@30")
NANOKVM_EDID = edid("SPD", 0x3301, "NanoKVM", serial=0x15, serial_text="NanoKVM", week=30, year=2025)
COMET_EDID = edid("DEL", 0x41A8, "DELL P2422H", serial=0x30313233, week=20, year=2021, extensions=[COMET_CTA])


@dataclass(frozen=True)
class Function:
    """One interface of a gadget: class triplet, index of its string, and the size of its report descriptor."""

    triplet: tuple[int, int, int]
    string: int = 0
    report_bytes: int = 0
    country: int = 0
    packet: int = 8
    interval: int = 4

    def descriptors(self, number: int) -> bytes:
        """Interface, HID and endpoint descriptor."""
        head = bytes([9, 4, number, 0, 1, *self.triplet, self.string])
        if self.report_bytes:
            head += struct.pack("<BBHBBBH", 9, 0x21, 0x0101, self.country, 1, 0x22, self.report_bytes)
            return head + struct.pack("<BBBBHB", 7, 5, 0x81 + number, 3, self.packet, self.interval)
        return head + struct.pack("<BBBBHB", 7, 5, 0x81 + number, 2, 512, 0)


def usb(
    vendor: int, product: int, functions: Sequence[Function], *, revision: int = 0x0100, attributes: int = 0xA0,
    power_ma: int = 250, bcd_usb: int = 0x0200, strings: tuple[int, int, int] = (1, 2, 3),
) -> bytes:  # fmt: skip
    """What sysfs shows as ``descriptors``: device descriptor and one configuration."""
    device = struct.pack("<BBHBBBBHHHBBBB", 18, 1, bcd_usb, 0, 0, 0, 64, vendor, product, revision, *strings, 1)
    body = b"".join(function.descriptors(number) for number, function in enumerate(functions))
    config = struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), len(functions), 1, 4, attributes, power_ma // 2)
    return device + config + body


#: GL.iNet Comet up to 1.3.1 as its lsusb dump describes it, without the CDC details of the network function.
COMET_USB = usb(
    0x1D6B, 0x0104,
    [
        Function((0xE0, 1, 3), 5), Function((10, 0, 0), 6), Function((3, 1, 1), 9, report_bytes=65),
        Function((3, 0, 0), 11, report_bytes=73, packet=7), Function((8, 6, 0x50), 13), Function((8, 6, 0x50), 15),
    ],
)  # fmt: skip
