"""The morning report of a store: two kept assessments, what people decided, declared places and the days before."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS
from farmwatch.analysis.fleet.standing import standings
from farmwatch.analysis.fleet.summing_up import next_steps
from farmwatch.analysis.fleet.weights import NO_WEIGHTS, Weights
from farmwatch.assessing import Kept, kept, runs
from farmwatch.errors import AssessmentError
from farmwatch.knowledge.regions import great_circle_km
from farmwatch.records import Decision, DeviceLocation, DeviceVerdict, FoundFarm, RosterEntry, SignIn, Standing
from farmwatch.records.morning import Morning, MorningPlace, TrendPoint
from farmwatch.reports.morning.building import Background, build
from farmwatch.store import Store

__all__ = ["MOST_RUNS", "Chosen", "choose", "morning_report"]

MOST_RUNS = 30  #: assessments the trend goes back
_NEAR_KM = 100.0  #: reports of devices in one place differ by less: a town and the error of address databases
_ASKING = ("strong", "review")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which assessments a report is made of."""

    latest: dict[str, Any]  #: columns of :class:`~farmwatch.records.FleetRun`
    before: dict[str, Any] | None  #: what it is compared with
    history: tuple[dict[str, Any], ...]  #: up to the latest, oldest first, one for each time
    note: str = ""  #: why it is compared with another one than was asked for


def choose(
    store: Store, *, span: timedelta | None = None, after: str | None = None, until: datetime | None = None
) -> Chosen:
    """The newest assessment of a store and the one to compare it with.

    Args:
        store: holds assessments.
        span: compare with the newest one that ends so long before; without it, with the one before.
        after: compare with the assessment of this id.
        until: take the newest assessment that ends before this time.

    Raises:
        AssessmentError: no assessment is kept.
    """
    every = runs(store, until=until)
    by_time = {run["ts"]: run for run in every}  # of one time the one asked for last
    history = [by_time[ts] for ts in sorted(by_time)]
    if not history:
        raise AssessmentError(f"{store.place.url}: no assessment is kept there; run 'farmwatch assess' first")
    latest, earlier = history[-1], history[:-1]
    shown = tuple(history[-MOST_RUNS:])
    if after is not None and (told := next((run for run in every if run["run_id"] == after), None)) is not None:
        return Chosen(latest, told, shown)
    note = "" if after is None else f"assessment {after}, which was reported last, is not kept any more"
    if not earlier:
        return Chosen(latest, None, shown, note)
    if after is not None:
        return Chosen(latest, earlier[-1], shown, note)
    if span is None:
        return Chosen(latest, earlier[-1], shown)
    old = [run for run in earlier if run["ts"] <= latest["ts"] - span]
    note = "" if old else "no assessment is kept from so long ago; the oldest one there is was compared with"
    return Chosen(latest, old[-1] if old else earlier[0], shown, note)


def morning_report(store: Store, chosen: Chosen, *, weights: Weights = NO_WEIGHTS, named: str = "") -> Morning:
    """The report of an assessment.

    Args:
        store: holds assessments, decisions and the roster.
        chosen: which assessments.
        weights: what grades weigh where that is not the detector's own number: those of the assessment.
        named: the store as printed commands name it; '' for the one they take by themselves.

    Raises:
        StoreError: the store cannot be read.
    """
    decisions = store.state.cases.decisions()
    now, now_stands = _stands(store, chosen.latest, decisions, weights)
    before, before_stands = None, dict[str, Standing]()
    if chosen.before is not None:
        before, before_stands = _stands(store, chosen.before, decisions, weights)
    asking = _asking(now, now_stands)
    members = _members(now)
    every = sorted({device for devices in members.values() for device in devices})
    notes = [chosen.note] if chosen.note else []
    if chosen.latest["weights"] != weights.digest:
        notes.append(
            f"the assessment was made with weights {chosen.latest['weights']}; this report weighs with "
            f"{weights.digest}, so that levels may differ"
        )
    background = Background(
        steps=lambda findings: next_steps(list(findings)),
        topics={detector.id: detector.topic for detector in FLEET_DETECTORS},
        trend=_trend(store, chosen.history),
        asked_since=_asked_since(store, chosen, asking),
        places=_places(store, every, chosen.latest["ts"]),
        sites=_sites(store, members, chosen.latest),
        notes=tuple(notes),
        store=named,
    )
    return build(now, now_stands, before, before_stands, background)


def _stands(
    store: Store, run: dict[str, Any], decisions: Sequence[Decision], weights: Weights
) -> tuple[Kept, dict[str, Standing]]:
    found = kept(store, run)
    return found, standings(
        found.verdicts, found.hits, decisions, weights=weights, prior=run["prior"], detectors=FLEET_DETECTORS
    )


def _asking(found: Kept, stands: Mapping[str, Standing]) -> list[str]:
    """Devices that ask for a person, by their kept verdict or after decisions."""
    columns = (found.verdicts.column(name).to_pylist() for name in ("device_id", "driven", "abroad", "farm"))
    asking = {device for device, *levels in zip(*columns, strict=True) if not set(_ASKING).isdisjoint(levels)}
    for device, standing in stands.items():
        claims = (standing.assessment.driven, standing.assessment.abroad, standing.assessment.farm)
        if any(claim.level in _ASKING for claim in claims):
            asking.add(device)
    return sorted(asking)


