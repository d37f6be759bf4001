"""STUN, TURN, ICE and classic messages, ChannelData, and round-trip times."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.stun import decode_channel_data, decode_stun, decode_stun_stream

SAMPLE = bytes.fromhex("000100002112a442b7e7a701bc34d686fa87dfae")
# RFC 5769 section 2.2: the sample IPv4 response.
RFC5769 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
NDPI = "confusable/ntop+nDPI/tests/cfgs/default/pcap/"
CAPTURES = [
    NDPI + "stun.pcap",
    NDPI + "stun_signal.pcapng",
    NDPI + "teams.pcap",
    "confusable/arkime+arkime/tests/pcap/stun-ice-testcall.pcap",
]


def message(kind, *attributes, transaction=b"abcdefghijkl"):
    body = b"".join(
        number.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)
        for number, value in attributes
    )
    return kind.to_bytes(2, "big") + len(body).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + transaction + body


def test_sample_of_the_module():
    request = decode_stun(SAMPLE)
    assert (request.method, request.message_class, request.transaction) == (
        "binding",
        "request",
        "b7e7a701bc34d686fa87dfae",
    )


def test_rfc_5769_sample_response():
    response = decode_stun(RFC5769)
    assert response.mapped == ("192.0.2.1", 32853)
    assert response.software == "test vector"
    assert response.fingerprint_ok is True


def test_damaged_message_fails_its_fingerprint():
    assert decode_stun(RFC5769[:8] + b"\0" + RFC5769[9:]).fingerprint_ok is False


def test_user_names_are_present_or_not_and_nothing_more():
    assert decode_stun(message(1, (0x0006, b"kim:jong"))).username_present is True
    assert b"kim" not in repr(decode_stun(message(1, (0x0006, b"kim:jong")))).encode()


def test_nat_behaviour_and_ice_attributes():
    asked = decode_stun(message(1, (0x0003, b"\0\0\0\x06"), (0x802A, bytes(8)), (0x0025, b""), (0x0024, b"\0\0\1\0")))
    assert (asked.change_ip, asked.change_port, asked.ice_role, asked.use_candidate, asked.priority) == (
        True,
        True,
        "controlling",
        True,
        256,
    )


def test_turn_attributes():
    mask = bytes.fromhex("2112a442") + b"abcdefghijkl"
    address = (
        b"\0\x01"
        + bytes(a ^ b for a, b in zip((5349).to_bytes(2, "big"), mask, strict=False))
        + bytes(a ^ b for a, b in zip(bytes((203, 0, 113, 9)), mask, strict=False))
    )
    done = decode_stun(
        message(0x0103, (0x0016, address), (0x000D, b"\0\0\2\x58"), (0x0014, b"example.org"), (0x000C, b"\x40\1\0\0"))
    )
    assert (done.method, done.xor_relayed, done.lifetime_s, done.realm, done.channel) == (
        "allocate",
        ("203.0.113.9", 5349),
        600,
        "example.org",
        0x4001,
    )
    assert decode_stun(message(0x0113, (0x0009, b"\0\0\4\1Unauthorized"))).error_code == 401


@pytest.mark.parametrize(
    "data",
    [
        b"",
        SAMPLE[:19],
        SAMPLE + b"\0",
        b"\xc0" + SAMPLE[1:],
        message(1, (6, b"abcd"))[:22] + b"\xff\xffabcd",
        b"\0\1\0\0" + bytes(16),
    ],
    ids=["empty", "short", "trailing", "bits", "attribute", "classic zeros"],
)
def test_other_datagrams_are_refused(data):
    with pytest.raises(DecodeError):
        decode_stun(data)


def test_channel_data_unwraps_with_and_without_padding():
    assert decode_channel_data(b"\x40\x01\0\x05hello").data == b"hello"
    assert decode_channel_data(b"\x40\x01\0\x05hello\0\0\0").channel == 0x4001
    for data in (b"\x40\x01\0\x06hello", b"\x50\x01\0\x01h", b"\x40\0\0\0"):
        with pytest.raises(DecodeError):
            decode_channel_data(data)


def test_messages_on_tcp_with_and_without_length():
    framed = b"".join(len(data).to_bytes(2, "big") + data for data in (SAMPLE, RFC5769))
    assert [found.message_class for found in decode_stun_stream(framed)] == ["request", "success"]
    assert len(decode_stun_stream(SAMPLE + RFC5769 + b"junk")) == 2
    with pytest.raises(DecodeError):
        decode_stun_stream(b"junk" * 9)


def test_classic_request_is_read_and_named_classic(flows_of, golden):
    (flow,) = flows_of(NDPI + "stun_classic.pcap")
    asked, answered = decode_stun(flow.datagrams[0][0]), decode_stun(flow.datagrams[1][0])
    assert asked.classic
    assert asked.transaction == answered.transaction
    assert answered.mapped is not None
    golden("stun_classic", answered)


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("name", CAPTURES)
def test_types_ids_and_mapped_addresses_equal_tsharks(name, corpus: Path, flows_of):
    command = [
        "tshark",
        "-r",
        str(corpus / name),
        "-Y",
        "udp && stun.cookie && !icmp",
        "-T",
        "fields",
        "-E",
        "occurrence=f",
    ]
    for field in (
        "stun.id",
        "stun.type.class",
        "stun.att.ipv4-xord",
        "stun.att.software",
        "udp.payload",
        "stun.att.type",
    ):
        command += ["-e", field]
    compared = 0
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        identifier, kind, _, software, payload, attribute = line.split("\t")
        if not payload:
            continue
        found = decode_stun(bytes.fromhex(payload))
        assert found.transaction == identifier.replace(":", "").removeprefix("0x")
        assert {"request": 0, "indication": 1, "success": 16, "error": 17}[found.message_class] == int(kind, 0)
        assert (found.software or "") == software.rstrip(" ")
        assert not attribute or found.attributes[0] == int(attribute, 0)
        compared += 1
    assert compared >= 4
