"""TeamViewer's own framing on TCP and UDP.

Fact rows (TeamViewer payload): TCP messages start ``17 24`` or ``11 30``, high; 5-byte keepalive ``17 24 1b 00 00``,
medium; UDP byte 0 = 00 and bytes 11-12 = ``17 24``, high; User-Agent ``DynGate``, low. Lengths read off the corpus
capture teamviewer.pcap: ``17 24 command length(16 LE)`` before the body, ``11 30 command 00 length(32 LE) ...`` in a
24-byte header. Nothing in it tells the controlled end from the controller.

Sample, a command 0x0a with 32 bytes, and a keepalive::

    17 24 0a 20 00 00 00 00 00 ...
    17 24 1b 00 00
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from farmwatch.errors import DecodeError

__all__ = ["TeamViewerStream", "decode_dyngate", "decode_teamviewer", "decode_teamviewer_udp"]

_KEEPALIVE = 0x1B
_MAX_MESSAGES = 256
_MAX_BODY = 1 << 20


@dataclass(frozen=True, slots=True)
class TeamViewerStream:
    """A TeamViewer connection."""

    transport: str  #: ``tcp``, ``udp`` or ``http``
    messages: tuple[int, int]  #: messages seen from the originator and from the responder
    keepalives: int
    commands: tuple[int, ...]  #: command numbers seen, ascending


def _walk(data: bytes) -> list[int]:
    """Commands of the messages that follow each other from byte 0; the last may be cut."""
    commands: list[int] = []
    at = 0
    while at + 5 <= len(data) and len(commands) < _MAX_MESSAGES:
        if data[at : at + 2] == b"\x17\x24":
            size = 5 + int.from_bytes(data[at + 3 : at + 5], "little")
        elif data[at : at + 2] == b"\x11\x30" and data[at + 3] == 0 and at + 8 <= len(data):
            body = int.from_bytes(data[at + 4 : at + 8], "little")
            size = 24 + body
            if body > _MAX_BODY:
                break
        else:
            return [] if at == 0 else commands
        commands.append(data[at + 2])
        at += size
    return commands


def decode_teamviewer(orig: bytes, resp: bytes) -> TeamViewerStream:
    """Read a TCP connection from the first bytes of both directions.

    Raises:
        DecodeError: a direction that spoke does not start with a TeamViewer message, or there is a single message
            whose length does not fit.
    """
    sides = (_walk(orig), _walk(resp))
    if not (sides[0] or sides[1]) or (orig and not sides[0]) or (resp and not sides[1]):
        raise DecodeError("a direction does not start with a TeamViewer message (17 24 or 11 30)")
    commands = sides[0] + sides[1]
    if len(commands) == 1:
        data = orig or resp
        if len(data) < 5 or data[:2] != b"\x17\x24" or len(data) != 5 + int.from_bytes(data[3:5], "little"):
            raise DecodeError("a single TeamViewer-like message whose length does not fit")
    return TeamViewerStream(
        "tcp", (len(sides[0]), len(sides[1])), commands.count(_KEEPALIVE), tuple(sorted(set(commands)))
    )


def decode_teamviewer_udp(orig: Sequence[bytes], resp: Sequence[bytes]) -> TeamViewerStream:
    """Read a UDP flow from the first datagrams of both directions; two marked datagrams are wanted.

    Raises:
        DecodeError: fewer than two datagrams carry the mark, or most do not.
    """
    marked = [
        [data for data in side if len(data) >= 13 and data[0] == 0 and data[11:13] == b"\x17\x24"]
        for side in (orig, resp)
    ]
    count = len(marked[0]) + len(marked[1])
    if count < 2 or count * 2 < len(orig) + len(resp):
        raise DecodeError("fewer than two datagrams, or fewer than half, carry 17 24 at byte 11")
    commands = [data[13] for side in marked for data in side if len(data) > 13]
    return TeamViewerStream(
        "udp", (len(marked[0]), len(marked[1])), commands.count(_KEEPALIVE), tuple(sorted(set(commands)))
    )


def decode_dyngate(orig: bytes, resp: bytes) -> TeamViewerStream:
    """Read TeamViewer's old web tunnel: an HTTP request whose User-Agent holds ``DynGate``.

    Raises:
        DecodeError: no such request in either direction.
    """
    for side, data in enumerate((orig, resp)):
        head = data[:4096].split(b"\r\n\r\n", 1)[0]
        if head[:5] in (b"GET /", b"POST "):
            agents = [line for line in head.split(b"\r\n") if line.lower().startswith(b"user-agent:")]
            if agents and b"DynGate" in agents[0]:
                return TeamViewerStream("http", (1 - side, side), 0, ())
    raise DecodeError("no HTTP request with a DynGate user agent")
