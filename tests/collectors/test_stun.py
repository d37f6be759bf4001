"""STUN messages as rows."""

from __future__ import annotations

import struct

import pytest

from farmwatch.records import Stun
from tests.lab.names import stun_answer, stun_request

from .conftest import FAR, FAR6, LAPTOP, LAPTOP6


def stun(capture):
    return list(capture.tables()[Stun].rows())


@pytest.mark.parametrize("ends", [(LAPTOP, FAR), (LAPTOP6, FAR6)], ids=["ipv4", "ipv6"])
def test_an_answer_tells_how_long_it_took(capture, ends):
    """The round trip stands at the response, with the address it reflects."""
    near, far = ends
    asked = stun_request(capture.rng)
    capture.datagram(near, 40000, far, 3478, asked, at=1)
    capture.datagram(far, 3478, near, 40000, stun_answer(asked, "203.0.113.9", 4000), at=1.25)
    request, response = stun(capture)
    assert (request.kind, request.rtt_ms, request.mapped) == ("request", None, None)
    assert (response.kind, response.mapped, response.source) == ("success", "203.0.113.9", far.ip)
    assert response.rtt_ms == pytest.approx(250, abs=0.01)
    assert request.transaction == response.transaction == asked[8:20].hex()
    assert not request.classic


def test_a_repeated_request_gives_no_round_trip(capture):
    """Which copy was answered cannot be known; nor is an answer nobody asked for a sample."""
    asked = stun_request(capture.rng)
    for at in (1, 1.5):
        capture.datagram(LAPTOP, 40000, FAR, 3478, asked, at=at)
    capture.datagram(FAR, 3478, LAPTOP, 40000, stun_answer(asked, "203.0.113.9", 4000), at=1.6)
    capture.datagram(FAR, 3478, LAPTOP, 40000, stun_answer(stun_request(capture.rng), "203.0.113.9", 4000), at=1.7)
    rows = stun(capture)
    assert len(rows) == 4
    assert all(row.rtt_ms is None for row in rows)


def turn(kind, attributes, transaction=bytes(range(12))):
    return struct.pack("!HHI", kind, len(attributes), 0x2112A442) + transaction + attributes


def test_relays_tell_whom_they_speak_to(capture):
    """Peer and relayed address, and the code of a refusal."""
    mixed = bytes(a ^ b for a, b in zip(bytes([203, 0, 113, 7]), b"\x21\x12\xa4\x42", strict=True))
    address = struct.pack("!BBH", 0, 1, 5000 ^ 0x2112) + mixed
    said = (
        turn(0x0008, struct.pack("!HH", 0x0012, 8) + address),
        turn(0x0103, struct.pack("!HH", 0x0016, 8) + address),
        turn(0x0113, struct.pack("!HH", 0x0009, 4) + b"\0\0\4\1"),
    )
    for number, message in enumerate(said):
        capture.datagram(LAPTOP, 40000, FAR, 3478, message, at=number)
    assert [(row.method, row.peer_address, row.relayed_address, row.error_code) for row in stun(capture)] == [
        ("create-permission", "203.0.113.7", None, None),
        ("allocate", None, "203.0.113.7", None),
        ("allocate", None, None, 401),
    ]


def test_stun_on_tcp_gives_a_row_for_each_side(capture):
    asked = stun_request(capture.rng)
    capture.talk(3478, asked, stun_answer(asked, "203.0.113.9", 4000))
    request, response = stun(capture)
    assert (request.kind, request.source, request.destination_port) == ("request", LAPTOP.ip, 3478)
    assert (response.kind, response.source, response.mapped) == ("success", FAR.ip, "203.0.113.9")
    assert (request.flow, request.packet, response.rtt_ms) == (0, 1, None)
