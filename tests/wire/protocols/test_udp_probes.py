"""UDP flows by their first datagrams."""

from __future__ import annotations

import pytest

from farmwatch.wire.protocols.udp_probes import identify_udp


@pytest.mark.parametrize(
    ("datagram", "protocol"),
    [
        (b"\xc3\0\0\0\x01\x08" + bytes(range(8)) + b"\0" + bytes(60), "quic"),
        (b"\x16\xfe\xff" + bytes(60), "dtls"),
        (b"\x12\x34\x01\0\0\x01" + bytes(6) + b"\x03www\x07example\x03com\0\0\x01\0\x01", "unknown"),
        (bytes.fromhex("000100002112a442b7e7a701bc34d686fa87dfae"), "stun"),
        (b"\x40\x01\0\x20" + b"\x16" * 32, "unknown"),
    ],
)
def test_udp_by_first_bytes(datagram, protocol):
    assert identify_udp([datagram], []).protocol == protocol


def test_classic_stun_needs_an_answer_or_its_port():
    """Twenty bytes without the magic cookie prove little."""
    asked = bytes.fromhex("000100089429ef88294dd52632c72931cb8dbb4c0003000400000000")
    answer = bytes.fromhex("0101000c9429ef88294dd52632c72931cb8dbb4c0001000800010d6aac103fe0")
    assert identify_udp([asked], []).protocol == "unknown"
    assert identify_udp([asked], [answer]).protocol == "stun"
    assert identify_udp([asked], [], (40000, 3478)).protocol == "stun"


def test_channel_data_counts_once_media_runs_in_one_channel():
    rtp = [b"\x40\x01\0\x14\x80\x60" + bytes((0, number)) + bytes(16) for number in range(4)]
    assert identify_udp(rtp, []).protocol == "stun"
    gtp = [b"\x48\x20\0\x14" + bytes(20)] * 6
    assert identify_udp(gtp, []).protocol == "unknown"


def test_control_reports_alone_are_rtcp():
    report = bytes.fromhex("81c90007") + bytes(28)
    assert identify_udp([report, report], []).protocol == "rtcp"


def test_esp_is_believed_on_its_port_only():
    packets = [b"\x12\x34\x56\x78" + number.to_bytes(4, "big") + bytes(40) for number in range(1, 5)]
    assert identify_udp(packets, [], (4500, 4500)).protocol == "esp-udp"
    assert identify_udp(packets, [], (4501, 4501)).protocol == "unknown"


def test_chromes_certificate_is_found_behind_stun():
    stun = bytes.fromhex("000100002112a442b7e7a701bc34d686fa87dfae")
    certificate = b"\x16\xfe\xfd" + bytes(10) + b"\x0b" + bytes(30) + b"\x06\x03\x55\x04\x03\x0c\x0achromoting"
    found = identify_udp([stun], [certificate])
    assert (found.tool, found.controlled_side) == ("chrome-remote-desktop", 1)


@pytest.mark.parametrize(
    ("orig", "resp", "tool", "side"),
    [
        ([b"\x32\x0b\x0a\x09123456789"], [b"\x3a\x02\x10\x01"], "rustdesk", 0),
        ([b"\x32\x0b\x0a\x09123456789"], [], "rustdesk", 0),
        ([b"TS\xf0\x9f\x92\xac" + bytes(range(90))], [], "tailscale", None),
        ([b"\4\0\0\0" + bytes(28), b"TS\xf0\x9f\x92\xac" + bytes(90)], [], "tailscale", None),
        ([b"\x1f\x02\x01" + bytes(30)] * 2, [], "zoom", None),
        ([bytes(11) + b"\x17\x24\x40" + bytes(20)] * 2, [], "teamviewer", None),
    ],
)
def test_tools_are_reached_through_the_probes(orig, resp, tool, side):
    """No earlier probe may claim the documented first datagrams of a tool."""
    found = identify_udp(orig, resp)
    assert (found.tool, found.controlled_side) == (tool, side)


def test_zerotier_hello_and_kcp_session_are_reached_through_the_probes():
    node, root = bytes.fromhex("1f0ab2c4d8"), bytes.fromhex("3a46f1bf30")
    hello = (
        bytes(range(8))
        + root
        + node
        + bytes(9)
        + b"\x01\x0c\x01\x0a\0\x06"
        + bytes(8)
        + node
        + b"\0"
        + bytes(range(64))
    )
    assert identify_udp([hello], []).tool == "zerotier"
    opening = b"\xc5\x01\x1a\x6f\x0a\x6d" + bytes(range(64)) + b"\x0a\x09123456789\x12\x20" + bytes(32)
    push = b"conv\x51\0\x80\0" + bytes(12) + len(opening).to_bytes(4, "little") + opening
    syn = b"convsrc." + bytes(4) + b"\x01\0"
    found = identify_udp([syn], [b"convdst.src.\x03\0", b"convdst.src.\x08\0" + push])
    assert (found.tool, found.controlled_side) == ("rustdesk", 1)
