"""Assessments of a made-up fleet put into a store."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from farmwatch.records import DeviceHit, DeviceVerdict, FarmMember, FleetRun, FoundFarm
from farmwatch.store import Store, open_store
from tests.reports.morning import fleet_rows as fr

__all__ = ["put", "store_of"]


def put(store: Store, kept: fr.Rows) -> str:
    """Keep an assessment; its id."""
    tables = {
        FleetRun: fr.run_table(kept), DeviceVerdict: kept.verdicts, DeviceHit: kept.hits, FoundFarm: kept.farms,
        FarmMember: kept.members,
    }  # fmt: skip
    store.append(tables, feed="assess", sender="test", received=kept.run["ts"] + timedelta(minutes=5))
    return str(kept.run["run_id"])


def store_of(folder: Path, count: int = 300) -> Store:
    """A store with the two assessments of :func:`fleet_rows.fleet`."""
    store = open_store(folder)
    here, _, there, *_ = fr.fleet(count)
    put(store, there)
    put(store, here)
    return store
