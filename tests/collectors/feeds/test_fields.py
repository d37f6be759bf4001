"""Fields by the sender's names, and answers of APIs taken apart."""

from __future__ import annotations

import io
import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from farmwatch.collectors.feeds.fields import (
    Fields,
    Peeked,
    Respelled,
    element_documents,
    elements,
    is_wrapped,
    quoted_numbers,
)
from farmwatch.collectors.feeds.output import Output

NESTED = pa.table({"a": [{"b": {"c": "x"}, "n": 5}, {"b": None, "n": None}, None], "d": ["", " y ", "-"]})
FLAT = pa.table({"Date (UTC)": ["2026-10-05"], "Autonomous system  number": ["64500"], "Managed": ["Yes"]})
SCHEMA = pa.schema([("a", pa.int64()), ("b", pa.string())])


def test_nested_fields_by_path():
    """A missing object, a missing field and blank text have no value."""
    fields = Fields(NESTED)
    assert fields.text("a.b.c").to_pylist() == ["x", None, None]
    assert fields.text("d").to_pylist() == [None, "y", None]
    assert fields.text("a.b.c", "d").to_pylist() == ["x", "y", None]
    assert fields.whole("a.n").to_pylist() == [5, None, None]
    assert fields.text("a.n").to_pylist() == ["5", None, None]


def test_fields_that_cannot_be_there_have_no_values():
    """Asking for the CSV's name of a JSON is no mistake; taking a field raw that is not there is."""
    fields = Fields(NESTED)
    assert fields.text("Date (UTC)", "a.b.c.d", "a.x").to_pylist() == [None, None, None]
    assert fields.real("x").null_count == fields.truth("x").null_count == 3
    with pytest.raises(KeyError):
        fields.raw("a.x")


def test_flat_fields_by_letters_only():
    """Column titles differ in spaces, points and lines from export to export."""
    fields = Fields(FLAT, flat=True)
    assert fields.whole("autonomousSystemNumber").to_pylist() == [64500]
    assert fields.truth("managed").to_pylist() == [True]
    assert fields.text("date_utc").to_pylist() == ["2026-10-05"]


def test_some_of_the_records():
    """Parts of parts are parts of the whole; reading one does not disturb the other."""
    fields = Fields(NESTED)
    part = fields.at(np.array([2, 1, 0])).at(np.array([2]))
    assert len(part) == 1
    assert part.text("a.b.c").to_pylist() == ["x"]
    assert fields.text("a.b.c").to_pylist() == ["x", None, None]


def test_fields_left_behind_are_counted_once():
    """By their full name, blank ones not, and one column not twice under two spellings."""
    output = Output(np.arange(1, 4))
    Fields(NESTED, under="a").leave(output, "n", "x")
    Fields(NESTED).leave(output, "d")
    assert output.dropped == Counter({"a.n": 1, "d": 1})
    flat = Output(np.arange(1, 2))
    Fields(FLAT, flat=True).leave(flat, "managed", "Managed", "MANAGED")
    assert flat.dropped == Counter({"Managed": 1})


@pytest.mark.parametrize(
    ("head", "wrapped"),
    [
        (b'{"value": [', True), (b'\xef\xbb\xbf {"x":1,"records":[', True), (b'{"value": "x"}', False),
        (b'[{"value": []}]', False), (b'{"text": "\\"value\\": [1]"}', False), (b"", False),
    ],
)  # fmt: skip
def test_what_a_wrapper_is(head, wrapped):
    """An object with an array under the key; not the same words inside text."""
    assert is_wrapped(head, ("value", "records")) is wrapped


def test_elements_are_the_records():
    """Each counts, also those that are no objects; documents without the key stand for themselves."""
    data = b'{"value":[{"a":1},{"a":"2"},5,{"a":"x"}]}\n{"a":3}\n{"value":[]}\n'
    (documents,) = element_documents(Peeked(io.BytesIO(data)), SCHEMA, inside=("value",))
    assert documents.table.column("a").to_pylist() == [1, 2, 3]
    assert documents.numbers.tolist() == [1, 2, 5]
    assert [(fault.reason, fault.offset) for fault in documents.faults.rejects] == [
        ("not a JSON object", 3), ("a: expected a whole number", 4),
    ]  # fmt: skip
    assert documents.faults.records == 2


def test_elements_as_objects():
    """The same, as Python has them."""
    ((records, account),) = elements(io.BytesIO(b'{"value":[{"a":1},5]}\n{"b":2}\nx\n'), ("value",))
    assert records == [{"a": 1}, 5, {"b": 2}]
    assert account.records == 1


@pytest.mark.parametrize("size", [1, 3, 7, 1000, -1])
def test_looking_ahead_takes_nothing_away(size):
    """Whatever was looked at is still read, once."""
    data = bytes(range(256)) * 4
    peeked = Peeked(io.BytesIO(data))
    assert peeked.peek(100) == data[:100]
    assert peeked.peek(10) == data[:10]
    read = b""
    while part := peeked.read(size):
        read += part
    assert read == data


@pytest.mark.parametrize("size", [1, 5, 4096])
def test_respelling_sees_whole_lines(size):
    """However the bytes come, a number is not cut in two."""
    data = b"".join(b'{"n":%d}\n' % number for number in range(2000)) + b'{"n":77}'
    stream, read = Respelled(io.BytesIO(data), quoted_numbers), b""
    while part := stream.read(size):
        read += part
    assert [json.loads(line)["n"] for line in read.split(b"\n")] == [*(str(number) for number in range(2000)), "77"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"a":1,"b": -2.5e3 ,"c":true,"d":null}', {"a": "1", "b": "-2.5e3", "c": "true", "d": None}),
        (json.dumps({"a": '"x":1,"y":2}'}), {"a": '"x":1,"y":2}'}),
        (json.dumps({"a\\": 1, "b": [1, 2]}), {"a\\": 1, "b": [1, 2]}),
    ],
)
def test_only_bare_values_are_quoted(line, expected):
    """Text that looks like JSON stays as it is; lists stay lists. A name that ends in a backslash keeps its number."""
    assert json.loads(quoted_numbers(line.encode())) == expected
