"""Small synthetic fleets, read through the collectors, for the tests of this folder."""

from __future__ import annotations

import io
from collections import defaultdict
from datetime import UTC, datetime

import pyarrow as pa

from farmwatch.collectors.feeds.contract import Context
from farmwatch.collectors.feeds.opening import Input
from farmwatch.intake import InputAccount, parse
from farmwatch.simulation.fleet import simulate
from farmwatch.simulation.parameters import Parameters

UNTIL = datetime(2026, 3, 9, tzinfo=UTC)
RECEIVED = datetime(2026, 3, 10, tzinfo=UTC)
#: Every feed covers every device, so that what is there shows.
COVERED = {
    "agent": 0.6,
    "osquery": 1.0,
    "process_feed": 1.0,
    "sensor_feed": 1.0,
    "power_feed": 1.0,
    "vpn_feed": 1.0,
    "meeting_feed": 1.0,
    "tool_log_feed": 1.0,
    "windows_feed": 1.0,
    "location_feed": 1.0,
}


def fleet(devices=400, *, seed=5, farms=6, evasions=("none",), feeds=(), days=7, **numbers):
    """A laid out fleet."""
    return simulate(
        Parameters(**numbers), devices, seed=seed, until=UNTIL, farms=farms, evasions=evasions, feeds=feeds, days=days
    )


def read(part):
    """One part through the collectors: its account, and tables by record name."""
    device = None
    if part.feed == "anydesk":  # the folder says whose it is
        device = part.name.split("/")[0].removeprefix("Collection-").rsplit("-2026", 1)[0]
    account, tables = InputAccount(part.name), defaultdict(list)
    context = Context(part.name, RECEIVED, bytes(32), device)
    for parsed in parse(Input(part.name, stream=io.BytesIO(part.data)), context, account):
        assert parsed.balanced()
        for record, table in parsed.tables.items():
            tables[record.table].append(table)
    return account, {name: pa.concat_tables(found) for name, found in tables.items()}


def tables_of(simulation):
    """All rows of a fleet by table."""
    found = defaultdict(list)
    for part in simulation.parts():
        for name, table in read(part)[1].items():
            found[name].append(table)
    return {name: pa.concat_tables(listed) for name, listed in found.items()}


def lines_of(simulation):
    """All lines of a fleet's feeds, sorted, by feed."""
    found = defaultdict(list)
    for part in simulation.parts():
        found[part.feed] += part.data.splitlines()
    return {feed: sorted(lines) for feed, lines in found.items()}


def truths(simulation):
    """The truth by device."""
    return {row["device_id"]: row for row in simulation.truth()}
