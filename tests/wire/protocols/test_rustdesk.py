"""RustDesk; every sample is built here from the public framing and field numbers, since no capture was found."""

from __future__ import annotations

import json
import random
from dataclasses import asdict

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.rustdesk import decode_rustdesk, decode_rustdesk_udp, read_frame

PEER = b"123456789"
UUID = b"0b6d3b3a-2f0c-4a52-9a53-0d9f1f1b7a11"


def field(number, value):
    """A protobuf field: string or number."""
    if isinstance(value, int):
        return bytes((number << 3, value))
    key = number << 3 | 2
    head = bytes((key,)) if key < 128 else bytes((key & 0x7F | 0x80, key >> 7))
    length = bytes((len(value),)) if len(value) < 128 else bytes((len(value) & 0x7F | 0x80, len(value) >> 7))
    return head + length + value


def frame(payload):
    size = len(payload)
    width = next(width for width in (1, 2, 3, 4) if size < 1 << (8 * width - 2))
    return (size << 2 | (width - 1)).to_bytes(width, "little") + payload


SIGNED_ID = frame(field(3, field(1, bytes(range(64)) + field(1, PEER) + field(2, bytes(32)))))
PUBLIC_KEY = frame(field(4, field(1, bytes(32)) + field(2, bytes(48))))
HASH = frame(field(9, field(1, b"abcdef") + field(2, b"q1w2e3")))
LOGIN = frame(field(7, field(1, PEER) + field(2, bytes(32)) + field(4, b"987654321") + field(5, b"Kim")))


def test_framing_round_trips_at_every_header_width():
    for size in (1, 63, 64, 16383, 16384, 70000):
        assert read_frame(frame(b"x" * size) + b"rest")[0] == b"x" * size
    for bad in (b"", b"\0", b"\x04", b"\x05\0x", b"\xfd\xff"):
        with pytest.raises(DecodeError):
            read_frame(bad)


def test_signed_id_has_the_documented_first_bytes():
    assert SIGNED_ID.startswith(bytes.fromhex("c5011a6f0a6d"))


def test_session_starts_at_the_controlled_end_whoever_dialled():
    for orig, resp, side in ((PUBLIC_KEY, SIGNED_ID, 1), (SIGNED_ID, PUBLIC_KEY, 0)):
        flow = decode_rustdesk(orig, resp)
        assert (flow.stage, flow.controlled_side, flow.controller_side, flow.peer_id) == (
            "session",
            side,
            1 - side,
            "123456789",
        )


def test_direct_session_in_the_clear_keeps_no_name():
    flow = decode_rustdesk(LOGIN, HASH)
    assert (flow.stage, flow.controlled_side) == ("direct session", 1)
    assert "Kim" not in json.dumps(asdict(flow))


def test_relay_request_tells_the_side_by_whether_it_names_the_peer():
    driven = decode_rustdesk(frame(field(18, field(2, UUID))), b"")
    driving = decode_rustdesk(frame(field(18, field(1, PEER) + field(2, UUID))), b"")
    assert (driven.controlled_side, driven.controller_side) == (0, None)
    assert (driving.controlled_side, driving.controller_side, driving.peer_id) == (None, 0, "123456789")


def test_punch_hole_request_comes_from_the_controller():
    flow = decode_rustdesk(frame(field(8, field(1, PEER) + field(2, 1) + field(3, b"key"))), b"")
    assert (flow.message, flow.controller_side) == ("PunchHoleRequest", 0)


def test_idle_host_registers_over_udp():
    flow = decode_rustdesk_udp([field(6, field(1, PEER))] * 3, [field(7, field(2, 1))] * 3)
    assert (flow.message, flow.controlled_side, flow.peer_id, flow.transport) == ("RegisterPeer", 0, "123456789", "udp")


def kcp(stream, conversation=b"conv"):
    header = conversation + b"src." + b"dst." + b"\x08\0"
    segment = conversation + b"\x51\0\x80\0" + bytes(4) + bytes(4) + bytes(4) + len(stream).to_bytes(4, "little")
    return header + segment + stream


def test_session_over_kcp():
    syn = b"conv" + b"src." + bytes(4) + b"\1\0"
    flow = decode_rustdesk_udp([syn, kcp(PUBLIC_KEY)], [b"conv" + b"dst." + b"src." + b"\3\0", kcp(SIGNED_ID)])
    assert (flow.transport, flow.controlled_side) == ("kcp", 1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        SIGNED_ID[:-1],
        frame(field(18, field(2, b"no uuid"))),
        frame(field(18, field(2, UUID)) + field(1, 1)),
        frame(field(6, field(1, b"!!!"))),
        frame(field(9, field(1, b"ab") + field(2, b"\0\1\2\3\4"))),
        frame(field(3, field(1, bytes(104)))),
    ],
    ids=["empty", "cut", "uuid", "two", "id", "hash", "unsigned"],
)
def test_near_misses_are_refused(data):
    with pytest.raises(DecodeError):
        decode_rustdesk(data, b"")


def test_random_bytes_are_never_rustdesk():
    rng = random.Random(11)
    for _ in range(3000):
        data = bytes((rng.choice((0x1C, 0x28, 0x9D)),)) + rng.randbytes(200)
        with pytest.raises(DecodeError):
            decode_rustdesk(data, rng.randbytes(50))
