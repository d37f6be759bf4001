"""HTTP/1 heads of both sides, the title of a small clear page, and the fingerprint of its icon.

Sources: RFC 9112 (message syntax, chunked coding), RFC 9110 (fields), RFC 9111 section 5.3 (Expires), WHATWG HTML
section 4.2.2 (title). The icon hash is the one device search engines use: MurmurHash3 x86 32-bit (A. Appleby, public
domain) with seed 0 over the base64 text of the icon in 76-character lines.

Privacy: queries, user information, cookies, credentials and bodies never leave this module; of ``x-*`` fields only the
names do.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.text import printable, printable_text

__all__ = [
    "Favicon",
    "HttpRequest",
    "HttpResponse",
    "favicon",
    "favicon_mmh3",
    "html_title",
    "parse_request_head",
    "parse_response_head",
    "raw_fields",
]

_MAX_HEAD = 16384
_MAX_FIELDS = 100
_MAX_TARGET = 256
_MAX_NAME = 64
_MAX_VALUE = 512
_MAX_MESSAGES = 16
_MAX_BODY = 65536
_MAX_ICON = 16384  # icons of several sizes; hashing happens in Python
_MAX_TITLE = 200

_REQUEST_LINE = re.compile(rb"([A-Z][A-Z_-]{1,23}) +([^ \r\n]{1,8192}) +(HTTP/\d\.\d) *\r?\n")
_STATUS_LINE = re.compile(rb"(HTTP/\d\.\d) +(\d{3})(?: [^\r\n]*)?\r?\n")
_ABSOLUTE = re.compile(rb"[a-zA-Z][a-zA-Z0-9+.-]{0,15}://([^/?#]*)")
_REALM = re.compile(r"realm *= *(?:\"([^\"]*)\"|([^\s,]+))", re.IGNORECASE)
_TITLE = re.compile(rb"<title(?:\s[^<>]{0,200})?>([^<]{0,2000})", re.IGNORECASE)
_CHARSET = re.compile(rb"charset\s{0,9}=\s{0,9}[\"']?([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
# names starting like this are kept: maker-chosen fields and the isolation headers KVM front ends set
_NAMED = (b"x-", b"cross-origin-")
# encodings of web pages (WHATWG Encoding); Python's other codecs are no text encodings or cost too much
_ENCODINGS = re.compile(
    r"utf-?8|us-ascii|iso-8859-\d{1,2}|latin-?1|windows-125\d|shift[_-]jis|euc-(jp|kr)|gb(2312|k|18030)|big5|koi8-[ru]"
)
_ICON_MAGIC = (b"\x00\x00\x01\x00", b"\x89PNG\r\n\x1a\n", b"GIF8", b"<svg")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """Head of the first request of a connection; fields it lacks are empty.

    ``target`` is the path without its query, of CONNECT the host and port; ``authority`` is the host and port of a
    CONNECT or of an absolute target, as proxies get them. ``body_start`` is the offset behind the head; behind a
    CONNECT the inner stream starts there. ``complete`` is false where the head was cut.
    """

    method: str
    target: str
    version: str
    host: str
    authority: str
    user_agent: str
    content_type: str
    upgrade: str
    origin: str
    has_credentials: bool
    x_names: tuple[str, ...]
    body_start: int
    complete: bool


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """Head of the first final response of a connection; fields it lacks are empty.

    ``content_type`` keeps its parameters (a motion-JPEG boundary names its server), ``realm`` is that of
    WWW-Authenticate, ``location`` has no query, ``security_policy`` is Content-Security-Policy, ``content_length`` is
    None where the server does not say. Interim responses (1xx except 101) are passed over.
    """

    version: str
    status: int
    server: str
    content_type: str
    content_encoding: str
    content_length: int | None
    chunked: bool
    location: str
    realm: str
    upgrade: str
    expires: str
    security_policy: str
    x_names: tuple[str, ...]
    body_start: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Favicon:
    """Fingerprints of an icon seen whole: signed MurmurHash3 of its base64 lines, MD5, and its size in bytes."""

    mmh3: int
    md5: str
    size_bytes: int


def parse_request_head(head: bytes) -> HttpRequest:
    r"""Decode the first request head (RFC 9112 section 3); sample: ``GET /api/ws?x=1 HTTP/1.1\r\nHost: kvm\r\n\r\n``.

    Raises:
        DecodeError: the bytes do not start with a whole HTTP/1 request line.
    """
    line, fields, body_start, complete = _request(head)
    method, target, authority = _target(line)
    values = _Fields(fields)
    return HttpRequest(
        method,
        target,
        line[3].decode("ascii"),
        values.text(b"host"),
        authority,
        values.text(b"user-agent"),
        values.text(b"content-type"),
        values.text(b"upgrade"),
        _without_query(values.text(b"origin")),
        b"authorization" in values.raw or b"proxy-authorization" in values.raw,
        values.names(),
        body_start,
        complete,
    )


def parse_response_head(head: bytes) -> HttpResponse:
    r"""Decode the first final response head (RFC 9112 section 4); sample: ``HTTP/1.1 200 OK\r\nServer: x\r\n\r\n``.

    Raises:
        DecodeError: the bytes do not start with a whole HTTP/1 status line.
    """
    return _response(head, 0)


def html_title(head: bytes) -> str:
    """Title of the first HTML page in the server's bytes, at most 200 characters; empty where there is none.

    Sample: a body ``<title>PiKVM Index</title>`` gives ``PiKVM Index``. Chunked transfer is joined, gzip and deflate
    are expanded to at most 64 KiB.

    Raises:
        DecodeError: the bytes do not start with an HTTP/1 response.
    """
    for response, body, _ in _bodies(head):
        if response.content_type and "html" not in response.content_type.lower():
            continue
        page = _expanded(body, response.content_encoding)
        if page.startswith((b"\xff\xfe", b"\xfe\xff")):
            page = page.decode("utf-16", "replace").encode()
        found = _TITLE.search(page)
        if found:
            charset = _CHARSET.search(response.content_type.encode()) or _CHARSET.search(page[:1024])
            text = html.unescape(_decoded(found[1], charset[1].decode("ascii") if charset else "utf-8"))
            return printable_text(" ".join(text.split()), _MAX_TITLE)
    return ""


def favicon(head: bytes) -> Favicon | None:
    """Fingerprints of the first icon that lies whole in the server's bytes, None where there is none.

    Sample: a response of type ``image/x-icon`` whose 1,150 bytes are all there.

    Raises:
        DecodeError: the bytes do not start with an HTTP/1 response.
    """
    for response, body, complete in _bodies(head):
        if not complete or response.status != 200:
            continue
        found = _fingerprint(body, response.content_encoding)
        if found is not None:
            return found
    return None


@lru_cache(maxsize=256)  # a console's page asks for its icon again and again
def _fingerprint(body: bytes, encoding: str) -> Favicon | None:
    """Fingerprints of a body that is an icon of at most 16 KiB, as few bytes as it may have travelled in."""
    icon = _expanded(body, encoding, _MAX_ICON + 1)
    if not icon.startswith(_ICON_MAGIC) or len(icon) > _MAX_ICON:
        return None
    return Favicon(favicon_mmh3(icon), hashlib.md5(icon, usedforsecurity=False).hexdigest(), len(icon))


def favicon_mmh3(body: bytes) -> int:
    """Signed 32-bit MurmurHash3 (x86, seed 0) of the icon's base64 text in lines of 76 characters."""
    return _murmur3_32(base64.encodebytes(body))


