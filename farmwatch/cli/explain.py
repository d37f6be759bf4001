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
    from farmwatch.analysis.detectors import Detector
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
"""  #: text of ``farmwatch explain --help``


def explain(
    name: Annotated[
        str | None,
        typer.Argument(metavar="DETECTOR|WORD|N…|M…", help="What to explain. Default: list all.", show_default=False),
    ] = None,
    saved: Annotated[
        Path | None, typer.Option("--report", metavar="SAVED", help="A saved JSON report to take findings from.")
    ] = None,
    color: options.ColorOption = Color.AUTO,
) -> None:
    """Explain a detector or a word of the report."""
    from farmwatch.analysis.detectors import DETECTORS
    from farmwatch.reports.evidence import cited
    from farmwatch.reports.page import Page
    from farmwatch.reports.wording import GLOSSARY

    page = Page(width=width(sys.stdout), color=use_color(color, sys.stdout), ascii_only=not can_show(sys.stdout))
    detectors = {detector.id: detector for detector in DETECTORS}
    words = dict(GLOSSARY)
    signals = cited()
    found = None if name is None else _meant(name, [*detectors, *words, *signals])
    if name is None:
        _list(page, tuple(DETECTORS))
        page.blank()
        page.say(", ".join(words), label="Words:", style="bold", hang=4)
        page.say(", ".join(signals), label="Signals (N) and methods (M):", style="bold", hang=4)
    elif found in detectors:
        name = found
        _detector(page, detectors[found])
    elif found in words:
        page.say(words[found], label=f"{found}:", style="bold")
    elif found in signals:
        _cited(page, signals[found])
    else:
        near = difflib.get_close_matches(name, [*detectors, *words], n=3)
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


def _cited(page: Page, entry: Cited) -> None:
    """A signal or method of the evidence page."""
    (_, first), *rest = entry.columns
    page.say(first, label=f"{entry.name}:", style="bold")
    for heading, text in rest:
        page.say(text, label=f"{heading.capitalize()}:", indent=2, hang=4)
    if entry.name.startswith("N"):
        page.say(
            "A is close to conclusive with one corroborator, B strong but in need of a second, C weak alone.",
            label="Grades:",
            indent=2,
            hang=4,
        )


def _list(page: Page, detectors: tuple[Detector, ...]) -> None:
    """All detectors: id, family, claims and the question each one asks."""
    for detector in detectors:
        claims = ", ".join(detector.claims)
        page.say(f"{detector.title} [{detector.family}; {claims}]", label=f"{detector.id}:", style="bold", hang=4)


def _detector(page: Page, detector: Detector) -> None:
    """Everything a detector states about itself."""
    from farmwatch.reports.wording import origin

    page.say(detector.title, label=f"{detector.id}:", style="bold")
    page.blank()
    for paragraph in (inspect.getdoc(type(detector)) or "").split("\n\n"):
        page.say(" ".join(paragraph.split()).replace("``", ""))
    page.blank()
    for label, text in (
        ("Speaks for:", ", ".join(detector.claims)),
        ("Family:", str(detector.family)),
        ("Needs:", ", ".join(record.table for record in detector.needs)),
        ("Benign causes:", "; ".join(detector.benign)),
        ("Clear means:", detector.when_clear),
        ("Check next:", detector.check),
        ("Weight:", origin(detector.weight_source, detector.weight_reason)),
        ("Counts once with:", f"others of cause {detector.group!r}; the strongest counts"),
    ):
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
