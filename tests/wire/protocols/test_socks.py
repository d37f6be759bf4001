"""SOCKS decoder: hand-made exchanges, real ones, and the RDP session inside a proxy connection.

Goldens are remade with ``FARMWATCH_GOLDEN=write pytest tests/wire``.
"""

from __future__ import annotations

from socket import AF_INET6, inet_pton

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.socks import parse_socks_reply, parse_socks_request

CAPTURES = (
    "confusable/arkime+arkime/tests/pcap/socks-http-example.pcap",
    "confusable/arkime+arkime/tests/pcap/socks-http-pass.pcap",
    "confusable/cisco+mercury/unit_tests/pcaps/socks4_5.pcap",
    "confusable/ntop+nDPI/tests/cfgs/default/pcap/socks.pcap",
    "confusable/zeek+zeek/testing/btest/Traces/socks-with-ssl.pcap",
    "confusable/FoxIO-LLC+ja4/pcap/socks-https-example.pcap",
)
REQUEST5 = b"\x05\x01\x00" + b"\x05\x01\x00\x03\x09kvm.local\x17\x0c"
REPLY5 = b"\x05\x00" + b"\x05\x00\x00\x01\x0a\0\0\1\x1f\x90"


def test_request_by_name():
    """The asked host and port are read, and the inner stream starts behind them on both sides."""
    request = parse_socks_request(REQUEST5 + b"RFB 003.008\n")
    assert (request.version, request.command, request.host, request.port) == (5, 1, "kvm.local", 5900)
    assert (request.methods, (REQUEST5 + b"RFB")[request.inner_start :]) == ((0,), b"RFB")
    reply = parse_socks_reply(REPLY5 + b"RFB")
    assert (reply.granted, reply.bound, reply.port, (REPLY5 + b"RFB")[reply.inner_start :]) == (
        True,
        "10.0.0.1",
        8080,
        b"RFB",
    )


def test_sign_in_is_stepped_over():
    """User name and password are passed over on the way to the request and never kept."""
    head = b"\x05\x02\x00\x02\x01\x02me\x07hunter2\x05\x01\x00\x04" + inet_pton(AF_INET6, "2001:db8::7") + b"\x0d\x3d"
    request = parse_socks_request(head)
    assert (request.host, request.port, request.inner_start) == ("2001:db8::7", 3389, len(head))
    assert "hunter2" not in repr(request)
    reply = parse_socks_reply(b"\x05\x02\x01\x00" + REPLY5[2:])
    assert (reply.method, reply.granted) == (2, True)


def test_version_4_and_4a():
    """SOCKS4 asks by address, 4a by name behind the user name."""
    assert parse_socks_request(b"\x04\x01\x17\x0c\x0a\0\0\7me\0").host == "10.0.0.7"
    request = parse_socks_request(b"\x04\x01\x17\x0c\0\0\0\1me\0kvm.local\0RFB")
    assert (request.host, request.port, request.inner_start) == ("kvm.local", 5900, 21)
    reply = parse_socks_reply(b"\x00\x5a\x00\x00\x0a\0\0\7RFB")
    assert (reply.version, reply.granted, reply.inner_start) == (4, True, 8)


def test_refusal_and_missing_request():
    """A refusal says so; a greeting alone has no host and no inner stream."""
    refused = parse_socks_reply(b"\x05\xff")
    assert (refused.method, refused.granted) == (255, None)
    assert parse_socks_reply(b"\x05\x00\x05\x02\x00\x01" + bytes(6)).granted is False
    request = parse_socks_request(b"\x05\x01\x00")
    assert (request.host, request.command, request.inner_start) == ("", 0, 3)


@pytest.mark.parametrize(
    "head", [b"", b"\x05", b"\x05\x00\x00", b"\x05\x09\x00", b"\x04\x01\x00", b"\x04\x09" + bytes(20), b"\x06" * 9]
)
def test_other_bytes_are_refused(head):
    """Anything that is no whole greeting or request is an error."""
    with pytest.raises(DecodeError):
        parse_socks_request(head)


@pytest.mark.parametrize("head", [b"", b"\x05", b"\x05\x07", b"\x00\x10" + bytes(6), b"\x00\x5a\x00", b"HTTP/1.1"])
def test_other_replies_are_refused(head):
    """Anything that is no first answer of a proxy is an error."""
    with pytest.raises(DecodeError):
        parse_socks_reply(head)


def exchanges(flows):
    """Both sides of every flow that is SOCKS."""
    for flow in flows:
        try:
            yield flow, parse_socks_request(flow.head(0)), parse_socks_reply(flow.head(1))
        except DecodeError:
            continue


@pytest.mark.parametrize("capture", CAPTURES)
def test_inner_streams_are_what_they_should_be(flows_of, capture):
    """Behind the offsets of both sides lies HTTP or TLS, which these captures carry."""
    seen = 0
    for flow, request, reply in exchanges(flows_of(capture)):
        inner = flow.head(0)[request.inner_start :], flow.head(1)[reply.inner_start :]
        if request.command != 1 or not reply.granted or not inner[0] or not inner[1]:
            continue
        assert inner[0].startswith((b"GET ", b"POST ", b"HEAD ", b"\x16\x03", b"\x80", b"SSH-"))
        assert inner[1].startswith((b"HTTP/1.", b"\x16\x03", b"SSH-"))
        seen += 1
    assert seen


def test_rdp_inside_a_proxy_connection(corpus, flows_of):
    """The corpus holds an RDP session through SOCKS5: its connection request lies where the offset says."""
    names = sorted(path for path in corpus.glob("positive/**/*") if "socks" in path.name.lower())
    if not names:
        pytest.skip("no positive SOCKS capture in this corpus")
    starts = []
    for path in names:
        for flow, request, reply in exchanges(flows_of(str(path.relative_to(corpus)))):
            starts.append((flow.head(0)[request.inner_start :][:2], flow.head(1)[reply.inner_start :][:2]))
    assert (b"\x03\x00", b"\x03\x00") in starts


def test_golden_capture(flows_of, names_golden):
    """Hosts and offsets of one capture do not change unseen."""
    rows = [
        [request.version, request.host, request.port, list(request.methods), request.inner_start, reply.inner_start]
        for _, request, reply in exchanges(flows_of(CAPTURES[2]))
    ]
    assert rows
    names_golden("socks", rows)
