"""Marks of TLS handshakes: equal where decoders see no difference, absent where anything is unusual."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest

from farmwatch.collectors.heads import HeadReader
from farmwatch.wire.fingerprint import MARK_CELLS, mark_handshakes
from farmwatch.wire.jit import compiled, plain

KEYS = np.array([(1 << 27) + 2 * step + 12345 for step in range(9)], dtype=np.int64) | 1
UNMARKED = (0, 0)
GREASE = [0x0A0A + 0x1010 * step for step in range(16)]


def extension(kind: int, body: bytes) -> bytes:
    """One extension."""
    return struct.pack(">HH", kind, len(body)) + body


def record(message: int, body: bytes, kind: int = 22) -> bytes:
    """One handshake message in a record of its own."""
    whole = bytes([message]) + len(body).to_bytes(3, "big") + body
    return struct.pack(">BHH", kind, 0x0301, len(whole)) + whole


def client(
    rng: random.Random, name: bytes = b"vpn.example.org", *, tail: bytes = b"", extra: bytes = b"", again: bytes = b""
) -> bytes:
    """A browser's hello: GREASE, shuffled extensions, new random numbers each time."""
    some = rng.choice(GREASE)
    entry = b"\0" + struct.pack(">H", len(name)) + name
    listed = [
        extension(0, struct.pack(">H", len(entry)) + entry),
        extension(10, struct.pack(">HHHH", 6, rng.choice(GREASE), 0x001D, 0x0017)),
        extension(13, bytes.fromhex("000404030804")),
        extension(16, b"\x00\x0c\x02h2\x08http/1.1"),
        extension(43, b"\x06" + struct.pack(">HHH", rng.choice(GREASE), 0x0304, 0x0303)),
        extension(51, rng.randbytes(40)),
        extension(35, rng.randbytes(rng.choice((0, 100)))),
        extension(some, b"\0"),
    ]
    rng.shuffle(listed)
    block = b"".join(listed) + again
    ciphers = struct.pack(">4H", rng.choice(GREASE), 0x1301, 0x1302, 0xC02F)
    body = b"\x03\x03" + rng.randbytes(32) + b"\x20" + rng.randbytes(32)
    body += struct.pack(">H", len(ciphers)) + ciphers + b"\x01\0" + struct.pack(">H", len(block)) + block + tail
    return record(1, body) + extra


def server(rng: random.Random, certificate: bytes = b"", start: bytes = b"") -> bytes:
    """A server's hello, its certificate where there is one, and then ciphertext."""
    block = extension(51, rng.randbytes(36)) + extension(43, b"\x03\x04")
    body = (
        b"\x03\x03" + start + rng.randbytes(32 - len(start)) + b"\0\x13\x01\0" + struct.pack(">H", len(block)) + block
    )
    shown = record(11, certificate) if certificate else b""
    return record(2, body) + shown + b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x40" + rng.randbytes(64)


def marks(pairs: list[tuple[bytes, bytes]], *, interpreted: bool = False) -> list[tuple[int, int]]:
    """The marks of heads."""
    pool, places = bytearray(), []
    for pair in pairs:
        for head in pair:
            places.append((len(pool), len(head)))
            pool += head
    columns = [np.array(column, dtype=np.int64) for column in zip(*places[::2], strict=True)]
    columns += [np.array(column, dtype=np.int64) for column in zip(*places[1::2], strict=True)]
    found = np.full((2, len(pairs)), 7, dtype=np.int64)
    lanes = np.zeros(MARK_CELLS, dtype=np.int64)
    arguments = [np.frombuffer(bytes(pool), np.uint8).copy(), *columns, found[0], found[1], lanes, KEYS]
    if interpreted:
        plain(mark_handshakes)(*map(memoryview, arguments))
    else:
        compiled(mark_handshakes)(*arguments)
    return list(zip(*found.tolist(), strict=True))


def facts(orig: bytes, resp: bytes) -> str:
    """What the collector keeps of a flow."""
    reader = HeadReader()
    reader._tcp(0, orig, resp, 0, (50000, 443))
    return repr((reader.found.get(0), reader.tls.get(0)))


def test_what_changes_from_call_to_call_is_left_out():
    """Random numbers, tickets, key shares, GREASE and the order of extensions make no difference."""
    rng = random.Random(1)
    found = set(marks([(client(rng), server(rng)) for _ in range(50)]))
    assert len(found) == 1
    assert UNMARKED not in found


