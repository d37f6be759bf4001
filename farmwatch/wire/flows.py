"""The flow table: every TCP and UDP conversation as one row of numbers.

Why views: the columns are strided views of the packed rows the kernels wrote, so a large table costs no
copy. Treat them as read-only; copy a column before heavy arithmetic on it.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import IntEnum
from socket import AF_INET6, inet_ntoa, inet_ntop

import numpy as np

from farmwatch.wire.layout import (
    D_ACTIVE,
    D_BYTES,
    D_DATA,
    D_FIRST,
    D_FIRST_BYTE,
    D_FIRST_DATA,
    D_FLAGS,
    D_HEAD_LENGTH,
    D_ISN,
    D_LAST,
    D_LOST,
    D_MAC,
    D_MAX,
    D_MSS,
    D_P5,
    D_PACKETS,
    D_PAYLOAD,
    D_REORDERED,
    D_RETRANSMITTED,
    D_RTP,
    D_RTT_COUNT,
    D_RTT_MIN,
    D_SCALE,
    D_SILENCE,
    D_SMALL,
    D_SMALL_GAPS,
    D_SMALL_SIZE,
    D_SMALL_VOTES,
    D_STUN,
    D_TS_COUNT,
    D_TS_MIN,
    D_TTL,
    D_WIDTH,
    F_ACK,
    F_ANSWER,
    F_ANSWERS,
    F_COMMON,
    F_FIRST,
    F_FIRST_PACKET,
    F_LAST,
    F_LAST_PACKET,
    F_META,
    F_ORIG_HI,
    F_ORIG_LO,
    F_PORTS,
    F_PREVIOUS,
    F_RESP_HI,
    F_RESP_LO,
    F_SYN,
    F_SYNACK,
    F_WIDTH,
)
from farmwatch.wire.packets import Ints

__all__ = ["Encapsulation", "FlowTable", "TcpState", "flow_table", "ip_text", "mac_text"]

_MASK64 = (1 << 64) - 1
_MASK32 = (1 << 32) - 1
_V4_PREFIX = 0xFFFF  # RFC 4291 section 2.5.5.2: IPv4 addresses are kept as ::ffff:a.b.c.d


class Encapsulation(IntEnum):
    """The innermost tunnel a flow's packets came out of."""

    NONE = 0
    GRE = 1
    IP_IN_IP = 2  #: IPv4 or IPv6 inside IPv4 or IPv6 (6in4 included)
    VXLAN = 3
    GENEVE = 4
    GTP_U = 5
    TEREDO = 6
    ERSPAN = 7
    PPP = 8  #: PPP in enhanced GRE (PPTP)
    LISP = 9


class TcpState(IntEnum):
    """How far a TCP connection got, as far as the capture shows."""

    NONE = 0  #: not TCP
    SYN = 1  #: only the opening SYN
    HALF_OPEN = 2  #: SYN and SYN/ACK, no answer to it
    ESTABLISHED = 3  #: handshake seen complete
    MIDSTREAM = 4  #: packets without a handshake
    CLOSING = 5  #: one side sent FIN
    CLOSED = 6  #: both sides sent FIN
    RESET = 7  #: a RST was seen


def ip_text(hi: int, lo: int) -> str:
    """The usual spelling of an address kept as two signed 64-bit halves (IPv4 as ``::ffff:a.b.c.d``)."""
    hi, lo = int(hi) & _MASK64, int(lo) & _MASK64
    if hi == 0:
        # Where the upper half is zero, systems differ in how they write the rest.
        mapped = lo >> 32 == _V4_PREFIX
        return inet_ntoa((lo & _MASK32).to_bytes(4, "big")) if mapped else str(ipaddress.IPv6Address(lo))
    return inet_ntop(AF_INET6, (hi << 64 | lo).to_bytes(16, "big"))


def mac_text(mac: int) -> str:
    """``aa:bb:cc:dd:ee:ff`` for a 48-bit number; empty for -1 (unknown)."""
    return "" if mac < 0 else int(mac).to_bytes(6, "big").hex(":")


