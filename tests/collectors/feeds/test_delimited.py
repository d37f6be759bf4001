"""Delimited text in columns."""

from __future__ import annotations

import io

import pytest

from farmwatch.collectors.feeds.delimited import delimited_documents, header_of


def read(data, **options):
    taken = list(delimited_documents(io.BytesIO(data), **options))
    rows = [row for one in taken for row in one.table.to_pylist()]
    numbers = [number for one in taken for number in one.numbers.tolist()]
    return rows, numbers, [(fault.offset, fault.count) for one in taken for fault in one.faults.rejects]


def test_quoted_values_hold_commas_and_line_ends():
    """A value in quotes is one value."""
    rows, numbers, faults = read(b'a,b\r\n"x, ""y""","two\nlines"\r\n3,4\r\n')
    assert rows == [{"a": 'x, "y"', "b": "two\nlines"}, {"a": "3", "b": "4"}]
    assert numbers == [1, 2]
    assert not faults


def test_rows_of_the_wrong_length_are_faults():
    """They cost their neighbours nothing and say how many values there were."""
    rows, numbers, faults = read(b"a,b\n1,2\n3\n4,5,6\n7,8\n")
    assert [row["a"] for row in rows] == ["1", "7"]
    assert numbers == [1, 4]
    assert faults == [(2, 1), (3, 1)]


def test_bytes_that_are_no_utf8_are_replaced():
    """A log in an old code page is read; what cannot be told is marked."""
    rows, _, _ = read(b"a,b\ncaf\xe9,1\n")
    assert rows == [{"a": "caf\ufffd", "b": "1"}]


def test_comments_names_and_tabs():
    """Zeek's shape: names given, comments left out, no quotes."""
    rows, _, faults = read(b'#x\n1\t"2\n#close\n', names=["a", "b"], delimiter="\t", quoted=False, comment=b"#")
    assert rows == [{"a": "1", "b": '"2'}]
    assert not faults


@pytest.mark.parametrize("data", [b"", b"\n", b"a,b\n", b"a,b"])
def test_nothing_gives_nothing(data):
    """A header alone is no row."""
    rows, _, faults = read(data)
    assert not rows
    assert not faults


def test_a_quote_that_never_ends_is_bounded():
    """A lone quote does not take the whole rest into memory without end, and nothing is lost silently."""
    rows, _, faults = read(b'a,b\n1,2\n"3,4\n5,6\n')
    assert len(rows) + sum(count for _, count in faults) >= 1


def test_names_that_come_twice_get_numbers():
    """Both columns can be told apart."""
    assert header_of("\ufeffa, b ,a,a") == ["a", "b", "a 2", "a 3"]


def test_a_header_of_one_name_is_numbered_in_no_time():
    """Two thousand namesakes are two thousand names."""
    assert len(set(header_of(",".join(["a"] * 2000)))) == 2000
    assert header_of("a,a 2,a,a") == ["a", "a 2", "a 3", "a 4"]


def test_reasons_do_not_quote_what_was_sent():
    """Whatever a text does to the parser, its values are not in the reason."""
    data = b'a,b\n"SECRET,1\n' + b"SECRET" * 10
    for one in delimited_documents(io.BytesIO(data)):
        assert all("SECRET" not in fault.reason for fault in one.faults.rejects)


def test_what_a_lost_quote_swallowed_is_said():
    """Megabytes of lines behind a quote that is never closed are a fault, not one silent record."""
    rows, _, faults = read(b'a,b\n1,2\n3,"' + b"zz,z\n" * 3_000_000)
    assert rows[0] == {"a": "1", "b": "2"}
    assert faults
    assert all(len(row["b"]) < 1 << 20 for row in rows)
