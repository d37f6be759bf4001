"""The gate: nothing gets past it without a token, but ``/healthz`` and what a door checks itself."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from farmwatch.errors import StoreError
from farmwatch.server.metrics import Metrics
from farmwatch.server.problems import Refusal
from farmwatch.server.settings import Limits
from farmwatch.store.state import Sender, State

__all__ = ["HEALTH", "Gate", "Guard", "Room", "presented"]

_LOG = logging.getLogger("farmwatch.server")
HEALTH = "/healthz"
_KNOWN = 10_000  # senders and unknown tokens remembered
_STALE_S = 600.0  # how long a sender known before is let in while the state cannot be read or written
_BURST_S = 4.0  # of its rate a sender may spend at once
_LONGEST_TOKEN = 512
_ALWAYS = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))


def presented(headers: Mapping[str, str]) -> str | None:
    """The token a request shows: ``Bearer``, as Splunk's and Elasticsearch's clients do, or as a Basic password."""
    scheme, _, value = headers.get("authorization", "").strip().partition(" ")
    value = value.strip()
    match scheme.lower():
        case "bearer" | "splunk":
            return value or None
        case "basic" | "apikey":  # name:token; an API key is id:token
            try:
                text = base64.b64decode(value, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError, ValueError):
                return value if scheme.lower() == "apikey" else None
            return text.partition(":")[2] or None
    return None


@dataclass(slots=True)
class _Seen:
    """A token that was looked up."""

    sender: Sender | None
    at: float


@dataclass(slots=True)
class _Bucket:
    """What a sender may still spend."""

    bytes: float
    at: float


class Gate:
    """Who may come in, and how much of it.

    Why a token is looked up by its SHA-256: tokens are 256 random bits, and comparing digests tells nothing of how much
    of a guess was right, however long the comparison takes.

    Args:
        state: Where tokens are.
        limits: Rate, and how long a token looked up is taken for good.
        metrics: Where refusals are counted.
    """

    def __init__(self, state: State, limits: Limits, metrics: Metrics) -> None:
        self._state, self._limits, self._metrics = state, limits, metrics
        self._seen: OrderedDict[bytes, _Seen] = OrderedDict()
        self._buckets: dict[str, _Bucket] = {}

    async def sender(self, headers: Mapping[str, str]) -> Sender:
        """The sender of a request.

        Raises:
            Refusal: 401 without a token that holds; 503 tokens cannot be looked up.
        """
        token = presented(headers)
        found = await self.holder(token) if token else None
        if found is None:
            raise Refusal(
                401, "this needs a token: 'Authorization: Bearer TOKEN' ('farmwatch token add NAME' makes one)",
                reason="token", close=True,
                headers={"WWW-Authenticate": 'Basic realm="farmwatch", Bearer realm="farmwatch"'},
            )  # fmt: skip
        return found

    async def holder(self, token: str) -> Sender | None:
        """Whose token this is; none where it does not hold. Doors that find a token elsewhere ask here.

        Raises:
            Refusal: 503 tokens cannot be looked up.
        """
        if len(token) > _LONGEST_TOKEN:
            return None
        key = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        now = time.monotonic()
        seen = self._seen.get(key)
        if seen is not None and now - seen.at < self._limits.token_s:
            return seen.sender
        try:
            found = await asyncio.to_thread(self._state.check_token, token)
        except StoreError as error:
            if seen is not None and seen.sender is not None and now - seen.at < _STALE_S:
                return seen.sender  # on a full disk the state cannot be written; what held goes on to hold
            raise Refusal(503, f"tokens cannot be looked up: {error}", reason="state", retry_s=10) from error
        self._seen[key] = _Seen(found, now)
        self._seen.move_to_end(key)
        while len(self._seen) > _KNOWN:
            self._seen.popitem(last=False)
        return found

    def let_pass(self, sender: Sender, kind: str) -> None:
        """See that a sender may send or ask this.

        Args:
            sender: Who.
            kind: A feed's kind, or ``captures``, ``metrics``.

        Raises:
            Refusal: 403 its token is for other kinds.
        """
        if not sender.may_send(kind):
            raise Refusal(
                403, f"this token is for {', '.join(sender.kinds)} only, not for {kind}", reason="kind",
                close=True,
            )  # fmt: skip

    def check_rate(self, name: str) -> None:
        """See that a sender has not spent its rate.

        Raises:
            Refusal: 429 it has.
        """
        rate = self._limits.rate_bytes_s
        if not rate:
            return
        left = self._left(name)
        if left < 0:
            raise Refusal(
                429, f"more than {rate} bytes a second with this token; send it again later", reason="rate",
                retry_s=-left / rate, limit=rate, close=True,
            )  # fmt: skip

    def charge(self, name: str | None, size: int) -> None:
        """Note that a sender sent so many bytes."""
        if name is not None and self._limits.rate_bytes_s:
            self._left(name)
            self._buckets[name].bytes -= size

    def _left(self, name: str) -> float:
        """Bytes a sender may still spend, topped up."""
        rate, now = self._limits.rate_bytes_s, time.monotonic()
        bucket = self._buckets.get(name)
        if bucket is None:
            if len(self._buckets) >= _KNOWN:
                self._buckets = {key: one for key, one in self._buckets.items() if now - one.at < _BURST_S}
            bucket = self._buckets[name] = _Bucket(rate * _BURST_S, now)
        bucket.bytes = min(rate * _BURST_S, bucket.bytes + rate * (now - bucket.at))
        bucket.at = now
        return bucket.bytes


class Room:
    """Memory for bodies, shared by all requests."""

    def __init__(self, total: int) -> None:
        self._free = total
        self._guard = threading.Lock()

    def share(self) -> Share:
        """A request's part of it, given back at the end of a ``with``."""
        return Share(self)

    def move(self, size: int) -> bool:
        """Take so many bytes, or give back where negative; whether there were enough."""
        with self._guard:
            if size > self._free:
                return False
            self._free -= size
            return True


