"""Shapes that all pictures of a report are drawn with: text, lines, lanes with labels, the picture around them."""

from __future__ import annotations

from typing import Any, TypeAlias

from farmwatch.records.report import Session
from farmwatch.reports import wording
from farmwatch.reports.escape import html_text

__all__ = [
    "LABELS",
    "LANE",
    "RIGHT",
    "WIDTH",
    "Lane",
    "diamond",
    "label",
    "lane_of",
    "line",
    "picture",
    "px",
    "text",
]

Lane: TypeAlias = tuple[str, str]  #: tool and far end

WIDTH = 960  #: user units; the page scales the picture
LABELS = 240  #: width of the label column
RIGHT = 20  #: room right of a plot
LANE = 34  #: height of a lane: two lines of label
_MAX_LANES = 24  # more would not be read; the rest share the last lane


def px(value: float) -> str:
    """A coordinate with one decimal at most."""
    return f"{value:.1f}".rstrip("0").rstrip(".")


def text(x: float, y: float, raw: str, kind: str = "", anchor: str = "start") -> str:
    """A text element; the text is escaped here and nowhere else."""
    return (
        f'<text x="{px(x)}" y="{px(y)}" class="{kind}" text-anchor="{anchor}" '
        f'unicode-bidi="isolate">{html_text(raw)}</text>'
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line of a style class."""
    return f'<line x1="{px(x1)}" y1="{px(y1)}" x2="{px(x2)}" y2="{px(y2)}" class="{kind}"/>'


def diamond(x: float, y: float, reach: float) -> str:
    """Corners of a square standing on its tip."""
    corners = ((x, y - reach), (x + reach, y), (x, y + reach), (x - reach, y))
    return " ".join(f"{px(left)},{px(top)}" for left, top in corners)


def picture(height: float, title: str, parts: list[str]) -> str:
    """The SVG element with its description for screen readers."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {px(height)}" role="img" aria-label="{html_text(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def lane_of(session: Session, lanes: dict[Lane, list[Any]]) -> Lane:
    """Tool and far end without its port, which changes; a lane for all others where there are too many."""
    lane = (session.tool_name or session.tool, session.remote_name or session.remote.rpartition(":")[0])
    return lane if lane in lanes or len(lanes) < _MAX_LANES else ("others", "all other far ends")


def label(lane: Lane, y: float) -> list[str]:
    """A lane's tool over its far end."""
    return [
        text(0, y + 14, wording.shortened(lane[0], 34), "label"),
        text(0, y + 27, wording.shortened(lane[1], 36), "tick"),
    ]
