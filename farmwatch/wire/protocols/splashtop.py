"""Splashtop on the LAN: check-in and session messages of the controller.

Fact rows (Splashtop payload controller), medium, Emerging Threats: to tcp/6783 ``00 01 00 08 00 00 00 00 00 02 01
00`` (12 bytes); to tcp/6784 ``01 00 34 12`` (session start) and ``00 00 34 12`` (keepalive), 4 bytes each, answers
end ``31 00``. No capture of it was found: the sample below is the rule's text. Four bytes are too little alone, so a
session start counts only with its answer, or on Splashtop's port.

Sample::

    00 01 00 08 00 00 00 00 00 02 01 00     controller, check-in
    01 00 34 12                             controller, session start
    02 00 31 00                             controlled end, answer
"""

from __future__ import annotations

from dataclasses import dataclass

from farmwatch.errors import DecodeError

__all__ = ["SplashtopSession", "decode_splashtop"]

_CHECK_IN = b"\x00\x01\x00\x08\x00\x00\x00\x00\x00\x02\x01\x00"
_START = b"\x01\x00\x34\x12"
_KEEPALIVE = b"\x00\x00\x34\x12"


@dataclass(frozen=True, slots=True)
class SplashtopSession:
    """A Splashtop connection."""

    message: str  #: ``check-in``, ``session`` or ``keepalive``
    controlled_side: int
    confirmed: bool  #: the controlled end answered the way Splashtop does


def decode_splashtop(orig: bytes, resp: bytes, port_hint: bool = False) -> SplashtopSession:
    """Read a connection from the first bytes of both directions.

    Args:
        orig: first bytes from the TCP originator.
        resp: first bytes from the TCP responder.
        port_hint: the flow uses port 6783 or 6784.

    Raises:
        DecodeError: none of the messages, or a short one without its answer.
    """
    for side, (mine, theirs) in enumerate(((orig, resp), (resp, orig))):
        answered = len(theirs) >= 4 and theirs[2:4] == b"\x31\x00"
        if mine.startswith(_CHECK_IN) and (len(mine) == len(_CHECK_IN) or port_hint):
            return SplashtopSession("check-in", 1 - side, answered)
        if mine.startswith((_START, _KEEPALIVE)) and (answered or (port_hint and len(mine) % 4 == 0)):
            return SplashtopSession("session" if mine.startswith(_START) else "keepalive", 1 - side, answered)
    raise DecodeError("no Splashtop check-in, and no session message that is answered")
