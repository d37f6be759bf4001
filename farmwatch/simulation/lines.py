"""Rows on their way into feeds: events of devices laid out by day, and lines of JSON made of columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from farmwatch.simulation.chunk import DAY_US, HOUR_US, Chunk
from farmwatch.simulation.texts import iso, joined, wrapped

__all__ = ["Events", "concatenated", "events", "hourly", "json_lines", "once", "windows"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Events:
    """Things that happen: position of the device in its chunk, column of the day, which one of that day, and when."""

    chunk: Chunk
    name: str
    device: Ints
    column: Ints
    slot: Ints
    ts: Ints

    def __len__(self) -> int:
        return len(self.device)

    @property
    def day(self) -> Ints:
        """Days since 1970."""
        return self.column + self.chunk.world.first_day

    def keys(self) -> tuple[Ints, Ints, Ints]:
        """What a draw about each of them is keyed with."""
        return self.chunk.at[self.device], self.day, self.slot

    def share(self, name: str) -> NDArray[np.float64]:
        """A uniform draw for each."""
        return self.chunk.world.dice.share(f"{self.name} {name}", *self.keys())

    def raw(self, name: str) -> NDArray[np.uint64]:
        """64 random bits for each."""
        return self.chunk.world.dice.raw(f"{self.name} {name}", *self.keys())

    def pick(self, name: str, weights: Any) -> Ints:
        """A weighted choice for each."""
        return self.chunk.world.dice.pick(f"{self.name} {name}", weights, *self.keys())

    def whole(self, name: str, count: int) -> Ints:
        """A number below ``count`` for each."""
        return self.chunk.world.dice.whole(f"{self.name} {name}", count, *self.keys())

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        """Of each one's device, or device and day."""
        return values[self.device, self.column] if values.ndim == 2 else values[self.device]

    def take(self, texts: pa.Array) -> pa.Array:
        """Of each one's device, from texts of the chunk."""
        return texts.take(pa.array(self.device))

    def where(self, mask: NDArray[np.bool_]) -> Events:
        """Some of them."""
        return Events(self.chunk, self.name, self.device[mask], self.column[mask], self.slot[mask], self.ts[mask])

    def at(self, ts: NDArray[Any]) -> Events:
        """The same at other times."""
        return Events(self.chunk, self.name, self.device, self.column, self.slot, np.asarray(ts).astype(np.int64))

    def names(self) -> pa.Array:
        """Host names."""
        return self.chunk.named(self.device, self.day)

    def iso(self, **how: Any) -> pa.Array:
        """Times as text."""
        return iso(self.ts, **how)


def events(
    chunk: Chunk, name: str, rate: NDArray[Any] | float, days: NDArray[np.bool_], *, routine: bool = True
) -> Events:
    """So many events on each of some days, during work.

    Args:
        chunk: whose devices.
        name: of the draws.
        rate: how many a day on average, for each device (and day).
        days: on which days, for each device.
        routine: whether the number follows ``detail``.
    """
    dice, at = chunk.world.dice, chunk.at[:, None]
    scaled = np.asarray(rate) * (chunk.world.parameters.detail if routine else 1.0)
    scaled = np.broadcast_to(scaled[:, None] if scaled.ndim == 1 else scaled, days.shape)
    many = np.where(days, np.floor(scaled + dice.share(name, at, chunk.day)), 0).astype(np.int64)
    counts = many.ravel()
    cell = np.repeat(np.arange(counts.size), counts)
    slot = np.arange(len(cell)) - np.repeat(np.cumsum(counts) - counts, counts)
    device, column = np.divmod(cell, chunk.world.days)
    found = Events(chunk, name, device, column, slot, np.zeros(len(cell), np.int64))
    begins, ends = found.of(chunk.start), found.of(chunk.end)
    return found.at(begins + found.share("time") * (ends - begins))


def once(chunk: Chunk, name: str, days: NDArray[np.bool_], ts: NDArray[Any]) -> Events:
    """One event on each of some days of each device, at given times (one for each device and day)."""
    device, column = np.nonzero(days)
    return Events(
        chunk, name, device, column, np.zeros(len(device), np.int64), np.asarray(ts)[device, column].astype(np.int64)
    )


def hourly(chunk: Chunk, name: str, days: NDArray[np.bool_], awake: NDArray[np.bool_]) -> Events:
    """Once an hour while a device is awake: round the clock for those that never sleep, else in hours of work."""
    slots = np.arange(24)
    midnight, start, end = (
        np.broadcast_to(one, days.shape)[:, :, None] for one in (chunk.day * DAY_US, chunk.start, chunk.end)
    )
    minute = (chunk.world.dice.share("poll", chunk.at) * HOUR_US).astype(np.int64)[:, None, None]
    whole_day = awake[:, None, None]
    ts = np.where(whole_day, midnight + minute, start) + slots * HOUR_US
    device, column, slot = np.nonzero(days[:, :, None] & (whole_day | (ts <= end)))
    return Events(chunk, name, device, column, slot, ts[device, column, slot])


def windows(
    chunk: Chunk, name: str, share: float, days: NDArray[np.bool_], *, seconds: int = 300, all_day: bool = False
) -> Events:
    """Windows of some seconds of which a share has something to tell: in hours of work, or round the clock."""
    length = seconds * 1_000_000
    rows = np.flatnonzero(days.any(axis=1))
    kept = days[rows]
    start = np.broadcast_to(chunk.day * DAY_US, days.shape)[rows] if all_day else chunk.start[rows] // length * length
    end = start + DAY_US if all_day else chunk.end[rows]
    most = int(((end - start).max() if len(rows) else 0) // length) + 1
    slots = np.arange(most)
    chosen = chunk.world.dice.whether(
        f"{name} window", share, chunk.at[rows][:, None, None], chunk.day[:, :, None], slots
    )
    inside = start[:, :, None] + slots * length < end[:, :, None]
    found, column, slot = np.nonzero(kept[:, :, None] & inside & chosen)
    return Events(chunk, name, rows[found], column, slot, start[found, column] + slot * length)


def json_lines(columns: Mapping[str, Any]) -> pa.Array:
    """One JSON object a row with a line end: texts quoted, numbers and truth values not, what is missing left out.

    Texts must need no escape; those that have backslashes bring them doubled.
    """
    pieces: list[Any] = []
    for name, value in columns.items():
        if value is None:
            continue
        if isinstance(value, np.ndarray):
            value = pa.array(value)  # noqa: PLW2901 (one column in its final form)
        if isinstance(value, pa.Array) and not pa.types.is_string(value.type):
            pieces.append(wrapped(name, value.cast(pa.string()), quoted=False))
        elif isinstance(value, bool | int | float):
            pieces.append(f',"{name}":{str(value).lower()}')
        else:
            pieces.append(wrapped(name, value, quoted=True))
    first = pieces[0]
    pieces[0] = pc.replace_substring(first, ",", "", max_replacements=1) if isinstance(first, pa.Array) else first[1:]
    merged: list[Any] = ["{"]
    for piece in (*pieces, "}\n"):
        if isinstance(piece, str) and isinstance(merged[-1], str):
            merged[-1] += piece
        else:
            merged.append(piece)
    return joined(*merged)


def concatenated(parts: list[pa.Array]) -> pa.Array:
    """Lines of several kinds below each other."""
    kept = [part for part in parts if len(part)]
    return pa.concat_arrays(kept) if kept else pa.array([], pa.string())
