"""DTLS: hellos and certificates out of datagrams, in fragments and any order."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import Any

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.dtls import parse_dtls
from farmwatch.wire.protocols.ja4 import ja4


def vector(data: bytes, size: int = 2) -> bytes:
    return len(data).to_bytes(size, "big") + data


def extension(kind: int, body: bytes) -> bytes:
    return struct.pack(">H", kind) + vector(body)


EXTENSIONS = (
    extension(0, vector(b"\x00" + vector(b"turn.example")))
    + extension(13, vector(b"\x04\x03"))
    + extension(16, vector(vector(b"webrtc", 1)))
)


def hello(cookie: bytes = b"", extensions: bytes = EXTENSIONS) -> bytes:
    start = b"\xfe\xfd" + bytes(32) + b"\x00" + vector(cookie, 1)
    return start + vector(b"\xc0\x2b\xc0\x2f") + b"\x01\x00" + vector(extensions)


def fragment(kind: int, number: int, body: bytes, start: int = 0, end: int | None = None) -> bytes:
    part = body[start:end]
    sizes = [len(body), number, start, len(part)]
    return bytes([kind]) + b"".join(value.to_bytes(2 if at == 1 else 3, "big") for at, value in enumerate(sizes)) + part


def record(data: bytes, epoch: int = 0, kind: int = 22, version: int = 0xFEFF) -> bytes:
    return struct.pack(">BHHHI", kind, version, epoch, 0, 7) + vector(data)


def test_client_hello_in_one_datagram() -> None:
    """Name, protocols and version of a WebRTC-like hello; its JA4 starts with d."""
    found = parse_dtls([record(fragment(1, 0, hello()))])
    assert found.client_hello is not None
    assert (found.client_hello.sni, found.client_hello.alpn) == ("turn.example", ("webrtc",))
    assert (found.version, found.record_version, found.truncated) == ("DTLS 1.2", 0xFEFF, False)
    assert str(ja4(found.client_hello, "dtls")).startswith("dd2d0203wc_")


def test_dtls13_is_named() -> None:
    """The supported_versions extension of DTLS 1.3 counts over the legacy version."""
    body = hello(extensions=extension(43, vector(b"\xfe\xfc\xfe\xfd", 1)))
    found = parse_dtls([record(fragment(1, 0, body))])
    assert found.version == "DTLS 1.3"
    assert found.client_hello is not None
    assert str(ja4(found.client_hello, "dtls")).startswith("dd3i")


def test_fragments_in_any_order_and_repeated() -> None:
    """A hello cut into overlapping, shuffled and repeated fragments reads the same."""
    body = hello(cookie=bytes(20))
    expected = parse_dtls([record(fragment(1, 1, body))])
    pieces = [record(fragment(1, 1, body, at, at + 13)) for at in range(0, len(body), 9)] * 2
    random.Random(7).shuffle(pieces)
    assert parse_dtls(pieces) == expected


def test_missing_fragment_is_said() -> None:
    """A hello whose end is missing gives what is complete; one whose start is missing gives none."""
    body = hello()
    found = parse_dtls([record(fragment(1, 0, body, 0, 70))])
    assert found.truncated
    assert found.client_hello is not None
    assert found.client_hello.truncated
    assert found.client_hello.sni == "turn.example"
    assert parse_dtls([record(fragment(1, 0, body, 70))]).client_hello is None


def test_cookie_exchange() -> None:
    """The second hello, with the cookie, is the one kept; the server's request is noted on its side."""
    client = parse_dtls([record(fragment(1, 0, hello())), record(fragment(1, 1, hello(cookie=bytes(32))))])
    assert client.client_hello is not None
    server = parse_dtls([record(fragment(3, 0, b"\xfe\xff\x20" + bytes(32)))])
    assert server.verify_request
    assert server.client_hello is None


def test_other_protocols_of_the_port_are_passed_over() -> None:
    """STUN and RTP between the DTLS datagrams, encrypted records and damaged headers change nothing."""
    stun = bytes.fromhex("000100002112a442") + bytes(12)
    rtp = b"\x80\x60" + bytes(40)
    secret = record(bytes([1]) + bytes(60), epoch=1)
    expected = parse_dtls([record(fragment(1, 0, hello()))])
    assert parse_dtls([stun, rtp, record(fragment(1, 0, hello())) + secret, b"\x16\xfe\xff", b""]) == expected


@pytest.mark.parametrize("datagrams", [[], [b""], [b"\x16\xfe\xff" + bytes(9)], [b"\x80" + bytes(50)]])
def test_what_is_no_dtls_is_an_error(datagrams: list[bytes]) -> None:
    """Datagrams without a clear DTLS handshake raise DecodeError."""
    with pytest.raises(DecodeError):
        parse_dtls(datagrams)


def test_lying_fragment_is_passed_over() -> None:
    """A fragment that claims to reach beyond its message is no handshake."""
    lie = (
        bytes([1]) + (50).to_bytes(3, "big") + bytes(2) + (40).to_bytes(3, "big") + (20).to_bytes(3, "big") + bytes(20)
    )
    with pytest.raises(DecodeError):
        parse_dtls([record(lie)])


def test_webrtc_certificate_of_a_capture(flows_of: Callable[[str], list[Any]]) -> None:
    """A certificate cut into fragments is put together; server and client side read apart."""
    capture = "confusable/ntop+nDPI/tests/cfgs/default/pcap/dtls_certificate_fragments.pcap"
    sides = []
    for flow in flows_of(capture):
        for side in (0, 1):
            try:
                sides.append(parse_dtls(flow.datagrams[side]))
            except DecodeError:
                continue
    assert any(side.client_hello for side in sides)
    server = next(side for side in sides if side.server_hello)
    assert server.certificates
    assert server.certificates[0].subject.text
    assert not server.truncated
