"""STUN and TURN messages as rows: header facts of all, addresses and error codes of those kept whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from farmwatch.errors import DecodeError
from farmwatch.records import ABSENT, Flow, Stun, Table
from farmwatch.wire.messages import MessageKind, MessageTable, StunTable
from farmwatch.wire.protocols.stun import StunMessage, decode_stun

__all__ = ["stun_rows"]

_METHODS = {
    1: "binding",
    3: "allocate",
    4: "refresh",
    6: "send",
    7: "data",
    8: "create-permission",
    9: "channel-bind",
}
_KINDS = np.array(("request", "indication", "success", "error"), dtype=object)
_REQUEST, _INDICATION = 0, 1
_LOW_64 = (1 << 64) - 1
_SHOWN = ("software", "mapped", "peer_address", "relayed_address", "error_code")


def stun_rows(
    stun: StunTable,
    messages: MessageTable,
    flows: Table[Flow],
    number: int,
    streams: Mapping[int, Sequence[tuple[int, StunMessage]]],
) -> Table[Stun]:
    """Every STUN header on UDP, with what its attributes say where the message itself was kept; then those on TCP.

    Args:
        stun: header facts of every message on UDP.
        messages: kept messages; a repeat of one is not kept, its header is.
        flows: all flows of the input.
        number: number of the input.
        streams: by flow, first messages of TCP streams with the side that sent them. They stand at the flow's first
            packet, and have no round trip.
    """
    datagrams = _datagrams(stun, messages, flows, number)
    return Table.concat(Stun, [datagrams, _streams(flows, number, streams)]) if streams else datagrams


def _datagrams(stun: StunTable, messages: MessageTable, flows: Table[Flow], number: int) -> Table[Stun]:
    kind = stun.type
    method = kind & 0xF | (kind & 0xE0) >> 1 | (kind & 0x3E00) >> 2  # RFC 8489 section 5, figure 3
    class_ = (kind >> 4 & 1) | (kind >> 7 & 2)
    kept = {
        int(messages.packet[row]): shown
        for row in np.flatnonzero(messages.kind == MessageKind.STUN).tolist()
        if (shown := _kept(messages.payload(row)))
    }
    packets = stun.packet.tolist()
    ends = _ends(flows, stun.flow, stun.direction)
    columns: dict[str, Any] = {
        "input": np.full(len(stun), number, np.int64),
        "flow": np.where(stun.flow < 0, ABSENT, stun.flow),
        "packet": stun.packet.copy(),  # not a view, which would keep all of the table alive
        "ts": stun.ts_ns.copy().view("datetime64[ns]"),
        **ends,
        "method": _named(method),
        "kind": _KINDS[class_],
        "transaction": _text(
            f"{high & _LOW_64:08x}{low & _LOW_64:016x}"  # 24 digits, and 32 without the magic cookie
            for high, low in zip(stun.txn_hi.tolist(), stun.txn_lo.tolist(), strict=True)
        ),
        "classic": stun.txn_hi >> 32 != 0,
        "change_request": stun.change_request != 0,
        "rtt_ms": _round_trips(stun, class_),
    }
    for name in _SHOWN:
        columns[name] = Stun.columns[name].array([kept[at].get(name) if at in kept else None for at in packets])
    return Table(Stun, columns)


def _kept(payload: bytes) -> dict[str, Any]:
    try:
        return _shown(decode_stun(payload))
    except DecodeError:
        return {}


def _shown(message: StunMessage) -> dict[str, Any]:
    """The attributes that have a column."""
    addresses = {"mapped": message.mapped, "peer_address": message.xor_peer, "relayed_address": message.xor_relayed}
    found: dict[str, Any] = {name: end[0] for name, end in addresses.items() if end}
    return found | {"software": message.software, "error_code": message.error_code}


def _ends(flows: Table[Flow], rows: NDArray[np.int64], side: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Addresses and destination port by flow and sending side; '' and 0 without a flow."""
    source, destination = _text([""] * len(rows)), _text([""] * len(rows))
    port = np.zeros(len(rows), np.int64)
    for way, (near, far) in enumerate((("orig", "resp"), ("resp", "orig"))):
        chosen = np.flatnonzero((rows >= 0) & (side == way))
        source[chosen] = flows[f"{near}_h"][rows[chosen]]
        destination[chosen] = flows[f"{far}_h"][rows[chosen]]
        port[chosen] = flows[f"{far}_p"][rows[chosen]]
    return {"source": source, "destination": destination, "destination_port": port}


def _round_trips(stun: StunTable, class_: NDArray[np.int64]) -> NDArray[np.float64]:
    """Milliseconds from a request to its first answer, at the answer.

    A request sent more than once before it was answered gives none: which copy was meant cannot be known (Karn).
    """
    found = np.full(len(stun), np.nan)
    rows = np.flatnonzero(class_ != _INDICATION)
    if len(rows) < 2:
        return found
    rows = rows[np.lexsort((stun.packet[rows], stun.txn_lo[rows], stun.txn_hi[rows], stun.flow[rows]))]
    key = np.stack([stun.flow[rows], stun.txn_hi[rows], stun.txn_lo[rows]])
    starts = np.r_[True, (key[:, 1:] != key[:, :-1]).any(axis=0)]
    asked, answered = rows[:-1], rows[1:]
    pair = starts[:-1] & ~starts[1:] & (class_[asked] == _REQUEST) & (class_[answered] != _REQUEST)
    pair &= (stun.direction[asked] != stun.direction[answered]) & (stun.ts_ns[answered] >= stun.ts_ns[asked])
    found[answered[pair]] = (stun.ts_ns[answered[pair]] - stun.ts_ns[asked[pair]]) / 1e6
    return found


def _streams(flows: Table[Flow], number: int, streams: Mapping[int, Sequence[tuple[int, StunMessage]]]) -> Table[Stun]:
    said = [(flow, side, message) for flow in sorted(streams) for side, message in streams[flow]]
    rows, sides = (np.array([one[at] for one in said], np.int64) for at in (0, 1))
    heard = [one[2] for one in said]
    shown = [_shown(message) for message in heard]
    columns: dict[str, Any] = {
        "input": np.full(len(said), number, np.int64),
        "flow": rows,
        "packet": flows["first_packet"][rows],
        "ts": flows["ts"][rows],
        **_ends(flows, rows, sides),
        "method": _text(message.method for message in heard),
        "kind": _text(message.message_class for message in heard),
        "transaction": _text(message.transaction for message in heard),
        "classic": np.array([message.classic for message in heard], np.bool_),
        "change_request": np.array([message.change_ip is not None for message in heard], np.bool_),
        "rtt_ms": np.full(len(said), np.nan),
    }
    for name in _SHOWN:
        columns[name] = Stun.columns[name].array([one.get(name) for one in shown])
    return Table(Stun, columns)


def _named(methods: NDArray[np.int64]) -> NDArray[Any]:
    distinct, where = np.unique(methods, return_inverse=True)
    return np.asarray(_text(_METHODS.get(number, str(number)) for number in distinct.tolist())[where])


def _text(values: Any) -> NDArray[Any]:
    listed = list(values)
    found = np.empty(len(listed), dtype=object)
    found[:] = listed
    return found