def raw_fields(head: bytes) -> dict[str, bytes]:
    """Header fields of the first head by lower-case name, for decoders of what HTTP upgrades to; never to be stored."""
    start = len(head) - len(head.lstrip(b"\r\n"))
    lines, _, _ = _fields(head, head.find(b"\n", start) + 1)
    return {printable(name, _MAX_NAME): value for name, value in _Fields(lines).raw.items()}


class _Fields:
    """Header fields by lower-case name of at most 64 bytes, the first of each kept."""

    def __init__(self, lines: list[bytes]) -> None:
        self.raw: dict[bytes, bytes] = {}
        for line in lines:
            name, colon, value = line.partition(b":")
            if colon and name:
                self.raw.setdefault(name.strip(b" \t").lower()[:_MAX_NAME], value.strip(b" \t\r"))

    def text(self, name: bytes) -> str:
        value = self.raw.get(name)
        return printable(value, _MAX_VALUE) if value else ""

    def names(self) -> tuple[str, ...]:
        return tuple([printable(name, _MAX_NAME) for name in self.raw if name.startswith(_NAMED)])

    def length(self) -> int | None:
        value = self.raw.get(b"content-length", b"")
        return int(value) if value.isdigit() and len(value) < 16 else None

    def chunked(self) -> bool:
        return b"chunked" in self.raw.get(b"transfer-encoding", b"").lower()


