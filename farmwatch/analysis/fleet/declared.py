"""What the roster says of a group: how many households it is, and how far apart they are declared to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.grouping import labels_of

__all__ = ["COMMUTE_KM", "SAME_PLACE_KM", "Declared", "declared_of"]

SAME_PLACE_KM = 1.0  #: coordinates that are one place
COMMUTE_KM = 80.0  #: within which people may share an office, a co-working space or a friend's home: judged
_EARTH_KM = 6371.0


@dataclass(frozen=True, slots=True)
class Declared:
    """Households and declared places of some devices."""

    devices: int
    people: int  #: different persons, as far as they are declared
    unowned: int  #: devices without a declared person
    units: int  #: households, offices or single persons: what the roster does not explain as one
    places: int  #: different declared places, a kilometre apart or named differently
    far_places: int  #: of those with coordinates, beyond a commute from each other
    named_places: int  #: of those that are declared in words only
    unplaced: int  #: devices whose place is not declared


def declared_of(rows: Sequence[Mapping[str, Any]]) -> Declared:
    """What rows of ``farm_people`` say together."""
    one = [number for number, _ in enumerate(rows)]
    located = np.array([row["latitude"] is not None and row["longitude"] is not None for row in rows], np.bool_)
    coarse = np.array([bool(row["coarse"]) for row in rows], np.bool_)
    distance = _distances(rows, located)
    near = (distance <= SAME_PLACE_KM) & ~coarse[:, None] & ~coarse[None, :]
    for key in ("person", "household", "site"):
        value = np.array([hash_of(row[key]) for row in rows], np.int64)
        near |= (value[:, None] == value[None, :]) & (value != 0)[:, None]
    units = _count(near, one)
    places = _count(distance <= SAME_PLACE_KM, np.flatnonzero(located).tolist())
    words = {row["place"] for row, known in zip(rows, located.tolist(), strict=True) if not known and row["place"]}
    people = {row["person"] for row in rows if row["person"] is not None}
    return Declared(
        devices=len(rows),
        people=len(people),
        unowned=sum(row["person"] is None for row in rows),
        units=units,
        places=places + len(words),
        far_places=_count(distance <= COMMUTE_KM, np.flatnonzero(located).tolist()),
        named_places=len(words),
        unplaced=sum(not known and not row["place"] for row, known in zip(rows, located.tolist(), strict=True)),
    )


def hash_of(value: Any) -> int:
    """A number that equal values share and 0 for none."""
    return 0 if value is None or value == "" else (hash(value) or 1)


def _distances(rows: Sequence[Mapping[str, Any]], located: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Kilometres between every two rows, infinite where one has no coordinates (great circle)."""
    latitude = np.radians([row["latitude"] if known else 0.0 for row, known in zip(rows, located, strict=True)])
    longitude = np.radians([row["longitude"] if known else 0.0 for row, known in zip(rows, located, strict=True)])
    half = (
        np.sin((latitude[:, None] - latitude[None, :]) / 2) ** 2
        + np.cos(latitude)[:, None]
        * np.cos(latitude)[None, :]
        * np.sin((longitude[:, None] - longitude[None, :]) / 2) ** 2
    )
    found = 2 * _EARTH_KM * np.arcsin(np.sqrt(np.minimum(1.0, half)))
    found[~located, :] = np.inf
    found[:, ~located] = np.inf
    return np.asarray(found, np.float64)


def _count(same: NDArray[np.bool_], among: Sequence[int]) -> int:
    """How many groups those of some rows make that are connected by ``same``."""
    if not among:
        return 0
    left, right = np.nonzero(same[np.ix_(among, among)])
    return int(labels_of(left, right, len(among)).max()) + 1
