"""Citrix ICA and CGP openings."""

from __future__ import annotations

import pytest

from farmwatch.errors import DecodeError
from farmwatch.wire.protocols.citrix import decode_citrix

ICA, CGP = b"\x7f\x7fICA\0", b"\x1aCGP/01\x01"


def test_ica_server_speaks_first_and_cgp_client_does():
    assert decode_citrix(ICA, ICA, 1).controlled_side == 1
    assert decode_citrix(ICA, ICA, 0).controlled_side == 0
    assert decode_citrix(CGP, CGP, 0).controlled_side == 1


@pytest.mark.parametrize(("orig", "resp"), [(b"", b""), (ICA, b"HTTP"), (b"ICA", b""), (ICA, CGP)])
def test_other_bytes_are_refused(orig, resp):
    with pytest.raises(DecodeError):
        decode_citrix(orig, resp, 1)


def test_capture(flows_of, golden):
    (flow,) = flows_of("confusable/ntop+nDPI/tests/cfgs/default/pcap/citrix.pcap")
    session = decode_citrix(flow.head(0), flow.head(1), flow.first_side)
    assert flow.ends[session.controlled_side][1] == 1494
    golden("citrix", session)
