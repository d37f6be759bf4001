"""Small captures written frame by frame, read back as tables."""

from __future__ import annotations

from random import Random

import pytest

from farmwatch.collectors.captures import collect_capture
from tests.lab.frames import Conversation, Host, Tape, udp

LAPTOP = Host("f8:bc:12:00:00:05", "10.0.0.5")
FAR = Host("52:00:00:00:00:01", "198.51.100.7", 52)
LAPTOP6 = Host("f8:bc:12:00:00:05", "2001:db8:1::5")
FAR6 = Host("52:00:00:00:00:01", "2001:db8:f::7", 52)
START = 1_767_600_000


class Capture:
    """A tape with shorthands, and the tables that reading it gives."""

    def __init__(self, folder):
        self.path = folder / "made.pcap"
        self.tape = Tape(START)
        self.rng = Random(7)
        self.port = 50000

    def talk(self, port, orig=b"", resp=b"", *, at=0.0, server_first=False, ends=(LAPTOP, FAR)):
        """A TCP conversation in which each side says one thing."""
        self.port += 1
        line = Conversation(self.tape, *ends, (self.port, port), self.rng, rtt=0.02)
        at = line.open(at)
        for side, data in ((1, resp), (0, orig)) if server_first else ((0, orig), (1, resp)):
            if data:
                at = line.send(at, side, data)
        line.close(at)

    def datagram(self, source, sport, destination, dport, payload, at=0.0):
        """One UDP datagram."""
        self.tape.add(at, udp(source, sport, destination, dport, payload))

    def tables(self, **options):
        """What the collector makes of it."""
        self.tape.write(self.path)
        return collect_capture(self.path, 3, **options).tables


@pytest.fixture
def capture(tmp_path):
    return Capture(tmp_path)
