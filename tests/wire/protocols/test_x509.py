"""Certificates: names, dates and fingerprint out of DER, in bounded time."""

from __future__ import annotations

import ipaddress
import time
from datetime import UTC, datetime

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.x509 import parse_certificate


def tlv(tag: int, *parts: bytes) -> bytes:
    """One DER element."""
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes(4, "big").lstrip(b"\0")
    return bytes([tag, 0x80 | len(size)]) + size + body


def name(*pairs: tuple[bytes, int, bytes]) -> bytes:
    """A distinguished name of (attribute type, string tag, value)."""
    return tlv(0x30, *[tlv(0x31, tlv(0x30, tlv(0x06, kind), tlv(tag, value))) for kind, tag, value in pairs])


CN, ORG, OU, C = b"\x55\x04\x03", b"\x55\x04\x0a", b"\x55\x04\x0b", b"\x55\x04\x06"
MAIL, SURNAME = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", b"\x55\x04\x04"
PIKVM = name((C, 0x13, b"US"), (ORG, 0x0C, b"PiKVM"), (OU, 0x0C, b"PiKVM"), (CN, 0x0C, b"localhost"))
TIMES = tlv(0x30, tlv(0x17, b"240102030405Z"), tlv(0x18, b"20500102030405Z"))


def certificate(subject: bytes = PIKVM, issuer: bytes = PIKVM, times: bytes = TIMES, extensions: bytes = b"") -> bytes:
    algorithm = tlv(0x30, tlv(0x06, b"\x2a\x86\x48\xce\x3d\x04\x03\x02"))
    version = tlv(0xA0, tlv(0x02, b"\x02"))
    key = tlv(0x30, algorithm, tlv(0x03, b"\x00" + bytes(65)))
    body = tlv(0x30, version, tlv(0x02, b"\x11\x22"), algorithm, issuer, times, subject, key, extensions)
    return tlv(0x30, body, algorithm, tlv(0x03, b"\x00"))


def alt_names(*names: bytes) -> bytes:
    return tlv(0xA3, tlv(0x30, tlv(0x30, tlv(0x06, b"\x55\x1d\x11"), tlv(0x04, tlv(0x30, *names)))))


def test_self_signed_device_certificate() -> None:
    """Subject, issuer, dates, serial and fingerprint of a certificate as a KVM makes for itself."""
    der = certificate()
    found = parse_certificate(der)
    assert found.subject.text == "C=US, O=PiKVM, OU=PiKVM, CN=localhost"
    assert (found.subject.common_name, found.subject.organisation, found.subject.unit) == (
        "localhost",
        "PiKVM",
        "PiKVM",
    )
    assert found.issuer == found.subject
    assert found.self_signed
    assert found.serial == "1122"
    assert found.not_before == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert found.not_after == datetime(2050, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert len(found.sha256) == 64
    assert parse_certificate(bytes(der)) == found


def test_two_digit_years() -> None:
    """UTCTime years from 50 on are of the 1900s."""
    found = parse_certificate(certificate(times=tlv(0x30, tlv(0x17, b"500101000000Z"), tlv(0x17, b"491231235959Z"))))
    assert found.not_before is not None
    assert found.not_after is not None
    assert (found.not_before.year, found.not_after.year) == (1950, 2049)


@pytest.mark.parametrize("text", [b"241302030405Z", b"24010203040Z", b"not a date", b"240102030405+0100", b""])
def test_a_date_that_is_none(text: bytes) -> None:
    """A date out of the calendar or the format is absent, and the rest of the certificate still counts."""
    found = parse_certificate(certificate(times=tlv(0x30, tlv(0x17, text), tlv(0x17, text))))
    assert (found.not_before, found.not_after) == (None, None)
    assert found.subject.common_name == "localhost"


def test_alternative_names() -> None:
    """DNS names and addresses are kept, e-mail addresses are not."""
    addresses = [ipaddress.ip_address(text).packed for text in ("192.0.2.7", "2001:db8::7")]
    names = [tlv(0x82, b"KVM.example"), tlv(0x81, b"someone@example.com"), *[tlv(0x87, raw) for raw in addresses]]
    found = parse_certificate(certificate(extensions=alt_names(*names)))
    assert found.alt_names == ("kvm.example", "192.0.2.7", "2001:db8::7")


def test_people_in_a_subject_are_not_read() -> None:
    """E-mail address and surname attributes leave no trace."""
    subject = name((CN, 0x0C, b"host-7"), (MAIL, 0x16, b"someone@example.com"), (SURNAME, 0x0C, b"Someone"))
    found = parse_certificate(certificate(subject=subject))
    assert found.subject.text == "CN=host-7"
    assert "omeone" not in repr(found)


def test_string_types_and_hostile_text() -> None:
    """Every string type is read; control characters and direction overrides come out as escapes."""
    subject = name(
        (ORG, 0x1E, "Größe".encode("utf-16-be")),
        (OU, 0x14, b"caf\xe9"),
        (CN, 0x0C, "evil\x1b[2J\u202e<script>".encode()),
    )
    found = parse_certificate(certificate(subject=subject)).subject
    assert (found.organisation, found.unit) == ("Größe", "café")
    assert found.common_name is not None
    assert found.common_name.isprintable()
    assert "\\x1b" in found.common_name


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30",
        b"\x30\x80\x00\x00",
        b"\x30\x85\x01\x00\x00\x00\x00",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x03\x02\x01\x01",
        b"\x1f\x81\x01\x00",
        tlv(0x30, tlv(0x30, tlv(0x02, b"\x01"))),
        certificate()[:-1],
        bytes(1 << 17),
    ],
    ids=["empty", "tag", "indefinite", "long length", "4 GiB", "integer", "long tag", "parts", "cut", "too long"],
)
def test_what_is_no_certificate_is_an_error(der: bytes) -> None:
    """Bytes that are no certificate raise DecodeError."""
    with pytest.raises(DecodeError):
        parse_certificate(der)


def test_bombs_are_bounded() -> None:
    """Deep nesting, a name of thousands of parts and thousands of alternative names cost little time."""
    nested = b""
    for _ in range(5000):
        nested = tlv(0x30, nested)[:60000]
    many = name(*[(CN, 0x0C, b"x")] * 4000)
    wide = tlv(0x31, *[tlv(0x30, tlv(0x06, CN), tlv(0x0C, b"y"))] * 4000)
    bombs = [
        nested,
        certificate(subject=many, issuer=many),
        certificate(subject=tlv(0x30, wide)),
        certificate(extensions=alt_names(*[tlv(0x82, b"a.b")] * 5000)),
    ]
    started = time.perf_counter()
    for der in bombs:
        try:
            found = parse_certificate(der)
        except DecodeError:
            continue
        assert len(found.subject.text) < 5000
        assert len(found.alt_names) <= 100
    assert time.perf_counter() - started < 0.5
