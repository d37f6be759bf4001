"""TLS and QUIC opening messages, byte by byte, for crafted captures and benchmark traffic.

The layouts follow RFC 8446 section 4 (TLS 1.3), RFC 5246 section 7.4 (TLS 1.2), RFC 6066 section 3 (server name),
RFC 7301 (ALPN) and RFC 9000/9001 (QUIC Initial packets). All randomness comes from the ``random.Random`` handed in,
so the same seed gives the same bytes. Key shares are random numbers of the right length: nobody completes these
handshakes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

_BROWSER_CIPHERS = (
    0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C, 0x009D, 0x002F,
    0x0035,
)  # fmt: skip
_SYSTEM_CIPHERS = (0x1302, 0x1301, 0xC02C, 0xC02B, 0xC030, 0xC02F, 0xC024, 0xC023, 0xC028, 0xC027, 0x009D, 0x009C)
_SIGNATURES = (0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)
_QUIC_V1_SALT = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")


def _u16s(values: tuple[int, ...] | list[int]) -> bytes:
    return struct.pack(f"!{len(values)}H", *values)


def _vector(data: bytes, length_bytes: int = 2) -> bytes:
    return len(data).to_bytes(length_bytes, "big") + data


def _extension(number: int, data: bytes = b"") -> bytes:
    return struct.pack("!H", number) + _vector(data)


def client_hello_message(
    sni: str | None, rng: Random, *, alpn: tuple[str, ...] = ("h2", "http/1.1"), browser: bool = True, pq: bool = False,
    quic: bool = False,
) -> bytes:  # fmt: skip
    """Return the ClientHello handshake message (RFC 8446 section 4.1.2) without its record header.

    Args:
        sni: host name offered, or None to leave the extension out.
        rng: source of random fields.
        alpn: protocols offered; empty leaves the extension out.
        browser: a browser's lists with GREASE; otherwise an operating system library's.
        pq: offer a hybrid post-quantum share, which makes the message about 1.7 kB and two segments long.
        quic: add QUIC transport parameters (RFC 9001 section 8.2) and offer TLS 1.3 only.
    """
    grease = 0x0A0A + 0x1010 * rng.randrange(16)
    ciphers = ([grease, *_BROWSER_CIPHERS] if browser else list(_SYSTEM_CIPHERS))[: 4 if quic else None]
    groups = ([grease] if browser else []) + ([0x11EC] if pq else []) + [29, 23, 24]
    shares = (struct.pack("!HH", grease, 1) + b"\0") if browser else b""
    if pq:
        shares += struct.pack("!HH", 0x11EC, 1216) + rng.randbytes(1216)
    shares += struct.pack("!HH", 29, 32) + rng.randbytes(32)
    versions = ([grease] if browser else []) + ([0x0304] if quic else [0x0304, 0x0303])
    parts = [_extension(grease)] if browser else []
    if sni is not None:
        parts.append(_extension(0, _vector(b"\0" + _vector(sni.encode("ascii")))))
    parts += [_extension(23), _extension(65281, b"\0"), _extension(10, _vector(_u16s(groups))), _extension(11, b"\1\0")]
    parts.append(_extension(35))
    if alpn:
        parts.append(_extension(16, _vector(b"".join(_vector(name.encode("ascii"), 1) for name in alpn))))
    parts += [_extension(5, b"\1\0\0\0\0"), _extension(13, _vector(_u16s(_SIGNATURES))), _extension(18)]
    parts += [_extension(51, _vector(shares)), _extension(45, b"\1\1"), _extension(43, _vector(_u16s(versions), 1))]
    if quic:
        parts.append(_extension(57, bytes.fromhex("01048000ea600404801000000504800600000604800600000f00")))
    if browser:
        parts += [_extension(27, b"\2\0\2"), _extension((grease + 0x1010) & 0xFFFF | 0x0A0A, b"\0")]
    session = b"" if quic else rng.randbytes(32)
    body = (
        b"\3\3" + rng.randbytes(32) + _vector(session, 1) + _vector(_u16s(ciphers)) + b"\1\0" + _vector(b"".join(parts))
    )
    return b"\1" + _vector(body, 3)


def record(kind: int, data: bytes, version: int = 0x0303) -> bytes:
    """Wrap data in TLS records of at most 2^14 bytes (RFC 8446 section 5.1)."""
    cuts = [data[at : at + 16384] for at in range(0, len(data), 16384)] or [b""]
    return b"".join(struct.pack("!BHH", kind, version, len(cut)) + cut for cut in cuts)


def client_hello(
    sni: str | None, rng: Random, *, alpn: tuple[str, ...] = ("h2", "http/1.1"), browser: bool = True, pq: bool = False
) -> bytes:
    """Return a ClientHello in its TLS record, as a client sends it first."""
    return record(22, client_hello_message(sni, rng, alpn=alpn, browser=browser, pq=pq), 0x0301)


def server_hello_message(rng: Random) -> bytes:
    """Return a TLS 1.3 ServerHello handshake message (RFC 8446 section 4.1.3) without its record header."""
    extensions = _extension(43, b"\3\4") + _extension(51, struct.pack("!HH", 29, 32) + rng.randbytes(32))
    body = b"\3\3" + rng.randbytes(32) + _vector(rng.randbytes(32), 1) + b"\x13\x01\0" + _vector(extensions)
    return b"\2" + _vector(body, 3)


def server_flight13(rng: Random, certificate_bytes: int = 2800) -> bytes:
    """Return ServerHello, ChangeCipherSpec and the encrypted rest of a TLS 1.3 server's first flight."""
    sealed = (
        record(23, rng.randbytes(36)) + record(23, rng.randbytes(certificate_bytes)) + record(23, rng.randbytes(281))
    )
    return record(22, server_hello_message(rng)) + record(20, b"\1") + sealed + record(23, rng.randbytes(53))


