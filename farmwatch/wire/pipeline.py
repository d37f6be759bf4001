"""The loop over packets: decode a small batch, make sure there is room, look ahead, track, repeat.

Why batches: some hundred packets' rows stay in the second-level cache between decoding and tracking, and the misses of
a whole batch on the flow table overlap.
"""

from __future__ import annotations

from farmwatch.wire.decode import ROWS_PER_PACKET, decode_packet
from farmwatch.wire.fragments import release
from farmwatch.wire.jit import kernel
from farmwatch.wire.layout import (
    A_WIDTH,
    F_WIDTH,
    G_SLOTS,
    M_WIDTH,
    N_WIDTH,
    Q_WIDTH,
    S_ARP,
    S_ARP_LIMIT,
    S_AT,
    S_BLOCK_CAPACITY,
    S_BLOCK_LIMIT,
    S_BLOCKS,
    S_FINISHED,
    S_FIRST_NS,
    S_FLOWS,
    S_HOST_LIMIT,
    S_HOSTS,
    S_LAST_NS,
    S_MESSAGES,
    S_PACKETS,
    S_ROW,
    S_ROWS,
    S_SAMPLES,
    S_SAMPLES_ON,
    S_SEEN,
    S_SEEN_MASK,
    S_STUN,
    S_STUN_LIMIT,
    S_TABLE_MASK,
    S_WIRE_BYTES,
    T_WIDTH,
    W_ARP,
    W_BLOCKS,
    W_DONE,
    W_FLOWS,
    W_HOSTS,
    W_MESSAGES,
    W_SAMPLES,
    W_SEEN,
    W_STUN,
)
from farmwatch.wire.packets import Bytes, Ints
from farmwatch.wire.track import look_ahead, track_rows

__all__ = ["BATCH_ROWS", "run_chunk"]

BATCH_ROWS = 256  #: rows tracked at a time, and the room every table must have before
_FINISHED_LIMIT = G_SLOTS // 2


@kernel
def short_of_room(  # noqa: PLR0911  a kernel: splitting hides the loop
    state: Ints,
    hot: Ints,
    messages: Ints,
    stun: Ints,
    arp: Ints,
    hosts: Ints,
    samples: Ints,
) -> int:
    """Which table could overflow while the waiting rows are tracked (W_ code), W_DONE if none."""
    rows = state[S_ROWS] - state[S_ROW]
    flows = state[S_FLOWS]
    if flows + rows > len(hot) // F_WIDTH or (flows + rows) * 2 > state[S_TABLE_MASK]:
        return W_FLOWS
    if state[S_BLOCKS] + 3 * rows > state[S_BLOCK_CAPACITY] and state[S_BLOCK_CAPACITY] < state[S_BLOCK_LIMIT]:
        return W_BLOCKS
    if state[S_MESSAGES] + rows > len(messages) // M_WIDTH:
        return W_MESSAGES
    if state[S_STUN] + rows > len(stun) // T_WIDTH and len(stun) // T_WIDTH < state[S_STUN_LIMIT]:
        return W_STUN
    if state[S_ARP] + rows > len(arp) // A_WIDTH and len(arp) // A_WIDTH < state[S_ARP_LIMIT]:
        return W_ARP
    if state[S_HOSTS] + 4 * rows > len(hosts) // N_WIDTH and len(hosts) // N_WIDTH < state[S_HOST_LIMIT]:
        return W_HOSTS
    if state[S_SAMPLES_ON] and state[S_SAMPLES] + rows > len(samples) // Q_WIDTH:
        return W_SAMPLES
    if (state[S_SEEN] + 5 * rows) * 2 > state[S_SEEN_MASK]:
        return W_SEEN
    return W_DONE


@kernel
def run_chunk(
    buffer: Bytes,
    offsets: Ints,
    caplens: Ints,
    wirelens: Ints,
    times: Ints,
    links_of: Ints,
    count: int,
    first: int,
    rows: Ints,
    state: Ints,
    keys: Ints,
    pieces: Bytes,
    covered: Bytes,
    slots: Ints,
    hot: Ints,
    table: Ints,
    blocks: Ints,
    queue: Ints,
    pool: Bytes,
    links: Ints,
    messages: Ints,
    message_pool: Bytes,
    stun: Ints,
    arp: Ints,
    hosts: Ints,
    seen: Ints,
    samples: Ints,
    kinds: Bytes,
) -> int:
    """Go on with a chunk until it is used up (W_DONE) or some room has to be made (another W_ code)."""
    while True:
        if state[S_ROW] >= state[S_ROWS]:
            at = state[S_AT]
            if at >= count:
                return W_DONE
            if state[S_FINISHED]:
                release(slots)
                state[S_FINISHED] = 0
            state[S_ROWS] = 0
            row = state[S_ROWS]  # not a literal 0, for which everything called with it would be compiled once more
            total = 0
            while at < count and row <= BATCH_ROWS - ROWS_PER_PACKET and state[S_FINISHED] < _FINISHED_LIMIT:
                start = offsets[at]
                ts = times[at]
                wire = wirelens[at]
                if ts < state[S_FIRST_NS] or state[S_PACKETS] == 0:
                    state[S_FIRST_NS] = ts
                if ts > state[S_LAST_NS] or state[S_PACKETS] == 0:
                    state[S_LAST_NS] = ts
                state[S_PACKETS] += 1
                total += wire
                row = decode_packet(
                    buffer,
                    start,
                    start + caplens[at],
                    wire,
                    ts,
                    links_of[at],
                    first + at,
                    rows,
                    row,
                    state,
                    keys,
                    pieces,
                    covered,
                    slots,
                )
                at += 1
            state[S_WIRE_BYTES] += total
            state[S_AT] = at
            state[S_ROWS] = row
            state[S_ROW] = 0
            look_ahead(rows, row, hot, table, state)
        want = short_of_room(state, hot, messages, stun, arp, hosts, samples)
        if want:
            return want
        want = track_rows(
            buffer,
            pieces,
            rows,
            state,
            keys,
            hot,
            table,
            blocks,
            queue,
            pool,
            links,
            messages,
            message_pool,
            stun,
            arp,
            hosts,
            seen,
            samples,
            kinds,
        )
        if want:
            return want
