"""AeroAdmin's opening; the sample is the text of a public rule, no capture was found."""

from __future__ import annotations

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.aeroadmin import decode_aeroadmin

CLIENT = bytes.fromhex("e10000000000" + "0b0000d8000000") + b"MIGdMA0GCSqGSIb3"
SERVER = bytes.fromhex("0500000000ffffffff")


def test_client_opening_with_and_without_answer():
    assert decode_aeroadmin(CLIENT, SERVER).answered
    assert decode_aeroadmin(b"", CLIENT).client_side == 1


@pytest.mark.parametrize(("orig", "resp"), [(b"", b""), (CLIENT[:18], b""), (b"\xe1" + bytes(40), SERVER)])
def test_other_bytes_are_refused(orig, resp):
    with pytest.raises(DecodeError):
        decode_aeroadmin(orig, resp)
