"""Citrix ICA and its Common Gateway Protocol.

Fact row (Citrix payload controlled), high, nDPI and capture: the ICA server speaks first, ``7f 7f 49 43 41 00``, and
the client echoes it; CGP starts ``1a 43 47 50 2f 30 31`` (a length byte and ``CGP/01``).

Sample::

    7f 7f 49 43 41 00                 both ends, server first
    1a 43 47 50 2f 30 31 ...          CGP, client first
"""

from __future__ import annotations

from dataclasses import dataclass

from farmwatch.errors import DecodeError

__all__ = ["CitrixSession", "decode_citrix"]

_ICA = b"\x7f\x7fICA\x00"
_CGP = b"\x1aCGP/01"


@dataclass(frozen=True, slots=True)
class CitrixSession:
    """A Citrix session; the published desktop or server is the controlled end."""

    protocol: str  #: ``ica`` or ``cgp``
    controlled_side: int


def decode_citrix(orig: bytes, resp: bytes, first_side: int) -> CitrixSession:
    """Read a connection from the first bytes of both directions.

    Args:
        orig: first bytes from the TCP originator.
        resp: first bytes from the TCP responder.
        first_side: who sent payload first; with ICA that is the server, with CGP the client.

    Raises:
        DecodeError: neither protocol's first bytes, or an end that answers something else.
    """
    for name, magic in (("ica", _ICA), ("cgp", _CGP)):
        fits = (orig.startswith(magic), resp.startswith(magic))
        if not any(fits) or any(data and not fit for data, fit in zip((orig, resp), fits, strict=True)):
            continue
        first = first_side if first_side in (0, 1) else int(name == "ica")
        return CitrixSession(name, first if name == "ica" else 1 - first)
    raise DecodeError("neither ICA's nor CGP's first bytes on the ends that spoke")
