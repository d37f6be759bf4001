"""JA4, the fingerprint of a TLS client by what its ClientHello offers.

Written from the published method (FoxIO-LLC/ja4, technical_details/JA4.md, BSD-3-Clause). Only JA4 itself; the other
methods of that family are under another licence and are not here. Where the prose and its reference programs differ
(an ALPN that starts with a byte above 0x7f), the prose is followed.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Literal

from farmwatch.wire.protocols.tls_hello import GREASE, ClientHello, newest_version
from farmwatch.wire.protocols.tls_text import unescape_octets

__all__ = ["ja4"]

_TRANSPORTS = {"tcp": "t", "quic": "q", "dtls": "d"}
_VERSIONS = {
    0x0304: "13",
    0x0303: "12",
    0x0302: "11",
    0x0301: "10",
    0x0300: "s3",
    0x0002: "s2",
    0xFEFF: "d1",
    0xFEFD: "d2",
    0xFEFC: "d3",
}
_NAME_AND_ALPN = frozenset({0x0000, 0x0010})  # told by the readable part, so left out of the hash


def ja4(hello: ClientHello, transport: Literal["tcp", "quic", "dtls"] = "tcp") -> str | None:
    """The JA4 fingerprint of a ClientHello; None where it would be wrong.

    That is for a truncated hello, whose rest is unknown, and for the SSL version 2 layout, whose three-byte ciphers the
    method does not define. Sample: a browser gives ``t13d1516h2_8daaf6152771_e5627efa2ab1``.
    """
    if hello.truncated or hello.sslv2_format:
        return None
    return _fingerprint(
        _TRANSPORTS[transport],
        hello.legacy_version,
        hello.supported_versions,
        hello.ciphers,
        hello.extensions,
        hello.signature_algorithms,
        hello.alpn,
    )


# A site's clients are few programs, so offers repeat, and under the random extension order of browsers the hashes do:
# GREASE and that order are taken out of their keys.
@lru_cache(maxsize=2048)
def _fingerprint(
    transport: str,
    legacy_version: int,
    supported_versions: tuple[int, ...],
    offered_ciphers: tuple[int, ...],
    offered_extensions: tuple[int, ...],
    signature_algorithms: tuple[int, ...],
    alpn: tuple[str, ...],
) -> str:
    ciphers = sorted([code for code in offered_ciphers if code not in GREASE])
    extensions = sorted([code for code in offered_extensions if code not in GREASE])
    hashed = tuple([code for code in extensions if code not in _NAME_AND_ALPN])
    signatures = tuple([code for code in signature_algorithms if code not in GREASE])
    name = "d" if 0x0000 in extensions else "i"
    counts = f"{min(len(ciphers), 99):02d}{min(len(extensions), 99):02d}"
    return (
        f"{transport}{_version(legacy_version, supported_versions)}{name}{counts}{_alpn(alpn)}"
        f"_{_cipher_hash(tuple(ciphers))}_{_extension_hash(hashed, signatures)}"
    )


def _version(legacy_version: int, supported_versions: tuple[int, ...]) -> str:
    offered = [version for version in supported_versions if version not in GREASE]
    if not offered:
        return _VERSIONS.get(legacy_version, "00")
    # "The highest value": DTLS numbers fall as versions rise, so there the newest is meant.
    highest = newest_version(tuple(offered), 0) if max(offered) >> 8 == 0xFE else max(offered)
    return _VERSIONS.get(highest, "00")


def _alpn(names: tuple[str, ...]) -> str:
    for text in names:
        raw = unescape_octets(text) if "\\" in text else text.encode("ascii")
        if len(raw) == 2 and int.from_bytes(raw, "big") in GREASE:
            continue
        if not raw:
            break
        ends = raw[:1] + raw[-1:]
        return ends.decode("ascii") if ends.isalnum() else raw.hex()[0] + raw.hex()[-1]
    return "00"


@lru_cache(maxsize=2048)
def _cipher_hash(ciphers: tuple[int, ...]) -> str:
    return _digest(_hex(ciphers)) if ciphers else "0" * 12


@lru_cache(maxsize=2048)
def _extension_hash(extensions: tuple[int, ...], signatures: tuple[int, ...]) -> str:
    if not extensions:
        return "0" * 12
    return _digest(f"{_hex(extensions)}_{_hex(signatures)}" if signatures else _hex(extensions))


def _hex(codes: tuple[int, ...]) -> str:
    return ",".join([f"{code:04x}" for code in codes])


def _digest(text: str) -> str:
    return sha256(text.encode("ascii")).hexdigest()[:12]
