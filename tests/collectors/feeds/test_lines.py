"""Streams cut into blocks of whole lines."""

from __future__ import annotations

import io

import pytest

from farmwatch.collectors.feeds import lines
from farmwatch.collectors.feeds.lines import Rejoined, blocks, read_all
from farmwatch.errors import SourceError


class Breaking(io.BytesIO):
    """A stream that fails after its bytes."""

    def read(self, size=-1):
        """As a cut gzip file does it."""
        data = super().read(size)
        if not data:
            raise EOFError("cut short")
        return data


@pytest.mark.parametrize("size", [1, 3, 7, 64, 4096])
def test_blocks_hold_whole_lines_in_order(size):
    """However small the reads, the lines come out whole, in order, with their numbers."""
    data = b"one\ntwo\n\nfour\nfive"
    cut = list(blocks(io.BytesIO(data), size))
    assert b"".join(block.data for block in cut) == data
    for block in cut:
        before = data[: data.index(block.data)] if block.data.strip() else None
        if before is not None and data.count(block.data) == 1:
            assert block.first_line == before.count(b"\n") + 1
    assert all(block.data.endswith(b"\n") for block in cut[:-1])


def test_a_line_without_end_is_left_out_and_named(monkeypatch):
    """A line longer than the limit costs itself alone."""
    monkeypatch.setattr(lines, "LONGEST_LINE", 100)
    data = b"first\n" + b"x" * 1000 + b"\nthird\n"
    cut = list(blocks(io.BytesIO(data), 64))
    assert b"".join(block.data for block in cut) == b"first\nthird\n"
    assert [number for block in cut for number in block.too_long] == [2]
    assert next(block.first_line for block in cut if b"third" in block.data) == 3


def test_an_endless_line_uses_bounded_memory_and_is_named_once(monkeypatch):
    """The end may never come; what was held is let go."""
    monkeypatch.setattr(lines, "LONGEST_LINE", 100)
    cut = list(blocks(io.BytesIO(b"x" * 100_000), 64))
    assert [block.too_long for block in cut] == [(1,)]
    assert all(len(block.data) == 0 for block in cut)


def test_what_came_before_a_break_is_given():
    """A cut file gives its whole lines and then says that it was cut."""
    cut = blocks(Breaking(b"one\ntwo\nthr"), 4096)
    assert next(cut).data == b"one\ntwo\n"
    assert next(cut).data == b"thr"
    with pytest.raises(SourceError, match="cut short"):
        next(cut)


def test_read_all_refuses_more_than_the_limit():
    """A file that cannot be that large is not taken into memory."""
    assert read_all(io.BytesIO(b"abc"), 3) == b"abc"
    with pytest.raises(SourceError, match="longer than"):
        read_all(io.BytesIO(b"abcd"), 3)


def test_what_was_looked_at_is_given_although_the_stream_breaks():
    """Bytes seen by peeking are read before the stream's fault is."""
    whole = Rejoined(Breaking(b"a\nb\n"))
    assert whole.peek(100) == b"a\nb\n"
    assert whole.read(100) == b"a\nb\n"
    with pytest.raises(EOFError):
        whole.read(100)
