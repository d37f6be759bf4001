"""Lines of a terminal page: escaped, wrapped, indented and coloured, in this order.

Why not rich: the terminal is the default output of every scan, and importing rich takes longer than a small scan. A
page needs paragraphs and headings only. Colours are added after wrapping, so that they never count as columns.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

from farmwatch.reports.escape import terminal

__all__ = ["MIN_WIDTH", "Page"]


MIN_WIDTH = 60  #: narrower terminals get lines of this width
_MAX_WIDTH = 160  # longer lines are hard to read
_STYLES = {
    "strong": "1;31",
    "review": "1;33",
    "clear": "32",
    "not enough data": "36",
    "bold": "1",
    "dim": "2",
    "alarm": "1;37;41",
}


# A number and its unit stay on one line. The escape has written out every such space of a stranger's by then.
_UNIT = re.compile(r"(?<=\d) (?=(?:%|ms|s|min|h|d|km|B|kB|MB|GB|TB|decibans|bytes|packets)\b|%)")
_GLUE = "\u00a0"


class Page:
    """Lines of a terminal page: wraps, indents, escapes and colours.

    Args:
        width: Columns of the terminal.
        color: Whether to emit SGR colour sequences.
        ascii_only: Whether the terminal shows nothing but ASCII.
    """

    def __init__(self, *, width: int, color: bool, ascii_only: bool) -> None:
        self.width = min(max(width, MIN_WIDTH), _MAX_WIDTH)
        self._color = color
        self._ascii = ascii_only
        self._lines: list[str] = []

    def text(self, raw: str) -> str:
        """A text as this terminal may show it."""
        return terminal(raw, ascii_only=self._ascii)

    def styled(self, shown: str, style: str) -> str:
        """An already escaped text in a named style."""
        return f"\x1b[{_STYLES[style]}m{shown}\x1b[0m" if self._color and style else shown

    def blank(self) -> None:
        """An empty line, never two in a row and none at the top."""
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def say(self, raw: str, *, indent: int = 0, label: str = "", style: str = "", hang: int | None = None) -> None:
        """A paragraph: wrapped to the width, a label in front, continuation lines under its text.

        Args:
            raw: The text, unescaped.
            indent: Columns before the label.
            label: A word or mark in front of the text, unescaped; the style colours it, or the whole text without one.
            style: Name of a style.
            hang: Columns before continuation lines; without it, under the text.
        """
        mark = self.text(label)
        lead = f"{mark} " if mark else ""
        pad = indent + len(lead) if hang is None else hang
        first = True
        lines = textwrap.wrap(
            lead + _UNIT.sub(_GLUE, self.text(raw)),
            width=self.width,
            initial_indent=" " * indent,
            subsequent_indent=" " * min(pad, self.width // 2),
            break_on_hyphens=False,
        )
        for line in (line.replace(_GLUE, " ") for line in lines):
            start = " " * indent + mark
            if mark and line.startswith(start) and first:
                self._lines.append(" " * indent + self.styled(mark, style) + line[len(start) :])
            else:
                bare = line.lstrip(" ")
                self._lines.append(line[: len(line) - len(bare)] + (bare if mark else self.styled(bare, style)))
            first = False

    def verbatim(self, raw: str) -> None:
        """A command on a line of its own, from the first column and never wrapped, so that it can be copied."""
        self._lines.append(self.text(raw))

    @property
    def length(self) -> int:
        """Lines so far."""
        return len(self._lines)

    def row(self, left: str, right: Iterable[tuple[str, str, str]], *, indent: int = 0, flush: bool = True) -> None:
        """A heading with labelled, coloured words at the right edge, or on the next line where there is no room.

        Args:
            left: Heading, unescaped.
            right: Label, word and style of each entry.
            indent: Columns before the second line.
            flush: Push the words to the right edge instead of setting them behind the heading.
        """
        entries = [(self.text(label), self.text(word), style) for label, word, style in right]
        plain = "   ".join(f"{label}{word}" for label, word, _ in entries)
        colored = "   ".join(label + self.styled(word, style) for label, word, style in entries)
        heading = self.text(left)
        if len(heading) + 3 + len(plain) <= self.width:
            gap = " " * (self.width - len(heading) - len(plain) if flush else 2)
            self._lines.append(self.styled(heading, "bold") + gap + colored)
            return
        self._lines.extend(self.styled(line, "bold") for line in textwrap.wrap(heading, width=self.width))
        if len(plain) + indent <= self.width:
            self._lines.append(" " * indent + colored)
        else:
            self._lines.extend(" " * indent + label + self.styled(word, style) for label, word, style in entries)

    def render(self) -> str:
        """The page as text ending in a newline."""
        return "\n".join(line.rstrip() for line in self._lines).rstrip("\n") + "\n"
