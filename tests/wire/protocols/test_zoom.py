"""Zoom's hellos, media kinds, peer-to-peer hello and address test."""

from __future__ import annotations

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.zoom import decode_zoom

NDPI = "confusable/ntop+nDPI/tests/cfgs/default/pcap/"
TOKEN = bytes(range(16))
HELLO, ANSWER = b"\1\0\3" + TOKEN + bytes(60), b"\2\0\3" + TOKEN + bytes(25)


def media(kind, direction=0):
    return b"\5\0\3\0\x4f\x83\x79" + bytes((direction, kind)) + b"\1\0\xfb" + bytes(60)


def test_hello_and_answer_with_one_token_name_it():
    flow = decode_zoom([HELLO, media(13), media(13), media(15)], [ANSWER, media(16, 4)])
    assert flow.media == (("audio", "screen"), ("video",))
    assert flow.screen_datagrams == (2, 0)


def test_answer_with_another_token_is_not_enough():
    with pytest.raises(DecodeError):
        decode_zoom([HELLO], [b"\2\0\3" + bytes(41)])


def test_peer_to_peer_screen_share_has_its_own_number():
    peer = b"\x1f\x02\x01" + bytes(30)
    flow = decode_zoom([peer, peer, b"\x1e" + bytes(60)], [peer])
    assert (flow.peer_to_peer, flow.screen_datagrams) == (True, (1, 0))


@pytest.mark.parametrize(
    "orig", [[], [b""], [b"\1\0\0\0" + bytes(144)], [b"\5\0" + bytes(40)] * 5, [b"\x1f\x02\x01" + bytes(30)]]
)
def test_other_flows_are_refused(orig):
    with pytest.raises(DecodeError):
        decode_zoom(orig, [])


@pytest.mark.parametrize(("name", "count"), [("zoom.pcap", 3), ("zoom2.pcap", 3), ("zoom_p2p.pcapng", 8)])
def test_every_zoom_flow_of_the_captures_is_named(name, count, flows_of):
    named = 0
    for flow in flows_of(NDPI + name):
        try:
            decode_zoom(*flow.datagrams)
            named += 1
        except DecodeError:
            continue
    assert named == count


def test_golden_of_a_media_flow(flows_of, golden):
    (flow,) = [flow for flow in flows_of(NDPI + "zoom2.pcap") if 57953 in flow.ports]
    golden("zoom", decode_zoom(*flow.datagrams))
