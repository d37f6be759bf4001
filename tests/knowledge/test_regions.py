"""The table of round trips between regions."""

from __future__ import annotations

import pytest

from farmwatch.knowledge.regions import great_circle_km, load_regions
from farmwatch.records.distance import KM_PER_MS

TABLE = load_regions()


@pytest.mark.parametrize("pair", TABLE.pairs, ids=lambda pair: f"{pair.here.name} to {pair.there.name}")
def test_no_round_trip_is_faster_than_light_in_fibre(pair):
    """Every measured round trip is above the floor of its great circle, and below four times it."""
    floor = pair.distance_km / KM_PER_MS
    assert floor <= pair.rtt_ms <= 4 * floor


@pytest.mark.parametrize(
    ("here", "there", "floor"),
    [("West US 2", "Japan East", 77), ("West US 2", "Korea Central", 83), ("West US 3", "East Asia (Hong Kong)", 121)],
)
def test_published_floors(here, there, floor):
    """Sites stand where they are: the floors of some pairs are known."""
    [pair] = [one for one in TABLE.pairs if (one.here.name, one.there.name) == (here, there)]
    assert pair.distance_km / KM_PER_MS == pytest.approx(floor, abs=2)


def test_all_pairs_start_at_home_and_none_stands_twice():
    assert {pair.here.region for pair in TABLE.pairs} == {TABLE.home}
    ends = [frozenset((pair.here.name, pair.there.name)) for pair in TABLE.pairs]
    assert len(ends) == len(set(ends))


def test_lines_of_people():
    """Shares are shares, and satellites in high orbit are slower than everything else."""
    assert sum(kind.share for kind in TABLE.access) == pytest.approx(1.0, abs=0.02)
    slowest = max(TABLE.access, key=lambda kind: kind.median_ms)
    assert slowest.name == "geostationary satellite"


def test_great_circle():
    """Half round the earth from pole to pole, nothing to oneself."""
    assert great_circle_km(90, 0, -90, 123) == pytest.approx(20015, abs=1)
    assert great_circle_km(33.4, -112.1, 33.4, -112.1) == pytest.approx(0)
    assert great_circle_km(0, 179.5, 0, -179.5) == pytest.approx(111, abs=1)


@pytest.mark.parametrize(
    ("place", "home"),
    [
        ((45.5, -73.6), True),
        ((19.4, -99.1), True),
        ((51.5, -0.1), False),
        ((-23.6, -46.6), False),
        ((21.3, -157.9), False),
    ],
)
def test_what_is_home(place, home):
    """Montreal and Mexico City are near sites that pairs start from; London, Sao Paulo and Honolulu are not."""
    assert load_regions().is_home(*place) is home
