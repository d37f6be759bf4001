"""HTTP decoder: hand-made heads, tshark's reading of real ones, one golden capture.

Goldens are remade with ``FARMWATCH_GOLDEN=write pytest tests/wire``.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import time
import timeit
import zlib

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.http import (
    favicon,
    favicon_mmh3,
    html_title,
    parse_request_head,
    parse_response_head,
)
from farmwatch.wire.protocols.text import printable

CAPTURES = (
    "negative/arkime+arkime/tests/pcap/v6-http.pcap",
    "negative/ntop+nDPI/tests/cfgs/default/pcap/android.pcap",
    "negative/ntop+nDPI/tests/cfgs/default/pcap/ocsp.pcapng",
    "confusable/arkime+arkime/tests/pcap/socks-http-example.pcap",
    "negative/ntop+nDPI/tests/cfgs/default/pcap/WebattackRCE.pcap",
)
PAGE = b"<html><head>\n<TITLE lang=en>\n  PiKVM &amp; Login\n</title></head>"
ICON = b"\x00\x00\x01\x00" + bytes(range(256)) * 4


def text(layer, name):
    """Tshark's value as our escaped text."""
    value = layer.one(name, "")
    return printable(value.encode(), 512) if value.isascii() else None


def compare(layers):
    """Every sound request and response that starts its layer, column by column."""
    compared = 0
    for layer in layers:
        # a blank before the colon is forbidden (RFC 9112 section 5.1); tshark then shows no field, we read it
        if (
            layer.broken
            or re.search(rb"\r\n[A-Za-z-]+\s+:", layer.raw)
            or not re.match(rb"(\r\n)*([A-Z][A-Z_-]+ +[^ \r\n]+ +)?HTTP/\d\.\d[ \r\n]", layer.rest)
        ):
            continue
        if layer.all("http_request_method"):
            request = parse_request_head(layer.rest)
            uri = layer.one("http_request_uri")
            found = {
                "method": request.method,
                "target": request.target,
                "host": request.host,
                "agent": request.user_agent,
                "type": request.content_type,
                "upgrade": request.upgrade,
            }
            expected = {
                "method": layer.one("http_request_method"),
                "target": target(uri),
                "host": text(layer, "http_host"),
                "agent": text(layer, "http_user_agent"),
                "type": text(layer, "http_content_type"),
                "upgrade": text(layer, "http_upgrade"),
            }
        elif layer.all("http_response_code") and layer.number("http_response_code") != 100:
            response = parse_response_head(layer.rest)
            found = {
                "status": response.status,
                "server": response.server,
                "type": response.content_type,
                "location": response.location,
                "coding": response.content_encoding,
            }
            expected = {
                "status": layer.number("http_response_code"),
                "server": text(layer, "http_server"),
                "type": text(layer, "http_content_type"),
                "location": re.split("[?#]", text(layer, "http_location") or "")[0][:256],
                "coding": text(layer, "http_content_encoding"),
            }
        else:
            continue
        differences = {
            column: (found[column], expected[column])
            for column in found
            if expected[column] is not None and found[column] != expected[column]
        }
        assert not differences, f"frame {layer.frame}: {differences}"
        compared += 1
    return compared


def target(uri):
    """Path of a request target without scheme, host, query and parameters; None where tshark's text is not ASCII."""
    if not uri.isascii():
        return None
    absolute = re.match(r"[a-zA-Z][a-zA-Z0-9+.-]{0,15}://[^/?#]*", uri)
    path = uri[absolute.end() :] or "/" if absolute else uri
    return printable(re.split("[?#;]", path)[0].encode(), 256)


def response(body=b"", *fields):
    lines = b"".join(field + b"\r\n" for field in (*fields, b"Content-Length: %d" % len(body)))
    return b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n" + body


def test_request_head_keeps_facts_and_drops_secrets():
    """Method, path, host and agent are kept; query, cookie, credentials and values of x- fields are not."""
    parsed = parse_request_head(
        b"GET /api/ws?token=hunter2#x HTTP/1.1\r\nHOST: kvm.local\r\nUser-Agent: curl/8\x1b[2J\r\n"
        b"Cookie: sid=hunter2\r\n"
        b"Authorization: Basic hunter2\r\nX-Forwarded-For: hunter2\r\n"
        b"Origin: https://hunter2@kvm.local\r\nUpgrade: websocket\r\n\r\n"
    )
    assert (parsed.method, parsed.target, parsed.version, parsed.host) == ("GET", "/api/ws", "HTTP/1.1", "kvm.local")
    assert (parsed.user_agent, parsed.x_names, parsed.has_credentials) == ("curl/8\\x1b[2J", ("x-forwarded-for",), True)
    assert (parsed.upgrade, parsed.origin, parsed.complete) == ("websocket", "https://kvm.local", True)
    assert "hunter2" not in repr(parsed)


