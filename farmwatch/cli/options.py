"""Options that several sub-commands share, declared once so that they read the same everywhere.

Why files to be read are checked here: whoever mistypes a name learns it before any work is done, with the option's
name and the same exit code (2) from every command. A file that is there and makes no sense is another matter: 4 or 5.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from farmwatch.cli.showing import FailOn, Format
from farmwatch.cli.streams import Color

__all__ = [
    "AsJsonOption",
    "ColorOption",
    "FailOnOption",
    "FormatOption",
    "GeoOption",
    "HtmlOption",
    "JsonOption",
    "KnowledgeOption",
    "NoProgressOption",
    "OutputOption",
    "ProfileOption",
    "QuietOption",
    "StoreOption",
    "VerboseOption",
    "WeightsOption",
    "input_file",
]

_STORE = "The store: a folder, or a URL such as s3://bucket/prefix. Default: in your data folder."


def input_file(name: str, *, metavar: str, help: str) -> Any:  # noqa: A002 (typer's own name for it)
    """An option that names a file to be read; a missing one is wrong usage, told before anything is done.

    Args:
        name: the option, with its dashes.
        metavar: what stands for the file in the help.
        help: the option's sentence.
    """
    return typer.Option(name, metavar=metavar, help=help, exists=True, dir_okay=False)


HtmlOption = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write a self-contained HTML report too.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Same as --format json.")]
AsJsonOption = Annotated[bool, typer.Option("--json", help="Write the result as JSON.")]
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
NoProgressOption = Annotated[bool, typer.Option("--no-progress", help="No progress bar on standard error.")]
StoreOption = Annotated[
    str | None,
    typer.Option("--store", metavar="FOLDER|URL", envvar="FARMWATCH_STORE", help=_STORE, show_default=False),
]
ProfileOption = Annotated[
    Path | None,
    input_file("--profile", metavar="TOML", help="What the company declares: networks, tools, places."),
]
KnowledgeOption = Annotated[
    list[Path] | None,
    input_file("--knowledge", metavar="FILE", help="Own knowledge file. Repeatable; later ones win."),
]
GeoOption = Annotated[
    list[Path] | None,
    input_file("--geo", metavar="MMDB", help="Database of where addresses are. Repeatable: city and network."),
]
WeightsOption = Annotated[
    Path | None, input_file("--weights", metavar="JSON", help="Weights that 'farmwatch calibrate' measured.")
]
