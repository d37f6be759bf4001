"""A look-alike of Elasticsearch's ``_bulk``, for Beats, rsyslog, Vector, Fluent Bit and the official clients.

Beats refuse a server that does not look like Elasticsearch: they ask ``GET /`` for a version that is not older than
theirs, ``/_license``, and look for ``X-Elastic-Product`` on what they are answered. Set-up calls (templates, policies,
pipelines) are acknowledged and do nothing. The index may name the kind of record (``farmwatch-zeek``); otherwise the
content tells it. A document that is rejected gets status 400 with its reason, which senders do not repeat.

Format: Elasticsearch, "Bulk API"; the handshake as Beats' and the clients' sources make it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from farmwatch.server.bodies import read_body
from farmwatch.server.doors.contract import Door
from farmwatch.server.doors.shipped import Outcome, take_in
from farmwatch.server.envelopes import Wrapped
from farmwatch.server.problems import Refusal, headers_of

if TYPE_CHECKING:
    from farmwatch.server.service import Service

__all__ = ["ELASTIC"]

VERSION = "9.9.9"  #: newer than any sender there is: Beats refuse a server that is older than they are
_PRODUCT = {"X-Elastic-Product": "Elasticsearch"}
_ACTIONS = frozenset({"create", "index", "update", "delete"})
_ANSWERED = ("create", "index")
_SET_UP = (
    "_index_template/{name}", "_component_template/{name}", "_template/{name}", "_ilm/policy/{name}",
    "_ingest/pipeline/{name}", "_data_stream/{name}",
)  # fmt: skip


def _refuse(refusal: Refusal) -> Response:
    """A refusal as the clients read it."""
    kind = {401: "security_exception", 403: "security_exception", 503: "unavailable_shards_exception"}
    cause = {"type": kind.get(refusal.status, "illegal_argument_exception"), "reason": refusal.detail}
    return JSONResponse(
        {"error": {"root_cause": [cause], **cause}, "status": refusal.status}, refusal.status,
        headers={**_PRODUCT, **headers_of(refusal)},
    )  # fmt: skip


def _answer(content: Any, status: int = 200) -> Response:
    return JSONResponse(content, status, headers=_PRODUCT)


def _router(service: Service) -> APIRouter:
    router = APIRouter(tags=["elasticsearch look-alike"])

    async def bulk(request: Request) -> Response:
        began = time.monotonic()
        service.ingest.log.check()
        body = await read_body(request, service)
        index = request.path_params.get("index", "")
        actions, wrapped = await service.ingest.work(_read, body, index, service.settings.limits.body_rows)
        outcome = await take_in(
            service, wrapped, request.state.token, f"{request.method} {request.url.path}", request.state.request
        )
        return await service.ingest.work(_bulk_answer, actions, outcome, began)

    for path in ("/_bulk", "/{index}/_bulk"):
        router.add_api_route(
            path, bulk, methods=["POST", "PUT"], summary="Take in a bulk of documents.", name=f"bulk {path}"
        )

    @router.post("/{index}/_doc", summary="Take in one document.")
    async def document(index: str, request: Request) -> Response:
        service.ingest.log.check()
        body = await read_body(request, service)
        try:
            wrapped = [Wrapped(await service.ingest.work(json.loads, body), index, number=1)]
        except (ValueError, RecursionError) as error:
            raise Refusal(400, f"not JSON: {error}", reason="json") from error
        outcome = await take_in(
            service, wrapped, request.state.token, f"POST {request.url.path}", request.state.request
        )
        if outcome.rejected:
            raise Refusal(400, next(iter(outcome.counts)), reason="rejected")
        return _answer({"_index": index, "_id": request.state.request, "result": "created"}, 201)

    async def hello() -> Response:
        return _answer(
            {
                "name": "farmwatch", "cluster_name": "farmwatch", "cluster_uuid": "farmwatch",
                "version": {
                    "number": VERSION, "build_flavor": "default", "build_type": "tar", "lucene_version": "10.0.0",
                    "minimum_wire_compatibility_version": "8.0.0", "minimum_index_compatibility_version": "8.0.0",
                },
                "tagline": "You Know, for Search",
            }
        )  # fmt: skip

    router.add_api_route("/", hello, methods=["GET", "HEAD"], summary="What this looks like.", name="hello")

    async def licence() -> Response:
        return _answer({"license": {"status": "active", "uid": "farmwatch", "type": "basic", "mode": "basic"}})

    for path in ("/_license", "/_xpack/license"):
        router.add_api_route(path, licence, methods=["GET"], summary="A licence Beats accept.", name=f"licence {path}")

    @router.get("/_xpack", summary="Nothing beyond taking in.")
    async def features() -> Response:
        return _answer({"license": {"type": "basic", "mode": "basic", "status": "active"}, "features": {}})

    async def health() -> Response:
        return _answer({"cluster_name": "farmwatch", "status": "red" if service.trouble() else "green"})

    for path in ("/_cluster/health", "/_cat/health"):
        router.add_api_route(
            path, health, methods=["GET", "HEAD"], summary="Whether documents are taken.", name=f"health {path}"
        )

    async def set_up() -> Response:
        return _answer({"acknowledged": True})

    for path in _SET_UP:
        router.add_api_route(
            f"/{path}", set_up, methods=["PUT", "POST", "GET", "HEAD"],
            summary="Set-up of templates and policies: acknowledged, nothing is done.", name=f"set up {path}",
        )  # fmt: skip
    return router


def _bulk_answer(actions: Sequence[tuple[int, tuple[str, str]]], outcome: Outcome, began: float) -> Response:
    """An answer for each action; made in a thread, because there may be a hundred thousand."""
    items = [_item(action, index, number, outcome) for number, (action, index) in actions]
    return _answer(
        {
            "took": int(1000 * (time.monotonic() - began)),
            "errors": any(item[action]["status"] >= 300 for item in items for action in item),
            "items": items,
        }
    )


def _read(body: bytes, index: str, limit: int) -> tuple[list[tuple[int, tuple[str, str]]], list[Wrapped]]:
    """Actions of a bulk with the numbers of their documents, and the documents.

    Raises:
        Refusal: 400 it is no bulk; 413 it is too long.
    """
    if body.count(b"\n") > 2 * limit:
        raise Refusal(413, f"more than {limit} documents in one bulk", reason="too_many_rows", limit=limit)
    lines = [line for line in body.split(b"\n") if line.strip()]
    actions: list[tuple[int, tuple[str, str]]] = []
    wrapped: list[Wrapped] = []
    at = 0
    while at < len(lines):
        number = len(actions) + 1
        try:
            [(action, target)] = json.loads(lines[at]).items()
            named = target.get("_index", index)
        except (ValueError, AttributeError, TypeError, RecursionError) as error:
            raise Refusal(400, f"line {at + 1} of the bulk is no action", reason="bulk") from error
        if action not in _ACTIONS:
            raise Refusal(400, f"line {at + 1} of the bulk: no action {action[:40]!r}", reason="bulk")
        actions.append((number, (action, str(named)[:255])))
        at += 1
        if action == "delete":
            continue
        if at == len(lines):
            raise Refusal(400, "the bulk ends behind an action", reason="bulk")
        if action in _ANSWERED:
            wrapped.append(_document(lines[at], str(named), number))
        at += 1
    return actions, wrapped


def _document(line: bytes, index: str, number: int) -> Wrapped:
    """One document; what is no JSON object is none, and its neighbours are not to suffer for it."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        content = None
    fault = "" if isinstance(content, dict) else "not a JSON object"
    return Wrapped(content, index, number=number, fault=fault)


def _item(action: str, index: str, number: int, outcome: Outcome) -> dict[str, Any]:
    """The answer for one action."""
    answer: dict[str, Any] = {"_index": index, "_id": str(number), "status": 201, "result": "created"}
    if action not in _ANSWERED:
        reason: str | None = "documents are only added here"
    else:
        reason = outcome.reasons.get(number)
    if reason is not None:
        answer = {
            "_index": index, "_id": str(number), "status": 400,
            "error": {"type": "document_parsing_exception", "reason": reason},
        }  # fmt: skip
    return {action: answer}


ELASTIC = Door("elastic", _router, ("/_",), _refuse)
