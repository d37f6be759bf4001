"""The few facts of an X.509 certificate that name a machine or a tool, read by a small bounded DER reader.

DER: ITU-T X.690; certificate layout: RFC 5280 section 4.1. Why not a full library: a scan meets hostile certificates by
the thousand and needs names and dates only; this reader never recurses, walks each level once, stops at fixed counts.

Privacy: of a subject only CN, O, OU, L, ST and C are kept; e-mail addresses, given names, surnames and e-mail
alternative names, which name people, are not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from ipaddress import ip_address

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.text import printable, printable_text
from farmwatch.wire.protocols.tls_text import escape_octets

__all__ = ["Certificate", "Name", "parse_certificate"]

_MAX_CERTIFICATE = 1 << 16  # bytes; real ones are below 8 KiB
_MAX_ITEMS = 128  # elements read of any one sequence or set
_MAX_ALT_NAMES = 100
_MAX_TEXT = 256  # bytes of one part of a name; X.520 allows a common name 64 characters

_INTEGER, _OCTETS, _OID, _SEQUENCE, _SET, _UTC_TIME, _GENERAL_TIME = 0x02, 0x04, 0x06, 0x30, 0x31, 0x17, 0x18
_VERSION, _EXTENSIONS = 0xA0, 0xA3  # context tags inside the certificate body
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87  # context tags of a general name, RFC 5280 section 4.2.1.6

# Object identifiers as DER contents: X.520 attribute types 2.5.4.n, and subjectAltName 2.5.29.17.
_ATTRIBUTES = {
    b"\x55\x04\x03": "CN",
    b"\x55\x04\x06": "C",
    b"\x55\x04\x07": "L",
    b"\x55\x04\x08": "ST",
    b"\x55\x04\x0a": "O",
    b"\x55\x04\x0b": "OU",
}
_ALT_NAME = b"\x55\x1d\x11"

# String types by tag, X.680 section 8.4; Teletex is read as Latin-1, as every implementation does.
_CODECS = {
    0x0C: "utf-8",
    0x12: "latin-1",
    0x13: "latin-1",
    0x14: "latin-1",
    0x16: "latin-1",
    0x1A: "latin-1",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}


@dataclass(frozen=True, slots=True)
class Name:
    """A subject or an issuer; text is escaped (see ``text``)."""

    common_name: str | None  #: CN, the last one where there are several
    organisation: str | None  #: O
    unit: str | None  #: OU
    text: str  #: all kept parts in order, e.g. ``C=US, O=PiKVM, OU=PiKVM, CN=localhost``


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says about its holder."""

    subject: Name
    issuer: Name
    alt_names: tuple[str, ...]  #: DNS names (lower case, escaped) and IP addresses, at most 100
    serial: str  #: serial number in hexadecimal
    not_before: datetime | None  #: UTC; None where the certificate's date is no date
    not_after: datetime | None  #: UTC
    self_signed: bool  #: subject equals issuer; a guess, the signature is not checked
    sha256: str  #: of the whole DER, the usual fingerprint


def parse_certificate(der: bytes) -> Certificate:
    """Read names, dates and fingerprint of one DER certificate.

    RFC 5280 section 4.1. Sample: a relay of one remote-control vendor gives ``CN=AnyNet Relay`` as ``subject.text``'s
    part and ``AnyNet Root CA`` as ``issuer.common_name``. Results are remembered for the last 512 certificates.

    Raises:
        DecodeError: not DER, not a certificate, or longer than 64 KiB.
    """
    if len(der) > _MAX_CERTIFICATE:
        raise DecodeError(f"certificate of {len(der)} bytes, expected at most {_MAX_CERTIFICATE}")
    return _parse(der)


@lru_cache(maxsize=512)
def _parse(der: bytes) -> Certificate:
    tag, start, end = _element(der, 0, len(der))
    _expect(tag, _SEQUENCE, "certificate")
    tag, start, end = _element(der, start, end)
    _expect(tag, _SEQUENCE, "certificate body")
    parts = _children(der, start, end)
    if parts and parts[0][0] == _VERSION:
        parts = parts[1:]
    if len(parts) < 6:
        raise DecodeError(f"certificate body of {len(parts)} parts, expected at least 6")
    serial, _, issuer, validity, subject, _ = parts[:6]
    _expect(serial[0], _INTEGER, "serial number")
    _expect(issuer[0], _SEQUENCE, "issuer")
    _expect(validity[0], _SEQUENCE, "validity")
    _expect(subject[0], _SEQUENCE, "subject")
    dates = _children(der, validity[1], validity[2])
    extensions = next((part for part in parts[6:] if part[0] == _EXTENSIONS), None)
    return Certificate(
        subject=_name(der, subject[1], subject[2]),
        issuer=_name(der, issuer[1], issuer[2]),
        alt_names=_alt_names(der, extensions[1], extensions[2]) if extensions else (),
        serial=der[serial[1] : min(serial[2], serial[1] + 32)].hex(),
        not_before=_date(der, *dates[0]) if dates else None,
        not_after=_date(der, *dates[1]) if len(dates) > 1 else None,
        self_signed=der[subject[1] : subject[2]] == der[issuer[1] : issuer[2]],
        sha256=sha256(der).hexdigest(),
    )


