"""Any bytes give a value or DecodeError from the TLS, DTLS, QUIC and certificate decoders, in bounded time."""

from __future__ import annotations

import os
import random
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.dtls import parse_dtls
from farmwatch.wire.protocols.ja4 import ja4
from farmwatch.wire.protocols.quic import parse_quic_initials
from farmwatch.wire.protocols.quic_keys import derive, suite_of
from farmwatch.wire.protocols.tls import (
    find_tls,
    first_records,
    parse_client_flight,
    parse_client_hello,
    parse_server_flight,
)
from farmwatch.wire.protocols.x509 import parse_certificate

DCID = bytes(range(8))
SLOWEST_SECONDS = 0.25  # of one input of at most 8 KiB; a hundred times what the slowest takes on a quiet machine


def vector(data: bytes, size: int = 2) -> bytes:
    return len(data).to_bytes(size, "big") + data


def extension(kind: int, body: bytes) -> bytes:
    return struct.pack(">H", kind) + vector(body)


def tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes([tag, 0x82]) + vector(body)


def certificate() -> bytes:
    name = tlv(0x30, tlv(0x31, tlv(0x30, tlv(0x06, b"\x55\x04\x03"), tlv(0x0C, b"kvm"))))
    times = tlv(0x30, tlv(0x17, b"240102030405Z"), tlv(0x17, b"340102030405Z"))
    alt = tlv(0xA3, tlv(0x30, tlv(0x30, tlv(0x06, b"\x55\x1d\x11"), tlv(0x04, tlv(0x30, tlv(0x82, b"kvm.local"))))))
    body = tlv(0x30, tlv(0xA0, tlv(0x02, b"\x02")), tlv(0x02, b"\x07"), tlv(0x30), name, times, name, tlv(0x30), alt)
    return tlv(0x30, body, tlv(0x30), tlv(0x03, b"\x00"))


EXTENSIONS = (
    extension(0, vector(b"\x00" + vector(b"relay.example")))
    + extension(16, vector(vector(b"h2", 1) + vector(b"http/1.1", 1)))
    + extension(10, vector(struct.pack(">3H", 0x0A0A, 0x11EC, 0x1D)))
    + extension(13, vector(struct.pack(">3H", 0x0403, 0x0804, 0x0401)))
    + extension(43, vector(struct.pack(">2H", 0x0304, 0x0303), 1))
    + extension(51, vector(b"\x00\x1d" + vector(bytes(32))))
)


def hello(dtls: bool = False) -> bytes:
    version = b"\xfe\xfd" if dtls else b"\x03\x03"
    cookie = b"\x00" if dtls else b""
    return version + bytes(32) + b"\x00" + cookie + vector(b"\x13\x01\xc0\x2f") + b"\x01\x00" + vector(EXTENSIONS)


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + vector(body, 3)


def record(data: bytes, kind: int = 22) -> bytes:
    return bytes([kind, 3, 3]) + vector(data)


def client_head() -> bytes:
    chain = vector(vector(certificate(), 3), 3)
    return record(message(1, hello())) + record(message(11, chain)) + record(b"\x01", 20) + record(bytes(40))


def server_head() -> bytes:
    chain = vector(vector(certificate(), 3) * 2, 3)
    start = message(2, b"\x03\x03" + bytes(32) + b"\x00\xc0\x2f\x00" + vector(extension(16, vector(vector(b"h2", 1)))))
    return record(start + message(11, chain)[:500]) + record(message(11, chain)[500:] + message(14, b""))


def sslv2_head() -> bytes:
    body = struct.pack(">BHHHH", 1, 0x0301, 6, 0, 16) + b"\x00\x00\x35\x07\x00\xc0" + bytes(16)
    return struct.pack(">H", 0x8000 | len(body)) + body


def dtls_datagrams() -> list[bytes]:
    body = hello(dtls=True)
    found = []
    for start in range(0, len(body), 60):
        part = body[start : start + 60]
        head = bytes([1]) + len(body).to_bytes(3, "big") + bytes(2) + start.to_bytes(3, "big") + vector(part, 3)
        found.append(b"\x16\xfe\xff" + bytes(8) + vector(head))
    return found


