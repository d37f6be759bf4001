"""RDP over TCP: connection request and confirm, and the client's description of itself where it is in the clear.

Sources: MS-RDPBCGR 2.2.1.1 (X.224 Connection Request, cookie, RDP_NEG_REQ), 2.2.1.2 (Confirm, RDP_NEG_RSP,
RDP_NEG_FAILURE), 2.2.1.3 (MCS Connect Initial, TS_UD_CS_CORE, TS_UD_CS_NET), 2.2.1.4 (TS_UD_SC_SEC1); RFC 1006 /
T.123 (TPKT); X.224 section 13. Fact rows: RDP payload controller and controlled, high (336 of 336 flows in 30
captures): the asking end is the controller.

Kept out on purpose: the cookie's value (it may hold a user's name: only its presence and length), the keyboard layout,
the input method and the time zone (they would say what language somebody uses).

Sample::

    03 00 00 13 0e e0 00 00 00 00 00 01 00 08 00 0b 00 00 00     request: TLS, CredSSP, CredSSP with early auth
    03 00 00 13 0e d0 00 00 12 34 00 02 1f 08 00 08 00 00 00     confirm: CredSSP with early auth
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from struct import unpack_from
from typing import TypeVar

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.text import printable, printable_text

__all__ = [
    "RdpClient",
    "RdpConfirm",
    "RdpRequest",
    "RdpSession",
    "decode_rdp",
    "decode_rdp_client",
    "decode_rdp_confirm",
    "decode_rdp_request",
]

_PROTOCOLS = ((0x01, "tls"), (0x02, "credssp"), (0x04, "rdstls"), (0x08, "credssp-early"), (0x10, "rdsaad"))
_FAILURES = {
    1: "ssl required by server", 2: "ssl not allowed by server", 3: "no certificate on server", 4: "inconsistent flags",
    5: "hybrid required by server", 6: "ssl with user authentication required by server",
}  # fmt: skip
_COOKIE = re.compile(rb"Cookie: (mstshash=|msts=)?([^\r\n]{0,255})\r\n")
_Part = TypeVar("_Part")
_ENCRYPTION = {0: "none", 1: "40 bit", 2: "128 bit", 8: "56 bit", 16: "fips"}


@dataclass(frozen=True, slots=True)
class RdpRequest:
    """The controller's X.224 Connection Request."""

    cookie_length: int | None  #: bytes of the mstshash value, None where there is no such cookie; the value is not kept
    routing_token: bool  #: a load balancer's token (``msts=`` or unnamed) is present
    requested: (
        tuple[str, ...] | None
    )  #: protocols asked for; empty = standard RDP security; None = no negotiation block
    restricted_admin: bool  #: RESTRICTED_ADMIN_MODE_REQUIRED or REDIRECTED_AUTHENTICATION flag
    size: int  #: bytes of the whole TPKT: what follows (TLS or MCS) starts here


@dataclass(frozen=True, slots=True)
class RdpConfirm:
    """The controlled end's X.224 Connection Confirm."""

    selected: str | None  #: protocol chosen, ``standard`` for RDP's own; None on failure or without a negotiation block
    failure: str | None  #: why it refused, in the specification's words
    size: int  #: bytes of the whole TPKT


@dataclass(frozen=True, slots=True)
class RdpClient:
    """The controller's core data; seen only without TLS."""

    version: str  #: RDP version the client implements, for example ``5.0+``
    desktop_width: int  #: pixels
    desktop_height: int  #: pixels
    build: int  #: client build number
    client_name: str  #: machine name of the controller, up to 15 characters
    channels: tuple[str, ...]  #: static channels asked for, for example ``cliprdr``


@dataclass(frozen=True, slots=True)
class RdpSession:
    """One RDP connection; the end that sends the request drives the other."""

    request: RdpRequest | None
    confirm: RdpConfirm | None
    client: RdpClient | None
    encryption: str | None  #: RDP's own encryption where TLS is not used
    tls: bool  #: TLS follows the negotiation
    controlled_side: int  #: 0 the TCP originator, 1 the responder
    confirmed: bool  #: the other end answered as an RDP server; False for a mere attempt


