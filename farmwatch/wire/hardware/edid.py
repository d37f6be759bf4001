"""EDID: what a display, a dummy plug or the capture chip of a remote-control box says it is.

Sources: VESA E-EDID Standard, Release A, Revision 2 (EDID 1.4), sections 3.3 to 3.11; CTA-861-G section 7.5 for the
extension block; HDMI 1.4b section 8.3.2 and HDMI 2.0 section 10.3.2 for the vendor blocks inside it.

Why a wrong checksum is no error: capture boxes are known to announce an extension they do not carry or to pad a block
carelessly, and operating systems show such displays all the same. The fact is kept per block.

Sample, the start of a base block: ``00 ff ff ff ff ff ff 00  31 d8  73 77  01 01 01 01  23 1a  01 03`` is LNX,
product 0x7773, serial 0x01010101, week 35 of 2016, EDID 1.3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.text import printable

__all__ = ["Cta", "Edid", "Extension", "RangeLimits", "Timing", "decode_edid"]

BLOCK = 128  #: bytes of every block
_HEADER = b"\x00\xff\xff\xff\xff\xff\xff\x00"
_INTERFACES = ("", "dvi", "hdmi-a", "hdmi-b", "mddi", "displayport")  # table 3.11
_MAX_EXTENSIONS = 255  # section 3.11: the count is one byte
_CTA = 0x02  # CTA-861-G table 52: extension tag
_HDMI = b"\x03\x0c\x00"  # IEEE identifier of HDMI Licensing, least significant byte first
_HDMI_FORUM = b"\xd8\x5d\xc4"


@dataclass(frozen=True, slots=True)
class Timing:
    """One detailed timing (section 3.10.2). Refresh in frames a second, fields where ``interlaced``."""

    width: int
    height: int
    refresh_hz: float
    pixel_clock_khz: int
    interlaced: bool


@dataclass(frozen=True, slots=True)
class RangeLimits:
    """Display range limits (section 3.10.3.3.1). ``max_pixel_clock_mhz`` is 0 where it is not given."""

    min_vertical_hz: int
    max_vertical_hz: int
    min_horizontal_khz: int
    max_horizontal_khz: int
    max_pixel_clock_mhz: int


@dataclass(frozen=True, slots=True)
class Cta:
    """A CTA-861 extension block (CTA-861-G section 7.5).

    ``vics`` are the video codes of its video data block, ``physical_address`` the HDMI address (``1.0.0.0``, empty
    without an HDMI vendor block), ``max_tmds_mhz`` the highest TMDS clock either vendor block gives, 0 for none.
    """

    revision: int
    vics: tuple[int, ...]
    audio: bool
    hdmi: bool
    physical_address: str
    max_tmds_mhz: int
    timings: tuple[Timing, ...]


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension block: its tag, the hash of its 128 bytes, and what it says where it is a CTA-861 block."""

    tag: int
    sha256: str
    checksum_ok: bool
    cta: Cta | None


@dataclass(frozen=True, slots=True)
class Edid:
    """A decoded EDID.

    ``week`` is 0 where none is given (or the year is that of the model: ``model_year``). ``interface`` is ``dvi``,
    ``hdmi-a``, ``hdmi-b``, ``mddi`` or ``displayport`` where EDID 1.4 names one. Sizes are those of the preferred
    timing, else of the base block, 0 where unknown. Texts are as sent, without padding, made safe to show.
    ``extensions_announced`` may differ from ``len(extensions)``.
    """

    vendor_id: str
    product_code: int
    serial_number: int
    week: int
    year: int
    model_year: bool
    version: str
    digital: bool
    interface: str
    width_mm: int
    height_mm: int
    preferred: Timing | None
    timings: tuple[Timing, ...]
    name: str
    serial_text: str
    texts: tuple[str, ...]
    range_limits: RangeLimits | None
    checksum_ok: bool
    sha256: str
    extensions_announced: int
    extensions: tuple[Extension, ...]


def decode_edid(data: bytes) -> Edid:
    """Decode an EDID as read from a display: the base block and the extension blocks that follow it.

    Bytes behind the last whole block are left out of account.

    Raises:
        DecodeError: shorter than a base block, or without the fixed header of section 3.3.
    """
    if len(data) < BLOCK:
        raise DecodeError(f"EDID of {len(data)} bytes; a base block has {BLOCK}")
    if data[:8] != _HEADER:
        raise DecodeError("EDID does not begin with 00 ff ff ff ff ff ff 00")
    base = data[:BLOCK]
    version = f"{base[18]}.{base[19]}"
    digital = bool(base[20] & 0x80)
    descriptors = [base[at : at + 18] for at in range(54, 126, 18)]
    timings = tuple(timing for timing in map(_timing, descriptors) if timing)
    names, serials, texts = (_texts(descriptors, tag) for tag in (0xFC, 0xFF, 0xFE))
    width_mm, height_mm = _size(base, descriptors[0])
    return Edid(
        vendor_id=_vendor(base[8] << 8 | base[9]),
        product_code=int.from_bytes(base[10:12], "little"),
        serial_number=int.from_bytes(base[12:16], "little"),
        week=base[16] if 1 <= base[16] <= 54 else 0,
        year=1990 + base[17],
        model_year=base[16] == 0xFF,
        version=version,
        digital=digital,
        interface=_interface(base[20]) if digital and (base[18], base[19]) >= (1, 4) else "",
        width_mm=width_mm,
        height_mm=height_mm,
        preferred=_timing(descriptors[0]),
        timings=timings,
        name=names[0] if names else "",
        serial_text=serials[0] if serials else "",
        texts=tuple(texts),
        range_limits=_range_limits(descriptors, version),
        checksum_ok=_sound(base),
        sha256=hashlib.sha256(base).hexdigest(),
        extensions_announced=base[126],
        extensions=tuple(_extensions(data[BLOCK:])),
    )