def _fields(head: bytes, start: int) -> tuple[list[bytes], int, bool]:
    """Lines of a head from ``start``, the offset behind its empty line, and whether that line was there."""
    lines: list[bytes] = []
    position = start
    limit = min(len(head), start + _MAX_HEAD)
    while position < limit:
        end = head.find(b"\n", position, limit)
        if end < 0:
            break
        line = head[position:end].rstrip(b"\r")
        position = end + 1
        if not line:
            return lines, position, True
        if line[0] in b" \t" and lines:  # a folded line goes on with the one before (RFC 9112 section 5.2)
            lines[-1] += b" " + line.strip(b" \t")
        elif len(lines) < _MAX_FIELDS:
            lines.append(line)
    # the last line is cut: its value may be too, so it does not count
    return lines, len(head), False


def _request(head: bytes) -> tuple[re.Match[bytes], list[bytes], int, bool]:
    start = 0
    while head[start : start + 2] == b"\r\n" and start < 8:  # RFC 9112 section 2.2: empty lines before a request
        start += 2
    line = _REQUEST_LINE.match(head, start)
    if not line:
        raise DecodeError("no HTTP/1 request line")
    return line, *_fields(head, line.end())


def _target(line: re.Match[bytes]) -> tuple[str, str, str]:
    """Method, path without query, and the authority of CONNECT or an absolute target (RFC 9112 section 3.2)."""
    method, target = line[1].decode("ascii"), line[2]
    if method == "CONNECT":
        authority = printable(target.rpartition(b"@")[2], _MAX_TARGET)
        return method, authority, authority
    authority = ""
    absolute = _ABSOLUTE.match(target)
    if absolute:
        authority = printable(absolute[1].rpartition(b"@")[2], _MAX_TARGET)
        target = target[absolute.end() :] or b"/"
    return method, printable(re.split(rb"[?#;]", target, maxsplit=1)[0], _MAX_TARGET), authority


# Head, title and icon of one answer are asked for one after the other, and each starts with its head.
@lru_cache(maxsize=16)
def _response(head: bytes, start: int) -> HttpResponse:
    for _ in range(_MAX_MESSAGES):
        line = _STATUS_LINE.match(head, start)
        if not line:
            break
        status = int(line[2])
        lines, body_start, complete = _fields(head, line.end())
        if 100 <= status < 200 and status != 101 and complete and body_start < len(head):
            start = body_start
            continue
        values = _Fields(lines)
        realm = _REALM.search(values.text(b"www-authenticate"))
        return HttpResponse(
            line[1].decode("ascii"),
            status,
            values.text(b"server"),
            values.text(b"content-type"),
            values.text(b"content-encoding"),
            values.length(),
            values.chunked(),
            _without_query(values.text(b"location")),
            (realm[1] or realm[2] or "") if realm else "",
            values.text(b"upgrade"),
            values.text(b"expires"),
            values.text(b"content-security-policy"),
            values.names(),
            body_start,
            complete,
        )
    raise DecodeError("no HTTP/1 status line")


def _without_query(url: str) -> str:
    """URL without query, fragment and user information."""
    url = re.split(r"[?#]", url, maxsplit=1)[0][:_MAX_TARGET]
    scheme, slashes, rest = url.partition("://")
    if slashes:
        authority, slash, path = rest.partition("/")
        return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
    return url


