"""QUIC Initial packets: who a client calls, with what, decrypted as anybody on the path may.

RFC 9000 section 17 (long headers), RFC 9001 section 5 (protection), RFC 9369 (version 2), RFC 8999 (what all versions
share). Only what the client's datagrams say in Initial packets; nothing later can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.ja4 import ja4
from farmwatch.wire.protocols.quic_keys import InitialKeys, Suite, derive, suite_of
from farmwatch.wire.protocols.tls_hello import MAX_MESSAGE, ClientHello, decode_client_hello

__all__ = ["QuicInitial", "parse_quic_initials"]

_MAX_DATAGRAMS = 32
_MAX_PACKETS = 16  # coalesced in one datagram
_MAX_KEYS = 4  # connection ids tried; a Retry makes two
_MAX_FRAMES = 1024  # of one packet
_MAX_FRAGMENTS = 256  # of one CRYPTO stream

_PADDING, _PING, _ACK, _ACK_ECN, _CRYPTO = 0x00, 0x01, 0x02, 0x03, 0x06
_CLIENT_HELLO = 1
_not_padding = re.compile(rb"[^\0]").search


@dataclass(frozen=True, slots=True)
class QuicInitial:
    """The start of a QUIC connection as its client sent it."""

    version: int  #: of the first long header
    version_name: str  #: e.g. ``QUIC v1``
    dcid: bytes  #: the client's first destination connection id, from which the keys follow
    scid: bytes  #: the client's own connection id, often empty
    hello: ClientHello | None  #: None where no Initial could be read or its start is missing
    sni: str | None
    alpn: tuple[str, ...]
    ja4: str | None
    decrypted: bool  #: at least one Initial packet opened with the client's keys
    retry: bool  #: a Retry was seen, or the client came back with a token and a new connection id
    version_negotiation: bool  #: a version negotiation packet was seen


class _Packet(NamedTuple):
    """One long-header packet of a datagram."""

    version: int
    first: int
    dcid: bytes
    scid: bytes
    token: bytes
    header: bytes  #: up to the packet number
    rest: bytes  #: packet number and ciphertext, still protected
    initial: bool
    retry: bool


@dataclass(slots=True)
class _Stream:
    """Keys of one connection id and the CRYPTO bytes they opened."""

    keys: InitialKeys
    parts: dict[int, bytes] = field(default_factory=dict)
    opened: bool = False

    def contiguous(self) -> bytes:
        """The bytes from offset 0 up to the first gap."""
        joined = bytearray()
        for offset in sorted(self.parts):
            if offset > len(joined):
                break
            joined += self.parts[offset][len(joined) - offset :]
        return bytes(joined)


def parse_quic_initials(datagrams: Sequence[bytes]) -> QuicInitial:
    """Decode the ClientHello in a client's first datagrams.

    RFC 9001 section 5; the hello may be cut over CRYPTO frames, packets and datagrams in any order, and packets may be
    coalesced. Server datagrams among them do no harm and show Retry and version negotiation. The first 32 datagrams are
    read. Sample: a datagram ``c3 00000001 08 8394c8f03e515708 00 00 449e …`` of 1,200 bytes.

    Raises:
        DecodeError: no QUIC long header of a known version.
    """
    first: _Packet | None = None
    retry = negotiation = False
    streams: dict[bytes, _Stream] = {}
    for packet in _packets(datagrams):
        if packet.version == 0:
            negotiation = True
            continue
        retry = retry or packet.retry
        first = first or packet
        suite = suite_of(packet.version)
        if packet.initial and suite is not None:
            retry = retry or (bool(packet.token) and packet.dcid != first.dcid)
            _open(packet, suite, streams)
    if first is None:
        raise DecodeError(f"no QUIC long header of a known version in {len(datagrams)} datagrams")
    hello = _hello(streams)
    return QuicInitial(
        version=first.version,
        version_name=_version_name(first.version),
        dcid=first.dcid,
        scid=first.scid,
        hello=hello,
        sni=hello.sni if hello else None,
        alpn=hello.alpn if hello else (),
        ja4=ja4(hello, "quic") if hello else None,
        decrypted=any(stream.opened for stream in streams.values()),
        retry=retry,
        version_negotiation=negotiation,
    )


def _version_name(version: int) -> str:
    suite = suite_of(version)
    if suite is not None:
        return suite.name
    octets = version.to_bytes(4, "big")
    return f"gQUIC {octets.decode()}" if octets[1:].isdigit() and octets[:1] in b"QT" else f"QUIC 0x{version:08x}"


def _known(version: int) -> bool:
    """Versions that make a long header believable: RFCs, drafts, Google's, Facebook's, forced negotiation."""
    octets = version.to_bytes(4, "big")
    return (
        suite_of(version) is not None
        or version >> 8 in (0xFF0000, 0xFACEB0)
        or (octets[:1] in b"QT" and octets[1:].isdigit())
        or version & 0x0F0F0F0F == 0x0A0A0A0A
    )


def _packets(datagrams: Sequence[bytes]) -> Iterator[_Packet]:
    """The long-header packets of all datagrams; the first unreadable one ends its datagram."""
    for datagram in datagrams[:_MAX_DATAGRAMS]:
        rest = datagram
        for _ in range(_MAX_PACKETS):
            if rest[:1] < b"\x80":  # a short header, or nothing left
                break
            packet, used = _long_header(rest)
            if packet is not None:
                yield packet
            if not used:
                break
            rest = rest[used:]


def _long_header(data: bytes) -> tuple[_Packet | None, int]:
    """The packet at the start of ``data`` and the bytes it takes, 0 where nothing can follow (RFC 9000 17.2)."""
    invariant = _invariant_header(data)
    if invariant is None:
        return None, 0
    version, dcid, scid, at = invariant
    if version == 0 or not data[0] & 0x40:
        # A version negotiation holds nothing but a list of versions (RFC 8999 section 6).
        listed = len(data) - at
        negotiation = version == 0 and listed >= 4 and not listed % 4
        return (_Packet(0, data[0], dcid, scid, b"", b"", b"", False, False) if negotiation else None), 0
    suite = suite_of(version)
    kind = data[0] >> 4 & 3
    if suite is None or kind == suite.retry_type:
        return _Packet(version, data[0], dcid, scid, b"", b"", b"", False, suite is not None), 0
    token = b""
    initial = kind == suite.initial_type
    if initial:
        size, at = _varint(data, at)
        token = data[at : at + max(size, 0)]
        at += max(size, 0)
    size, at = _varint(data, at)
    if size < 0 or at + size > len(data):
        return None, 0
    return _Packet(version, data[0], dcid, scid, token, data[:at], data[at : at + size], initial, False), at + size


def _invariant_header(data: bytes) -> tuple[int, bytes, bytes, int] | None:
    """Version, connection ids and the offset behind them (RFC 8999 section 5.1); None where it is no long header."""
    if len(data) < 7 or not data[0] & 0x80 or data[5] > 20:
        return None
    version = int.from_bytes(data[1:5], "big")
    at = 6 + data[5]
    if at >= len(data) or data[at] > 20 or at + 1 + data[at] > len(data) or not (version == 0 or _known(version)):
        return None
    return version, data[6:at], data[at + 1 : at + 1 + data[at]], at + 1 + data[at]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length integer (RFC 9000 section 16) and the offset behind it; -1 where the data ends."""
    if at >= len(data):
        return -1, at
    size = 1 << (data[at] >> 6)
    if at + size > len(data):
        return -1, len(data)
    return int.from_bytes(data[at : at + size], "big") & ((1 << (8 * size - 2)) - 1), at + size


