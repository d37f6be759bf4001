"""Pictures of how far hands may be: rings round a device's place on a map, or a scale where that place is not known.

A ring is where the bound ends that light in fibre sets: the hand is on the device's side of it, what is grey is too
far. The shaded band is where the model puts the middle 80 %. Rings are computed on the sphere and drawn on an
equirectangular map, where they bend. The outline is Natural Earth's (public domain), coastlines only;
``templates/outline.json`` says how it was made.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import TypeAlias

from farmwatch.records.distance import FARTHEST_KM
from farmwatch.records.report import Device, Distance, Session
from farmwatch.reports import reading, wording
from farmwatch.reports.escape import html_text
from farmwatch.reports.shapes import LABELS, LANE, RIGHT, WIDTH, Lane, label, lane_of, line, picture, px, text

__all__ = ["coast", "reach_picture"]

_NORTH, _SOUTH = 84, -60  # what of the earth is drawn, in degrees of latitude
_PER_DEGREE = WIDTH / 360
_EARTH_KM = 6371.0
_RING_STEP = 3  # degrees of bearing between the points of a ring
_MAX_RINGS = 3  # more would not be told apart
_TALL_LANE = LANE + 14  # a lane with a line of text under its bar
_TICKS_KM = (0, 4000, 8000, 12000, 16000, 20000)


Far: TypeAlias = tuple[Session, Distance]


def reach_picture(device: Device) -> str:
    """How far the hands of a device's sessions may be; '' where nothing says it.

    One ring or bar per tool and far end, from its session with the least bound: delay is added to a way, never taken.
    """
    lanes: dict[Lane, Far] = {}
    for session in reading.far_sessions(device):  # farthest first, so that the last one of a lane is the nearest
        if session.distance_km is not None:
            lanes[lane_of(session, {lane: [] for lane in lanes})] = (session, session.distance_km)
    if not lanes:
        return ""
    title = f"How far the hands on {reading.title(device)} may be"
    return _map(device.coordinates, lanes, title) if device.coordinates else _scale(lanes, title)


def _scale(lanes: dict[Lane, Far], title: str) -> str:
    """A bar per far end on a scale of distance: shaded where it is likely, a line where the bound ends."""
    top, room = 10, WIDTH - LABELS - RIGHT - 20
    bottom = top + len(lanes) * _TALL_LANE

    def across(km: float) -> float:
        return LABELS + room * min(km, FARTHEST_KM) / FARTHEST_KM

    parts = [text(0, bottom + 16, "distance from this device", "tick")]
    for km in _TICKS_KM:
        parts.append(line(across(km), top - 4, across(km), bottom, "grid"))
        parts.append(text(across(km), bottom + 16, f"{km:,} km", "tick", "middle"))
    for row, (lane, (session, found)) in enumerate(lanes.items()):
        y, end = top + row * _TALL_LANE, across(found.at_most)
        parts.extend(label(lane, y - 2))
        parts.append(line(across(0), y + 14, end, y + 14, "allowed"))
        if found.likely:
            low, high = (across(km) for km in found.likely)
            parts.append(
                f'<rect x="{px(low)}" y="{px(y + 6)}" width="{px(max(high - low, 3.0))}" height="16" class="band">'
                f"<title>{html_text(wording.distance(found))}</title></rect>"
            )
        if found.at_most < FARTHEST_KM:
            parts.append(line(end, y + 4, end, y + 24, "bound"))
        parts.append(text(0, y + 39, wording.regions(session), "tick"))
    return picture(bottom + 26, title, parts)


def _map(place: tuple[float, float], lanes: dict[Lane, Far], title: str) -> str:
    """Coastlines, the device's place, and a ring for each of the first far ends."""
    height = (_NORTH - _SOUTH) * _PER_DEGREE
    shown = list(lanes.items())[:_MAX_RINGS]
    parts = [f'<rect x="0" y="0" width="{WIDTH}" height="{px(height)}" class="sea"/>']
    # A ring round more than half the earth looks like one round what is left, hence the grey.
    parts += [
        f'<path d="{_band(place, found.at_most, FARTHEST_KM)}" class="beyond"/>'
        for _, (_, found) in shown
        if found.at_most < FARTHEST_KM
    ]
    ranges = [found.likely for _, (_, found) in shown]
    band = next((number for number, likely in enumerate(ranges) if likely), None)
    if band is not None and (likely := ranges[band]):
        parts.append(f'<path d="{_band(place, *likely)}" class="band"/>')
    parts.append(f'<path d="{coast()}" class="coast"/>')
    for number, (_, (_, found)) in enumerate(shown, 1):
        if found.at_most < FARTHEST_KM:
            parts += _ring(place, found, number)
    x, y = _drawn((min(max(place[0], _SOUTH), _NORTH), place[1]))
    parts.append(f'<rect x="{px(x - 4)}" y="{px(y - 4)}" width="8" height="8" class="host device"/>')
    under = height + 16
    for number, (lane, (session, found)) in enumerate(shown):
        named = f"{number + 1}  {wording.shortened(lane[0], 34)}, {wording.shortened(lane[1], 50)}"
        parts.append(text(0, under, named + (" (shaded)" if band == number and len(shown) > 1 else ""), "label"))
        for said in (wording.distance(found), wording.regions(session)):
            under += 15
            parts.append(text(16, under, said, "tick"))
        under += 21
    if len(lanes) > len(shown):
        parts.append(text(0, under, f"and {len(lanes) - len(shown)} more far ends, listed below", "tick"))
        under += 18
    return picture(under - 8, title, parts)


