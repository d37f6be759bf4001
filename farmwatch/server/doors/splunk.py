"""A look-alike of Splunk's HTTP Event Collector, for shippers that know only that.

``/services/collector`` and ``/services/collector/event`` take JSON objects laid end to end (``event`` holds the record,
``sourcetype`` or ``index`` may name its kind, ``host`` its device), ``/services/collector/raw`` takes lines. With a
channel (``X-Splunk-Request-Channel`` or ``?channel=``) the answer has an ``ackId``, which
``/services/collector/ack`` confirms: an answered request is durable already.

Format: Splunk, "Format events for HTTP Event Collector" and "About HTTP Event Collector Indexer Acknowledgment".
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from farmwatch.server.bodies import read_body
from farmwatch.server.doors.contract import Door
from farmwatch.server.doors.shipped import json_values, take_in
from farmwatch.server.envelopes import Wrapped
from farmwatch.server.problems import Refusal, headers_of

if TYPE_CHECKING:
    from farmwatch.server.service import Service

__all__ = ["SPLUNK"]

_PREFIX = "/services/collector"
_LONGEST_CHANNEL = 100
_MOST_ACKS = 10_000
_CODES = {
    401: ("Invalid authorization", 3),
    403: ("Invalid token", 4),
    503: ("Server is busy", 9),
    500: ("Internal server error", 8),
}
_NO_DATA, _BAD_FORMAT = ("No data", 5), ("Invalid data format", 6)
_CHANNEL_MISSING, _BAD_CHANNEL = ("Data channel is missing", 10), ("Invalid data channel", 11)


def _refuse(refusal: Refusal) -> Response:
    """A refusal as HEC's clients read it; ``detail`` says more."""
    text, code = refusal.facts.get("splunk") or _CODES.get(refusal.status, _BAD_FORMAT)
    return JSONResponse(
        {"text": text, "code": code, "detail": refusal.detail}, refusal.status, headers=headers_of(refusal)
    )


def _router(service: Service) -> APIRouter:
    router, routes = APIRouter(prefix=_PREFIX, tags=["splunk look-alike"]), _Routes(service)
    for path in ("", "/event", "/event/1.0"):
        router.add_api_route(path, routes.events, methods=["POST"], summary="Take in events.", name=f"events{path}")
    for path in ("/raw", "/raw/1.0"):
        router.add_api_route(path, routes.raw, methods=["POST"], summary="Take in lines.", name=f"raw{path}")
    for path in ("/health", "/health/1.0"):
        router.add_api_route(path, routes.health, methods=["GET"], summary="Are events taken?", name=f"health{path}")
    router.add_api_route("/ack", routes.acks, methods=["POST"], summary="Which acknowledgement numbers are durable.")
    return router


class _Routes:
    """The collector's addresses on one server."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def events(self, request: Request) -> Response:
        """Objects laid end to end."""
        service = self._service
        service.ingest.log.check()
        channel = _channel(request)
        body = await read_body(request, service)
        values = await service.ingest.work(_values, body, service.settings.limits.body_rows)
        return await self._answered(request, await service.ingest.work(_events, values), channel)

    async def raw(self, request: Request) -> Response:
        """Lines, with what they are in the query."""
        service = self._service
        service.ingest.log.check()
        channel = _channel(request)
        body = await read_body(request, service)
        hint, host = request.query_params.get("sourcetype", ""), request.query_params.get("host")
        wrapped = await service.ingest.work(_raw_lines, body, hint, host, service.settings.limits.body_rows)
        return await self._answered(request, wrapped, channel)

    async def _answered(self, request: Request, wrapped: list[Wrapped], channel: str | None) -> Response:
        if not wrapped:
            raise Refusal(400, "the body holds no event", reason="empty", splunk=_NO_DATA)
        service, path = self._service, request.url.path
        outcome = await take_in(service, wrapped, request.state.token, f"POST {path}", request.state.request)
        answer: dict[str, Any] = {"text": "Success", "code": 0}
        if outcome.rejected:
            answer["rejected"] = outcome.rejected
            answer["reasons"] = dict(outcome.counts.most_common(20))
        if channel is not None:
            answer["ackId"] = await asyncio.to_thread(service.state.add_ack, _owned(request, channel), done=True)
        return JSONResponse(answer)

    async def acks(self, request: Request) -> Response:
        """Numbers that were given out are durable."""
        channel = _channel(request)
        if channel is None:
            raise Refusal(400, "name the channel: X-Splunk-Request-Channel", reason="channel", splunk=_CHANNEL_MISSING)
        body = await read_body(request, self._service, limit=1 << 20)
        try:
            numbers = json.loads(body)["acks"]
            asked = [number for number in numbers if isinstance(number, int) and not isinstance(number, bool)]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Refusal(400, 'expected {"acks": [0, 1]}', reason="acks", splunk=_BAD_FORMAT) from error
        if len(asked) > _MOST_ACKS:
            raise Refusal(413, f"more than {_MOST_ACKS} numbers", reason="acks", limit=_MOST_ACKS)
        known = await asyncio.to_thread(self._service.state.acks, _owned(request, channel), asked)
        return JSONResponse({"acks": {str(number): done for number, done in known.items()}})

    async def health(self) -> Response:
        """Whether events are taken now."""
        trouble = self._service.trouble()
        if trouble:
            raise Refusal(503, trouble, reason=trouble, retry_s=10)
        return JSONResponse({"text": "HEC is healthy", "code": 17})


def _values(body: bytes, limit: int) -> list[object]:
    return json_values(body.decode("utf-8", "replace"), limit)


def _events(values: list[object]) -> list[Wrapped]:
    return [_event(value, number) for number, value in enumerate(values, 1)]


def _raw_lines(body: bytes, hint: str, host: str | None, limit: int) -> list[Wrapped]:
    """Lines of a body. Only a line end ends one: other separators that Unicode knows may stand in a value.

    Raises:
        Refusal: 413 there are too many.
    """
    if body.count(b"\n") > limit:
        raise Refusal(413, f"more than {limit} lines in one body", reason="too_many_rows", limit=limit)
    lines = body.decode("utf-8", "replace").split("\n")
    return [Wrapped(line.rstrip("\r"), hint, host, number) for number, line in enumerate(lines, 1) if line.strip()]


def _event(value: object, number: int) -> Wrapped:
    """One event's record and what its wrapping says of it."""
    if not isinstance(value, dict):
        return Wrapped(value, number=number)
    host = value.get("host")
    hints = [value.get(name) for name in ("sourcetype", "index", "source")]
    named = next((hint for hint in hints if isinstance(hint, str) and hint.startswith("farmwatch")), None)
    hint = named or next((hint for hint in hints if isinstance(hint, str)), "")
    return Wrapped(value.get("event", value), hint, host if isinstance(host, str) and host else None, number)


def _channel(request: Request) -> str | None:
    """The channel a request names.

    Raises:
        Refusal: 400 it is no channel.
    """
    channel = request.headers.get("x-splunk-request-channel") or request.query_params.get("channel")
    if channel is not None and (len(channel) > _LONGEST_CHANNEL or not channel.isprintable()):
        raise Refusal(400, "the channel is too long", reason="channel", splunk=_BAD_CHANNEL)
    return channel or None


def _owned(request: Request, channel: str) -> str:
    """The channel within its sender: two senders that choose the same one do not see each other's numbers."""
    return f"{request.state.sender}/{channel}"


SPLUNK = Door("splunk", _router, (_PREFIX,), _refuse)
