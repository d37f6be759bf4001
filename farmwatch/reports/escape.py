r"""Text chosen by strangers, made safe for where it is shown: one function per medium.

Host names, certificates, cookies and SSIDs in a capture are chosen by the adversary. A terminal obeys ESC sequences, a
browser obeys markup, a spreadsheet obeys ``=``, and every one of them can be made to show text backwards. What cannot
be seen or would steer the medium is written out as ``\x1b`` or ``\u202e`` instead of being dropped, so that a reader
sees that somebody tried.
"""

from __future__ import annotations

import unicodedata

__all__ = ["ascii_text", "csv_cell", "html_text", "json_text", "terminal", "visible"]

# Letters and symbols that Unicode counts as printable although nothing is drawn: fillers and the blank Braille pattern.
_BLANKS = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_MAX_MARKS = 2  # combining marks kept on one letter; Vietnamese needs two, a tower of them covers the lines above
_FORMULA = frozenset("=+-@\t\r\uff1d\uff0b\uff0d\uff20")  # OWASP "CSV injection", with the full-width forms
_ASCII = {
    "\u00b7": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-", "\u2026": "...", "\u2192": "->", "\u2190": "<-",
    "\u2194": "<->", "\u00d7": "x", "\u2264": "<=", "\u2265": ">=", "\u00b1": "+/-", "\u2018": "'", "\u2019": "'",
    "\u201c": '"', "\u201d": '"', "\u2022": "*", "\u00b5": "u", "\u2248": "~",
}  # fmt: skip


def visible(text: str) -> str:
    """The text on one line with everything unseen or steering written out.

    Written out are control characters, line breaks, bidirectional overrides and isolates (U+202A to U+202E, U+2066 to
    U+2069), zero-width and other format characters, odd spaces, surrogates, unassigned code points, blank letters,
    variation selectors, and combining marks beyond the second in a row. The result is always printable.
    """
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = 0
    for char in text:
        combining = unicodedata.category(char) in {"Mn", "Me"}
        marks = marks + 1 if combining else 0
        hidden = char in _BLANKS or "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
        shown.append(_written_out(char) if hidden or marks > _MAX_MARKS or not char.isprintable() else char)
    return "".join(shown)


def _written_out(char: str) -> str:
    r"""A character as ``\xhh``, ``\uhhhh`` or ``\Uhhhhhhhh``."""
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def ascii_text(text: str) -> str:
    """Printable ASCII only: our own dashes and arrows get their plain look-alikes, the rest is written out."""
    if text.isascii():
        return visible(text)
    return "".join(_ASCII.get(char) or (char if char.isascii() else _written_out(char)) for char in visible(text))


def terminal(text: str, *, ascii_only: bool = False) -> str:
    """Text for a terminal: one line, no control sequence; ASCII where the terminal cannot show more."""
    return ascii_text(text) if ascii_only else visible(text)


def html_text(text: str) -> str:
    """Text for HTML and SVG, attributes included: written out as on the terminal, then markup escaped."""
    shown = visible(text)
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&#34;"), ("'", "&#39;")):
        shown = shown.replace(char, entity)
    return shown


def csv_cell(text: str) -> str:
    """Text for a spreadsheet cell: what could start a formula gets an apostrophe in front.

    Cells hold lists joined by ``|``, and ``|`` also starts a DDE command, so every part between bars is guarded.
    """
    parts = text.split("|")
    return visible("|".join(_guarded(part) for part in parts))


def _guarded(part: str) -> str:
    """A part of a cell with an apostrophe before the first formula character that a spreadsheet would act on."""
    stripped = part.lstrip(" \n\x00\ufeff\u200b\u00a0")
    if stripped and stripped[0] in _FORMULA:
        return part[: len(part) - len(stripped)] + "'" + stripped
    return part


def json_text(encoded: str) -> str:
    """ASCII JSON with DEL written out too, which the encoder leaves as it is and terminals may obey."""
    return encoded.replace("\x7f", "\\u007f")
