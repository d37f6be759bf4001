"""WireGuard handshake and data messages.

Source: WireGuard white paper section 5.4 and the protocol page of wireguard.com: type in byte 0, three reserved
bytes, fixed sizes. Fact row: WireGuard payload, high. Cloudflare WARP sends the same messages with a client id in the
reserved bytes.

Sample, start of a 148-byte initiation and of its 92-byte answer (receiver index repeats the sender's)::

    01 00 00 00 d8 37 d0 30 ...
    02 00 00 00 5b 1c f8 a5 d8 37 d0 30 ...
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from farmwatch.errors import DecodeError

__all__ = ["WireGuardFlow", "WireGuardMessage", "decode_wireguard", "decode_wireguard_message"]

_SIZES = {1: 148, 2: 92, 3: 64}
_FULL = 1200  # bytes: no tunnel's MTU is far below what IPv6 demands
_NAMES = {1: "initiation", 2: "response", 3: "cookie", 4: "data"}


@dataclass(frozen=True, slots=True)
class WireGuardMessage:
    """One message."""

    kind: str  #: ``initiation``, ``response``, ``cookie`` or ``data``
    sender: int | None  #: sender's session index
    receiver: int | None  #: receiver's session index
    counter: int | None  #: of a data message
    reserved: int  #: the three bytes after the type; not zero with Cloudflare WARP
    keepalive: bool  #: a data message with nothing inside (32 bytes)


@dataclass(frozen=True, slots=True)
class WireGuardFlow:
    """A WireGuard flow; sides count from the end that sent the first datagram."""

    initiator_side: int | None  #: None if the handshake was not seen
    answered: bool  #: a response with the initiator's index was seen
    reserved: int
    data_messages: int
    keepalives: int


def decode_wireguard_message(data: bytes) -> WireGuardMessage:
    """Read one message.

    Raises:
        DecodeError: unknown type, or a size the type does not have.
    """
    kind = data[0] if data else 0
    size = len(data)
    # Data is padded to 16 bytes, but never past the tunnel's MTU: full packets may have any size.
    odd = kind == 4 and (size < 32 or (size % 16 and size < _FULL))
    if kind not in _NAMES or size != _SIZES.get(kind, size) or odd:
        raise DecodeError(f"WireGuard has no type {kind} message of {size} bytes")
    reserved = int.from_bytes(data[1:4], "big")
    first, second = int.from_bytes(data[4:8], "little"), int.from_bytes(data[8:12], "little")
    if kind == 1:
        return WireGuardMessage("initiation", first, None, None, reserved, False)
    if kind == 2:
        return WireGuardMessage("response", first, second, None, reserved, False)
    if kind == 3:
        return WireGuardMessage("cookie", None, first, None, reserved, False)
    return WireGuardMessage("data", None, first, int.from_bytes(data[8:16], "little"), reserved, size == 32)


def _messages(datagrams: Sequence[bytes]) -> list[WireGuardMessage]:
    found: list[WireGuardMessage] = []
    for data in datagrams:
        try:
            found.append(decode_wireguard_message(data))
        except DecodeError:
            continue
    return found


def _steady_data(messages: Sequence[WireGuardMessage]) -> bool:
    """Two or more data messages to one receiver with rising, small counters (RFC-less, but nonces start at zero)."""
    counters = [message.counter for message in messages if message.kind == "data" and message.reserved == 0]
    receivers = {message.receiver for message in messages if message.kind == "data"}
    if len(counters) < 2 or len(receivers) > 2 or len(set(counters)) != len(counters):
        return False
    return all(counter is not None and counter < 1 << 40 for counter in counters)


def decode_wireguard(orig: Sequence[bytes], resp: Sequence[bytes]) -> WireGuardFlow:
    """Read a flow from the first datagrams of both directions.

    Accepted: an initiation answered with its index; an initiation alone with zero reserved bytes; or data messages to
    one receiver with distinct small counters.

    Raises:
        DecodeError: none of these.
    """
    sides = (_messages(orig), _messages(resp))
    everything = [*sides[0], *sides[1]]
    if not everything or len(everything) * 4 < (len(orig) + len(resp)) * 3:
        raise DecodeError("fewer than three quarters of the datagrams have the shape of WireGuard messages")
    initiator: int | None = None
    answered = False
    reserved = 0
    for side in (0, 1):
        started = {message.sender: message.reserved for message in sides[side] if message.kind == "initiation"}
        if not started:
            continue
        replies = [message for message in sides[1 - side] if message.kind == "response" and message.receiver in started]
        if replies or all(value == 0 for value in started.values()):
            initiator, answered, reserved = side, bool(replies), next(iter(started.values()))
            break
    if initiator is None and not (_steady_data(sides[0]) or _steady_data(sides[1])):
        raise DecodeError("no WireGuard handshake and no steady data messages")
    data = [message for message in everything if message.kind == "data"]
    return WireGuardFlow(initiator, answered, reserved, len(data), sum(message.keepalive for message in data))
