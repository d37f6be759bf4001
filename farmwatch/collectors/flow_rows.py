"""The flow table of pass one as rows of the ``flows`` table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from farmwatch.collectors.heads import MESSAGE_PORTS
from farmwatch.records import ABSENT, Flow, Host, Table
from farmwatch.wire.flows import Encapsulation, FlowTable, TcpState, ip_text, mac_text
from farmwatch.wire.messages import HostTable
from farmwatch.wire.reassembly import HEAD_DATAGRAMS, RECORD_BYTES

__all__ = ["addresses", "flow_rows", "host_rows", "macs"]

_NS_PER_MS = 1e6
_TELLING_BYTES = 32  #: of payload; greetings are named by fewer, a server name needs more
_STATES = np.array(
    ["" if state is TcpState.NONE else state.name.lower().replace("_", "-") for state in TcpState], dtype=object
)


def addresses(hi: NDArray[np.int64], lo: NDArray[np.int64]) -> NDArray[Any]:
    """Addresses as text; each distinct one is formatted once."""
    # Sorting plain numbers is several times faster than sorting pairs of them, and there are few distinct halves.
    halves, half = np.unique(hi, return_inverse=True)
    lows, low = np.unique(lo, return_inverse=True)
    distinct, where = np.unique(half * len(lows) + low, return_inverse=True)
    high, low = np.divmod(distinct, max(len(lows), 1))
    texts = np.empty(len(distinct), dtype=object)
    texts[:] = [ip_text(*pair) for pair in zip(halves[high].tolist(), lows[low].tolist(), strict=True)]
    return np.asarray(texts[where])


def macs(numbers: NDArray[np.int64]) -> NDArray[Any]:
    """Link-layer addresses as text, ``None`` where there is none."""
    distinct, where = np.unique(np.ascontiguousarray(numbers), return_inverse=True)
    texts = np.empty(len(distinct), dtype=object)
    texts[:] = [mac_text(number) or None for number in distinct.tolist()]
    return np.asarray(texts[where])


def flow_rows(flows: FlowTable, number: int, identified: dict[str, NDArray[Any]]) -> Table[Flow]:
    """All flows of one input. ``identified`` holds the columns protocol, tool, tunnel and controlled_side."""
    count = len(flows)
    encapsulations = np.empty(len(Encapsulation), dtype=object)
    encapsulations[:] = [
        "" if kind is Encapsulation.NONE else kind.name.lower().replace("_", "-") for kind in Encapsulation
    ]
    names = np.array(["udp", "tcp"], dtype=object)
    tcp = flows.proto == 6
    columns: dict[str, NDArray[Any]] = {
        "input": np.full(count, number, np.int64),
        "flow": np.arange(count, dtype=np.int64),
        "ts": _times(flows.first_ns),
        "last_ts": _times(flows.last_ns),
        "proto": names[tcp.astype(np.int64)],
        "orig_h": addresses(flows.orig_ip_hi, flows.orig_ip_lo),
        "orig_p": _own(flows.orig_port),
        "resp_h": addresses(flows.resp_ip_hi, flows.resp_ip_lo),
        "resp_p": _own(flows.resp_port),
        "encapsulation": encapsulations[flows.encapsulation],
        "vlan": _absent(flows.vlan),
        "state": _STATES[np.where(tcp, flows.state, int(TcpState.NONE))],
        "first_packet": _own(flows.first_packet),
        "last_packet": _own(flows.last_packet),
        "first_data_side": _absent(flows.first_payload_side),
        "established": _established(flows, tcp),
        "retransmitted": flows.orig_retransmitted + flows.resp_retransmitted,
        "out_of_order": flows.orig_out_of_order + flows.resp_out_of_order,
        "lost_bytes": flows.orig_lost_bytes + flows.resp_lost_bytes,
        "handshake_rtt_ms": np.where(
            (flows.syn_ns >= 0) & (flows.ack_ns >= flows.syn_ns), (flows.ack_ns - flows.syn_ns) / _NS_PER_MS, np.nan
        ),
        "longest_silence_s": np.maximum(np.maximum(flows.orig_silence_ns, flows.resp_silence_ns), 0) / 1e9,
        "unread": _unread(flows, tcp, identified["protocol"]),
        **identified,
    }
    for side in ("orig", "resp"):
        columns |= _side(flows, side)
    return Table(Flow, columns)


def _side(flows: FlowTable, side: str) -> dict[str, NDArray[Any]]:
    """The columns of one direction."""

    def of(name: str) -> NDArray[np.int64]:
        return np.asarray(getattr(flows, f"{side}_{name}"))

    tcp_samples, udp_samples = of("rtt_samples"), flows.request_rtt_samples if side == "resp" else 0
    rtt = np.where(tcp_samples > 0, of("rtt_p5_ns"), -1)
    if side == "resp":
        rtt = np.where((tcp_samples == 0) & (flows.request_rtt_samples > 0), flows.request_rtt_ns, rtt)
    stamped = of("ts_rtt_samples") > 0
    return {
        f"{side}_ts_rtt_ms": np.where(stamped, of("ts_rtt_min_ns") / _NS_PER_MS, np.nan),
        f"{side}_mac": macs(of("mac")),
        f"{side}_pkts": _own(of("packets")),
        f"{side}_wire_bytes": _own(of("bytes")),
        f"{side}_bytes": _own(of("payload_bytes")),
        f"{side}_data_pkts": _own(of("data_packets")),
        f"{side}_mss": _absent(of("mss")),
        f"{side}_ttl": np.maximum(of("ttl"), 0),
        f"{side}_rtt_ms": np.where(rtt >= 0, rtt / _NS_PER_MS, np.nan),
        f"{side}_rtt_samples": tcp_samples + udp_samples,
        f"{side}_small_pkts": _own(of("small_packets")),
        f"{side}_small_gaps": _own(of("small_gaps")),
        f"{side}_active_s": _own(of("active_seconds")),
    }


def _unread(flows: FlowTable, tcp: NDArray[np.bool_], protocol: NDArray[Any]) -> NDArray[Any]:
    """Why the first bytes of flows with payload are not known, '' where they are or would not matter.

    A handshake or greeting that was recognised has been read. TLS is recognised by any of its records, so it counts
    only with the start of its connection.
    """
    found = np.full(len(flows), "", dtype=object)
    unnamed = np.array([name is None for name in protocol.tolist()], np.bool_)
    began = ~tcp | (flows.syn_ns >= 0) | (flows.synack_ns >= 0)
    data = (flows.orig_payload_bytes > 0) | (flows.resp_payload_bytes > 0)
    found[data & ~began & (unnamed | (protocol == "tls"))] = "midstream"
    short = np.zeros(len(flows), np.bool_)
    for side in ("orig", "resp"):
        payload, packets, head = (
            getattr(flows, f"{side}_{name}") for name in ("payload_bytes", "data_packets", "head_bytes")
        )
        kept = np.minimum(packets, HEAD_DATAGRAMS)
        datagrams = np.minimum(_TELLING_BYTES, payload // np.maximum(packets, 1)) * kept
        short |= np.where(tcp, head < np.minimum(payload, _TELLING_BYTES), head - RECORD_BYTES * kept < datagrams // 2)
    messages = np.isin(flows.orig_port, MESSAGE_PORTS) | np.isin(flows.resp_port, MESSAGE_PORTS)
    found[data & unnamed & short & (tcp | ~messages)] = "cut"
    return found


def _established(flows: FlowTable, tcp: NDArray[np.bool_]) -> NDArray[np.bool_]:
    both = (flows.orig_packets > 0) & (flows.resp_packets > 0)
    opened = (flows.state >= TcpState.ESTABLISHED) & (flows.state != TcpState.RESET)
    data = (flows.orig_data_packets > 0) | (flows.resp_data_packets > 0)
    return np.asarray(both & (~tcp | opened | data))


def host_rows(hosts: HostTable, number: int) -> Table[Host]:
    """Link-layer and IP addresses seen together as sender."""
    return Table(
        Host,
        {
            "input": np.full(len(hosts), number, np.int64),
            "mac": macs(hosts.mac),
            "address": addresses(hosts.ip_hi, hosts.ip_lo),
            "packets": _own(hosts.packets),
            "bytes": _own(hosts.bytes),
            "first_ts": _times(hosts.first_ns),
            "last_ts": _times(hosts.last_ns),
            "ttl": np.maximum(hosts.ttl, 0),
        },
    )


def _own(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """A copy of its own: columns of the flow table are views that would keep all of it alive.

    Not ``ascontiguousarray``: to it a view of one row is contiguous already.
    """
    return np.array(values, dtype=np.int64)


def _absent(values: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(values < 0, ABSENT, values)


def _times(nanoseconds: NDArray[np.int64]) -> NDArray[Any]:
    return _own(nanoseconds).view("datetime64[ns]")
