r"""VNC (RFB): versions, security types, screen size, input counts, and which end is driven.

Sources: RFC 6143 sections 7.1 (handshake), 7.3 (init messages), 7.5 (client messages); rfbproto.rst of the community
specification for further security types and client messages; UltraVNC repeater: a 250-byte ``ID:`` or ``host:port``
block. Fact rows: VNC payload controlled (first banner), high, 29 of 29 flows in 21 captures; controller (messages 3,
4, 5), medium; "after VeNCrypt/RA2 the rest is encrypted", high.

The end that sends the FIRST banner is the server and so the driven machine, whoever dialled (reverse VNC, repeaters).
Dropped on purpose: the desktop name (often a person's), key values, pointer positions: only counts remain.

Sample::

    52 46 42 20 30 30 33 2e 30 30 38 0a 02 02 10    server: "RFB 003.008\n", two security types: VNC, Tight
    52 46 42 20 30 30 33 2e 30 30 38 0a 02          client: same version, takes VNC authentication
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from struct import unpack_from

from farmwatch.errors import DecodeError

__all__ = ["RfbInput", "RfbSession", "decode_rfb"]

_BANNER = re.compile(rb"RFB (\d{3})\.(\d{3})\n")
_REPEATER_BLOCK = 250  # bytes, zero padded: UltraVNC repeater's MAX_HOST_NAME_LEN
_REPEATER_TEXT = re.compile(rb"(ID:\d{1,10}|[0-9A-Za-z.:-]{3,100})\x00")
_SECURITY = {
    0: "invalid", 1: "none", 2: "vnc", 5: "ra2", 6: "ra2ne", 7: "sspi", 8: "sspine", 13: "ra2-13", 16: "tight",
    17: "ultra", 18: "tls", 19: "vencrypt", 20: "sasl", 21: "md5", 22: "xvp", 23: "secure-tunnel", 24: "integrated-ssh",
    30: "apple-dh", 31: "apple-31", 32: "apple-32", 33: "apple-33", 35: "apple-35", 36: "apple-36", 113: "ms-logon-1",
    129: "ra2-256", 130: "ra2ne-256", 133: "ra2-133", 192: "ra2-192", 194: "ra2-194",
}  # fmt: skip
_ENCRYPTED = frozenset({5, 6, 13, 16, 18, 19, 20, 23, 24, 30, 31, 32, 33, 35, 36, 129, 130, 133})
_MESSAGE_BYTES = {0: 20, 3: 10, 4: 8, 5: 6}  # fixed client messages, RFC 6143 7.5; 2 and 6 carry their own length
_PLAIN = {1: 0, 2: 16}  # security types that leave the session readable -> bytes each end sends for them
_MAX_MESSAGES = 2048


@dataclass(frozen=True, slots=True)
class RfbInput:
    """How many messages of each kind the controller sent in the head, in clear RFB only."""

    key_events: int
    pointer_events: int
    update_requests: int
    other: int


@dataclass(frozen=True, slots=True)
class RfbSession:
    """One RFB connection; sides: 0 the TCP originator, 1 the responder."""

    controlled_side: int | None  #: the RFB server; None where neither order nor content tells
    server_version: str | None  #: ``3.8``, Apple ``3.889``, RealVNC ``4.1`` or ``5.0``; None if not captured
    client_version: str | None
    security_offered: tuple[str, ...]
    security_chosen: str | None
    encrypted: bool  #: the chosen security hides everything that follows
    failed: bool  #: the server refused: no security type, or a failed authentication
    width: int | None  #: pixels
    height: int | None  #: pixels
    input: RfbInput | None
    repeater: str | None  #: identifier or target asked of an UltraVNC repeater
    via_repeater: bool


@dataclass(frozen=True, slots=True)
class _Talk:
    """One direction without repeater wrapping: version and what follows it."""

    version: str | None
    rest: bytes
    repeater: str | None
    wrapped: bool


def _unwrap(data: bytes) -> _Talk:
    """Take repeater blocks off one direction."""
    repeater: str | None = None
    wrapped = False
    for _ in range(2):
        if data.startswith(b"RFB 000.000\n"):  # what a repeater greets a viewer with
            data, wrapped = data[12:], True
        elif len(data) >= _REPEATER_BLOCK and not data.startswith(b"RFB "):
            match = _REPEATER_TEXT.match(data)
            if match is None or data[match.end() : _REPEATER_BLOCK].strip(b"\0"):
                break
            repeater, wrapped, data = match[1].decode("ascii"), True, data[_REPEATER_BLOCK:]
    match = _BANNER.match(data)
    if match is None:
        return _Talk(None, data, repeater, wrapped)
    return _Talk(f"{int(match[1])}.{int(match[2])}", data[12:], repeater, wrapped)


def _offers(server: bytes, client: bytes) -> bool:
    """Whether ``server`` starts with a list of security types out of which ``client`` takes one (RFC 6143 7.1.2)."""
    if not server or not client or not 1 <= server[0] <= 32 or len(server) <= server[0]:
        return False
    types = server[1 : 1 + server[0]]
    return client[0] in types and all(kind in _SECURITY for kind in types)


def _old_style(server: str, client: str | None) -> bool:
    """Version 3.3 on either side: the server alone decides the security type, in 32 bits (RFC 6143 appendix A)."""
    return server == "3.3" or (client is None and server < "3.7") or client in ("3.3", "3.5", "3.4", "3.6")


def _security(server: bytes, client: bytes, old: bool) -> tuple[tuple[int, ...], int | None, int, int, bool]:
    """(offered, chosen, server offset, client offset, failed)."""
    if old:
        if len(server) < 4:
            return (), None, len(server), 0, False
        kind = int.from_bytes(server[:4], "big")
        return ((kind,), kind, 4, 0, False) if kind else ((), None, 4, 0, True)
    if not server:
        return (), None, 0, 0, False
    count = server[0]
    if count == 0:
        return (), None, 1, 0, True
    offered = tuple(server[1 : 1 + count])
    return offered, (client[0] if client else None), 1 + count, 1, False


def _inputs(data: bytes, at: int) -> RfbInput:
    """Count client messages until the head ends or something unknown comes."""
    counts = [0, 0, 0, 0]
    for _ in range(_MAX_MESSAGES):
        if at >= len(data):
            break
        kind = data[at]
        size = _MESSAGE_BYTES.get(kind, 0)
        if kind == 2:
            size = 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
        elif kind == 6:
            size = 8 + abs(int.from_bytes(data[at + 4 : at + 8], "big", signed=True))
        if size == 0 or at + size > len(data):
            break
        counts[{4: 0, 5: 1, 3: 2}.get(kind, 3)] += 1
        at += size
    return RfbInput(*counts)


def _is_list(rest: bytes) -> bool:
    """Whether bytes can be a server's list of security types, or its 32-bit decision of version 3.3."""
    count = rest[0]
    return count == 0 or (
        count <= 32 and len(rest) > count and all(kind and kind in _SECURITY for kind in rest[1 : 1 + count])
    )


