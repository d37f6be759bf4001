from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import dpkt
import pytest

from tests.lab.hand.activities import calls, party
from tests.lab.hand.ground import Ground, Label, Legs, Tape
from tests.lab.hand.tools import desktop
from tests.lab.net import Lab

needs = pytest.mark.needs("ip", "ss", "tcpdump")


def test_parties_of_a_call_take_turns() -> None:
    """One speaks while the other is silent, for seconds at a time, the same for the same seed."""
    some = list(itertools.islice(party.turns(4), 50))
    assert some == list(itertools.islice(party.turns(4), 50))
    assert all(before != after for (_, before), (_, after) in itertools.pairwise(some))
    assert all(1.0 <= lasts <= 9.0 for lasts, _ in some)


def _recorded(activity: object, path: Path) -> tuple[list[Label], Counter[int], Counter[int]]:
    """Run an activity for 8 s; returns its labels and the sizes of UDP payloads in and out of the laptop."""
    assert callable(activity)
    with Lab() as lab:
        place = Ground(lab, Legs())
        place.build()
        tape = Tape.on(place, path)
        labels = activity(place, 8.0, 2)
        capture = tape.stop()["laptop"]
    sizes: tuple[Counter[int], Counter[int]] = Counter(), Counter()
    with capture.open("rb") as handle:
        for _, data in dpkt.pcap.Reader(handle):
            packet = dpkt.ethernet.Ethernet(data).data
            if isinstance(packet, dpkt.ip.IP) and isinstance(packet.data, dpkt.udp.UDP):
                left = packet.src == bytes(map(int, place.laptop.split(".")))
                sizes[left][len(packet.data.data)] += 1
    return labels, *sizes


def _bytes(sizes: Counter[int]) -> int:
    return sum(size * count for size, count in sizes.items())


@needs
@pytest.mark.needs(*desktop.PROGRAMS)
@pytest.mark.timeout(120)
def test_a_shared_screen_goes_out_and_voices_come_in(namespaces: None, tmp_path: Path) -> None:
    """The sharer sends pictures and speech; what comes in is speech at a steady pace, and nobody controls anything."""
    labels, inward, outward = _recorded(calls.call_sharing, tmp_path / "sharing")
    assert labels == []
    assert 250 < sum(inward.values()) < 800
    assert max(inward) < 1000
    assert _bytes(outward) > 1.3 * _bytes(inward)
    assert outward[1340] > 10  # full packets: pictures


@needs
@pytest.mark.timeout(120)
def test_a_streamed_game_is_controlled_from_the_laptop(namespaces: None, tmp_path: Path) -> None:
    """Input goes out dense and small, pictures come in; the label says that the laptop controls."""
    (label,), inward, outward = _recorded(calls.game_streaming, tmp_path / "game")
    assert (label.role, label.proto, label.operator) == ("controlling", "udp", "local")
    # Input is 12 bytes of message in SCTP and DTLS: 77.
    assert outward[77] > 8 * 20
    assert _bytes(inward) > 5 * _bytes(outward)
