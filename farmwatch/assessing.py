"""A store's telemetry assessed, and the result kept beside it: what ``farmwatch assess`` and reports work with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS
from farmwatch.analysis.fleet.findings import finding_json
from farmwatch.analysis.fleet.fleet import LONG_DAYS, MEMORY_BYTES, Fleet, Window
from farmwatch.analysis.fleet.geo import GeoDatabase
from farmwatch.analysis.fleet.judging import FLEET_PRIOR, Judged, judge
from farmwatch.analysis.fleet.weights import NO_WEIGHTS, Weights
from farmwatch.analysis.profile import Profile
from farmwatch.errors import AssessmentError
from farmwatch.knowledge import Knowledge
from farmwatch.records import (
    TELEMETRY_TABLES,
    DeviceHit,
    DeviceVerdict,
    FarmMember,
    FleetRun,
    FoundFarm,
    Record,
    RepeatedRun,
    RosterEntry,
    ScannedDevice,
    SignIn,
    Table,
)
from farmwatch.records.arrow import arrow_schema, to_arrow
from farmwatch.store import Store
from farmwatch.stored_logs import scanned_logs

__all__ = ["Kept", "assess_store", "keep", "kept", "known_farms", "newest", "runs"]

_EVER: frozenset[type[Record]] = frozenset({RosterEntry, SignIn})  #: tables whose whole past is looked at
_FEED = "assess"
_SENDER = "command line"
_MOMENT = timedelta(microseconds=1)  # the store keeps no less


@dataclass(frozen=True, slots=True)
class Kept:
    """The results of one assessment as the store keeps them; rows ordered by device or farm."""

    run: dict[str, Any]  #: columns of :class:`~farmwatch.records.FleetRun`
    verdicts: pa.Table
    hits: pa.Table
    farms: pa.Table
    members: pa.Table


def assess_store(
    store: Store,
    window: Window,
    knowledge: Knowledge,
    profile: Profile,
    *,
    geo: GeoDatabase | None = None,
    weights: Weights = NO_WEIGHTS,
    prior: float = FLEET_PRIOR,
    memory_bytes: int = MEMORY_BYTES,
) -> Judged:
    """Judge every device of a store.

    Args:
        store: holds the telemetry, what scans found, and earlier assessments.
        window: the time to judge; what was before is read where a question needs it.
        knowledge: what products look like.
        profile: what the company declared.
        geo: where addresses are.
        weights: what grades weigh where that is not the detector's own number.
        prior: probability of a driven device before any evidence.
        memory_bytes: what the query engine may hold before it puts parts on the disk.

    Raises:
        AssessmentError: there is no telemetry in that time; or it cannot be read.
        StoreError: the store cannot be read.
    """
    long = min(window.since, window.until - timedelta(days=LONG_DAYS))
    sources: dict[type[Record], Any] = {
        record: store.source(record, since=None if record in _EVER else long) for record in TELEMETRY_TABLES
    }
    scanned = [
        store.read(ScannedDevice, since=long),
        *scanned_logs(store, window.since, window.until, knowledge, profile),
    ]
    sources[ScannedDevice] = pa.concat_tables(scanned)
    with Fleet.opened(sources, window, knowledge, profile, geo=geo, memory_bytes=memory_bytes) as fleet:
        seen = fleet.arrow("SELECT 1 FROM presence UNION ALL SELECT 1 FROM scanned_devices LIMIT 1")
        if not seen.num_rows:
            latest = newest(store)
            hint = f"; the newest is of {latest:%Y-%m-%d %H:%M} UTC, see --until" if latest else ""
            raise AssessmentError(
                f"no telemetry from {window.since:%Y-%m-%d %H:%M} to {window.until:%Y-%m-%d %H:%M} UTC{hint}"
            )
        return judge(fleet, FLEET_DETECTORS, weights=weights, prior=prior, known=known_farms(store, window.until))


def newest(store: Store) -> datetime | None:
    """Time of the newest telemetry of a store; None where there is none."""
    latest: datetime | None = None
    for record in TELEMETRY_TABLES:
        if record.table in store.tables() and record is not RosterEntry:
            found = store.query(f'SELECT max(ts) AS ts FROM "{record.table}"').column(0)[0].as_py()  # noqa: S608 (ours)
            latest = found if latest is None or (found is not None and found > latest) else latest
    return latest


def keep(store: Store, judged: Judged, knowledge: Knowledge, *, version: str) -> str:
    """Keep an assessment, which is the current one of its time from then on.

    The same one again adds nothing; where another one of the same time came between, it adds a row that says so.

    Returns:
        The id of its run.

    Raises:
        StoreError: the store cannot take it.
    """
    tables = _tables(judged, knowledge, version)
    run_id = str(tables[FleetRun].column("run_id")[0].as_py())
    now = datetime.now(UTC)
    added = store.append(tables, feed=_FEED, sender=_SENDER, received=now)
    if not added.rows[FleetRun.table]:
        _repeat(store, run_id, judged.window.until, now)
    return run_id


def _repeat(store: Store, run_id: str, ts: datetime, now: datetime) -> None:
    """Make a kept assessment the current one of its time; nothing to do where it is.

    Its time is after that of every other one even where the clock was set back meanwhile.
    """
    asked = _asked(store, since=ts, until=ts + _MOMENT)
    latest = max(asked, key=lambda one: (asked[one], one))
    if latest != run_id:
        row = RepeatedRun(run_id=run_id, ts=ts, asked=max(now, asked[latest] + _MOMENT))
        rows = to_arrow(Table.from_rows(RepeatedRun, [row]))
        store.append({RepeatedRun: rows}, feed=_FEED, sender=_SENDER, received=now)


def _asked(store: Store, *, since: datetime | None = None, until: datetime | None = None) -> dict[str, datetime]:
    """When each assessment was asked for last, as far as that changed anything."""
    asked: dict[str, datetime] = {}
    for record, when in ((FleetRun, "received"), (RepeatedRun, "asked")):
        rows = store.read(record, since=since, until=until, columns=["run_id", when])
        for run_id, moment in zip(*(rows.column(name).to_pylist() for name in ("run_id", when)), strict=True):
            asked[run_id] = max(asked.get(run_id, moment), moment)
    return asked


def runs(store: Store, *, until: datetime | None = None) -> list[dict[str, Any]]:
    """All kept assessments, columns of :class:`~farmwatch.records.FleetRun`, by their time, the last asked for last."""
    found = store.read(FleetRun, until=until, columns=[*FleetRun.columns, "received"]).to_pylist()
    asked = _asked(store, until=until)
    return sorted(found, key=lambda run: (run["ts"], asked.get(run["run_id"], run["received"]), run["run_id"]))


def kept(store: Store, run: dict[str, Any]) -> Kept:
    """What was kept of an assessment that :func:`runs` names."""
    verdicts, hits, farms, members = (
        _of_run(store, record, run, order)
        for record, order in (
            (DeviceVerdict, ("device_id",)),
            (DeviceHit, ("device_id", "detector", "grade", "summary")),
            (FoundFarm, ("farm_id",)),
            (FarmMember, ("farm_id", "attribute", "value", "device_id")),
        )
    )
    return Kept(run, verdicts, hits, farms, members)


def known_farms(store: Store, until: datetime) -> dict[str, frozenset[str]]:
    """Farms of the last assessment before a time, with their members, so that farms keep their ids."""
    before = runs(store, until=until)
    if not before:
        return {}
    members = _of_run(store, FarmMember, before[-1], ("farm_id", "device_id"))
    found: dict[str, set[str]] = {}
    for farm, device in zip(*(members.column(name).to_pylist() for name in ("farm_id", "device_id")), strict=True):
        found.setdefault(farm, set()).add(device)
    return {farm: frozenset(devices) for farm, devices in sorted(found.items())}


def _of_run(store: Store, record: type[Record], run: dict[str, Any], order: Sequence[str]) -> pa.Table:
    import pyarrow.compute as pc

    moment = run["ts"]
    rows = store.read(record, since=moment, until=moment + timedelta(microseconds=1))
    return rows.filter(pc.equal(rows.column("run_id"), run["run_id"])).sort_by([(name, "ascending") for name in order])


def _tables(judged: Judged, knowledge: Knowledge, version: str) -> dict[type[Record], pa.Table]:
    """An assessment as rows, all under the id that their content gives."""
    verdicts, hits, farms, members = _verdicts(judged), _hits(judged), *_farms(judged)
    run = {
        "since": judged.window.since, "devices": len(judged.devices), "rows": judged.rows, "version": version,
        "knowledge": knowledge.version, "weights": judged.weights.digest, "prior": judged.prior,
        "coverage": json.dumps([asdict(one) for one in judged.coverage], separators=(",", ":")),
        "notes": json.dumps(list(judged.notes), separators=(",", ":")),
    }  # fmt: skip
    content = hashlib.sha256(json.dumps(run, default=str, sort_keys=True).encode())
    for rows in (verdicts, hits, farms, members):
        for name, values in rows.items():
            content.update(json.dumps([name, values], default=str).encode())
    run_id = f"{judged.window.until:%Y%m%dT%H%M%SZ}-{content.hexdigest()[:8]}"
    return {
        record: _arrow(record, rows, run_id, judged.window.until)
        for record, rows in (
            (FleetRun, {name: [value] for name, value in run.items()}),
            (DeviceVerdict, verdicts),
            (DeviceHit, hits),
            (FoundFarm, farms),
            (FarmMember, members),
        )
    }


def _arrow(record: type[Record], rows: dict[str, list[Any]], run_id: str, ts: datetime) -> pa.Table:
    count = len(next(iter(rows.values())))
    columns = {"run_id": [run_id] * count, "ts": [ts] * count, **rows}
    schema = arrow_schema(record)
    return pa.table([pa.array(columns[one.name], one.type) for one in schema], schema=schema)


def _verdicts(judged: Judged) -> dict[str, list[Any]]:
    farm_of = {device: farm.farm_id for farm in judged.farms for device in farm.devices}
    rows: dict[str, list[Any]] = {name: [] for name in DeviceVerdict.columns if name not in ("run_id", "ts")}
    for number, device in enumerate(judged.devices):
        found = judged.assessment(number)
        rows["device_id"].append(device)
        for name in ("driven", "abroad", "farm"):
            claim = getattr(found, name)
            rows[name].append(str(claim.level))
            rows[f"{name}_decibans"].append(round(claim.decibans, 3))
        rows["farm_id"].append(farm_of.get(device))
        rows["hits"].append(len(judged.hits.get(device, ())))
        rows["not_looked_at"].append(",".join(judged.not_looked_at(number)))
    return rows


def _hits(judged: Judged) -> dict[str, list[Any]]:
    rows: dict[str, list[Any]] = {name: [] for name in DeviceHit.columns if name not in ("run_id", "ts")}
    for device, findings in judged.hits.items():
        for finding in findings:
            values = (device, finding.detector, finding.grade, str(finding.claim), str(finding.family), finding.group,
                      finding.decibans, finding.summary, finding_json(finding))  # fmt: skip
            for name, value in zip(rows, values, strict=True):
                rows[name].append(value)
    return rows


def _farms(judged: Judged) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    farms: dict[str, list[Any]] = {name: [] for name in FoundFarm.columns if name not in ("run_id", "ts")}
    members: dict[str, list[Any]] = {name: [] for name in FarmMember.columns if name not in ("run_id", "ts")}
    for farm in judged.farms:
        claim = farm.assessment
        values = (farm.farm_id, str(claim.level), round(claim.decibans, 3), len(farm.devices), farm.summary,
                  json.dumps(asdict(claim), separators=(",", ":")))  # fmt: skip
        for name, value in zip(farms, values, strict=True):
            farms[name].append(value)
        for tie in farm.ties:
            for device in tie.devices:
                row = (farm.farm_id, device, tie.attribute, tie.value, tie.decibans)
                for name, item in zip(members, row, strict=True):
                    members[name].append(item)
    return farms, members