def _vendor(packed: int) -> str:
    """Three letters of five bits each (section 3.4.1); codes that are no letters show as ``?``."""
    codes = (packed >> 10 & 31, packed >> 5 & 31, packed & 31)
    return "".join(chr(64 + code) if 1 <= code <= 26 else "?" for code in codes)


def _interface(definition: int) -> str:
    code = definition & 15
    return _INTERFACES[code] if code < len(_INTERFACES) else ""


def _sound(block: bytes) -> bool:
    """All bytes of a block add up to zero (section 3.11)."""
    return sum(block) & 0xFF == 0


def _size(base: bytes, first: bytes) -> tuple[int, int]:
    """Image size in mm: exact in the first timing, in whole centimetres in bytes 21 and 22 (section 3.6.2)."""
    width, height = first[12] | (first[14] & 0xF0) << 4, first[13] | (first[14] & 0x0F) << 8
    if _timing(first) and width and height:
        return width, height
    return (base[21] * 10, base[22] * 10) if base[21] and base[22] else (0, 0)


def _timing(descriptor: bytes) -> Timing | None:
    """A detailed timing (table 3.21); None where the 18 bytes are a display descriptor or describe no picture."""
    clock = int.from_bytes(descriptor[:2], "little")
    width = descriptor[2] | (descriptor[4] & 0xF0) << 4
    height = descriptor[5] | (descriptor[7] & 0xF0) << 4
    total_width = width + (descriptor[3] | (descriptor[4] & 0x0F) << 8)
    total_height = height + (descriptor[6] | (descriptor[7] & 0x0F) << 8)
    if not clock or not width or not height:
        return None
    interlaced = bool(descriptor[17] & 0x80)
    refresh = round(clock * 10_000 / (total_width * total_height), 3)
    return Timing(width, height * 2 if interlaced else height, refresh, clock * 10, interlaced)


def _texts(descriptors: list[bytes], tag: int) -> list[str]:
    """Texts of the display descriptors with a tag (section 3.10.3): 13 bytes, ended by a line feed, padded."""
    return [
        printable(descriptor[5:].split(b"\n", 1)[0].rstrip(b" \x00"))
        for descriptor in descriptors
        if descriptor[:3] == b"\x00\x00\x00" and descriptor[3] == tag
    ]


def _range_limits(descriptors: list[bytes], version: str) -> RangeLimits | None:
    """Tag 0xFD (table 3.26); EDID 1.4 adds 255 to rates whose offset flag is set."""
    for descriptor in descriptors:
        if descriptor[:3] == b"\x00\x00\x00" and descriptor[3] == 0xFD:
            flags = descriptor[4] if version == "1.4" else 0
            low_v, high_v, low_h, high_h, clock = descriptor[5:10]
            return RangeLimits(
                low_v + (255 if flags & 0b0011 == 0b0011 else 0),
                high_v + (255 if flags & 0b0010 else 0),
                low_h + (255 if flags & 0b1100 == 0b1100 else 0),
                high_h + (255 if flags & 0b1000 else 0),
                0 if clock == 0xFF else clock * 10,
            )
    return None


def _extensions(rest: bytes) -> Iterator[Extension]:
    for number in range(min(len(rest) // BLOCK, _MAX_EXTENSIONS)):
        block = rest[number * BLOCK : (number + 1) * BLOCK]
        cta = _cta(block) if block[0] == _CTA else None
        yield Extension(block[0], hashlib.sha256(block).hexdigest(), _sound(block), cta)


def _cta(block: bytes) -> Cta:
    """The data block collection between byte 4 and the offset in byte 2, then timings (CTA-861-G section 7.5)."""
    offset = block[2]
    vics: list[int] = []
    physical, hdmi, max_tmds = "", False, 0
    for tag, payload in _data_blocks(block, min(offset, 127)):
        if tag == 2:
            vics += [_vic(code) for code in payload]
        elif tag == 3 and payload[:3] == _HDMI:
            hdmi = True
            if len(payload) >= 5 and not physical:
                physical = ".".join(str(nibble) for byte in payload[3:5] for nibble in (byte >> 4, byte & 15))
            if len(payload) >= 7:
                max_tmds = max(max_tmds, payload[6] * 5)
        elif tag == 3 and payload[:3] == _HDMI_FORUM and len(payload) >= 5:
            max_tmds = max(max_tmds, payload[4] * 5)
    timings = []
    if offset >= 4:
        for at in range(offset, 127 - 18 + 1, 18):
            timing = _timing(block[at : at + 18])
            if timing is None:
                break
            timings.append(timing)
    audio = block[1] >= 2 and bool(block[3] & 0x40)
    return Cta(block[1], tuple(vics), audio, hdmi, physical, max_tmds, tuple(timings))


def _data_blocks(block: bytes, end: int) -> Iterator[tuple[int, bytes]]:
    """Tag (3 bits) and payload (length in 5 bits); blocks exist from revision 3 on."""
    at = 4
    while block[1] >= 3 and at < end:
        size = block[at] & 0x1F
        if at + 1 + size > end:
            return
        yield block[at] >> 5, block[at + 1 : at + 1 + size]
        at += 1 + size


def _vic(code: int) -> int:
    """Video code without the native flag, which only codes 1 to 64 carry (CTA-861-G section 7.5.1)."""
    return code & 0x7F if 129 <= code <= 192 else code
