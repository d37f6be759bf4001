"""DNS messages as facts, and what bounds them."""

from __future__ import annotations

import struct

from farmwatch.collectors.lookups import lookup
from farmwatch.records import Name, NameQuery, Reject
from farmwatch.wire.protocols.dns import parse_dns
from tests.lab.names import A, answer, query

from .conftest import FAR, LAPTOP


def many(count, start=0):
    return [f"203.{(start + at) >> 16 & 255}.{(start + at) >> 8 & 255}.{(start + at) & 255}" for at in range(count)]


def framed(message):
    return struct.pack("!H", len(message)) + message


def left_out(tables):
    return {row.reason: row.count for row in tables[Reject].rows()}


def test_a_query_gives_what_it_asks_and_an_answer_what_it_gives():
    asked = lookup(parse_dns(query("WWW.Example.org", A, 1)))
    told = lookup(parse_dns(answer("www.example.org", ["203.0.113.4"], 1)))
    assert (asked.is_response, asked.asked, asked.answers) == (False, (("www.example.org", "A"),), ())
    assert (told.is_response, told.asked, told.answers) == (True, (), (("203.0.113.4", "www.example.org"),))


def test_an_overlong_answer_is_cut_and_counted(capture):
    """A response with 555 addresses names 64 of them; the rest is told, not kept."""
    for number in range(3):
        told = answer("a.example", many(200, 200 * number), number)
        capture.datagram(FAR, 53, LAPTOP, 40001, told, at=number)
    tables = capture.tables()
    assert len(tables[Name]) == 3 * 64
    assert left_out(tables) == {"questions or addresses of overlong DNS messages left out": 3 * 136}


def test_a_stream_of_dns_is_read_up_to_a_bound(capture):
    """Of each side of a TCP stream sixteen messages are read; that there were more is told once a stream."""
    asked = b"".join(framed(query(f"n{number}.example", A, number)) for number in range(100))
    for _ in range(2):
        capture.talk(53, asked, framed(answer("n1.example", ["203.0.113.4"], 1)))
    tables = capture.tables()
    assert {row.name for row in tables[NameQuery].rows()} == {f"n{number}.example" for number in range(16)}
    assert [row.address for row in tables[Name].rows()] == ["203.0.113.4"]
    assert left_out(tables) == {"DNS over TCP: streams left unread, wholly or in part, for lack of room": 2}
