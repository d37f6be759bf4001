"""Chrome Remote Desktop: the answering host's DTLS certificate names ``chromoting``.

Fact row (ChromeRemoteDesktop payload controlled), medium, Emerging Threats: the answering host sends a certificate
whose names are "chromoting", the string twice (issuer and subject). DTLS 1.3 encrypts certificates and hides it. No
capture of it was found.

The two names stand in a certificate of a few hundred bytes: a common name (06 03 55 04 03, a string tag, 0a) each.

Sample, inside the Certificate message of a datagram that starts ``16 fe fd``::

    06 03 55 04 03 0c 0a 63 68 72 6f 6d 6f 74 69 6e 67
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from farmwatch.errors import DecodeError

__all__ = ["ChromotingSession", "decode_chromoting"]

_NAMES = tuple(b"\x06\x03\x55\x04\x03" + bytes((tag, 10)) + b"chromoting" for tag in (0x0C, 0x13, 0x16))


@dataclass(frozen=True, slots=True)
class ChromotingSession:
    """A Chrome Remote Desktop media and input connection."""

    controlled_side: int  #: the end that sent the certificate as DTLS server, if it alone did
    both_ends: bool  #: both ends sent such a certificate; then the DTLS server is taken as the host


def _certified(datagrams: Sequence[bytes]) -> bool:
    return any(data[:2] == b"\x16\xfe" and any(name in data for name in _NAMES) for data in datagrams)


def _answers(datagrams: Sequence[bytes]) -> bool:
    """A ServerHello (handshake type 2) or HelloVerifyRequest (3) starts one of the datagrams."""
    return any(data[:2] == b"\x16\xfe" and len(data) > 13 and data[13] in (2, 3) for data in datagrams)


def decode_chromoting(orig: Sequence[bytes], resp: Sequence[bytes]) -> ChromotingSession:
    """Read a UDP flow from the first datagrams of both directions.

    Raises:
        DecodeError: no DTLS certificate with that name.
    """
    shown = (_certified(orig), _certified(resp))
    if not any(shown):
        raise DecodeError("no DTLS certificate named chromoting")
    if all(shown):
        return ChromotingSession(0 if _answers(orig) and not _answers(resp) else 1, True)
    return ChromotingSession(0 if shown[0] else 1, False)