@dataclass(frozen=True, slots=True)
class FlowTable:
    """One row per conversation; ``orig`` sent the first packet seen (or would have: see ``orig_swapped``).

    A TCP conversation is split where tshark splits its streams: a new SYN with another initial sequence number, or
    after FIN or RST. All columns are int64. Times are nanoseconds since 1970 UTC, durations nanoseconds; -1 means
    "not seen". ``orig_*`` columns describe what the originator *sent*, ``resp_*`` what the responder sent, except the
    ``*_rtt_*`` columns: ``resp_rtt`` is the way capture point - responder - capture point, ``orig_rtt`` the way to the
    originator and back.
    """

    proto: Ints  #: 6 TCP, 17 UDP
    ip_version: Ints  #: 4 or 6
    orig_ip_hi: Ints
    orig_ip_lo: Ints
    resp_ip_hi: Ints
    resp_ip_lo: Ints
    orig_port: Ints
    resp_port: Ints
    vlan: Ints  #: innermost VLAN id of the first packet, -1 untagged
    encapsulation: Ints  #: :class:`Encapsulation`
    first_ns: Ints
    last_ns: Ints
    first_packet: Ints  #: packet number in the capture, from 1
    last_packet: Ints
    orig_swapped: Ints  #: 1 where the first packet was a SYN/ACK, so its receiver is the originator
    previous: Ints  #: row of the earlier flow between the same endpoints and ports, -1 none
    state: Ints  #: :class:`TcpState`
    syn_ns: Ints
    synack_ns: Ints
    ack_ns: Ints  #: first packet of the originator that acknowledges the SYN/ACK
    first_payload_side: Ints  #: 0 originator spoke first, 1 responder, -1 no payload
    request_rtt_ns: Ints  #: UDP: least time from a packet after silence to the first answer; -1 none
    request_rtt_samples: Ints

    orig_packets: Ints
    resp_packets: Ints
    orig_bytes: Ints  #: whole frames as on the wire
    resp_bytes: Ints
    orig_payload_bytes: Ints  #: as the IP headers say, retransmissions included
    resp_payload_bytes: Ints
    orig_data_packets: Ints  #: packets with payload
    resp_data_packets: Ints
    orig_max_payload: Ints
    resp_max_payload: Ints
    orig_mac: Ints  #: source MAC of the innermost Ethernet frame, -1 none
    resp_mac: Ints
    orig_ttl: Ints  #: least TTL or hop limit seen
    resp_ttl: Ints
    orig_tcp_flags: Ints  #: all TCP flags seen, or-ed (FIN 1, SYN 2, RST 4, PSH 8, ACK 16)
    resp_tcp_flags: Ints
    orig_mss: Ints  #: MSS option of the SYN, -1 none
    resp_mss: Ints
    orig_window_scale: Ints  #: window scale option of the SYN, -1 none
    resp_window_scale: Ints
    orig_timestamps: Ints  #: 1 where the TCP timestamps option was seen
    resp_timestamps: Ints
    orig_isn: Ints  #: sequence number of the SYN (or one before the first packet seen), -1 none
    resp_isn: Ints
    orig_first_ns: Ints  #: first packet of this side, -1 none
    resp_first_ns: Ints
    orig_last_ns: Ints
    resp_last_ns: Ints
    orig_first_data_ns: Ints
    resp_first_data_ns: Ints
    orig_retransmitted: Ints  #: packets carrying bytes sent before
    resp_retransmitted: Ints
    orig_out_of_order: Ints
    resp_out_of_order: Ints
    orig_lost_bytes: Ints  #: sequence gaps never filled: not captured
    resp_lost_bytes: Ints
    orig_small_packets: Ints  #: data packets with 1..127 bytes of payload
    resp_small_packets: Ints
    orig_small_gaps: Ints  #: gaps of 10 ms .. 2 s between consecutive small packets (Zhang & Paxson 2000)
    resp_small_gaps: Ints
    orig_small_size: Ints  #: majority-vote candidate for the most frequent small payload size, -1 none
    resp_small_size: Ints
    orig_small_votes: Ints  #: the vote's surplus: above 0 for a size with an absolute majority
    resp_small_votes: Ints
    orig_active_seconds: Ints  #: distinct whole seconds with a packet of this side
    resp_active_seconds: Ints
    orig_silence_ns: Ints  #: longest gap between two packets of this side
    resp_silence_ns: Ints
    orig_rtt_samples: Ints  #: SEQ/ACK samples (see the class docstring for which way they measure)
    resp_rtt_samples: Ints
    orig_rtt_min_ns: Ints
    resp_rtt_min_ns: Ints
    orig_rtt_p5_ns: Ints  #: 5th percentile: the transport RTT
    resp_rtt_p5_ns: Ints
    orig_ts_rtt_samples: Ints  #: TCP-timestamp samples (pping), a cross-check
    resp_ts_rtt_samples: Ints
    orig_ts_rtt_min_ns: Ints
    resp_ts_rtt_min_ns: Ints
    orig_rtp_like: Ints  #: UDP payloads whose two first bits are 10 (RTP version 2)
    resp_rtp_like: Ints
    orig_first_byte: Ints  #: UDP: the byte every payload starts with, -1 no payload, -2 it varies
    resp_first_byte: Ints
    orig_stun: Ints  #: STUN messages sent
    resp_stun: Ints
    orig_head_bytes: Ints  #: bytes of the head kept for this side (also after it was handed out)
    resp_head_bytes: Ints

    def __len__(self) -> int:
        """Number of flows."""
        return len(self.proto)

    def orig_text(self, row: int) -> str:
        """The originator's address as text."""
        return ip_text(self.orig_ip_hi[row], self.orig_ip_lo[row])

    def resp_text(self, row: int) -> str:
        """The responder's address as text."""
        return ip_text(self.resp_ip_hi[row], self.resp_ip_lo[row])


