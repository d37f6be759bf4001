"""OpenVPN control channel openings, over UDP and TCP.

Source: OpenVPN wire protocol (draft "openvpn-wire-protocol", sections on opcodes, reset packets, tls-auth and
tls-crypt wrapping): opcode in the upper five bits, key id in the lower three, eight bytes of session id; TCP puts a
two-byte length first. Fact row: OpenVPN payload ``38`` then ``40``, high.

Sample, a client reset without wrapping (opcode 7, key 0; no acknowledgements; packet id 0)::

    38 c3 5d 2b 1e 90 7a 44 10 00 00 00 00 00
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from farmwatch.errors import DecodeError

__all__ = ["OpenVpnFlow", "OpenVpnReset", "decode_openvpn", "decode_openvpn_reset", "decode_openvpn_tcp"]

_CLIENT = {0x38: 2, 0x08: 1, 0x50: 3}  # opcode byte with key id 0 -> reset version
_SERVER = {0x40: 2, 0x10: 1}
_REPLIES = tuple(bytes((opcode << 3,)) for opcode in (4, 5, 6, 8, 9, 11))  # control, ack, data, server reset
_DIGESTS = (20, 16, 32, 28, 48, 64)  # HMAC sizes of tls-auth: SHA1, MD5, SHA256, SHA224, SHA384, SHA512
_TIMES = range(946_684_800, 4_102_444_800)  # packet-id timestamps of years 2000 to 2099


@dataclass(frozen=True, slots=True)
class OpenVpnReset:
    """A hard reset: the first packet of either end."""

    from_client: bool
    version: int  #: 1, 2, or 3 (tls-crypt-v2)
    session: str  #: session id, hex
    wrapping: str  #: ``none``, ``tls-auth`` or ``tls-crypt``
    remote_session: str | None  #: the peer's session id a server repeats; None in a client's packet or where hidden


@dataclass(frozen=True, slots=True)
class OpenVpnFlow:
    """An OpenVPN connection; sides count from the originator."""

    client_side: int
    wrapping: str
    version: int
    answered: bool
    transport: str  #: ``udp`` or ``tcp``


def _timed(data: bytes, at: int, early: bool = False) -> bool:
    """A replay-protection packet id: a small number and a plausible time.

    With ``early`` (tls-crypt-v2) the upper half of the number holds the flags of early negotiation.
    """
    number, stamp = int.from_bytes(data[at : at + 4], "big"), int.from_bytes(data[at + 4 : at + 8], "big")
    return len(data) >= at + 8 and 1 <= (number & 0xFFFF if early else number) <= 64 and stamp in _TIMES


def _plain_tail(data: bytes, at: int, client: bool) -> str | bool | None:
    """Acknowledgements and packet id to the end: remote session id, None if none is due, False if they do not fit."""
    if at >= len(data):
        return False
    count = data[at]
    if count > 8 or (client and count):
        return False
    remote = data[at + 1 + 4 * count : at + 9 + 4 * count].hex() if count else None
    end = at + 1 + (4 * count + 8 if count else 0) + 4
    if end != len(data) or int.from_bytes(data[end - 4 : end], "big") > 64:
        return False
    return remote


def decode_openvpn_reset(data: bytes) -> OpenVpnReset:
    """Read one reset packet as a UDP datagram (over TCP: what follows the length).

    Raises:
        DecodeError: not a reset in any of the known wrappings.
    """
    opcode = data[0] if data else 0
    client = opcode in _CLIENT
    # A session id is eight random bytes; what looks like a reset but has zeros there is a DNS message or a counter.
    if len(data) < 14 or not (client or opcode in _SERVER) or data[1:9].count(0) > 2:
        raise DecodeError("no OpenVPN reset: opcode or session id does not fit")
    version, session = (_CLIENT if client else _SERVER)[opcode], data[1:9].hex()
    tail = _plain_tail(data, 9, client) if version < 3 else False
    if tail is not False:
        return OpenVpnReset(client, version, session, "none", tail if isinstance(tail, str) else None)
    if _timed(data, 9, early=version == 3) and len(data) >= (54 if client else 62):
        return OpenVpnReset(client, version, session, "tls-crypt", None)
    for size in _DIGESTS:
        if version < 3 and _timed(data, 9 + size):
            tail = _plain_tail(data, 17 + size, client)
            if tail is not False:
                return OpenVpnReset(client, version, session, "tls-auth", tail if isinstance(tail, str) else None)
    raise DecodeError(f"OpenVPN opcode byte {opcode:#04x} but no known wrapping in {len(data)} bytes")


def _reset(datagrams: Sequence[bytes], from_client: bool) -> OpenVpnReset | None:
    for data in datagrams[:3]:
        if data and (data[0] in _CLIENT) == from_client:
            try:
                return decode_openvpn_reset(data)
            except DecodeError:
                continue
    return None


def _pair(orig: Sequence[bytes], resp: Sequence[bytes], transport: str) -> OpenVpnFlow:
    for side, (mine, theirs) in enumerate(((orig, resp), (resp, orig))):
        asked, answer = _reset(mine, from_client=True), _reset(theirs, from_client=False)
        if answer and asked and answer.remote_session not in (None, asked.session):
            continue
        if asked or answer:
            shown = asked or answer
            assert shown is not None
            # A bare 14-byte reset of an old kind is too short to be believed without its answer.
            if answer is None and (shown.version == 1 or (theirs and theirs[0][:1] not in _REPLIES)):
                continue
            if asked is None and mine and mine[0][:1] not in _REPLIES:
                continue
            return OpenVpnFlow(side, shown.wrapping, shown.version, answer is not None, transport)
    raise DecodeError("no OpenVPN reset from either end")


def decode_openvpn(orig: Sequence[bytes], resp: Sequence[bytes]) -> OpenVpnFlow:
    """Read a UDP flow from its first datagrams.

    Raises:
        DecodeError: no reset, or resets that do not belong together.
    """
    return _pair(orig, resp, "udp")


def decode_openvpn_tcp(orig: bytes, resp: bytes) -> OpenVpnFlow:
    """Read a TCP flow from the first bytes of both directions.

    Raises:
        DecodeError: no reset behind a two-byte length, or resets that do not belong together.
    """
    packets: list[list[bytes]] = []
    for data in (orig, resp):
        size = int.from_bytes(data[:2], "big")
        packets.append([data[2 : 2 + size]] if 14 <= size <= 2000 and len(data) >= 2 + size else [])
    return _pair(packets[0], packets[1], "tcp")
