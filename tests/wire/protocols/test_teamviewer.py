"""TeamViewer's framing on TCP and UDP, and its old web tunnel."""

from __future__ import annotations

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.teamviewer import decode_dyngate, decode_teamviewer, decode_teamviewer_udp

KEEPALIVE = bytes.fromhex("17241b0000")
COMMAND = bytes.fromhex("17240a2000") + bytes(32)
STAGE = bytes.fromhex("1130360018000000") + bytes(16 + 24)


def test_samples_of_the_module():
    stream = decode_teamviewer(COMMAND + KEEPALIVE, STAGE)
    assert (stream.messages, stream.keepalives, stream.commands) == ((2, 1), 1, (0x0A, 0x1B, 0x36))


def test_a_lone_keepalive_is_enough_and_a_lone_prefix_is_not():
    assert decode_teamviewer(KEEPALIVE, b"").keepalives == 1
    for orig, resp in (
        (b"\x17\x24abcdefgh", b""),
        (COMMAND, b"HTTP/1.1 200"),
        (b"", b""),
        (b"\x11\x30\x36\0\xff\xff\xff\x7f", b""),
    ):
        with pytest.raises(DecodeError):
            decode_teamviewer(orig, resp)


def test_udp_wants_two_marked_datagrams():
    marked = bytes(11) + b"\x17\x24\x40" + bytes(20)
    assert decode_teamviewer_udp([marked], [marked]).messages == (1, 1)
    for orig in ([marked], [marked, *[bytes(30)] * 5], []):
        with pytest.raises(DecodeError):
            decode_teamviewer_udp(orig, [])


def test_web_tunnel_is_known_by_its_user_agent_only():
    asked = b"GET /din.aspx?s=1 HTTP/1.1\r\nHost: x\r\nUser-Agent: Mozilla/4.0 (compatible; MSIE 6.0; DynGate)\r\n\r\n"
    assert decode_dyngate(asked, b"").messages == (1, 0)
    with pytest.raises(DecodeError):
        decode_dyngate(b"GET /DynGate HTTP/1.1\r\nHost: DynGate\r\n\r\nUser-Agent: DynGate", b"")


def test_capture_on_both_transports(flows_of, golden):
    found = {}
    for flow in flows_of("positive/ntop+nDPI/tests/cfgs/default/pcap/teamviewer.pcap"):
        found[flow.proto] = (
            decode_teamviewer(flow.head(0), flow.head(1))
            if flow.proto == "tcp"
            else decode_teamviewer_udp(*flow.datagrams)
        )
    golden("teamviewer_tcp", found["tcp"])
    golden("teamviewer_udp", found["udp"])
