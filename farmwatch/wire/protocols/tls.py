"""TLS over TCP: what the client's and the server's first flights say in the clear.

RFC 8446 (TLS 1.3), RFC 5246 (1.2), RFC 6101 (SSL 3.0). Inputs are the reassembled first bytes of one direction,
starting at the record layer; ``find_tls`` gives that start where another protocol comes first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.tls_hello import (
    ClientHello,
    ServerHello,
    decode_client_hello,
    decode_server_hello,
    version_name,
)
from farmwatch.wire.protocols.tls_records import (
    ALERT,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    Message,
    find_tls,
    first_records,
    messages,
)
from farmwatch.wire.protocols.x509 import Certificate, parse_certificate

__all__ = [
    "Certificate",
    "ClientFlight",
    "ClientHello",
    "ServerFlight",
    "certificate_chain",
    "find_tls",
    "first_records",
    "parse_client_flight",
    "parse_client_hello",
    "parse_server_flight",
]

_CLIENT_HELLO, _SERVER_HELLO, _CERTIFICATE, _CERTIFICATE_REQUEST = 1, 2, 11, 13
_MAX_CHAIN = 16


@dataclass(frozen=True, slots=True)
class ClientFlight:
    """The client's side: its offer, and its certificate where TLS 1.2 or older shows one."""

    hello: ClientHello
    certificates: tuple[Certificate, ...]  #: leaf first; empty without client authentication and in TLS 1.3
    truncated: bool  #: the bytes end inside a clear handshake message


@dataclass(frozen=True, slots=True)
class ServerFlight:
    """The server's side: its choice, and its certificates where TLS 1.2 or older shows them."""

    legacy_version: int
    selected_version: int  #: of the supported_versions extension where present
    version: str  #: the selected version in words, e.g. ``TLS 1.3``
    cipher: int
    alpn: str | None
    extensions: tuple[int, ...]
    hello_retry_request: bool  #: the server first asked for another ClientHello
    certificates: tuple[Certificate, ...]  #: leaf first; empty in TLS 1.3 and in resumed sessions
    asks_client_certificate: bool  #: mutual TLS, seen in the clear
    truncated: bool  #: the bytes end inside a clear handshake message


def parse_client_hello(head: bytes) -> ClientHello:
    r"""Decode the ClientHello at the start of a TCP stream.

    RFC 8446 section 4.1.2, records RFC 8446 section 5.1; the hello may span records. The SSL version 2 layout of
    RFC 5246 appendix E.2 is read too. Sample: ``16 0301 0200 01 0001fc 0303 …``. A head that ends inside the hello
    gives what is complete, with ``truncated`` set. The server name is lower-cased; bytes that are not visible ASCII
    survive as ``\xNN`` escapes.

    Raises:
        DecodeError: the bytes are no ClientHello, or end before its cipher list does.
    """
    # The common case, kept free of generators: the whole hello in the first record.
    if len(head) >= 43 and head[0] == HANDSHAKE and head[1] == 3 and head[5] == _CLIENT_HELLO and head[6] == 0:
        length = head[7] << 8 | head[8]
        if length + 4 <= (head[3] << 8 | head[4]) and length + 9 <= len(head):
            return decode_client_hello(head[9 : 9 + length])
    return _client_hello_of(_first_message(head), head)


def parse_client_flight(head: bytes) -> ClientFlight:
    """Decode the client's side of a handshake, with its certificate where that is in the clear.

    RFC 5246 section 7.4.6. Sample: the direct peers of one remote-control tool both show ``CN=AnyDesk Client``.

    Raises:
        DecodeError: no ClientHello at the start.
    """
    hello = parse_client_hello(head)
    certificates: tuple[Certificate, ...] = ()
    truncated = hello.truncated
    if not hello.sslv2_format:
        for message in messages(head):
            if message.content_type == CHANGE_CIPHER_SPEC:
                break
            truncated = not message.complete
            if message.kind == _CERTIFICATE:
                certificates, _ = certificate_chain(message.body)
    return ClientFlight(hello, certificates, truncated)