def test_what_decoders_tell_makes_a_difference():
    """Another name, an extension more, a certificate, no answer: each has a mark of its own."""
    rng = random.Random(2)
    pairs = [
        (client(rng), server(rng)),
        (client(rng, b"vpn.example.net"), server(rng)),
        (client(rng, again=extension(5, b"\x01\0\0\0\0")), server(rng)),
        (client(rng), server(rng, b"\0\0\0")),
        (client(rng), server(rng, b"\0\0\1")),
        (client(rng, extra=record(11, b"\0\0\0")), server(rng)),
        (client(rng), b""),
    ]
    found = marks(pairs)
    assert len(set(found)) == len(pairs)
    assert UNMARKED not in found


UNUSUAL = {
    "not TLS": lambda rng: (b"GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: something\r\n\r\n", b""),
    "hello cut": lambda rng: (client(rng)[:-5], server(rng)),
    "hello in two records": lambda rng: (
        b"\x16\x03\x01\x00\x14" + client(rng)[5:25] + b"\x16\x03\x01" + struct.pack(">H", 200) + client(rng)[25:225],
        b"",
    ),
    "name twice": lambda rng: (client(rng, again=extension(0, b"\0\0")), server(rng)),
    "names AnyDesk": lambda rng: (client(rng, again=extension(9, b"AnyDesk Client")), server(rng)),
    "AnyDesk's certificate": lambda rng: (client(rng), server(rng, b"\0\0\0 AnyNet Relay")),
    "asked to try again": lambda rng: (client(rng), server(rng, start=bytes.fromhex("cf21ad74e59a6111"))),
    "refused": lambda rng: (client(rng), b"\x15\x03\x03\x00\x02\x02\x28"),
    "answer is no TLS": lambda rng: (client(rng), b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "server calls": lambda rng: (server(rng), client(rng)),
    "empty": lambda rng: (b"", b""),
}


@pytest.mark.parametrize("case", UNUSUAL)
def test_the_unusual_is_left_to_the_decoders(case):
    """Whatever the kernel does not fully understand gets no mark."""
    assert marks([UNUSUAL[case](random.Random(3))]) == [UNMARKED]


def test_places_outside_the_pool_are_refused():
    """Places are checked against the pool before a byte is read."""
    pool = np.zeros(100, np.uint8)
    wrong = [(0, 101), (60, 60), (-1, 50), (0, 50)]
    start, length = (np.array(column, dtype=np.int64) for column in zip(*wrong, strict=True))
    first, second, lanes = np.ones(4, np.int64), np.ones(4, np.int64), np.zeros(MARK_CELLS, np.int64)
    compiled(mark_handshakes)(pool, start, length, start, length, first, second, lanes, KEYS)
    assert not first.any()
    assert not second.any()


def mutated(rng: random.Random, head: bytes) -> bytes:
    """A head with a byte changed, dropped, added or moved."""
    data = bytearray(head)
    at, other = rng.randrange(len(data)), rng.randrange(len(data))
    way = rng.random()
    if way < 0.5:
        data[at] = rng.choice((rng.randrange(256), data[at] ^ 1, 0, 255))
    elif way < 0.65:
        del data[at : at + rng.choice((1, 2, 4))]
    elif way < 0.8:
        data[at:at] = rng.randbytes(rng.choice((1, 2, 4)))
    elif way < 0.9:
        del data[at:]
    else:
        data[at : at + 4], data[other : other + 4] = data[other : other + 4], data[at : at + 4]
    return bytes(data)


def test_same_mark_means_same_facts():
    """Over mutated handshakes heads of one mark decode alike, and both ways of running give the same marks."""
    rng = random.Random(4)
    pairs = []
    for _ in range(1500):
        orig, resp = client(rng), server(rng, rng.choice((b"", b"\0\0\0")))
        if rng.random() < 0.7:
            orig = mutated(rng, orig)
        if rng.random() < 0.5:
            resp = mutated(rng, resp)
        pairs.append((orig, resp))
    found = marks(pairs)
    assert found == marks(pairs, interpreted=True)
    alike: dict[tuple[int, int], set[str]] = {}
    for mark, pair in zip(found, pairs, strict=True):
        if mark != UNMARKED:
            alike.setdefault(mark, set()).add(facts(*pair))
    assert max(found.count(mark) for mark in alike) > 100
    assert all(len(kinds) == 1 for kinds in alike.values())
