"""ClientHello and ServerHello messages, shared by TLS over TCP, DTLS and QUIC.

Message layouts: RFC 5246 section 7.4.1, RFC 8446 section 4.1, RFC 6347 section 4.2.1 (DTLS cookie). Extension numbers:
https://www.iana.org/assignments/tls-extensiontype-values.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.tls_text import escape_octets

__all__ = [
    "GREASE",
    "MAX_MESSAGE",
    "ClientHello",
    "ServerHello",
    "decode_client_hello",
    "decode_server_hello",
    "newest_version",
    "version_name",
]

MAX_MESSAGE = 1 << 16  #: longest handshake message looked at, bytes; a first flight never comes near it

#: Reserved values that clients sprinkle in so that servers stay tolerant (RFC 8701 section 2).
GREASE = frozenset(0x0A0A + 0x1010 * step for step in range(16))

_NAMES = {
    0x0002: "SSL 2.0",
    0x0300: "SSL 3.0",
    0x0301: "TLS 1.0",
    0x0302: "TLS 1.1",
    0x0303: "TLS 1.2",
    0x0304: "TLS 1.3",
    0x0100: "DTLS 0.9",  # OpenSSL before 0.9.8f; Cisco AnyConnect still sends it
    0xFEFF: "DTLS 1.0",
    0xFEFD: "DTLS 1.2",
    0xFEFC: "DTLS 1.3",
}
#: Oldest to newest. DTLS numbers count downwards, so numeric order would be wrong for them.
_AGE = {version: age for age, version in enumerate((0x0002, 0x0300, 0x0301, 0x0302, 0x0303, 0x0304))}
_AGE |= {version: age for age, version in enumerate((0x0100, 0xFEFF, 0xFEFD, 0xFEFC))}

# RFC 8446 section 4.1.3: SHA-256 of "HelloRetryRequest", sent as the random of a ServerHello that is one.
_RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")

_SERVER_NAME, _GROUPS, _SIGNATURES, _ALPN = 0x0000, 0x000A, 0x000D, 0x0010
_TICKET, _PRE_SHARED_KEY, _VERSIONS, _ECH = 0x0023, 0x0029, 0x002B, 0xFE0D

_u16 = struct.Struct(">H").unpack_from
_u16_u16 = struct.Struct(">HH").unpack_from


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a client offers. Numbers are IANA code points in the order sent, GREASE included."""

    legacy_version: int  #: client_version of the message; 0x0303 in every TLS 1.3 hello
    supported_versions: tuple[int, ...]  #: extension 43; empty where absent
    version: str  #: newest version offered, e.g. ``TLS 1.3``
    sni: str | None  #: server name, lower case; odd bytes escaped as ``\\xNN``, never raw
    alpn: tuple[str, ...]  #: application protocols offered; odd bytes escaped
    ciphers: tuple[int, ...]
    extensions: tuple[int, ...]
    groups: tuple[int, ...]
    signature_algorithms: tuple[int, ...]
    has_ech: bool  #: encrypted ClientHello offered (often GREASE, RFC 9849 section 6.2)
    has_ticket: bool  #: presents a session ticket of an earlier TLS 1.2 session
    has_psk: bool  #: presents a pre-shared key or TLS 1.3 ticket
    sslv2_format: bool  #: version 2 record layout (RFC 5246 appendix E.2)
    truncated: bool  #: the bytes end before the hello does; what is here is what was complete


@dataclass(frozen=True, slots=True)
class ServerHello:
    """What a server chose."""

    legacy_version: int
    selected_version: int  #: extension 43 where present, else the legacy version
    cipher: int
    alpn: str | None
    extensions: tuple[int, ...]
    retry: bool  #: a HelloRetryRequest: the server asks for another ClientHello


def version_name(version: int) -> str:
    """A protocol version in words; drafts of TLS 1.3 and unknown numbers are named too.

    Sample: 0x0304 is ``TLS 1.3``, 0x7f1c is ``TLS 1.3 draft 28``, 0x1234 is ``0x1234``.
    """
    name = _NAMES.get(version)
    if name is None:
        name = f"TLS 1.3 draft {version & 0xFF}" if version >> 8 == 0x7F else f"0x{version:04x}"
    return name


def newest_version(versions: tuple[int, ...], fallback: int) -> int:
    """The newest known version of an offer; ``fallback`` where the offer names none that is known or a draft."""
    best, best_age = fallback, -1
    for version in versions:
        age = _AGE.get(version, -1)
        if age > best_age:
            best, best_age = version, age
    if best_age < _AGE[0x0304]:
        drafts = [version for version in versions if version >> 8 == 0x7F]
        if drafts:
            return max(drafts)
    return best


