"""Refusals: what is wrong, what the limit is and what to do, as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse, Response

__all__ = ["Refusal", "problem"]


class Refusal(Exception):  # noqa: N818  (what it is; no error of ours)
    """A request is refused.

    Args:
        status: HTTP status.
        detail: What is wrong, and what to do.
        reason: A word for it, for programs and for counting.
        retry_s: Seconds after which the same request may succeed; rounded up in ``Retry-After``.
        close: End the connection, because the rest of the request is not read.
        headers: Further headers.
        facts: Further members of the problem, such as the limit.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        reason: str = "",
        retry_s: float | None = None,
        close: bool = False,
        headers: dict[str, str] | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.reason = reason or HTTPStatus(status).phrase.lower().replace(" ", "_")
        self.retry_s = retry_s
        self.close = close
        self.headers = headers or {}
        self.facts = facts


def problem(refusal: Refusal) -> Response:
    """A refusal as most doors word it."""
    content = {
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "reason": refusal.reason,
        "detail": refusal.detail,
        **refusal.facts,
    }
    return JSONResponse(content, refusal.status, headers=headers_of(refusal), media_type="application/problem+json")


def headers_of(refusal: Refusal) -> dict[str, str]:
    """The headers every wording of a refusal carries."""
    headers = dict(refusal.headers)
    if refusal.retry_s is not None:
        headers["Retry-After"] = str(max(1, math.ceil(refusal.retry_s)))
    if refusal.close:
        headers["Connection"] = "close"
    return headers
