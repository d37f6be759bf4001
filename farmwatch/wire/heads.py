"""The first bytes of every flow, reassembled, handed out in batches while the scan runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from farmwatch.wire.layout import (
    D_AHEAD_0,
    D_AHEAD_2,
    D_HEAD,
    D_HEAD_LENGTH,
    D_HEAD_STATE,
    D_WIDTH,
    F_COMMON,
    F_META,
    F_PORTS,
    F_WIDTH,
    HS_CUT,
    HS_MIDSTREAM,
)
from farmwatch.wire.packets import Bytes, Ints
from farmwatch.wire.reassembly import HEAD_BYTES, HEAD_DATAGRAMS, RECORD_BYTES

__all__ = ["HEAD_BYTES", "HEAD_DATAGRAMS", "Datagram", "HeadBatch", "head_batch"]


@dataclass(frozen=True, slots=True)
class Datagram:
    """One UDP payload of a head."""

    ts_ns: int
    packet: int  #: packet number in the capture
    wire_bytes: int  #: payload length on the wire
    payload: bytes  #: what was captured of it, at most what was left of 8 KiB


@dataclass(frozen=True, slots=True)
class HeadBatch:
    """Heads that will not grow any more. Valid only inside the callback: the bytes' room is reused afterwards.

    Columns have one entry per flow handed out, sorted by ``flow``; filter on them before touching bytes. A flow is
    handed out once; flows without payload, and those whose datagrams are kept as messages (DNS, DHCP, …), never are.
    ``orig_*`` is what the originator sent.
    """

    flow: Ints  #: row in the flow table
    proto: Ints  #: 6 or 17
    orig_port: Ints
    resp_port: Ints
    orig_length: Ints  #: bytes (TCP) or bytes of all kept datagrams with their records (UDP); 0 nothing kept
    resp_length: Ints
    first_side: Ints  #: who sent payload first: 0 originator, 1 responder, -1 no payload
    orig_truncated: Ints  #: 1 where the head ends at a gap or at lack of room, not at the flow's end or 8 KiB
    resp_truncated: Ints
    orig_midstream: Ints  #: 1 where the start of this side's stream was not captured
    resp_midstream: Ints
    orig_start: Ints  #: where the bytes start in ``pool``
    resp_start: Ints
    pool: Bytes
    #: TCP heads with the same two numbers are TLS handshakes that decode to the same facts (see
    #: :mod:`farmwatch.wire.fingerprint`); 0 and 0 where a head is something else, and for all when interpreted.
    mark: Ints
    mark_check: Ints

    def __len__(self) -> int:
        """Number of flows in the batch."""
        return len(self.flow)

    def head(self, position: int, direction: int) -> bytes:
        """The contiguous first bytes of a TCP flow: ``position`` within the batch, direction 0 orig, 1 resp."""
        start = (self.resp_start if direction else self.orig_start).item(position)
        length = (self.resp_length if direction else self.orig_length).item(position)
        return bytes(self.pool.data[start : start + length])

    def payloads(self, position: int, direction: int) -> list[bytes]:
        """The payloads alone of :meth:`datagrams`, which is what decoders take."""
        data = self.head(position, direction)
        found: list[bytes] = []
        at = RECORD_BYTES
        while at <= len(data):
            end = at + (data[at - 4] | data[at - 3] << 8)
            found.append(data[at:end])
            at = end + RECORD_BYTES
        return found

    def datagrams(self, position: int, direction: int) -> list[Datagram]:
        """The first datagrams of a UDP flow, in capture order."""
        data = self.head(position, direction)
        found: list[Datagram] = []
        at = 0
        while at + RECORD_BYTES <= len(data):
            kept = int.from_bytes(data[at + 16 : at + 18], "little")
            body = data[at + RECORD_BYTES : at + RECORD_BYTES + kept]
            found.append(
                Datagram(
                    ts_ns=int.from_bytes(data[at : at + 8], "little", signed=True),
                    packet=int.from_bytes(data[at + 8 : at + 16], "little"),
                    wire_bytes=int.from_bytes(data[at + 18 : at + 20], "little"),
                    payload=body,
                )
            )
            at += RECORD_BYTES + kept
        return found


def head_batch(flows: Ints, hot: Ints, pool: Bytes) -> HeadBatch:
    """Describe the heads of these flows (sorted rows of the flow table) without copying their bytes."""
    rows = hot.reshape(-1, F_WIDTH)[flows]
    sides = [rows[:, F_COMMON + side * D_WIDTH : F_COMMON + (side + 1) * D_WIDTH] for side in range(2)]
    proto = rows[:, F_PORTS] >> 32
    state = [side[:, D_HEAD_STATE] for side in sides]
    length = [side[:, D_HEAD_LENGTH] for side in sides]
    start = [side[:, D_HEAD] for side in sides]
    # A TCP head also ends at a gap when later bytes wait beyond it.
    waiting = [(side[:, D_AHEAD_0 : D_AHEAD_2 + 1] >= 0).any(axis=1) & (proto == 6) for side in sides]
    return HeadBatch(
        flow=flows,
        proto=proto,
        orig_port=rows[:, F_PORTS] >> 16 & 0xFFFF,
        resp_port=rows[:, F_PORTS] & 0xFFFF,
        orig_length=length[0],
        resp_length=length[1],
        first_side=(rows[:, F_META] >> 25 & 3) - 1,
        orig_truncated=((state[0] & HS_CUT != 0) | waiting[0]).astype(np.int64),
        resp_truncated=((state[1] & HS_CUT != 0) | waiting[1]).astype(np.int64),
        orig_midstream=(state[0] & HS_MIDSTREAM != 0).astype(np.int64),
        resp_midstream=(state[1] & HS_MIDSTREAM != 0).astype(np.int64),
        orig_start=start[0],
        resp_start=start[1],
        pool=pool,
        mark=np.zeros(len(flows), dtype=np.int64),
        mark_check=np.zeros(len(flows), dtype=np.int64),
    )