def test_proxy_requests_name_the_far_end():
    """CONNECT and absolute targets give the far host; the inner stream of CONNECT starts behind the head."""
    tunnel = parse_request_head(b"CONNECT relay.example:443 HTTP/1.1\r\n\r\n\x16\x03\x01")
    assert (tunnel.authority, tunnel.body_start) == ("relay.example:443", 38)
    absolute = parse_request_head(b"GET http://me:secret@kvm.example/a;s=1 HTTP/1.0\r\n\r\n")
    assert (absolute.authority, absolute.target) == ("kvm.example", "/a")


def test_cut_head_says_so():
    """A head without its empty line gives the whole lines it has."""
    parsed = parse_request_head(b"GET / HTTP/1.1\r\nHost: kvm\r\nUser-Ag")
    assert (parsed.host, parsed.user_agent, parsed.complete) == ("kvm", "", False)


def test_folded_fields_are_joined():
    """A line that starts with a blank goes on with the field before it, and a thousand of them stay bounded."""
    assert parse_response_head(b"HTTP/1.1 200 OK\r\nServer:\r\n\tuS\r\n 2\r\n\r\n").server == "uS 2"
    assert len(parse_request_head(b"GET / HTTP/1.1\r\nHost: a\r\n" + b" b\r\n" * 1000 + b"\r\n").host) == 512


def test_response_head_of_a_video_stream():
    """A motion-JPEG server shows by its boundary, field names and fixed expiry date."""
    parsed = parse_response_head(
        b"HTTP/1.0 200 OK\r\nServer: uS\r\nContent-Type: multipart/x-mixed-replace;boundary=boundarydonotcross\r\n"
        b"X-UStreamer-Online: true\r\nSet-Cookie: sid=hunter2\r\nExpires: Mon, 3 Jan 2000 12:34:56 GMT\r\n"
        b'WWW-Authenticate: Basic realm="Restricted"\r\nLocation: http://u:p@kvm/x?y=hunter2\r\n\r\n'
    )
    assert parsed.content_type.endswith("boundary=boundarydonotcross")
    assert (parsed.x_names, parsed.expires) == (("x-ustreamer-online",), "Mon, 3 Jan 2000 12:34:56 GMT")
    assert (parsed.realm, parsed.location, parsed.status) == ("Restricted", "http://kvm/x", 200)
    assert "hunter2" not in repr(parsed)


def test_interim_response_is_passed_over():
    """100 Continue is not the answer; 101 is."""
    assert parse_response_head(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n\r\n").status == 201
    assert parse_response_head(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x82\x05").status == 101


@pytest.mark.parametrize(
    "data",
    [b"", b"\r\n" * 9, b"GET /", b"RTSP/1.0 200 OK\r\n", b"OPTIONS * RTSP/1.0\r\n\r\n", b"\x16\x03\x01\x02\0" * 9],
)
def test_other_bytes_are_refused(data):
    """Anything that is no whole HTTP/1 start line is an error on both sides."""
    with pytest.raises(DecodeError):
        parse_request_head(data)
    with pytest.raises(DecodeError):
        parse_response_head(data)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(response(PAGE, b"Content-Type: text/html"), id="plain"),
        pytest.param(response(gzip.compress(PAGE), b"Content-Encoding: gzip"), id="gzip"),
        pytest.param(response(zlib.compress(PAGE), b"Content-Encoding: deflate"), id="deflate"),
        pytest.param(response(zlib.compress(PAGE)[2:-4], b"Content-Encoding: deflate"), id="raw deflate"),
        pytest.param(response(gzip.compress(PAGE * 50), b"Content-Encoding: gzip")[:-20], id="cut gzip"),
        pytest.param(response(("\ufeff" + PAGE.decode()).encode("utf-16-le")), id="utf-16"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20;x=1\r\n"
            + PAGE[:32]
            + b"\r\n%x\r\n" % len(PAGE[32:])
            + PAGE[32:]
            + b"\r\n0\r\n\r\n",
            id="chunked",
        ),
        pytest.param(b"HTTP/1.1 304 Not Modified\r\n\r\n" + response(PAGE), id="second response"),
    ],
)
def test_title_of_a_page(head):
    """The title comes out whatever the transfer or content coding, with entities resolved and space collapsed."""
    assert html_title(head) == "PiKVM & Login"


