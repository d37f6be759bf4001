"""JSON documents in columns, whatever form they come in."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmwatch.collectors.feeds.documents import Misfit, fit, json_documents, json_objects, parse_time
from farmwatch.errors import SourceError

SCHEMA = pa.schema(
    [
        ("a", pa.int64()),
        ("b", pa.string()),
        ("c", pa.struct([("d", pa.float64()), ("e", pa.list_(pa.string()))])),
    ]
)


def read(data, **options):
    taken = list(json_documents(io.BytesIO(data), SCHEMA, **options))
    rows = [row for one in taken for row in one.table.to_pylist()]
    numbers = [number for one in taken for number in one.numbers.tolist()]
    faults = [(fault.reason, fault.offset) for one in taken for fault in one.faults.rejects]
    return rows, numbers, faults


DOCUMENTS = [{"a": 1, "b": "x", "c": {"d": 1.5, "e": ["p"]}}, {"a": 2, "b": "\u00e9", "c": None}]


@pytest.mark.parametrize(
    "data",
    [
        "\n".join(map(json.dumps, DOCUMENTS)),
        "\n\n".join(map(json.dumps, DOCUMENTS)) + "\n\n",
        json.dumps(DOCUMENTS),
        json.dumps(DOCUMENTS, indent=2),
        "\n".join(json.dumps(one, indent=2) for one in DOCUMENTS),
        "".join(map(json.dumps, DOCUMENTS)),
        "\ufeff" + "\r\n".join(json.dumps(one, ensure_ascii=False) for one in DOCUMENTS),
    ],
    ids=["lines", "blank lines", "array", "indented array", "indented documents", "end to end", "bom and crlf"],
)
def test_every_form_gives_the_same_documents(data):
    """Lines, arrays, indented and concatenated objects are one thing."""
    rows, _, faults = read(data.encode())
    assert rows == DOCUMENTS
    assert not faults


def test_a_bad_line_costs_its_neighbours_nothing():
    """One line that is no JSON among thousands: all others are there, with their line numbers."""
    lines = [json.dumps({"a": number}) for number in range(5000)]
    lines[1234] = '{"a": 12,,}'
    lines[4999] = "nonsense"
    rows, numbers, faults = read("\n".join(lines).encode())
    assert [row["a"] for row in sorted(rows, key=lambda row: row["a"])] == [n for n in range(4999) if n != 1234]
    assert sorted(numbers) == [n + 1 for n in range(4999) if n != 1234]
    assert [offset for _, offset in faults] == [1235, 5000]


def test_spelling_is_forgiven_and_meaning_is_not():
    """A number written as text is taken; a text where a number must be is rejected with the field's name."""
    rows, _, faults = read(
        b'{"a": "7", "b": 5}\n{"a": "seven"}\n{"a": 1.0, "c": {"d": "1e3", "e": "one"}}\n{"a": 1.5}\n'
    )
    assert [row["a"] for row in rows] == [7, 1]
    assert rows[0]["b"] == "5"
    assert rows[1]["c"] == {"d": 1000.0, "e": ["one"]}
    assert [reason for reason, _ in faults] == ["a: expected a whole number"] * 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"\xff\xfe\xfa", "not"),
        (b"[1]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"5", "not a JSON object"),
        (b'{"b": "\\ud800"}', "half a surrogate pair"),
        (b'{"a": 1e999}', "a: expected a whole number"),
        (b'{"a": NaN}', "a: expected a whole number"),
        (b'{"a": 99999999999999999999}', "a: expected a whole number"),
        (b'{"c": 5}', "c: expected an object"),
        (b'{"b":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deep"),
    ],
)
def test_what_is_wrong_is_said(line, said):
    """Each kind of bad line gets its reason and its number."""
    rows, _, faults = read(b'{"a": 1}\n' + line + b"\n")
    assert [row["a"] for row in rows] == [1]
    assert len(faults) == 1
    assert said in faults[0][0]
    assert faults[0][1] == 2


def test_a_broken_array_gives_what_came_before_it():
    """Documents before the fault are there; the rest is said to be lost."""
    taken, cut = [], json_documents(io.BytesIO(b'[{"a": 1}, {"a": 2}, {"a": oops}, {"a": 4}]'), SCHEMA)
    with pytest.raises(SourceError, match="document 3"):
        taken.extend(cut)
    assert [row["a"] for one in taken for row in one.table.to_pylist()] == [1, 2]
    assert [fault.offset for one in taken for fault in one.faults.rejects] == [3]


def test_fields_outside_the_schema_are_counted_where_asked_for():
    """In columns and one by one alike."""
    data = b'{"a": 1, "z": 1}\n{"a": 2, "z": null}\n{"a": "x", "z": 3}\n{"a": "3", "z": 3}\n'
    assert sum(one.extra["z"] for one in json_documents(io.BytesIO(data), SCHEMA, infer=True)) == 2