def _bodies(head: bytes) -> Iterator[tuple[HttpResponse, bytes, bool]]:
    """Each response of the connection with its body as far as it is there, and whether that is all of it."""
    position = 0
    for _ in range(_MAX_MESSAGES):
        try:
            response = _response(head, position)
        except DecodeError:
            if not position:
                raise
            return
        body, position, complete = _body(head, response)
        yield response, body, complete
        if not complete:
            return


def _body(head: bytes, response: HttpResponse) -> tuple[bytes, int, bool]:
    """Body, the offset behind it, and whether it is whole (RFC 9112 section 6.3)."""
    start = response.body_start
    if not response.complete:
        return b"", len(head), False
    # 204 and 304 have no body; a response to HEAD has none either and is followed by the next status line
    if response.status in (101, 204, 304) or head.startswith(b"HTTP/1.", start):
        return b"", start, True
    if response.chunked:
        return _dechunked(head, start)
    if response.content_length is None:
        return head[start:], len(head), False
    end = start + response.content_length
    return head[start:end], end, end <= len(head)


def _dechunked(data: bytes, position: int) -> tuple[bytes, int, bool]:
    """Chunks joined (RFC 9112 section 7.1); trailer fields are passed over."""
    chunks: list[bytes] = []
    while True:
        end = data.find(b"\n", position, position + 256)
        size_text = data[position:end].partition(b";")[0].strip() if end > 0 else b""
        if not 0 < len(size_text) < 9 or size_text.translate(None, b"0123456789abcdefABCDEF"):
            return b"".join(chunks), len(data), False
        size = int(size_text, 16)
        position = end + 1
        if size == 0:
            _, behind, complete = _fields(data, position)
            return b"".join(chunks), behind, complete
        chunks.append(data[position : position + size])
        position += size
        if position >= len(data):
            return b"".join(chunks), len(data), False
        position = data.find(b"\n", position, position + 2) + 1 or len(data)


def _expanded(body: bytes, encoding: str, most: int = _MAX_BODY) -> bytes:
    """Body without its content coding, at most so many bytes; what a damaged or unknown coding hides is left out."""
    coding = encoding.strip().lower()
    if coding in ("", "identity"):
        return body[:most]
    if coding in ("gzip", "x-gzip"):
        attempts: tuple[int, ...] = (31,)
    elif coding == "deflate":
        attempts = (15, -15)  # with the zlib wrapper as RFC 9110 section 8.4.1.2 says, and without, as some servers do
    else:
        return b""
    for window in attempts:
        try:
            return zlib.decompressobj(window).decompress(body, most)
        except zlib.error:
            continue
    return b""


def _decoded(raw: bytes, charset: str) -> str:
    name = charset.lower()
    encoding = name if _ENCODINGS.fullmatch(name) else "utf-8"
    try:
        return raw.decode(encoding, "replace" if encoding.startswith("utf") else "strict")
    except (UnicodeDecodeError, LookupError):
        return raw.decode("latin-1")


def _murmur3_32(data: bytes) -> int:
    """MurmurHash3_x86_32 with seed 0, as a signed number."""
    mask = 0xFFFFFFFF
    state = 0
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        block = int.from_bytes(data[at : at + 4], "little") * 0xCC9E2D51 & mask
        block = (block << 15 | block >> 17) & mask
        state ^= block * 0x1B873593 & mask
        state = (state << 13 | state >> 19) & mask
        state = state * 5 + 0xE6546B64 & mask
    tail = int.from_bytes(data[whole:], "little") * 0xCC9E2D51 & mask
    tail = (tail << 15 | tail >> 17) & mask
    state ^= tail * 0x1B873593 & mask
    state ^= len(data)
    state = (state ^ state >> 16) * 0x85EBCA6B & mask
    state = (state ^ state >> 13) * 0xC2B2AE35 & mask
    state ^= state >> 16
    return state - (1 << 32) if state & 0x80000000 else state