def quic_datagram(payload: bytes) -> bytes:
    """An Initial packet around any payload, so that mutations reach behind the encryption."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    suite = suite_of(1)
    assert suite is not None
    keys = derive(suite, DCID)
    header = b"\xc0\x00\x00\x00\x01\x08" + DCID + b"\x00\x00" + struct.pack(">H", 0x4000 | len(payload) + 17) + b"\x00"
    sealed = AESGCM(keys.key).encrypt(keys.iv, payload, header)
    mask = keys.mask(sealed[3:19])
    return bytes([header[0] ^ (mask[0] & 15)]) + header[1:-1] + bytes([mask[1]]) + sealed


def quic_payload() -> bytes:
    handshake = message(1, hello())
    frames = [
        b"\x06" + bytes([0x40, start]) + bytes([0x40, len(handshake[start : start + 50])])
        for start in (100, 0, 50, 150)
    ]
    starts = (100, 0, 50, 150)
    parts = [frame + handshake[start : start + 50] for frame, start in zip(frames, starts, strict=True)]
    return b"\x02\x00\x00\x00\x00" + b"\x01".join(parts) + bytes(40)


def mutate(data: bytes, choose: random.Random) -> bytes:
    """One of: flipped bytes, a changed length, a cut, a repeat, an insertion, a swap of halves."""
    out = bytearray(data)
    for _ in range(choose.randint(1, 6)):
        at = choose.randrange(len(out)) if out else 0
        match choose.randrange(7):
            case 0 if out:
                out[at] = choose.choice((0, 1, 0x7F, 0x80, 0xFF, choose.randrange(256)))
            case 1 if out:
                out[at : at + 2] = choose.choice((b"\0\0", b"\xff\xff", b"\x40\x00", b"\0\1"))
            case 2:
                del out[at:]
            case 3:
                out[at:at] = out[at : at + choose.randint(1, 200)] * choose.randint(1, 20)
            case 4:
                out[at:at] = choose.randbytes(choose.randint(1, 64))
            case 5:
                out = out[at:] + out[:at]
            case _:
                del out[at : at + choose.randint(1, 30)]
    return bytes(out[:8192])


def tcp(head: bytes) -> None:
    find_tls(head)
    first_records(head)
    for read in (parse_client_hello, parse_client_flight, parse_server_flight):
        attempt(read, head)


def attempt(read: Callable[[Any], Any], data: Any) -> None:
    try:
        value = read(data)
    except DecodeError:
        return
    inner = getattr(value, "hello", None) or getattr(value, "client_hello", None) or value
    if hasattr(inner, "alpn") and hasattr(inner, "groups"):
        fingerprint = ja4(inner)
        assert fingerprint is None or len(fingerprint) == 36
        assert all(text.isascii() and text.isprintable() for text in (inner.sni or "", *inner.alpn))
    for one in getattr(value, "certificates", ()):
        assert (one.subject.text + one.issuer.text + "".join(one.alt_names)).isprintable()


def inputs(seed: int) -> Iterator[tuple[str, Callable[[], None]]]:
    """Endless mutated inputs, each with the call it is for."""
    choose = random.Random(seed)
    heads = (client_head(), server_head(), sslv2_head(), record(message(1, hello())))
    datagrams, frames, der = dtls_datagrams(), quic_payload(), certificate()
    packet = quic_datagram(frames)
    while True:
        head = mutate(choose.choice(heads), choose)
        yield f"tcp {head.hex()}", lambda head=head: tcp(head)
        parts = [mutate(part, choose) if choose.random() < 0.3 else part for part in datagrams]
        choose.shuffle(parts)
        yield f"dtls {[part.hex() for part in parts]}", lambda parts=parts: attempt(parse_dtls, parts)
        inside = mutate(frames, choose)[:1300]
        outside = [quic_datagram(inside.ljust(20, b"\0")), mutate(packet, choose)]
        yield f"quic {[part.hex() for part in outside]}", lambda outside=outside: attempt(parse_quic_initials, outside)
        bad = mutate(der, choose)
        yield f"certificate {bad.hex()}", lambda bad=bad: attempt(parse_certificate, bad)


def fuzz(seed: int, seconds: float, most: int) -> int:
    """Run until the time or the count is used up; the slowest input must stay in bounds. Returns the count."""
    until = time.monotonic() + seconds
    count = 0
    for text, call in inputs(seed):
        started = time.thread_time()
        try:
            call()
        except Exception as fault:
            raise AssertionError(f"seed {seed}, input {count}: {fault!r}: {text}") from fault
        assert time.thread_time() - started < SLOWEST_SECONDS, f"seed {seed}, input {count} is slow: {text}"
        count += 1
        if count >= most or time.monotonic() > until:
            return count
    return count


def test_seeds_are_valid() -> None:
    """What is mutated decodes unmutated, so that mutations start deep inside the decoders."""
    assert len(parse_client_flight(client_head()).certificates) == 1
    assert len(parse_server_flight(server_head()).certificates) == 2
    assert parse_client_hello(sslv2_head()).sslv2_format
    assert parse_dtls(dtls_datagrams()).client_hello is not None
    assert parse_quic_initials([quic_datagram(quic_payload())]).sni == "relay.example"


@pytest.mark.parametrize("seed", range(4))
def test_mutations_give_a_value_or_the_error(seed: int) -> None:
    """Three thousand mutated inputs a seed, of every kind."""
    assert fuzz(seed, 20, 3000) > 100


@pytest.mark.fuzz
@pytest.mark.timeout(0)
def test_long_run() -> None:
    """FARMWATCH_FUZZ_SECONDS (default 120) of mutations with a fresh seed, which a failure names."""
    seed = random.SystemRandom().randrange(1 << 32)
    assert fuzz(seed, float(os.environ.get("FARMWATCH_FUZZ_SECONDS", "120")), 1 << 62) > 1000


def test_worst_shapes_are_linear() -> None:
    """Shapes made to cost the most for 8 KiB or 64 KiB stay within the time of one input."""
    tiny_records = record(b"\x01") * 1300
    tiny_messages = record(message(14, b"") * 2000)
    many_extensions = record(message(1, hello()[:-2] + vector(extension(7, b"") * 2000)))
    empty_names = record(message(1, hello()[:43] + vector(extension(0, vector(b"\x01\x00\x00" * 2000)))))
    frames = b"\x06\x00\x00" * 400 + b"\x01\x00" * 300
    acks = b"\x02\x00\x00" + b"\xff" * 8 + bytes(1000)
    shapes: list[Callable[[], None]] = [
        lambda: tcp(tiny_records),
        lambda: tcp(tiny_messages),
        lambda: tcp(many_extensions),
        lambda: tcp(empty_names),
        lambda: tcp(b"\x16\x03" * 4096),
        lambda: tcp(b"\x16\x03\x01\x40\x00\x01\x00\x30\x00\x03" * 800),
        lambda: attempt(parse_quic_initials, [quic_datagram(frames)] * 40),
        lambda: attempt(parse_quic_initials, [quic_datagram(acks)] * 40),
        lambda: attempt(parse_quic_initials, [quic_datagram(b"\x00\x01" * 4000)] * 32),
        lambda: attempt(
            parse_quic_initials, [b"\xc0\0\0\0\x01\x08" + bytes([at]) * 8 + bytes(60000) for at in range(32)]
        ),
        lambda: attempt(parse_dtls, [(b"\x16\xfe\xff" + bytes(8) + vector(bytes(12))) * 300] * 64),
        lambda: attempt(parse_certificate, tlv(0x30, tlv(0x30, b"\x02\x01\x00" * 15000))),
    ]
    for number, call in enumerate(shapes):
        started = time.thread_time()
        call()
        assert time.thread_time() - started < SLOWEST_SECONDS, f"shape {number}"
