"""Records of the log: read back as written, and whatever happens to the bytes, whole ones are found again."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pyarrow as pa

from farmwatch.records.arrow import arrow_schema
from farmwatch.records.endpoint import DnsLookup, FeedReject
from farmwatch.server.frames import HEAD_BYTES, MAGIC, Damage, Delivery, encode, frames

RECEIVED = datetime(2026, 3, 4, 10, tzinfo=UTC)


def dns(count: int, first: int = 0) -> pa.Table:
    """Rows."""
    given = [
        {"device_id": "a", "ts": RECEIVED, "record_id": str(number), "name": f"host{number}.example"}
        for number in range(first, first + count)
    ]
    return pa.Table.from_pylist(given, schema=arrow_schema(DnsLookup))


def record(count: int = 3, sender: str = "tester") -> bytes:
    """A record of so many rows."""
    reject = {"ts": RECEIVED, "feed": "dns", "sender": sender, "input_name": "x", "reason": "bad", "count": 1}
    tables = {
        DnsLookup: dns(count),
        FeedReject: pa.Table.from_pylist([{**reject, "offset": None}], schema=arrow_schema(FeedReject)),
    }
    pieces = encode(tables, feed="dns", sender=sender, received=RECEIVED, request="r")
    return b"".join(bytes(piece) for piece in pieces)


def test_a_record_is_read_back_as_it_was():
    """Feed, sender, time, request and every table with its columns and types."""
    ((end, found),) = frames(memoryview(record()))
    assert isinstance(found, Delivery)
    assert (found.feed, found.sender, found.received, found.request) == ("dns", "tester", RECEIVED, "r")
    assert found.tables["dns"].equals(dns(3))
    assert found.tables["dns"].schema.equals(arrow_schema(DnsLookup))
    assert found.tables["feed_rejects"].num_rows == 1
    assert end == len(record())
    assert end % 8 == 0


def test_any_changed_byte_costs_one_record():
    """Wherever a byte changes, that record is damage and its neighbours are whole."""
    parts = [record(2, sender) for sender in ("first", "second", "third")]
    chance = random.Random(5)
    start = len(parts[0])
    for _ in range(300):
        data = bytearray(b"".join(parts))
        at = start + chance.randrange(len(parts[1]))
        data[at] ^= 1 << chance.randrange(8)
        found = [one for _, one in frames(memoryview(data))]
        assert [one.sender for one in found if isinstance(one, Delivery)] == ["first", "third"], at
        (damage,) = [one for one in found if isinstance(one, Damage)]
        assert (damage.start, damage.end) == (start, start + len(parts[1]))


def test_a_cut_record_is_damage_to_the_end():
    """At every place a log may be cut, what is whole is given and the rest is damage that reaches the end."""
    whole, cut = record(1, "whole"), record(1, "cut")
    for length in range(1, len(cut)):
        found = list(frames(memoryview(whole + cut[:length])))
        assert isinstance(found[0][1], Delivery)
        ((end, damage),) = found[1:]
        assert isinstance(damage, Damage)
        assert (damage.start, damage.end, end) == (len(whole), len(whole) + length, len(whole) + length)


def test_no_length_leads_astray():
    """Random bytes, zeros, and heads that claim anything are damage, found in one pass."""
    chance = random.Random(7)
    for data in (bytes(5000), chance.randbytes(5000), MAGIC * 2000, MAGIC + b"\xff" * 5000, b"FWR" * 3000):
        found = list(frames(memoryview(data + record())))
        assert isinstance(found[-1][1], Delivery)
        assert [type(one) for _, one in found] == [Damage, Delivery]


def test_nothing_is_no_record():
    """An empty log has none, and half a head is damage."""
    assert list(frames(memoryview(b""))) == []
    assert isinstance(next(frames(memoryview(record()[: HEAD_BYTES - 1])))[1], Damage)
