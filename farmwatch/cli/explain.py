"""``farmwatch explain``: what a detector looks for, what else could cause it, what to check, and what it found."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from farmwatch.cli import options
from farmwatch.cli.saved import load_report
from farmwatch.cli.streams import Color, can_show, use_color, width, write_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farmwatch.analysis.detectors import Detector
    from farmwatch.analysis.fleet.contract import FleetDetector
    from farmwatch.records.report import Report
    from farmwatch.reports.evidence import Cited
    from farmwatch.reports.page import Page

__all__ = ["HELP", "explain"]

HELP = """Explain a detector, a word of the report, or a signal or method that a weight cites; without a name, list all.

With --report, the findings of that detector in a saved report are shown too, with what was seen, what would be normal
and the packets that prove it.

\b
Examples:
  farmwatch explain
  farmwatch explain kvm.on_lan
  farmwatch explain kvm.on_lan --report saved.json
  farmwatch explain deciban
  farmwatch explain "not enough data"
  farmwatch explain N9
  farmwatch explain usb.kvm_identity
"""  #: text of ``farmwatch explain --help``


def explain(
    name: Annotated[
        str | None,
        typer.Argument(metavar="DETECTOR|WORD|SIGNAL", help="What to explain. Default: list all.", show_default=False),
    ] = None,
    saved: Annotated[
        Path | None, typer.Option("--report", metavar="SAVED", help="A saved JSON report to take findings from.")
    ] = None,
    color: options.ColorOption = Color.AUTO,
) -> None:
    """Explain a detector or a word of the report."""
    from farmwatch.analysis.detectors import DETECTORS
    from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS
    from farmwatch.analysis.fleet.farm_weights import TITLES
    from farmwatch.reports.evidence import cited
    from farmwatch.reports.page import Page
    from farmwatch.reports.wording import GLOSSARY

    page = Page(width=width(sys.stdout), color=use_color(color, sys.stdout), ascii_only=not can_show(sys.stdout))
    detectors: dict[str, Detector | FleetDetector] = {detector.id: detector for detector in DETECTORS}
    detectors |= {detector.id: detector for detector in FLEET_DETECTORS}
    words = dict(GLOSSARY)
    signals = cited()
    found = None if name is None else _meant(name, [*detectors, *TITLES, *words, *signals])
    if name is None:
        page.say("On captures and sensor logs ('farmwatch scan'):", style="bold")
        _list(page, DETECTORS)
        page.blank()
        page.say("On telemetry of a fleet ('farmwatch assess'):", style="bold")
        _list(page, FLEET_DETECTORS)
        page.blank()
        page.say("On groups of devices that 'farmwatch assess' ties together:", style="bold")
        for sign, title in TITLES.items():
            page.say(title, label=f"{sign}:", style="bold", hang=4)
        page.blank()
        page.say(", ".join(words), label="Words:", style="bold", hang=4)
        page.say(", ".join(signals), label="Signals (N, E, I) and methods (M):", style="bold", hang=4)
    elif found in detectors:
        name = found
        _detector(page, detectors[found])
    elif found in TITLES:
        _farm_sign(page, str(found))
    elif found in words:
        page.say(words[found], label=f"{found}:", style="bold")
    elif found in signals:
        _cited(page, signals[found])
    else:
        near = difflib.get_close_matches(name, [*detectors, *TITLES, *words], n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise typer.BadParameter(f"nothing is called {name!r}{hint} ('farmwatch explain' lists all)")
    if saved is not None:
        _findings(page, load_report(saved), name)
    write_result(page.render(), None, encoding=sys.stdout.encoding or "ascii")


def _meant(name: str, known: list[str]) -> str | None:
    """The known name that is meant, whatever its case and number; None where there is none."""
    by_case = {entry.casefold(): entry for entry in known}
    wanted = " ".join(name.casefold().split())
    forms = (wanted, wanted.removesuffix("s"), f"{wanted}s", f"{wanted.removesuffix('ies')}y")
    return next((by_case[form] for form in forms if form in by_case), None)


def _farm_sign(page: Page, name: str) -> None:
    """A sign of a group."""
    from farmwatch.analysis.fleet.farm_weights import BENIGN, REASONS, TITLES, WEIGHTS

    page.say(TITLES[name], label=f"{name}:", style="bold")
    page.say("farm; farm.member and farm.visitor: driven", label="Speaks for:", style="bold", hang=4)
    page.say("; ".join(BENIGN), label="Benign causes:", style="bold", hang=4)
    weights = "; ".join(f"{grade}: {decibans:+g} decibans" for grade, decibans in WEIGHTS.get(name, {}).items())
    own = "as its detector says, at most what chance leaves, less where only some members show it"
    page.say(f"{weights or own} ({REASONS.get(name, 'method M19')})", label="Weight:", style="bold", hang=4)


def _cited(page: Page, entry: Cited) -> None:
    """A signal or method of the evidence page."""
    (_, first), *rest = entry.columns
    page.say(first, label=f"{entry.name}:", style="bold")
    for heading, text in rest:
        page.say(text, label=f"{heading.capitalize()}:", indent=2, hang=4)
    if not entry.name.startswith("M"):
        page.say(
            "A is close to conclusive with one corroborator, B strong but in need of a second, C weak alone.",
            label="Grades:",
            indent=2,
            hang=4,
        )


def _list(page: Page, detectors: Sequence[Detector | FleetDetector]) -> None:
    """All detectors: id, family, claims and the question each one asks."""
    for detector in detectors:
        claims = ", ".join(_claims(detector))
        page.say(f"{detector.title} [{detector.family}; {claims}]", label=f"{detector.id}:", style="bold", hang=4)


def _claims(detector: Detector | FleetDetector) -> list[str]:
    """What a detector may speak for."""
    grades = getattr(detector, "grades", None)
    claims = detector.claims if grades is None else [grade.claim for grade in grades.values()]  # type: ignore[union-attr]  # only captures' have claims
    return list(dict.fromkeys(str(claim) for claim in claims))


def _feeds(detector: Detector | FleetDetector) -> str:
    """Kinds of feeds that give a fleet's detector what it needs; '' where it needs no table in particular.

    A detector of captures takes its tables from captures, which need no feed.
    """
    from farmwatch.collectors.feeds.own import OwnTable
    from farmwatch.collectors.feeds.registry import FEEDS

    if getattr(detector, "grades", None) is None:
        return ""
    senders = [feed for feed in FEEDS if not isinstance(feed, OwnTable)]
    told = []
    for record in detector.needs:
        kinds = [feed.kind for feed in senders if record in feed.tables]
        if kinds:
            told.append(f"{record.table}: {', '.join(kinds)}" if len(detector.needs) > 1 else ", ".join(kinds))
    return "; ".join(told)


def _weights(detector: Detector | FleetDetector) -> str:
    """What a detector's findings weigh, and why."""
    from farmwatch.reports.wording import origin

    grades = getattr(detector, "grades", None)
    if grades is None:
        return origin(detector.weight_source, detector.weight_reason)  # type: ignore[union-attr]  # as above
    return "; ".join(
        f"{name}: {grade.decibans:+g} decibans for {grade.claim} ({origin(grade.source, grade.reason)})"
        for name, grade in grades.items()
    )


