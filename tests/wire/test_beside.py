"""Decoding beside the kernels: the same heads in the same order, faults raised where the scan runs."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from farmwatch.wire import beside
from farmwatch.wire.beside import Beside, gather_heads
from farmwatch.wire.heads import HeadBatch


def batch(heads: list[tuple[bytes, bytes]], marks: list[int] | None = None) -> HeadBatch:
    """A batch of TCP heads, their bytes in one pool with gaps between."""
    pool, starts, lengths = bytearray(b"??"), [], []
    for pair in heads:
        for data in pair:
            starts.append(len(pool))
            lengths.append(len(data))
            pool += data + b"??"
    zeros = np.zeros(len(heads), dtype=np.int64)
    columns = {name: zeros.copy() for name in HeadBatch.__slots__ if name != "pool"}
    whole = HeadBatch(**columns, pool=np.frombuffer(bytes(pool), np.uint8).copy())
    return replace(
        whole,
        flow=np.arange(len(heads), dtype=np.int64),
        orig_start=np.array(starts[::2], dtype=np.int64),
        resp_start=np.array(starts[1::2], dtype=np.int64),
        orig_length=np.array(lengths[::2], dtype=np.int64),
        resp_length=np.array(lengths[1::2], dtype=np.int64),
        mark=np.array(marks or zeros, dtype=np.int64),
    )


def received(*batches: HeadBatch) -> list[tuple[int, bytes, bytes]]:
    """What a receiver in the other thread sees."""
    found, threads = [], set()

    def take(got: HeadBatch) -> None:
        threads.add(threading.current_thread())
        found.extend((int(got.flow[row]), got.head(row, 0), got.head(row, 1)) for row in range(len(got)))

    thread = Beside(take, gather_heads)
    for one in batches:
        thread(one)
        one.pool[:] = 0  # its room is reused at once
    thread.close()
    assert threading.current_thread() not in threads
    return found


def test_bytes_outlive_the_pool():
    """Every head arrives whole and in order although the pool is overwritten meanwhile."""
    heads = [(b"a" * number, b"b" * (9 - number)) for number in range(9)]
    expected = [(number, *pair) for number, pair in enumerate(heads)]
    assert received(batch(heads), batch(heads)) == expected * 2


def test_large_batches_come_in_pieces(monkeypatch):
    """No piece is larger than the bound, unless one head alone is."""
    monkeypatch.setattr(beside, "_BATCH_BYTES", 20)
    heads = [(b"x" * 8, b"y" * 8), (b"z" * 50, b""), (b"", b""), (b"w", b"")]
    assert received(batch(heads)) == [(number, *pair) for number, pair in enumerate(heads)]


def test_marked_heads_come_once():
    """Bytes of a mark seen before stay behind; heads without a mark always come."""
    heads = [(b"one", b"1"), (b"two", b"2"), (b"one!", b"3"), (b"four", b"4")]
    marked = [7, 0, 7, 0]
    first = [(0, b"one", b"1"), (1, b"two", b"2"), (2, b"", b""), (3, b"four", b"4")]
    again = [(0, b"", b""), (1, b"two", b"2"), (2, b"", b""), (3, b"four", b"4")]
    assert received(batch(heads, marked), batch(heads, marked)) == first + again


def test_a_fault_is_raised_where_the_scan_runs():
    """What the receiver raises ends the scan, not the thread alone."""

    def fail(_: HeadBatch) -> None:
        raise LookupError("no such decoder")

    def hand_over(thread: Beside) -> None:
        for _ in range(50):
            thread(batch([(b"a", b"b")]))

    thread = Beside(fail, gather_heads)
    with pytest.raises(LookupError, match="no such decoder"):
        hand_over(thread)
    with pytest.raises(LookupError, match="no such decoder"):
        thread.close()
