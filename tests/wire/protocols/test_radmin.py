"""Radmin greetings and mode messages."""

from __future__ import annotations

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.radmin import decode_radmin

ASK = bytes.fromhex("01000000010000000808")
ANSWER = bytes.fromhex("0100000025000002120802 00000a".replace(" ", "")) + bytes(32)


def test_greeting_tells_the_side():
    session = decode_radmin(ASK, ANSWER)
    assert (session.controlled_side, session.stage, session.confirmed) == (1, "greeting", True)
    assert decode_radmin(ANSWER, ASK).controlled_side == 0
    assert not decode_radmin(ASK, b"").confirmed


def test_mode_messages_of_later_connections():
    session = decode_radmin(
        bytes.fromhex("0100000005000002272702000000"), bytes.fromhex("0100000005000000272700000000")
    )
    assert (session.stage, session.controlled_side) == ("mode", 1)


@pytest.mark.parametrize(("orig", "resp"), [(b"", b""), (ASK[:9], b""), (ASK, b"\0" * 46), (b"\1" + bytes(20), b"")])
def test_other_bytes_are_refused(orig, resp):
    with pytest.raises(DecodeError):
        decode_radmin(orig, resp)


def test_capture(flows_of, golden):
    flows = flows_of("positive/ntop+nDPI/tests/cfgs/default/pcap/radmin3.pcapng")
    sessions = [decode_radmin(flow.head(0), flow.head(1)) for flow in flows]
    assert [(session.stage, session.controlled_side, session.confirmed) for session in sessions] == [
        ("greeting", 1, True),
        ("mode", 1, True),
    ]
    golden("radmin", sessions[0])
