"""AnyDesk by what its TLS shows in the first bytes: ALPN ``anydesk/...``, or its self-made certificates.

Fact rows: AnyDesk (TLS without SNI, ALPN ``anydesk/version/os`` sometimes, relay certificate ``CN=AnyNet Relay,
O=philandro Software GmbH``, peers ``CN=AnyDesk Client``), high, nDPI and captures. The rows "JA4" belong to the TLS
decoder and the tool list; the rows "byte direction" (controlled end uploads, controller downloads) need whole flows
and are decided where counters are. Bytes do not tell the two sides apart: both ends run one program and either may
dial.

Sample, inside the ALPN extension of a ClientHello: length 19 and ``anydesk/6.2.0/linux``::

    00 10 00 16 00 14 13 61 6e 79 64 65 73 6b 2f 36 2e 32 2e 30 2f 6c 69 6e 75 78
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from farmwatch.errors import DecodeError

__all__ = ["AnyDeskTls", "decode_anydesk"]

_ALPN = re.compile(rb"\x00\x10\x00.\x00.[\x08-\x3f](anydesk/[0-9A-Za-z._-]{1,24}(?:/[0-9A-Za-z._-]{1,16})?)", re.DOTALL)
_COMMON_NAME = b"\x06\x03\x55\x04\x03"  # OBJECT IDENTIFIER 2.5.4.3
_STRING_TAGS = (0x0C, 0x13, 0x16, 0x1E)
_NAMES = (b"AnyNet Relay", b"AnyDesk Client")


@dataclass(frozen=True, slots=True)
class AnyDeskTls:
    """An AnyDesk connection."""

    alpn: str | None  #: ``anydesk/6.2.0/linux``
    certificates: tuple[tuple[str, ...], tuple[str, ...]]  #: AnyDesk names in the certificates each end sent
    relayed: (
        bool | None
    )  #: True with a relay's certificate, False between two AnyDesk clients, None where no certificate shows


def _certificate_names(data: bytes) -> tuple[str, ...]:
    """AnyDesk names that stand as a common name in a certificate."""
    found: list[str] = []
    for name in _NAMES:
        at = data.find(name)
        while at >= 7 and name.decode() not in found:
            if data[at - 7 : at - 2] == _COMMON_NAME and data[at - 2] in _STRING_TAGS and data[at - 1] == len(name):
                found.append(name.decode())
            at = data.find(name, at + 1)
    return tuple(found)


def decode_anydesk(orig: bytes, resp: bytes) -> AnyDeskTls:
    """Read a TLS connection from the first bytes of both directions.

    Raises:
        DecodeError: not TLS, or nothing of AnyDesk in it.
    """
    if orig[:2] != b"\x16\x03" and resp[:2] != b"\x16\x03":
        raise DecodeError("AnyDesk speaks TLS; neither end starts with a handshake record")
    alpn: str | None = None
    for data in (orig, resp):
        if data[:2] == b"\x16\x03" and data[5:6] == b"\x01":
            match = _ALPN.search(data, 0, 4096)
            alpn = match[1].decode("ascii") if match else None
            break
    names = (_certificate_names(orig), _certificate_names(resp))
    if alpn is None and not names[0] and not names[1]:
        raise DecodeError("TLS without AnyDesk's ALPN or certificate names")
    shown = {*names[0], *names[1]}
    return AnyDeskTls(alpn, names, ("AnyNet Relay" in shown) if shown else None)