def _expect(tag: int, wanted: int, what: str) -> None:
    if tag != wanted:
        raise DecodeError(f"{what} has DER tag 0x{tag:02x}, expected 0x{wanted:02x}")


def _element(der: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Tag, start and end of the contents of the element at ``at`` (X.690 section 8.1)."""
    if at + 2 > end:
        raise DecodeError(f"DER element at offset {at} has no room for its header")
    tag, size = der[at], der[at + 1]
    at += 2
    if tag & 0x1F == 0x1F:
        raise DecodeError(f"DER tag of several bytes at offset {at - 2}, none is used in certificates")
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4 or at + count > end:
            raise DecodeError(f"DER length of {count} bytes at offset {at - 1}, expected 1 to 4")
        size = int.from_bytes(der[at : at + count], "big")
        at += count
    if at + size > end:
        raise DecodeError(f"DER element at offset {at} claims {size} bytes where {end - at} are left")
    return tag, at, at + size


def _children(der: bytes, at: int, end: int) -> list[tuple[int, int, int]]:
    """The elements directly inside a constructed one, at most 128."""
    found: list[tuple[int, int, int]] = []
    while at < end and len(found) < _MAX_ITEMS:
        element = _element(der, at, end)
        found.append(element)
        at = element[2]
    return found


def _name(der: bytes, start: int, end: int) -> Name:
    """A distinguished name: a sequence of sets of (type, value) pairs, RFC 5280 section 4.1.2.4."""
    last: dict[str, str] = {}
    texts: list[str] = []
    for _, set_start, set_end in _children(der, start, end):
        for _, pair_start, pair_end in _children(der, set_start, set_end):
            pair = _children(der, pair_start, pair_end)
            if len(pair) < 2 or pair[0][0] != _OID or len(texts) >= _MAX_ITEMS:
                continue
            key = _ATTRIBUTES.get(der[pair[0][1] : pair[0][2]])
            codec = _CODECS.get(pair[1][0])
            if key and codec:
                last[key] = _text(der[pair[1][1] : min(pair[1][2], pair[1][1] + _MAX_TEXT)], codec)
                texts.append(f"{key}={last[key]}")
    return Name(last.get("CN"), last.get("O"), last.get("OU"), ", ".join(texts))


def _text(raw: bytes, codec: str) -> str:
    return printable(raw, _MAX_TEXT) if codec == "utf-8" else printable_text(raw.decode(codec, "replace"), _MAX_TEXT)


def _alt_names(der: bytes, start: int, end: int) -> tuple[str, ...]:
    """DNS names and addresses of the subjectAltName extension, RFC 5280 section 4.2.1.6."""
    _, start, end = _element(der, start, end)
    for _, ext_start, ext_end in _children(der, start, end):
        parts = _children(der, ext_start, ext_end)
        if len(parts) < 2 or der[parts[0][1] : parts[0][2]] != _ALT_NAME or parts[-1][0] != _OCTETS:
            continue
        _, start, end = _element(der, parts[-1][1], parts[-1][2])
        names = [_general_name(tag, der[name:stop]) for tag, name, stop in _children(der, start, end)]
        return tuple([name for name in names if name][:_MAX_ALT_NAMES])
    return ()


def _general_name(tag: int, raw: bytes) -> str | None:
    if tag == _DNS_NAME:
        return escape_octets(raw[:255]).lower()
    if tag == _IP_ADDRESS and len(raw) in (4, 16):
        return str(ip_address(raw))
    return None


def _date(der: bytes, tag: int, start: int, end: int) -> datetime | None:
    """UTCTime or GeneralizedTime, RFC 5280 section 4.1.2.5; None where the text is no date."""
    text = der[start : min(end, start + 20)].decode("latin-1")
    if not (text[:-1].isascii() and text[:-1].isdigit() and text.endswith("Z")):
        return None
    if tag == _UTC_TIME and len(text) == 13:
        text = ("19" if text >= "5" else "20") + text
    elif tag != _GENERAL_TIME or len(text) != 15:
        return None
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