def _tpkt(data: bytes, code: int, what: str) -> tuple[int, int]:
    """(whole size, end of the X.224 header) of a TPKT that holds the wanted X.224 code."""
    if len(data) < 11 or data[0] != 3 or data[1] != 0:
        raise DecodeError(f"no TPKT header before the X.224 {what}")
    size, indicator = int.from_bytes(data[2:4], "big"), data[4]
    if data[5] & 0xF0 != code or not indicator >= 6 or 5 + indicator != size:
        raise DecodeError(f"not an X.224 {what}: code {data[5]:#x}, length indicator {indicator}, TPKT of {size} bytes")
    if size > len(data):
        raise DecodeError(f"X.224 {what} of {size} bytes is cut to {len(data)}")
    return size, 11


def decode_rdp_request(data: bytes) -> RdpRequest:
    """Read an X.224 Connection Request as RDP sends it (MS-RDPBCGR 2.2.1.1).

    A request without cookie and negotiation block is accepted here; other users of X.224 (S7, MMS) always carry
    transport selectors (codes c0, c1, c2) and are refused.

    Raises:
        DecodeError: not such a request.
    """
    size, at = _tpkt(data, 0xE0, "connection request")
    if data[10] != 0:
        raise DecodeError(f"X.224 class {data[10]:#x}: RDP uses class 0")
    cookie: int | None = None
    token = False
    if data.startswith(b"Cookie: ", at):
        match = _COOKIE.match(data, at, size)
        if match is None:
            raise DecodeError("RDP cookie is not closed by CR LF")
        if match[1] == b"mstshash=":
            cookie = len(match[2])
        else:
            token = True
        at = match.end()
    elif at < size and data[at] not in (1, 6):
        end = data.find(b"\r\n", at, size)
        if end < 0 or not data.startswith(b"tsv://", at):
            raise DecodeError(f"X.224 variable part starts with {data[at]:#04x}: neither cookie nor RDP negotiation")
        token, at = True, end + 2
    requested: tuple[str, ...] | None = None
    flags = 0
    if at < size:
        if size - at < 8 or data[at] != 1 or data[at + 2 : at + 4] != b"\x08\x00":
            raise DecodeError(f"no RDP_NEG_REQ at byte {at}")
        flags = data[at + 1]
        bits = int.from_bytes(data[at + 4 : at + 8], "little")
        requested = tuple(name for bit, name in _PROTOCOLS if bits & bit)
    return RdpRequest(cookie, token, requested, bool(flags & 0x03), size)


def decode_rdp_confirm(data: bytes) -> RdpConfirm:
    """Read an X.224 Connection Confirm as RDP sends it (MS-RDPBCGR 2.2.1.2).

    Raises:
        DecodeError: not such a confirm.
    """
    size, at = _tpkt(data, 0xD0, "connection confirm")
    if at == size:
        return RdpConfirm(None, None, size)
    if size - at < 8 or data[at] not in (2, 3) or data[at + 2 : at + 4] != b"\x08\x00":
        raise DecodeError(f"no RDP negotiation response or failure at byte {at}")
    value = int.from_bytes(data[at + 4 : at + 8], "little")
    if data[at] == 3:
        return RdpConfirm(None, _FAILURES.get(value, f"code {value}"), size)
    selected = "standard" if value == 0 else next((name for bit, name in _PROTOCOLS if value == bit), f"code {value}")
    return RdpConfirm(selected, None, size)


def _user_data(data: bytes, key: bytes, tag: int, where: int) -> int:
    """Offset of the first settings block, after the GCC key (``Duca`` or ``McDn``) and its PER length."""
    at = data.find(key, where, where + 512)
    if at < 0:
        raise DecodeError("no GCC conference data in the MCS connect message")
    at += len(key)
    at += 2 if at < len(data) and data[at] & 0x80 else 1
    if at + 4 > len(data) or int.from_bytes(data[at : at + 2], "little") != tag:
        raise DecodeError(f"the first GCC block is not {tag:#06x}")
    return at


def _blocks(data: bytes, at: int) -> dict[int, tuple[int, int]]:
    """Type -> (start, end) of the settings blocks (MS-RDPBCGR 2.2.1.3.1), as far as they are complete."""
    found: dict[int, tuple[int, int]] = {}
    for _ in range(16):
        if at + 4 > len(data):
            break
        kind, length = unpack_from("<HH", data, at)
        if length < 4 or at + length > len(data):
            break
        found.setdefault(kind, (at + 4, at + length))
        at += length
    return found


