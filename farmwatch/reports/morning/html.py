"""The morning report as one HTML page that needs no network: for a screen at night, for paper, for a reader's keyboard.

Every value goes through :func:`farmwatch.reports.escape.visible` and autoescaping. The page forbids itself requests,
foreign styles and scripts by a content security policy that names the hashes of its one style sheet and its one
script, a search in the list of all devices; without scripts everything but that search is there.

Only devices that need a person are told in full, and no more of them than somebody reads; the list of all devices is
folded, so that a browser need not lay it out.
"""

from __future__ import annotations

import base64
import hashlib
import math
from importlib.resources import files

from farmwatch.records import Claim, Finding
from farmwatch.records.morning import Morning, MorningCase, MorningDevice
from farmwatch.records.report import ClaimAssessment, Weight
from farmwatch.reports import wording
from farmwatch.reports.escape import html_text
from farmwatch.reports.html import environment
from farmwatch.reports.morning import saying
from farmwatch.reports.morning.comparing import ASKING
from farmwatch.reports.morning.graph import farm_graph
from farmwatch.reports.morning.outline import farm_map
from farmwatch.reports.morning.sources import closings
from farmwatch.reports.morning.trend import MOST_POINTS, trend_picture

__all__ = ["FULL", "LISTED", "WEIGHED", "render"]

FULL = 120  #: devices told in full, new or worse ones first
WEIGHED = 40  #: of them with every finding and weight, which takes most of a page's size
LISTED = 20_000  #: devices in the list of all; the CSV has every one
_ROWS = 400  #: rows of any other table
_OPEN = 12  #: devices shown unfolded
_FARMS = 40  #: farms told in full
_UNSEEN = 400  #: names of devices nobody could look at


def render(morning: Morning) -> str:
    """The report as a self-contained page; the same report gives the same bytes."""
    from markupsafe import Markup

    style = _own("report.css") + _own("morning.css")
    script = _own("morning.js")
    anchors = {case.device_id: f"d{number}" for number, case in enumerate(_every_case(morning), 1)}
    page = environment().get_template("morning.html.j2")
    news, still, rest = _told(morning)
    return page.render(
        morning=morning,
        style=Markup(style),  # noqa: S704 our own file, no input in it
        script=Markup(script),  # noqa: S704 our own file, no input in it
        style_hash=_digest(style),
        script_hash=_digest(script),
        tiles=_tiles(morning),
        news=news,
        still=still,
        rest=rest,
        unfolded=_unfolded(morning),
        weighed={case.device_id for case in (*news, *still)[:WEIGHED]},
        anchors=anchors,
        farm_anchors={farm.farm_id: f"f{number}" for number, farm in enumerate(morning.farms[:_FARMS], 1)},
        farms=morning.farms[:_FARMS],
        more_farms=morning.farms[_FARMS:],
        saying=saying,
        wording=wording,
        asking=ASKING,
        Claim=Claim,
        claims=_claims,
        chain=_chain,
        everyone=Markup(_everyone(morning, anchors)),  # noqa: S704 every value in it is escaped where it is made
        listed=min(len(morning.devices), LISTED),
        newline=Markup("\n"),  # one of our own: a value's would be written out
        rows=_ROWS,
        closings=closings(morning.coverage.detectors),
        unseen=morning.coverage.unseen[:_UNSEEN],
        farm_graph=lambda farm: Markup(farm_graph(farm)),  # noqa: S704 it escapes every text it is given
        farm_map=lambda farm: Markup(farm_map(farm)),  # noqa: S704 it escapes every text it is given
        trend_picture=Markup(trend_picture(morning.trend)),  # noqa: S704 it escapes every text it is given
        trend=morning.trend[-MOST_POINTS:],
    )


_ANCHORS = ("new", "new", "open", "cleared", "explained", "farms", "coverage")
_ALERTS = frozenset({"new", "worse"})


def _tiles(morning: Morning) -> list[tuple[str, str, int, bool]]:
    """Word, section, count and whether it is to be seen first."""
    return [
        (word, anchor, count, word in _ALERTS)
        for (word, count), anchor in zip(saying.headline(morning), _ANCHORS, strict=True)
    ]


def _own(name: str) -> str:
    return files("farmwatch.reports").joinpath("templates", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _every_case(morning: Morning) -> tuple[MorningCase, ...]:
    """Cases that are told in full, in the page's order."""
    news, still, _ = _told(morning)
    return (*news, *still)


def _told(
    morning: Morning,
) -> tuple[tuple[MorningCase, ...], tuple[MorningCase, ...], tuple[MorningCase, ...]]:
    """New or worse in full, still open in full, and those only listed."""
    news = morning.new_or_worse[:FULL]
    still = morning.still_open[: FULL - len(news)]
    return news, still, (*morning.new_or_worse[len(news) :], *morning.still_open[len(still) :])


def _unfolded(morning: Morning) -> frozenset[str]:
    """Devices shown unfolded: the first ones, but of every farm only one, for its devices read alike."""
    shown: list[str] = []
    farms: set[str] = set()
    for case in morning.new_or_worse:
        if case.farm_id is None or case.farm_id not in farms:
            shown.append(case.device_id)
            farms |= {case.farm_id} if case.farm_id is not None else set()
    return frozenset(shown[:_OPEN])


def _claims(case: MorningCase) -> tuple[tuple[Claim, ClaimAssessment], ...]:
    return tuple((claim, getattr(case.assessment, str(claim))) for claim in Claim)


def _chain(case: MorningCase, assessed: ClaimAssessment) -> list[tuple[Weight, Finding | None]]:
    """Weights of a claim with the finding each stands for, where that can be told."""
    left = list(case.findings)
    rows: list[tuple[Weight, Finding | None]] = []
    for weight in assessed.weights:
        found = next((one for one in left if _weighs(one, weight)), None)
        if found is not None:
            left.remove(found)
        rows.append((weight, found))
    return rows


def _weighs(finding: Finding, weight: Weight) -> bool:
    same_side = math.copysign(1, finding.decibans) == math.copysign(1, weight.decibans)
    return finding.detector == weight.detector and (finding.group or finding.detector) == weight.group and same_side


def _everyone(morning: Morning, anchors: dict[str, str]) -> str:
    """Rows of the list of all devices, escaped; made here because a template takes ten times as long."""
    return "".join(_row(line, anchors.get(line.device_id)) for line in morning.devices[:LISTED])


def _row(line: MorningDevice, anchor: str | None) -> str:
    name = html_text(wording.shortened(line.device_id, 60))
    shown = f'<a href="#{anchor}"><bdi>{name}</bdi></a>' if anchor else f"<bdi>{name}</bdi>"
    level = f"<b>{line.level}</b>" if line.level in ASKING else line.level
    farm = html_text(line.farm_id) if line.farm_id else ""
    return (
        f"<tr><td>{shown}</td><td>{level}</td><td>{'' if line.change == 'nothing' else line.change}</td>"
        f"<td>{line.decibans:+.1f}</td><td>{line.hits or ''}</td><td>{farm}</td>"
        f"<td>{line.not_looked_at or ''}</td></tr>"
    )
