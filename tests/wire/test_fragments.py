"""Pieces of datagrams put together, in any order, within bounds."""

from __future__ import annotations

import random
from array import array

import pytest

from farmwatch.wire.fragments import gather, release
from farmwatch.wire.layout import G_ROOM, G_SLOTS, G_UNIT_ROOM, G_WIDTH

MISSING, DAMAGED = (-1, 0), (-2, 0)


class Table:
    """The fixed table and a clock that counts packets."""

    def __init__(self):
        self.pieces = memoryview(bytearray(G_SLOTS * G_ROOM))
        self.covered = memoryview(bytearray(G_SLOTS * G_UNIT_ROOM))
        self.slots = memoryview(array("q", bytes(8 * G_SLOTS * G_WIDTH)))
        self.packet = 0

    def take(self, data, offset, more, *, ident=1, source=1):
        """Hand in one fragment."""
        self.packet += 1
        return gather(
            memoryview(data), 0, len(data), offset, int(more), 0, source, 0, 2, ident, self.packet, self.pieces,
            self.covered, self.slots,
        )  # fmt: skip

    def whole(self, place, size):
        """The bytes of a finished datagram."""
        return bytes(self.pieces[place : place + size])


@pytest.fixture
def table():
    return Table()


def cut(data, size=8):
    return [(data[at : at + size], at, at + size < len(data)) for at in range(0, len(data), size)]


@pytest.mark.parametrize("seed", range(8))
def test_any_order_and_repeats_give_the_datagram(table, seed):
    """Nothing is handed out before the last missing piece has come."""
    data = random.Random(seed).randbytes(8 * 20 + 5)
    parts = cut(data)
    random.Random(seed).shuffle(parts)
    *early, last = parts
    for part in [*early, *early[:5]]:
        assert table.take(*part) == MISSING
    place, size = table.take(*last)
    assert table.whole(place, size) == data


def test_datagrams_do_not_mix(table):
    """By id and by sender, in between each other; identical ids of two senders are two datagrams."""
    one, two = bytes(range(24)), bytes(range(100, 124))
    for (a, at, more), (b, _, _) in zip(cut(one), cut(two), strict=True):
        first, second = table.take(a, at, more, source=1), table.take(b, at, more, source=9)
    assert table.whole(*first) == one
    assert table.whole(*second) == two


@pytest.mark.parametrize(
    "parts",
    [
        [(bytes(7), 0, True)],
        [(b"", 0, True)],
        [(bytes(16), 65528, True)],
        [(bytes(8), 8, False), (bytes(8), 16, True)],
        [(bytes(8), 8, False), (bytes(8), 24, False)],
        [(bytes(8), 24, True), (bytes(8), 8, False)],
    ],
    ids=["no multiple of 8", "empty", "beyond the room", "behind the end", "two ends", "end before what came"],
)
def test_what_contradicts_is_refused(table, parts):
    """Lengths no datagram has, and pieces that lie behind its end."""
    *early, last = parts
    for part in early:
        assert table.take(*part) == MISSING
    assert table.take(*last) == DAMAGED


def test_the_oldest_gives_way(table):
    """A flood of first pieces costs only the oldest datagrams, and no memory."""
    table.take(bytes(8), 0, True, ident=1)
    for ident in range(2, G_SLOTS + 1):
        table.take(bytes(8), 0, True, ident=ident)
    table.take(bytes(8), 0, True, ident=1000)
    assert table.take(bytes(8), 8, False, ident=1) == MISSING
    assert table.take(bytes(8), 8, False, ident=1000) != MISSING


def test_a_finished_datagram_stays_until_it_is_released(table):
    """Its bytes are still to be read; then its slot is used again, without remains of the last one."""
    first = table.take(b"12345678", 0, False)
    for ident in range(2, 300):
        place, size = table.take(b"abcdefgh", 0, False, ident=ident)
        if place < 0:
            break
    assert table.whole(*first) == b"12345678"
    release(table.slots)
    for turn in range(600):  # more than a slot's marks last
        assert table.take(bytes(8), 8, False, ident=turn) == MISSING
        place, size = table.take(b"%08d" % turn, 0, True, ident=turn)
        assert (table.whole(place, size)[:8], size) == (b"%08d" % turn, 16)
        release(table.slots)