def server_flight12(rng: Random, certificates: tuple[bytes, ...]) -> bytes:
    """Return ServerHello, Certificate, ServerKeyExchange and ServerHelloDone of TLS 1.2, all readable."""
    body = (
        b"\3\3" + rng.randbytes(32) + _vector(rng.randbytes(32), 1) + b"\xc0\x2f\0" + _vector(_extension(65281, b"\0"))
    )
    chain = _vector(b"".join(_vector(one, 3) for one in certificates), 3)
    key_exchange = b"\3\0\x1d" + _vector(rng.randbytes(32), 1) + b"\4\1" + _vector(rng.randbytes(256))
    messages = ((2, body), (11, chain), (12, key_exchange), (14, b""))
    return b"".join(record(22, bytes([kind]) + _vector(data, 3)) for kind, data in messages)


def client_finish12(rng: Random) -> bytes:
    """Return ClientKeyExchange, ChangeCipherSpec and the encrypted Finished of TLS 1.2."""
    return (
        record(22, b"\x10" + _vector(_vector(rng.randbytes(32), 1), 3))
        + record(20, b"\1")
        + record(22, rng.randbytes(40))
    )


def server_finish12(rng: Random) -> bytes:
    """Return the server's ChangeCipherSpec and encrypted Finished of TLS 1.2."""
    return record(20, b"\1") + record(22, rng.randbytes(40))


def client_finish13(rng: Random) -> bytes:
    """Return the client's ChangeCipherSpec and encrypted Finished of TLS 1.3."""
    return record(20, b"\1") + record(23, rng.randbytes(53))


def certificate(
    common_name: str,
    organization: str,
    seed: int,
    issuer: tuple[str, str] | None = None,
    names: tuple[str, ...] = (),
) -> bytes:
    """Return a DER certificate that is the same every time: Ed25519 keys derived from the seed, fixed dates.

    Args:
        common_name: subject CN.
        organization: subject O.
        seed: makes the key and the serial number.
        issuer: (CN, O) of the issuer; self-signed when None.
        names: subject alternative DNS names.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding

    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"lab key %d" % seed).digest())

    def name(pair: tuple[str, str]) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, pair[1]),
                x509.NameAttribute(x509.NameOID.COMMON_NAME, pair[0]),
            ]
        )

    start = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    subject = (common_name, organization)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer or subject))
        .public_key(key.public_key())
        .serial_number(1000 + seed)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=3650))
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False
        )
    return builder.sign(key, None).public_bytes(Encoding.DER)


def _expand_label(secret: bytes, label: str, length: int) -> bytes:
    info = struct.pack("!H", length) + _vector(b"tls13 " + label.encode("ascii"), 1) + b"\0"
    return hmac.new(secret, info + b"\1", hashlib.sha256).digest()[:length]


def _varint(value: int) -> bytes:
    return bytes([value]) if value < 64 else struct.pack("!H", 0x4000 | value)


def quic_initial(
    crypto: bytes, dcid: bytes, scid: bytes, *, offset: int = 0, number: int = 0, key_dcid: bytes | None = None,
    server: bool = False, size: int = 1200,
) -> bytes:  # fmt: skip
    """Return one protected QUIC v1 Initial packet (RFC 9001 section 5, sample packets in appendix A).

    Args:
        crypto: TLS bytes carried in one CRYPTO frame; what is left of size becomes padding.
        dcid: destination connection id written in the header.
        scid: source connection id written in the header.
        offset: where crypto stands in the CRYPTO stream.
        number: packet number.
        key_dcid: the client's first destination connection id, from which keys come; dcid when None.
        server: protect with the server's keys.
        size: datagram size in bytes.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    initial = hmac.new(_QUIC_V1_SALT, key_dcid or dcid, hashlib.sha256).digest()
    secret = _expand_label(initial, "server in" if server else "client in", 32)
    key, iv, hp = (_expand_label(secret, f"quic {part}", n) for part, n in (("key", 16), ("iv", 12), ("hp", 16)))
    head = b"\xc3" + struct.pack("!I", 1) + _vector(dcid, 1) + _vector(scid, 1) + b"\0"
    frame = b"\6" + _varint(offset) + _varint(len(crypto)) + crypto
    plain = frame.ljust(size - len(head) - 2 - 4 - 16, b"\0")
    head += struct.pack("!H", 0x4000 | (len(plain) + 4 + 16)) + struct.pack("!I", number)
    nonce = bytes(a ^ b for a, b in zip(iv, number.to_bytes(12, "big"), strict=True))
    sealed = AESGCM(key).encrypt(nonce, plain, head)
    # Header protection's sample starts four bytes after the packet number starts; the number here is four bytes long.
    mask = Cipher(algorithms.AES(hp), modes.ECB()).encryptor().update(sealed[:16])
    first = bytes([head[0] ^ (mask[0] & 0x0F)])
    hidden = bytes(a ^ b for a, b in zip(head[-4:], mask[1:5], strict=True))
    return first + head[1:-4] + hidden + sealed
