"""Passive round-trip times: SEQ/ACK matching (Dapper, Chen 2020, Dart) and TCP timestamps (pping).

Per direction a queue of segments in flight holds (expected acknowledgement, time sent); a single one lives in the
flow's row, so that a connection attempt nobody answers takes no block. Only bytes never sent before enter it; an
acknowledgement drops everything up to it and gives one sample if it names the end of a segment exactly. A
retransmission or a hole in the receiver's SACK blocks empties the queue, for what comes next is ambiguous (Karn 1987).

Why the 5th percentile: delayed acknowledgements spoil the median, not the low end.
"""

from __future__ import annotations

from farmwatch.wire.fields import signed32
from farmwatch.wire.jit import kernel
from farmwatch.wire.layout import (
    B_SAMPLES,
    B_WIDTH,
    D_FIFO_COUNT,
    D_FIFO_HEAD,
    D_FIFO_TAIL,
    D_P5,
    D_PACKETS,
    D_POOL_COUNT,
    D_POOL_FIRST,
    D_POOL_LAST,
    D_POOL_STRIDE,
    D_RTT_COUNT,
    D_RTT_MIN,
    D_TS_COUNT,
    D_TS_HIGH,
    D_TS_MIN,
    D_TS_PROBE,
    D_TS_SENT,
    D_WIDTH,
    F_COMMON,
    F_WIDTH,
    POSITION,
    S_BLOCK_CAPACITY,
    S_BLOCK_FREE,
    S_BLOCKS,
    S_REJECT,
    SAMPLES_KEPT,
    X_BLOCKS,
)
from farmwatch.wire.packets import Ints

__all__ = [
    "acknowledge",
    "add_sample",
    "echo_timestamp",
    "forget_in_flight",
    "note_timestamp",
    "percentiles",
    "send_segment",
]

_IN_FLIGHT = 4096  # segments remembered of one direction
_ONE_SIDED = 24  # the same while the other side has not been seen at all
_PROBE_AGE_NS = 10_000_000_000  # pping: a TSval older than 10 s is no longer waited for
_PAIRS_END = 15  # first position in a block after its seven pairs


@kernel
def take_block(blocks: Ints, state: Ints) -> int:
    """Position of a fresh block; 0, and counted, when there is none left."""
    block: int = state[S_BLOCK_FREE]
    if block:
        state[S_BLOCK_FREE] = blocks[block * B_WIDTH]
    elif state[S_BLOCKS] < state[S_BLOCK_CAPACITY]:
        block = state[S_BLOCKS]
        state[S_BLOCKS] = block + 1
    else:
        state[S_REJECT + X_BLOCKS] += 1
        return 0
    blocks[block * B_WIDTH] = 0
    return block


@kernel
def drop_block(block: int, blocks: Ints, state: Ints) -> None:
    """Give a block back."""
    blocks[block * B_WIDTH] = state[S_BLOCK_FREE]
    state[S_BLOCK_FREE] = block


@kernel
def forget_in_flight(side: int, hot: Ints, blocks: Ints, state: Ints) -> None:
    """Empty the queue of one direction (``side``: where its fields start in ``hot``)."""
    if hot[side + D_FIFO_COUNT] > 0:
        block = hot[side + D_FIFO_HEAD] // B_WIDTH
        last = hot[side + D_FIFO_TAIL] // B_WIDTH
        blocks[last * B_WIDTH] = state[S_BLOCK_FREE]
        state[S_BLOCK_FREE] = block
    hot[side + D_FIFO_COUNT] = 0


