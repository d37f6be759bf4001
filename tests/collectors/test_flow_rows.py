"""Columns of the flow table as rows."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import numpy as np
import pytest

from farmwatch.collectors.captures import collect_capture
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


def test_what_the_capture_lacks_is_counted(capture):
    """A hole in each direction that nothing fills: its bytes were sent and not captured."""
    line = Conversation(capture.tape, LAPTOP, FAR, (50000, 443), capture.rng, rtt=0.02)
    line.open(0.0)
    for side, hole in ((0, 700), (1, 55)):
        line.send(1.0 + side, side, b"x" * 10)
        line.seq[side] += hole
        line.send(3.0 + side, side, b"x" * 10)
    [flow] = capture.tables()[Flow].rows()
    assert (flow.lost_bytes, flow.out_of_order, flow.retransmitted) == (755, 0, 0)


GREETING = b"SSH-2.0-OpenSSH_9.6\r\n" + bytes(900)


def unread(capture):
    return capture.tables()[Flow]["unread"].tolist()


def test_whole_conversations_are_read(capture):
    """Named or not, over TCP or UDP: their first bytes are known. Without payload there is nothing to know."""
    capture.talk(22, GREETING, GREETING)
    capture.talk(9999, b"nothing known" * 40, b"to anybody" * 40)
    capture.talk(443)
    capture.datagram(LAPTOP, 5000, FAR, 6000, b"neither" * 20)
    assert unread(capture) == [""] * 4


def test_a_conversation_without_its_start_is_midstream(capture):
    """Unless its first captured bytes are a greeting after all; TLS records alone name no server."""
    for port, data in ((5900, bytes(900)), (22, GREETING), (443, b"\x17\x03\x03\x01\x00" + bytes(256))):
        line = Conversation(capture.tape, LAPTOP, FAR, (50000 + port, port), capture.rng, rtt=0.02)
        line.send(line.send(float(port), 0, data), 1, data)
    assert unread(capture) == ["", "midstream", "midstream"], "in order of time, which is that of ports"


def test_packets_cut_to_their_headers_are_said(capture):
    """A capture of 54 bytes a packet holds no payload over TCP and hardly any over UDP; names of hosts are apart."""
    capture.talk(22, GREETING, GREETING)
    capture.datagram(LAPTOP, 5000, FAR, 6000, b"neither" * 20)
    capture.tables()
    whole = capture.path.read_bytes()
    cut, at = [whole[:24]], 24
    while at < len(whole):
        seconds, fraction, kept, length = struct.unpack_from("<4I", whole, at)
        cut.append(
            struct.pack("<4I", seconds, fraction, min(kept, 54), length) + whole[at + 16 : at + 16 + min(kept, 54)]
        )
        at += 16 + kept
    capture.path.write_bytes(b"".join(cut))
    assert collect_capture(capture.path, 0).tables[Flow]["unread"].tolist() == ["cut", "cut"]