def _decides(rest: bytes) -> bool:
    """A server's own decision of version 3.3: none or VNC authentication as a 32-bit number (RFC 6143 appendix A)."""
    return rest[:4] in (b"\0\0\0\1", b"\0\0\0\2")


def _server_by_content(rests: tuple[bytes, bytes]) -> int | None:
    """The end that offers or decides on security where the other takes; None where the bytes do not show it."""
    for side in (0, 1):
        mine, other = rests[side], rests[1 - side]
        if (_offers(mine, other) and not _offers(other, mine)) or (_decides(mine) and not _decides(other)):
            return side
    return None


def _server_side(talks: tuple[_Talk, _Talk], first_side: int) -> int | None:
    """The end that acts as RFB server: the one that spoke first, unless what was said shows the contrary."""
    spoke = [side for side in (0, 1) if talks[side].version is not None]
    if not spoke:
        raise DecodeError("neither direction starts with an RFB version")
    rests = talks[0].rest, talks[1].rest
    if len(spoke) == 1:
        side = spoke[0]
        other = talks[1 - side]
        if other.rest and not other.wrapped and side != first_side:
            raise DecodeError("one end speaks RFB, the other something else")
        # With one direction captured, a lone choice after the version is a client's.
        return 1 - side if rests[side] and not other.rest and not _is_list(rests[side]) else side
    # The order of packets can be wrong in a capture; which end offers security types and which takes one cannot.
    shown = _server_by_content(rests)
    if shown is not None or first_side in (0, 1):
        return shown if shown is not None else first_side
    lone = [side for side in (0, 1) if rests[side] and not rests[1 - side] and _is_list(rests[side])]
    return lone[0] if lone else None


def _has_result(chosen: int, old: bool, versions: tuple[str | None, str | None]) -> bool:
    """Whether a SecurityResult follows: after VNC authentication always, after none from 3.8 on (RFC 6143 7.1.3)."""
    return chosen == 2 or (not old and "3.7" not in versions)


def decode_rfb(orig: bytes, resp: bytes, first_side: int = -1) -> RfbSession:
    """Read an RFB connection from the first bytes of both directions.

    Args:
        orig: first bytes from the TCP originator; may be empty.
        resp: first bytes from the TCP responder; may be empty.
        first_side: who sent payload first: 0 originator, 1 responder, -1 not known.

    Raises:
        DecodeError: neither direction holds an RFB version.
    """
    talks = (_unwrap(orig), _unwrap(resp))
    server_side = _server_side(talks, first_side)
    # Where nothing tells the server, the one that answered the call stands in for reading what follows.
    server, client = (talks[0], talks[1]) if server_side == 0 else (talks[1], talks[0])
    old = _old_style(server.version or "3.8", client.version)
    offered, chosen, server_at, client_at, failed = _security(server.rest, client.rest, old)
    width = height = None
    inputs = None
    if chosen in _PLAIN:
        server_at, client_at = server_at + _PLAIN[chosen], client_at + _PLAIN[chosen]
        if _has_result(chosen, old, (server.version, client.version)):
            result = int.from_bytes(server.rest[server_at : server_at + 4], "big")
            failed = failed or (len(server.rest) >= server_at + 4 and result != 0)
            server_at += 4
        if not failed and len(server.rest) >= server_at + 24:
            width, height = unpack_from(">HH", server.rest, server_at)
        if not failed and len(client.rest) > client_at:
            inputs = _inputs(client.rest, client_at + 1)
    return RfbSession(
        controlled_side=server_side,
        server_version=server.version,
        client_version=client.version,
        security_offered=tuple(_SECURITY.get(kind, str(kind)) for kind in offered),
        security_chosen=None if chosen is None else _SECURITY.get(chosen, str(chosen)),
        encrypted=chosen in _ENCRYPTED,
        failed=failed,
        width=width,
        height=height,
        input=inputs,
        repeater=server.repeater or client.repeater,
        via_repeater=server.wrapped or client.wrapped,
    )
