"""Messages of naming, discovery and address-assignment protocols, kept whole, and ARP.

The kernels select them by port or ethertype and count repeats; decoders in ``wire/protocols`` read the payloads.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np

from farmwatch.wire.flows import FlowTable
from farmwatch.wire.layout import (
    A_WIDTH,
    M_WIDTH,
    N_BYTES,
    N_FIRST,
    N_HI,
    N_LAST,
    N_LO,
    N_MAC,
    N_PACKETS,
    N_TTL,
    N_WIDTH,
    S_ARP,
    S_ARP_DROPPED,
    S_DROPPED,
    S_HOST_DROPPED,
    S_HOSTS,
    S_MESSAGE_POOL,
    S_MESSAGES,
    S_STUN,
    S_STUN_DROPPED,
    T_WIDTH,
)
from farmwatch.wire.packets import Bytes, Ints

__all__ = [
    "ArpTable",
    "HostTable",
    "MessageKind",
    "MessageTable",
    "StunTable",
    "arp_table",
    "host_table",
    "message_table",
    "stun_table",
]


class MessageKind(IntEnum):
    """Which decoder a kept message is for."""

    DNS = 1  #: UDP port 53
    MDNS = 2  #: UDP port 5353
    LLMNR = 3  #: UDP port 5355
    NBNS = 4  #: UDP port 137
    NETBIOS_DATAGRAM = 5  #: UDP port 138
    DHCP = 6  #: UDP ports 67 and 68
    DHCPV6 = 7  #: UDP ports 546 and 547
    SSDP = 8  #: UDP port 1900
    STUN = 9  #: magic cookie on any UDP port, or classic STUN on 3478 and 19302
    LLDP = 10  #: ethertype 0x88cc; payload starts at the first TLV
    CDP = 11  #: SNAP 00000c/2000; payload starts at the CDP version byte
    NDP = 12  #: ICMPv6 types 133-137; payload starts at the ICMPv6 type


@dataclass(frozen=True, slots=True)
class MessageTable:
    """Distinct messages in order of first sight; repeats only raise ``count``.

    Two messages are the same when kind, source address and payload agree, the transaction id (DNS family, DHCP,
    STUN) left out. Columns are int64; ``flow`` is a row of the flow table or -1; MACs are -1 without
    Ethernet.
    """

    kind: Ints  #: :class:`MessageKind`
    packet: Ints  #: packet number of the first sight
    ts_ns: Ints  #: first sight
    last_ns: Ints  #: latest sight
    count: Ints  #: sights
    flow: Ints
    src_mac: Ints
    dst_mac: Ints
    src_ip_hi: Ints
    src_ip_lo: Ints
    dst_ip_hi: Ints
    dst_ip_lo: Ints
    src_port: Ints
    dst_port: Ints
    wire_bytes: Ints  #: payload length on the wire; more than ``payload`` gives when the capture or the limit cut it
    offset: Ints  #: where the payload starts in ``pool``
    length: Ints  #: bytes kept
    pool: Bytes
    dropped: dict[str, int]  #: distinct messages not kept for lack of room, by kind name in lower case

    def __len__(self) -> int:
        """Number of distinct messages."""
        return len(self.kind)

    def payload(self, row: int) -> bytes:
        """The kept bytes of one message."""
        start = int(self.offset[row])
        return self.pool[start : start + int(self.length[row])].tobytes()


@dataclass(frozen=True, slots=True)
class StunTable:
    """Header facts of every STUN message (RFC 8489 section 5), in capture order, up to a budget."""

    ts_ns: Ints
    packet: Ints
    flow: Ints  #: row of the flow table
    direction: Ints  #: 0 from the flow's originator, 1 from its responder
    type: Ints  #: message type, 14 bits (0x0001 binding request, 0x0101 its success response)
    txn_hi: Ints  #: upper 32 bits of the 96-bit transaction id (classic STUN: upper 64 of 128, cookie place included)
    txn_lo: Ints  #: lower 64 bits
    length: Ints  #: message length field
    change_request: Ints  #: 1 where a CHANGE-REQUEST attribute (0x0003) is present
    dropped: int  #: messages beyond the budget

    def __len__(self) -> int:
        """Number of STUN messages kept."""
        return len(self.ts_ns)


@dataclass(frozen=True, slots=True)
class ArpTable:
    """Distinct ARP packets (RFC 826, Ethernet and IPv4 only) in order of first sight; repeats raise ``count``."""

    packet: Ints
    ts_ns: Ints
    last_ns: Ints
    count: Ints
    op: Ints  #: 1 request, 2 reply
    eth_src: Ints  #: source MAC of the Ethernet frame, -1 unknown
    sender_mac: Ints
    sender_ip: Ints  #: IPv4 address as a number
    target_mac: Ints
    target_ip: Ints
    dropped: int  #: distinct packets beyond the budget

    def __len__(self) -> int:
        """Number of distinct ARP packets."""
        return len(self.packet)


@dataclass(frozen=True, slots=True)
class HostTable:
    """(MAC, IP) pairs seen as source of IP packets on a link: tells gateways (many addresses) from devices."""

    mac: Ints
    ip_hi: Ints
    ip_lo: Ints
    packets: Ints
    bytes: Ints
    first_ns: Ints
    last_ns: Ints
    ttl: Ints  #: least TTL or hop limit seen
    dropped: int  #: pairs beyond the budget

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.mac)


def _columns(table: type, array: Ints, width: int, count: int) -> dict[str, Any]:
    """Contiguous copies of the columns of packed rows, named as the table's first fields, whose order is the rows'."""
    # Copies: a contiguous view, such as one of a single row, would keep the whole array alive.
    columns = (column.copy() for column in array.reshape(-1, width)[:count].T)
    return dict(zip((field.name for field in fields(table)[:width]), columns, strict=True))


def message_table(rows: Ints, pool: Bytes, state: Ints) -> MessageTable:
    """Unpack the kernels' message rows."""
    dropped = {kind.name.lower(): int(state[S_DROPPED + kind]) for kind in MessageKind if state[S_DROPPED + kind]}
    columns = _columns(MessageTable, rows, M_WIDTH, int(state[S_MESSAGES]))
    return MessageTable(**columns, pool=pool[: int(state[S_MESSAGE_POOL])], dropped=dropped)


