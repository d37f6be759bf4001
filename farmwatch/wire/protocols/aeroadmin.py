"""AeroAdmin's opening.

Fact row (AeroAdmin payload), medium, Emerging Threats: client ``e1 00 00 00 00``, then from byte 6 ``0b 00 00 d8 00
00 00 4d 49 47 64 4d 41``; server ``05 00 00 00 00 ff ff ff ff`` (9 bytes). The text decodes to the start of a base64
key (``MIGdMA``). No capture was found; the side is not known.

Sample::

    e1 00 00 00 00 00 0b 00 00 d8 00 00 00 4d 49 47 64 4d 41 ...    client
    05 00 00 00 00 ff ff ff ff                                      server
"""

from __future__ import annotations

from dataclasses import dataclass

from farmwatch.errors import DecodeError

__all__ = ["AeroAdminSession", "decode_aeroadmin"]

_CLIENT = b"\xe1\x00\x00\x00\x00"
_CLIENT_KEY = b"\x0b\x00\x00\xd8\x00\x00\x00MIGdMA"
_SERVER = b"\x05\x00\x00\x00\x00\xff\xff\xff\xff"


@dataclass(frozen=True, slots=True)
class AeroAdminSession:
    """An AeroAdmin connection."""

    client_side: int  #: end that sends the key; either may be the driven one
    answered: bool


def decode_aeroadmin(orig: bytes, resp: bytes) -> AeroAdminSession:
    """Read a connection from the first bytes of both directions.

    Raises:
        DecodeError: no client opening.
    """
    for side, (mine, theirs) in enumerate(((orig, resp), (resp, orig))):
        if mine.startswith(_CLIENT) and mine[6 : 6 + len(_CLIENT_KEY)] == _CLIENT_KEY:
            return AeroAdminSession(side, theirs.startswith(_SERVER))
    raise DecodeError("no AeroAdmin client opening")
