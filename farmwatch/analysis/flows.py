"""Flows turned to the device's side: out leaves it, in reaches it, and the other end has a name where one was seen."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.addresses import LOCAL, PUBLIC, AddressBook, same_network
from farmwatch.analysis.identity import Hosts
from farmwatch.analysis.positions import flow_rows_of
from farmwatch.knowledge import Knowledge
from farmwatch.records import ABSENT, DeviceFlow, Flow, Http, Name, Table, Tables, Tls

__all__ = ["device_flows"]

#: DeviceFlow column -> what the Flow table calls it without its side
_OUT_IN = {
    "pkts": "pkts", "bytes": "bytes", "data_pkts": "data_pkts", "small": "small_pkts", "small_gaps": "small_gaps",
    "active_s": "active_s",
}  # fmt: skip


#: Sources of names in which hosts speak for themselves.
_ANNOUNCED = frozenset({"mdns", "llmnr", "nbns", "browser", "dhcp", "dhcpv6", "lldp", "cdp"})
_KEY_BYTES = (
    60.0  #: mean payload of a typed key in SSH is 36 to 52 bytes; inside another SSH connection 75 and more (lab)
)
_GREETING_BYTES = 4_500  #: of one side of an SSH connection before anybody types
_TYPED_GAPS = 30  #: human-paced gaps each way before sizes may speak
_TYPED_SHARE = 0.8  #: of data packets that are small


def device_flows(tables: Tables, hosts: Hosts, book: AddressBook, knowledge: Knowledge) -> Table[DeviceFlow]:
    """One row per flow and device at one of its ends; a flow between two devices gives two rows."""
    flows = tables[Flow]
    ids = np.array([*(host.device_id for host in hosts.hosts), None], dtype=object)
    names = _Names(tables, book)
    beside = np.array([host.on_link for host in hosts.hosts] + [False], dtype=np.bool_)  # -1, no host, takes the last
    sides = []
    for side, ends in ((0, hosts.orig), (1, hosts.resp)):
        judged = np.array([device is not None for device in ids], dtype=np.bool_)
        rows = np.flatnonzero(judged[ends])
        turned = _turned(flows, rows, side, ids[ends[rows]], names, book)
        far = hosts.resp if side == 0 else hosts.orig
        _keep_neighbours_local(turned, beside[far[rows]])
        turned["tunnels"] = _tunnels(turned["local_mss"], turned["local_h"], knowledge)
        sides.append(Table(DeviceFlow, turned))
    return Table.concat(DeviceFlow, sides)


def _tunnels(sizes: NDArray[np.int64], addresses: NDArray[Any], knowledge: Knowledge) -> NDArray[Any]:
    """Names of the tunnels whose inner MTU leaves exactly a device's segment size; '' for none."""
    found = np.full(len(sizes), "", dtype=object)
    known = [size for tunnel in knowledge.tunnel_mtus for size in (tunnel.mss_ipv4, tunnel.mss_ipv6)]
    some = np.flatnonzero(np.isin(sizes, known))
    six = np.array([":" in address for address in addresses[some].tolist()], np.bool_)
    for version, rows in ((4, some[~six]), (6, some[six])):
        for size in np.unique(sizes[rows]).tolist():
            fitting = knowledge.tunnels_for_mss(size, version)
            found[rows[sizes[rows] == size]] = "; ".join(tunnel.name for tunnel in fitting)
    return found


def _turned(
    flows: Table[Flow], rows: NDArray[np.int64], side: int, device_ids: NDArray[Any], names: _Names, book: AddressBook
) -> dict[str, NDArray[Any]]:
    near, far = ("orig", "resp") if side == 0 else ("resp", "orig")

    def pick(name: str) -> NDArray[Any]:
        return flows[name][rows]

    turned: dict[str, Any] = {
        name: pick(name)
        for name in ("input", "flow", "ts", "last_ts", "first_packet", "last_packet", "proto", "established",
                     "encapsulation", "protocol", "unread", "longest_silence_s")
    }  # fmt: skip
    for name, kept in _OUT_IN.items():
        turned[f"{name}_out"], turned[f"{name}_in"] = pick(f"{near}_{kept}"), pick(f"{far}_{kept}")
    remote = pick(f"{far}_h")
    turned |= {
        "device_id": device_ids,
        "local_side": np.full(len(rows), side, np.int64),
        "local_h": pick(f"{near}_h"),
        "local_p": pick(f"{near}_p"),
        "remote_h": remote,
        "remote_p": pick(f"{far}_p"),
        "remote_scope": book.scopes(remote),
        "remote_name": names.of(flows, rows, far, near),
        "rtt_ms": pick(f"{far}_rtt_ms"),
        "rtt_samples": pick(f"{far}_rtt_samples"),
        "local_rtt_ms": pick(f"{near}_rtt_ms"),
        "local_mss": pick(f"{near}_mss"),
        "remote_mss": pick(f"{far}_mss"),
    }
    turned["controlled"] = _controlled(pick("controlled_side"), side, turned)
    turned["controlled"][_unshown(turned, side, pick("controlled_side"))] = ABSENT
    return turned


