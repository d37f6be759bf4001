"""RTP and RTCP by their shape over several datagrams."""

from __future__ import annotations

import random

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.rtp import decode_rtp, is_rtcp, rtp_shape

SAMPLE = bytes.fromhex("8078b1b9050ad16c47d66fde")
NDPI = "confusable/ntop+nDPI/tests/cfgs/default/pcap/"


def stream(count, size=160, step=160, payload_type=0, ssrc=7, start=65533):
    return [
        bytes((0x80, payload_type))
        + ((start + index) & 0xFFFF).to_bytes(2, "big")
        + (index * step).to_bytes(4, "big")
        + ssrc.to_bytes(4, "big")
        + b"m" * size
        for index in range(count)
    ]


def test_sample_of_the_module():
    header = decode_rtp(SAMPLE)
    assert (header.payload_type, header.sequence, header.ssrc, header.header_bytes) == (120, 45497, 0x47D66FDE, 12)


def test_extension_and_contributing_sources_count_as_header():
    data = b"\x91\x60\0\1" + bytes(8) + b"csrc" + b"\xbe\xde\0\1" + b"extn" + b"payload"
    assert (decode_rtp(data).header_bytes, decode_rtp(data).payload_bytes) == (24, 7)


@pytest.mark.parametrize(
    "data", [b"", SAMPLE[:11], b"\x40" + SAMPLE[1:], b"\x80\xc8" + SAMPLE[2:], b"\x8f" + SAMPLE[1:]]
)
def test_other_datagrams_are_refused(data):
    with pytest.raises(DecodeError):
        decode_rtp(data)


def test_four_packets_across_the_wrap_are_a_stream_and_three_are_not():
    shape = rtp_shape(stream(4))
    assert (shape.packets, shape.streams, shape.payload_types, shape.media) == (4, 1, (0,), "audio")
    with pytest.raises(DecodeError):
        rtp_shape(stream(3))


def test_big_packets_with_shared_timestamps_are_video():
    assert rtp_shape(stream(6, size=1100, step=0, payload_type=96)).media == "video"


def test_random_bytes_with_the_version_bits_are_no_stream():
    """Thousands of random datagrams that all start like RTP never agree with each other."""
    rng = random.Random(5)
    for _ in range(300):
        with pytest.raises(DecodeError):
            rtp_shape([bytes((0x80 | rng.randrange(64),)) + rng.randbytes(60) for _ in range(16)])


def test_rtcp_compounds_add_up():
    report = bytes.fromhex("80c90001") + b"ssrc"
    assert is_rtcp(report * 2)
    assert not is_rtcp(report + b"\0" * 40)
    assert not is_rtcp(SAMPLE)


@pytest.mark.parametrize(
    ("name", "media"),
    [("rtp.pcapng", {"audio", "video", "unknown"}), ("skinny.pcap", {"audio"}), ("sip.pcap", {"audio"})],
)
def test_call_captures_are_seen(name, media, flows_of):
    shapes = []
    for flow in flows_of(NDPI + name):
        for side in flow.datagrams:
            try:
                shapes.append(rtp_shape(side))
            except DecodeError:
                continue
    assert shapes
    assert {shape.media for shape in shapes} <= media


def test_golden_of_a_voice_stream(flows_of, golden):
    shapes = []
    for flow in flows_of(NDPI + "skinny.pcap"):
        if flow.proto == "udp":
            try:
                shapes.append(rtp_shape(flow.datagrams[0]))
            except DecodeError:
                continue
    golden("rtp_voice", shapes[0])