def decode_client_hello(body: bytes, *, dtls: bool = False, truncated: bool = False) -> ClientHello:
    """Decode the body of a ClientHello (without the handshake header).

    RFC 8446 section 4.1.2; with ``dtls`` a cookie follows the session id (RFC 6347 section 4.2.1). Sample:
    ``0303`` random(32) ``00`` ``0002 1301`` ``0100`` then no extensions offers one cipher. With ``truncated`` a body
    cut short gives what is complete, at least the ciphers; otherwise a cut is a fault.

    Raises:
        DecodeError: a length leads out of the message, or fields break their limits.
    """
    try:
        version, ciphers, at = _client_hello_start(body, dtls=dtls)
    except (struct.error, IndexError) as fault:
        raise DecodeError(f"ClientHello of {len(body)} bytes ends before its cipher list does") from fault
    kinds, bodies, whole = _extensions(body, at, truncated=truncated)
    offered = bodies.get(_VERSIONS, b"")
    supported = _u16_list(offered, 1) if offered else ()
    names = bodies.get(_ALPN)
    name = bodies.get(_SERVER_NAME)
    newest = newest_version(supported, version) if supported else version
    return ClientHello(
        legacy_version=version,
        supported_versions=supported,
        version=_NAMES.get(newest) or version_name(newest),
        sni=_server_name(name) if name else None,
        alpn=_protocols(names) if names else (),
        ciphers=ciphers,
        extensions=tuple(kinds),
        groups=_u16_list(bodies.get(_GROUPS, b""), 2),
        signature_algorithms=_u16_list(bodies.get(_SIGNATURES, b""), 2),
        has_ech=_ECH in bodies,
        has_ticket=bool(bodies.get(_TICKET)),
        has_psk=_PRE_SHARED_KEY in bodies,
        sslv2_format=False,
        truncated=not whole,
    )


def decode_server_hello(body: bytes) -> ServerHello:
    """Decode the body of a complete ServerHello.

    RFC 8446 section 4.1.3; DTLS uses the same layout (RFC 6347 section 4.2.1). Sample: ``0303`` random(32) ``00``
    ``1301`` ``00`` ``0006 002b 0002 0304`` selects TLS 1.3.

    Raises:
        DecodeError: the message is too short, or a length leads out of it.
    """
    try:
        version = _u16(body, 0)[0]
        # Drafts of TLS 1.3 before 22 had neither session id nor compression here.
        draft = version >> 8 == 0x7F or version == 0x0304
        at = 34 if draft else 35 + body[34]
        cipher = _u16(body, at)[0]
        at += 2 if draft else 3
    except (struct.error, IndexError) as fault:
        raise DecodeError(f"ServerHello of {len(body)} bytes ends before its cipher does") from fault
    kinds, bodies, _ = _extensions(body, at, truncated=False)
    selected = bodies.get(_VERSIONS, b"")
    protocols = _protocols(bodies.get(_ALPN, b""))
    return ServerHello(
        legacy_version=version,
        selected_version=_u16(selected)[0] if len(selected) == 2 else version,
        cipher=cipher,
        alpn=protocols[0] if protocols else None,
        extensions=tuple(kinds),
        retry=body[2:34] == _RETRY_RANDOM,
    )


def _client_hello_start(body: bytes, *, dtls: bool) -> tuple[int, tuple[int, ...], int]:
    """Version, ciphers, and where the extension block starts."""
    version = _u16(body, 0)[0]
    if version not in _NAMES and version >> 8 not in (0x03, 0x7F, 0xFE):
        raise DecodeError(f"ClientHello names version 0x{version:04x}, expected 0x03nn or 0xfenn")
    if body[34] > 32:
        raise DecodeError(f"ClientHello session id of {body[34]} bytes, expected at most 32")
    at = 35 + body[34]
    if dtls:
        at += 1 + body[at]
    size = _u16(body, at)[0]
    at += 2
    if size % 2 or not size:
        raise DecodeError(f"ClientHello cipher list of {size} bytes, expected an even number above 0")
    ciphers = struct.unpack_from(f">{size >> 1}H", body, at)
    at += size
    return version, ciphers, at + 1 + body[at] if at < len(body) else at


def _extensions(body: bytes, at: int, *, truncated: bool) -> tuple[list[int], dict[int, bytes], bool]:
    """All extension numbers in order, the first body of each, and whether the block was complete."""
    kinds: list[int] = []
    bodies: dict[int, bytes] = {}
    have = len(body)
    if at >= have or (at + 2 > have and truncated):
        return kinds, bodies, not truncated
    if at + 2 > have:
        raise DecodeError("hello ends inside the length of its extensions")
    end = at + 2 + _u16(body, at)[0]
    at += 2
    whole = end <= have
    if not whole:
        if not truncated:
            raise DecodeError(f"extensions of {end - at} bytes in a hello that has {have - at} left")
        end = have
    while at + 4 <= end:
        kind, size = _u16_u16(body, at)
        at += 4
        stop = at + size
        if stop > end:
            if whole:
                raise DecodeError(f"extension {kind} of {size} bytes in a block that has {end - at} left")
            break
        kinds.append(kind)
        if kind not in bodies:
            bodies[kind] = body[at:stop]
        at = stop
    return kinds, bodies, whole


def _u16_list(raw: bytes, header: int) -> tuple[int, ...]:
    """A vector of 16-bit numbers behind a length of ``header`` bytes; cut to what is there."""
    size = int.from_bytes(raw[:header], "big")
    count = min(size, len(raw) - header) >> 1
    return struct.unpack_from(f">{count}H", raw, header) if count > 0 else ()


def _server_name(raw: bytes) -> str | None:
    """The first host_name of a server name list (RFC 6066 section 3)."""
    at = 2
    while at + 3 <= len(raw):
        size = _u16(raw, at + 1)[0]
        name = raw[at + 3 : at + 3 + size]
        if raw[at] == 0:
            return escape_octets(name).lower() if name else None
        at += 3 + size
    return None


def _protocols(raw: bytes) -> tuple[str, ...]:
    """The names of an ALPN extension (RFC 7301 section 3.1)."""
    names = []
    at = 2
    have = len(raw)
    while at < have:
        stop = at + 1 + raw[at]
        if stop > have:
            break
        names.append(escape_octets(raw[at + 1 : stop]))
        at = stop
    return tuple(names)
