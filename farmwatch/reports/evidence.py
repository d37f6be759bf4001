"""The signals (N…, E…, I…) and methods (M…) that detectors cite, from the page ``evidence.md`` beside this file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files

__all__ = ["Cited", "cited"]

_ROW = re.compile(r"^\| ([NEIM]\d{1,3}) \|(.*)\|$")
_MARKUP = re.compile(r"\*\*?|`")


@dataclass(frozen=True, slots=True)
class Cited:
    """One row of the page: its name, and each column under its heading."""

    name: str
    columns: tuple[tuple[str, str], ...]  #: heading and text; the first is what is seen, or the method


def cited() -> dict[str, Cited]:
    """All signals and methods by name, in the order of the page."""
    found: dict[str, Cited] = {}
    headings: tuple[str, ...] = ()
    for line in files("farmwatch.reports").joinpath("evidence.md").read_text(encoding="utf-8").splitlines():
        row = _ROW.match(line)
        if row is not None:
            found[row[1]] = Cited(row[1], tuple(zip(headings, _cells(row[2]), strict=True)))
        elif line.startswith("| |"):
            headings = _cells(line[3:].removesuffix("|"))
    return found


def _cells(row: str) -> tuple[str, ...]:
    """Cells of a Markdown row as plain text; a bar inside one has a backslash before it."""
    return tuple(_MARKUP.sub("", cell.replace("\\|", "|")).strip() for cell in re.split(r"(?<!\\)\|", row))
