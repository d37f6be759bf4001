"""Measured round trips between regions of the world, and what a person's own line adds to one.

The numbers stand in ``data/places/regions.json`` with their sources and dates. All sites on the near side are in North
America, because the table is of its cloud regions; distances inside other continents are alike, between them less so.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["AccessKind", "RegionPair", "Regions", "Site", "great_circle_km", "load_regions"]

_EARTH_KM = 6371.0
_HOME_KM = 2500.0  #: from a site of the home region up to which a place belongs to it: judged, no site is in the north
_DATA = Path(__file__).parent / "data" / "places" / "regions.json"


@dataclass(frozen=True, slots=True)
class Site:
    """A cloud region: where it is, to some ten kilometres, in degrees."""

    name: str
    region: str  #: part of the world, as it is named in reports
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class RegionPair:
    """Two sites and the 95th percentile of the round trip between them."""

    here: Site
    there: Site
    rtt_ms: float

    @property
    def distance_km(self) -> float:
        """Great-circle distance."""
        return great_circle_km(self.here.latitude, self.here.longitude, self.there.latitude, self.there.longitude)


@dataclass(frozen=True, slots=True)
class AccessKind:
    """What one kind of line adds to a round trip: a log-normal law."""

    name: str
    median_ms: float
    spread: float  #: standard deviation of the logarithm
    share: float  #: of lines, judged


@dataclass(frozen=True, slots=True)
class Regions:
    """The table of round trips and the kinds of lines."""

    version: str
    home: str  #: region that all pairs start from
    pairs: tuple[RegionPair, ...]
    access: tuple[AccessKind, ...]

    def is_home(self, latitude: float, longitude: float) -> bool:
        """Whether a place, in degrees, is in the region that all pairs start from."""
        return any(
            great_circle_km(latitude, longitude, pair.here.latitude, pair.here.longitude) <= _HOME_KM
            for pair in self.pairs
        )


def great_circle_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Distance over the earth's surface between two places given in degrees."""
    first, second = math.radians(latitude), math.radians(other_latitude)
    across = math.radians(other_longitude - longitude)
    half = math.sin((second - first) / 2) ** 2 + math.cos(first) * math.cos(second) * math.sin(across / 2) ** 2
    return 2 * _EARTH_KM * math.asin(math.sqrt(min(half, 1.0)))


@cache
def load_regions() -> Regions:
    """The shipped table."""
    return _regions(json.loads(_DATA.read_text(encoding="utf-8")))


def _regions(document: dict[str, Any]) -> Regions:
    sites = {name: Site(name, **facts) for name, facts in document["sites"].items()}
    pairs = tuple(RegionPair(sites[here], sites[there], float(rtt)) for here, there, rtt in document["pairs"])
    return Regions(
        version=document["version"],
        home=pairs[0].here.region,
        pairs=pairs,
        access=tuple(AccessKind(**kind) for kind in document["access"]["kinds"]),
    )