class Share:
    """What one request holds of the room."""

    def __init__(self, room: Room) -> None:
        self._room, self._held = room, 0

    def take(self, size: int) -> None:
        """Hold more.

        Raises:
            Refusal: 503 there is no more.
        """
        if not self._room.move(size):
            raise Refusal(503, "too many bodies at once; send it again", reason="busy", retry_s=2, close=True)
        self._held += size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._room.move(-self._held)
        self._held = 0


class Guard:
    """The first thing a request meets.

    It gives every request an id (``state["request"]``), finds its sender (``state["sender"]``: the name,
    ``state["token"]``: the :class:`~farmwatch.store.state.Sender`), and answers refusals in the words of the door that
    the path belongs to.

    Args:
        app: What comes behind it.
        gate: Who may come in.
        own_check: Paths whose door checks by itself who asks.
        wording: For a path, how its door words a refusal.
        metrics: Where requests are counted.
    """

    def __init__(
        self,
        app: ASGIApp,
        gate: Gate,
        own_check: Sequence[str],
        wording: Callable[[str], Callable[[Refusal], Response]],
        metrics: Metrics,
    ) -> None:
        self._app, self._gate, self._wording, self._metrics = app, gate, wording, metrics
        self._open = frozenset({HEALTH, *own_check})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        if scope["type"] != "http":
            return
        request = secrets.token_hex(8)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request"] = request

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.requests.add(1, str(message["status"]))
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request.encode()), *_ALWAYS]
            await send(message)

        try:
            if scope["path"] not in self._open:
                headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
                sender = await self._gate.sender(headers)
                state["token"], state["sender"] = sender, sender.name
                if scope["method"] in ("POST", "PUT", "PATCH"):
                    self._gate.check_rate(sender.name)
        except Refusal as refusal:
            self._metrics.refused.add(1, refusal.reason)
            await self._wording(scope["path"])(refusal)(scope, receive, counted)
            return
        await self._app(scope, receive, counted)
