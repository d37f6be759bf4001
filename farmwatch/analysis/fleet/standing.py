"""Where devices stand: the stored findings of an assessment, weighed again after what people decided.

No telemetry is read. A decision or other weights act on stored results at once, and taking the decision back brings
everything back.

A dismissal explains what was there when it was made: findings of the same detector, grade and cause that name no other
product, and of farms only that one. Anything else is new evidence. New evidence opens the case again where it weighs
more than a nudge and all evidence together, the explained included, asks for a person: whoever dismissed could not know
that there would be more. The dismissal then explains nothing until somebody looks at all of it again.

A suppression (a dismissal that names a detector, a grade, a cause or a text) explains all findings that fit, also later
ones, whatever else is found.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

import pyarrow as pa

from farmwatch.analysis.fleet.contract import ASIDE, FleetDetector
from farmwatch.analysis.fleet.findings import finding_of
from farmwatch.analysis.fleet.judging import silences
from farmwatch.analysis.fleet.weights import Weights
from farmwatch.analysis.scoring import FAMILY_SHARE_DECIBANS, abroad_of_driven, assess_claim
from farmwatch.errors import AssessmentError
from farmwatch.knowledge import Knowledge, load_knowledge
from farmwatch.records import (
    EVERY_DEVICE,
    Assessment,
    CaseState,
    Claim,
    ClaimAssessment,
    Covered,
    Decision,
    Finding,
    Level,
    Standing,
    WeightSource,
)

__all__ = ["asks", "covered", "fits", "standings"]

_LEAST_NAME = 3  # letters of a product's name that is looked for in sentences
_ASKING = (Level.STRONG, Level.REVIEW)
_AT_LAST = datetime.max.replace(tzinfo=UTC)  # of a device without an assessment: what runs out has run out
_FARM_DETECTORS = "farm."  # start of the ids of findings that a farm adds to its members


def asks(claim: ClaimAssessment) -> bool:
    """Whether a claim is for a person to look at."""
    return claim.level in _ASKING


def standings(
    verdicts: pa.Table,
    hits: pa.Table,
    decisions: Sequence[Decision],
    *,
    weights: Weights,
    prior: float,
    detectors: Sequence[FleetDetector],
    knowledge: Knowledge | None = None,
    devices: Iterable[str] | None = None,
) -> dict[str, Standing]:
    """Every device with findings or decisions as it stands after them.

    Among them are devices that the assessment does not have: of those named all with decisions, without names those
    about which somebody confirmed something, so that no confirmed case is lost with the device's telemetry.

    Args:
        verdicts: rows of :class:`~farmwatch.records.DeviceVerdict` of one assessment.
        hits: its rows of :class:`~farmwatch.records.DeviceHit`.
        decisions: what people decided about these and other devices, oldest first.
        weights: what grades weigh where that is not the detector's own number.
        prior: probability of a driven device before any evidence.
        detectors: those of the assessment.
        knowledge: names of products, to tell new ones from those a dismissal knew; the shipped ones without it.
        devices: only these; all of them without.

    Returns:
        By device, sorted. Devices that nothing was found on and nobody decided about are left out.

    Raises:
        AssessmentError: a stored finding is damaged.
    """
    history = _History.of(decisions)
    named = None if devices is None else set(devices)
    found: dict[str, list[Finding]] = defaultdict(list)
    for device, document in zip(hits.column("device_id").to_pylist(), hits.column("document").to_pylist(), strict=True):
        if named is None or device in named:
            found[device].append(_parsed(document))
    wanted = {one for one in found.keys() | history.by_device.keys() if named is None or one in named}
    absent = history.by_device.keys() & wanted
    names = _Names(knowledge) if any(one.state == "dismissed" and one.covers for one in decisions) else None
    scale = _Scale(detectors, weights, prior)
    standing = {}
    for device, ts, farm_id, unseen in zip(
        *(verdicts.column(name).to_pylist() for name in ("device_id", "ts", "farm_id", "not_looked_at")), strict=True
    ):
        absent.discard(device)
        if device in wanted:
            held = history.held(device, ts)
            told = [weights.applied(one) for one in found.get(device, ())]
            standing[device] = _standing(_Device(device, farm_id, unseen, told), held, scale, names)
    blind = ",".join(one.id for one in detectors)
    for device in absent:
        held = history.held(device, _AT_LAST)
        if named is not None or any(one.confirmed for one in held.values()):
            nothing = _Device(device, None, blind, [])
            standing[device] = replace(_standing(nothing, held, scale, names), assessed=False)
    return dict(sorted(standing.items()))


def covered(findings: Iterable[Finding], knowledge: Knowledge | None = None) -> tuple[Covered, ...]:
    """What a dismissal explains that is made now: the kinds of these findings, with the products they name."""
    named = _Names(knowledge)
    kinds: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for finding in findings:
        kinds[_kind(finding)] |= named.of(finding)
    return tuple(Covered(*kind, tuple(sorted(names))) for kind, names in sorted(kinds.items()))


def _parsed(document: str) -> Finding:
    try:
        return finding_of(json.loads(document))
    except (ValueError, KeyError, TypeError) as error:
        raise AssessmentError(
            f"a finding in the store cannot be read ({error}); run 'farmwatch assess' again for that time"
        ) from error


def _kind(finding: Finding) -> tuple[str, str, str]:
    return finding.detector, finding.grade, finding.group or finding.detector


# --- what people decided ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Held:
    """What holds of a claim: decisions about the whole of it since it was last opened, and suppressions."""

    confirmed: Decision | None = None
    dismissals: list[Decision] = field(default_factory=list)
    suppressions: dict[tuple[str | None, ...], Decision] = field(default_factory=dict)

    def take(self, decision: Decision) -> None:
        """One more decision, later than those before."""
        scope = (decision.detector, decision.grade, decision.cause, decision.about)
        if decision.scoped:
            self.suppressions.pop(scope, None)
            if decision.state == "dismissed":
                self.suppressions[scope] = decision
        elif decision.state == "dismissed":
            self.confirmed = None
            self.dismissals.append(decision)
        elif decision.state == "confirmed":
            self.confirmed, self.dismissals = decision, []
        elif decision.state == "open":
            self.confirmed, self.dismissals, self.suppressions = None, [], {}

    def at(self, ts: datetime) -> _Held:
        """Without what has run out by then."""
        return _Held(
            self.confirmed,
            [one for one in self.dismissals if _lasts(one, ts)],
            {scope: one for scope, one in self.suppressions.items() if _lasts(one, ts)},
        )

    @property
    def last(self) -> Decision | None:
        """The newest that holds."""
        given = [*self.dismissals, *self.suppressions.values(), *([self.confirmed] if self.confirmed else [])]
        return max(given, key=lambda one: (one.id, one.ts), default=None)


def _lasts(decision: Decision, ts: datetime) -> bool:
    if decision.until is None:
        return True
    end = datetime.fromisoformat(decision.until)
    return ts < (end if end.tzinfo else end.replace(tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class _History:
    """All decisions, by device and claim."""

    by_device: Mapping[str, Mapping[Claim, _Held]]
    everywhere: Mapping[Claim, _Held]

    @classmethod
    def of(cls, decisions: Sequence[Decision]) -> _History:
        """Decisions in their order."""
        by_device: dict[str, dict[Claim, _Held]] = defaultdict(dict)
        for one in decisions:
            by_device[one.device_id].setdefault(one.claim, _Held()).take(one)
        return cls(by_device, by_device.pop(EVERY_DEVICE, {}))

    def held(self, device: str, ts: datetime) -> dict[Claim, _Held]:
        """What holds of a device at a time, by claim; claims that nobody decided about are left out."""
        found = {claim: held.at(ts) for claim, held in self.by_device.get(device, {}).items()}
        for claim, held in self.everywhere.items():
            own = found.setdefault(claim, _Held())
            own.suppressions = {**held.at(ts).suppressions, **own.suppressions}
        return found


# --- weighing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Device:
    """What an assessment found on one device, with the weights that hold now."""

    device_id: str
    farm_id: str | None
    unseen: str  #: ids of detectors that had nothing to look at, comma separated
    findings: list[Finding]


class _Scale:
    """Weighs findings beside the answers of detectors that found nothing, which many devices have in common."""

    def __init__(self, detectors: Sequence[FleetDetector], weights: Weights, prior: float) -> None:
        self._detectors = tuple(detectors)
        self._calibrations = weights.calibrations
        self._prior = prior
        self._silent = lru_cache(maxsize=4096)(self._answers)
        self._nothing = lru_cache(maxsize=4096)(self._without_findings)

    def _answers(self, unseen: str, claim: Claim) -> list[Finding]:
        blind = set(unseen.split(","))
        every = (answer for one in self._detectors for answer in silences(one, blind=one.id in blind))
        return [one for one in every if one.claim is claim]

    def _without_findings(self, unseen: str, claim: Claim) -> ClaimAssessment:
        return assess_claim(claim, self._silent(unseen, claim), self._prior, self._calibrations.get(claim))

    def claim(self, claim: Claim, findings: Sequence[Finding], unseen: str) -> ClaimAssessment:
        """One claim, weighed from a device's findings and the silence of the detectors that could look at it."""
        own = [one for one in findings if one.claim is claim]
        if not own:
            return self._nothing(unseen, claim)
        spoke = {one.detector for one in own}
        silent = (one for one in self._silent(unseen, claim) if one.detector not in spoke)
        return assess_claim(claim, [*own, *silent], self._prior, self._calibrations.get(claim))

    def device(self, findings: Sequence[Finding], unseen: str) -> Assessment:
        """All three claims."""
        return abroad_of_driven(Assessment(**{str(claim): self.claim(claim, findings, unseen) for claim in Claim}))


