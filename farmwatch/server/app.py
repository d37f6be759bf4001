"""The application: the gate in front, behind it the doors, captures, health, metrics and the page of addresses."""

from __future__ import annotations

import html
import logging
import re
import warnings
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from farmwatch.errors import StoreError
from farmwatch.server.captures import captures_router
from farmwatch.server.doors import DOORS
from farmwatch.server.gate import HEALTH, Guard
from farmwatch.server.problems import Refusal, problem
from farmwatch.server.service import Service

__all__ = ["create_app"]

_LOG = logging.getLogger("farmwatch.server")
_SENTENCE = "Takes in what agents, sensors and sign-in systems send. Every address but /healthz needs a token."


def create_app(service: Service) -> FastAPI:
    """The application of a server; its gate is in ``app.state.guarded``, which is what is served."""
    from farmwatch import __version__

    app = FastAPI(
        title="farmwatch", version=__version__, summary=_SENTENCE, docs_url=None, redoc_url=None, openapi_url=None,
        redirect_slashes=False,
    )  # fmt: skip
    app.include_router(_own_router(app, service))
    app.include_router(captures_router(service))
    for door in DOORS:
        app.include_router(door.router(service))

    def wording(path: str) -> Callable[[Refusal], Response]:
        return next((door.refuse for door in DOORS if door.has(path)), problem)

    async def refused(request: Request, error: Exception) -> Response:
        refusal = _refusal(error)
        service.metrics.refused.add(1, refusal.reason)
        return wording(request.url.path)(refusal)

    for kind in (Refusal, StoreError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, refused)
    own_check = [path for door in DOORS for path in door.own_check]
    app.openapi = cache(partial(_described, app, app.openapi))  # type: ignore[method-assign]  # FastAPI's way to do it
    app.state.guarded = Guard(app, service.gate, own_check, wording, service.metrics)
    return app


def _refusal(error: Exception) -> Refusal:
    """Any error as a refusal."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, HTTPException):
        return Refusal(
            error.status_code, "there is nothing here; GET /docs lists the addresses", close=True,
            headers=dict(error.headers or {}),
        )  # fmt: skip
    if isinstance(error, RequestValidationError):
        listed = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:10])
        return Refusal(400, listed, reason="invalid", close=True)
    if isinstance(error, StoreError):
        _LOG.error("the store cannot be used: %s", error)
        return Refusal(503, f"the store cannot be used: {error}", reason="store", retry_s=10, close=True)
    return Refusal(500, "a fault of farmwatch; the server's log says more", reason="fault", close=True)


def _own_router(app: FastAPI, service: Service) -> APIRouter:
    """Health, metrics and the page of addresses."""
    router = APIRouter(tags=["server"])

    @router.get(HEALTH, summary="Whether rows are taken and committed; the one address without a token.")
    async def health() -> Response:
        trouble = service.trouble()
        content = {"status": "unavailable", "reason": trouble} if trouble else {"status": "ok"}
        return JSONResponse(content, 503 if trouble else 200, headers={"Retry-After": "10"} if trouble else None)

    @router.get("/metrics", summary="Counters for Prometheus.")
    async def metrics(request: Request) -> Response:
        service.gate.let_pass(request.state.token, "metrics")
        return PlainTextResponse(service.metrics.text(), media_type="text/plain; version=0.0.4")

    @router.get("/openapi.json", summary="This description as OpenAPI.")
    async def description() -> Response:
        return JSONResponse(app.openapi())

    @router.get("/docs", summary="This description as a page.")
    async def page() -> Response:
        return HTMLResponse(
            _page(app.openapi()),
            headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
        )

    return router


def _described(app: FastAPI, describe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The OpenAPI description, with an id for each method of a route that has several."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duplicate Operation ID")
        made = describe()
    for path, methods in made["paths"].items():
        for method, what in methods.items():
            what["operationId"] = re.sub(r"\W+", "_", f"{method}_{path}").strip("_")
    app.openapi_schema = made
    return made


def _page(description: dict[str, Any]) -> str:
    """The addresses as a page without scripts and without anything from elsewhere."""
    rows = []
    for path, methods in description["paths"].items():
        for method, what in methods.items():
            text = html.escape(what.get("description", ""))
            rows.append(
                f"<tr><td><code>{method.upper()} {html.escape(path)}</code><td>{html.escape(what.get('summary', ''))}"
                f"{'<p>' if text else ''}{text}"
            )
    title = html.escape(f"{description['info']['title']} {description['info']['version']}")
    return (
        f"<!doctype html><meta charset=utf-8><title>{title}</title><style>body{{font:16px/1.5 sans-serif;"
        "margin:2em auto;max-width:70em}td{vertical-align:top;padding:.4em .8em;"
        "border-top:1px solid #ccc}p{margin:.3em 0}</style>"
        f"<h1>{title}</h1><p>{html.escape(_SENTENCE)} <a href=/openapi.json>openapi.json</a><table>{''.join(rows)}"
        "</table>\n"
    )