def _ring(place: tuple[float, float], found: Distance, number: int) -> list[str]:
    """Where a bound ends, with its number at the ring's eastern end."""
    points = [_at(place, found.at_most, bearing) for bearing in range(0, 361, _RING_STEP)]
    title = f"<title>{html_text(wording.distance(found))}</title>"
    ring = f'<path d="{_path(points)}" class="bound">{title}</path>'
    seen = [_drawn(point) for point in points if _visible(point)]
    if not seen:
        return [ring]
    x, y = max(seen)
    return [ring, text(min(x + 4, WIDTH - 14), y - 4, str(number), "label")]


def _at(place: tuple[float, float], km: float, bearing: float) -> tuple[float, float]:
    """Latitude and longitude so many kilometres from a place in some direction."""
    latitude, longitude = math.radians(place[0]), math.radians(place[1])
    arc, way = km / _EARTH_KM, math.radians(bearing)
    north = math.sin(latitude) * math.cos(arc) + math.cos(latitude) * math.sin(arc) * math.cos(way)
    found = math.asin(max(-1.0, min(1.0, north)))
    east = math.atan2(
        math.sin(way) * math.sin(arc) * math.cos(latitude), math.cos(arc) - math.sin(latitude) * math.sin(found)
    )
    return math.degrees(found), (math.degrees(longitude + east) + 540) % 360 - 180


def _band(place: tuple[float, float], low_km: float, high_km: float) -> str:
    """All between two distances from a place, as strips of one degree of latitude: right at poles and date line too."""
    strips = []
    latitude = math.radians(min(max(place[0], -89.9), 89.9))
    for row in range(_SOUTH, _NORTH):
        here = math.radians(row + 0.5)
        inner, outer = (_reach_east(latitude, here, km / _EARTH_KM) for km in (low_km, high_km))
        if outer is None:
            continue
        for side in (-1, 1):
            first, last = sorted((place[1] + side * (inner or 0.0), place[1] + side * outer))
            strips += [_strip(row, *piece) for piece in _within(first, last)]
    return "".join(strips)


def _reach_east(latitude: float, other: float, arc: float) -> float | None:
    """Degrees of longitude within which a row of latitude is no farther than an arc; ``None``: all of it is."""
    bent = (math.cos(arc) - math.sin(latitude) * math.sin(other)) / (math.cos(latitude) * math.cos(other))
    return None if bent >= 1 else math.degrees(math.acos(max(bent, -1.0)))


def _within(first: float, last: float) -> Iterable[tuple[float, float]]:
    """A stretch of longitudes cut at the date line."""
    for turn in (-360, 0, 360):
        low, high = max(first + turn, -180.0), min(last + turn, 180.0)
        if high - low > 0.01:
            yield low, high


def _strip(row: int, first: float, last: float) -> str:
    (left, top), (right, bottom) = _drawn((row + 1, first)), _drawn((row, last))
    return f"M{px(left)} {px(top)}H{px(right)}V{px(bottom)}H{px(left)}z"


def _drawn(point: tuple[float, float]) -> tuple[float, float]:
    """Where a latitude and longitude stand in the picture."""
    return (point[1] + 180) * _PER_DEGREE, (_NORTH - point[0]) * _PER_DEGREE


def _visible(point: tuple[float, float]) -> bool:
    return _SOUTH <= point[0] <= _NORTH


def _path(points: list[tuple[float, float]]) -> str:
    """A line through points, broken where it leaves the picture or crosses the date line."""
    drawn, pen = [], False
    for before, point in zip([points[0], *points], points, strict=False):
        if not _visible(point):
            pen = False
            continue
        pen = pen and abs(point[1] - before[1]) < 180
        x, y = _drawn(point)
        drawn.append(f"{'L' if pen else 'M'}{px(x)} {px(y)}")
        pen = True
    return "".join(drawn)


@cache
def coast() -> str:
    """The coastlines as one path."""
    outline = json.loads(files("farmwatch.reports").joinpath("templates", "outline.json").read_text(encoding="utf-8"))
    scale = outline["scale"]
    lines = []
    for flat in outline["lines"]:
        points = [(y / scale, x / scale) for x, y in zip(flat[::2], flat[1::2], strict=True)]
        lines.append(_path(points))
    return "".join(lines)
