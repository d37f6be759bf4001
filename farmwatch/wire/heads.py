"""The first bytes of every flow, reassembled, handed out in batches while the scan runs."""

from __future__ import annotations

from dataclasses import dataclass

from farmwatch.wire.packets import Bytes, Ints

__all__ = ["HEAD_BYTES", "HEAD_DATAGRAMS", "Datagram", "HeadBatch"]

HEAD_BYTES = 8192  #: bytes kept of each direction of a flow
HEAD_DATAGRAMS = 16  #: datagrams kept of each direction of a UDP flow
_RECORD = 20  # bytes before each datagram in the pool: ts_ns 8, packet 8, kept length 2, wire length 2; little-endian


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
    handed out once. ``orig_*`` is what the originator sent.
    """

    flow: Ints  #: row in the flow table
    proto: Ints  #: 6 or 17
    orig_port: Ints
    resp_port: Ints
    orig_length: Ints  #: bytes (TCP) or bytes of all kept datagrams with their records (UDP); 0 nothing kept
    resp_length: Ints
    orig_first8: Ints  #: first 8 payload bytes, big-endian, zero-filled on the right, as a signed number
    resp_first8: Ints
    orig_truncated: Ints  #: 1 where the head ends at a gap or at lack of room, not at the flow's end or 8 KiB
    resp_truncated: Ints
    orig_midstream: Ints  #: 1 where the start of this side's stream was not captured
    resp_midstream: Ints
    orig_start: Ints  #: where the bytes start in ``pool``
    resp_start: Ints
    pool: Bytes

    def __len__(self) -> int:
        """Number of flows in the batch."""
        return len(self.flow)

    def head(self, position: int, direction: int) -> bytes:
        """The contiguous first bytes of a TCP flow: ``position`` within the batch, direction 0 orig, 1 resp."""
        start = int((self.resp_start if direction else self.orig_start)[position])
        length = int((self.resp_length if direction else self.orig_length)[position])
        return self.pool[start : start + length].tobytes()

    def datagrams(self, position: int, direction: int) -> list[Datagram]:
        """The first datagrams of a UDP flow, in capture order."""
        data = self.head(position, direction)
        found: list[Datagram] = []
        at = 0
        while at + _RECORD <= len(data):
            kept = int.from_bytes(data[at + 16 : at + 18], "little")
            body = data[at + _RECORD : at + _RECORD + kept]
            found.append(
                Datagram(
                    ts_ns=int.from_bytes(data[at : at + 8], "little", signed=True),
                    packet=int.from_bytes(data[at + 8 : at + 16], "little"),
                    wire_bytes=int.from_bytes(data[at + 18 : at + 20], "little"),
                    payload=body,
                )
            )
            at += _RECORD + kept
        return found