def _standing(device: _Device, held: Mapping[Claim, _Held], scale: _Scale, names: _Names | None) -> Standing:
    kept: list[Finding] = []
    suppressed: list[tuple[Finding, Decision]] = []
    dismissed: list[tuple[Finding, Decision]] = []
    first = {(one.detector, ASIDE + one.grade): one for one in device.findings if one.claim is Claim.ABROAD}
    for finding in device.findings:
        stands = True
        for one in (finding, first.get((finding.detector, finding.grade))):  # what explains a journey explains both
            holds = held.get(one.claim) if one is not None and stands else None
            if one is None or holds is None:
                continue
            if (by := _suppressed(one, holds)) is not None:
                suppressed.append((finding, by))
                stands = False
            elif (by := _dismissed(one, holds, device.farm_id, names)) is not None:
                dismissed.append((finding, by))
                stands = False
        if stands:
            kept.append(finding)
    assessment = scale.device(kept, device.unseen)
    new = _new(device, kept, dismissed, assessment, held, scale)
    if new:  # of these claims the dismissal explains nothing any more
        again = {one.claim for one in new}
        back = [
            finding
            for finding, _ in dismissed
            if first.get((finding.detector, finding.grade), finding).claim in again or finding.claim in again
        ]
        kept += back
        dismissed = [pair for pair in dismissed if pair[0] not in back]
        assessment = scale.device(kept, device.unseen)
    suppressed += dismissed
    used = [by for _, by in suppressed]
    last = [one.last for one in held.values()]
    shown = {
        one.id or id(one): one
        for one in [*last, *used]
        if one is not None and (one.device_id != EVERY_DEVICE or one in used)
    }
    return Standing(
        device_id=device.device_id,
        assessment=assessment,
        findings=tuple(sorted(kept, key=_heaviest)),
        suppressed=tuple(sorted(suppressed, key=lambda pair: _heaviest(pair[0]))),
        decisions=tuple(sorted(shown.values(), key=lambda one: (list(Claim).index(one.claim), one.id, one.ts))),
        farm_id=device.farm_id,
        not_looked_at=tuple(part for part in device.unseen.split(",") if part),
        states={
            claim: _state(claim, getattr(assessment, str(claim)), device, new, held.get(claim), scale)
            for claim in Claim
        },
        new=tuple(sorted(new, key=_heaviest)),
    )


