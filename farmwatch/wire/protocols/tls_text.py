"""Server and protocol names of a hello as ASCII: visible characters stay, every other byte becomes an escape.

Why escape and not reject: a name with control bytes in it is evidence, so it survives, but in a form that moves no
cursor and hides nothing. Why stricter than ``text``: a server name is ASCII by RFC 6066 section 3, and a letter of
another alphabet that looks like a Latin one must not pass for it. The escape is reversible (the backslash is escaped
too), so a fingerprint that needs the bytes can have them back.
"""

from __future__ import annotations

import re

__all__ = ["escape_octets", "unescape_octets"]

_PLAIN = re.compile(rb"[!-\[\]-~]*").fullmatch
_ODD = re.compile(rb"[^!-\[\]-~]")
_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")


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
