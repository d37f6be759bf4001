"""SSDP, the discovery of UPnP: devices announce a server string, a type and where their description lies.

Sources: UPnP Device Architecture 2.0 section 1 (M-SEARCH, NOTIFY, response over UDP port 1900); header grammar of
RFC 9112 section 5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.text import printable

__all__ = ["SsdpMessage", "parse_ssdp"]

_MAX_BYTES = 4096
_MAX_HEADERS = 40
_START = re.compile(rb"(M-SEARCH|NOTIFY|HTTP/1\.[01]) ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SsdpMessage:
    """One SSDP message; headers it lacks are empty.

    ``method`` is ``M-SEARCH``, ``NOTIFY`` or ``RESPONSE``; ``search_target`` is ST or, in a NOTIFY, NT;
    ``notify_kind`` is NTS (``ssdp:alive``, ``ssdp:byebye``); ``friendly_name`` is CPFN.UPNP.ORG.
    """

    method: str
    host: str
    search_target: str
    notify_kind: str
    unique_name: str
    server: str
    user_agent: str
    location: str
    friendly_name: str
    header_names: tuple[str, ...]


def parse_ssdp(payload: bytes) -> SsdpMessage:
    r"""Decode one message from UDP port 1900 (UPnP Device Architecture section 1.2 and 1.3).

    Sample: ``NOTIFY * HTTP/1.1\r\nNT: upnp:rootdevice\r\nSERVER: Linux UPnP/1.1 kvm/2\r\n\r\n``.

    Raises:
        DecodeError: the first line is neither M-SEARCH, NOTIFY nor an HTTP response.
    """
    start = _START.match(payload)
    if not start:
        raise DecodeError("SSDP starts with M-SEARCH, NOTIFY or HTTP/1.x")
    method = start[1].decode("ascii").upper()
    headers: dict[str, str] = {}
    for line in payload[:_MAX_BYTES].split(b"\n", _MAX_HEADERS + 1)[1 : _MAX_HEADERS + 1]:
        name, colon, value = line.rstrip(b"\r").partition(b":")
        if not name:
            break
        if colon:
            headers.setdefault(printable(name.strip(b" \t").lower(), 64), printable(value.strip(b" \t")))
    return SsdpMessage(
        "RESPONSE" if method.startswith("HTTP") else method,
        headers.get("host", ""),
        headers.get("st", "") or headers.get("nt", ""),
        headers.get("nts", ""),
        headers.get("usn", ""),
        headers.get("server", ""),
        headers.get("user-agent", ""),
        headers.get("location", ""),
        headers.get("cpfn.upnp.org", ""),
        tuple(headers),
    )