def stun_table(rows: Ints, state: Ints) -> StunTable:
    """Unpack the kernels' STUN rows."""
    return StunTable(**_columns(StunTable, rows, T_WIDTH, int(state[S_STUN])), dropped=int(state[S_STUN_DROPPED]))


def arp_table(rows: Ints, state: Ints) -> ArpTable:
    """Unpack the kernels' ARP rows."""
    return ArpTable(**_columns(ArpTable, rows, A_WIDTH, int(state[S_ARP])), dropped=int(state[S_ARP_DROPPED]))


def host_table(rows: Ints, state: Ints, flows: FlowTable, limit: int) -> HostTable:
    """Sum hosts over flows and over what the kernels counted beside them; pairs in order of first sight.

    ``rows`` holds packets that belong to no flow, and corrections where a flow's packets changed MAC.
    """
    beside = rows.reshape(-1, N_WIDTH)[: int(state[S_HOSTS])]
    names = ("mac", "ip_hi", "ip_lo", "packets", "bytes", "first_ns", "last_ns", "ttl")
    chosen = {
        side: (getattr(flows, f"{side}_mac") >= 0) & (getattr(flows, f"{side}_packets") > 0)
        for side in ("orig", "resp")
    }

    def column(place: int) -> Ints:
        """One column over all parts; together they would take more room than the flows have columns."""
        sides = [np.asarray(getattr(flows, f"{side}_{names[place]}"))[mask] for side, mask in chosen.items()]
        return np.concatenate([beside[:, place], *sides])

    keys = [column(place) for place in (N_MAC, N_HI, N_LO)]
    if not len(keys[0]):
        return HostTable(**_columns(HostTable, rows, N_WIDTH, 0), dropped=0)
    order = np.lexsort((keys[2], keys[1], keys[0]))
    keys = [key[order] for key in keys]
    changes = (keys[0][1:] != keys[0][:-1]) | (keys[1][1:] != keys[1][:-1]) | (keys[2][1:] != keys[2][:-1])
    starts = np.flatnonzero(np.r_[True, changes])
    packets = np.add.reduceat(column(N_PACKETS)[order], starts)
    table = np.stack(
        [
            *[key[starts] for key in keys],
            packets,
            np.add.reduceat(column(N_BYTES)[order], starts),
            np.minimum.reduceat(column(N_FIRST)[order], starts),
            np.maximum.reduceat(column(N_LAST)[order], starts),
            np.minimum.reduceat(column(N_TTL)[order], starts),
        ]
    )[:, packets > 0]
    table = table[:, np.lexsort((table[N_LO], table[N_HI], table[N_MAC], table[N_FIRST]))]
    dropped = int(state[S_HOST_DROPPED]) + max(table.shape[1] - limit, 0)
    kept = np.ascontiguousarray(table[:, :limit].T)
    return HostTable(**_columns(HostTable, kept.reshape(-1), N_WIDTH, len(kept)), dropped=dropped)
