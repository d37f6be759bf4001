"""The first bytes of flows: protocols, handshakes, pages."""

from __future__ import annotations

import pytest

from farmwatch.collectors.heads import HeadReader
from farmwatch.records import Flow, Http, Tls
from farmwatch.wire.scan import scan_chunks
from farmwatch.wire.source import open_capture
from tests.lab.frames import Host
from tests.lab.hello import (
    certificate,
    client_hello,
    client_hello_message,
    quic_initial,
    record,
    server_flight12,
    server_flight13,
)

from .conftest import FAR, FAR6, LAPTOP, LAPTOP6

RDP_REQUEST = bytes.fromhex("030000130ee000000000000100080003000000")
RDP_CONFIRM = bytes.fromhex("030000130ed000001234000200080001000000")


BESIDE = Host("52:00:00:00:00:02", "10.0.0.9")


def only(tables, record):
    [row] = tables[record].rows()
    return row


@pytest.fixture
def chain():
    return (certificate("AnyNet Relay", "philandro Software GmbH", 1, ("AnyNet Root CA", "philandro"), ("a.example",)),)


def test_a_modern_handshake(capture):
    """Server name, offers, fingerprint and agreed version; the certificate is hidden."""
    capture.talk(443, client_hello("www.example.org", capture.rng), server_flight13(capture.rng))
    row = only(capture.tables(), Tls)
    assert (row.transport, row.server_name, row.alpn, row.client_side) == ("tcp", "www.example.org", "h2,http/1.1", 0)
    assert row.ja4.startswith("t13d")
    assert "1.3" in row.version
    assert row.subject_cn is None


def test_a_hello_of_two_segments_over_ipv6(capture):
    """A post-quantum share makes the hello longer than a segment."""
    hello = client_hello("pq.example.org", capture.rng, pq=True)
    assert len(hello) > 1460
    capture.talk(443, hello, server_flight13(capture.rng), ends=(LAPTOP6, FAR6))
    assert only(capture.tables(), Tls).server_name == "pq.example.org"


def test_an_older_handshake_shows_the_certificate(capture, chain):
    """Names of subject and issuer, alternative names, and the leaf's checksum."""
    capture.talk(443, client_hello("a.example", capture.rng), server_flight12(capture.rng, chain))
    row = only(capture.tables(), Tls)
    assert (row.subject_cn, row.issuer_cn, row.san) == ("AnyNet Relay", "AnyNet Root CA", "a.example")
    assert row.subject_org == "philandro Software GmbH"
    assert len(row.certificate_sha256) == 64


def test_a_client_that_answers_is_still_the_client(capture):
    """The hello may come from the end that did not open the connection."""
    capture.talk(443, server_flight13(capture.rng), client_hello("b.example", capture.rng))
    row = only(capture.tables(), Tls)
    assert (row.server_name, row.client_side) == ("b.example", 1)


CONNECT = b"CONNECT c.example:443 HTTP/1.1\r\nHost: c.example:443\r\n\r\n"
SOCKS = b"\x05\x01\x00\x05\x01\x00\x03\x09c.example\x01\xbb"
BEHIND = {
    "rdp": (RDP_REQUEST, RDP_CONFIRM, "rdp"),
    "connect": (CONNECT, b"HTTP/1.1 200 OK\r\n\r\n", None),
    "socks": (SOCKS, b"\x05\x00\x05\x00\x00\x01\x0a\x00\x00\x01\x04\x38", None),
}


@pytest.mark.parametrize(("orig", "resp", "protocol"), BEHIND.values(), ids=BEHIND)
def test_tls_behind_something_else(capture, chain, orig, resp, protocol):
    """After an RDP negotiation, a proxy's CONNECT or a SOCKS request, the handshake inside is read all the same."""
    hello, flight = client_hello("c.example", capture.rng), server_flight12(capture.rng, chain)
    capture.talk(3389, orig + hello, resp + flight)
    tables = capture.tables()
    row = only(tables, Tls)
    assert (row.server_name, row.subject_cn) == ("c.example", "AnyNet Relay")
    if protocol:
        assert only(tables, Flow).protocol == protocol


def with_client_certificate(capture, name):
    """Both sides of a TLS 1.2 handshake in which the client shows a certificate."""
    shown = certificate(name, "", 5)
    chain = len(shown).to_bytes(3, "big") + shown
    body = len(chain).to_bytes(3, "big") + chain
    message = b"\x0b" + len(body).to_bytes(3, "big") + body
    server = server_flight12(capture.rng, (certificate("server", "", 6),))
    return client_hello("a.example", capture.rng) + record(22, message), server


@pytest.mark.parametrize(("name", "kept"), [("AnyDesk Client", "AnyDesk Client"), ("jane.doe@example.org", None)])
def test_client_certificates_name_products_and_no_person(capture, name, kept):
    capture.talk(443, *with_client_certificate(capture, name))
    tables = capture.tables()
    assert only(tables, Tls).client_subject_cn == kept
    assert "jane" not in repr(list(tables[Tls].rows()))


@pytest.mark.parametrize("server_first", [True, False])
@pytest.mark.parametrize("ends", [(LAPTOP, FAR), (LAPTOP6, FAR6)], ids=["ipv4", "ipv6"])
def test_of_two_equal_greetings_the_first_is_the_driven_end(capture, ends, server_first):
    """The decoder is told who spoke first."""
    capture.talk(5900, b"RFB 003.008\n", b"RFB 003.008\n", server_first=server_first, ends=ends)
    assert only(capture.tables(), Flow).controlled_side == int(server_first)


def frame(data, masked):
    """One binary WebSocket frame; a mask of zeros leaves the payload as it is (RFC 6455 section 5.2)."""
    return bytes([0x82, len(data) | (0x80 if masked else 0)]) + (bytes(4) if masked else b"") + data