def _new(
    device: _Device,
    kept: Sequence[Finding],
    dismissed: Sequence[tuple[Finding, Decision]],
    left: Assessment,
    held: Mapping[Claim, _Held],
    scale: _Scale,
) -> list[Finding]:
    """What opens dismissed claims again: more than a nudge, where all evidence together asks for a person.

    Args:
        device: The device.
        kept: What no decision explains.
        dismissed: What dismissals explain.
        left: What the first weighs.
        held: What people decided.
        scale: Weighs.
    """
    found: list[Finding] = []
    for claim, holds in held.items():
        new = [one for one in kept if one.claim is claim and _speaks(one)]
        if not holds.dismissals or not new:
            continue
        alone: ClaimAssessment = getattr(left, str(claim))
        weight = sum(one.decibans for one in alone.weights if one.counted and one.decibans > 0)
        if weight < FAMILY_SHARE_DECIBANS and not any(one.weight_source is WeightSource.DECLARED for one in new):
            continue
        if asks(alone) or asks(scale.claim(claim, [*kept, *(one for one, _ in dismissed)], device.unseen)):
            found += new
    return found


def _heaviest(finding: Finding) -> tuple[Any, ...]:
    return -abs(finding.decibans), finding.detector, finding.claim, finding.summary


def _suppressed(finding: Finding, held: _Held) -> Decision | None:
    """The suppression that explains a finding."""
    return next((one for one in held.suppressions.values() if fits(one, finding)), None)


