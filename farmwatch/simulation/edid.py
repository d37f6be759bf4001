"""EDIDs of displays, many at once (VESA E-EDID, Release A, Revision 2, section 3)."""

from __future__ import annotations

import struct

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from farmwatch.simulation.hardware import Monitor

__all__ = ["edids"]

_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
#: Pixel clock in kHz and blanking (horizontal, vertical) by width and height; CTA-861 and CVT reduced blanking
_MODES = {
    (1280, 720): (74_250, 370, 30), (1920, 1080): (148_500, 280, 45), (1920, 1200): (154_000, 160, 35),
    (2560, 1080): (185_580, 160, 31), (2560, 1440): (241_500, 160, 41), (3840, 2160): (533_250, 160, 62),
    (4095, 2160): (556_730, 160, 62),
}  # fmt: skip


def _text(tag: int, value: str) -> bytes:
    return bytes([0, 0, 0, tag, 0]) + (value.encode() + b"\n").ljust(13, b" ")[:13]


def _template(model: Monitor) -> tuple[bytes, int]:
    """Base block without checksum, and where its serial text begins; 0 for none."""
    clock, h_blank, v_blank = _MODES[model.width, model.height]
    letters = [ord(letter) - 64 for letter in model.vendor]
    head = b"\x00\xff\xff\xff\xff\xff\xff\x00" + struct.pack(
        ">H", letters[0] << 10 | letters[1] << 5 | letters[2]
    ) + struct.pack("<HI", model.product, model.number & 0xFFFFFFFF)  # fmt: skip
    size = (model.width_mm // 10, model.height_mm // 10)
    head += bytes([model.week, model.year - 1990, 1, 3, 0x80, *(min(255, one) for one in size), 120, 0x0A])
    head += bytes.fromhex("ee91a3544c99260f5054") + bytes(3) + b"\x01\x01" * 8
    timing = struct.pack(
        "<H16B", clock // 10, model.width & 255, h_blank & 255, (model.width >> 8) << 4 | h_blank >> 8,
        model.height & 255, v_blank & 255, (model.height >> 8) << 4 | v_blank >> 8, 88, 44, 4 << 4 | 5, 0,
        model.width_mm & 255, model.height_mm & 255, (model.width_mm >> 8) << 4 | model.height_mm >> 8, 0, 0, 0x1E,
    )  # fmt: skip
    limits = bytes([0, 0, 0, 0xFD, 0, 50, 76, 30, 140, min(255, clock // 10_000 + 1), 0, 10, *[32] * 6])
    blocks, at = [timing, limits], 0
    if model.title:
        blocks.append(_text(0xFC, model.title))
    if model.serial:
        at = 54 + 18 * len(blocks) + 5
        blocks.append(_text(0xFF, "" if "#" in model.serial else model.serial))
    while len(blocks) < 4:
        blocks.append(bytes([0, 0, 0, 0x10, 0, *[0] * 13]))
    return head + b"".join(blocks) + b"\0", at


def edids(model: Monitor, pieces: NDArray[np.uint64]) -> pa.Array:
    """EDIDs of some pieces of a model, as hex; ``pieces`` are 64 bits that tell them apart."""
    base, at = _template(model)
    block = np.tile(np.frombuffer(base.ljust(128, b"\0"), np.uint8), (len(pieces), 1))
    if not model.fixed and not model.number:
        for byte in range(4):
            block[:, 12 + byte] = ((pieces >> np.uint64(8 * byte)) & np.uint64(255)).astype(np.uint8)
    if "#" in model.serial and at:
        letters = np.frombuffer(b"0123456789ABCDEFGHJKLMNPQRSTVWXY", np.uint8)
        for place in range(8):
            block[:, at + place] = letters[((pieces >> np.uint64(20 + 5 * place)) & np.uint64(31)).astype(np.int64)]
        block[:, at + 8] = 10
        block[:, at + 9 : at + 13] = 32
    block[:, 127] = (-block[:, :127].sum(axis=1, dtype=np.int64)) & 255
    digits = np.empty((len(pieces), 256), np.uint8)
    digits[:, 0::2], digits[:, 1::2] = _HEX[block >> 4], _HEX[block & 15]
    offsets = np.arange(len(pieces) + 1, dtype=np.int32) * 256
    return pa.Array.from_buffers(
        pa.string(), len(pieces), [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(digits))]
    )
