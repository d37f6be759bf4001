"""Stores with a kept assessment, made of findings, for tests of what analysts do with it."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa

from farmwatch.analysis.fleet.weights import NO_WEIGHTS
from farmwatch.records import DeviceVerdict, FleetRun, RosterEntry, Table
from farmwatch.records.arrow import to_arrow
from farmwatch.store import Store, open_store
from tests.analysis.fleet.kept import TS, hits, verdicts

__all__ = ["keep_run", "new_store", "roster"]


def new_store(folder) -> Store:
    """An empty store."""
    return open_store(folder / "store")


def keep_run(store, found, *, run="r1", ts=TS, weights=NO_WEIGHTS.digest, prior=1e-4, **values):
    """Keep an assessment with these findings by device."""
    row = FleetRun(
        run_id=run, ts=ts, since=ts - timedelta(days=7), devices=len(found), rows=1, version="0", knowledge="k",
        weights=weights, prior=prior, coverage="[]", notes="[]",
    )  # fmt: skip
    listed = hits(found, run=run, ts=ts)
    tables: dict[type, pa.Table] = {
        FleetRun: to_arrow(Table.from_rows(FleetRun, [row])),
        DeviceVerdict: verdicts(list(found), run=run, ts=ts, **values),
    }
    from farmwatch.records import DeviceHit

    if listed.num_rows:
        tables[DeviceHit] = listed
    store.append(tables, feed="assess", sender="test", received=ts)


def roster(store, **places):
    """What the roster says of devices: keyword arguments are columns by device."""
    rows = [RosterEntry(device_id=device, ts=TS - timedelta(days=30), **columns) for device, columns in places.items()]
    store.append({RosterEntry: to_arrow(Table.from_rows(RosterEntry, rows))}, feed="roster", sender="hr", received=TS)
