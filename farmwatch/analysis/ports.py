"""Flows on ports that some product is known to use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from farmwatch.knowledge import Match
from farmwatch.records import Flow, Table

__all__ = ["flows_on_known_ports"]


def flows_on_known_ports(
    flows: Table[Flow], among: NDArray[np.bool_], find: Callable[[str, int], tuple[Match, ...]]
) -> Iterator[tuple[int, str, tuple[Match, ...]]]:
    """Flows whose responder's port means something.

    Args:
        flows: of the run.
        among: which of them to look at.
        find: what a protocol and port meet; asked once for each.

    Yields:
        Row, port as ``tcp/5938``, and what it meets.
    """
    rows = np.flatnonzero(among)
    ports: NDArray[Any] = flows["resp_p"][rows]
    known = {
        (protocol, port): matches
        for port in np.unique(ports).tolist()
        for protocol in ("tcp", "udp")
        if (matches := find(protocol, port))
    }
    for row in rows[np.isin(ports, [port for _, port in known])].tolist() if known else ():
        end = str(flows["proto"][row]), int(flows["resp_p"][row])
        if end in known:
            yield row, f"{end[0]}/{end[1]}", known[end]
