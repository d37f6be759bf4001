"""``farmwatch report``: a saved report, shown again in any format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from farmwatch.cli import options
from farmwatch.cli.exits import EXIT_HELP
from farmwatch.cli.saved import load_report
from farmwatch.cli.showing import Format, exit_code, show
from farmwatch.cli.streams import Color, check_writable

__all__ = ["HELP", "report"]

HELP = f"""Show a report saved by 'farmwatch scan --json' again, in any format.

\b
Examples:
  farmwatch report saved.json -v
  farmwatch report saved.json --html report.html -q -o /dev/null
  farmwatch report saved.json.gz --format csv > findings.csv

{EXIT_HELP}
"""  #: text of ``farmwatch report --help``


def report(
    saved: Annotated[
        Path, typer.Argument(metavar="SAVED", help="The JSON report (.gz and .zst too); - for standard input.")
    ],
    html: options.HtmlOption = None,
    json: options.JsonOption = False,
    form: options.FormatOption = Format.TEXT,
    output: options.OutputOption = None,
    fail_on: options.FailOnOption = None,
    quiet: options.QuietOption = False,
    verbose: options.VerboseOption = 0,
    color: options.ColorOption = Color.AUTO,
) -> None:
    """Show a saved report again."""
    check_writable(output, [str(saved)], "--output")
    check_writable(html, [str(saved)], "--html")
    loaded = load_report(saved)
    show(
        loaded,
        form=Format.JSON if json else form,
        output=output,
        html=html,
        verbose=verbose,
        quiet=quiet,
        color=color,
    )
    raise typer.Exit(exit_code(loaded, fail_on))
