"""The morning report made from kept assessments, what people decided, and what is known of places.

Nothing here reads a store or a clock: the same rows and decisions give the same document.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from farmwatch.records import Assessment, Claim, ClaimAssessment, Device, Finding, Level, Tool
from farmwatch.records.morning import (
    Change,
    ClearedDevice,
    ConfirmedDevice,
    ExplainedDevice,
    ExplainedFinding,
    Morning,
    MorningCase,
    MorningDevice,
    MorningPlace,
    MorningRun,
    TrendPoint,
)
from farmwatch.records.standing import CaseState, Decision, Standing
from farmwatch.reports import reading, wording
from farmwatch.reports.morning import saying
from farmwatch.reports.morning.comparing import ASKING, Stood, change, stood
from farmwatch.reports.morning.covering import coverage
from farmwatch.reports.morning.grouped import grouped

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Background", "KeptRun", "build"]

_BENIGN_EACH = 2
_MOST_BENIGN = 6  #: innocent readings beside a verdict; every finding lists its own
_FARM_DETECTORS = "farm."
_MOST_CLEARED = 3  #: findings named that are not there any more
_MOST_EXPLAINED = 3
_MOST_STEPS = 5  #: next steps of one device; the rest stand with their findings
_ASKS_USER = "device's user"  #: a step that says so may warn whoever drives the device, and is taken last
_UNTOLD = Claim.DRIVEN, Claim.ABROAD, Claim.FARM


class KeptRun(Protocol):
    """The rows of one kept assessment."""

    @property
    def run(self) -> dict[str, Any]:
        """Columns of :class:`~farmwatch.records.FleetRun`."""

    @property
    def verdicts(self) -> pa.Table:
        """Rows of :class:`~farmwatch.records.DeviceVerdict`."""

    @property
    def hits(self) -> pa.Table:
        """Rows of :class:`~farmwatch.records.DeviceHit`."""

    @property
    def farms(self) -> pa.Table:
        """Rows of :class:`~farmwatch.records.FoundFarm`."""

    @property
    def members(self) -> pa.Table:
        """Rows of :class:`~farmwatch.records.FarmMember`."""


@dataclass(frozen=True, slots=True)
class Background:
    """What a report needs beside the two assessments."""

    steps: Callable[[Sequence[Finding]], Sequence[str]]  #: next steps by what was found
    topics: Mapping[str, str] = field(default_factory=dict)  #: detector -> what it looks at
    trend: tuple[TrendPoint, ...] = ()
    asked_since: Mapping[str, str] = field(default_factory=dict)  #: device -> when it began to ask without a break
    places: Mapping[str, tuple[str, float, float]] = field(default_factory=dict)  #: device -> name, latitude, longitude
    sites: Mapping[str, MorningPlace] = field(
        default_factory=dict
    )  #: farm -> where its devices themselves say they are
    notes: tuple[str, ...] = ()
    store: str = ""  #: the store that printed commands name; '' for the one they take by themselves


@dataclass(frozen=True, slots=True)
class _Side:
    """One assessment, ready to be asked for a device."""

    kept: KeptRun
    rows: Mapping[str, dict[str, Any]]
    standings: Mapping[str, Standing]
    stood: Mapping[str, Stood]
    members: Mapping[str, list[str]]  #: of each farm


def build(
    now: KeptRun,
    standings: Mapping[str, Standing],
    before: KeptRun | None,
    standings_before: Mapping[str, Standing],
    background: Background,
) -> Morning:
    """The report of one assessment compared with an earlier one.

    Args:
        now: the assessment.
        standings: by device, how it stands after what people decided; every device with a hit or a decision.
        before: what to compare with; None for a first report.
        standings_before: as ``standings``, of ``before``.
        background: what else the report says.
    """
    here = _side(now, standings)
    there = _side(before, standings_before) if before is not None else None
    changes = {device: _change(device, here, there) for device in here.rows}
    cases = sorted(
        (_case(device, here, *changes[device], background) for device in here.rows if here.stood[device].asks),
        key=_urgency,
    )
    farms = grouped(
        now.farms.to_pylist(),
        now.members.to_pylist(),
        {device: row["farm_id"] for device, row in here.rows.items() if row["farm_id"] is not None},
        before.farms.to_pylist() if before is not None else None,
        background.places,
        background.sites,
        frozenset(
            device
            for device, standing in standings.items()
            if device in here.rows and _dismissed(standing) and not here.stood[device].asks
        ),
        background.store,
    )
    cleared = _cleared(here, there, changes, background.topics)
    lines = _lines(here, changes)
    told = Counter(str(line.change) for line in lines) + Counter(
        str(one.change) for one in cleared if one.change is Change.GONE
    )
    levels = Counter(str(line.level) for line in lines)
    news = tuple(case for case in cases if case.change in (Change.NEW, Change.WORSE))
    still = tuple(case for case in cases if case.change is Change.OPEN)
    run = _run(now.run)
    looked = coverage(now.run, now.verdicts, background.topics)
    return Morning(
        tool=Tool("farmwatch", run.version, run.knowledge),
        run=run,
        before=_run(before.run) if before is not None else None,
        first=saying.first(news, still, farms, looked, compared=before is not None),
        counts={str(one): told[str(one)] for one in Change} | {str(level): levels[str(level)] for level in Level},
        new_or_worse=news,
        still_open=still,
        cleared=cleared,
        explained=_explained(here),
        farms=farms,
        coverage=looked,
        trend=background.trend,
        devices=lines,
        topics=dict(background.topics),
        confirmed_alone=_confirmed_alone(here),
        notes=(*(str(note) for note in json.loads(now.run["notes"])), *background.notes),
    )


def _side(kept: KeptRun, standings: Mapping[str, Standing]) -> _Side:
    rows = {row["device_id"]: row for row in kept.verdicts.to_pylist()}
    own = {device: stood(standing) for device, standing in standings.items() if device in rows}
    stands = {device: own[device] if device in own else _kept(row) for device, row in rows.items()}
    members: dict[str, list[str]] = {}
    for device, row in rows.items():
        if row["farm_id"] is not None:
            members.setdefault(row["farm_id"], []).append(device)
    return _Side(kept, rows, standings, stands, members)


def _kept(row: Mapping[str, Any]) -> Stood:
    """A device as its verdict was kept; without hits there are no families."""
    return Stood(
        {claim: Level(row[str(claim)]) for claim in Claim},
        {claim: row[f"{claim}_decibans"] for claim in Claim},
    )


def _change(device: str, here: _Side, there: _Side | None) -> tuple[Change, str]:
    standing = here.standings.get(device)
    decisions = standing.decisions if standing is not None else ()
    became, told = change(
        here.stood[device],
        there.stood.get(device) if there is not None else None,
        confirmed=any(one.state == "confirmed" for one in decisions),
        decided=standing is not None and _dismissed(standing),
        unseen=there is not None and bool(_blind(device, here, there)),
    )
    return became, saying.FIRST_REPORT if became is Change.NEW and there is None else told


def _dismissed(standing: Standing) -> bool:
    """Whether a decision keeps a device from asking for a person, or would if its findings asked by themselves."""
    if standing.states:
        return CaseState.DISMISSED in standing.states.values()
    return bool(standing.suppressed) or any(one.state == "dismissed" for one in standing.decisions)


def _case(device: str, here: _Side, became: Change, told: str, background: Background) -> MorningCase:
    row = here.rows[device]
    standing = here.standings.get(device) or _bare(device, row)
    shown = Device(device, (), (), (), standing.assessment, (), standing.findings)
    since = background.asked_since.get(device) or _text(here.kept.run["ts"])
    why = reading.proof(shown)
    weighed = [finding for finding in standing.findings if reading.counted(shown, finding)]
    telling = dict.fromkeys([*background.steps(why), *background.steps(weighed)])  # what carries it first
    steps = sorted(list(telling)[:_MOST_STEPS], key=lambda step: _ASKS_USER in step)
    confirmed = any(one.state == "confirmed" for one in standing.decisions)
    return MorningCase(
        device_id=device,
        change=became,
        changed=told,
        level=here.stood[device].level,
        assessment=standing.assessment,
        verdict=f"{saying.REOPENED} {wording.verdict(shown)}"
        if here.stood[device].reopened
        else wording.verdict(shown),
        why=why,
        findings=tuple(sorted(standing.findings, key=lambda one: (-abs(one.decibans), one.detector, one.summary))),
        benign=_benign(shown),
        next_steps=(*saying.FOLLOW_UP, *steps) if confirmed else (*steps, saying.DECIDE),
        commands=saying.commands(device, background.store, confirmed=confirmed),
        since=since,
        farm_id=row["farm_id"],
        explained=tuple(ExplainedFinding(finding, decision) for finding, decision in standing.suppressed),
        decisions=standing.decisions,
        not_looked_at=tuple(part for part in row["not_looked_at"].split(",") if part),
    )


def _benign(device: Device) -> tuple[str, ...]:
    readings = dict.fromkeys(reason for finding in reading.hits(device) for reason in finding.benign[:_BENIGN_EACH])
    return tuple(readings)[:_MOST_BENIGN]


def _bare(device: str, row: Mapping[str, Any]) -> Standing:
    """A device whose hits are not at hand, as its verdict says."""
    claims = {
        claim: ClaimAssessment(
            level=Level(row[str(claim)]),
            probability=1 / (1 + math.pow(10, -row[f"{claim}_decibans"] / 10)),
            decibans=row[f"{claim}_decibans"],
            prior_decibans=0.0,
        )
        for claim in Claim
    }
    return Standing(device, Assessment(*(claims[claim] for claim in _UNTOLD)), (), farm_id=row["farm_id"])


def _urgency(case: MorningCase) -> tuple[object, ...]:
    """Strong before review, then by the weight of the heaviest claim."""
    heaviest = max(getattr(case.assessment, str(claim)).decibans for claim in Claim)
    asking = sum(getattr(case.assessment, str(claim)).level in ASKING for claim in Claim)
    return (case.level is not Level.STRONG, -asking, -heaviest, case.device_id)


def _lines(here: _Side, changes: Mapping[str, tuple[Change, str]]) -> tuple[MorningDevice, ...]:
    """Every device in a line: those that ask for a person, then those with hits, then by name."""
    lines = []
    for device, row in here.rows.items():
        at = here.stood[device]
        lines.append(
            MorningDevice(
                device, changes[device][0], at.level, at.levels[Claim.DRIVEN], at.levels[Claim.ABROAD],
                at.levels[Claim.FARM], round(at.heaviest, 1) + 0.0, row["hits"], row["farm_id"],
                row["not_looked_at"].count(",") + 1 if row["not_looked_at"] else 0,
            )
        )  # fmt: skip
    order = {Level.STRONG: 0, Level.REVIEW: 1}
    lines.sort(key=lambda line: (order.get(line.level, 2), -line.decibans, -line.hits, line.device_id))
    return tuple(lines)


def _cleared(
    here: _Side, there: _Side | None, changes: Mapping[str, tuple[Change, str]], topics: Mapping[str, str]
) -> tuple[ClearedDevice, ...]:
    """Devices that asked before and do no more, the worst of then first."""
    if there is None:
        return ()
    found = []
    for device, was in there.stood.items():
        if not was.asks:
            continue
        if device not in here.rows:
            why = "no telemetry and no roster entry of it in this assessment: that clears nothing"
            found.append((was, ClearedDevice(device, Change.GONE, was.level, None, why)))
        elif (became := changes[device][0]) in (Change.CLEARED, Change.UNSEEN):
            why = _lost(device, here, there) if became is Change.CLEARED else _unlooked(device, here, there, topics)
            found.append((was, ClearedDevice(device, became, was.level, here.stood[device].level, why)))
    found.sort(
        key=lambda pair: (pair[1].change is Change.CLEARED, pair[0].level is not Level.STRONG, pair[1].device_id)
    )
    return tuple(one for _, one in found)


def _lost(device: str, here: _Side, there: _Side) -> str:
    """What spoke for a claim before and does no more."""
    if device not in there.standings:
        return "what was found before is not found any more"
    gone = list(dict.fromkeys(one.summary for one in _gone(device, here, there)))
    if not gone:
        return "what is found weighs less than before"
    more = f" and {len(gone) - _MOST_CLEARED} more" if len(gone) > _MOST_CLEARED else ""
    return f"not found any more: {'; '.join(gone[:_MOST_CLEARED])}{more}"


def _gone(device: str, here: _Side, there: _Side) -> list[Finding]:
    """Findings that spoke for a claim before and are not there any more."""
    before, now = there.standings.get(device), here.standings.get(device)
    kept = {(one.detector, one.grade) for one in (now.findings if now is not None else ())}
    told = before.findings if before is not None else ()
    return [one for one in told if one.decibans > 0 and (one.detector, one.grade) not in kept]


def _blind(device: str, here: _Side, there: _Side) -> list[Finding]:
    """Of the findings that are gone, those whose detector had nothing to look at this time.

    The signs of a farm rest on all its members, so none of them may have become darker.
    """
    unseen = set(here.rows[device]["not_looked_at"].split(","))
    gone = _gone(device, here, there)
    farm = there.rows[device]["farm_id"] if device in there.rows else None
    dark = any(one.detector.startswith(_FARM_DETECTORS) for one in gone) and any(
        _darker(member, here, there) for member in there.members.get(farm or "", [device])
    )
    return [one for one in gone if one.detector in unseen or (dark and one.detector.startswith(_FARM_DETECTORS))]


def _darker(device: str, here: _Side, there: _Side) -> bool:
    """Whether a check that looked at a device before has nothing to look at now."""
    if device not in here.rows:
        return True
    now, before = (set(side.rows[device]["not_looked_at"].split(",")) - {""} for side in (here, there))
    return not now <= before


def _unlooked(device: str, here: _Side, there: _Side, topics: Mapping[str, str]) -> str:
    """What could not be looked for again."""
    blind = dict.fromkeys(
        "what ties the laptops of its farm" if one.detector.startswith(_FARM_DETECTORS)
        else topics.get(one.detector, one.detector) for one in _blind(device, here, there)
    )  # fmt: skip
    if not blind:
        return "too little of it was seen this time to look again: that clears nothing"
    more = f" and {len(blind) - _MOST_CLEARED} more" if len(blind) > _MOST_CLEARED else ""
    return f"nothing of these was seen this time, which clears nothing: {', '.join([*blind][:_MOST_CLEARED])}{more}"


def _explained(here: _Side) -> tuple[ExplainedDevice, ...]:
    """Devices with a finding that a decision explains, or a claim that somebody dismissed."""
    found = []
    for device, standing in sorted(here.standings.items()):
        if device not in here.rows or not (_dismissed(standing) or (standing.suppressed and here.stood[device].asks)):
            continue
        decisions = dict.fromkeys(
            [
                *(decision for _, decision in standing.suppressed),
                *(one for one in standing.decisions if one.state == "dismissed"),
            ]
        )
        if decisions:
            newest = tuple(sorted(decisions, key=_newest_first, reverse=True))
            told = tuple(finding.summary for finding, _ in standing.suppressed[:_MOST_EXPLAINED])
            at = here.stood[device]
            found.append(ExplainedDevice(device, at.level, newest, told, at.asks))
    return tuple(sorted(found, key=lambda one: _newest_first(one.decisions[0]), reverse=True))


def _confirmed_alone(here: _Side) -> tuple[ConfirmedDevice, ...]:
    """Devices with a claim that somebody confirmed and the evidence does not show, whether assessed or not."""
    return tuple(
        ConfirmedDevice(
            device,
            here.stood[device].level if device in here.rows else None,
            alone,
            tuple(one for one in standing.decisions if one.state == "confirmed" and one.claim in alone),
        )
        for device, standing in sorted(here.standings.items())
        if (alone := standing.confirmed_alone)
    )


def _newest_first(decision: Decision) -> tuple[str, str, str]:
    return decision.ts, decision.device_id, str(decision.claim)


def _run(row: Mapping[str, Any]) -> MorningRun:
    return MorningRun(
        row["run_id"], _text(row["since"]), _text(row["ts"]), row["devices"], row["rows"], row["version"],
        row["knowledge"], row["weights"], row["prior"],
    )  # fmt: skip


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
