"""Graph, map and trend."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from farmwatch.records.morning import MorningPlace, MorningTie
from farmwatch.reports.morning.graph import farm_graph
from farmwatch.reports.morning.outline import farm_map
from farmwatch.reports.morning.trend import MOST_POINTS, trend_picture
from tests.reports.morning import fleet_rows as fr


@pytest.fixture
def farm(morning):
    return morning.farms[0]


def shapes(svg, kind):
    return [one for one in ET.fromstring(svg).iter() if one.get("class") == kind]


def test_graph_shows_every_device_and_tie(farm):
    """A dot for each device, a square for each thing shared, a line for each share."""
    svg = farm_graph(farm)
    assert len(shapes(svg, "host device")) == len(farm.devices)
    assert len(shapes(svg, "host shared")) == len(farm.ties)
    shares = sum(len(tie.devices) for tie in farm.ties)
    assert len(shapes(svg, "tie")) + len(shapes(svg, "tie heavy")) == shares


def test_graph_is_the_same_every_time(farm):
    """The layout starts from a circle, not from chance."""
    assert farm_graph(farm) == farm_graph(farm)


@pytest.mark.parametrize("count", [2, 12, 90, 400])
def test_graphs_of_any_size_stay_in_the_picture(farm, count):
    """Ninety devices at one gateway: all within the frame; more than can be drawn are counted."""
    devices = tuple(f"lap-{number}" for number in range(count))
    ties = (MorningTie("gateway MAC", "aa", devices, 18.0), MorningTie("outage", "x", devices[: count // 2], 8.0))
    svg = farm_graph(replace(farm, devices=devices, ties=ties))
    box = [float(part) for part in re.search(r'viewBox="([^"]*)"', svg)[1].split()]
    for dot in shapes(svg, "host device"):
        assert 0 < float(dot.get("cx")) < box[2]
        assert 0 < float(dot.get("cy")) < box[3]
    assert ("more devices" in svg) == (count > 120)
    assert farm_graph(replace(farm, devices=devices, ties=ties)) == svg


def test_no_graph_without_anything_shared(farm):
    """An empty frame says nothing."""
    assert farm_graph(replace(farm, ties=())) == ""


def test_map_shows_places_and_site(farm):
    """A dot for each declared place, a diamond where they are, both within the frame."""
    svg = farm_map(farm)
    dots = shapes(svg, "host device")
    assert len(dots) == len(farm.places)
    assert len(shapes(svg, "host kvm")) == 1
    assert all(0 < float(dot.get("cx")) < 960 and 0 < float(dot.get("cy")) < 400 for dot in dots)
    assert not shapes(farm_map(replace(farm, site=None)), "host kvm")


@pytest.mark.parametrize(
    "points",
    [
        [(0.0, 0.0)],
        [(51.5, -0.1), (-33.9, 151.2), (37.8, -122.4)],
        [(70.0, 179.9), (70.0, -179.9)],
        [(-55.0, -70.0), (83.0, -30.0)],
    ],
)
def test_maps_of_anywhere(farm, points):
    """One place, all the world, the date line, far north and south: every place is in the picture."""
    places = tuple(MorningPlace(f"p{number}", *point, ("a",)) for number, point in enumerate(points))
    dots = shapes(farm_map(replace(farm, places=places, site=None)), "host device")
    assert len(dots) == len(points)
    assert all(-1 <= float(dot.get("cx")) <= 961 and -1 <= float(dot.get("cy")) <= 401 for dot in dots)


def test_labels_do_not_cover_each_other(farm):
    """Thirty devices in one town: a label is left out rather than written over another."""
    places = tuple(MorningPlace(f"a town of a long name {n}", 40.0 + n / 100, -90.0, ("a",)) for n in range(20))
    labels = shapes(farm_map(replace(farm, places=places, site=None)), "label hub")
    spots = [(label.get("x"), label.get("y")) for label in labels]
    assert 0 < len(labels) < 20
    assert len(spots) == len(set(spots))


def test_no_map_without_coordinates(farm):
    """The roster gives none: there is nothing to draw."""
    assert farm_map(replace(farm, places=())) == ""


def test_trend_draws_the_newest_assessments():
    """A bar for each, with its numbers; more than fit are left out at the old end."""
    svg = trend_picture(fr.trend(300))
    assert len(shapes(svg, "level-strong")) == 14
    many = trend_picture(fr.trend(300, 60))
    assert len(shapes(many, "level-strong")) == MOST_POINTS
    assert "9 Mar" in many
    assert trend_picture(()) == ""


def test_trend_of_nothing_found_is_flat():
    """No division by zero where nobody ever asked for a person."""
    points = [replace(point, strong=0, review=0) for point in fr.trend(10, 3)]
    assert "0+0" in trend_picture(points)