def _members(found: Kept) -> dict[str, list[str]]:
    """Devices by farm."""
    members: dict[str, set[str]] = {}
    for table in (found.verdicts, found.members):
        for device, farm in zip(
            table.column("device_id").to_pylist(), table.column("farm_id").to_pylist(), strict=True
        ):
            if farm is not None:
                members.setdefault(farm, set()).add(device)
    return {farm: sorted(devices) for farm, devices in sorted(members.items())}


def _trend(store: Store, history: Sequence[dict[str, Any]]) -> tuple[TrendPoint, ...]:
    """Levels of some assessments as they were kept."""
    first = history[0]["ts"]
    asks = "'{0}' IN (driven, abroad, farm)"
    rows = store.query(
        f"SELECT run_id, CASE WHEN {asks.format('strong')} THEN 'strong' WHEN {asks.format('review')} THEN 'review' "  # noqa: S608 (constants)
        f"ELSE driven END AS level, count(*) AS n FROM {DeviceVerdict.table} WHERE ts >= ? GROUP BY ALL",
        [first],
    ).to_pylist()
    levels: dict[str, dict[str, int]] = {}
    for row in rows:
        levels.setdefault(row["run_id"], {})[row["level"]] = row["n"]
    farms = {
        row["run_id"]: row["n"]
        for row in store.query(
            f"SELECT run_id, count(*) AS n FROM {FoundFarm.table} WHERE ts >= ? GROUP BY run_id",  # noqa: S608 (ours)
            [first],
        ).to_pylist()
    }
    return tuple(
        TrendPoint(
            run["run_id"], _text(run["ts"]), found.get("strong", 0), found.get("review", 0), found.get("clear", 0),
            found.get("not enough data", 0), farms.get(run["run_id"], 0),
        )
        for run in history
        for found in (levels.get(run["run_id"], {}),)
    )  # fmt: skip


def _asked_since(store: Store, chosen: Chosen, asking: Sequence[str]) -> dict[str, str]:
    """End of the first assessment from which on a device always asked for a person, by its kept verdicts."""
    if not asking:
        return {}
    order = [run["run_id"] for run in chosen.history]
    rows = store.read(
        DeviceVerdict,
        since=chosen.history[0]["ts"],
        device_ids=asking,
        columns=["run_id", "device_id", "driven", "abroad", "farm"],
    )
    asked: dict[str, set[str]] = {}
    for row in rows.to_pylist():
        if not set(_ASKING).isdisjoint((row["driven"], row["abroad"], row["farm"])):
            asked.setdefault(row["device_id"], set()).add(row["run_id"])
    since = {}
    for device, when in asked.items():
        first = len(order)
        while first and order[first - 1] in when:
            first -= 1
        if first < len(order):
            since[device] = _text(chosen.history[first]["ts"])
    return since


def _places(store: Store, devices: Sequence[str], until: datetime) -> dict[str, tuple[str, float, float]]:
    """Declared places with coordinates, as the roster has them last."""
    if not devices:
        return {}
    columns = ["device_id", "ts", "record_id", "place", "latitude", "longitude"]
    rows = store.read(RosterEntry, until=until, device_ids=devices, columns=columns).to_pylist()
    rows.sort(key=lambda row: (row["ts"], row["record_id"] or ""))
    newest = {row["device_id"]: row for row in rows}
    return {
        device: (row["place"] or "declared place", row["latitude"], row["longitude"])
        for device, row in sorted(newest.items())
        if row["latitude"] is not None and row["longitude"] is not None
    }


def _sites(store: Store, members: Mapping[str, Sequence[str]], run: Mapping[str, Any]) -> dict[str, MorningPlace]:
    """By farm: where most of its devices were in that time by their own positioning and sign-ins, if in one place."""
    every = sorted({device for devices in members.values() for device in devices})
    if not every:
        return {}
    reported: dict[str, list[tuple[float, float]]] = {}
    for record in (DeviceLocation, SignIn):
        columns = ["device_id", "latitude", "longitude"]
        for device, latitude, longitude in _rows(
            store.read(record, since=run["since"], until=run["ts"], device_ids=every, columns=columns), columns
        ):
            if latitude is not None and longitude is not None:
                reported.setdefault(device, []).append((latitude, longitude))
    middle = {device: _middle(points) for device, points in reported.items()}
    sites = {}
    for farm, devices in members.items():
        known = {device: middle[device] for device in devices if device in middle}
        if not known:
            continue
        site = _middle(list(known.values()))
        there = tuple(device for device, point in sorted(known.items()) if great_circle_km(*site, *point) <= _NEAR_KM)
        if 2 * len(there) >= len(devices):
            said = f"where {len(there)} of {len(devices)} devices report to be"
            sites[farm] = MorningPlace(said, round(site[0], 3), round(site[1], 3), there)
    return sites


def _rows(table: pa.Table, columns: Sequence[str]) -> Iterable[tuple[Any, ...]]:
    return zip(*(table.column(name).to_pylist() for name in columns), strict=True)


def _middle(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(point[0] for point in points), statistics.median(point[1] for point in points)


def _text(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
