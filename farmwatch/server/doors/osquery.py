"""The osquery TLS API: enroll, config, logger, distributed read and write.

A host enrols with a token of ``farmwatch token add`` as its enroll secret and gets a node key, which it then shows in
every body and, by newer clients, as ``Authorization: NodeKey``. The configuration it is given is farmwatch's own pack.
Addresses are those Fleet uses, so that an agent needs no other flags than a host name and a certificate.

Why records are filed under the name given at enrolment, whatever they say: a host that somebody has taken over must not
be able to speak for another one.

Format: osquery's documentation, "Remote settings and configuration" (deployment/remote). Its client speaks TLS 1.2.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from farmwatch.server.bodies import read_body
from farmwatch.server.doors.contract import Door
from farmwatch.server.ingest import Facts
from farmwatch.server.problems import Refusal, headers_of

if TYPE_CHECKING:
    from farmwatch.server.service import Service

__all__ = ["OSQUERY"]

_PREFIX = "/api/v1/osquery"
_KIND = "osquery"
_ENROLL, _CONFIG, _LOG, _READ, _WRITE = (
    f"{_PREFIX}/{name}" for name in ("enroll", "config", "log", "distributed/read", "distributed/write")
)
_SMALL = 1 << 20  # bytes of a body that may hold a key and little else
_LONGEST_NAME = 255
_NODE_KEY = re.compile(rb'"node_key"\s*:\s*"([!#-\[\]-~]{1,255})"')
_MOST_KEYS = 8
_INVALID: dict[str, Any] = {"node_invalid": True}


def _refuse(refusal: Refusal) -> Response:
    """A refusal with what makes a client that is not known enrol again."""
    content = {"error": refusal.detail, "node_invalid": refusal.status == 401}
    return JSONResponse(content, refusal.status, headers=headers_of(refusal))


@dataclass(frozen=True, slots=True)
class _Body:
    """A request's JSON and the host that sent it."""

    fields: dict[str, Any]
    host: str


async def _fields(service: Service, request: Request, limit: int | None = None) -> dict[str, Any]:
    """The JSON object a request holds.

    Raises:
        Refusal: 400 it holds none.
    """
    return await _object(service, await read_body(request, service, limit))


async def _object(service: Service, body: bytes) -> dict[str, Any]:
    try:
        fields = await service.ingest.work(json.loads, body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"not JSON: {error}", reason="json") from error
    if not isinstance(fields, dict):
        raise Refusal(400, "expected a JSON object", reason="json")
    return fields


def _keys_in(body: bytes) -> list[str]:
    """What may be the node key of a body that is not parsed yet: few members have that name."""
    return [found[1].decode("ascii") for found in islice(_NODE_KEY.finditer(body), _MOST_KEYS)]


def _header_key(request: Request) -> str:
    scheme, _, value = request.headers.get("authorization", "").strip().partition(" ")
    return value.strip() if scheme.lower() == "nodekey" else ""


async def _known(service: Service, key: object) -> str | None:
    """The host that has a node key."""
    if not isinstance(key, str) or not 0 < len(key) <= _LONGEST_NAME or not key.isascii():
        return None
    enrolment = await asyncio.to_thread(service.state.enrolled, key)
    return enrolment.host_identifier if enrolment else None


def _router(service: Service) -> APIRouter:
    router, routes = APIRouter(tags=["osquery"]), _Routes(service)
    for path, route, summary in (
        (_ENROLL, routes.enroll, "Enrol a host: its secret is a token, its answer a node key."),
        (_CONFIG, routes.config, "The queries a host is to run."),
        (_LOG, routes.log, "Results and status of a host."),
        (_READ, routes.read, "Questions to a host; there are none."),
        (_WRITE, routes.write, "A host's answers to questions."),
    ):
        router.add_api_route(path, route, methods=["POST"], summary=summary)
    return router


