"""The flow table: every TCP and UDP conversation as one row of numbers.

Why views: the columns are strided views of the packed rows the kernels wrote, so a table of a million flows costs no
copy. Treat them as read-only; copy a column before heavy arithmetic on it.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import IntEnum

from farmwatch.wire.packets import Ints

__all__ = ["Encapsulation", "FlowTable", "TcpState", "ip_text", "mac_text"]

_MASK64 = (1 << 64) - 1
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
    PPP = 8  #: L2TP


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
    if hi == 0 and lo >> 32 == _V4_PREFIX:
        return str(ipaddress.IPv4Address(lo & 0xFFFFFFFF))
    return str(ipaddress.IPv6Address(hi << 64 | lo))


def mac_text(mac: int) -> str:
    """``aa:bb:cc:dd:ee:ff`` for a 48-bit number; empty for -1 (unknown)."""
    return "" if mac < 0 else ":".join(f"{int(mac) >> shift & 0xFF:02x}" for shift in range(40, -8, -8))


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
