"""Messages, STUN facts, ARP packets and hosts, each once."""

from __future__ import annotations

import struct

import pytest

from farmwatch.wire.keep import is_stun
from farmwatch.wire.messages import MessageKind
from tests.fuzz.hostile import udp4


def stun(kind=1, *, cookie=0x2112A442, attributes=b"", length=None, transaction=bytes(12)):
    size = len(attributes) if length is None else length
    return struct.pack(">HHI", kind, size, cookie) + transaction + attributes


@pytest.mark.parametrize(
    ("payload", "classic", "known"),
    [
        (stun(), 0, True),
        (stun(attributes=bytes(8)), 0, True),
        (stun(cookie=7), 0, False),
        (stun(cookie=7), 1, True),
        (stun(0x0003, cookie=7), 1, False),
        (stun(cookie=7) + b"more", 1, False),
        (stun(0x4001), 0, False),
        (stun(attributes=bytes(3)), 0, False),
        (stun(length=4), 0, False),
        (stun()[:19], 0, False),
        (b"", 0, False),
    ],
    ids=["modern", "attributes", "no cookie elsewhere", "no cookie on its port", "method of later days", "more behind",
         "not STUN's first bits", "length not in words", "longer than it is", "cut", "empty"],
)  # fmt: skip
def test_what_is_taken_for_stun(payload, classic, known):
    """The cookie, or on STUN's own port the oldest form of it (RFC 3489), whole."""
    assert bool(is_stun(memoryview(payload), 0, len(payload), len(payload), classic)) == known


def frames(*payloads, source="10.0.0.1", port=3478):
    return [udp4(source, "10.0.0.2", 5000, port, payload) for payload in payloads]


def test_repeats_are_counted_whatever_their_transaction(scan_frames):
    """The same request a hundred times is one row of a hundred; the facts of each stay."""
    scan = scan_frames(frames(*[stun(transaction=bytes([at]) * 12) for at in range(100)]))
    rows = [at for at in range(len(scan.messages)) if scan.messages.kind[at] == MessageKind.STUN]
    assert [int(scan.messages.count[at]) for at in rows] == [16], "whole messages are kept of the first sixteen"
    assert len(scan.stun) == 100
    assert len({int(low) for low in scan.stun.txn_lo}) == 100


def test_the_old_attribute_is_found_behind_others(scan_frames):
    """CHANGE-REQUEST counts wherever it stands, and a padded attribute before it does not hide it."""
    software = struct.pack(">HH", 0x8022, 5) + b"hello" + bytes(3)
    change = struct.pack(">HHI", 3, 4, 6)
    scan = scan_frames(frames(stun(attributes=software), stun(attributes=software + change)))
    assert scan.stun.change_request.tolist() == [0, 1]


def test_the_same_words_of_two_senders_are_two(scan_frames):
    """What a host asks says something about that host."""
    query = bytes.fromhex("0001010000010000000000000377777704") + b"test\0\0\1\0\1"
    scan = scan_frames([*frames(query, query, port=53), *frames(query, source="10.0.0.3", port=53)])
    assert sorted(scan.messages.count.tolist()) == [1, 2]


def arp(op, sender, *, size=28):
    body = struct.pack(">HHBBH", 1, 0x0800, 6, 4, op) + sender + bytes([10, 0, 0, 1]) + bytes(6) + bytes([10, 0, 0, 2])
    return b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x08\x06" + body[:size]


def test_arp_frames_are_kept_once_and_bad_ones_counted(scan_frames):
    """Another hardware address in the body is another frame: that is what a command bus changes."""
    one, two = arp(1, b"open_a"), arp(1, b"open_b")
    scan = scan_frames([one, one, two, arp(1, b"open_a", size=20), one])
    assert sorted(scan.arp.count.tolist()) == [1, 3]
    assert {int(mac).to_bytes(6, "big") for mac in scan.arp.sender_mac} == {b"open_a", b"open_b"}
    assert sum(count for reason, count in scan.rejects.items() if "ARP" in reason) == 1


def test_hosts_are_pairs_of_link_and_ip_address(scan_frames):
    """Packets and first and last time of each sender add up."""
    scan = scan_frames([*frames(b"a", b"bb"), *frames(b"ccc", source="10.0.0.9")], times=[4_000, 9_000, 7_000])
    columns = (scan.hosts.packets, scan.hosts.first_ns, scan.hosts.last_ns)
    assert sorted(zip(*(column.tolist() for column in columns), strict=True)) == [(1, 7_000, 7_000), (2, 4_000, 9_000)]
