"""Sending spooled messages: HTTPS with a bearer token, at least once, slower and slower while nobody takes them.

A batch is acknowledged by a 2xx answer and by nothing else. Redirects are not followed: the token is for one server.
Plain HTTP is for this machine alone (a local relay, tests).
"""

from __future__ import annotations

import gzip
import http.client
import random
import ssl
import threading
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

from farmwatch.agent.spool import Batch, Spool
from farmwatch.errors import FarmwatchError

__all__ = ["BATCH_BYTES", "PATH", "Answer", "Sender", "Server", "ServerError", "body_of"]

PATH = "/v1/ingest/agent"  #: where messages go, below the server's address
BATCH_BYTES = 1 << 20  #: of messages in one request, before compression
_TIMEOUT_S = 30.0
_SHORTEST_S, _LONGEST_S = 1.0, 300.0
_LONGEST_ASKED_S = 3600.0  # a server may ask for more patience than we would have, but not for ever
_MAX_ANSWER = 65_536
_LOCAL = {"localhost", "127.0.0.1", "::1"}
_NEVER = {400, 413, 415, 422}  # this body will not be taken, however often it is sent


class ServerError(FarmwatchError):
    """The server's address, its token or its certificate file cannot be used."""


class Answer(Enum):
    """What became of a request."""

    TAKEN = "taken"
    REFUSED = "refused"  #: for good
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Server:
    """Where to send, and with what right. ``ca_file`` replaces the system's certificate authorities."""

    url: str
    token_file: Path
    ca_file: Path | None = None

    def check(self) -> None:
        """Look for mistakes before anything is collected.

        Raises:
            ServerError: with the mistake.
        """
        parts = urlsplit(self.url)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ServerError(f"{self.url}: expected https://HOST[:PORT]")
        if parts.scheme == "http" and parts.hostname not in _LOCAL:
            raise ServerError(f"{self.url}: the token would travel in the clear; use https")
        if parts.username or parts.query or parts.fragment:
            raise ServerError(f"{self.url}: expected an address without user, query and fragment")
        self.token()

    def token(self) -> str:
        """The token, read afresh each time so that it can be exchanged.

        Raises:
            ServerError: no token in the file.
        """
        try:
            token = self.token_file.read_text("ascii").strip()
        except (OSError, ValueError) as error:
            raise ServerError(f"{self.token_file}: cannot read the token: {error}") from error
        if not token or not token.isprintable() or " " in token:
            raise ServerError(f"{self.token_file}: expected one token, a word without spaces")
        return token

    def post(self, body: bytes) -> tuple[Answer, float | None, str]:
        """Send a body; the answer, how long the server asks to wait (seconds), and what it said, for the log."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        connection: http.client.HTTPConnection
        try:
            if parts.scheme == "https":
                trust = ssl.create_default_context(cafile=self.ca_file)
                connection = http.client.HTTPSConnection(host, parts.port, timeout=_TIMEOUT_S, context=trust)
            else:
                connection = http.client.HTTPConnection(host, parts.port, timeout=_TIMEOUT_S)
        except OSError as error:
            return Answer.LATER, None, f"{self.ca_file}: {error}"
        headers = {
            "Authorization": f"Bearer {self.token()}",
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "gzip",
        }
        try:
            connection.request("POST", parts.path.rstrip("/") + PATH, gzip.compress(body, 6, mtime=0), headers)
            response = connection.getresponse()
            said = response.read(_MAX_ANSWER)[:200].decode("utf-8", "replace")
            return _answer(response.status), _patience(response.headers.get("Retry-After")), f"{response.status} {said}"
        except (OSError, http.client.HTTPException) as error:
            return Answer.LATER, None, f"{type(error).__name__}: {error}"
        finally:
            connection.close()


def body_of(batch: Batch) -> bytes:
    """The bytes of a request before compression: one message a line."""
    return b"".join(message + b"\n" for message in batch.messages)


def _answer(status: int) -> Answer:
    if 200 <= status < 300:
        return Answer.TAKEN
    return Answer.REFUSED if status in _NEVER else Answer.LATER


def _patience(asked: str | None) -> float | None:
    """Seconds of a Retry-After header; dates are not read."""
    return min(float(asked), _LONGEST_ASKED_S) if asked and asked.strip().isdecimal() else None


class Sender:
    """Sends what a spool holds until it is empty, then waits to be woken."""

    def __init__(self, spool: Spool, server: Server, rng: random.Random | None = None) -> None:
        """``rng`` spreads the waiting of many agents; tests give their own."""
        self._spool = spool
        self._server = server
        self._rng = rng or random.Random()  # noqa: S311 (spreads load, hides nothing)
        self._failures = 0
        self._one_by_one = 0  # messages of a refused batch that are still to be sent singly
        self.last_said = ""  #: what the server said last, for the log

    @property
    def works(self) -> bool:
        """The last request, if there was one, was answered."""
        return self._failures == 0

    def step(self) -> float | None:
        """Send one batch. Seconds to wait before the next step; None where nothing is left to send.

        Raises:
            ServerError: the token cannot be read.
        """
        batch = self._spool.batch(1 if self._one_by_one else BATCH_BYTES)
        if batch is None:
            return None
        answer, asked, self.last_said = self._server.post(body_of(batch))
        if answer is not Answer.LATER:
            self._failures = 0
            if answer is Answer.TAKEN:
                self._spool.acknowledge(batch)
            elif len(batch.messages) == 1:
                self._spool.reject(batch)
            else:
                self._one_by_one = len(batch.messages) + 1
            self._one_by_one = max(self._one_by_one - 1, 0)
            return asked or 0.0
        self._failures += 1
        longest = min(_SHORTEST_S * 2 ** min(self._failures, 16), _LONGEST_S)
        return max(asked or 0.0, self._rng.uniform(longest / 2, longest))

    def run(self, stop: threading.Event, wake: threading.Event) -> None:
        """Send until told to stop; ``wake`` says that there is something new."""
        while not stop.is_set():
            try:
                wait = self.step()
            except ServerError as error:
                self.last_said, wait = str(error), _LONGEST_S
            if wait is None:
                wake.wait()
                wake.clear()
            elif wait:
                stop.wait(wait)
