"""ZeroTier HELLO and mirrored addresses; samples are built from the protocol's description, no capture was found."""

from __future__ import annotations

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.zerotier import decode_zerotier, decode_zerotier_hello

ROOT, NODE = bytes.fromhex("3a46f1bf30"), bytes.fromhex("1f0ab2c4d8")
BODY = b"\x0c\x01\x0a\0\x06" + bytes(8) + NODE + b"\0" + bytes(range(64))
HELLO = bytes(range(8)) + ROOT + NODE + b"\0" + bytes(8) + b"\x01" + BODY


def test_hello_introduces_its_sender():
    hello = decode_zerotier_hello(HELLO)
    assert (hello.source, hello.destination, hello.protocol, hello.version) == (
        "1f0ab2c4d8",
        "3a46f1bf30",
        12,
        "1.10.6",
    )


@pytest.mark.parametrize(
    "bad",
    [
        HELLO[:110],
        HELLO[:27] + b"\x02" + HELLO[28:],
        HELLO[:13] + ROOT + HELLO[18:],
        HELLO[:47] + bytes(64),
        HELLO[:29] + b"\x20" + HELLO[30:],
    ],
    ids=["short", "verb", "identity", "key", "version"],
)
def test_other_datagrams_are_refused(bad):
    with pytest.raises(DecodeError):
        decode_zerotier_hello(bad)


def test_mirrored_addresses_count_only_with_the_port():
    there, back = bytes(8) + ROOT + NODE + bytes(30), bytes(8) + NODE + ROOT + bytes(30)
    assert decode_zerotier([there], [back], port_hint=True).first == NODE.hex()
    for orig, resp, hint in (([there], [back], False), ([there], [there], True)):
        with pytest.raises(DecodeError):
            decode_zerotier(orig, resp, port_hint=hint)
