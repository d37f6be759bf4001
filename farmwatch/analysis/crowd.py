"""How many devices of a run are judged: a flood of made-up senders must not cost minutes and gigabytes.

Anybody on a network can send packets from a hundred thousand link-layer addresses (switches are flooded that way), and
a verdict with its evidence takes some 15 kB for each. Beyond a limit that real networks stay under, the devices with
the most to say are judged and the number of the others is reported: the input then counts as not complete.
"""

from __future__ import annotations

from collections import defaultdict

from farmwatch.analysis.identity import Host, Hosts
from farmwatch.records import Reject, Rows, Table

__all__ = ["CROWDED", "MOST_DEVICES", "limit_devices"]

MOST_DEVICES = 10_000
CROWDED = "devices beyond the limit, not judged"  #: reason of the rejects


def limit_devices(hosts: Hosts, most: int = MOST_DEVICES) -> Table[Reject]:
    """Make neighbours of all but so many devices; remote control, then names, then flows decide who is judged.

    Returns:
        One reject per input that lost devices, with their number.
    """
    devices: dict[str, list[Host]] = defaultdict(list)
    for host in hosts.hosts:
        if host.device_id is not None:
            devices[host.device_id].append(host)
    left_out: dict[int, int] = defaultdict(int)
    for name in sorted(devices, key=lambda name: (_weight(devices[name]), name))[most:]:
        for host in devices[name]:
            host.role, host.device_id = "neighbour", None
            left_out[host.input] += 1
    rows: Rows[Reject] = Rows(Reject)
    for number, count in sorted(left_out.items()):
        rows.add(input=number, reason=CROWDED, count=count)
    return rows.table()


def _weight(own: list[Host]) -> tuple[bool, bool, int]:
    """Sorts devices with most to say first."""
    return (
        not any(host.remote_control for host in own),
        not any(host.names for host in own),
        -sum(host.orig_flows + host.resp_flows for host in own),
    )
