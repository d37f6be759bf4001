"""Senders that repeat the NAT test of an idle KVM, found in STUN requests, and the products whose servers they ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from farmwatch.knowledge import Knowledge
from farmwatch.records import BeaconServer, Name, Rows, Stun, Table, Tables

__all__ = ["NatTest", "beacon_servers", "nat_test_beacons", "products_of"]

_TOLERANCE = 1.25  #: of a period that was read in code: early answers shorten it, lost ones stretch it


@dataclass(frozen=True, slots=True)
class NatTest:
    """A sender that repeats a NAT test."""

    input: int
    source: str
    requests: int
    period_s: float  #: median time between rounds
    asked: frozenset[tuple[str, int]]  #: addresses and ports of the servers
    packets: tuple[int, ...]


def nat_test_beacons(
    stun: Table[Stun],
    *,
    least_rounds: float = 5,
    least_s: float = 600.0,
    low_s: float = 8.0,
    high_s: float = 75.0,
) -> Iterator[NatTest]:
    """Binding requests with the obsolete CHANGE-REQUEST attribute (RFC 3489, 11.2.4), again and again.

    Args:
        stun: messages of the run.
        least_rounds: fewer are a start-up.
        least_s: seconds from the first to the last request.
        low_s: requests closer than this are resends of one round.
        high_s: longest median pause between rounds.

    Yields:
        Every beaconing sender, per input.
    """
    asked = np.flatnonzero(stun["change_request"] & (stun["kind"] == "request") & (stun["method"] == "binding"))
    senders: dict[tuple[int, str], list[int]] = defaultdict(list)
    for row, number, source in zip(
        asked.tolist(), stun["input"][asked].tolist(), stun["source"][asked].tolist(), strict=True
    ):
        senders[number, source].append(row)
    for (number, source), rows in sorted(senders.items()):
        times = np.sort(stun["ts"][rows].astype(np.int64)) / 1e9
        starts = times[np.concatenate([[True], np.diff(times) >= low_s])]
        if len(starts) < least_rounds or times[-1] - times[0] < least_s:
            continue
        period = float(np.median(np.diff(starts)))
        if period <= high_s:
            ends = zip(stun["destination"][rows].tolist(), stun["destination_port"][rows].tolist(), strict=True)
            yield NatTest(
                number, source, len(rows), period, frozenset(ends), tuple(sorted(stun["packet"][rows].tolist()))
            )


def beacon_servers(tables: Tables, knowledge: Knowledge) -> Table[BeaconServer]:
    """Addresses that were looked up as a server which an idle product tests its NAT with; none where nobody tests."""
    rows: Rows[BeaconServer] = Rows(BeaconServer)
    if not tables[Stun]["change_request"].any():
        return rows.table()
    names = tables[Name]
    wanted = {host for beacon in knowledge.beacons for host, _ in beacon.servers}
    found: dict[tuple[int, str, str], int] = {}
    for number, address, name, packet in zip(
        *(names[column].tolist() for column in ("input", "address", "name", "packet")), strict=True
    ):
        if name in wanted:
            key = number, address, name
            found[key] = min(packet, found.get(key, packet))
    for (number, address, name), packet in sorted(found.items()):
        for beacon in knowledge.beacons:
            entry = knowledge.entry(beacon.entry)
            for host, port in beacon.servers if entry else ():
                if entry and host == name:
                    rows.add(
                        input=number, address=address, port=port, name=name, packet=packet, product=entry.id,
                        product_name=entry.name, period_low_s=beacon.period_low_s, period_high_s=beacon.period_high_s,
                    )  # fmt: skip
    return rows.table()


def products_of(test: NatTest, servers: Table[BeaconServer]) -> dict[str, str]:
    """Products, id and name, that ask a server of this test as often as it does."""
    rows = zip(
        *(
            servers[name].tolist()
            for name in ("input", "address", "port", "product", "product_name", "period_low_s", "period_high_s")
        ),
        strict=True,
    )
    return {
        product: name
        for number, address, port, product, name, low, high in rows
        if number == test.input
        and (address, port) in test.asked
        and low / _TOLERANCE <= test.period_s <= high * _TOLERANCE
    }
