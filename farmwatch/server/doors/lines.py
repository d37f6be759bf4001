"""The plain door: ``POST /v1/ingest/{kind}`` with lines of JSON, an array, or whatever else the kind's feed reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request

from farmwatch.collectors.feeds.registry import FEEDS
from farmwatch.server.bodies import ENCODINGS, read_body
from farmwatch.server.doors.contract import Door
from farmwatch.server.ingest import Facts

if TYPE_CHECKING:
    from farmwatch.server.service import Service

__all__ = ["LINES"]

_PREFIX = "/v1/ingest"
_BODY = {
    "requestBody": {
        "required": True,
        "description": f"Packed with {', '.join(ENCODINGS)} or not (Content-Encoding). Some kinds are CSV or binary.",
        "content": {
            "application/x-ndjson": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
        },
    }
}


def _router(service: Service) -> APIRouter:
    router = APIRouter(prefix=_PREFIX, tags=["ingest"])

    @router.get("", summary="The kinds of records that may be sent.")
    async def kinds() -> list[dict[str, str]]:
        return [{"kind": feed.kind, "what": feed.sentence} for feed in FEEDS]

    @router.post("/{kind}", summary="Take in records of one kind; answered when they are durable.", openapi_extra=_BODY)
    async def ingest(kind: str, request: Request) -> dict[str, Any]:
        service.ingest.feed(kind)
        service.gate.let_pass(request.state.token, kind)
        service.ingest.log.check()
        body = await read_body(request, service)
        facts = Facts(request.state.request, f"POST {_PREFIX}/{kind}")
        return (await service.ingest.accept(kind, body, request.state.sender, facts)).answer()

    return router


LINES = Door("lines", _router, (_PREFIX,))
