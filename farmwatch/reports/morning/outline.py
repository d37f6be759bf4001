"""Declared places of a farm's devices on an outline of the coasts, and the place that their own reports give."""

from __future__ import annotations

from farmwatch.records.morning import MorningFarm
from farmwatch.reports import wording
from farmwatch.reports.escape import html_text
from farmwatch.reports.reach import coast
from farmwatch.reports.shapes import WIDTH, diamond, line, picture, px, text

__all__ = ["farm_map"]

_NORTH, _SOUTH = 84.0, -60.0  # what of the earth the outline has, degrees of latitude
_PER_DEGREE = WIDTH / 360  # of the outline, which is drawn for the whole earth
_HEIGHT = 400.0
_LEAST_SPAN = 80.0  # degrees of longitude: the outline is no finer
_ROOM = 1.35  # so much wider than the places lie
_MOST_PLACES = 40
_NAMED = 24  #: places up to which all are named
_LETTER = 6.6  # about how wide a letter of a label is

Box = tuple[float, float, float, float]


def farm_map(farm: MorningFarm) -> str:
    """The map of a farm; '' where the roster gives no coordinates of its devices."""
    places = [one for one in farm.places if _SOUTH <= one.latitude <= _NORTH][:_MOST_PLACES]
    site = farm.site if farm.site is not None and _SOUTH <= farm.site.latitude <= _NORTH else None
    if not places:
        return ""
    every = [*places, *([site] if site is not None else [])]
    west, north, scale = _frame([(one.latitude, one.longitude) for one in every])

    def across(latitude: float, longitude: float) -> tuple[float, float]:
        return (longitude - west) * scale, (north - latitude) * scale

    inner = (
        f'<svg x="0" y="0" width="{WIDTH}" height="{px(_HEIGHT)}" preserveAspectRatio="none" '
        f'viewBox="{px((west + 180) * _PER_DEGREE)} {px((_NORTH - north) * _PER_DEGREE)} '
        f'{px(WIDTH / scale * _PER_DEGREE)} {px(_HEIGHT / scale * _PER_DEGREE)}">'
        f'<path d="{coast()}" class="coast thin"/></svg>'
    )
    parts = [inner, f'<rect x="0" y="0" width="{WIDTH}" height="{px(_HEIGHT)}" class="sea"/>']
    points = [across(one.latitude, one.longitude) for one in places]
    taken: list[Box] = [(x - 8, y - 8, x + 8, y + 8) for x, y in points]
    if site is not None:
        x, y = across(site.latitude, site.longitude)
        parts += [line(x, y, left, top, "link") for left, top in points]
        taken.append((x - 12, y - 12, x + 12, y + 12))
    for one, (left, top) in zip(places, points, strict=True):
        said = html_text(f"{one.name}: {wording.joined(one.devices, 12)}")
        parts.append(f'<circle cx="{px(left)}" cy="{px(top)}" r="6" class="host device"><title>{said}</title></circle>')
    if site is not None:
        parts.append(
            f'<polygon points="{diamond(x, y, 10)}" class="host kvm"><title>{html_text(site.name)}</title></polygon>'
        )
        parts += _label(site.name, x, y, taken)
    if len(places) <= _NAMED:
        for one, (left, top) in zip(places, points, strict=True):
            count = f" ({len(one.devices)})" if len(one.devices) > 1 else ""
            parts += _label(f"{wording.shortened(one.name, 24)}{count}", left, top, taken)
    return picture(_HEIGHT, f"Farm {farm.farm_id}: declared places of its devices", parts)


def _frame(points: list[tuple[float, float]]) -> tuple[float, float, float]:
    """Western and northern edge in degrees, and units of the picture for a degree."""
    west, east = min(lon for _, lon in points), max(lon for _, lon in points)
    south, north = min(lat for lat, _ in points), max(lat for lat, _ in points)
    shape = _HEIGHT / WIDTH
    wide = max((east - west) * _ROOM, (north - south) * _ROOM / shape, _LEAST_SPAN)
    wide = min(wide, 360.0)
    tall = wide * shape
    left = min(max((west + east - wide) / 2, -180.0), 180.0 - wide)
    top = (north + south + tall) / 2
    return left, min(max(top, _SOUTH + min(tall, _NORTH - _SOUTH)), max(_NORTH, _SOUTH + tall)), WIDTH / wide


def _label(said: str, x: float, y: float, taken: list[Box]) -> list[str]:
    """A label where there is room for it: right, left, above, below; none where there is none."""
    wide = len(said) * _LETTER
    for left, base, anchor in (
        (x + 11, y + 4, "start"), (x - 11, y + 4, "end"), (x, y - 12, "middle"), (x, y + 20, "middle"),
        (x + 8, y - 9, "start"), (x + 8, y + 17, "start"), (x - 8, y - 9, "end"), (x - 8, y + 17, "end"),
    ):  # fmt: skip
        start = left if anchor == "start" else left - wide if anchor == "end" else left - wide / 2
        box = (start, base - 11, start + wide, base + 3)
        inside = box[0] >= 0 and box[2] <= WIDTH and box[1] >= 0 and box[3] <= _HEIGHT
        if inside and not any(_meet(box, other) for other in taken):
            taken.append(box)
            return [text(left, base, said, "label hub", anchor)]
    return []


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
