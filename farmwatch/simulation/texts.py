"""Columns of text made of numbers, all rows at once: addresses, times, hex, and lines joined of pieces."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = [
    "Piece",
    "dashed",
    "hexed",
    "ipv4",
    "ipv6",
    "iso",
    "joined",
    "line_bytes",
    "listed",
    "macs",
    "named",
    "numbered",
    "plain",
    "wrapped",
]

Piece: TypeAlias = "pa.Array | str"
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_DAY_US = 86_400_000_000


def _of_characters(characters: NDArray[np.uint8]) -> pa.Array:
    """Rows of as many characters each as texts."""
    count, width = characters.shape
    offsets = np.arange(count + 1, dtype=np.int32) * width
    data = np.ascontiguousarray(characters)
    return pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def hexed(values: NDArray[Any], digits: int = 16) -> pa.Array:
    """The last ``digits`` hex digits of whole numbers, lower case."""
    number = np.asarray(values).astype(np.uint64)
    shifts = np.arange(4 * (digits - 1), -1, -4, dtype=np.uint64)
    return _of_characters(_HEX[((number[:, None] >> shifts) & np.uint64(15)).astype(np.int64)])


def macs(values: NDArray[Any], separator: str = ":") -> pa.Array:
    """48-bit numbers as link-layer addresses."""
    number = np.asarray(values).astype(np.uint64)
    shifts = np.arange(44, -1, -4, dtype=np.uint64)
    digits = _HEX[((number[:, None] >> shifts) & np.uint64(15)).astype(np.int64)]
    spelled = np.full((len(number), 17), ord(separator), np.uint8)
    for byte in range(6):
        spelled[:, 3 * byte : 3 * byte + 2] = digits[:, 2 * byte : 2 * byte + 2]
    return _of_characters(spelled)


@lru_cache(maxsize=1)
def _octets() -> pa.Array:
    return pa.array([str(number) for number in range(256)])


def ipv4(values: NDArray[Any]) -> pa.Array:
    """32-bit numbers as IPv4 addresses."""
    number = np.asarray(values).astype(np.int64)
    return joined(*_between([_octets().take(pa.array((number >> shift) & 255)) for shift in (24, 16, 8, 0)], "."))


def ipv6(prefixes: NDArray[Any], hosts: NDArray[Any]) -> pa.Array:
    """Addresses in the documentation block 2001:db8::/32: 32 bits that name the /64, and 64 bits within it."""
    parts = [(prefixes, 16), (prefixes, 0), *((hosts, shift) for shift in (48, 32, 16, 0))]
    texts = [hexed(np.asarray(values).astype(np.uint64) >> np.uint64(shift), 4) for values, shift in parts]
    return joined("2001:db8:", *_between(texts, ":"))


def _between(parts: Sequence[Piece], separator: str) -> list[Piece]:
    found: list[Piece] = []
    for part in parts:
        found += [separator, part]
    return found[1:]


@lru_cache(maxsize=1)
def _clock() -> pa.Array:
    return pa.array([f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(86_400)])


@lru_cache(maxsize=1)
def _thousandths() -> pa.Array:
    return pa.array([f"{ms:03d}" for ms in range(1000)])


def iso(micros: NDArray[np.int64], end: str = "Z", between: str = "T", *, seconds: bool = False) -> pa.Array:
    """Microseconds since 1970 as ISO 8601 to the millisecond, or to the second."""
    days = micros // _DAY_US
    if not len(days):
        return pa.array([], pa.string())
    first = int(days.min())
    dates = pa.array(np.datetime_as_string(np.arange(first, int(days.max()) + 1).astype("datetime64[D]")).tolist())
    within = micros - days * _DAY_US
    parts: list[Piece] = [
        dates.take(pa.array(days - first)), between, _clock().take(pa.array(within // 1_000_000)),
    ]  # fmt: skip
    if not seconds:
        parts += [".", _thousandths().take(pa.array(within // 1000 % 1000))]
    return joined(*parts, end)


def dashed(values: NDArray[Any]) -> pa.Array:
    """64-bit numbers as identifiers in the form of a UUID."""
    number = np.asarray(values).astype(np.uint64)
    wide = number * np.uint64(0xD6E8FEB86659FD93)
    parts = [
        hexed(number >> np.uint64(32), 8), hexed(number >> np.uint64(16), 4), hexed(number, 4),
        hexed(wide >> np.uint64(48), 4), hexed(wide, 12),
    ]  # fmt: skip
    return joined(*_between(parts, "-"))


def plain(values: NDArray[Any], missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Numbers as text; those missing have no value."""
    return pa.array(values, mask=missing).cast(pa.string())


def numbered(prefix: str, values: NDArray[Any], digits: int) -> pa.Array:
    """A word and a number with leading zeros."""
    text = plain(np.asarray(values, np.int64))
    return joined(prefix, pc.utf8_lpad(text, digits, "0"))


def named(words: Sequence[str | None], codes: NDArray[Any]) -> pa.Array:
    """Words by their number; a negative number has no word."""
    code = np.asarray(codes, np.int64)
    return pa.array(list(words), pa.string()).take(pa.array(code, mask=code < 0))


def joined(*pieces: Piece) -> pa.Array:
    """Pieces one after the other; a row of which a piece has no value has none."""
    scalars = [pa.scalar(piece) if isinstance(piece, str) else piece for piece in pieces]
    return pc.binary_join_element_wise(*scalars, "")


def wrapped(name: str, value: Piece, *, quoted: bool) -> Piece:
    """A member of a JSON object with a comma before it; nothing where the value is missing."""
    mark = '"' if quoted else ""
    if isinstance(value, str):
        return f',"{name}":{mark}{value}{mark}'
    member = joined(f',"{name}":{mark}', value, mark)
    return pc.fill_null(member, "") if member.null_count else member


def listed(owners: NDArray[np.int64], count: int, items: pa.Array, separator: str = ",") -> pa.Array:
    """Texts of each owner joined; owners ascend. An owner without any has an empty text."""
    offsets = np.searchsorted(owners, np.arange(count + 1)).astype(np.int32)
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), items), separator)


def line_bytes(lines: pa.Array) -> bytes:
    """Lines as they stand in a file; each must end with its own line end."""
    if isinstance(lines, pa.ChunkedArray):
        lines = pa.concat_arrays(lines.chunks)
    if not len(lines):
        return b""
    offsets = np.frombuffer(lines.buffers()[1], np.int32)[lines.offset : lines.offset + len(lines) + 1]
    return memoryview(lines.buffers()[2])[int(offsets[0]) : int(offsets[-1])].tobytes()
