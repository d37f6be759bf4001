"""Chrome Remote Desktop's certificate; the sample follows a public rule, no capture was found."""

from __future__ import annotations

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.chromoting import decode_chromoting

NAME = b"\x06\x03\x55\x04\x03\x0c\x0achromoting"
HELLO = b"\x16\xfe\xff" + bytes(10) + b"\x01" + bytes(60)
ANSWER = b"\x16\xfe\xfd" + bytes(10) + b"\x02" + bytes(60)
CERTIFICATE = b"\x16\xfe\xfd" + bytes(10) + b"\x0b" + bytes(60) + NAME + bytes(20) + NAME + bytes(60)


def test_the_end_with_the_certificate_is_driven():
    assert decode_chromoting([HELLO], [ANSWER, CERTIFICATE]).controlled_side == 1
    assert decode_chromoting([ANSWER, CERTIFICATE], [HELLO]).controlled_side == 0


def test_with_certificates_on_both_ends_the_dtls_server_is_the_host():
    session = decode_chromoting([ANSWER, CERTIFICATE], [HELLO, CERTIFICATE])
    assert (session.controlled_side, session.both_ends) == (0, True)


@pytest.mark.parametrize("resp", [[], [ANSWER], [b"\x16\xfe\xfdchromoting chromoting"], [b"\x17" + CERTIFICATE[1:]]])
def test_other_flows_are_refused(resp):
    with pytest.raises(DecodeError):
        decode_chromoting([HELLO], resp)
