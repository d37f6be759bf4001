"""Captures cut out of the timing laboratory's scenarios."""

from __future__ import annotations

import struct

from tests.lab import cast, timed
from tests.lab.hand import scenarios

HEAD = bytes(24)


def record(at: float, proto: int, kind: bytes = b"\x08\x00") -> bytes:
    """A captured Ethernet frame with an IPv4 header of which only the protocol counts."""
    frame = bytes(12) + kind + bytes(9) + bytes([proto]) + bytes(10)
    return struct.pack("<IIII", int(at), round(at % 1 * 1e6), len(frame), len(frame)) + frame


def test_the_beginning_is_kept_and_its_end_known():
    """Packets after so many seconds since the first are left out."""
    kept = [record(100.5, 6), record(103.4, 17)]
    capture, ended = timed._beginning(HEAD + b"".join([*kept, record(103.6, 6)]), 3.0)
    assert capture == HEAD + b"".join(kept)
    assert ended == 103.5


def test_errors_of_routers_are_left_out_and_arp_stays():
    """ICMP quotes addresses that would not be rewritten."""
    arp = record(1.0, 1, b"\x08\x06")
    capture, _ = timed._beginning(HEAD + arp + record(1.1, 1) + record(1.2, 6), 9.0)
    assert capture == HEAD + arp + record(1.2, 6)


def test_every_excerpt_is_a_scenario_with_actors_of_its_own():
    """What the laboratory can record again, for whom."""
    known = scenarios.every()
    for name, excerpt in timed.EXCERPTS.items():
        assert excerpt.scenario in known
        assert name in cast.STAGES
