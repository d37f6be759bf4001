"""Whatever is sent, the server answers or closes, soon, and goes on serving others."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import re
import socket
import time
import zlib

import pytest
import zstandard

from tests.server.serving import received, until

ROW = b'{"device_id":"a","ts":"2026-03-04T10:00:00","name":"a.example"}\n'
INGEST = "/v1/ingest/dns"


def head(served, size, *more: str, method="POST", path=INGEST) -> bytes:
    """A request's head; without a size, chunked."""
    length = "Transfer-Encoding: chunked" if size is None else f"Content-Length: {size}"
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {served.secret}", length, *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def well(served) -> None:
    """The server goes on."""
    assert served.ask("GET", "/healthz").status == 200
    assert served.ask("POST", INGEST, ROW, token=served.secret).status == 200


def status(answer: bytes) -> int:
    """The status of a raw answer; 0 for none."""
    return int(answer.split()[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def test_every_address_needs_a_token(served):
    """No route but /healthz lets anybody in without a token, known or not, whatever the method."""
    guarded = served.server.config.loaded_app
    while not hasattr(guarded, "_open"):
        guarded = guarded.app
    app, asked = guarded._app, []
    for path, methods in app.openapi()["paths"].items():
        real = re.sub(r"\{\w+\}", "x", path.replace("{kind}", "dns").replace("{upload_id}", "0" * 32))
        for method in (*methods, "put", "delete", "options"):
            for headers in ({}, {"Authorization": "Bearer fw_guess"}, {"Authorization": "Basic ZndfOmZ3Xw=="}):
                answer = served.ask(method.upper(), real, b"{}", headers=headers)
                asked.append(real)
                if real == "/healthz":
                    assert answer.status in (200, 405)
                elif real in guarded._open:
                    own = answer.status in (400, 401, 403, 404, 405)
                    assert own or json.loads(answer.body).get("node_invalid") is True, (method, real, answer)
                else:
                    assert answer.status == 401, (method, real, answer)
    assert {"/metrics", "/docs", "/openapi.json", INGEST, "/v1/captures"} <= set(asked)
    for path in (
        "/",
        "/redoc",
        "/docs/oauth2-redirect",
        "/nothing",
        "/healthz/",
        "//healthz",
        "/healthz/../metrics",
        "/x?y=/healthz",
    ):
        assert served.ask("GET", path).status == 401, path


def test_routes_are_all_described(served):
    """No route is hidden from the description, so that the test above walks all of them."""
    guarded = served.server.config.loaded_app
    while not hasattr(guarded, "_open"):
        guarded = guarded.app
    described = set(guarded._app.openapi()["paths"])
    assert {path for path in paths_of(guarded._app.routes) if path not in described} == set()


def paths_of(routes) -> set[str]:
    """Paths of routes, also of routers inside."""
    found = set()
    for route in routes:
        inner = getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", None)
        if inner:
            found |= paths_of(inner)
        elif hasattr(route, "path"):
            found.add(route.path)
    return found


@pytest.mark.parametrize(
    ("packed", "encoding", "wanted"),
    [
        (gzip.compress(bytes(40 << 20)), "gzip", 413),
        (gzip.compress(b"\n" * (40 << 20)), "gzip", 413),
        (zstandard.compress(bytes(400 << 20)), "zstd", 413),
        (zlib.compress(bytes(40 << 20)), "deflate", 413),
        (zlib.compress(bytes(40 << 20))[2:-4], "deflate", 413),
        (gzip.compress(b"") * 20_000, "gzip", 200),
        (gzip.compress(ROW)[:-6], "gzip", 400),
        (zstandard.compress(ROW)[:-2], "zstd", 400),
        (b"no gzip", "gzip", 400),
        (b"", "gzip", 400),
        (b"", "zstd", 400),
        (gzip.compress(gzip.compress(ROW)), "gzip, gzip", 415),
        (ROW, "br", 415),
        (ROW, "x" * 4000, 415),
    ],
    ids=["gzip", "gzip-lines", "zstd", "zlib", "raw-deflate", "empty-members", "cut-gzip", "cut-zstd", "no-gzip",
         "nothing", "nothing-zstd", "twice", "unknown", "long-name"],
)  # fmt: skip
def test_bombs_and_broken_packing_are_answered(served, packed, encoding, wanted):
    """What unpacks to too much, or not at all, is refused before it takes memory or time."""
    began = time.monotonic()
    answer = served.ask("POST", INGEST, packed, token=served.secret, headers={"Content-Encoding": encoding})
    assert answer.status == wanted, answer
    assert time.monotonic() - began < 5
    if wanted != 200:
        assert json.loads(answer.body)["detail"]
    well(served)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"[" * 500_000, (200, 400)),
        (b'{"a":' * 150_000, (200, 400)),
        (b'{"device_id":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", (200,)),
        (b"[" + b"[[[[]]]]," * 50_000 + b"1]", (200, 400, 413)),
        (b"{}\n" * 2001, (413,)),
        (b"\n" * 500_000, (413,)),
        (b"{}" * 100_000, (413, 200)),
        (b'{"a' + b"x" * 900_000 + b'":1}\n', (200,)),
        (b"\0" * 900_000, (200, 400)),
        (b"\xff\xfe" + b"\0" * 900_000, (200, 400, 413)),
        (b"PAR1" + b"\0" * 100, (415,)),
        (b"," * 900_000 + b"\n1", (413,)),
        (b"", (200,)),
    ],
    ids=["arrays", "objects", "deep-value", "many-arrays", "rows", "blank-lines", "no-newlines", "long-name", "zeros",
         "utf-16", "parquet", "columns", "nothing"],
)  # fmt: skip
def test_hostile_documents_are_answered(served, body, wanted):
    """Deep, long, many or meaningless: an account or a refusal, and nothing else happens."""
    began = time.monotonic()
    answer = served.ask("POST", INGEST, body, token=served.secret)
    assert answer.status in wanted, answer
    assert time.monotonic() - began < 10
    if answer.status == 200:
        account = json.loads(answer.body)
        assert account["records"] == account["used"] + account["rejected"] + account["not_needed"]
    well(served)


