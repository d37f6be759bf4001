"""Radmin: greeting and mode messages.

Fact rows (Radmin payload), high, nDPI, Emerging Threats and capture: controller 10 bytes ``01 00 00 00 01 00 00 00 08
08``, controlled end 46 bytes ``01 00 00 00 25 00 00 02 12 08 02 00 00 0a``; later connections ``01 00 00 00 05 00 00
02 27 27 02 00 00 00`` answered ``... 05 00 00 00 27 27 00 00 00 00``. Frame: 01, length (32 BE) counting from byte 9,
checksum byte included; seen in radmin3.pcapng.

Sample::

    01 00 00 00 01 00 00 00 08 08                               controller
    01 00 00 00 25 00 00 02 12 08 02 00 00 0a 00 00 ... 00      controlled, 46 bytes
"""

from __future__ import annotations

from dataclasses import dataclass

from farmwatch.errors import DecodeError

__all__ = ["RadminSession", "decode_radmin"]

_GREETING = b"\x01\x00\x00\x00\x01\x00\x00\x00\x08\x08"
_GREETING_ANSWER = b"\x01\x00\x00\x00\x25\x00\x00\x02\x12\x08\x02\x00\x00\x0a"
_MODE = b"\x01\x00\x00\x00\x05\x00\x00\x02\x27\x27\x02\x00\x00\x00"
_MODE_ANSWER = b"\x01\x00\x00\x00\x05\x00\x00\x00\x27\x27\x00\x00\x00\x00"


@dataclass(frozen=True, slots=True)
class RadminSession:
    """A Radmin connection."""

    controlled_side: int
    stage: str  #: ``greeting`` or ``mode``
    confirmed: bool  #: the controlled end answered as a Radmin server


def decode_radmin(orig: bytes, resp: bytes) -> RadminSession:
    """Read a connection from the first bytes of both directions.

    Raises:
        DecodeError: neither greeting nor mode request, or an answer that is not Radmin's.
    """
    for side, (mine, theirs) in enumerate(((orig, resp), (resp, orig))):
        for stage, ask, answer in (("greeting", _GREETING, _GREETING_ANSWER), ("mode", _MODE, _MODE_ANSWER)):
            asked, answered = mine.startswith(ask), theirs.startswith(answer)
            if asked and (answered or not theirs):
                return RadminSession(1 - side, stage, answered)
            if answered and not mine:
                return RadminSession(1 - side, stage, True)
    raise DecodeError("no Radmin greeting or mode request, or the answer is not Radmin's")
