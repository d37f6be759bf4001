"""Netlink answers as the kernel writes them, and answers that are none. The real kernel is asked in test_devices.py."""

from __future__ import annotations

import random
import struct

import pytest

from farmwatch.agent import linux_wireless
from farmwatch.agent.linux_wireless import access_points
from farmwatch.agent.probe import UnavailableError


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def answer(kind, body=b""):
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body


def message(*attributes):
    return answer(28, struct.pack("=BBH", 1, 1, 0) + b"".join(attributes))


ACK = answer(2, struct.pack("=i", 0) + bytes(16))
DONE = answer(3, struct.pack("=i", 0))
FAMILY = message(attribute(2, b"nl80211\0"), attribute(1, struct.pack("=H", 28)))
STATION = message(attribute(5, struct.pack("=I", 2)))
ACCESS_POINT = message(attribute(5, struct.pack("=I", 3)))
PEER = message(attribute(3, struct.pack("=I", 3)), attribute(6, bytes.fromhex("02005e000001")))


class Link:
    """A socket that reads answers from a list."""

    def __init__(self, reads):
        self.reads, self.sent = list(reads), []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def settimeout(self, _):
        """Never waits."""

    def bind(self, _):
        """Needs no address."""

    def send(self, data):
        """Keep the question."""
        self.sent.append(data)

    def recv(self, _):
        """The next answer."""
        if not self.reads:
            raise TimeoutError("timed out")
        return self.reads.pop(0)


@pytest.fixture
def kernel(monkeypatch):
    def given(*reads):
        link = Link(reads)
        monkeypatch.setattr(linux_wireless.socket, "socket", lambda *_: link)
        monkeypatch.setattr(linux_wireless.socket, "if_nametoindex", lambda _: 3)
        return link

    return given


def test_station(kernel):
    """The peer of a station is the access point; the questions are the documented ones."""
    link = kernel(FAMILY, ACK, STATION, ACK, PEER + DONE)
    assert access_points(["wlan0"]) == ("02:00:5e:00:00:01",)
    heads = [struct.unpack_from("=IHHIIB", data) for data in link.sent]
    assert [(head[1], head[2], head[5]) for head in heads] == [(0x10, 0x5, 3), (28, 0x5, 5), (28, 0x301, 17)]
    assert all(head[0] == len(data) for head, data in zip(heads, link.sent, strict=True))


def test_peers_of_an_own_access_point_are_not_asked_for(kernel):
    """They are other people's devices."""
    link = kernel(FAMILY, ACK, ACCESS_POINT, ACK)
    assert access_points(["wlan0"]) == ()
    assert len(link.sent) == 2


@pytest.mark.parametrize(
    ("reads", "reason"),
    [
        ((), "timed out"),
        ((answer(2, struct.pack("=i", -2) + bytes(16)),), "netlink error 2"),
        ((ACK,), "no nl80211"),
        ((FAMILY, ACK, answer(2, struct.pack("=i", -19) + bytes(16))), "netlink error 19"),
        ((FAMILY,) * 300, "does not come to an end"),
    ],
)
def test_kernels_that_do_not_tell(kernel, reads, reason):
    """Each reason is the agent's reason."""
    kernel(*reads)
    with pytest.raises(UnavailableError, match=reason):
        access_points(["wlan0"])


def test_noise(kernel):
    """Thousands of bent answers: addresses or a reason, never anything else."""
    rng = random.Random(61)
    for _ in range(5000):
        reads = [bytearray(read) for read in (FAMILY, ACK, STATION, ACK, PEER + DONE)]
        for _ in range(rng.choice((1, 3))):
            bent = rng.choice(reads)
            bent[rng.randrange(len(bent))] = rng.choice((0, 1, 255, rng.randrange(256)))
        kernel(*map(bytes, reads))
        try:
            assert all(len(found) == 17 for found in access_points(["wlan0"]))
        except UnavailableError:
            continue
