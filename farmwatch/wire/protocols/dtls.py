"""DTLS: what one side's handshake says in the clear, over datagrams.

RFC 6347 (DTLS 1.2), RFC 4347 (1.0), RFC 9147 (1.3, whose hellos keep the 1.2 record layout). WebRTC mixes DTLS with
STUN and RTP on one port; datagrams of those are passed over (RFC 7983 section 7: DTLS starts with 20 to 63).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.tls import certificate_chain
from farmwatch.wire.protocols.tls_hello import (
    MAX_MESSAGE,
    ClientHello,
    ServerHello,
    decode_client_hello,
    decode_server_hello,
    version_name,
)
from farmwatch.wire.protocols.x509 import Certificate

__all__ = ["DtlsHandshake", "parse_dtls"]

_HANDSHAKE = 22
_CLIENT_HELLO, _SERVER_HELLO, _VERIFY_REQUEST, _CERTIFICATE, _CERTIFICATE_REQUEST = 1, 2, 3, 11, 13
_VERSIONS = frozenset({0x0100, 0xFEFF, 0xFEFD, 0xFEFC})
_MAX_DATAGRAMS = 64
_MAX_RECORDS = 32  # in one datagram
_MAX_MESSAGES = 32
_MAX_FRAGMENTS = 128  # of one message

_record_header = struct.Struct(">BHHHIH").unpack_from


@dataclass(frozen=True, slots=True)
class DtlsHandshake:
    """One side of a DTLS handshake: a client's or a server's."""

    record_version: int  #: of the first handshake record
    version: str  #: offered (client) or selected (server), in words
    client_hello: ClientHello | None  #: the last one sent, with the cookie where one was asked for
    server_hello: ServerHello | None
    verify_request: bool  #: the server asked for a cookie (HelloVerifyRequest)
    certificates: tuple[Certificate, ...]  #: leaf first; empty in DTLS 1.3
    asks_client_certificate: bool  #: mutual authentication, as WebRTC always does
    truncated: bool  #: a handshake message misses some of its fragments


@dataclass(slots=True)
class _Assembly:
    """The fragments of one handshake message."""

    kind: int
    length: int
    parts: dict[int, bytes] = field(default_factory=dict)

    def body(self) -> tuple[bytes, bool]:
        """The bytes from the start without a gap, and whether that is the whole message."""
        whole = self.parts.get(0, b"")
        if len(whole) < self.length:
            joined = bytearray()
            for offset in sorted(self.parts):
                if offset > len(joined):
                    break
                joined += self.parts[offset][len(joined) - offset :]
            whole = bytes(joined)
        return whole[: self.length], len(whole) >= self.length


def parse_dtls(datagrams: Sequence[bytes]) -> DtlsHandshake:
    """Decode the clear handshake messages in one sender's datagrams.

    RFC 6347 section 4.2: fragments are put together by message number and may come in any order and repeatedly. Give
    the datagrams of one direction; the first 64 are read. Sample: ``16 feff 0000 000000000000 0088 01 00007c 0000
    000000 00007c fefd …`` is a ClientHello; the answering side of one remote-desktop tool shows ``CN=chromoting``.

    Raises:
        DecodeError: no clear DTLS handshake message in the datagrams.
    """
    messages: dict[tuple[int, int, int], _Assembly] = {}
    record_version = -1
    for version, payload in _records(datagrams):
        if _collect(payload, messages) and record_version < 0:
            record_version = version
    if record_version < 0:
        raise DecodeError(f"no clear DTLS handshake in {len(datagrams)} datagrams")
    client = server = None
    certificates: tuple[Certificate, ...] = ()
    kinds = set()
    missing = False
    for _, message in sorted(messages.items()):
        body, complete = message.body()
        missing = missing or not complete
        kinds.add(message.kind)
        if message.kind == _CLIENT_HELLO:
            client = _client_hello(body, complete=complete) or client
        elif message.kind == _SERVER_HELLO and complete:
            server = decode_server_hello(body)
        elif message.kind == _CERTIFICATE:
            certificates, _ = certificate_chain(body)
    return DtlsHandshake(
        record_version=record_version,
        version=_version(client, server, record_version),
        client_hello=client,
        server_hello=server,
        verify_request=_VERIFY_REQUEST in kinds,
        certificates=certificates,
        asks_client_certificate=_CERTIFICATE_REQUEST in kinds,
        truncated=missing,
    )


def _client_hello(body: bytes, *, complete: bool) -> ClientHello | None:
    """The hello, None where fragments are missing before the end of its cipher list."""
    try:
        return decode_client_hello(body, dtls=True, truncated=not complete)
    except DecodeError:
        if complete:
            raise
        return None


def _version(client: ClientHello | None, server: ServerHello | None, record_version: int) -> str:
    if client is not None:
        return client.version
    return version_name(server.selected_version if server is not None else record_version)


def _records(datagrams: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    """Version and payload of each unencrypted handshake record (epoch 0), RFC 6347 section 4.1."""
    for datagram in datagrams[:_MAX_DATAGRAMS]:
        at = 0
        for _ in range(_MAX_RECORDS):
            if at + 13 > len(datagram):
                break
            kind, version, epoch, _, _, size = _record_header(datagram, at)
            if not 20 <= kind <= 26 or version not in _VERSIONS:
                break
            if kind == _HANDSHAKE and epoch == 0:
                yield version, datagram[at + 13 : at + 13 + size]
            at += 13 + size


def _collect(payload: bytes, messages: dict[tuple[int, int, int], _Assembly]) -> bool:
    """Sort the fragments of one record into their messages (RFC 6347 section 4.2.2); False where none is one."""
    at = 0
    found = False
    while at + 12 <= len(payload):
        kind = payload[at]
        length = int.from_bytes(payload[at + 1 : at + 4], "big")
        number = int.from_bytes(payload[at + 4 : at + 6], "big")
        offset = int.from_bytes(payload[at + 6 : at + 9], "big")
        size = int.from_bytes(payload[at + 9 : at + 12], "big")
        if offset + size > length or length > MAX_MESSAGE or kind not in range(25):
            break
        found = True
        key = (number, kind, length)
        if key in messages or len(messages) < _MAX_MESSAGES:
            message = messages.setdefault(key, _Assembly(kind, length))
            part = payload[at + 12 : at + 12 + size]
            if len(message.parts) < _MAX_FRAGMENTS and len(part) > len(message.parts.get(offset, b"")):
                message.parts[offset] = part
        at += 12 + size
    return found