def _dismissed(finding: Finding, held: _Held, farm_id: str | None, names: _Names | None) -> Decision | None:
    """The dismissal that knew of a finding; what speaks against a claim needs no explanation."""
    if not _speaks(finding):
        return None
    for one in reversed(held.dismissals):
        if finding.detector.startswith(_FARM_DETECTORS) and one.farm_id != farm_id:
            continue
        for kind in one.covers:
            if (kind.detector, kind.grade, kind.cause) == _kind(finding) and (
                names is None or names.of(finding) <= set(kind.names)
            ):
                return one
    return None


def fits(decision: Decision, finding: Finding) -> bool:
    """Whether a suppression is about a finding."""
    return (
        decision.detector in (None, finding.detector)
        and decision.grade in (None, finding.grade)
        and decision.cause in (None, finding.group or finding.detector)
        and (decision.about is None or decision.about.casefold() in f"{finding.summary}\n{finding.observed}".casefold())
    )


def _state(
    claim: Claim,
    assessed: ClaimAssessment,
    device: _Device,
    new: Sequence[Finding],
    held: _Held | None,
    scale: _Scale,
) -> CaseState:
    """What became of a claim."""
    if held is not None and held.confirmed is not None:
        return CaseState.CONFIRMED
    if any(one.claim is claim for one in new):
        return CaseState.NEW_EVIDENCE
    if held is not None and held.dismissals:
        return CaseState.DISMISSED
    if asks(assessed):
        return CaseState.OPEN
    if held is not None and held.suppressions and asks(scale.claim(claim, device.findings, device.unseen)):
        return CaseState.DISMISSED
    return CaseState.QUIET


def _speaks(finding: Finding) -> bool:
    return finding.decibans > 0 or finding.weight_source is WeightSource.DECLARED


# --- products --------------------------------------------------------------------------------------------------------


class _Names:
    """Which products a finding's sentences name."""

    def __init__(self, knowledge: Knowledge | None) -> None:
        self._ids = _product_ids() if knowledge is None else _ids_of(knowledge)
        found = sorted(self._ids, key=len, reverse=True)
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, found))})(?!\w)") if found else None

    def of(self, finding: Finding) -> set[str]:
        """Ids of the products named."""
        text = f"{finding.summary}\n{finding.observed}".casefold()
        return {self._ids[name] for name in self._pattern.findall(text)} if self._pattern else set()


def _ids_of(knowledge: Knowledge) -> dict[str, str]:
    """Ids of products by their names, lower case."""
    return {
        name.casefold(): entry.id
        for entry in sorted(knowledge.complete.values(), key=lambda one: one.id, reverse=True)
        for name in (*entry.aliases, entry.id, entry.name)
        if len(name) >= _LEAST_NAME
    }


@cache
def _product_ids() -> dict[str, str]:
    return _ids_of(load_knowledge())
