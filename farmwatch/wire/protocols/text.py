r"""Untrusted bytes as text, written the same way by every name decoder.

Names on the wire are chosen by whoever sends them. A decoder keeps printable UTF-8 as it is and writes every other
byte, and the backslash itself, as ``\xNN``: nothing is lost, nothing can move a cursor or reverse the reading
direction, and two different names never look the same. Renderers escape again for their own medium.
"""

from __future__ import annotations

__all__ = ["mac_text", "printable", "printable_text"]


def printable(raw: bytes, limit: int = 255) -> str:
    r"""Text of untrusted bytes, at most ``limit`` bytes of them; sample: ``b"kvm\x1b"`` gives ``kvm\x1b`` spelled out.

    Printable means `str.isprintable`: control, format (direction overrides, zero width) and odd space characters are
    escaped even when they are valid UTF-8.
    """
    text = raw[:limit].decode("utf-8", "surrogateescape")
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(
        character if character.isprintable() and character != "\\" else _escaped(character) for character in text
    )


def printable_text(text: str, limit: int = 255) -> str:
    """The same for text already decoded from another character set; ``limit`` counts characters."""
    text = text[:limit]
    if text.isprintable() and "\\" not in text:
        return text
    return printable(text.encode("utf-8", "surrogatepass"), limit * 4)


def mac_text(raw: bytes) -> str:
    """Hardware address as lower-case hexadecimal with colons; sample: ``02:00:5e:10:00:01``."""
    return raw.hex(":")


def _escaped(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
