"""``/v1/captures``: upload a capture in pieces, go on after an interruption, ask for the report."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from farmwatch.server.bodies import chunks_of, read_body
from farmwatch.server.problems import Refusal
from farmwatch.store.state import Upload

if TYPE_CHECKING:
    from farmwatch.server.service import Service

__all__ = ["captures_router"]

_KIND = "captures"
_START_BYTES = 4096
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["name", "size", "sha256"],
                    "properties": {
                        "name": {"type": "string"},
                        "size": {"type": "integer", "description": "bytes"},
                        "sha256": {"type": "string", "description": "hex, of the whole capture"},
                    },
                }
            }
        },
    }
}
_PIECE = {"requestBody": {"required": True, "content": {"application/octet-stream": {}}}}


class CaptureState(BaseModel):
    """An upload as its sender sees it."""

    model_config = ConfigDict(extra="forbid")

    id: str
    name: str
    size: int
    received: int
    state: str
    error: str | None
    created: str
    updated: str
    report: Any = None


def captures_router(service: Service) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1/captures", tags=["captures"])
    uploads, limits = service.uploads, service.settings.limits

    def sender(request: Request) -> str:
        service.gate.let_pass(request.state.token, _KIND)
        return str(request.state.sender)

    @router.post("", status_code=201, summary="Begin an upload: name, size and SHA-256.", openapi_extra=_BODY)
    async def begin(request: Request, response: Response) -> CaptureState:
        who = sender(request)
        name, size, sha256 = _started(await read_body(request, service, _START_BYTES))
        upload = await asyncio.to_thread(uploads.begin, who, name, size, sha256)
        response.headers["Location"] = f"/v1/captures/{upload.id}"
        response.headers["Upload-Offset"] = "0"
        return _shown(upload)

    @router.patch(
        "/{upload_id}", summary="The next piece, from the byte that Upload-Offset names.", openapi_extra=_PIECE
    )
    async def take(
        upload_id: str, request: Request, response: Response, upload_offset: Annotated[int, Header(ge=0)]
    ) -> CaptureState:
        who = sender(request)
        if request.headers.get("content-encoding", "identity") != "identity":
            raise Refusal(415, "pieces are sent as they are, without Content-Encoding", reason="encoding", close=True)
        chunks = chunks_of(request, limits, service.settings.captures.size_bytes)
        upload = await uploads.take(upload_id, who, upload_offset, chunks)
        service.gate.charge(who, upload.received - upload_offset)
        response.headers["Upload-Offset"] = str(upload.received)
        return _shown(upload)

    @router.head("/{upload_id}", summary="How far it has come: Upload-Offset and Upload-Length.")
    async def offset(upload_id: str, request: Request) -> Response:
        upload = await asyncio.to_thread(uploads.find, upload_id, sender(request))
        return Response(headers={"Upload-Offset": str(upload.received), "Upload-Length": str(upload.size)})

    @router.post("/{upload_id}/finish", summary="All is sent: check the SHA-256 and scan it.")
    async def finish(upload_id: str, request: Request) -> CaptureState:
        return _shown(await uploads.complete(upload_id, sender(request)))

    @router.get(
        "/{upload_id}", summary="Its state (receiving, received, scanned, failed) and, once scanned, its report."
    )
    async def show(upload_id: str, request: Request) -> Response:
        upload = await asyncio.to_thread(uploads.find, upload_id, sender(request))
        shown = _shown(upload).model_dump_json(exclude={"report"})
        report = await asyncio.to_thread(uploads.report, upload)
        return Response(f'{shown[:-1]},"report":{report or "null"}}}', media_type="application/json")

    @router.delete("/{upload_id}", status_code=204, summary="Delete it and its report.")
    async def remove(upload_id: str, request: Request) -> None:
        upload = await asyncio.to_thread(uploads.find, upload_id, sender(request))
        await asyncio.to_thread(uploads.remove, upload)

    return router


def _started(body: bytes) -> tuple[str, int, str]:
    """Name, size and sum of an upload to begin.

    Raises:
        Refusal: 400 they are not there.
    """
    try:
        given = json.loads(body)
        name, size, sha256 = given["name"], given["size"], given["sha256"]
    except (ValueError, KeyError, TypeError, RecursionError):
        name = size = sha256 = None
    if not (isinstance(name, str) and isinstance(size, int) and isinstance(sha256, str)) or isinstance(size, bool):
        raise Refusal(400, 'expected {"name": text, "size": bytes, "sha256": hex}', reason="invalid")
    return name, size, sha256


def _shown(upload: Upload) -> CaptureState:
    error = json.loads(upload.detail).get("error") if upload.detail else None
    return CaptureState(
        id=upload.id, name=upload.name, size=upload.size, received=upload.received, state=upload.state, error=error,
        created=upload.created, updated=upload.updated,
    )  # fmt: skip
