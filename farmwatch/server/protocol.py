"""HTTP/1.1 connections that cost little, whatever is sent: headers, trailers and idling are bounded.

Uvicorn bounds none of them: a request line, a header or a chunk's extension may go on for ever, and a connection that
says nothing is kept. Bodies are bounded where they are read (:mod:`farmwatch.server.bodies`).
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from farmwatch.server.settings import Limits

__all__ = ["bounded"]

_LINGER_S = 1.0  # how long the rest of a refused body is taken and thrown away, so that the answer arrives


def bounded(limits: Limits) -> type[HttpToolsProtocol]:
    """A protocol class with these limits."""

    class Bounded(_Bounded):
        own = limits

    return Bounded


class _TooMuchError(ValueError):
    """More bytes of headers than allowed."""


class _Bounded(HttpToolsProtocol):
    """A connection."""

    own: Limits
    _quiet = 0  # bytes that came since a piece of a body or the end of a request
    _named = 0  # bytes of headers and trailers of this request
    _reading = False  # between the first byte of a request and its last
    _timer: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Take a connection; where there are too many, instead of one that nobody uses, or not at all."""
        if len(self.connections) >= self.own.connections:
            unused = next((one for one in self.connections if isinstance(one, _Bounded) and one.is_unused()), None)
            if unused is None:
                transport.abort()
                return
            unused.transport.close()
        super().connection_made(transport)
        self._arm()

    def is_unused(self) -> bool:
        """Whether it stays open between requests, or before the first."""
        answered = self.cycle is None or self.cycle.response_complete
        return answered and not self._reading and not self._quiet and not self.transport.is_closing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._disarm()
        if self._unread is not None:
            self._unread.cancel()
        if self.transport is not None:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, and end the connection where nothing but headers comes."""
        if self.parser is None or self.transport is None or self.transport.is_closing():
            return
        if not self._reading and self._timer is None:
            self._arm()
        self._quiet += len(data)
        super().data_received(data)
        if self._quiet > self.own.header_bytes and not self.transport.is_closing():
            self._refuse(431, "headers are too large")

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  (uvicorn's signature)
        """Say why a request is none."""
        if self._named > self.own.header_bytes:
            self._refuse(431, "headers are too large")
        else:
            self._refuse(400, "this is no HTTP request")

    def on_message_begin(self) -> None:
        """A request begins."""
        self._reading, self._named = True, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the request line."""
        self._name(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header or trailer."""
        self._name(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The headers are whole."""
        self._disarm()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._quiet = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._quiet, self._reading = 0, False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is out. Where the rest of its request is still to come, the connection ends soon."""
        super().on_response_complete()
        if self._reading and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self.loop.call_later(_LINGER_S, self.transport.close)

    def pause_writing(self) -> None:
        """The client does not read what it asked for; it has a while to go on."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.own.write_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads on."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _name(self, size: int) -> None:
        self._named += size
        if self._named > self.own.header_bytes:
            raise _TooMuchError

    def _arm(self) -> None:
        self._timer = self.loop.call_later(self.own.header_s, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        """Headers did not come in time."""
        if self.transport.is_closing():
            return
        if self._quiet:
            self._refuse(408, "headers came too slowly")
        else:
            self.transport.close()

    def _refuse(self, status: int, detail: str) -> None:
        """Answer below the application and close."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            words = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}[status]
            body = f'{{"title":"{words}","status":{status},"detail":"{detail}"}}'.encode()
            self.transport.write(
                b"HTTP/1.1 %d %s\r\ncontent-type: application/problem+json\r\ncontent-length: %d\r\n"
                b"connection: close\r\n\r\n%s" % (status, words.encode(), len(body), body)
            )
        self.transport.close()
