"""Pictures of how far hands may be: right on the sphere, whole at the edges of the map, escaped, bounded."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise

import pytest

from farmwatch.records.distance import FARTHEST_KM
from farmwatch.records.report import Distance, Role
from farmwatch.reports.reach import reach_picture
from farmwatch.reports.shapes import WIDTH

NS = "{http://www.w3.org/2000/svg}"
PLACES = [
    (33.4, -112.1),
    (-36.8, 174.8),
    (52.5, 13.4),
    (0.0, 0.0),
    (90.0, 0.0),
    (-90.0, 12.0),
    (0.0, 180.0),
    (84.0, -180.0),
]
HEIGHT = 144 * WIDTH / 360


def device(sample, *distances, place=None, **changes):
    """A laptop with one far end per distance."""
    sessions = [
        sample.session(number, distance_km=distance, remote_name=f"relay-{number}.example", **changes)
        for number, distance in enumerate(distances)
    ]
    return replace(sample.strong_device(), sessions=tuple(sessions), coordinates=place)


def shapes(picture, kind):
    """Shapes of one class."""
    return [shape for shape in ET.fromstring(picture).iter() if shape.get("class") == kind]


def points(path):
    """Latitude and longitude of every point of a drawn path."""
    found = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path.get("d"))
    return [(84 - float(y) * 360 / WIDTH, float(x) * 360 / WIDTH - 180) for x, y in found]


def kilometres(place, other):
    first, second, across = (math.radians(value) for value in (place[0], other[0], other[1] - place[1]))
    cosine = math.sin(first) * math.sin(second) + math.cos(first) * math.cos(second) * math.cos(across)
    return 6371 * math.acos(max(-1.0, min(1.0, cosine)))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("bound", [500.0, 5300.0, 10_008.0, 17_000.0])
def test_a_ring_is_as_far_as_its_bound(sample, place, bound):
    """Every drawn point of it, wherever on earth, to what a tenth of a pixel allows."""
    [ring] = shapes(reach_picture(device(sample, Distance(bound), place=place)), "bound")
    for point in points(ring):
        assert kilometres(place, point) == pytest.approx(bound, abs=8)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("likely", [(300.0, 1800.0), (3000.0, 8000.0), (7600.0, 12_100.0), (0.0, 20_000.0)])
def test_the_band_is_where_it_is_likely(sample, place, likely):
    """A grid of places is shaded where its distance lies between both, never elsewhere, but for a strip's height."""
    [band] = shapes(reach_picture(device(sample, Distance(FARTHEST_KM, likely), place=place)), "band")
    strips = [tuple(map(float, strip)) for strip in re.findall(r"M([\d.]+) ([\d.]+)H([\d.]+)V([\d.]+)", band.get("d"))]
    for latitude in range(-59, 84, 13):
        for longitude in range(-179, 180, 17):
            x, y = (longitude + 180) * WIDTH / 360, (84 - latitude - 0.5) * WIDTH / 360
            shaded = any(left <= x <= right and top <= y <= bottom for left, top, right, bottom in strips)
            away = kilometres(place, (latitude + 0.5, longitude))
            if likely[0] + 90 < away < likely[1] - 90:
                assert shaded, (latitude, longitude)
            if away < likely[0] - 90 or away > likely[1] + 90:
                assert not shaded, (latitude, longitude)


@pytest.mark.parametrize("place", PLACES)
def test_everything_is_inside_the_picture(sample, place):
    """No line leaves the map or runs across it at the date line."""
    picture = reach_picture(device(sample, Distance(9000.0, (3000.0, 8000.0)), Distance(1500.0), place=place))
    for path in ET.fromstring(picture).iter(f"{NS}path"):
        numbers = [tuple(map(float, pair)) for pair in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path.get("d"))]
        assert all(-0.1 <= x <= WIDTH + 0.1 and -0.1 <= y <= HEIGHT + 0.1 for x, y in numbers)
        if path.get("class") in {"bound", "coast"}:
            steps = re.findall(r"([ML])(-?[\d.]+) (-?[\d.]+)", path.get("d"))
            jumps = [abs(float(b[1]) - float(a[1])) for a, b in pairwise(steps) if b[0] == "L"]
            assert max(jumps, default=0) < WIDTH / 2


def test_without_a_place_there_is_a_scale(sample):
    """A bar per far end, its bound and what is likely on one axis; nothing of a map."""
    picture = reach_picture(device(sample, Distance(17_000.0, (7658.0, 12_115.0)), Distance(4000.0)))
    assert not shapes(picture, "coast")
    assert len(shapes(picture, "bound")) == len(shapes(picture, "allowed")) == 2
    [band] = shapes(picture, "band")
    right = float(band.get("x")) + float(band.get("width"))
    assert float(shapes(picture, "bound")[0].get("x1")) > right
    assert "hardly with the same continent" in picture


def test_what_excludes_nothing_has_no_ring(sample):
    """A bound round the whole earth is said in words."""
    for place in (None, (33.4, -112.1)):
        picture = reach_picture(device(sample, Distance(FARTHEST_KM), place=place))
        assert not shapes(picture, "bound")
    assert "anywhere on Earth" in picture


def test_nothing_measured_is_no_picture(sample):
    """No session, none with a distance, none that drives this device."""
    assert reach_picture(replace(sample.strong_device(), sessions=())) == ""
    assert reach_picture(device(sample, None)) == ""
    assert reach_picture(device(sample, Distance(100.0), role=Role.CONTROLLING)) == ""
    assert reach_picture(device(sample, Distance(100.0), same_continent=None)) == ""


def test_sessions_of_one_end_share_a_ring_and_many_ends_are_counted(sample):
    """The least bound of an end is drawn; beyond three ends the rest is counted."""
    one = sample.session(1, distance_km=Distance(9000.0), remote_name="relay.example")
    two = replace(one, session_id="s2", distance_km=Distance(4000.0))
    shared = replace(sample.strong_device(), sessions=(one, two), coordinates=(52.5, 13.4))
    [ring] = shapes(reach_picture(shared), "bound")
    assert kilometres((52.5, 13.4), points(ring)[0]) == pytest.approx(4000, abs=8)
    many = device(sample, *(Distance(1000.0 + 100 * number) for number in range(7)), place=(52.5, 13.4))
    assert len(shapes(reach_picture(many), "bound")) == 3
    assert "and 4 more far ends" in reach_picture(many)


def test_names_cannot_break_out(sample):
    """Names are text, whatever they hold."""
    for name in sample.HOSTILE:
        hostile = device(sample, Distance(900.0, (3.0, 800.0)), place=(1.0, 1.0), tool_name=name)
        picture = reach_picture(replace(hostile, names=(name,)))
        assert {shape.tag for shape in ET.fromstring(picture).iter()} <= {
            f"{NS}{tag}" for tag in ("svg", "rect", "path", "text", "title")
        }


def test_the_outline_is_small_and_says_where_it_is_from():
    """It stays a sketch, and its source stands beside it."""
    stored = files("farmwatch.reports").joinpath("templates", "outline.json").read_text(encoding="utf-8")
    assert len(stored) <= 12_000
    assert "Natural Earth" in stored
    assert "public domain" in stored
