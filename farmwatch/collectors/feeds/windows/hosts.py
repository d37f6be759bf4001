"""What an agent says of its own machine beside each event (ECS ``host.*``): system, addresses, link-layer addresses.

Only where the agent's machine is the one whose event it is: a collector of forwarded events sends its own ``host``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from farmwatch.collectors.feeds.columns import addresses, hardware_addresses, select
from farmwatch.collectors.feeds.contract import Context
from farmwatch.collectors.feeds.output import Output
from farmwatch.collectors.feeds.windows.events import Batch, Event, System, device_name, plain
from farmwatch.records import DeviceFact

__all__ = ["Machines", "add_hosts"]

_MOST = 16  # addresses of one device


def add_hosts(
    hosts: Iterable[tuple[int, Mapping[str, Any], Any]], events: System, output: Output, context: Context
) -> None:
    """One row for each different description of a device in a stretch.

    Its time is that of the first event it came with, rounded down to the hour: a description that stays the same comes
    with every event, and equal rows are stored once.

    Args:
        hosts: row of an event, ``host`` beside it, and the computer the event is of.
        events: the events.
        output: where rows go.
        context: of the input.
    """
    seen: dict[tuple[Any, ...], int] = {}
    for row, host, computer in hosts:
        if (told := _told(host, computer)) is not None:
            seen.setdefault(told, row)
    if not seen:
        return
    names, systems, addressed, linked = (list(values) for values in zip(*seen, strict=True))
    rows = np.array(list(seen.values()), np.int64)
    times = pc.floor_temporal(select(Batch(events, output, context).times, rows), unit="hour")
    output.add(
        DeviceFact,
        {
            "device_id": names, "ts": times, "host_name": names, "platform": "windows", "os": systems,
            "addresses": [_joined(addresses, listed) for listed in addressed],
            "macs": [_joined(hardware_addresses, listed) for listed in linked],
        },
        rows,
    )  # fmt: skip


class Machines:
    """What documents say of machines, without what is said again right after."""

    def __init__(self) -> None:
        self.found: list[tuple[int, Mapping[str, Any], Any]] = []  #: row, ``host``, computer
        self._last: tuple[Any, Any] = (None, None)

    def note(self, row: int, document: Mapping[str, Any], event: Event) -> None:
        """Look at a document."""
        host = document.get("host")
        if isinstance(host, dict) and "os" in host and self._last != (host, event.computer):
            self._last = (host, event.computer)
            self.found.append((row, host, event.computer))


def _told(host: Mapping[str, Any], computer: Any) -> tuple[Any, ...] | None:
    """Name, system, addresses and link-layer addresses; None where they are of another machine."""
    name = device_name(plain(computer) or "")
    own = {device_name(plain(host.get(field)) or "") for field in ("name", "hostname")}
    system = host.get("os")
    if name is None or name not in own or not isinstance(system, dict):
        return None
    words = [plain(system.get(field)) for field in ("name", "version", "build")]
    return name, " ".join(word for word in words if word) or None, _listed(host.get("ip")), _listed(host.get("mac"))


def _listed(values: Any) -> tuple[str, ...]:
    listed = values if isinstance(values, list) else [values]
    return tuple(text for value in listed[:_MOST] if (text := plain(value)))


def _joined(column: Any, values: tuple[str, ...]) -> str | None:
    return ",".join(value for value in column(pa.array(values, pa.string())).to_pylist() if value) or None
