"""What lies before an analyst at ``farmwatch case``: the last assessment, decisions, and the names they may use."""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from farmwatch.cli.streams import talk

if TYPE_CHECKING:
    from farmwatch.analysis.fleet.weights import Weights
    from farmwatch.assessing import Kept
    from farmwatch.records import Claim, Decision, Standing
    from farmwatch.reports.case_page import CaseFile, FarmFile
    from farmwatch.store import Store

__all__ = ["Desk", "command", "open_case_store", "open_desk"]

_MOST_CAUSES = 12  #: that an error lists


@dataclass(frozen=True, slots=True)
class Desk:
    """The last assessment of a store, and everything decided by then."""

    store: Store
    kept: Kept
    weights: Weights
    decisions: tuple[Decision, ...]
    seen: int  #: number of the last decision that was known
    url: str | None = None  #: the store as the command line has it

    def standings(self, devices: Iterable[str] | None = None) -> dict[str, Standing]:
        """How devices stand; all of them without names."""
        from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS
        from farmwatch.analysis.fleet.standing import standings

        return standings(
            self.kept.verdicts,
            self.kept.hits,
            self.decisions,
            weights=self.weights,
            prior=self.kept.run["prior"],
            detectors=FLEET_DETECTORS,
            devices=devices,
        )

    def known(self, device: str) -> str:
        """The device that is meant: one of the last assessment, else one that the roster or telemetry ever named.

        Raises:
            typer.BadParameter: there is none of this name.
        """
        names: list[str] = self.kept.verdicts.column("device_id").to_pylist()
        if (same := _same(device, names)) is not None:
            return same
        farm = self.farm_id(device)
        if farm is not None:
            first = next(iter(self.members(farm)), "DEVICE")
            told = command(self.url, "dismiss", first, "--claim", "farm", "--with", "farm", "--reason", "TEXT")
            raise typer.BadParameter(
                f"{device!r} is a farm; '{command(self.url, 'show', farm)}' shows it, and decisions are about its "
                f"devices: {told}",
                param_hint="DEVICE",
            )
        stored = self._stored_names()
        if (same := _same(device, sorted(stored))) is not None:
            if stored[same] != same:
                talk(f"{same} is {stored[same]}")
            return stored[same]
        every = sorted({*names, *stored, *self.kept.farms.column("farm_id").to_pylist()})
        near = difflib.get_close_matches(device, every, 5, 0.5)
        decided = any(one.device_id == device for one in self.decisions)
        hint = f"; near: {', '.join(near)}" if near else f"; '{command(self.url, 'list')}' names those with cases"
        kept = f"; decisions about it are in '{command(self.url, 'audit', device)}'" if decided else ""
        raise typer.BadParameter(
            f"no device {device!r} in the last assessment, the roster or stored telemetry, and no farm{kept}{hint}",
            param_hint="DEVICE",
        )

    def _stored_names(self) -> dict[str, str]:
        """All names by which the store knows devices, with the one that assessments use."""
        from farmwatch.analysis.fleet.fleet import Fleet, Window
        from farmwatch.analysis.profile import Profile
        from farmwatch.knowledge import load_knowledge
        from farmwatch.records import DeviceFact, Record, RosterEntry, ScannedDevice
        from farmwatch.store.stats import device_names

        names = {name: name for name in device_names(self.store)}
        tables: tuple[type[Record], ...] = (DeviceFact, RosterEntry, ScannedDevice)
        sources = {record: self.store.source(record) for record in tables}
        window = Window(self.kept.run["since"], datetime.max.replace(tzinfo=UTC))  # also what came after it
        with Fleet.opened(sources, window, load_knowledge(), Profile()) as fleet:
            names |= {row["alias"]: row["device_id"] for row in fleet.rows("SELECT alias, device_id FROM aliases")}
        return names

    def farm_id(self, name: str) -> str | None:
        """The farm of the last assessment that is meant; None where there is none of this name."""
        found = (one for one in self.kept.farms.column("farm_id").to_pylist() if one.casefold() == name.casefold())
        return next(found, None)

    def members(self, farm_id: str) -> list[str]:
        """Devices of a farm, sorted."""
        verdicts = zip(*(self.kept.verdicts.column(name).to_pylist() for name in ("device_id", "farm_id")), strict=True)
        return sorted(device for device, farm in verdicts if farm == farm_id)

    def farm(self, farm_id: str) -> FarmFile:
        """Everything that is shown of one farm of the assessment."""
        from farmwatch.records import Claim, Decision, Level
        from farmwatch.records.report import FarmLink
        from farmwatch.reports.case_page import FarmFile
        from farmwatch.reports.morning.document import claim_of

        row = next(one for one in self.kept.farms.to_pylist() if one["farm_id"] == farm_id)
        shared: dict[tuple[str, str, float], list[str]] = {}
        for tie in self.kept.members.to_pylist():
            if tie["farm_id"] == farm_id:
                shared.setdefault((tie["attribute"], tie["value"], tie["decibans"]), []).append(tie["device_id"])
        ties = [
            FarmLink(attribute, value, tuple(sorted(devices)), decibans)
            for (attribute, value, decibans), devices in shared.items()
        ]
        devices = self.members(farm_id)
        remarks = [Decision(one, Claim.DRIVEN, "note", "-", "-", "") for one in devices]  # so that each has a standing
        return FarmFile(
            farm_id=farm_id,
            assessment=claim_of(row["document"], Level(row["level"]), row["decibans"]),
            summary=row["summary"],
            members=tuple(replace(self, decisions=(*self.decisions, *remarks)).standings(devices).values()),
            ties=tuple(sorted(ties, key=lambda tie: (-tie.decibans, tie.attribute, tie.value))),
            run_id=self.kept.run["run_id"],
        )

    def everywhere(self) -> list[Decision]:
        """Suppressions that hold on all devices."""
        from farmwatch.records import EVERY_DEVICE

        held: dict[tuple[Any, ...], Decision] = {}
        for one in self.decisions:
            if one.device_id != EVERY_DEVICE:
                continue
            key = (one.claim, one.detector, one.grade, one.cause, one.about)
            if one.state == "dismissed":
                held[key] = one
            elif one.scoped:
                held.pop(key, None)
            else:
                held = {other: kept for other, kept in held.items() if other[0] is not one.claim}
        return list(held.values())

    def asked_before(self) -> set[str]:
        """Devices that had a case in the assessment before, by the same decisions and weights."""
        from farmwatch.assessing import kept, runs
        from farmwatch.records import CaseState

        earlier = [run for run in runs(self.store) if run["ts"] < self.kept.run["ts"]]
        if not earlier:
            return set()
        there = replace(self, kept=kept(self.store, earlier[-1]))
        return {one.device_id for one in there.standings().values() if one.state is not CaseState.QUIET}

    def case(self, device: str) -> CaseFile:
        """Everything that is shown of one device of the assessment."""
        from farmwatch.analysis.advice import benign_readings
        from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS
        from farmwatch.analysis.fleet.summing_up import next_steps
        from farmwatch.records import Claim, Decision
        from farmwatch.reports.case_page import CaseFile

        remark = Decision(device, Claim.DRIVEN, "note", "-", "-", "")  # one that was decided about has a standing
        standing = replace(self, decisions=(*self.decisions, remark)).standings([device])[device]
        topics = {detector.id: detector.topic for detector in FLEET_DETECTORS}
        left = list(standing.findings)
        return CaseFile(
            standing=standing,
            since=utc_text(self.kept.run["since"]),
            until=utc_text(self.kept.run["ts"]),
            run_id=self.kept.run["run_id"],
            history=tuple(one for one in self.decisions if one.device_id == device),
            blind=tuple(dict.fromkeys(topics.get(one, one) for one in standing.not_looked_at)),
            next_steps=next_steps(left),
            benign=benign_readings(left),
            compared=self._compared(standing),
        )

    def _compared(self, standing: Standing) -> dict[Claim, str]:
        """How the sum of a claim's weights compares with the benign devices that the weights were measured on."""
        told = {}
        for claim, benign in self.weights.benign.items():
            assessed = getattr(standing.assessment, str(claim))
            score = sum(one.decibans for one in assessed.weights if one.counted and one.detector != "calibration")
            told[claim] = (
                f"at most {benign.p_value(score):.2g} of benign devices weigh as much (conformal p-value over "
                f"{benign.devices:,} measured)"
            )
        return told

    def check_scope(self, detector: str | None, grade: str | None) -> None:
        """Refuse a detector or grade that there is none of: a slip of the pen would explain nothing, for ever.

        Raises:
            typer.BadParameter: with near names.
        """
        from farmwatch.analysis.detectors import DETECTORS
        from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS

        if detector is None:
            if grade is not None:
                raise typer.BadParameter("needs --detector", param_hint="--grade")
            return
        pairs = set(zip(*(self.kept.hits.column(name).to_pylist() for name in ("detector", "grade")), strict=True))
        known = {one.id for one in FLEET_DETECTORS} | {one.id for one in DETECTORS} | {found for found, _ in pairs}
        _check_known(detector, known, "detector", "--detector")
        if grade is not None:
            grades = {name for one in FLEET_DETECTORS if one.id == detector for name in one.grades}
            grades |= {name for found, name in pairs if found == detector}
            _check_known(grade, grades, f"grade of {detector}", "--grade")

    def check_cause(self, cause: str | None) -> None:
        """Refuse a cause that no finding, detector or decision names.

        Raises:
            typer.BadParameter: with near causes, else with those of the last assessment.
        """
        from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS

        if cause is None:
            return
        found = {
            group or detector
            for detector, group in zip(
                *(self.kept.hits.column(name).to_pylist() for name in ("detector", "cause")), strict=True
            )
        }
        known = found | {one.cause for one in self.decisions if one.cause is not None}
        for one in FLEET_DETECTORS:
            known |= {one.id} | {(one.group if grade.group is None else grade.group) or one.id
                                 for grade in one.grades.values()}  # fmt: skip
        if cause in known:
            return
        near = difflib.get_close_matches(cause, sorted(known), 3)
        listed = sorted(found)[:_MOST_CAUSES]
        if near:
            hint = f"; did you mean {' or '.join(near)}?"
        else:
            hint = f"; found in the last assessment: {', '.join(listed)}." if listed else "."
        raise typer.BadParameter(
            f"there is no cause {cause!r}{hint} To suppress one before it comes, name --claim", param_hint="--cause"
        )

    def claims_anywhere(self, draft: Decision) -> tuple[Claim, ...]:
        """Claims for which something that a suppression is about was found on any device."""
        import json

        from farmwatch.analysis.fleet.findings import finding_of
        from farmwatch.analysis.fleet.standing import fits
        from farmwatch.records import Claim

        found = (finding_of(json.loads(document)) for document in self.kept.hits.column("document").to_pylist())
        claims = {finding.claim for finding in found if fits(draft, finding)}
        return tuple(claim for claim in Claim if claim in claims)

    def ending(self, until: str | None) -> str | None:
        """When a dismissal runs out.

        Raises:
            typer.BadParameter: it is no time, or over already.
        """
        from farmwatch.cli.assess import moment

        if until is None:
            return None
        end = moment(until, "--until")
        if end <= self.kept.run["ts"]:
            raise typer.BadParameter(
                f"{until} is not after the end of the last assessment, {utc_text(self.kept.run['ts'])}: it would "
                "explain nothing",
                param_hint="--until",
            )
        return utc_text(end)

    def beside(self, device: str, together: str) -> list[str]:
        """The other devices of a ``household`` or ``site`` of the roster, or of a ``farm`` of the assessment.

        Raises:
            typer.BadParameter: the device has none.
        """
        assessed: list[str] = self.kept.verdicts.column("device_id").to_pylist()
        if together == "farm":
            where, of = "the last assessment", dict(
                zip(assessed, self.kept.verdicts.column("farm_id").to_pylist(), strict=True)
            )  # fmt: skip
        else:
            from farmwatch.records import RosterEntry

            rows = self.store.read(RosterEntry, until=self.kept.run["ts"], columns=["device_id", "ts", together])
            listed = sorted(rows.to_pylist(), key=lambda row: row["ts"])
            where, of = "the roster", {row["device_id"]: row[together] for row in listed}
        if not of.get(device):
            raise typer.BadParameter(f"{where} knows no {together} of {device}", param_hint="--with")
        return [one for one in sorted(assessed) if one != device and of.get(one) == of[device]]


