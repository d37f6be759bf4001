"""Splashtop's LAN messages; samples are the text of public rules, no capture was found."""

from __future__ import annotations

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.splashtop import decode_splashtop

CHECK_IN = bytes.fromhex("000100080000000000020100")
START, ANSWER = bytes.fromhex("01003412"), bytes.fromhex("02003100")


def test_check_in_and_session_come_from_the_controller():
    assert decode_splashtop(CHECK_IN, b"").message == "check-in"
    session = decode_splashtop(START, ANSWER)
    assert (session.message, session.controlled_side, session.confirmed) == ("session", 1, True)
    assert decode_splashtop(ANSWER, START).controlled_side == 0


def test_four_bytes_without_answer_need_the_port():
    with pytest.raises(DecodeError):
        decode_splashtop(START, b"")
    assert not decode_splashtop(START, b"", port_hint=True).confirmed


@pytest.mark.parametrize(("orig", "resp"), [(b"", b""), (CHECK_IN + b"more", b""), (b"\0" * 12, ANSWER)])
def test_other_bytes_are_refused(orig, resp):
    with pytest.raises(DecodeError):
        decode_splashtop(orig, resp)