def test_title_character_sets():
    """The declared character set is used if it is one of the web's; an unknown one falls back."""
    word = "Вход"
    assert (
        html_title(
            response(b"<title>" + word.encode("cp1251") + b"</title>", b"Content-Type: text/html; charset=windows-1251")
        )
        == word
    )
    assert html_title(response(b"<meta charset='koi8-r'><title>" + word.encode("koi8-r"))) == word
    assert html_title(response(b"<meta charset=rot13><title>kvm")) == "kvm"


def test_title_is_bounded_and_escaped():
    """A title is at most 200 characters and cannot carry control or direction characters."""
    assert len(html_title(response(b"<title>" + b"a" * 1999))) == 200
    assert html_title(response(b"<title>a\x1b[2J\xe2\x80\xaeb")) == "a\\x1b[2J\\xe2\\x80\\xaeb"


def test_no_title():
    """Other content, other codings and pages without a title give an empty string."""
    assert html_title(response(PAGE, b"Content-Type: image/png")) == ""
    assert html_title(response(PAGE, b"Content-Encoding: br")) == ""
    assert html_title(response(b"<p>none", b"Content-Type: text/html")) == ""


def test_expansion_is_capped():
    """A bomb of 16 MiB costs 64 KiB."""
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = bomb.compress(bytes(1 << 24)) + bomb.flush()
    assert html_title(response(body, b"Content-Encoding: gzip")) == ""
    spent = timeit.timeit(
        lambda: html_title(response(body, b"Content-Encoding: gzip")), number=10, timer=time.process_time
    )
    assert spent / 10 < 0.05


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"hello", 0x248BFA47),
        (b"The quick brown fox jumps over the lazy dog", 0x2E4FF723),
        (b"test", -1167338989),
    ],
)
def test_murmur_vectors(monkeypatch, data, expected):
    """MurmurHash3 x86 32-bit agrees with the published vectors of its reference implementation."""
    monkeypatch.setattr("farmwatch.wire.protocols.http.base64.encodebytes", lambda body: body)
    assert favicon_mmh3(data) == expected


def test_icon_fingerprint_needs_the_whole_icon():
    """An icon is hashed when all of it is there, also behind another response, and not when it is cut."""
    head = response(PAGE) + response(ICON, b"Content-Type: image/x-icon")
    found = favicon(head)
    assert found is not None
    assert (found.md5, found.size_bytes, found.mmh3) == (hashlib.md5(ICON).hexdigest(), len(ICON), favicon_mmh3(ICON))
    assert favicon(head[:-1]) is None
    assert favicon(response(PAGE)) is None


def test_icon_that_expands_beyond_measure_is_not_hashed(monkeypatch):
    """Two hundred bytes cannot make the hash work on tens of kilobytes, nor twice on the same bytes."""
    hashed = []
    monkeypatch.setattr("farmwatch.wire.protocols.http.favicon_mmh3", lambda body: hashed.append(len(body)) or 1)
    for size in (60_000, 16_385, 16_384, 16_384):
        body = gzip.compress(ICON[:4] + bytes(size - 4))
        favicon(response(body, b"Content-Encoding: gzip"))
    assert hashed == [16_384]


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("capture", CAPTURES)
def test_agrees_with_tshark(tshark_layers, capture):
    """Every column equals tshark's, head by head."""
    assert compare(tshark_layers(capture, "http")) > 0


def test_golden_capture(flows_of, names_golden):
    """Heads and titles of one capture do not change unseen."""
    rows = []
    for flow in flows_of(CAPTURES[0]):
        try:
            request, answer = parse_request_head(flow.head(0)), parse_response_head(flow.head(1))
        except DecodeError:
            continue
        rows.append([request.method, request.target, request.host, request.user_agent])
        rows.append([answer.status, answer.server, answer.content_type, html_title(flow.head(1))])
    assert rows
    names_golden("http", rows)
