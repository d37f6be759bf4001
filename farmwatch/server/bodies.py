"""Bodies of requests: read within limits of size and time, unpacked within limits, as UTF-8."""

from __future__ import annotations

import asyncio
import codecs
import time
import zlib
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request

from farmwatch.server.problems import Refusal
from farmwatch.server.settings import Limits

if TYPE_CHECKING:
    from farmwatch.server.service import Service

__all__ = ["ENCODINGS", "chunks_of", "read_body", "to_utf8", "unpacked"]

ENCODINGS = ("gzip", "deflate", "zstd")  #: of ``Content-Encoding``
_START_S = 30.0  # a body may be this much behind the least speed
_FREE_RATIO = 1 << 20  # smaller results may have any ratio
_STEP = 1 << 18
_GZIP, _ZLIB, _RAW = 31, 15, -15  # zlib's words for the three formats
_PLAIN = ("utf-8", "ascii")
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_WINDOW = 1 << 27  # of zstd: what its level 22 needs at most without --long


async def read_body(request: Request, service: Service, limit: int | None = None) -> bytes:
    """The whole body of a request, unpacked, as UTF-8; its sender is charged for it.

    Args:
        request: Of a sender that :class:`~farmwatch.server.gate.Guard` let in.
        service: The server.
        limit: Bytes it may have, as sent and unpacked; the server's own limit where left out.

    Raises:
        Refusal: 400 cut or damaged; 408 too slow; 413 too large; 415 packed or encoded in a way not known; 503 too many
            bodies at once.
    """
    limits = service.settings.limits
    largest = min(limits.body_bytes, limit or limits.body_bytes)
    encoding = _encoding(request)
    charset = _charset(request)
    parts: list[bytes] = []
    size = 0
    with service.room.share() as room:
        async for chunk in chunks_of(request, limits, largest):
            room.take(len(chunk))
            parts.append(chunk)
            size += len(chunk)
        data = b"".join(parts)
        del parts
        if encoding:
            data = await service.ingest.work(unpacked, data, encoding, largest, limits.body_ratio)
        if charset not in _PLAIN or data[:2] in _MARKS:
            data = await service.ingest.work(to_utf8, data, charset, largest)
    service.metrics.bytes.add(len(data))
    service.gate.charge(request.scope["state"].get("sender"), len(data))
    return data


async def chunks_of(request: Request, limits: Limits, largest: int):  # type: ignore[no-untyped-def] # noqa: ANN201
    """Pieces of a body as they come, within a size and in time.

    Raises:
        Refusal: 400 bad or broken off; 408 too slow; 413 too large.
    """
    declared = request.headers.get("content-length")
    if declared is not None:
        if not (declared.isascii() and declared.isdigit()):
            raise Refusal(400, "Content-Length is no number", reason="content_length", close=True)
        if int(declared) > largest:
            raise too_large(largest)
    began, size = time.monotonic(), 0
    while True:
        allowed = min(limits.body_s, _START_S + size / limits.least_bytes_s) - (time.monotonic() - began)
        try:
            message = await asyncio.wait_for(request.receive(), max(0.001, min(limits.idle_s, allowed)))
        except TimeoutError as error:
            raise Refusal(
                408, f"the body came too slowly: {size} bytes in {time.monotonic() - began:.0f} s; send smaller bodies",
                reason="slow", close=True,
            ) from error  # fmt: skip
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > largest:
            raise too_large(largest)
        if chunk:
            yield chunk
        if not message.get("more_body", False):
            return


def too_large(limit: int) -> Refusal:
    """The refusal of a body that is too large."""
    return Refusal(
        413, f"the body is larger than {limit} bytes; send it in smaller ones", reason="too_large", limit=limit,
        close=True,
    )  # fmt: skip


def unpacked(data: bytes, encoding: str, limit: int, ratio: int) -> bytes:
    """A packed body unpacked, never more of it than the limit.

    Args:
        data: As sent.
        encoding: One of :data:`ENCODINGS`.
        limit: Bytes it may have.
        ratio: Times its packed size that it may have, where that is over a mebibyte.

    Raises:
        Refusal: 400 damaged or cut; 413 too large.
    """
    most = min(limit, max(_FREE_RATIO, ratio * len(data)))
    made = _unzstd(data, most) if encoding == "zstd" else _inflated(data, encoding, most)
    if len(made) > most:
        if most < limit:
            raise Refusal(
                413, f"the body unpacks to more than {ratio} times its size; send it in smaller ones or not packed",
                reason="ratio", limit=ratio,
            )  # fmt: skip
        raise too_large(limit)
    return made