def test_objects_are_given_as_they_are():
    """For formats whose fields have no fixed type."""
    objects, numbers, account = next(json_objects(io.BytesIO(b'{"a": [1]}\nno\n{"b": {}}\n')))
    assert objects == [{"a": [1]}, {"b": {}}]
    assert numbers.tolist() == [1, 3]
    assert account.records == 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcde"), inner, max_size=4),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3), max_size=20))
def test_every_document_is_a_row_or_a_fault(documents):
    """Nothing disappears, whatever the values are."""
    rows, _, faults = read("\n".join(map(json.dumps, documents)).encode())
    assert len(rows) + len(faults) == len(documents)


@given(VALUES, st.sampled_from([entry.type for entry in SCHEMA] + [pa.bool_(), pa.timestamp("us", "UTC")]))
def test_what_fits_can_be_stored(value, kind):
    """A value that was made to fit is one Arrow takes; else the misfit is said."""
    said = "field"
    try:
        pa.array([fit(value, kind, "field")], kind).validate(full=True)
    except Misfit as misfit:
        said = str(misfit)
    assert said.startswith("field")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-01T12:00:00Z", datetime(2026, 11, 1, 12, tzinfo=UTC)),
        ("2026-11-01T12:00:00+02:00", datetime(2026, 11, 1, 10, tzinfo=UTC)),
        ("2026-11-01 12:00:00", datetime(2026, 11, 1, 12, tzinfo=UTC)),
        (1793534400, datetime(2026, 11, 1, 12, tzinfo=UTC)),
        ("1793534400", datetime(2026, 11, 1, 12, tzinfo=UTC)),
        (1793534400.5, datetime(2026, 11, 1, 12, 0, 0, 500_000, tzinfo=UTC)),
        (1793534400000, datetime(2026, 11, 1, 12, tzinfo=UTC)),
        (1793534400000000, datetime(2026, 11, 1, 12, tzinfo=UTC)),
        ("", None),
    ],
)
def test_times_in_the_usual_spellings(value, expected):
    """ISO 8601 with and without a zone, and numbers since 1970 in the four usual units."""
    assert parse_time(value, "t") == expected


@pytest.mark.parametrize("value", ["inf", "-inf", "1e999", float("inf"), "0001-01-01T00:00:00+23:59"])
def test_times_beyond_all_bounds_are_misfits(value):
    """An endless number ends, and a time that has no place in UTC is no crash."""
    with pytest.raises(Misfit):
        parse_time(value, "t")


def test_an_array_on_one_long_line_is_read():
    """What an API gave as one line of many mebibytes is an array like any other."""
    documents = [{"a": number, "b": "x" * 1000} for number in range(10_000)]
    rows, _, faults = read(json.dumps(documents).encode())
    assert [row["a"] for row in rows] == list(range(10_000))
    assert not faults


@pytest.mark.parametrize("first", ['{"a": 1} x', '{"a": 1,', "foo {", '{"a": {"b":['])
def test_a_bad_first_line_costs_its_neighbours_nothing(first):
    """A log that begins in the middle of a line is still a log of lines."""
    rows, _, faults = read((first + "\n" + '{"a": 2}\n' * 9).encode())
    assert len(rows) == 9
    assert [number for _, number in faults] == [1]


def test_a_document_of_an_array_that_is_too_long_is_not_passed_over():
    """It is a fault, and that what follows was not read is said."""
    data = b'[\n{"a": 1},\n{"b": "' + b"x" * (20 << 20) + b'"},\n{"a": 3}\n]'
    with pytest.raises(SourceError, match="document 2"):
        read(data)


def test_what_came_before_an_array_broke_off_is_given():
    """Documents read before a stream fails are handed on, not lost with it."""

    class Broken(io.BytesIO):
        def read(self, size=-1):
            if data := super().read(size):
                return data
            raise EOFError("cut")

    taken = json_documents(Broken(b'[{"a": 1},\n{"a": 2},\n'), SCHEMA)
    assert next(taken).table.num_rows == 2
    with pytest.raises(SourceError, match="cut"):
        next(taken)


def test_many_faults_of_one_reason_are_counted_together():
    """A million bad lines are some faults, each line with its number."""
    [one] = json_documents(io.BytesIO(b'{"a": 0}\n' + b"x\n" * 1000), SCHEMA)
    assert one.faults.rejected == one.faults.records == 1000
    assert len(one.faults.rejects) == 51
    assert one.faults.rejects[-1].others == tuple(range(52, 1002))


def test_names_without_end_do_not_become_columns():
    """Lines that each have a field of their own cost what they are long, not their number squared."""
    data = b"".join(b'{"a": 1, "k%d": 1}\n' % number for number in range(20_000))
    [one] = json_documents(io.BytesIO(data), SCHEMA, infer=True)
    assert one.table.num_rows == one.extra.total() == 20_000
