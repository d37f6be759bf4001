"""ZeroTier packets: the HELLO in full, others by their addresses.

Source: ZeroTierOne's public protocol description (node/Packet.hpp): 8-byte packet id, 5-byte destination and source
addresses, a byte of flags, cipher and hops, 8-byte tag, verb. HELLO is authenticated but not encrypted, so its body
is readable.

Sample, a HELLO to a root: packet id, destination, source, cipher 0, tag, verb 1, protocol 12, version 1.10.6, time,
identity::

    5d 0c 91 3a 77 e2 00 01 3a 46 f1 bf 30 1f 0a b2 c4 d8 00 .. .. .. .. .. .. .. .. 01 0c 01 0a 00 06 ...
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from farmwatch.errors import DecodeError

__all__ = ["ZeroTierFlow", "ZeroTierHello", "decode_zerotier", "decode_zerotier_hello"]

_VERB_AT, _BODY_AT = 27, 28
_ADDRESS = 5


@dataclass(frozen=True, slots=True)
class ZeroTierHello:
    """A HELLO: the sender introduces itself."""

    destination: str  #: ZeroTier address, hex
    source: str  #: ZeroTier address, hex
    protocol: int
    version: str


@dataclass(frozen=True, slots=True)
class ZeroTierFlow:
    """A ZeroTier flow: addresses of the first sender and of its peer, hex."""

    first: str
    peer: str
    hello: ZeroTierHello | None


def decode_zerotier_hello(data: bytes) -> ZeroTierHello:
    """Read one HELLO datagram.

    Raises:
        DecodeError: not a HELLO whose identity matches its source address.
    """
    if len(data) < _BODY_AT + 13 + _ADDRESS + 1 + 64:
        raise DecodeError(f"ZeroTier HELLO needs 111 bytes, got {len(data)}")
    source = data[13:18]
    if data[_VERB_AT] & 0x1F != 1 or data[18] & 0x38 or data[8] == 0xFF or not any(source):
        raise DecodeError("not a ZeroTier HELLO: verb, cipher or address does not fit")
    body = data[_BODY_AT:]
    if body[13:18] != source or body[18] != 0 or not 1 <= body[0] <= 64:
        raise DecodeError("ZeroTier HELLO whose identity does not match its source address")
    if body[1] > 9 or len(set(body[19:83])) < 24:  # a public key has hardly a byte twice
        raise DecodeError("ZeroTier HELLO without a plausible version and public key")
    version = f"{body[1]}.{body[2]}.{int.from_bytes(body[3:5], 'big')}"
    return ZeroTierHello(data[8:13].hex(), source.hex(), body[0], version)


def decode_zerotier(orig: Sequence[bytes], resp: Sequence[bytes], port_hint: bool = False) -> ZeroTierFlow:
    """Read a UDP flow from the first datagrams of both directions.

    Args:
        orig: datagrams of the end that sent first.
        resp: datagrams of the other end.
        port_hint: the flow uses port 9993; only then are swapped addresses without a HELLO believed.

    Raises:
        DecodeError: no HELLO, and no pair of datagrams whose addresses mirror each other.
    """
    for mine in (orig, resp):
        for data in mine[:4]:
            try:
                hello = decode_zerotier_hello(data)
            except DecodeError:
                continue
            return ZeroTierFlow(hello.source, hello.destination, hello)
    if port_hint and orig and resp and len(orig[0]) >= _BODY_AT and len(resp[0]) >= _BODY_AT:
        source, destination = orig[0][13:18], orig[0][8:13]
        if source == resp[0][8:13] and destination == resp[0][13:18] and any(source) and any(destination):
            return ZeroTierFlow(source.hex(), destination.hex(), None)
    raise DecodeError("no ZeroTier HELLO")