def _unshown(turned: Mapping[str, NDArray[Any]], side: int, driven_side: NDArray[np.int64]) -> NDArray[np.bool_]:
    """SSH clients in sensor logs: without packet sizes nothing tells whether another connection runs inside."""
    counted = turned["active_s_out"] + turned["active_s_in"] > 0
    return np.asarray((turned["protocol"] == "ssh") & (driven_side != side) & ~counted)


def _keep_neighbours_local(turned: dict[str, NDArray[Any]], beside: NDArray[np.bool_]) -> None:
    """A far end on the same link is local whatever its address: every IPv6 host has a public one, campuses' IPv4 too.

    ``beside`` marks far ends with a link-layer address of their own. Where NAT of a virtual machine answers with fresh
    hop limits it looks like one too, hence the second condition that both addresses are of one network.
    """
    scope, local, remote = turned["remote_scope"], turned["local_h"], turned["remote_h"]
    for row in np.flatnonzero(beside & (scope == PUBLIC)).tolist():
        if same_network(local[row], remote[row]):
            scope[row] = LOCAL


def _controlled(driven_side: NDArray[np.int64], side: int, turned: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    """1 driven, 0 driving, absent where the protocol does not say.

    An SSH client that typed traffic too large for keys passes through holds another connection inside: with ``ssh -R``
    the hand may be at the far end, with ``ssh -J`` it is here, and the greeting no longer tells.
    """
    inside = (turned["protocol"] == "ssh") & (driven_side != side)
    for way in ("in", "out"):
        packets = turned[f"data_pkts_{way}"]
        inside &= turned[f"small_gaps_{way}"] >= _TYPED_GAPS
        inside &= turned[f"small_{way}"] >= _TYPED_SHARE * packets
        inside &= turned[f"bytes_{way}"] - _GREETING_BYTES >= _KEY_BYTES * packets
    return np.where((driven_side == ABSENT) | inside, ABSENT, (driven_side == side).astype(np.int64))


class _Names:
    """Names for the far ends of flows: what the handshake asked for, else what the client had looked up.

    Only DNS names far ends on the internet. What hosts announce of themselves is anybody's word: it names local
    addresses only, and only by a single label or under ``.local``, so that nobody here can pass for a known service or
    for the company. Names that a capture file brings along are its maker's word, and name nothing.
    """

    def __init__(self, tables: Tables, book: AddressBook) -> None:
        self.shown = np.full(len(tables[Flow]), None, dtype=object)
        for record, column in ((Http, "host"), (Tls, "server_name")):
            table = tables[record]
            rows = np.flatnonzero(table.present(column))
            self.shown[flow_rows_of(table, tables)[rows]] = table[column][rows]
        self.asked: dict[tuple[int, str, str], list[tuple[int, str]]] = {}
        self.known: dict[tuple[int, str], list[tuple[int, str]]] = {}
        seen = tables[Name]
        columns = (
            seen["ts"].astype(np.int64).tolist(),
            *(seen[name].tolist() for name in ("name", "input", "address", "client", "source")),
        )
        for ts, name, number, address, client, source in sorted(zip(*columns, strict=True), key=lambda row: row[:4]):
            if source != "dns" and not (
                source in _ANNOUNCED and ("." not in name or name.endswith(".local")) and book.scope(address) == "local"
            ):
                continue
            if client:
                self.asked.setdefault((number, client, address), []).append((ts, name))
            self.known.setdefault((number, address), []).append((ts, name))

    def of(self, flows: Table[Flow], rows: NDArray[np.int64], far: str, near: str) -> NDArray[Any]:
        """The far end's name for each row; ``None`` where none was seen."""
        found = self.shown[rows] if far == "resp" else np.full(len(rows), None, dtype=object)
        nameless = np.flatnonzero(np.array([name is None for name in found.tolist()], dtype=np.bool_))
        left = rows[nameless]
        ends = zip(
            flows["ts"][left].astype(np.int64).tolist(),
            flows["input"][left].tolist(),
            flows[f"{near}_h"][left].tolist(),
            flows[f"{far}_h"][left].tolist(),
            strict=True,
        )
        found[nameless] = [
            _latest(self.asked.get((number, local, remote)) or self.known.get((number, remote)), ts)
            for ts, number, local, remote in ends
        ]
        return found


def _latest(lookups: list[tuple[int, str]] | None, ts: int) -> str | None:
    """The name looked up last before a flow began: one address of a large service answers for many names."""
    if not lookups:
        return None
    return lookups[max(bisect_right(lookups, ts, key=itemgetter(0)) - 1, 0)][1]
