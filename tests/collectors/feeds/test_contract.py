"""Every feed: what it must be, and that nothing is lost in it whatever comes."""

from __future__ import annotations

import gzip
import random
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from farmwatch.collectors.feeds.contract import Context
from farmwatch.collectors.feeds.opening import Input, opened, sample_of
from farmwatch.collectors.feeds.registry import FEEDS, feed_of, kind_of
from farmwatch.errors import SourceError
from farmwatch.records.arrow import arrow_schema

SAMPLES = Path(__file__).parents[2] / "samples" / "feeds"
#: each sample file lies in a folder called after its kind
FILES = sorted(path for path in SAMPLES.rglob("*") if path.is_file() and path.parent != SAMPLES)
WORDS = [b"null", b"-1", b"1e999", b'"\\ud800"', b"[[[[", b"{}", b"\x00", b"99999999999999999999"]
MUTATED = 10_000  # records of each kind


def context(name="sample", device="device-1"):
    return Context(name, datetime(2026, 11, 1, tzinfo=UTC), b"p" * 32, device)


def read(feed, data, name="sample"):
    """All stretches of an input and the error it ended with."""
    import io

    parsed, error = [], None
    try:
        with opened(Input(name, stream=io.BytesIO(data))) as stream:
            parsed.extend(feed.read(stream, context(name)))
    except SourceError as fault:
        error = fault
    return parsed, error


def check(parsed):
    for one in parsed:
        assert one.balanced(), (one.records, one.used, one.rejects, one.unneeded)
        for record, table in one.tables.items():
            assert table.schema.equals(arrow_schema(record))
            table.validate(full=True)


def kind_of_file(path):
    return path.relative_to(SAMPLES).parts[0]


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.kind)
def test_a_feed_says_what_it_is(feed):
    """A kind that can stand in an address, a sentence, and tables."""
    assert re.fullmatch(r"[a-z][a-z0-9_-]*", feed.kind)
    assert feed.sentence.endswith(".")
    assert feed.tables


def test_kinds_are_unique():
    """No two feeds answer to one word."""
    kinds = [feed.kind for feed in FEEDS]
    assert len(kinds) == len(set(kinds))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SAMPLES)))
def test_samples_are_recognised_and_read(path):
    """A documented sample is told by its content, gives rows, and loses nothing."""
    with opened(Input(str(path), path)) as stream:
        assert kind_of(sample_of(stream, str(path))).kind == kind_of_file(path)
    feed = feed_of(kind_of_file(path))
    parsed, error = read(feed, path.read_bytes(), str(path))
    assert error is None
    check(parsed)
    assert sum(one.used for one in parsed)
    assert {record for one in parsed for record in one.tables} <= set(feed.tables)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SAMPLES)))
def test_compressed_samples_give_the_same(path):
    """Compression changes nothing."""
    feed = feed_of(kind_of_file(path))
    plain, _ = read(feed, path.read_bytes(), str(path))
    packed, error = read(feed, gzip.compress(path.read_bytes()), str(path) + ".gz")
    assert error is None
    assert [one.tables for one in plain] == [one.tables for one in packed]


def mutated(data, number):
    """A sample with something wrong in it, the same for the same number."""
    source, bent = random.Random(number), bytearray(data)
    for _ in range(source.randrange(1, 12)):
        at = source.randrange(len(bent) or 1)
        match source.randrange(6):
            case 0:
                bent[at : at + 1] = bytes([source.randrange(256)])
            case 1:
                del bent[at : at + source.randrange(1, 40)]
            case 2:
                bent[at:at] = bytes(source.randrange(256) for _ in range(source.randrange(1, 20)))
            case 3:
                piece = bent[at : at + source.randrange(1, 200)]
                bent[at:at] = piece
            case 4:
                word = source.choice(
                    [b"null", b"-1", b"1e999", b'"\\ud800"', b"[[[[", b"{}", b"\x00", b"99999999999999999999"]
                )
                bent[at : at + source.randrange(8)] = word
            case _:
                bent[at : at + 1] = source.choice([b"\n", b",", b'"', b"\t", b"}", b"]", b"<", b"\xff"])
    return bytes(bent)


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.kind)
def test_anything_gives_rows_or_rejects(feed):
    """Ten thousand records of every kind with damage in them: rows or rejects, never a crash or a silent loss."""
    files = [path for path in FILES if kind_of_file(path) == feed.kind]
    if not files:
        pytest.skip("own tables share their reader; one of them stands for all")
    records, number = 0, 0
    while records < MUTATED and number < 3000:
        path = files[number % len(files)]
        parsed, _ = read(feed, mutated(path.read_bytes(), number), path.name)
        check(parsed)
        records += sum(one.records for one in parsed) or 1
        number += 1


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.kind)
@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n\n", b"{}", b"[]", b"null\n", b"\x00" * 4096, b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe\x00\x00",
        b"PK\x03\x04", b",",
    ],
    ids=["empty", "blank", "object", "array", "null", "zeros", "deep", "deeper", "utf16", "zip", "comma"],
)  # fmt: skip
def test_nothing_much_gives_nothing(feed, data):
    """Empty and senseless inputs give no rows and no crash."""
    parsed, _ = read(feed, data)
    check(parsed)
    assert not sum(table.num_rows for one in parsed for table in one.tables.values())