@kernel
def send_segment(side: int, other: int, expected: int, ts: int, hot: Ints, blocks: Ints, state: Ints) -> None:
    """Remember that a segment ending before ``expected`` went out."""
    side &= POSITION
    count = hot[side + D_FIFO_COUNT]
    if count == 0:
        hot[side + D_FIFO_HEAD] = expected
        hot[side + D_FIFO_TAIL] = ts
        hot[side + D_FIFO_COUNT] = -1
        return
    if count == -1:
        block = take_block(blocks, state)
        if block == 0:
            return
        tail = block * B_WIDTH + 1
        blocks[tail] = hot[side + D_FIFO_HEAD]
        blocks[tail + 1] = hot[side + D_FIFO_TAIL]
        hot[side + D_FIFO_HEAD] = tail
        tail += 2
        count = 1
    else:
        if count >= _IN_FLIGHT or (count >= _ONE_SIDED and hot[other + D_PACKETS] == 0):
            return
        tail = hot[side + D_FIFO_TAIL]
        if tail % B_WIDTH == _PAIRS_END:
            block = take_block(blocks, state)
            if block == 0:
                return
            blocks[tail - _PAIRS_END] = block
            tail = block * B_WIDTH + 1
    blocks[tail] = expected
    blocks[tail + 1] = ts
    hot[side + D_FIFO_TAIL] = tail + 2
    hot[side + D_FIFO_COUNT] = count + 1


