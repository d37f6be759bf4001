"""WebSocket: the upgrade both sides agree on, and the shape of the first frames.

Sources: RFC 6455 sections 4 (handshake) and 5.2 (frame). Browser KVM consoles and noVNC run inside it; masks and
payloads are skipped, never kept.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.http import parse_request_head, parse_response_head, raw_fields
from farmwatch.wire.protocols.text import printable

__all__ = [
    "WebsocketFrame",
    "WebsocketRequest",
    "WebsocketResponse",
    "accept_for",
    "parse_frame_headers",
    "parse_websocket_request",
    "parse_websocket_response",
]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_MAX_FRAMES = 64


@dataclass(frozen=True, slots=True)
class WebsocketRequest:
    """An upgrade request; ``origin`` is the page's scheme and host, ``accept`` what the server must answer."""

    target: str
    host: str
    origin: str
    subprotocols: tuple[str, ...]
    version: str
    accept: str
    body_start: int


@dataclass(frozen=True, slots=True)
class WebsocketResponse:
    """An upgrade response; frames of the server start at ``body_start``."""

    subprotocol: str
    accept: str
    server: str
    body_start: int


@dataclass(frozen=True, slots=True)
class WebsocketFrame:
    """Header of one frame; opcode 1 text, 2 binary, 8 close, 9 ping, 10 pong. ``length`` in payload bytes.

    ``payload_start`` is the offset of the payload in the bytes given.
    """

    opcode: int
    final: bool
    masked: bool
    length: int
    payload_start: int


def parse_websocket_request(head: bytes) -> WebsocketRequest:
    """Decode an upgrade request (RFC 6455 section 4.1); sample: ``GET /api/ws`` with ``Upgrade: websocket``.

    Raises:
        DecodeError: no HTTP request, or one that does not ask for a WebSocket.
    """
    request = parse_request_head(head)
    if "websocket" not in request.upgrade.lower():
        raise DecodeError("HTTP request does not ask for a WebSocket")
    fields = raw_fields(head)
    names = printable(fields.get("sec-websocket-protocol", b"")).split(",")
    key = fields.get("sec-websocket-key", b"")
    return WebsocketRequest(
        request.target,
        request.host,
        request.origin,
        tuple(name.strip() for name in names if name.strip()),
        printable(fields.get("sec-websocket-version", b""), 8),
        accept_for(key) if key else "",
        request.body_start,
    )


def parse_websocket_response(head: bytes) -> WebsocketResponse:
    """Decode an upgrade response (RFC 6455 section 4.2.2); sample: ``101`` with ``Sec-WebSocket-Accept``.

    Raises:
        DecodeError: no HTTP response, or one that does not switch to a WebSocket.
    """
    response = parse_response_head(head)
    if response.status != 101 or "websocket" not in response.upgrade.lower():
        raise DecodeError("HTTP response does not switch to a WebSocket")
    fields = raw_fields(head)
    return WebsocketResponse(
        printable(fields.get("sec-websocket-protocol", b"")),
        printable(fields.get("sec-websocket-accept", b""), 64),
        response.server,
        response.body_start,
    )


def accept_for(key: bytes) -> str:
    """The accept value a server must send for a client's key (RFC 6455 section 4.2.2 step 5.4)."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode("ascii")


def parse_frame_headers(data: bytes) -> list[WebsocketFrame]:
    """Headers of the first whole and last cut frames of one direction, at most 64 (RFC 6455 section 5.2).

    Sample: ``82 05`` and five bytes is one binary frame of a server.

    Raises:
        DecodeError: the first frame breaks the protocol: reserved bits or opcode, or a long control frame.
    """
    frames: list[WebsocketFrame] = []
    position = 0
    while position + 2 <= len(data) and len(frames) < _MAX_FRAMES:
        first, second = data[position], data[position + 1]
        opcode, size = first & 15, second & 0x7F
        broken = (
            first & 0x30 or opcode in (3, 4, 5, 6, 7) or opcode > 10 or (opcode > 7 and (size > 125 or first < 0x80))
        )
        if broken:
            if frames:
                break
            raise DecodeError(f"no WebSocket frame: first bytes {data[:2].hex()}")
        start = position + 2
        if size > 125:
            width = 2 if size == 126 else 8
            if start + width > len(data):
                break
            size = int.from_bytes(data[start : start + width], "big")
            start += width
        start += 4 if second & 0x80 else 0
        frames.append(WebsocketFrame(opcode, first > 0x7F, second > 0x7F, size, start))
        position = start + size
    if not frames:
        raise DecodeError("no whole WebSocket frame header")
    return frames
