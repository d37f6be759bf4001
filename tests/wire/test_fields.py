"""Numbers out of bytes, and hashes that an adversary cannot steer, as the interpreter runs them."""

from __future__ import annotations

import random
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmwatch.wire.fields import (
    be16,
    be32,
    be48,
    be64,
    bytes_hash,
    copy_bytes,
    endpoint_hash,
    le16,
    reseat,
    seen_row,
    settle,
    signed32,
    stir,
)

KEYS = memoryview(array("q", [random.Random(5).getrandbits(29) | 1 for _ in range(9)]))
LIMIT = 1 << 62


@given(data=st.binary(min_size=8, max_size=8))
def test_numbers_are_those_of_their_bytes(data):
    """Every width in network order; only the widest is signed."""
    view = memoryview(data)
    for read, size in ((be16, 2), (be32, 4), (be48, 6)):
        assert read(view, 8 - size) == int.from_bytes(data[8 - size :], "big")
    assert be64(view, 0) == int.from_bytes(data, "big", signed=True)
    assert le16(view, 3) == int.from_bytes(data[3:5], "little")


@given(start=st.integers(0, 2**32 - 1), step=st.integers(-(2**31), 2**31 - 1))
def test_sequence_numbers_wrap(start, step):
    """The distance between two sequence numbers survives their wrapping round."""
    assert signed32((start + step) % 2**32 - start) == step


def test_a_copy_touches_nothing_else():
    target = memoryview(bytearray(b"........"))
    copy_bytes(target, 2, memoryview(b"abcdef"), 1, 3)
    assert bytes(target) == b"..bcd..."


@given(value=st.integers(0, LIMIT - 1), other=st.integers(0, LIMIT - 1))
def test_settling_loses_nothing(value, other):
    """Different hashes stay different, within 62 bits."""
    assert 0 <= settle(value) < LIMIT
    assert (settle(value) == settle(other)) == (value == other)


@given(value=st.integers(0, LIMIT - 1))
def test_stirring_stays_in_range(value):
    """What both ways of running a kernel can hold."""
    assert 0 <= stir(value, KEYS) < 1 << 63


def test_neighbours_do_not_pile_up_in_a_table():
    """The endpoints of one network, in order, spread over the slots as chance would spread them."""
    slots = [0] * 1024
    for host in range(4096):
        slots[settle(endpoint_hash(0xFFFF, 0x0A000000 + host, 443, KEYS) & (LIMIT - 1)) & 1023] += 1
    assert max(slots) < 20  # chance: about 12 of 4


@given(data=st.binary(min_size=1, max_size=80), skip=st.integers(0, 79), change=st.binary(min_size=2, max_size=2))
def test_what_is_skipped_does_not_count_and_everything_else_does(data, skip, change):
    """Transaction ids are left out; one other bit makes another message."""
    skip = min(skip, len(data) - 1)
    other = bytearray(data)
    for at in range(skip, min(skip + 2, len(data))):
        other[at] ^= change[at - skip]

    def hashed(content):
        return bytes_hash(memoryview(bytes(content)), 0, len(content), skip, 2, 7, KEYS)

    assert hashed(other) == hashed(data)
    kept = [at for at in range(len(data)) if not skip <= at < skip + 2]
    for at in kept:
        wrong = bytearray(data)
        wrong[at] ^= 1
        assert hashed(wrong) != hashed(data)


def test_zeros_at_the_end_are_counted():
    """A longer run of zeros is another message."""
    hashes = {bytes_hash(memoryview(bytes(80)), 0, size, -1, 0, 7, KEYS) for size in range(80)}
    assert len(hashes) == 80


@pytest.mark.parametrize("shift", [0, 1_000_000])
def test_things_seen_are_found_again_and_moved_whole(shift):
    """Also where their slots collide, and after the table has grown."""
    seen, mask = memoryview(array("q", bytes(8 * 2 * 64))), 63
    values = [shift + number * 64 for number in range(20)]  # all want one slot
    for row, value in enumerate(values):
        slot = seen_row(seen, mask, value)
        assert seen[2 * slot + 1] == 0
        seen[2 * slot], seen[2 * slot + 1] = value, row + 1
    larger = memoryview(array("q", bytes(8 * 2 * 256)))
    reseat(seen, larger, 255)
    for table, bits in ((seen, 63), (larger, 255)):
        assert [table[2 * seen_row(table, bits, value) + 1] for value in values] == list(range(1, 21))


def test_a_full_table_says_so():
    """The search ends; nothing is overwritten."""
    seen = memoryview(array("q", [at % 2 for at in range(32)]))
    assert seen_row(seen, 15, 12345) == -1
