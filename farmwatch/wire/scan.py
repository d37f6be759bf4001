"""The first pass over a capture: packets in, flows, heads, messages and hosts out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from farmwatch.wire.flows import FlowTable
from farmwatch.wire.heads import HeadBatch
from farmwatch.wire.messages import ArpTable, HostTable, MessageTable, StunTable
from farmwatch.wire.packets import Ints, PacketChunk

__all__ = ["Mode", "RttSamples", "ScanLimits", "WireScan", "choose_mode", "scan_chunks"]

Mode: TypeAlias = Literal["compiled", "interpreted"]


@dataclass(frozen=True, slots=True)
class ScanLimits:
    """Bounds on what one scan keeps; what does not fit is counted, never an error."""

    flows: int = 4_000_000  #: rows of the flow table
    head_bytes: int = 256 << 20  #: room for heads not handed out yet
    messages_per_kind: int = 50_000  #: distinct messages kept of each kind
    message_bytes: int = 128 << 20  #: payload bytes of all kept messages
    message_length: int = 9_000  #: bytes kept of one message
    stun_messages: int = 500_000  #: rows of the STUN table
    arp_packets: int = 200_000  #: distinct ARP packets
    hosts: int = 200_000  #: (MAC, IP) pairs
    rtt_blocks: int = 1 << 20  #: blocks of 128 bytes for segments in flight and RTT samples


@dataclass(frozen=True, slots=True)
class RttSamples:
    """Every SEQ/ACK sample of the scan, in capture order (only with ``keep_rtt_samples=True``)."""

    flow: Ints
    side: Ints  #: 0 the originator's side was measured, 1 the responder's
    rtt_ns: Ints
    packet: Ints  #: number of the packet whose acknowledgement gave the sample


@dataclass(frozen=True, slots=True)
class WireScan:
    """Everything pass one learns from a capture."""

    packets: int
    bytes: int  #: sum of wire lengths
    first_ns: int  #: earliest packet time, -1 without packets
    last_ns: int  #: latest packet time
    flows: FlowTable
    messages: MessageTable
    stun: StunTable
    arp: ArpTable
    hosts: HostTable
    rejects: dict[str, int]  #: packets not decoded to the end, by reason in plain words
    protocols: dict[str, int]  #: packets by transport: tcp, udp, icmp, icmpv6, sctp, esp, arp, other ip, other link
    rtt_samples: RttSamples | None


def choose_mode(size_bytes: int) -> Mode:
    """Which way to run the kernels on a capture of this size (bytes; -1 unknown, as from a pipe)."""
    raise NotImplementedError


def scan_chunks(
    chunks: Iterable[PacketChunk],
    *,
    mode: Mode,
    limits: ScanLimits | None = None,
    on_heads: Callable[[HeadBatch], None] | None = None,
    keep_rtt_samples: bool = False,
) -> WireScan:
    """Run pass one.

    Args:
        chunks: packets in capture order; each chunk is used up before the next is asked for.
        mode: ``compiled`` or ``interpreted`` (see :func:`choose_mode`); the result is the same.
        limits: bounds on memory.
        on_heads: called with batches of flows whose first bytes are complete, and at the end with all the rest.
            Without it no heads are kept.
        keep_rtt_samples: keep every RTT sample, for tests and close looks.

    Returns:
        The flows, messages and hosts; flow rows are in order of each flow's first packet.
    """
    raise NotImplementedError
