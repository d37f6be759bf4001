"""WebSocket decoder: hand-made handshakes and frames, tshark's reading of real ones, one golden capture.

Goldens are remade with ``FARMWATCH_GOLDEN=write pytest tests/wire``.
"""

from __future__ import annotations

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.websocket import (
    WebsocketFrame,
    accept_for,
    parse_frame_headers,
    parse_websocket_request,
    parse_websocket_response,
)

CAPTURES = (
    "confusable/OISF+suricata-verify/tests/websocket/basic_websockets.pcap",
    "confusable/zeek+zeek/testing/btest/Traces/websocket/jupyter-websocket.pcap",
    "confusable/zeek+zeek/testing/btest/Traces/websocket/broker-websocket.pcap",
    "confusable/zeek+zeek/testing/btest/Traces/websocket/wstunnel-ssh.pcap",
)
REQUEST = (
    b"GET /websockify?token=hunter2 HTTP/1.1\r\nHost: kvm:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://kvm:8080\r\n"
    b"Sec-WebSocket-Protocol: binary, chat\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
RESPONSE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: binary\r\n\r\n\x82\x05RFB 0"
)


def compare(layers):
    """Every sound frame, field by field."""
    compared = 0
    for layer in layers:
        if layer.broken or layer.number("websocket_opcode") > 10:
            continue
        frame = parse_frame_headers(layer.raw)[0]
        length = (
            layer.number("websocket_payload_length_ext_64")
            or layer.number("websocket_payload_length_ext_16")
            or layer.number("websocket_payload_length")
        )
        expected = (layer.one("websocket_fin"), layer.number("websocket_opcode"), layer.one("websocket_mask"), length)
        assert (frame.final, frame.opcode, frame.masked, frame.length) == expected, f"frame {layer.frame}"
        compared += 1
    return compared


def test_upgrade_of_both_sides():
    """Path, host, origin and sub-protocols are read, the query is not, and the accept value is the one expected."""
    request = parse_websocket_request(REQUEST)
    assert (request.target, request.host, request.origin) == ("/websockify", "kvm:8080", "http://kvm:8080")
    assert (request.subprotocols, request.version) == (("binary", "chat"), "13")
    response = parse_websocket_response(RESPONSE)
    assert (response.subprotocol, response.accept) == ("binary", request.accept)
    assert parse_frame_headers(RESPONSE[response.body_start :]) == [WebsocketFrame(2, True, False, 5, 2)]
    assert "hunter2" not in repr(request)


def test_accept_value_of_the_specification():
    """The sample key of RFC 6455 section 1.3 gives its accept value."""
    assert accept_for(b"dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_frame_lengths_of_all_widths():
    """7, 16 and 64 bit lengths, masks and continuation frames are walked; the cut last frame counts."""
    data = b"\x02\x85mask12345\x80\x7e\x01\x00" + bytes(256) + b"\x89\x00" + b"\x82\x7f" + (1 << 40).to_bytes(8, "big")
    frames = parse_frame_headers(data)
    assert [(f.opcode, f.final, f.masked, f.length) for f in frames] == [
        (2, False, True, 5),
        (0, True, False, 256),
        (9, True, False, 0),
        (2, True, False, 1 << 40),
    ]
    assert frames[0].payload_start == 6


def test_frames_are_bounded():
    """A stream of empty frames gives the first 64."""
    assert len(parse_frame_headers(b"\x82\x00" * 1000)) == 64


@pytest.mark.parametrize(
    "data", [b"", b"\x82", b"\xf2\x00", b"\x83\x00", b"\x09\x00", b"\x89\x7e\x00\x80", b"\x82\x7e\x01"]
)
def test_impossible_frames_are_refused(data):
    """Reserved bits and opcodes, fragmented or long control frames, and cut headers are errors."""
    with pytest.raises(DecodeError):
        parse_frame_headers(data)


@pytest.mark.parametrize("head", [b"", b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\nUpgrade: websocket\r\n\r\n"])
def test_ordinary_http_is_refused(head):
    """HTTP that does not switch to a WebSocket is an error on both sides."""
    with pytest.raises(DecodeError):
        parse_websocket_request(head)
    with pytest.raises(DecodeError):
        parse_websocket_response(head)


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("capture", CAPTURES)
def test_agrees_with_tshark(tshark_layers, capture):
    """Opcode, mask, length and final bit of every frame equal tshark's."""
    assert compare(tshark_layers(capture, "websocket")) > 0


@pytest.mark.parametrize("capture", CAPTURES)
def test_heads_of_real_flows(flows_of, capture):
    """The server's accept value in real captures is the one the client's key asks for."""
    seen = 0
    for flow in flows_of(capture):
        try:
            request, response = parse_websocket_request(flow.head(0)), parse_websocket_response(flow.head(1))
        except DecodeError:
            continue
        assert request.accept == response.accept
        seen += 1
    assert seen


def test_golden_capture(flows_of, names_golden):
    """Handshakes and first frames of one capture do not change unseen."""
    rows = []
    for capture in CAPTURES[1:3]:
        for flow in flows_of(capture):
            try:
                request, response = parse_websocket_request(flow.head(0)), parse_websocket_response(flow.head(1))
            except DecodeError:
                continue
            frames = parse_frame_headers(flow.head(1)[response.body_start :])
            rows.append([request.host, request.origin, request.subprotocols, response.server])
            rows.append([[frame.opcode, frame.length] for frame in frames])
    names_golden("websocket", rows)
