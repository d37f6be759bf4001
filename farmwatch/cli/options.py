"""Options that several sub-commands share, declared once so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from farmwatch.cli.showing import FailOn, Format
from farmwatch.cli.streams import Color

__all__ = [
    "ColorOption",
    "FailOnOption",
    "FormatOption",
    "HtmlOption",
    "JsonOption",
    "OutputOption",
    "QuietOption",
    "VerboseOption",
]

HtmlOption = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write a self-contained HTML report too.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Same as --format json.")]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="What the result is written as.")]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write the result there; - is standard output, the default."),
]
FailOnOption = Annotated[
    FailOn | None,
    typer.Option("--fail-on", help="Exit with 1 where a device or farm is at this level or above. Default: never."),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No talk on standard error but errors.")]
VerboseOption = Annotated[
    int,
    typer.Option(
        "--verbose", "-v", count=True, show_default=False, help="All evidence and the scoring; -vv: packets and inputs."
    ),
]
ColorOption = Annotated[
    Color, typer.Option("--color", help="When to colour text. NO_COLOR, FORCE_COLOR and TERM=dumb are heeded.")
]
