"""Result rows of one osquery table on their way into ours: what they share, and how values are spelled there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.collectors.feeds.columns import each, filled, select
from farmwatch.collectors.feeds.contract import Context
from farmwatch.collectors.feeds.output import Output
from farmwatch.records import Record

__all__ = [
    "UNSPECIFIED", "Part", "Rows", "compact_date", "decimal_version", "mapped", "mask", "medium_of", "of_protocol",
    "pixels", "program_of", "triplet_of",
]  # fmt: skip

UNSPECIFIED = pa.array(["0.0.0.0", "::"])  #: addresses that are none # noqa: S104 - not bound to
_PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmp6", "132": "sctp"}  # IANA protocol numbers
_MEDIA = {"23": "tunnel", "71": "wireless", "131": "tunnel", "65534": "tunnel"}  # IANA ifType; 65534 Linux ARPHRD_NONE
_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:\D.*)?")
_PIXELS = re.compile(r"\s*(\d{2,5})\s*[xX\u00d7]\s*(\d{2,5})(?:.*?@\s*(\d+(?:\.\d+)?))?")
_PROGRAM = re.compile(r'(?i)^\s*"?([^"]*?\.(?:exe|com|bat|cmd|ps1|scr|dll|sys))(?=["\s]|$)')


@dataclass(frozen=True, slots=True)
class Rows:
    """The result rows of one kind in a stretch."""

    columns: Mapping[str, pa.Array]  #: each column over all rows of the stretch, text or no value
    where: NDArray[np.int64]  #: which of those rows these are
    base: Mapping[str, pa.Array]  #: device_id, ts, record_id over all rows of the stretch
    removed: NDArray[np.bool_]  #: of these rows: gone since the query ran last
    initial: NDArray[np.bool_]  #: of these rows: there when the query ran first, or in a snapshot
    output: Output
    context: Context

    def __getitem__(self, name: str) -> pa.Array:
        """A column of these rows as text."""
        return self.columns[name].take(pa.array(self.where))

    def time(self, name: str = "ts") -> pa.Array:
        """When these rows were reported."""
        return self.base[name].take(pa.array(self.where))

    def given(self, name: str) -> NDArray[np.bool_]:
        """Which of these rows have the column, be it blank."""
        return mask(self[name].is_valid())

    def add(
        self, record: type[Record], values: Mapping[str, Any], keep: NDArray[Any] | None = None
    ) -> NDArray[np.int64]:
        """Add table rows, one for each of these rows or of those that ``keep`` picks (mask or positions)."""
        positions = np.arange(len(self.where)) if keep is None else np.asarray(keep)
        if positions.dtype == np.bool_:
            positions = np.flatnonzero(positions)
        origin = self.where[positions]
        taken = pa.array(origin)
        columns: dict[str, Any] = {name: whole.take(taken) for name, whole in self.base.items()}
        for name, value in values.items():
            columns[name] = select(value, positions) if keep is not None and isinstance(value, pa.Array) else value
        return self.output.add(record, columns, origin)

    def unneeded(self, which: NDArray[np.bool_], kind: str) -> None:
        """Say of some of these rows that nothing in them is of use."""
        if which.any():
            self.output.unneeded(self.where[which], kind)

    def reject(self, which: NDArray[np.bool_], reason: str) -> None:
        """Say of some of these rows that they are wrong."""
        if which.any():
            self.output.reject(self.where[which], reason)


class Part(Output):
    """Some records of a stretch as if they were all."""

    def __init__(self, whole: Output, where: NDArray[np.int64]) -> None:
        self._whole, self._where = whole, where
        self.dropped = whole.dropped

    def add(
        self, record: type[Record], columns: Mapping[str, Any], rows: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64]:
        """Rows of the part as rows of the whole."""
        return self._whole.add(record, columns, self._where if rows is None else self._where[rows])

    def reject(self, rows: NDArray[Any] | list[int], reason: str) -> None:
        """Records of the part as records of the whole."""
        self._whole.reject(self._where[np.asarray(rows)], reason)

    def unneeded(self, rows: NDArray[Any] | list[int], kind: str) -> None:
        """Records of the part as records of the whole."""
        self._whole.unneeded(self._where[np.asarray(rows)], kind)


def mask(values: pa.Array) -> NDArray[np.bool_]:
    """True where there is a value and it is true."""
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), np.bool_)


def mapped(values: pa.Array, words: Mapping[str, str], otherwise: Callable[[str], str | None]) -> pa.Array:
    """Each text in lower case looked up."""
    return each(lambda text: words[key] if (key := text.strip().lower()) in words else otherwise(key), values)


def of_protocol(values: pa.Array) -> pa.Array:
    """Protocols by name, from IANA numbers or names; ``unknown`` where the query did not ask for it."""
    named = mapped(values, _PROTOCOLS, lambda text: text or None)
    return pc.fill_null(named, "unknown")


def medium_of(types: pa.Array) -> pa.Array:
    """Wireless or tunnel by the type number of an interface. Ethernet says nothing: wireless ones often claim it."""
    return mapped(types, _MEDIA, lambda _: None)


def decimal_version(values: pa.Array) -> pa.Array:
    """``bcdDevice`` from four hexadecimal digits (Linux) or as ``12.34`` (macOS)."""

    def decoded(text: str) -> int | None:
        parts = re.fullmatch(r"(\d{1,2})\.(\d{1,2})", text.strip())
        if parts:
            return int(f"{int(parts[1]):02d}{int(parts[2]):02d}", 16)
        return int(text, 16) if re.fullmatch(r"\s*[0-9a-fA-F]{4}\s*", text) else None

    return each(decoded, values, pa.int64())


def triplet_of(*parts: pa.Array) -> pa.Array:
    """Class, subclass and protocol in decimal as six hexadecimal digits; no value where one is missing."""

    def triplet(text: str) -> str | None:
        numbers = [int(part) for part in text.split("/") if re.fullmatch(r"\d{1,3}", part)]
        return "".join(f"{number:02x}" for number in numbers) if len(numbers) == 3 and max(numbers) < 256 else None

    return each(triplet, pc.binary_join_element_wise(*(filled(part) for part in parts), "/"))


def compact_date(values: pa.Array) -> pa.Array:
    """Days written as ``20260704`` or ``2026-07-04``, at midnight UTC."""

    def day(text: str) -> datetime | None:
        match = _DATE.fullmatch(text.strip())
        try:
            return datetime(int(match[1]), int(match[2]), int(match[3]), tzinfo=UTC) if match else None
        except ValueError:
            return None

    return each(day, values, pa.timestamp("us", tz="UTC"))


def pixels(values: pa.Array, part: int) -> pa.Array:
    """Width (0), height (1) or refresh rate (2) in texts such as ``2560 x 1440 @ 60.00Hz``."""

    def found(text: str) -> float | None:
        match = _PIXELS.match(text)
        return float(match[part + 1]) if match and match[part + 1] else None

    numbers = each(found, values, pa.float64())
    return numbers if part == 2 else numbers.cast(pa.int64())


def program_of(commands: pa.Array) -> pa.Array:
    """The program of a Windows command line, without its arguments."""
    return each(lambda text: match[1] if (match := _PROGRAM.match(text)) else text.split(" -")[0], commands)
