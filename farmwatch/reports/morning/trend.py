"""How many devices asked for a person in each assessment, as a small picture."""

from __future__ import annotations

from collections.abc import Sequence

from farmwatch.records.morning import TrendPoint
from farmwatch.reports import wording
from farmwatch.reports.escape import html_text
from farmwatch.reports.morning import saying
from farmwatch.reports.shapes import WIDTH, line, picture, px, text

__all__ = ["MOST_POINTS", "trend_picture"]

MOST_POINTS = 30  #: assessments drawn, the newest
_HEIGHT = 150.0
_TOP, _BOTTOM, _LEFT = 18.0, 26.0, 8.0
_WIDEST = 46.0  #: of a bar


def trend_picture(points: Sequence[TrendPoint]) -> str:
    """Bars of strong below and review above, one for each assessment; '' where there is none."""
    shown = list(points)[-MOST_POINTS:]
    if not shown:
        return ""
    most = max(1, *(point.strong + point.review for point in shown))
    room = _HEIGHT - _TOP - _BOTTOM
    pitch = (WIDTH - _LEFT) / len(shown)
    wide = min(pitch * 0.7, _WIDEST)
    base = _HEIGHT - _BOTTOM
    every = -(-len(shown) * 64 // WIDTH)  # dates that fit
    parts = [line(0, base, WIDTH, base, "grid")]
    for number, point in enumerate(shown):
        x = _LEFT + number * pitch + (pitch - wide) / 2 if len(shown) > 4 else _LEFT + number * (wide + 40)
        strong, review = room * point.strong / most, room * point.review / most
        told = (
            f"{wording.clock(point.until)}: {point.strong:,} strong, {point.review:,} review, "
            f"{wording.plural(point.farms, 'farm')}"
        )
        parts.append(f"<g><title>{html_text(told)}</title>")
        if point.strong:
            parts.append(_bar(x, base - strong, wide, strong, "level-strong"))
        if point.review:
            parts.append(_bar(x, base - strong - review, wide, review, "level-review"))
        parts.append("</g>")
        parts.append(text(x + wide / 2, base - strong - review - 5, f"{point.strong}+{point.review}", "tick", "middle"))
        if (len(shown) - 1 - number) % every == 0:
            parts.append(text(x + wide / 2, base + 16, saying.day(point.until).rpartition(" ")[0], "tick", "middle"))
    return picture(_HEIGHT, "Devices that ask for a person, by assessment", parts)


def _bar(x: float, y: float, wide: float, high: float, kind: str) -> str:
    return f'<rect x="{px(x)}" y="{px(y)}" width="{px(wide)}" height="{px(max(high, 1.0))}" class="{kind}"/>'