def _detector(page: Page, detector: Detector | FleetDetector) -> None:
    """Everything a detector states about itself."""
    page.say(detector.title, label=f"{detector.id}:", style="bold")
    page.blank()
    for paragraph in (inspect.getdoc(type(detector)) or "").split("\n\n"):
        page.say(" ".join(paragraph.split()).replace("``", ""))
    page.blank()
    for label, text in (
        ("Speaks for:", ", ".join(_claims(detector))),
        ("Family:", str(detector.family)),
        ("Needs:", ", ".join(record.table for record in detector.needs)),
        ("Which these feeds fill:", _feeds(detector)),
        ("Benign causes:", "; ".join(detector.benign)),
        ("Clear means:", detector.when_clear),
        ("Check next:", detector.check),
        ("Weight:", _weights(detector)),
        ("Counts once with:", f"others of cause {detector.group!r}; the strongest counts"),
    ):
        if text:
            page.say(text, label=label, style="bold", hang=4)
    for entry in _parameters(detector):
        low, high = entry.metadata.get("low"), entry.metadata.get("high")
        page.say(
            f"{getattr(detector, entry.name):g} (from {low:g} to {high:g}): {entry.metadata.get('why', '')}",
            label=f"{entry.name} =",
            indent=2,
            hang=4,
        )


def _parameters(detector: Any) -> tuple[dataclasses.Field[Any], ...]:
    """The tunable numbers of a detector; every detector is a dataclass, which its base class cannot say."""
    return dataclasses.fields(detector)


def _findings(page: Page, report: Report, name: str | None) -> None:
    """What one detector, or all of them, found in a saved report."""
    from farmwatch.reports import reading, text_evidence

    for device in reading.ordered_devices(report):
        found = [finding for finding in device.findings if name is None or finding.detector == name]
        if found:
            page.blank()
            page.say(reading.title(device), style="bold")
        for finding in found:
            text_evidence.finding(page, finding, report, packets=True)