@kernel
def acknowledge(side: int, number: int, ts: int, hot: Ints, blocks: Ints, state: Ints) -> int:
    """Drop what ``number`` acknowledges from the queue of ``side``; the sample in ns, or -1."""
    side &= POSITION
    sample = -1
    count = hot[side + D_FIFO_COUNT]
    if count == 0:
        return sample
    head = hot[side + D_FIFO_HEAD]
    if count == -1:
        distance = signed32(head - number)
        if distance <= 0:
            hot[side + D_FIFO_COUNT] = 0
            if distance == 0:
                sample = ts - hot[side + D_FIFO_TAIL]
        return sample
    while count:
        head &= POSITION
        distance = signed32(blocks[head] - number)
        if distance > 0:
            break
        if distance == 0:
            sample = ts - blocks[head + 1]
        head += 2
        count -= 1
        if count == 0:
            drop_block(head // B_WIDTH, blocks, state)
        elif head % B_WIDTH == _PAIRS_END:
            block = head // B_WIDTH
            head = blocks[block * B_WIDTH] * B_WIDTH + 1
            drop_block(block, blocks, state)
    hot[side + D_FIFO_HEAD] = head
    hot[side + D_FIFO_COUNT] = count
    return sample


@kernel
def add_sample(side: int, sample: int, hot: Ints, blocks: Ints, state: Ints) -> None:
    """Count a sample of the way to ``side`` and keep it, or every 2nd, 4th, … when there are many.

    The first sample lives in the minimum; blocks are taken from the second on, since most flows never have one.
    """
    side &= POSITION
    count = hot[side + D_RTT_COUNT]
    hot[side + D_RTT_COUNT] = count + 1
    low = hot[side + D_RTT_MIN]
    if count == 0 or sample < low:
        hot[side + D_RTT_MIN] = sample
    if count == 0:
        return
    if count == 1:
        hot[side + D_POOL_STRIDE] = 1
        keep_sample(side, low, hot, blocks, state)
    if count % hot[side + D_POOL_STRIDE] == 0:
        keep_sample(side, sample, hot, blocks, state)


@kernel
def keep_sample(side: int, sample: int, hot: Ints, blocks: Ints, state: Ints) -> None:
    """Append to the kept samples, halving them first when they are full."""
    kept = hot[side + D_POOL_COUNT]
    if kept == SAMPLES_KEPT:
        kept = halve(side, hot, blocks, state)
        hot[side + D_POOL_STRIDE] *= 2
    place = kept % B_SAMPLES
    block = hot[side + D_POOL_LAST]
    if place == 0:
        fresh = take_block(blocks, state)
        if fresh == 0:
            return
        if kept == 0:
            hot[side + D_POOL_FIRST] = fresh
        else:
            blocks[block * B_WIDTH] = fresh
        block = fresh
        hot[side + D_POOL_LAST] = fresh
    blocks[block * B_WIDTH + 1 + place] = sample
    hot[side + D_POOL_COUNT] = kept + 1


@kernel
def halve(side: int, hot: Ints, blocks: Ints, state: Ints) -> int:
    """Keep every second kept sample; how many are left."""
    reader = hot[side + D_POOL_FIRST]
    writer = reader
    left = 0
    at = 0
    for index in range(SAMPLES_KEPT):
        if index and index % B_SAMPLES == 0:
            reader = blocks[reader * B_WIDTH]
        if index % 2 == 0:
            if left and left % B_SAMPLES == 0:
                writer = blocks[writer * B_WIDTH]
                at = 0
            blocks[writer * B_WIDTH + 1 + at] = blocks[reader * B_WIDTH + 1 + index % B_SAMPLES]
            at += 1
            left += 1
    spare = blocks[writer * B_WIDTH]
    blocks[writer * B_WIDTH] = 0
    for _ in range(SAMPLES_KEPT):
        if spare == 0:
            break
        following = blocks[spare * B_WIDTH]
        drop_block(spare, blocks, state)
        spare = following
    hot[side + D_POOL_LAST] = writer
    hot[side + D_POOL_COUNT] = left
    return left


@kernel
def percentiles(hot: Ints, flows: int, blocks: Ints, scratch: Ints) -> None:
    """Write the 5th percentile (nearest rank from below) of every direction's kept samples; -1 without samples."""
    for flow in range(flows):
        for direction in range(2):
            side = flow * F_WIDTH + F_COMMON + direction * D_WIDTH
            if hot[side + D_RTT_COUNT] == 0:
                hot[side + D_P5] = -1
                continue
            kept = hot[side + D_POOL_COUNT]
            if kept < 21:
                hot[side + D_P5] = hot[side + D_RTT_MIN]
                continue
            rank = (kept - 1) * 5 // 100
            held = 0
            block = hot[side + D_POOL_FIRST]
            for index in range(kept):
                if index and index % B_SAMPLES == 0:
                    block = blocks[block * B_WIDTH]
                value = blocks[block * B_WIDTH + 1 + index % B_SAMPLES]
                if held <= rank or value < scratch[rank]:
                    place = min(held, rank)
                    while place > 0 and scratch[place - 1] > value:
                        scratch[place] = scratch[place - 1]
                        place -= 1
                    scratch[place] = value
                    if held <= rank:
                        held += 1
            hot[side + D_P5] = scratch[rank]


@kernel
def note_timestamp(side: int, value: int, carries: int, ts: int, hot: Ints) -> None:
    """A packet with TSval ``value`` left; start waiting for its echo if it carries data and the value is new."""
    high = hot[side + D_TS_HIGH]
    if high == -1 or signed32(value - high) > 0:
        hot[side + D_TS_HIGH] = value
        if carries and (hot[side + D_TS_PROBE] == -1 or ts - hot[side + D_TS_SENT] > _PROBE_AGE_NS):
            hot[side + D_TS_PROBE] = value
            hot[side + D_TS_SENT] = ts


@kernel
def echo_timestamp(side: int, other: int, echo: int, ts: int, hot: Ints) -> None:
    """A packet of ``side`` echoes ``echo``: measure the way to ``side`` if ``other`` waits for exactly that value."""
    probe = hot[other + D_TS_PROBE]
    if probe == -1:
        return
    distance = signed32(echo - probe)
    if distance < 0:
        return
    hot[other + D_TS_PROBE] = -1
    sample = ts - hot[other + D_TS_SENT]
    if distance == 0 and 0 <= sample <= _PROBE_AGE_NS:
        hot[side + D_TS_COUNT] += 1
        if hot[side + D_TS_MIN] == -1 or sample < hot[side + D_TS_MIN]:
            hot[side + D_TS_MIN] = sample