def test_more_names_than_rows_stay_small(served):
    """Lines whose fields all have other names do not make a column for each line."""
    body = b"".join(b'{"n%d":1}\n' % number for number in range(1900))
    began = time.monotonic()
    answer = served.ask("POST", INGEST, body, token=served.secret)
    assert (answer.status, json.loads(answer.body)["rejected"]) == (200, 1900)
    assert time.monotonic() - began < 5


def test_a_large_body_is_refused_at_its_head(served):
    """Content-Length alone decides: the answer comes before a byte of the body."""
    answer = served.raw(head(served, 4 << 30))
    assert status(answer) == 413
    assert b"Connection: close" in answer or b"connection: close" in answer
    for size in ("-1", "1e9", "0x10", "9" * 40, "1, 1"):
        assert status(served.raw(head(served, size))) in (400, 413), size
    well(served)


def test_a_chunked_body_is_cut_off_at_the_limit(served):
    """A body that does not say its size is read up to the limit and no further."""
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
        connection.sendall(head(served, None))
        with contextlib.suppress(OSError):
            for _ in range(1000):
                connection.sendall(chunk)
        assert status(received(connection)) in (413, 0)
    well(served)


def test_chunked_bodies_are_read(served):
    """Many small chunks are one body."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(ROW), ROW) for _ in range(50)) + b"0\r\n\r\n"
    answer = served.raw(head(served, None, "Connection: close") + body)
    assert status(answer) == 200
    assert b'"used":50' in answer


@pytest.mark.parametrize(
    "data",
    [
        b"GET /" + b"a" * 100_000,
        b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000,
        b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: y\r\n" % number for number in range(20_000)),
        b"a" * 100_000,
        b"\0" * 100_000,
        b"\r\n" * 100_000,
        b"GET / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=["line", "header", "headers", "names", "letters", "zeros", "newlines", "smuggled", "tls", "websocket", "http2"],
)  # fmt: skip
def test_what_is_no_request_is_answered_or_closed(served, data):
    """Endless lines and headers end with 431 or 400, or the connection does; within the time for headers."""
    began = time.monotonic()
    answer = served.raw(data, wait=10)
    assert status(answer) in (0, 400, 401, 408, 431), answer
    assert time.monotonic() - began < 6
    well(served)


def test_endless_chunk_extensions_and_trailers_are_cut_off(served):
    """Neither an extension of a chunk nor a trailer may go on for ever."""
    for data in (b"5;" + b"a" * 200_000, b"0\r\nX: " + b"a" * 200_000, b"0\r\n" + b"X: y\r\n" * 40_000):
        assert status(served.raw(head(served, None) + data, wait=10)) in (0, 400, 408, 431)
    well(served)


def test_slow_headers_are_cut_off(served):
    """A byte now and then does not keep a connection: headers have a time."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            for byte in b"GET /healthz HTTP/1.1\r\nHost: " + b"x" * 100:
                connection.sendall(bytes([byte]))
                time.sleep(0.1)
        assert status(received(connection)) in (0, 408)
        assert time.monotonic() - began < 15
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:  # says nothing
        began = time.monotonic()
        assert received(connection) == b""
        assert time.monotonic() - began < 5


