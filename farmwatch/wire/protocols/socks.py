"""SOCKS 4, 4a and 5: what a client asks a proxy for, and where the inner stream starts on both sides.

Sources: RFC 1928 (SOCKS5), RFC 1929 (user name and password), Y.-D. Lee "SOCKS: A protocol for TCP proxy across
firewalls" (SOCKS4) and "SOCKS 4A". User names and passwords are stepped over, never kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from socket import AF_INET6, inet_ntoa, inet_ntop

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.text import printable

__all__ = ["SocksReply", "SocksRequest", "parse_socks_reply", "parse_socks_request"]

_MAX_USER = 512


@dataclass(frozen=True, slots=True)
class SocksRequest:
    """What the client sent; ``host`` is a name or an address, empty where the request itself is not there.

    ``command`` 1 connect, 2 bind, 3 UDP associate, 0 not seen. ``methods`` are the authentication methods offered
    (SOCKS5; 0 none, 2 user and password). ``inner_start`` is the offset of the client's first inner byte.
    """

    version: int
    command: int
    host: str
    port: int
    methods: tuple[int, ...]
    inner_start: int


@dataclass(frozen=True, slots=True)
class SocksReply:
    """What the proxy answered; ``granted`` is None where the answer itself is not there.

    ``method`` is the authentication method chosen (SOCKS5; 255 refused). ``bound`` is the address the proxy names,
    ``inner_start`` the offset of the server's first inner byte.
    """

    version: int
    method: int
    granted: bool | None
    bound: str
    port: int
    inner_start: int


def parse_socks_request(head: bytes) -> SocksRequest:
    """Decode the client's bytes: greeting, sign-in and request of SOCKS5, or the request of SOCKS4.

    Sample: ``05 01 00  05 01 00 03 09 kvm.local 170c`` asks for kvm.local:5900.

    Raises:
        DecodeError: neither version, or not even the greeting or request is whole.
    """
    if head[:1] == b"\x04":
        return _request4(head)
    if head[:1] != b"\x05" or len(head) < 3:
        raise DecodeError("not a SOCKS 4 or 5 request")
    position = 2 + head[1]
    if not head[1] or position > len(head):
        raise DecodeError("SOCKS5 greeting offers no method or is cut")
    methods = tuple(head[2:position])
    if head[position : position + 1] == b"\x01" and 2 in methods and position + 2 <= len(head):
        position += 2 + head[position + 1]  # RFC 1929: version, user name, password
        position += 1 + (head[position] if position < len(head) else 0)
    destination = _address5(head, position + 3)
    if head[position : position + 1] != b"\x05" or destination is None:
        return SocksRequest(5, 0, "", 0, methods, len(head))
    host, port, end = destination
    return SocksRequest(5, head[position + 1], host, port, methods, end)


def parse_socks_reply(head: bytes) -> SocksReply:
    """Decode the proxy's bytes: method, sign-in result and reply of SOCKS5, or the reply of SOCKS4.

    Sample: ``05 00  05 00 00 01 0a000001 1f90`` grants without sign-in.

    Raises:
        DecodeError: neither version, or the first answer is not whole.
    """
    if len(head) >= 8 and head[0] == 0 and 90 <= head[1] <= 93:
        return SocksReply(4, 0, head[1] == 90, inet_ntoa(head[4:8]), head[2] << 8 | head[3], 8)
    if len(head) < 2 or head[0] != 5 or head[1] not in (0, 1, 2, 255):
        raise DecodeError("not a SOCKS 4 or 5 reply")
    method = head[1]
    position = 2
    if method == 2 and head[2:3] == b"\x01":
        position = 4
    destination = _address5(head, position + 3)
    if head[position : position + 1] != b"\x05" or destination is None:
        return SocksReply(5, method, None, "", 0, len(head))
    host, port, end = destination
    return SocksReply(5, method, head[position + 1] == 0, host, port, end)


def _request4(head: bytes) -> SocksRequest:
    """Version, command, port, address, user name; SOCKS 4a adds a host name when the address is 0.0.0.x."""
    end = head.find(b"\x00", 8, 8 + _MAX_USER)
    if len(head) < 9 or head[1] not in (1, 2) or end < 0:
        raise DecodeError("SOCKS4 request is cut or asks for no known command")
    host = inet_ntoa(head[4:8])
    if head[4:7] == b"\x00\x00\x00" and head[7]:
        start, end = end + 1, head.find(b"\x00", end + 1, end + 258)
        if end < 0:
            raise DecodeError("SOCKS4a host name is cut")
        host = printable(head[start:end])
    return SocksRequest(4, head[1], host, head[2] << 8 | head[3], (), end + 1)


def _address5(data: bytes, position: int) -> tuple[str, int, int] | None:
    """Address type, address and port (RFC 1928 section 5) with the offset behind them; None where cut or unknown."""
    kind = data[position : position + 1]
    position += 1
    if kind == b"\x01":
        size = 4
    elif kind == b"\x04":
        size = 16
    elif kind == b"\x03" and position < len(data):
        size = data[position]
        position += 1
    else:
        return None
    end = position + size
    if end + 2 > len(data):
        return None
    raw = data[position:end]
    host = inet_ntoa(raw) if kind == b"\x01" else inet_ntop(AF_INET6, raw) if kind == b"\x04" else printable(raw)
    return host, data[end] << 8 | data[end + 1], end + 2
