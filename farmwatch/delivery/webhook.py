"""A small JSON to an address of the user's, for chats and pagers: counts, and which devices are new or worse.

It holds device ids and levels and nothing of any person. With a secret every body is signed (HMAC-SHA-256, RFC 2104),
so that the receiver knows where it comes from. Redirects are not followed: they would carry it elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from farmwatch.delivery.failing import DeliveryError, PassingError, tried
from farmwatch.delivery.trust import trusted
from farmwatch.records.morning import Morning, MorningCase
from farmwatch.reports.escape import ascii_text

__all__ = ["MOST_DEVICES", "SIGNATURE", "body", "check", "post", "read_secret"]

MOST_DEVICES = 100  #: devices named; the counts say how many there are
SIGNATURE = "X-Farmwatch-Signature"  #: header with ``sha256=`` and the HMAC of the body in hex
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_TIMEOUT_S = 15.0
_MOST_ANSWER = 4096
_AGAIN = frozenset({408, 425, 429})  # statuses below 500 that may pass


def check(url: str) -> SplitResult:
    """An address that may be posted to.

    Raises:
        DeliveryError: it is none, or what is sent would cross a network in the clear.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise DeliveryError(f"{url!r}: no address: {error}") from error
    if not url.isascii() or not url.isprintable() or " " in url:
        raise DeliveryError(f"{url!r}: an address has no spaces and no characters beyond ASCII")
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        raise DeliveryError(f"{url!r}: expected https://HOST[:PORT]/PATH")
    if parts.scheme == "http" and parts.hostname not in _LOCAL:
        raise DeliveryError(f"{parts.hostname}: would be sent in the clear; use https")
    if parts.username or parts.password:
        raise DeliveryError(f"{parts.hostname}: user and password in an address end up in logs; sign it instead")
    return parts


def read_secret(path: Path) -> bytes:
    """The key that bodies are signed with, without the line break at its end.

    Raises:
        DeliveryError: it cannot be read, is short, or others could read it too.
    """
    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise DeliveryError(f"{path}: others may read the secret; chmod 600 it")
        secret = path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise DeliveryError(f"{path}: the secret cannot be read: {error.strerror or error}") from error
    if len(secret) < 16:
        raise DeliveryError(f"{path}: a secret has at least 16 bytes; 'openssl rand -hex 32' makes one")
    return secret


def body(morning: Morning) -> bytes:
    """What is posted; the same report gives the same bytes."""
    said: dict[str, Any] = {
        "kind": "farmwatch.morning",
        "schema_version": 1,
        "run_id": morning.run.run_id,
        "until": morning.run.until,
        "compared_with": morning.before.run_id if morning.before is not None else None,
        "counts": dict(morning.counts),
        "farms": len(morning.farms),
        "new_or_worse": [_line(case) for case in morning.new_or_worse[:MOST_DEVICES]],
        "left_out": max(len(morning.new_or_worse) - MOST_DEVICES, 0),
    }
    return json.dumps(said, separators=(",", ":")).encode("ascii")


def _line(case: MorningCase) -> Mapping[str, str | None]:
    return {
        "device_id": case.device_id,
        "change": str(case.change),
        "level": str(case.level),
        "driven": str(case.assessment.driven.level),
        "abroad": str(case.assessment.abroad.level),
        "farm": str(case.assessment.farm.level),
        "farm_id": case.farm_id,
    }


def post(
    url: str, data: bytes, *, report_id: str, secret: bytes | None = None, ca_file: Path | None = None, **retrying: Any
) -> None:
    """Send a body.

    Args:
        url: https, or http on this machine.
        data: what :func:`body` gives.
        report_id: what was compared with what; goes out as ``Idempotency-Key``, so that a repeated one is known.
        secret: signs it.
        ca_file: certificates to trust instead of the system's.
        retrying: how often and how long to wait, see :func:`~farmwatch.delivery.failing.tried`.

    Raises:
        DeliveryError: the server refused it, or could not be reached.
    """
    parts = check(url)
    headers = {"Content-Type": "application/json", "User-Agent": "farmwatch", "Idempotency-Key": report_id}
    if secret is not None:
        headers[SIGNATURE] = f"sha256={hmac.new(secret, data, hashlib.sha256).hexdigest()}"
    tried(lambda: _post(parts, data, headers, ca_file), **retrying)


def _post(parts: SplitResult, data: bytes, headers: Mapping[str, str], ca_file: Path | None) -> None:
    host = parts.hostname or ""
    connection: http.client.HTTPConnection
    try:
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(host, parts.port, timeout=_TIMEOUT_S, context=trusted(ca_file))
        else:
            connection = http.client.HTTPConnection(host, parts.port, timeout=_TIMEOUT_S)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, data, dict(headers))
            answer = connection.getresponse()
            said = ascii_text(answer.read(_MOST_ANSWER)[:200].decode("utf-8", "replace"))
        finally:
            connection.close()
    except ssl.SSLError as error:
        raise DeliveryError(f"webhook {host}: no trusted TLS: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        raise PassingError(f"webhook {host}: {type(error).__name__}: {error}") from error
    if 200 <= answer.status < 300:
        return
    kind = PassingError if answer.status >= 500 or answer.status in _AGAIN else DeliveryError
    raise kind(f"webhook {host}: {answer.status} {said}")