def test_slow_bodies_are_cut_off(served):
    """A body that stops, or trickles, is answered with 408."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
        connection.sendall(head(served, 1000) + b"{")
        began = time.monotonic()
        assert status(received(connection)) == 408
        assert time.monotonic() - began < 6
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
        connection.sendall(head(served, 1000))
        began = time.monotonic()
        with contextlib.suppress(OSError):
            for _ in range(100):
                connection.sendall(b" ")
                time.sleep(0.2)
        assert status(received(connection)) in (0, 408)
        assert time.monotonic() - began < 25
    well(served)


def test_a_client_that_does_not_read_is_cut_off(served):
    """Who asks for much and reads nothing does not keep its connection, nor what waits for it in memory."""
    request = head(served, 0, method="GET", path="/openapi.json")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(5)
        connection.connect(("127.0.0.1", served.port))
        with contextlib.suppress(OSError):
            for _ in range(3000):
                connection.sendall(request)
        until(lambda: not served.server.server_state.connections, 10)
    well(served)


def test_a_refused_request_does_not_keep_its_connection(served):
    """Who is refused and goes on sending is read for a moment, then the connection ends."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
        connection.sendall(b"POST /v1/ingest/dns HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        began, answer = time.monotonic(), b""
        with contextlib.suppress(OSError):
            for _ in range(200):
                connection.sendall(b" " * 100)
                time.sleep(0.05)
        answer = received(connection)
        assert time.monotonic() - began < 6
        assert status(answer) in (0, 401)


def test_many_connections_do_not_lock_others_out(served):
    """Above the limit unused connections make room for new ones, and busy ones end in time."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socket.create_connection(("127.0.0.1", served.port))) for _ in range(60)]
        well(served)
        assert len(opened) == 60
        assert len(served.server.server_state.connections) <= 42
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", served.port)))
            with contextlib.suppress(OSError):
                one.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        time.sleep(2.5)
        well(served)


def test_pipelined_requests_are_answered_in_order(served):
    """Several requests at once on one connection are each answered."""
    request = head(served, len(ROW)) + ROW
    answer = served.raw(request * 3 + head(served, len(ROW), "Connection: close") + ROW)
    assert answer.count(b"HTTP/1.1 200 OK") == 4


def test_other_methods_and_addresses_are_refused(served):
    """Behind the gate, what is not there is 404 and a wrong method 405, as problems."""
    for method, path, wanted in (
        ("GET", "/nothing", 404),
        ("PUT", INGEST, 405),
        ("POST", "/v1/ingest/nothing", 404),
        ("POST", "/v1/ingest/../../etc/passwd", 404),
        ("POST", "/v1/ingest/%2e%2e%2fetc", 404),
        ("POST", "/v1/ingest/dns%00", 404),
        ("GET", "/v1/captures/../../../etc/passwd", 404),
        ("GET", "/v1/captures/..%2f..%2fetc%2fpasswd", 404),
        ("GET", f"/v1/captures/{'0' * 32}", 404),
        ("PATCH", f"/v1/captures/{'0' * 31}/", 404),
    ):
        answer = served.ask(method, path, b"", token=served.secret)
        assert answer.status == wanted, (method, path, answer)
        assert answer.headers["content-type"] == "application/problem+json"
        assert json.loads(answer.body)["status"] == wanted


def test_mutated_requests_end_in_an_answer_or_a_close(served):
    """Hundreds of damaged requests, each on its own connection: an answer or a close in time, and nothing breaks."""
    chance = random.Random(11)
    packed = gzip.compress(ROW * 20)
    whole = [
        head(served, len(ROW), "Connection: close") + ROW,
        head(served, len(packed), "Content-Encoding: gzip", "Connection: close") + packed,
        head(served, None, "Connection: close") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(ROW), ROW),
        head(served, 2, "Connection: close", path="/v1/captures") + b"{}",
        head(served, 0, "Connection: close", method="GET", path="/metrics"),
    ]
    for number in range(300):
        data = bytearray(whole[number % len(whole)])
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(data))
            change = chance.randrange(4)
            if change == 0:
                data[at] = chance.randrange(256)
            elif change == 1:
                del data[at : at + chance.randrange(1, 20)]
            elif change == 2:
                data[at:at] = chance.randbytes(chance.randrange(1, 20))
            else:
                data[at:at] = data[max(0, at - 30) : at]
        with socket.create_connection(("127.0.0.1", served.port), timeout=15) as connection:
            connection.sendall(bytes(data))
            connection.shutdown(socket.SHUT_WR)
            answer = received(connection)
        assert status(answer) in (0, 200, 201, 400, 401, 403, 404, 405, 408, 413, 415, 431, 501), (data, answer)
    well(served)
    assert served.service.ingest.settle()
    assert served.service.metrics.feed_failures.lines()[2:] == []
