"""IKE versions 1 and 2, on port 500 or behind the non-ESP marker of port 4500, and ESP in UDP.

Sources: RFC 2408 sections 3.1 and 3.2 (ISAKMP header, generic payload header), RFC 7296 sections 3.1, 3.2 and 3.12
(IKEv2, vendor id), RFC 3948 section 2 (non-ESP marker, ESP in UDP, NAT keepalive). Vendor ids: the hashes IANA-less
implementations publish (RFC 3706, RFC 3947, strongSwan and Microsoft documentation); unknown ones stay as hex.

Sample, an IKE_SA_INIT header: initiator SPI, zero responder SPI, next payload 33, version 2.0, exchange 34, initiator
flag, message 0, length::

    9a 0b 1c 2d 3e 4f 50 61 00 00 00 00 00 00 00 00 21 20 22 08 00 00 00 00 00 00 01 c8
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from farmwatch.errors import DecodeError

__all__ = ["EspFlow", "IkeMessage", "decode_esp_flow", "decode_ike"]

_V1 = {
    1: "base", 2: "identity protection", 3: "authentication only", 4: "aggressive", 5: "informational",
    6: "transaction", 32: "quick mode", 33: "new group",
}  # fmt: skip
_V2 = {
    34: "IKE_SA_INIT",
    35: "IKE_AUTH",
    36: "CREATE_CHILD_SA",
    37: "INFORMATIONAL",
    38: "IKE_SESSION_RESUME",
    43: "IKE_INTERMEDIATE",
}
_VENDORS = (
    ("4a131c81070358455c5728f20e95452f", "RFC 3947 NAT-T"),
    ("90cb80913ebb696e086381b5ec427b1f", "draft-02 NAT-T"),
    ("cd60464335df21f87cfdb2fc68b6a448", "draft-02 NAT-T"),
    ("7d9419a65310ca6f2c179d9215529d56", "draft-03 NAT-T"),
    ("4485152d18b6bbcd0be8a8469579ddcc", "draft-00 NAT-T"),
    ("afcad71368a1f1c96b8696fc77570100", "dead peer detection"),
    ("09002689dfd6b712", "XAUTH"),
    ("12f5f28c457168a9702d9fe274cc", "Cisco Unity"),
    ("4048b7d56ebce88525e7de7f00d6c2d3", "fragmentation"),
    ("882fe56d6fd20dbc2251613b2ebe5beb", "strongSwan"),
    ("1e2b516905991c7d7c96fcbfb587e461", "Microsoft"),
)
_MAX_PAYLOADS = 32


@dataclass(frozen=True, slots=True)
class IkeMessage:
    """One IKE message header and the vendor ids that follow in the clear."""

    version: int  #: 1 or 2
    exchange: str
    initiator_spi: str  #: hex
    responder_spi: str  #: hex, zeros in the first message
    from_initiator: bool | None  #: of the SA; IKEv1 does not say
    response: bool | None  #: IKEv1 does not say
    message_id: int
    nat_traversal: bool  #: came behind the non-ESP marker
    encrypted: bool
    vendor_ids: tuple[str, ...]  #: names where known, else hex


@dataclass(frozen=True, slots=True)
class EspFlow:
    """ESP packets inside UDP; the SPI of each direction, hex, None where that direction sent none."""

    spis: tuple[str | None, str | None]


def _vendor(value: bytes) -> str:
    text = value.hex()
    return next((name for prefix, name in _VENDORS if text.startswith(prefix)), text[:64])


def decode_ike(data: bytes) -> IkeMessage:
    """Read one datagram.

    Raises:
        DecodeError: header fields or lengths that IKE does not allow.
    """
    marker = data.startswith(b"\0\0\0\0") and len(data) >= 32
    body = data[4:] if marker else data
    if len(body) < 28 or not any(body[:8]):
        raise DecodeError("IKE needs 28 bytes and an initiator SPI")
    following, version, exchange, flags = body[16], body[17] >> 4, body[18], body[19]
    size = int.from_bytes(body[24:28], "big")
    names = {1: _V1, 2: _V2}.get(version, {})
    if exchange not in names or body[17] & 0x0F or flags & (0xF8 if version == 1 else 0xC7):
        raise DecodeError(f"no IKE version {version} exchange {exchange} with flags {flags:#04x}")
    if size != len(body):
        raise DecodeError(f"IKE length {size} in a datagram of {len(body)} bytes")
    if exchange in (2, 4, 34) and any(body[20:24]) and version == 2:
        raise DecodeError("an IKE_SA_INIT has message id 0")
    encrypted = bool(flags & 1) if version == 1 else following in (46, 53)
    vendors: list[str] = []
    at = 28
    for _ in range(_MAX_PAYLOADS):
        if encrypted or following == 0 or at + 4 > len(body):
            break
        length = int.from_bytes(body[at + 2 : at + 4], "big")
        if length < 4 or at + length > len(body):
            raise DecodeError(f"IKE payload {following} at byte {at} runs past the message")
        if following == (13 if version == 1 else 43):
            vendors.append(_vendor(body[at + 4 : at + length]))
        following, at = body[at], at + length
        encrypted = encrypted or (version == 2 and following in (46, 53))
    return IkeMessage(
        version=version,
        exchange=names[exchange],
        initiator_spi=body[:8].hex(),
        responder_spi=body[8:16].hex(),
        from_initiator=bool(flags & 0x08) if version == 2 else None,
        response=bool(flags & 0x20) if version == 2 else None,
        message_id=int.from_bytes(body[20:24], "big"),
        nat_traversal=marker,
        encrypted=encrypted,
        vendor_ids=tuple(vendors),
    )


def _spi(datagrams: Sequence[bytes]) -> str | None:
    """The one SPI of a direction whose ESP sequence numbers rise; keepalives (``ff``) and IKE are passed over."""
    packets = [data for data in datagrams if data != b"\xff" and not data.startswith(b"\0\0\0\0")]
    if len(packets) < 2:
        return None
    numbers = [int.from_bytes(data[4:8], "big") for data in packets]
    same = len({data[:4] for data in packets}) == 1 and min(len(data) for data in packets) >= 36
    rising = all(1 <= after - before <= 64 for before, after in pairwise(numbers))
    return packets[0][:4].hex() if same and rising and packets[0][:4] > b"\0\0\0\xff" else None


def decode_esp_flow(orig: Sequence[bytes], resp: Sequence[bytes]) -> EspFlow:
    """Read ESP in UDP (RFC 3948): one SPI a direction, rising sequence numbers. Believe it only on port 4500.

    Raises:
        DecodeError: no direction looks like ESP.
    """
    spis = (_spi(orig), _spi(resp))
    if spis == (None, None):
        raise DecodeError("no direction has one SPI and rising ESP sequence numbers")
    return EspFlow(spis)