def _open(packet: _Packet, suite: Suite, streams: dict[bytes, _Stream]) -> None:
    """Decrypt an Initial with the keys that fit and sort its CRYPTO bytes into that stream.

    Keys follow from the first connection id; a client goes on under the id its server chose with the same keys, but
    after a Retry takes new keys from that id (RFC 9001 section 5.2). So known keys are tried before new ones.
    """
    for stream in streams.values():
        payload = _decrypt(packet, stream.keys)
        if payload is not None:
            _collect(payload, stream)
            return
    if packet.dcid in streams or len(streams) >= _MAX_KEYS:
        return
    stream = streams[packet.dcid] = _Stream(derive(suite, packet.dcid))
    payload = _decrypt(packet, stream.keys)
    if payload is not None:
        _collect(payload, stream)


def _decrypt(packet: _Packet, keys: InitialKeys) -> bytes | None:
    """Take off header and payload protection (RFC 9001 sections 5.3 and 5.4); None where the keys do not fit."""
    from cryptography.exceptions import InvalidTag

    rest = packet.rest
    if len(rest) < 20:
        return None
    mask = keys.mask(rest[4:20])
    first = packet.first ^ (mask[0] & 0x0F)
    size = (first & 3) + 1
    number = bytes(octet ^ mask[1 + index] for index, octet in enumerate(rest[:size]))
    header = bytes([first]) + packet.header[1:] + number
    nonce = (int.from_bytes(keys.iv, "big") ^ int.from_bytes(number, "big")).to_bytes(12, "big")
    try:
        return keys.open(nonce, rest[size:], header)
    except InvalidTag:
        return None


def _collect(payload: bytes, stream: _Stream) -> None:
    """Keep the CRYPTO frames of a decrypted Initial (RFC 9000 section 19); an unexpected frame ends it."""
    stream.opened = True
    at = 0
    for _ in range(_MAX_FRAMES):
        found = _not_padding(payload, at)
        if found is None:
            return
        at = found.start() + 1
        kind = payload[at - 1]
        if kind == _CRYPTO:
            offset, at = _varint(payload, at)
            size, at = _varint(payload, at)
            if offset < 0 or size < 0 or at + size > len(payload) or offset + size > MAX_MESSAGE:
                return
            part = payload[at : at + size]
            at += size
            if len(stream.parts) < _MAX_FRAGMENTS and len(part) > len(stream.parts.get(offset, b"")):
                stream.parts[offset] = part
        elif kind in (_ACK, _ACK_ECN):
            at = _skip_ack(payload, at, ecn=kind == _ACK_ECN)
        elif kind != _PING:
            return


def _skip_ack(payload: bytes, at: int, *, ecn: bool) -> int:
    """The offset behind an ACK frame (RFC 9000 section 19.3)."""
    _, at = _varint(payload, at)
    _, at = _varint(payload, at)
    ranges, at = _varint(payload, at)
    for _ in range(min(1 + 2 * max(ranges, 0) + (3 if ecn else 0), len(payload))):
        _, at = _varint(payload, at)
    return at


def _hello(streams: dict[bytes, _Stream]) -> ClientHello | None:
    """The first ClientHello that can be read; a complete one before a truncated one."""
    partial: ClientHello | None = None
    for stream in streams.values():
        data = stream.contiguous()
        if len(data) < 4 or data[0] != _CLIENT_HELLO:
            continue
        length = int.from_bytes(data[1:4], "big")
        try:
            hello = decode_client_hello(data[4 : 4 + length], truncated=len(data) < 4 + length)
        except DecodeError:
            continue
        if not hello.truncated:
            return hello
        partial = partial or hello
    return partial