def open_desk(url: str | None, weights: Path | None) -> Desk:
    """The last assessment of a store.

    Raises:
        AssessmentError: none is kept.
        ProfileError: the weights cannot be used.
    """
    from farmwatch.analysis.fleet.weights import NO_WEIGHTS, Weights
    from farmwatch.assessing import kept, runs
    from farmwatch.errors import AssessmentError

    given = Weights.load(weights) if weights is not None else NO_WEIGHTS
    store = open_case_store(url)
    listed = runs(store)
    if not listed:
        raise AssessmentError(f"{store.place.url}: no assessment is kept yet; run '{_with_store(url, 'assess')}'")
    if listed[-1]["weights"] != given.digest:
        talk(
            f"the assessment was made with weights {listed[-1]['weights']}, this uses {given.digest}; "
            "--weights names a file"
        )
    cases = store.state.cases
    seen = cases.last()  # before the decisions are read: whatever comes in between is refused, not missed
    return Desk(store, kept(store, listed[-1]), given, tuple(cases.decisions()), seen, url)


def open_case_store(url: str | None) -> Store:
    """A store that must be there.

    Raises:
        StoreError: it is not; where none was named, with how to name one.
    """
    from farmwatch.errors import StoreError
    from farmwatch.store import open_store

    try:
        return open_store(url, make=False)
    except StoreError as error:
        if url is not None:
            raise
        raise StoreError(f"{error}; --store or FARMWATCH_STORE names another than the default") from error


def command(url: str | None, *arguments: str) -> str:
    """A ``farmwatch case`` command line to be typed next, on the same store.

    Args:
        url: The store as the command line has it; left out where it is the default or in the environment.
        arguments: What follows ``farmwatch case``.
    """
    return _with_store(url, "case", *arguments)


def _with_store(url: str | None, *arguments: str) -> str:
    given = () if url is None or url == os.environ.get("FARMWATCH_STORE") else ("--store", url)
    return shlex.join(["farmwatch", *arguments, *given])


def utc_text(moment: datetime) -> str:
    """A time as documents write it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _same(name: str, names: Sequence[str]) -> str | None:
    """The one of some names that is this one, in whatever letters; None where none is or several are."""
    if name in names:
        return name
    same = [one for one in names if one.casefold() == name.casefold()]
    return same[0] if len(same) == 1 else None


def _check_known(value: str, known: set[str], noun: str, option: str) -> None:
    if value not in known:
        near = difflib.get_close_matches(value, sorted(known), 3) or sorted(known)[:3]
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise typer.BadParameter(f"there is no {noun} {value!r}{hint}", param_hint=option)