def _inflated(data: bytes, encoding: str, most: int) -> bytes:
    """Of gzip (RFC 1952, any number of members) or deflate (RFC 1950; raw RFC 1951 as some send it)."""
    parts: list[bytes] = []
    size, rest = 0, data
    while rest:
        stream = zlib.decompressobj(_GZIP if encoding == "gzip" else _ZLIB if _is_zlib(rest) else _RAW)
        while not stream.eof:
            try:
                piece = stream.decompress(rest, _STEP)
            except zlib.error as error:
                raise _damaged(encoding, str(error)) from error
            rest = stream.unconsumed_tail
            size += len(piece)
            parts.append(piece)
            if size > most:
                return b"".join(parts)
            if not rest and not stream.eof and not piece:
                raise _damaged(encoding, "it is cut")
        rest = stream.unused_data.lstrip(b"\0") if encoding == "gzip" else b""
    if not data:
        raise _damaged(encoding, "it is empty")
    return b"".join(parts)


def _is_zlib(data: bytes) -> bool:
    """Whether bytes begin with a head of RFC 1950: method 8, and a check that makes 16 bits a multiple of 31."""
    return len(data) > 1 and data[0] & 0x0F == 8 and int.from_bytes(data[:2]) % 31 == 0


def _unzstd(data: bytes, most: int) -> bytes:
    """Of Zstandard (RFC 8878), any number of frames."""
    import zstandard

    parts: list[bytes] = []
    size = 0
    rest = data
    try:
        while rest:
            stream = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj(write_size=_STEP)
            at = 0
            while not stream.eof:
                if at >= len(rest):
                    raise _damaged("zstd", "it is cut")
                piece = stream.decompress(rest[at : at + 1024])  # a kibibyte gives at most some mebibytes at once
                at += 1024
                size += len(piece)
                parts.append(piece)
                if size > most:
                    return b"".join(parts)
            rest = stream.unused_data + rest[at:]
    except zstandard.ZstdError as error:
        raise _damaged("zstd", str(error)) from error
    if not data:
        raise _damaged("zstd", "it is empty")
    return b"".join(parts)


def _damaged(encoding: str, why: str) -> Refusal:
    return Refusal(400, f"the body is not {encoding} as its Content-Encoding says: {why}", reason="damaged")


def to_utf8(data: bytes, charset: str, limit: int) -> bytes:
    """Text in another character set as UTF-8; UTF-16 is also known by its byte-order mark.

    Raises:
        Refusal: 400 not in that character set; 413 larger in UTF-8 than allowed.
    """
    if data[:2] in _MARKS:
        charset = "utf-16"
    if charset in _PLAIN:
        return data
    try:
        made = data.decode(charset).encode()
    except UnicodeError as error:
        raise Refusal(400, f"the body is not {charset}: {error}", reason="charset") from error
    if len(made) > limit:
        raise too_large(limit)
    return made


def _encoding(request: Request) -> str:
    """How the body is packed; empty for not at all.

    Raises:
        Refusal: 415 in a way not known.
    """
    given = request.headers.get("content-encoding", "").strip().lower()
    if given in ("", "identity"):
        return ""
    known = given.removeprefix("x-")
    if known not in ENCODINGS:
        raise Refusal(
            415, f"Content-Encoding {given[:40]!r} is not known; pack with {', '.join(ENCODINGS)}, or not at all",
            reason="encoding", headers={"Accept-Encoding": ", ".join(ENCODINGS)}, close=True,
        )  # fmt: skip
    return known


def _charset(request: Request) -> str:
    """The character set a body says it has, by Python's name of it.

    Raises:
        Refusal: 415 not known.
    """
    for part in request.headers.get("content-type", "").split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() != "charset":
            continue
        wanted = value.strip().strip("\"'").lower()
        try:
            found = codecs.lookup(wanted).name
            "".encode(found)
        except (LookupError, ValueError):
            found = ""
        if found not in _CHARSETS:
            raise Refusal(415, f"charset {wanted[:40]!r} is not known; send UTF-8", reason="charset", close=True)
        return found
    return "utf-8"


_CHARSETS = ("utf-8", "ascii", "utf-16", "utf-16-le", "utf-16-be", "iso8859-1", "iso8859-15", "cp1252", "utf-8-sig")
