"""Initial packet protection of QUIC: keys, header mask and payload.

RFC 9001 section 5 (version 1), RFC 9369 section 3.3 (version 2); HKDF by RFC 5869, labels by RFC 8446 section 7.1. The
keys follow from the client's first connection id, so anybody on the path may read Initial packets: that is by design.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["InitialKeys", "Suite", "derive", "suite_of"]


@dataclass(frozen=True, slots=True)
class Suite:
    """What a version changes in the protection of Initial packets."""

    name: str  #: the version in words
    salt: bytes
    prefix: bytes  #: of the key labels: ``quic `` or ``quicv2 ``
    initial_type: int  #: the two type bits of an Initial packet
    retry_type: int


@dataclass(frozen=True, slots=True)
class InitialKeys:
    """Keys of one sender's Initial packets."""

    key: bytes
    iv: bytes
    open: Callable[[bytes, bytes, bytes], bytes]  #: (nonce, ciphertext with tag, header) -> plaintext, or InvalidTag
    mask: Callable[[bytes], bytes]  #: 16 bytes of ciphertext -> header mask


_SALT_V1 = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")  # RFC 9001 section 5.2
_SALT_V2 = bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9")  # RFC 9369 section 3.3.1
_SALT_29 = bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899")  # draft-ietf-quic-tls-29 to -32
_SALT_23 = bytes.fromhex("c3eef712c72ebb5a11a7d2432bb46365bef9f502")  # draft-ietf-quic-tls-23 to -28

_INNER, _OUTER = (bytes(octet ^ pad for octet in range(256)) for pad in (0x36, 0x5C))  # RFC 2104 section 2
_V1 = Suite("QUIC v1", _SALT_V1, b"quic ", 0, 3)
_V2 = Suite("QUIC v2", _SALT_V2, b"quicv2 ", 1, 0)
_NAMED = {
    0x00000001: _V1,
    0x6B3343CF: _V2,
    0xFACEB002: Suite("QUIC mvfst", _SALT_23, b"quic ", 0, 3),  # Facebook's, made from draft 27
    0xFACEB00E: Suite("QUIC mvfst", _SALT_23, b"quic ", 0, 3),
}


def suite_of(version: int) -> Suite | None:
    """How a version protects its Initial packets; None where that is not known.

    Versions 1 and 2, drafts 23 to 34, and what Facebook sent before there was a standard. Sample: 0x6b3343cf is
    ``QUIC v2``, 0xff00001d ``QUIC draft 29``.
    """
    if version in _NAMED:
        return _NAMED[version]
    draft = version - 0xFF000000
    if not 23 <= draft <= 34:
        return None
    salt = _SALT_23 if draft < 29 else _SALT_29 if draft < 33 else _SALT_V1
    return Suite(f"QUIC draft {draft}", salt, b"quic ", 0, 3)


def derive(suite: Suite, connection_id: bytes, sender: str = "client") -> InitialKeys:
    """Keys of ``sender`` (client or server) for a connection id (RFC 9001 section 5.2).

    Sample: version 1 and ``8394c8f03e515708`` give the client key ``1f369613dd76d5467730efcbe3b1a22d``.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    initial = _hmac(_pads(suite.salt), connection_id)
    secret = _pads(_expand(_pads(initial), f"{sender} in".encode(), 32))
    key = _expand(secret, suite.prefix + b"key", 16)
    iv = _expand(secret, suite.prefix + b"iv", 12)
    # Header protection is AES-ECB over one block by specification (RFC 9001 section 5.4.3).
    header = Cipher(algorithms.AES(_expand(secret, suite.prefix + b"hp", 16)), modes.ECB()).encryptor()  # noqa: S305
    return InitialKeys(key, iv, AESGCM(key).decrypt, header.update)


def _pads(key: bytes) -> tuple[_Hash, _Hash]:
    """The inner and the outer hash of HMAC-SHA-256 once they took a key of at most 64 bytes (RFC 2104 section 2).

    Made once for the three outputs of a secret; the library's own way takes three times as long.
    """
    block = key.ljust(64, b"\0")
    return sha256(block.translate(_INNER)), sha256(block.translate(_OUTER))


def _hmac(pads: tuple[_Hash, _Hash], message: bytes) -> bytes:
    inner, outer = pads[0].copy(), pads[1].copy()
    inner.update(message)
    outer.update(inner.digest())
    return outer.digest()


def _expand(secret: tuple[_Hash, _Hash], label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label for outputs of at most one SHA-256 block, so one HMAC (RFC 8446 section 7.1)."""
    return _hmac(secret, _info(label, size))[:size]


@cache
def _info(label: bytes, size: int) -> bytes:
    """What HKDF-Expand-Label expands; there are eight of them."""
    whole = b"tls13 " + label
    return size.to_bytes(2, "big") + bytes([len(whole)]) + whole + b"\x00\x01"
