"""Decoding beside the kernels: batches of heads are copied out of the pool and handed to a thread of their own.

Why: kernels release the interpreter lock, so while they run through one block of packets, Python can decode the heads
of the block before. The thread is at most a few megabytes behind, which bounds memory.
"""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np

from farmwatch.wire.fields import copy_bytes
from farmwatch.wire.heads import HeadBatch
from farmwatch.wire.jit import kernel
from farmwatch.wire.packets import Bytes, Ints

__all__ = ["MOST_MARKS", "Beside", "gather_heads"]

_BATCH_BYTES: Final = 8 << 20  # of heads copied at a time
_BATCHES: Final = 2  # that may wait
#: Distinct marks whose bytes are left out from the second head on; receivers remember as many, from the first on.
MOST_MARKS: Final = 8_192
# The thread in the kernels waits this long for the interpreter lock each time it comes back, instead of Python's 5 ms.
_SWITCH_SECONDS: Final = 0.0002


@kernel
def gather_heads(pool: Bytes, starts: Ints, lengths: Ints, out: Bytes, places: Ints) -> None:
    """Copy runs of bytes one behind the other into ``out``, and note where each went."""
    at = 0
    for row in range(len(starts)):
        places[row] = at
        start = starts[row]
        length = lengths[row]
        if length > 0 and start >= 0 and start + length <= len(pool) and at + length <= len(out):
            copy_bytes(out, at, pool, start, length)
            at += length


class Beside:
    """Calls a receiver of heads from a thread, one batch after the other, in order.

    A head whose mark is one of the first 8,192 and was handed over before comes without its bytes: its receiver has
    decoded one like it.
    """

    def __init__(self, receive: Callable[[HeadBatch], None], gather: Callable[..., Any]) -> None:
        self._receive = receive
        self._gather = gather
        self._seen: set[tuple[int, int]] = set()
        self._waiting: queue.Queue[HeadBatch | None] = queue.Queue(_BATCHES)
        self._fault: BaseException | None = None
        self._interval = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._thread = threading.Thread(target=self._run, name="farmwatch-heads", daemon=True)
        self._thread.start()

    def __call__(self, batch: HeadBatch) -> None:
        """Copy the batch and hand it over, in pieces; waits while too many are waiting.

        Raises:
            Exception: whatever the receiver raised.
        """
        orig_length, resp_length = self._wanted(batch)
        total = np.cumsum(orig_length + resp_length)
        first = 0
        while first < len(batch):
            before = int(total[first - 1]) if first else 0
            last = max(int(np.searchsorted(total, before + _BATCH_BYTES, side="right")), first + 1)
            part = slice(first, last)
            self._hand_over(batch, part, orig_length[part], resp_length[part])
            first = last

    def close(self) -> None:
        """End the thread once everything handed over is received.

        Raises:
            Exception: whatever the receiver raised.
        """
        self._waiting.put(None)
        self._thread.join()
        sys.setswitchinterval(self._interval)
        if self._fault is not None:
            raise self._fault

    def _wanted(self, batch: HeadBatch) -> tuple[Ints, Ints]:
        """Lengths of the bytes to copy: none for heads like one handed over before."""
        fresh = np.ones(len(batch), dtype=np.int64)
        for row, mark in enumerate(zip(batch.mark.tolist(), batch.mark_check.tolist(), strict=True)):
            if mark in self._seen:
                fresh[row] = 0
            elif mark != (0, 0) and len(self._seen) < MOST_MARKS:
                self._seen.add(mark)
        return batch.orig_length * fresh, batch.resp_length * fresh

    def _hand_over(self, batch: HeadBatch, part: slice, orig_length: Ints, resp_length: Ints) -> None:
        starts = np.concatenate([batch.orig_start[part], batch.resp_start[part]])
        lengths = np.concatenate([orig_length, resp_length])
        pool = np.empty(int(lengths.sum()), dtype=np.uint8)
        places = np.zeros(len(starts), dtype=np.int64)
        self._gather(batch.pool, starts, lengths, pool, places)
        columns = {
            name: getattr(batch, name)[part] for name in HeadBatch.__slots__ if name not in ("pool", "__weakref__")
        }
        half = len(orig_length)
        columns |= {"orig_start": places[:half], "resp_start": places[half:]}
        columns |= {"orig_length": orig_length, "resp_length": resp_length}
        if self._fault is not None:
            raise self._fault
        self._waiting.put(replace(batch, **columns, pool=pool))

    def _run(self) -> None:
        while (batch := self._waiting.get()) is not None:
            if self._fault is None:
                try:
                    self._receive(batch)
                except BaseException as fault:  # noqa: BLE001  raised again in the thread that hands over
                    self._fault = fault
