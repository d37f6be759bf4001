"""The HTML report: one file that needs no network and no script, reads well on screen and on paper.

Every value goes through :func:`farmwatch.reports.escape.visible` and then through autoescaping; the page forbids
itself scripts, requests and foreign styles by a content security policy that names the hash of its only style sheet.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from farmwatch.records.finding import Claim, Finding, Outcome
from farmwatch.records.report import Device, Level, Report
from farmwatch.reports import reading, svg, wording
from farmwatch.reports.commands import inspect_command
from farmwatch.reports.escape import visible
from farmwatch.reports.reach import reach_picture

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["environment", "render"]

_ASKS = (Level.STRONG, Level.REVIEW)  # levels that ask for a person


def render(report: Report) -> str:
    """The report as a self-contained HTML page; the same report gives the same bytes."""
    from markupsafe import Markup

    style = files("farmwatch.reports").joinpath("templates", "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    devices = reading.ordered_devices(report)
    page = environment().get_template("report.html.j2")
    return page.render(
        report=report,
        style=Markup(style),  # noqa: S704 our own file, no input in it
        style_hash=digest,
        asked=[device for device in devices if reading.device_level(device) in _ASKS],
        quiet=[device for device in devices if reading.device_level(device) not in _ASKS],
        devices=devices,
        farms=reading.ordered_farms(report),
        titles=reading.device_titles(report),
        reading=reading,
        wording=wording,
        Claim=Claim,
        Outcome=Outcome,
        next_steps=lambda device: reading.next_steps(device, report.inputs),
        evidence_from=lambda device: _evidence_from(device, report),
        inspect_command=lambda device: inspect_command(device, report),
        counted=reading.counted,
        findings_of=_findings_of,
        weightless=_weightless,
        coverage=_coverage,
        timeline=lambda device: Markup(svg.timeline(device)),  # noqa: S704 svg escapes every text it is given
        round_trips=lambda device: Markup(svg.round_trips(device)),  # noqa: S704 svg escapes every text it is given
        reach_picture=lambda device: Markup(reach_picture(device)),  # noqa: S704 it escapes every text it is given
        lan_map=lambda lan: Markup(svg.lan_map(lan)),  # noqa: S704 svg escapes every text it is given
        counts=[(level, sum(reading.device_level(device) is level for device in devices)) for level in Level],
        anchors={device.device_id: f"d{number}" for number, device in enumerate(devices, 1)},
    )


def environment() -> Environment:
    """Templates with autoescaping for all of them and every printed value made visible first."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("farmwatch.reports"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _shown(value: Any) -> Any:
    """What a template prints: text without anything unseen in it; our own markup as it is."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _findings_of(device: Device, claim: Claim) -> list[tuple[str, list[Finding]]]:
    """Hits of one claim that weigh something, by family in the fixed order of families."""
    hits = [one for one in reading.by_outcome(device, Outcome.HIT) if one.claim is claim and one.decibans]
    return [(family, found) for family in reading.FAMILIES if (found := [hit for hit in hits if hit.family == family])]


def _weightless(device: Device) -> list[Finding]:
    """Hits that weigh nothing, as approved tools and innocent facts, each summary once."""
    seen = [finding for finding in reading.by_outcome(device, Outcome.HIT) if not finding.decibans]
    return list({finding.summary: finding for finding in reversed(seen)}.values())[::-1]


def _evidence_from(device: Device, report: Report) -> str:
    """Files that a device's evidence comes from, where several were read."""
    numbers = [number for number in reading.evidence_inputs(device) if 0 <= number < len(report.inputs)]
    if len(report.inputs) < 2 or not numbers:
        return ""
    return f"{wording.plural(len(numbers), 'input')}: {wording.places([report.inputs[n].path for n in numbers], 6)}"


def _coverage(device: Device) -> list[Finding]:
    """Every finding, hits first, then clear, then no data."""
    return [finding for outcome in Outcome for finding in reading.by_outcome(device, outcome)]
