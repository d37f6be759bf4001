"""FRP clients; samples are built from frp's public message format, no capture was found."""

from __future__ import annotations

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.frp import decode_frp

BODY = b'{"version":"0.61.1","hostname":"lt","os":"linux","privilege_key":"x","timestamp":1700000000,"run_id":""}'
LOGIN = b"o" + len(BODY).to_bytes(8, "big") + BODY
HELLO = b"\x17\x16\x03\x01\0\xee\x01\0" + bytes(60)


def test_byte_before_the_client_hello():
    session = decode_frp(HELLO, b"\x16\x03\x03\0\x7a\x02")
    assert (session.controlled_side, session.tls, session.answered) == (0, True, True)


def test_clear_login_gives_the_clients_version_and_nothing_private():
    session = decode_frp(LOGIN, b"1" + bytes(8))
    assert (session.controlled_side, session.tls, session.version) == (0, False, "0.61.1")


def test_login_inside_a_multiplexed_stream():
    frames = b"\0\1\0\1\0\0\0\1\0\0\0\0" + b"\0\0\0\0\0\0\0\1" + len(LOGIN).to_bytes(4, "big")
    assert decode_frp(frames + LOGIN, b"").version == "0.61.1"


@pytest.mark.parametrize(
    ("orig", "resp"),
    [
        (b"", b""),
        (b"\x17\x03\x03\0\x20" + bytes(32), b""),
        (HELLO, b"HTTP/1.1 400"),
        (b"o" + bytes(8) + b"{}", b""),
        (LOGIN[:40], b""),
    ],
    ids=["empty", "tls data", "other answer", "empty login", "cut login"],
)
def test_other_bytes_are_refused(orig, resp):
    with pytest.raises(DecodeError):
        decode_frp(orig, resp)