def decode_rdp_client(data: bytes) -> RdpClient:
    """Read the client core and network data of an MCS Connect Initial, starting at its TPKT (MS-RDPBCGR 2.2.1.3).

    Raises:
        DecodeError: not an MCS Connect Initial with Microsoft's settings blocks.
    """
    if len(data) < 12 or data[0] != 3 or data[4:9] != b"\x02\xf0\x80\x7f\x65":
        raise DecodeError("no MCS Connect Initial")
    blocks = _blocks(data, _user_data(data, b"Duca", 0xC001, 9))
    start, end = blocks.get(0xC001, (0, 0))
    if end - start < 128:
        raise DecodeError("client core data is missing or shorter than 128 bytes")
    version, width, height = unpack_from("<IHH", data, start)
    build = int.from_bytes(data[start + 16 : start + 20], "little")
    name = printable_text(data[start + 20 : start + 52].decode("utf-16-le", "replace").split("\0", 1)[0])
    channels: list[str] = []
    first, last = blocks.get(0xC003, (0, 0))
    if last - first >= 4:
        count = min(int.from_bytes(data[first : first + 4], "little"), 31, (last - first - 4) // 12)
        for index in range(count):
            raw = data[first + 4 + index * 12 : first + 12 + index * 12]
            channels.append(printable(raw.split(b"\0", 1)[0]))
    minor, major = version & 0xFFFF, version >> 16
    label = (
        {1: "4.0", 4: "5.0+"}.get(minor, f"10.{minor - 5}" if 5 <= minor <= 17 else str(minor))
        if major == 8
        else f"{major}.{minor}"
    )
    return RdpClient(label, width, height, build, name, tuple(channels))


def _encryption(data: bytes) -> str | None:
    """Encryption method the server chose (TS_UD_SC_SEC1), None where not shown."""
    if data[4:9] != b"\x02\xf0\x80\x7f\x66":
        return None
    try:
        start, end = _blocks(data, _user_data(data, b"McDn", 0x0C01, 9)).get(0x0C02, (0, 0))
    except DecodeError:
        return None
    if end - start < 8:
        return None
    method = int.from_bytes(data[start : start + 4], "little")
    return _ENCRYPTION.get(method, f"code {method}")


def _or_none(decode: Callable[[bytes], _Part], data: bytes) -> _Part | None:
    try:
        return decode(data)
    except DecodeError:
        return None


def _session(asks: bytes, answers: bytes, controller: int, port_hint: bool) -> RdpSession | None:
    """The session in which ``asks`` comes from the controller; None if these are not its bytes."""
    request, confirm = _or_none(decode_rdp_request, asks), _or_none(decode_rdp_confirm, answers)
    if (request is None and asks) or (request is None and confirm is None):
        return None
    tls = (request is not None and asks[request.size : request.size + 2] == b"\x16\x03") or (
        confirm is not None and answers[confirm.size : confirm.size + 2] == b"\x16\x03"
    )
    client = _or_none(decode_rdp_client, asks[request.size :]) if request and not tls else None
    told = request is not None and (
        request.requested is not None or request.cookie_length is not None or request.routing_token
    )
    told = told or (confirm is not None and (confirm.selected is not None or confirm.failure is not None))
    if not (told or client or port_hint):
        return None
    encryption = _encryption(answers[confirm.size :]) if confirm else None
    return RdpSession(request, confirm, client, encryption, tls, 1 - controller, confirm is not None)


def decode_rdp(orig: bytes, resp: bytes, port_hint: bool = False) -> RdpSession:
    """Read an RDP connection from the first bytes of both directions.

    Args:
        orig: first bytes from the TCP originator; may be empty.
        resp: first bytes from the TCP responder; may be empty.
        port_hint: the flow uses port 3389; only then is a bare request or confirm without any RDP block believed.

    Raises:
        DecodeError: no RDP request in either direction and no RDP confirm either.
    """
    session = _session(orig, resp, 0, port_hint) or _session(resp, orig, 1, port_hint)
    if session is None:
        raise DecodeError("no RDP connection request or confirm")
    return session