_SIDE_COLUMNS = {  # columns that are a field of the packed row as it stands
    "packets": D_PACKETS,
    "bytes": D_BYTES,
    "payload_bytes": D_PAYLOAD,
    "data_packets": D_DATA,
    "max_payload": D_MAX,
    "mac": D_MAC,
    "ttl": D_TTL,
    "mss": D_MSS,
    "window_scale": D_SCALE,
    "first_ns": D_FIRST,
    "last_ns": D_LAST,
    "first_data_ns": D_FIRST_DATA,
    "small_packets": D_SMALL,
    "small_gaps": D_SMALL_GAPS,
    "small_size": D_SMALL_SIZE,
    "small_votes": D_SMALL_VOTES,
    "active_seconds": D_ACTIVE,
    "silence_ns": D_SILENCE,
    "rtt_samples": D_RTT_COUNT,
    "rtt_min_ns": D_RTT_MIN,
    "rtt_p5_ns": D_P5,
    "ts_rtt_samples": D_TS_COUNT,
    "ts_rtt_min_ns": D_TS_MIN,
    "head_bytes": D_HEAD_LENGTH,
}
_TCP_COLUMNS = {
    "isn": (D_ISN, -1),
    "retransmitted": (D_RETRANSMITTED, 0),
    "out_of_order": (D_REORDERED, 0),
    "lost_bytes": (D_LOST, 0),
}
_UDP_COLUMNS = {"rtp_like": (D_RTP, 0), "first_byte": (D_FIRST_BYTE, -1), "stun": (D_STUN, 0)}
_FIN = 1
_SYN = 2
_RST = 4


def flow_table(hot: Ints, flows: int) -> FlowTable:
    """The flow table over the packed rows of a finished scan."""
    rows = hot.reshape(-1, F_WIDTH)[:flows]
    ports = rows[:, F_PORTS]
    meta = rows[:, F_META]
    proto = ports >> 32
    tcp = proto == 6
    columns: dict[str, Ints] = {
        "proto": proto,
        "ip_version": meta >> 28,
        "orig_ip_hi": rows[:, F_ORIG_HI],
        "orig_ip_lo": rows[:, F_ORIG_LO],
        "resp_ip_hi": rows[:, F_RESP_HI],
        "resp_ip_lo": rows[:, F_RESP_LO],
        "orig_port": ports >> 16 & 0xFFFF,
        "resp_port": ports & 0xFFFF,
        "vlan": (meta & 0xFFFF) - 1,
        "encapsulation": meta >> 16 & 0xFF,
        "first_ns": rows[:, F_FIRST],
        "last_ns": rows[:, F_LAST],
        "first_packet": rows[:, F_FIRST_PACKET],
        "last_packet": rows[:, F_LAST_PACKET],
        "orig_swapped": meta >> 24 & 1,
        "previous": rows[:, F_PREVIOUS],
        "syn_ns": np.where(tcp, rows[:, F_SYN], -1),
        "synack_ns": np.where(tcp, rows[:, F_SYNACK], -1),
        "ack_ns": np.where(tcp, rows[:, F_ACK], -1),
        "first_payload_side": (meta >> 25 & 3) - 1,
        "request_rtt_ns": np.where(tcp, -1, rows[:, F_ANSWER]),
        "request_rtt_samples": np.where(tcp, 0, np.maximum(rows[:, F_ANSWERS], 0)),
    }
    for side, name in enumerate(("orig", "resp")):
        fields = rows[:, F_COMMON + side * D_WIDTH : F_COMMON + (side + 1) * D_WIDTH]
        for column, field in _SIDE_COLUMNS.items():
            columns[f"{name}_{column}"] = fields[:, field]
        for column, (field, absent) in _TCP_COLUMNS.items():
            columns[f"{name}_{column}"] = np.where(tcp, fields[:, field], absent)
        for column, (field, absent) in _UDP_COLUMNS.items():
            columns[f"{name}_{column}"] = np.where(tcp, absent, fields[:, field])
        columns[f"{name}_tcp_flags"] = fields[:, D_FLAGS] & 0xFF
        columns[f"{name}_timestamps"] = fields[:, D_FLAGS] >> 8 & 1
    columns["state"] = _state(tcp, columns)
    return FlowTable(**columns)


def _state(tcp: np.ndarray[tuple[int], np.dtype[np.bool]], columns: dict[str, Ints]) -> Ints:
    orig, resp = columns["orig_tcp_flags"], columns["resp_tcp_flags"]
    either = orig | resp
    return np.select(
        [
            ~tcp,
            either & _RST != 0,
            orig & resp & _FIN != 0,
            either & _FIN != 0,
            columns["ack_ns"] != -1,
            columns["synack_ns"] != -1,
            (orig & _SYN != 0) & (columns["resp_packets"] == 0) & (columns["orig_data_packets"] == 0),
        ],
        [
            TcpState.NONE,
            TcpState.RESET,
            TcpState.CLOSED,
            TcpState.CLOSING,
            TcpState.ESTABLISHED,
            TcpState.HALF_OPEN,
            TcpState.SYN,
        ],
        TcpState.MIDSTREAM,
    ).astype(np.int64)