def test_a_console_in_a_browser_keeps_its_page(capture):
    """VNC inside a WebSocket is VNC, and its host, path and server are written down all the same."""
    asked = (
        b"GET /websockify HTTP/1.1\r\nHost: kvm\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    granted = b"HTTP/1.1 101 Switching Protocols\r\nServer: WebSockify\r\n\r\n"
    greeting = b"RFB 003.008\n"
    capture.talk(6080, asked + frame(greeting, True), granted + frame(greeting, False), ends=(LAPTOP, BESIDE))
    tables = capture.tables()
    flow, page = only(tables, Flow), only(tables, Http)
    assert (flow.protocol, flow.tunnel) == ("rfb", "websocket")
    assert (page.host, page.path, page.server, page.upgrade) == ("kvm", "/websockify", "WebSockify", "websocket")


def test_equal_handshakes_give_equal_facts_and_cannot_be_changed(capture):
    """Of flows with the same mark the first is decoded; what the others share cannot be written to."""
    opening, answer = client_hello("www.example.org", capture.rng), server_flight13(capture.rng)
    for number in range(5):
        capture.talk(443, opening, answer, at=number)
    capture.tape.write(capture.path)
    heads = HeadReader()
    with open_capture(capture.path, mode="compiled") as reader:
        scan_chunks(reader.chunks(), mode="compiled", on_heads=heads)
    assert len(heads.tls) == 5
    assert all(heads.tls[flow] == heads.tls[0] and heads.found[flow] == heads.found[0] for flow in heads.tls)
    with pytest.raises(TypeError):
        heads.tls[1]["server_name"] = "x"


def test_rdp_without_tls_has_no_handshake(capture):
    capture.talk(3389, RDP_REQUEST, RDP_CONFIRM)
    assert len(capture.tables()[Tls]) == 0


def test_quic_is_opened(capture):
    """The client's Initial is decrypted with the keys that everybody can derive."""
    hello = client_hello_message("q.example.org", capture.rng, alpn=("h3",), quic=True)
    capture.datagram(LAPTOP, 40000, FAR, 443, quic_initial(hello, b"\1" * 8, b"\2" * 8))
    row = only(capture.tables(), Tls)
    assert (row.transport, row.server_name, row.client_side) == ("quic", "q.example.org", 0)
    assert row.ja4.startswith("q13d")


def test_a_page_is_described_without_its_query(capture):
    """Method, host, path, status, server and title; nothing behind the question mark, no cookie."""
    body = b"<html><head><title>PiKVM Index</title></head></html>"
    capture.talk(
        80,
        b"GET /login?token=secret HTTP/1.1\r\nHost: kvm.example\r\nUser-Agent: curl/8\r\nCookie: a=b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\nX-UStreamer-Online: true\r\n"
        b"Content-Security-Policy: default-src 'self'; connect-src logs.example\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body),
        ends=(LAPTOP, BESIDE),
    )
    row = only(capture.tables(), Http)
    assert (row.method, row.host, row.path, row.status, row.server) == ("GET", "kvm.example", "/login", 200, "nginx")
    assert row.title == "PiKVM Index"
    assert [mark.split(":")[0] for mark in row.marks.split("\n")] == [
        "content-type", "server", "content-security-policy", "x-ustreamer-online"
    ]  # fmt: skip
    assert "secret" not in repr(row)
    assert "a=b" not in repr(row)


def test_an_icon_behind_a_page_is_hashed(capture):
    """The second answer of a connection counts as well."""
    icon = b"\x00\x00\x01\x00\x01\x00" + bytes(60)
    capture.talk(
        80,
        b"GET / HTTP/1.1\r\nHost: k\r\n\r\nGET /favicon.ico HTTP/1.1\r\nHost: k\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"
        b"HTTP/1.1 200 OK\r\nContent-Type: image/x-icon\r\nContent-Length: %d\r\n\r\n%s" % (len(icon), icon),
    )
    row = only(capture.tables(), Http)
    assert row.favicon_md5
    assert row.favicon_mmh3 is not None


@pytest.mark.parametrize("chosen", [b"", b"Upgrade: websocket\r\nSec-WebSocket-Protocol: binary\r\n"])
def test_a_websocket_says_what_it_carries(capture, chosen):
    """What the server took, else what the client offered."""
    capture.talk(
        80,
        b"GET /ws HTTP/1.1\r\nHost: k\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: binary, base64\r\n"
        b"Sec-WebSocket-Version: 13\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n" + chosen + b"\r\n",
    )
    assert only(capture.tables(), Http).upgrade == ("websocket binary" if chosen else "websocket binary base64")


def test_unknown_bytes_are_left_alone(capture):
    """A flow nobody recognises is still a flow."""
    capture.talk(4444, b"\x9f\x01\x02\x03" * 20, b"\x8e\x44\x10" * 30)
    tables = capture.tables()
    assert only(tables, Flow).protocol is None
    assert not len(tables[Tls])
    assert not len(tables[Http])


@pytest.mark.parametrize("seed", range(12))
def test_damaged_openings_never_raise(capture, chain, seed):
    """Bytes of a handshake and a page, broken at random places, give tables."""
    capture.rng.seed(seed)
    opening = bytearray(
        client_hello("www.example.org", capture.rng) if seed % 2 else b"GET / HTTP/1.1\r\nHost: k\r\n\r\n"
    )
    answer = bytearray(server_flight12(capture.rng, chain))
    for data in (opening, answer):
        for _ in range(6):
            data[capture.rng.randrange(5, len(data))] = capture.rng.randrange(256)
    capture.talk(443, bytes(opening), bytes(answer[: capture.rng.randrange(10, len(answer))]))
    assert len(capture.tables()[Flow]) == 1
