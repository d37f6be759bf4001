"""What to read: files, folders, globs and ``-`` from the command line as a list of captures."""

from __future__ import annotations

import typer

from farmwatch.collectors.paths import captures_of
from farmwatch.errors import SourceError
from farmwatch.reports.escape import visible

__all__ = ["expand"]

_HINT = "FILE"  # the argument that messages name


def expand(arguments: list[str]) -> list[str]:
    """Paths to read, each once, in the order given; folders and globs in the order of their names.

    Raises:
        typer.BadParameter: something named does not exist, or a folder or pattern holds no capture.
    """
    found: dict[str, None] = {}
    for argument in arguments:
        try:
            found.update(dict.fromkeys(captures_of(argument)))
        except SourceError as error:
            raise typer.BadParameter(visible(error.reason), param_hint=_HINT) from error
    return list(found)
