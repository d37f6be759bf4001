"""Text chosen by the other side, made safe to store: printable characters stay, everything else becomes an escape.

Why escape and not reject: a name with control bytes in it is evidence, so it survives, but in a form that can move no
cursor, close no HTML tag early by a hidden byte, and hide nothing. The escape is reversible (the backslash is escaped
too), so a fingerprint that needs the bytes can have them back.
"""

from __future__ import annotations

import re

__all__ = ["escape_octets", "escape_text", "unescape_octets"]

_PLAIN = re.compile(rb"[!-\[\]-~]*").fullmatch
_ODD = re.compile(rb"[^!-\[\]-~]")
_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")
_MAX_CHARS = 256


def escape_octets(raw: bytes) -> str:
    r"""Octets as ASCII: visible characters as they are, all others (space and backslash too) as ``\xNN``.

    Sample: ``b"h2"`` is ``h2``; ``b"a\x1b[2J"`` is ``a\x1b[2J`` with the four characters ``\x1b`` spelled out.
    """
    if _PLAIN(raw):
        return raw.decode("ascii")
    return _ODD.sub(lambda odd: b"\\x%02x" % odd[0][0], raw).decode("ascii")


def unescape_octets(text: str) -> bytes:
    """The octets that ``escape_octets`` was given."""
    return _ESCAPED.sub(lambda escape: bytes.fromhex(escape[1].decode()), text.encode("ascii", "replace"))


def escape_text(text: str) -> str:
    r"""Unicode text of a certificate: printable characters stay, all others and the backslash become escapes.

    Sample: ``"AnyNet Relay"`` stays; U+202E becomes the six characters ``\u202e``. Cut after 256 characters, which is
    four times what X.520 allows a common name.
    """
    text = text[:_MAX_CHARS]
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(char if char.isprintable() and char != "\\" else _escape(ord(char)) for char in text)


def _escape(code: int) -> str:
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
