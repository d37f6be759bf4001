"""FRP (fast reverse proxy): a machine behind NAT dials out so that others can reach it.

Fact rows (FRP payload controlled), high, frp public source (pkg/util/net/tls.go, pkg/msg/msg.go): byte ``17`` before
the TLS ClientHello; without TLS the message type ``6f`` (login) answered ``31``. A message is a type byte, a 64-bit
big-endian length and JSON. The client (frpc) is the end that is exposed. With stream multiplexing (default) a yamux
frame of 12 bytes precedes it.

Sample::

    17 16 03 01 00 ee 01 00 ...                                     TLS after FRP's own first byte
    6f 00 00 00 00 00 00 00 a1 7b 22 76 65 72 73 69 6f 6e 22 ...    login, 161 bytes of JSON
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from farmwatch.errors import DecodeError

__all__ = ["FrpSession", "decode_frp"]

_VERSION = re.compile(rb'"version":"(\d{1,3}(?:\.\d{1,3}){1,3})"')
_MAX_MESSAGE = 10_240  # bytes of JSON frp accepts in one message
_YAMUX_WINDOW = b"\x00\x01\x00\x01"  # version 0, window update, SYN: how a multiplexed stream opens
_LOGIN_MARKS = (b'"run_id"', b'"privilege_key"', b'"timestamp"', b'"pool_count"')


@dataclass(frozen=True, slots=True)
class FrpSession:
    """An FRP client's connection to its server."""

    controlled_side: int  #: the client: the end that makes itself reachable
    tls: bool
    version: str | None  #: of the client, where the login is in the clear
    answered: bool


def _login(data: bytes) -> str | bool | None:
    """Version in a clear login message, None where it names none, False where there is no login."""
    at = 0
    if data.startswith(_YAMUX_WINDOW):
        at = 12
        if data[at : at + 2] == b"\x00\x00":
            at += 12
    if len(data) < at + 10 or data[at : at + 1] != b"o" or data[at + 9 : at + 10] != b"{":
        return False
    size = int.from_bytes(data[at + 1 : at + 9], "big")
    body = data[at + 9 : at + 9 + size]
    if not 20 <= size <= _MAX_MESSAGE or not any(mark in body for mark in _LOGIN_MARKS):
        return False
    match = _VERSION.search(body)
    return match[1].decode("ascii") if match else None


def decode_frp(orig: bytes, resp: bytes) -> FrpSession:
    """Read a connection from the first bytes of both directions.

    Raises:
        DecodeError: neither FRP's byte before a ClientHello nor a login message.
    """
    for side, (mine, theirs) in enumerate(((orig, resp), (resp, orig))):
        # FRP's byte, then a whole record header and a ClientHello: a record of type 0x17 could not go on like this.
        hello = mine[:3] == b"\x17\x16\x03" and mine[3:4] <= b"\x04" and mine[6:7] == b"\x01"
        if hello and (not theirs or theirs[:2] in (b"\x16\x03", b"\x15\x03")):
            return FrpSession(side, True, None, bool(theirs))
        version = _login(mine)
        if version is not False:
            return FrpSession(side, False, version if isinstance(version, str) else None, bool(theirs))
    raise DecodeError("neither a ClientHello behind byte 17 nor an FRP login")
