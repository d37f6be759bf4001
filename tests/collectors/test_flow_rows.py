"""Columns of the flow table as rows."""

from __future__ import annotations

from ipaddress import ip_address

import numpy as np
import pytest

from farmwatch.collectors.flow_rows import addresses, macs
from farmwatch.records import ABSENT, Flow
from tests.lab.frames import Conversation

from .conftest import FAR, LAPTOP


def packed(text):
    """High and low halves of an address as the flow table holds them."""
    address = ip_address(text)
    octets = address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed
    return [int.from_bytes(half, "big", signed=True) for half in (octets[:8], octets[8:])]


def test_addresses_as_text():
    """IPv4 mapped into IPv6 space, IPv6 in its short form, repeats in place."""
    listed = ["10.0.0.5", "2001:db8::1", "fe80::1", "10.0.0.5", "255.255.255.255"]
    hi, lo = (np.array(column, np.int64) for column in zip(*map(packed, listed), strict=True))
    assert addresses(hi, lo).tolist() == listed


def test_link_addresses_as_text():
    assert macs(np.array([0xF8BC12000005, -1], np.int64)).tolist() == ["f8:bc:12:00:00:05", None]


def test_no_rows():
    none = np.empty(0, np.int64)
    assert addresses(none, none).tolist() == macs(none).tolist() == []


def test_what_was_not_seen_is_absent(capture):
    """A connection caught in its middle: no segment size, no handshake; nothing said by anybody: no first side."""
    line = Conversation(capture.tape, LAPTOP, FAR, (50000, 443), capture.rng, rtt=0.02)
    line.send(0.0, 0, b"x" * 10)
    capture.datagram(LAPTOP, 40000, FAR, 9999, b"", at=1)
    tables = capture.tables()
    caught, empty = tables[Flow].rows()
    assert (caught.orig_mss, caught.handshake_rtt_ms, caught.first_data_side) == (None, None, 0)
    assert (empty.first_data_side, empty.resp_rtt_ms, empty.protocol, empty.tool) == (None, None, None, None)
    assert (empty.resp_ttl, empty.established) == (0, False)
    assert tables[Flow]["first_data_side"].tolist() == [0, ABSENT]


@pytest.mark.parametrize(("said", "established"), [((b"", b""), True), ((b"x", b"y"), True)])
def test_established_needs_both_ends(capture, said, established):
    """A whole handshake is enough; a lone SYN is not."""
    capture.talk(443, *said)
    Conversation(capture.tape, LAPTOP, FAR, (49999, 443), capture.rng, rtt=0.02)._put(5.0, 0, 2)
    whole, lone = capture.tables()[Flow].rows()
    assert (whole.established, lone.established) == (established, False)