def parse_server_flight(head: bytes) -> ServerFlight:
    """Decode the server's side of a handshake.

    RFC 8446 section 4.1.3 (ServerHello, HelloRetryRequest), RFC 5246 section 7.4.2 (Certificate). Sample:
    ``16 0303 007a 02 000076 0303 …``. Certificates beyond the end of the head are left out and ``truncated`` is set.

    Raises:
        DecodeError: no complete ServerHello; the message names the alert where the server refused.
    """
    hello: ServerHello | None = None
    retried = asks = truncated = False
    certificates: tuple[Certificate, ...] = ()
    for message in messages(head):
        if message.content_type == ALERT and hello is None:
            raise DecodeError(f"the server refused with alert {message.body[-1] if message.body else 'of no bytes'}")
        if message.content_type == ALERT or (message.content_type == CHANGE_CIPHER_SPEC and not retried):
            break
        truncated = not message.complete
        if message.kind == _SERVER_HELLO and message.complete:
            hello = decode_server_hello(message.body)
            retried = retried or hello.retry
        elif message.kind == _CERTIFICATE:
            certificates, _ = certificate_chain(message.body)
        elif message.kind == _CERTIFICATE_REQUEST:
            asks = True
    if hello is None:
        raise DecodeError(f"no complete ServerHello in {len(head)} bytes that start {head[:6].hex()}")
    return ServerFlight(
        legacy_version=hello.legacy_version,
        selected_version=hello.selected_version,
        version=version_name(hello.selected_version),
        cipher=hello.cipher,
        alpn=hello.alpn,
        extensions=hello.extensions,
        hello_retry_request=retried,
        certificates=certificates,
        asks_client_certificate=asks,
        truncated=truncated,
    )


def certificate_chain(body: bytes) -> tuple[tuple[Certificate, ...], bool]:
    """Certificates of a Certificate message body up to TLS 1.2, leaf first, and whether all of them are here.

    RFC 5246 section 7.4.2: a 24-bit list length, then each certificate behind its own 24-bit length. Sample:
    ``000378 000375 3082 …``. A certificate that cannot be read ends the chain; at most 16 are read.
    """
    chain: list[Certificate] = []
    end = 3 + int.from_bytes(body[:3], "big")
    at = 3
    while at + 3 <= min(end, len(body)) and len(chain) < _MAX_CHAIN:
        stop = at + 3 + int.from_bytes(body[at : at + 3], "big")
        if stop > len(body):
            return tuple(chain), False
        try:
            chain.append(parse_certificate(body[at + 3 : stop]))
        except DecodeError:
            return tuple(chain), False
        at = stop
    return tuple(chain), end <= len(body)


def _first_message(head: bytes) -> Message | None:
    return next((message for message in messages(head) if message.content_type == HANDSHAKE), None)


def _client_hello_of(message: Message | None, head: bytes) -> ClientHello:
    if message is not None and message.kind == _CLIENT_HELLO:
        return decode_client_hello(message.body, truncated=not message.complete)
    if message is None and len(head) >= 11 and head[0] & 0x80 and head[2] == _CLIENT_HELLO:
        return _sslv2_hello(head)
    raise DecodeError(f"no ClientHello in {len(head)} bytes that start {head[:6].hex()}")


def _sslv2_hello(head: bytes) -> ClientHello:
    """The version 2 layout, RFC 5246 appendix E.2; ciphers of one leading zero byte are TLS suites."""
    size, _, version, cipher_bytes, session_bytes, challenge_bytes = struct.unpack_from(">HBHHHH", head)
    size &= 0x7FFF
    fits = size == 9 + cipher_bytes + session_bytes + challenge_bytes and cipher_bytes and not cipher_bytes % 3
    if not fits or not (version == 0x0002 or version >> 8 == 3) or not 8 <= challenge_bytes <= 32:
        raise DecodeError("lengths of an SSL version 2 hello do not agree")
    whole = head[11 : 11 + cipher_bytes]
    usable = len(whole) - len(whole) % 3
    return ClientHello(
        legacy_version=version,
        supported_versions=(),
        version=version_name(version),
        sni=None,
        alpn=(),
        ciphers=tuple([int.from_bytes(whole[at : at + 3], "big") for at in range(0, usable, 3)]),
        extensions=(),
        groups=(),
        signature_algorithms=(),
        has_ech=False,
        has_ticket=False,
        has_psk=False,
        sslv2_format=True,
        truncated=len(head) < size + 2,
    )