class _Routes:
    """The API on one server."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def enroll(self, request: Request) -> Response:
        """A token is worth a node key."""
        service = self._service
        fields = await _fields(service, request, _SMALL)
        secret, host = fields.get("enroll_secret"), fields.get("host_identifier")
        sender = await service.gate.holder(secret) if isinstance(secret, str) and secret.isascii() else None
        if sender is None or not sender.may_send(_KIND):
            return JSONResponse(_INVALID)
        if not isinstance(host, str) or not host.strip() or len(host) > _LONGEST_NAME or not host.isprintable():
            raise Refusal(400, "host_identifier is missing or cannot be printed", reason="host_identifier")
        about = _about(host.strip(), fields.get("host_details"))
        name = _name(about) or host.strip()
        node_key = await asyncio.to_thread(service.state.enrol, name)
        if about:
            await self._accept([about], name, request, _ENROLL)
        return JSONResponse({"node_key": node_key, "node_invalid": False})

    async def config(self, request: Request) -> Response:
        """The pack that farmwatch reads best."""
        from farmwatch.collectors.feeds.osquery_pack import pack

        body = await self._from_host(request, _SMALL)
        if body is None:
            return JSONResponse(_INVALID)
        return JSONResponse({**json.loads(pack("conf")), "node_invalid": False})

    async def log(self, request: Request) -> Response:
        """Results are taken in; status lines say nothing of use here."""
        body = await self._from_host(request)
        if body is None:
            return JSONResponse(_INVALID)
        data = body.fields.get("data")
        if body.fields.get("log_type") == "result" and data is not None:
            await self._accept(data if isinstance(data, list) else [data], body.host, request, _LOG)
        return JSONResponse({"node_invalid": False})

    async def read(self, request: Request) -> Response:
        """Nothing is asked."""
        body = await self._from_host(request, _SMALL)
        return JSONResponse({"queries": {}, "node_invalid": False} if body is not None else _INVALID)

    async def write(self, request: Request) -> Response:
        """Answers count as snapshots."""
        body = await self._from_host(request)
        if body is None:
            return JSONResponse(_INVALID)
        answers = body.fields.get("queries")
        listed = answers.items() if isinstance(answers, dict) else ()
        lines = [_snapshot(str(name), body.host, rows) for name, rows in listed if isinstance(rows, list)]
        await self._accept(lines, body.host, request, _WRITE)
        return JSONResponse({"node_invalid": False})

    async def _accept(self, data: list[Any], host: str, request: Request, path: str) -> None:
        """Take in result lines."""
        if data:
            lines = await self._service.ingest.work(_lines, data, host)
            facts = Facts(request.state.request, f"POST {path}", host)
            await self._service.ingest.accept(_KIND, lines, f"{_KIND}:{host}", facts)

    async def _from_host(self, request: Request, limit: int | None = None) -> _Body | None:
        """A request of an enrolled host; none where its key is not known.

        Without a key in the header, as older clients send it, the body must be read to find out whose it is.
        """
        service = self._service
        service.ingest.log.check()
        host = await _known(service, _header_key(request))
        if host is not None:
            service.gate.check_rate(f"{_KIND}:{host}")
        body = await read_body(request, service, limit)
        if host is None and len(body) > _SMALL:  # parsed, it may take many times its size: not of somebody unknown
            keys = await service.ingest.work(_keys_in, body)
            if not any([await _known(service, key) for key in keys]):
                return None
        fields = await _object(service, body)
        if host is None:
            host = await _known(service, fields.get("node_key"))
            if host is None:
                return None
            service.gate.check_rate(f"{_KIND}:{host}")
        declared = request.headers.get("content-length", "")
        service.gate.charge(f"{_KIND}:{host}", int(declared) if declared.isdigit() else 0)
        return _Body(fields, host)


def _about(host: str, details: object) -> dict[str, Any] | None:
    """What a host says of itself when it enrols, as if the pack had asked for it."""
    if not isinstance(details, dict):
        return None
    system, version = details.get("system_info"), details.get("os_version")
    row = dict(system) if isinstance(system, dict) else {}
    if isinstance(version, dict):
        row |= {"platform": version.get("platform"), "os": version.get("name"), "version": version.get("version")}
    return _snapshot("fw_host", host, [row]) if row else None


def _snapshot(name: str, host: str, rows: list[Any]) -> dict[str, Any]:
    """A result line that holds all rows of a query."""
    return {"name": name, "hostIdentifier": host, "action": "snapshot", "snapshot": rows, "unixTime": int(time.time())}


def _name(about: dict[str, Any] | None) -> str | None:
    """The host name among what a host says of itself, by which other feeds know it."""
    found = about["snapshot"][0].get("hostname") if about else None
    good = isinstance(found, str) and found.strip() and len(found) <= _LONGEST_NAME and found.isprintable()
    return found.strip() if good and found else None


def _lines(data: list[Any], host: str) -> bytes:
    """Result lines as the feed reads them, all of them of this host."""
    return b"\n".join(_line(one, host) for one in data)


def _line(one: Any, host: str) -> bytes:
    """One result: an object, or a text that holds one."""
    if isinstance(one, str):
        text: str = one
        try:
            one = json.loads(text)
        except (ValueError, RecursionError):
            one = None
    if not isinstance(one, dict):
        return b"null"  # which is rejected alone, whatever stood there
    one = {name: value for name, value in one.items() if name != "hostname"} | {"hostIdentifier": host}
    if isinstance(one.get("decorations"), dict):
        one["decorations"] = {name: value for name, value in one["decorations"].items() if name != "hostname"}
    try:
        return json.dumps(one, separators=(",", ":")).encode()
    except RecursionError:
        return b"null"


OSQUERY = Door("osquery", _router, (_PREFIX,), _refuse, (_ENROLL, _CONFIG, _LOG, _READ, _WRITE))
