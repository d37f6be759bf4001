"""OpenTelemetry logs over HTTP: ``POST /v1/logs`` in protobuf or JSON, packed or not.

A log record's body is the record (a map, or the text that was read); where it has none, its attributes are. The
attribute ``farmwatch.kind`` of the record or its resource may name the kind, ``host.name`` its device. Records that are
rejected are counted in ``partialSuccess``, which senders must not repeat.

Format: OpenTelemetry Protocol specification, sections "OTLP/HTTP" and "Partial Success".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
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

__all__ = ["OTLP"]

_PATH = "/v1/logs"
_PROTOBUF = "application/x-protobuf"
_KIND, _HOST = "farmwatch.kind", "host.name"
_DEEPEST = 32
_STATUS = {400: 3, 401: 16, 403: 7, 404: 5, 408: 4, 413: 3, 415: 3, 429: 8, 500: 13, 503: 14}  # google.rpc.Code


def _refuse(refusal: Refusal) -> Response:
    """A refusal as a ``google.rpc.Status`` in JSON; senders go by the HTTP status."""
    content = {"code": _STATUS.get(refusal.status, 2), "message": refusal.detail}
    return JSONResponse(content, refusal.status, headers=headers_of(refusal))


def _router(service: Service) -> APIRouter:
    router = APIRouter(tags=["opentelemetry"])

    @router.post(_PATH, summary="Take in OpenTelemetry log records.")
    async def logs(request: Request) -> Response:
        service.ingest.log.check()
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind not in (_PROTOBUF, "application/json"):
            raise Refusal(
                415, f"send {_PROTOBUF} or application/json; metrics and traces have no use here", reason="type",
                close=True,
            )  # fmt: skip
        body = await read_body(request, service)
        read = _from_protobuf if kind == _PROTOBUF else _from_json
        wrapped = await service.ingest.work(read, body)
        if len(wrapped) > service.settings.limits.body_rows:
            raise Refusal(413, "too many records in one body", reason="too_many_rows")
        outcome = await take_in(service, wrapped, request.state.token, f"POST {_PATH}", request.state.request)
        return _answer(outcome, kind)

    return router


def _answer(outcome: Outcome, kind: str) -> Response:
    """Full or partial success, in the format of the request."""
    said = "; ".join(f"{count} records: {reason}" for reason, count in outcome.counts.most_common(5))
    if kind != _PROTOBUF:
        partial = {"rejectedLogRecords": str(outcome.rejected), "errorMessage": said}
        return JSONResponse({"partialSuccess": partial} if outcome.rejected else {})
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

    answer = ExportLogsServiceResponse()
    if outcome.rejected:
        answer.partial_success.rejected_log_records = outcome.rejected
        answer.partial_success.error_message = said
    return Response(answer.SerializeToString(), media_type=_PROTOBUF)


def _from_protobuf(body: bytes) -> list[Wrapped]:
    """Records of a protobuf message.

    Raises:
        Refusal: 400 it is none.
    """
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    message = ExportLogsServiceRequest()
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise Refusal(400, f"not an OTLP logs request: {error}", reason="protobuf") from error
    wrapped: list[Wrapped] = []
    for resource in message.resource_logs:
        about = _pairs(resource.resource.attributes)
        for scope in resource.scope_logs:
            for record in scope.log_records:
                content = _any(record.body, 0) if record.HasField("body") else None
                wrapped.append(_record(content, _pairs(record.attributes), about, len(wrapped) + 1))
    return wrapped


def _pairs(pairs: Iterable[Any]) -> dict[str, Any]:
    return {pair.key: _any(pair.value, 0) for pair in pairs}


def _any(value: Any, depth: int) -> Any:
    """An ``AnyValue`` as JSON has it."""
    which = value.WhichOneof("value")
    if which is None or depth > _DEEPEST:
        return None
    if which == "kvlist_value":
        return {pair.key: _any(pair.value, depth + 1) for pair in value.kvlist_value.values}
    if which == "array_value":
        return [_any(one, depth + 1) for one in value.array_value.values]
    if which == "bytes_value":
        return value.bytes_value.decode("utf-8", "replace")
    return getattr(value, which)


def _from_json(body: bytes) -> list[Wrapped]:
    """Records of the JSON form: lowerCamelCase names, whole numbers as text.

    Raises:
        Refusal: 400 it is none.
    """
    try:
        message = json.loads(body)
        wrapped: list[Wrapped] = []
        for resource in message.get("resourceLogs") or ():
            about = _json_pairs((resource.get("resource") or {}).get("attributes"))
            for scope in resource.get("scopeLogs") or ():
                for record in scope.get("logRecords") or ():
                    content = _json_any(record.get("body"), 0)
                    wrapped.append(_record(content, _json_pairs(record.get("attributes")), about, len(wrapped) + 1))
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError) as error:
        raise Refusal(400, f"not an OTLP logs request: {error}", reason="json") from error
    return wrapped


def _json_pairs(pairs: Any) -> dict[str, Any]:
    return {str(pair["key"]): _json_any(pair.get("value"), 0) for pair in pairs or ()}


def _json_any(value: Any, depth: int) -> Any:
    if not isinstance(value, dict) or depth > _DEEPEST:
        return None
    if "kvlistValue" in value:
        pairs = value["kvlistValue"].get("values") or ()
        return {str(pair["key"]): _json_any(pair.get("value"), depth + 1) for pair in pairs}
    if "arrayValue" in value:
        return [_json_any(one, depth + 1) for one in value["arrayValue"].get("values") or ()]
    if "intValue" in value:
        return int(value["intValue"])
    if "bytesValue" in value:
        return base64.b64decode(value["bytesValue"]).decode("utf-8", "replace")
    return next(iter(value.values()), None)


def _record(content: Any, attributes: dict[str, Any], about: dict[str, Any], number: int) -> Wrapped:
    """One log record with what names its kind and device."""
    hint = attributes.pop(_KIND, None) or about.get(_KIND) or ""
    host = about.get(_HOST) or attributes.get(_HOST)
    if content is None or content == "":
        content = attributes
    return Wrapped(content, str(hint), str(host) if host else None, number)


OTLP = Door("otlp", _router, (_PATH,), _refuse)
