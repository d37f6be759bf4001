"""NoMachine's version lines and UDP framing."""

from __future__ import annotations

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.nomachine import decode_nomachine, decode_nomachine_udp

ASK, ANSWER = b"NXSH-8.10.1\n", b"NXD-8.10.1\n"


def test_version_lines_tell_the_side_whoever_dialled():
    session = decode_nomachine(ASK + b"\x16\x03", ANSWER)
    assert (session.controlled_side, session.controller_version, session.tls_offset) == (1, "8.10.1", (12, 11))
    assert decode_nomachine(ANSWER, ASK).controlled_side == 0
    assert decode_nomachine(b"", ASK).controlled_side == 0


@pytest.mark.parametrize(
    ("orig", "resp"), [(b"", b""), (ASK, ASK), (ASK, b"HTTP/1.1"), (b"NXSH-abc\n", b""), (b"NXSH-8.1", b"")]
)
def test_other_bytes_are_refused(orig, resp):
    with pytest.raises(DecodeError):
        decode_nomachine(orig, resp)


def test_udp_length_field_must_hold_for_most_datagrams():
    good = b"\xab\xcd\1\0" + (40).to_bytes(2, "little") + b"\1\2\0\0" + bytes(30)
    assert decode_nomachine_udp([good, good], []).controlled_side is None
    for datagrams in ([good], [good, good, bytes(20), bytes(20)], []):
        with pytest.raises(DecodeError):
            decode_nomachine_udp(datagrams, [])


def test_capture(flows_of, golden):
    flows = flows_of("positive/ntop+nDPI/tests/cfgs/default/pcap/nomachine.pcapng")
    (flow,) = [flow for flow in flows if flow.proto == "tcp" and 4000 in flow.ports]
    session = decode_nomachine(flow.head(0), flow.head(1))
    assert flow.ends[session.controlled_side or 0][0] == "c0a858d0"
    golden("nomachine", session)
