"""One report, shown as asked: format, file, verbosity, and the exit code that follows from it."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from farmwatch.cli.exits import Exit
from farmwatch.cli.streams import Color, can_show, talk, use_color, width, write_result

if TYPE_CHECKING:
    from farmwatch.records.report import Report

__all__ = ["FailOn", "Format", "exit_code", "show"]

_FILE_WIDTH = 100  # columns of a text report that goes to a file


class Format(StrEnum):
    """What a report can be shown as."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    HTML = "html"


class FailOn(StrEnum):
    """Levels that can make the exit code 1."""

    REVIEW = "review"
    STRONG = "strong"


def show(
    report: Report,
    *,
    form: Format,
    output: Path | None,
    html: Path | None,
    verbose: int,
    quiet: bool,
    color: Color,
) -> None:
    """Write the report to standard output or ``output``, and as HTML to ``html`` too."""
    from farmwatch.reports.document import canonical

    if form is not Format.JSON or html is not None:  # writing JSON rounds by itself
        report = canonical(report)
    if html is not None:
        from farmwatch.reports.html import render as render_html

        write_result(render_html(report), html)
        talk(f"wrote {html}", quiet=quiet or str(html) == "-")
    if form is Format.TEXT:
        _show_text(report, output, verbose, color)
    else:
        write_result(_document(report, form), output)
        _talk_of_damage(report, quiet=quiet)
    talk(f"wrote {output}", quiet=quiet or output is None or str(output) == "-")


def _show_text(report: Report, output: Path | None, verbose: int, color: Color) -> None:
    """The text report, fitted to where it goes."""
    from farmwatch.reports import text

    if output is not None and str(output) != "-":
        colored = color is Color.ALWAYS
        write_result(text.render(report, width=_FILE_WIDTH, verbose=verbose, color=colored), output)
        return
    shown = text.render(
        report,
        width=width(sys.stdout),
        verbose=verbose,
        color=use_color(color, sys.stdout),
        ascii_only=not can_show(sys.stdout),
    )
    write_result(shown, None, encoding=sys.stdout.encoding or "ascii")


def _document(report: Report, form: Format) -> str:
    """The report in a format for programs, spreadsheets or browsers."""
    if form is Format.JSON:
        from farmwatch.reports.document import dumps

        return dumps(report)
    if form is Format.HTML:
        from farmwatch.reports.html import render

        return render(report)
    from farmwatch.reports import findings

    return findings.jsonl_text(report) if form is Format.JSONL else findings.csv_text(report)


def _talk_of_damage(report: Report, *, quiet: bool) -> None:
    """Lost input, said on standard error where the result itself is for a program."""
    from farmwatch.reports.wording import complaint, losses, place

    for entry in report.inputs:
        if entry.error is not None:
            talk(f"UNREADABLE {place(entry.path)}: {complaint(entry.error)}", quiet=quiet)
        elif not entry.complete:
            lost = "; ".join(losses(entry)) or "part of it could not be read"
            talk(f"DAMAGED {place(entry.path)}: {lost}", quiet=quiet)


def exit_code(report: Report, fail_on: FailOn | None) -> Exit:
    """The code a run over this report ends with (see :data:`farmwatch.cli.exits.EXIT_HELP`)."""
    from farmwatch.records.report import Level
    from farmwatch.reports.reading import reaches

    if report.inputs and all(entry.error is not None for entry in report.inputs):
        return Exit.NOTHING
    if fail_on is not None and reaches(report, Level(fail_on)):
        return Exit.FINDINGS
    return Exit.OK if all(entry.complete for entry in report.inputs) else Exit.PARTIAL
