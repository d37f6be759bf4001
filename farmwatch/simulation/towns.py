"""Where people live: towns, their clocks, and where carriers' lines come out."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

__all__ = ["ABROAD", "HUBS", "Cities", "cities", "hub_numbers", "hubs", "neighbours", "offsets", "rows_of"]

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

#: Where hands may be: town, country, latitude, longitude, hours east of UTC. Any far place will do; these stand for
#: nobody, and nothing may be learnt from which they are.
ABROAD: tuple[tuple[str, str, float, float, int], ...] = (
    ("Shenyang", "CN", 41.8, 123.4, 8),
    ("Vladivostok", "RU", 43.1, 131.9, 10),
    ("Vientiane", "LA", 18.0, 102.6, 7),
    ("Dubai", "AE", 25.2, 55.3, 4),
    ("Nairobi", "KE", -1.3, 36.8, 3),
    ("Lagos", "NG", 6.5, 3.4, 1),
    ("Singapore", "SG", 1.35, 103.8, 8),
    ("Kuala Lumpur", "MY", 3.1, 101.7, 8),
    ("Buenos Aires", "AR", -34.6, -58.4, -3),
    ("Cape Town", "ZA", -33.9, 18.4, 2),
    ("Auckland", "NZ", -36.8, 174.8, 12),
    ("Tbilisi", "GE", 41.7, 44.8, 4),
)


@dataclass(frozen=True, slots=True)
class Cities:
    """Towns in which people live."""

    names: tuple[str, ...]
    countries: tuple[str, ...]
    zones: tuple[str, ...]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    weight: NDArray[np.float64]

    @property
    def american(self) -> Flags:
        """Those in the US."""
        return np.array([country == "US" for country in self.countries])


def rows_of(name: str) -> list[dict[str, str]]:
    """Rows of a data file of this package."""
    text = files("farmwatch.simulation").joinpath(name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@lru_cache(maxsize=1)
def cities() -> Cities:
    """The towns of ``cities.csv``; weights are people of their regions, in millions, about."""
    rows = rows_of("cities.csv")
    return Cities(
        tuple(row["name"] for row in rows),
        tuple(row["country"] for row in rows),
        tuple(row["timezone"] for row in rows),
        *(np.array([float(row[name]) for row in rows]) for name in ("latitude", "longitude", "weight")),
    )


@lru_cache(maxsize=64)
def offsets(first_day: int, days: int) -> NDArray[np.int64]:
    """Minutes east of UTC at noon: one row a town, one column a day."""
    found = {}
    for zone in set(cities().zones):
        noons = (datetime.fromtimestamp((first_day + day) * 86_400 + 43_200, UTC) for day in range(days))
        spans = (noon.astimezone(ZoneInfo(zone)).utcoffset() for noon in noons)
        found[zone] = [round(span.total_seconds() / 60) if span else 0 for span in spans]
    return np.array([found[zone] for zone in cities().zones], np.int64)


#: Towns whose exchanges carriers' translators and phones come out at, several hundred kilometres from their customers
HUBS = (
    "New York, NY",
    "Chicago, IL",
    "Dallas, TX",
    "Los Angeles, CA",
    "Atlanta, GA",
    "Seattle, WA",
    "London",
    "Dublin",
    "Paris",
    "Frankfurt",
    "Amsterdam",
    "Brussels",
    "Madrid",
    "Lisbon",
    "Milan",
    "Vienna",
    "Zurich",
    "Stockholm",
    "Copenhagen",
    "Oslo",
    "Helsinki",
    "Warsaw",
    "Prague",
    "Athens",
)


@lru_cache(maxsize=1)
def hubs() -> Ints:
    """Of each town: the nearest hub of its country."""
    town = cities()
    hubs = [town.names.index(name) for name in HUBS]
    found = []
    for number, country in enumerate(town.countries):
        own = [hub for hub in hubs if town.countries[hub] == country]
        found.append(min(own, key=lambda hub: _apart(number, hub)))
    return np.array(found, np.int64)


def _apart(one: int, other: int) -> float:
    """How far towns lie apart, in degrees, well enough to compare."""
    town = cities()
    east = (town.longitude[one] - town.longitude[other]) * np.cos(np.radians(town.latitude[one]))
    return float(np.hypot(town.latitude[one] - town.latitude[other], east))


@lru_cache(maxsize=1)
def hub_numbers() -> Ints:
    """Of each town that is a hub: its number among them."""
    numbers = np.zeros(len(cities().names), np.int64)
    for number, name in enumerate(HUBS):
        numbers[cities().names.index(name)] = number
    return numbers


@lru_cache(maxsize=1)
def neighbours() -> tuple[Ints, Ints]:
    """Of each town: towns of its country it is taken for, and how many those are; itself where there is no other."""
    town = cities()
    listed = [
        [other for other, its in enumerate(town.countries) if its == country and other != number] or [number]
        for number, country in enumerate(town.countries)
    ]
    width = max(map(len, listed))
    return (
        np.array([(others * width)[:width] for others in listed], np.int64),
        np.array([len(others) for others in listed], np.int64),
    )
