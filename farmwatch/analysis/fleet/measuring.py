"""Weights measured on labelled fleets: what each grade is worth, what their sums are worth, and how well that holds.

Method (docs/evidence.md, M6):

* A grade's weight is 10·log10 of how much oftener it counts on devices that are driven than on others, each share with
  half a device added either way (Laplace). It counts where it is the strongest of its cause, as in a verdict. The
  weight is 0 where fewer than :data:`LEAST_BENIGN_LOOKED_AT` benign devices were looked at (unless asked to keep the
  detector's), where no example supports
  its sign, and where its 90 % interval holds 0; it never changes the sign the detector gave it (a sign of remote
  control does not become an alibi), and stays within the cap of its family. Records that state the fact outright and
  limits that the company declared are rules, and keep their weight.
* Causes that nearly always come together on benign devices are one cause: they would count twice.
* What sums are worth (Platt, isotonic above a thousand positives) is fitted to scores of devices that the weights were
  not measured on, and judged on devices that neither was fitted to. Fleets, farms and setups are never split.
* Fleets of a laboratory have another prevalence than the field: it is taken out, so that the field's prior is added.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC
from typing import Any

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.fleet.calibration import (
    ISOTONIC_POSITIVES,
    benjamini_hochberg,
    fit_isotonic,
    fit_platt,
    p_values,
    ppv,
    probabilities,
    reliability,
    upper_bound,
)
from farmwatch.analysis.fleet.contract import FleetDetector
from farmwatch.analysis.fleet.labelled import Evidence, LabelledFleet, Split, evidence_of, folds_of
from farmwatch.analysis.fleet.weights import BenignScores, GradeKey, Weights
from farmwatch.analysis.scoring import REVIEW_PROBABILITY, STRONG_PROBABILITY, Calibration
from farmwatch.errors import AssessmentError
from farmwatch.records import Claim

__all__ = [
    "LEAST_BENIGN",
    "LEAST_BENIGN_LOOKED_AT",
    "LEAST_DRIVEN",
    "LEAST_UNITS",
    "MeasuredGrade",
    "measure",
]

LEAST_DRIVEN = 20  #: ten positives for each of Platt's two parameters (Peduzzi et al. 1996)
LEAST_UNITS = 3  #: farms, setups or fleets with positives: one to measure, one to fit, one to judge
LEAST_BENIGN = 300  #: no false alarm among so many bounds their rate at 1 in 100
LEAST_BENIGN_LOOKED_AT = 30  #: of one grade
PREVALENCES = (1e-3, 1e-4, 1e-5)
FALSE_SHARE = 0.1  #: of devices to follow up, for the Benjamini-Hochberg rule
_ROUNDS = 8  # of finding out which grade of a cause is the strongest
_FEW = f"fewer than {LEAST_BENIGN_LOOKED_AT} benign devices were looked at"
_Z = 1.6449  # 90 % interval
_TOGETHER = 0.8  # correlation on benign devices from which two causes are one: judged
_LEAST_TOGETHER = 5  # benign devices with both
_DIGITS = 3

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MeasuredGrade:
    """One grade of a detector in the labelled devices."""

    detector: str
    grade: str
    claim: str
    own: float  #: decibans the detector gives it
    decibans: float | None  #: measured; None where it keeps the detector's
    low: float  #: 90 % interval
    high: float
    driven: tuple[int, int]  #: on how many it counted, of how many that were looked at
    benign: tuple[int, int]
    note: str  #: why it is not what the counts say


@dataclass(frozen=True, slots=True)
class _Fitted:
    """Weights of the grades of one claim, from some of the devices."""

    decibans: Floats  #: of each key, with the detector's own where nothing was measured
    merged: Ints  #: of each group, the group it belongs to
    grades: tuple[MeasuredGrade, ...]


def measure(
    fleets: Sequence[LabelledFleet],
    detectors: Sequence[FleetDetector],
    *,
    source: str,
    notes: Sequence[str] = (),
    split: Split | None = None,
    keep_unmeasured: bool = False,
) -> Weights:
    """Weights, what their sums are worth, and a card that says how well they hold.

    Args:
        fleets: labelled assessments.
        detectors: those of the assessments.
        source: what the labels are, in words.
        notes: limits of the labels that a reader must know.
        split: what is never divided between measuring and judging; without it fleets where there are three, else farms.
        keep_unmeasured: let grades with too few benign examples keep the detector's weight instead of 0.

    Raises:
        AssessmentError: there is too little to measure anything; the message has the numbers.
    """
    measurable = frozenset(one.id for one in detectors)
    split = split or (Split.FLEET if len(fleets) >= LEAST_UNITS else Split.FARM)
    decibans: dict[GradeKey, float] = {}
    reasons: dict[GradeKey, str] = {}
    causes: dict[GradeKey, str] = {}
    calibrations: dict[Claim, Calibration] = {}
    benign: dict[Claim, BenignScores] = {}
    judged: dict[str, Any] = {}
    grades: list[MeasuredGrade] = []
    refused = []
    date = max((fleet.run["ts"] for fleet in fleets), default=None)
    dated = "" if date is None else date.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    for claim in (Claim.DRIVEN, Claim.FARM):
        evidence = evidence_of(fleets, claim, measurable, split)
        lacking = _lacking(evidence, claim)
        if lacking:
            refused.append(lacking)
            continue
        fitted = _fit(evidence, claim, np.ones(evidence.devices, np.bool_), keep_unmeasured=keep_unmeasured)
        scores, worth, judged[str(claim)] = _held_out(evidence, claim, keep_unmeasured=keep_unmeasured)
        calibrations[claim] = replace(worth, reason=f"measured on {source}, {dated}")
        benign[claim] = _benign_scores(scores[~evidence.labels])
        grades += fitted.grades
        for one in fitted.grades:
            if one.decibans is not None:
                key = (one.detector, one.grade)
                decibans[key] = one.decibans
                reasons[key] = _reason(one, dated)
        causes |= _causes(evidence, fitted)
    if not calibrations:
        raise AssessmentError("too little to calibrate: " + "; ".join(refused))
    card = {
        "source": source,
        "date": dated,
        "split": str(split),
        "fleets": [_fleet(fleet) for fleet in fleets],
        "claims": judged,
        "grades": [asdict(one) for one in grades],
        "limits": [*notes, *refused, *_limits(fleets, split), *_unmeasured(grades)],
    }
    return Weights(
        decibans=decibans,
        reason=f"measured on {source}, {dated}",
        reasons=reasons,
        causes=causes,
        calibrations=calibrations,
        benign=benign,
        card=json.loads(json.dumps(card)),
    )


def _lacking(evidence: Evidence, claim: Claim) -> str:
    """What there is too little of to calibrate a claim; '' where there is enough."""
    positive = int(evidence.labels.sum())
    benign = evidence.devices - positive
    units = len({unit for unit, label in zip(evidence.units, evidence.labels, strict=True) if label})
    what = "devices in farms" if claim is Claim.FARM else "driven devices"
    if positive >= LEAST_DRIVEN and units >= LEAST_UNITS and benign >= LEAST_BENIGN:
        return "" if evidence.keys else f"{claim}: nothing was found that speaks for or against it"
    return (
        f"{claim}: {positive} {what} in {units} farms, setups or fleets, and {benign} others; needed are "
        f"{LEAST_DRIVEN} in {LEAST_UNITS}, and {LEAST_BENIGN}"
    )


# --- weights ---------------------------------------------------------------------------------------------------------


def _fit(evidence: Evidence, claim: Claim, chosen: Bools, *, keep_unmeasured: bool) -> _Fitted:
    """Weights from the chosen devices; which grade of a cause is the strongest is settled in rounds."""
    merged = _merged(evidence, chosen)
    decibans = evidence.own.copy()
    order: list[int] = []
    grades: tuple[MeasuredGrade, ...] = ()
    for _ in range(_ROUNDS):
        counted = evidence.counted(decibans, merged) & chosen[evidence.row_device]
        grades = tuple(
            _grade(evidence, claim, chosen, counted, key, keep_unmeasured=keep_unmeasured)
            for key in range(len(evidence.keys))
        )
        measured = [
            own if one.decibans is None else one.decibans for own, one in zip(evidence.own, grades, strict=True)
        ]
        decibans = np.array(measured, np.float64)
        now = np.argsort(-np.abs(decibans), kind="stable").tolist()
        if now == order:
            break
        order = now
    return _Fitted(decibans, merged, grades)


def _grade(
    evidence: Evidence, claim: Claim, chosen: Bools, counted: Bools, key: int, *, keep_unmeasured: bool
) -> MeasuredGrade:
    """One grade counted and weighed."""
    detector, grade = evidence.keys[key]
    own, cap = float(evidence.own[key]), float(evidence.caps[key])
    looked = chosen & evidence.looked(key)
    rows = evidence.row_key == key
    devices = np.unique(evidence.row_device[counted & rows])
    if not len(devices):  # always beside a stronger one of its cause: so much as it weighs by itself
        devices = np.unique(evidence.row_device[rows & chosen[evidence.row_device]])
    positive = int(evidence.labels[devices].sum())
    hits = positive, len(devices) - positive
    of = int((looked & evidence.labels).sum()), int((looked & ~evidence.labels).sum())
    of = max(of[0], hits[0]), max(of[1], hits[1])
    ratio = _log_ratio(hits, of)
    spread = _Z * math.sqrt(sum(1 / (k + 0.5) - 1 / (n + 1) for k, n in zip(hits, of, strict=True)))
    scale = 10 / math.log(10)
    low, high = scale * (ratio - spread), scale * (ratio + spread)
    weight: float | None = max(-cap, min(cap, scale * ratio))
    note = ""
    if evidence.fixed[key]:
        weight, note = None, "keeps its own: a record that states the fact, a declared limit, or from captures"
    elif own < 0:
        weight, note = None, "keeps its own: told of devices alone on which something else was found"
    elif not sum(hits):
        weight, note = None, "keeps its own: no example"
    elif of[1] < LEAST_BENIGN_LOOKED_AT:
        weight, note = (None, f"keeps its own: {_FEW}") if keep_unmeasured else (0.0, f"0: {_FEW}")
    elif low <= 0 <= high:
        weight, note = 0.0, "0: the counts do not tell it from nothing"
    elif (ratio > 0 and not hits[0]) or (ratio < 0 and not hits[1]):
        weight, note = 0.0, "0: no example supports its sign"
    elif own * ratio < 0:
        weight, note = 0.0, "0: the counts speak the other way than the detector"
    return MeasuredGrade(
        detector, grade, str(claim), own, None if weight is None else round(weight, _DIGITS) + 0.0,
        round(low, _DIGITS), round(high, _DIGITS), (hits[0], of[0]), (hits[1], of[1]), note,
    )  # fmt: skip


def _log_ratio(hits: tuple[int, int], of: tuple[int, int]) -> float:
    """Logarithm of the likelihood ratio, half a device added either way."""
    driven, benign = ((k + 0.5) / (n + 1) for k, n in zip(hits, of, strict=True))
    return math.log(driven / benign)


def _merged(evidence: Evidence, chosen: Bools) -> Ints:
    """Of each cause the one it is counted with: causes that come together on benign devices are one."""
    count = len(evidence.groups)
    merged = np.arange(count)
    wanted = (chosen & ~evidence.labels)[evidence.row_device]
    pairs = np.unique(np.stack([evidence.row_device[wanted], evidence.row_group[wanted]], axis=1), axis=0)
    if count < 2 or not len(pairs):
        return merged
    total = int((chosen & ~evidence.labels).sum())
    alone = np.bincount(pairs[:, 1], minlength=count)
    for (first, second), both in sorted(_both(pairs, alone).items()):
        spread = math.sqrt(alone[first] * (total - alone[first]) * alone[second] * (total - alone[second]))
        if both >= _LEAST_TOGETHER and spread and (total * both - alone[first] * alone[second]) / spread >= _TOGETHER:
            merged[merged == merged[second]] = merged[first]
    return merged


def _both(pairs: Ints, alone: Ints) -> dict[tuple[int, int], int]:
    """On how many devices two causes come together, for those that come often enough."""
    found: dict[tuple[int, int], int] = {}
    frequent = pairs[alone[pairs[:, 1]] >= _LEAST_TOGETHER]
    if not len(frequent):
        return found
    starts = np.flatnonzero(np.r_[True, np.diff(frequent[:, 0]) != 0])
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(frequent)], strict=True):
        groups = frequent[start:end, 1].tolist()
        for place, first in enumerate(groups):
            for second in groups[place + 1 :]:
                found[first, second] = found.get((first, second), 0) + 1
    return found


def _causes(evidence: Evidence, fitted: _Fitted) -> dict[GradeKey, str]:
    """Grades whose cause is another's."""
    moved = fitted.merged[evidence.row_group] != evidence.row_group
    pairs = {
        (int(key), int(group)) for key, group in zip(evidence.row_key[moved], evidence.row_group[moved], strict=True)
    }
    return {evidence.keys[key]: evidence.groups[fitted.merged[group]] for key, group in sorted(pairs)}


# --- what sums are worth ---------------------------------------------------------------------------------------------


def _fit_worth(scores: Floats, labels: Bools) -> Calibration:
    """What sums are worth: a curve where there are positives enough, else a line."""
    fit = fit_isotonic if int(labels.sum()) >= ISOTONIC_POSITIVES else fit_platt
    found = fit(scores, labels)
    knots = [(round(score, _DIGITS), round(worth, _DIGITS)) for score, worth in found.knots]
    kept = tuple(knot for place, knot in enumerate(knots) if not place or knot[0] > knots[place - 1][0])
    return Calibration(round(found.slope, 4), round(found.offset, _DIGITS), knots=kept)


def _held_out(evidence: Evidence, claim: Claim, *, keep_unmeasured: bool) -> tuple[Floats, Calibration, dict[str, Any]]:
    """Scores of devices that the weights were not measured on, what they are worth, and how well that holds."""
    fold = folds_of(evidence)
    folds = int(fold.max()) + 1
    scores = np.zeros(evidence.devices)
    for number in range(folds):
        part = _fit(evidence, claim, fold != number, keep_unmeasured=keep_unmeasured)
        inside = fold == number
        scores[inside] = evidence.scores(part.decibans, part.merged)[inside]
    prevalence = float(evidence.labels.mean())
    predicted, values = np.zeros(evidence.devices), np.ones(evidence.devices)
    for number in range(folds):
        inside, others = fold == number, fold != number
        predicted[inside] = probabilities(
            scores[inside], _fit_worth(scores[others], evidence.labels[others]), prevalence
        )
        values[inside] = p_values(scores[inside], scores[others & ~evidence.labels])
    worth = _fit_worth(scores, evidence.labels)
    own = evidence.scores(evidence.own, np.arange(len(evidence.groups)))
    as_shipped = reliability(probabilities(own, Calibration(), prevalence), evidence.labels)
    return scores, worth, {
        "method": "isotonic" if worth.knots else "Platt",
        "slope": worth.slope,
        "offset": worth.offset,
        "driven": int(evidence.labels.sum()),
        "benign": int((~evidence.labels).sum()),
        "units": len(set(evidence.units)),
        "folds": folds,
        "prevalence": round(prevalence, 6),
        "reliability": _told(asdict(reliability(predicted, evidence.labels))),
        "own_weights": _told(asdict(as_shipped)),
        "thresholds": _thresholds(evidence.labels, _worths(scores, worth)),
        "follow_up": _follow_up(evidence.labels, values),
    }  # fmt: skip


def _worths(scores: Floats, worth: Calibration) -> Floats:
    """What every score is worth in decibans; devices without findings are left at 0, as in a verdict."""
    odds = probabilities(scores, worth, 0.5)
    return np.where(scores == 0, 0.0, 10 * np.log10(odds / (1 - odds)))


def _thresholds(labels: Bools, worths: Floats) -> list[dict[str, Any]]:
    """What the levels mean at stated prevalences: recall, false alarms, and the share of alarms that is right."""
    rows = []
    for prior in PREVALENCES:
        for name, probability in (("review", REVIEW_PROBABILITY), ("strong", STRONG_PROBABILITY)):
            least = 10 * math.log10(probability / (1 - probability)) - 10 * math.log10(prior / (1 - prior))
            alarms = worths >= least
            right, wrong = int((alarms & labels).sum()), int((alarms & ~labels).sum())
            benign = int((~labels).sum())
            recall, rate, bound = right / int(labels.sum()), wrong / benign, upper_bound(wrong, benign)
            rows.append(
                {
                    "prior": prior,
                    "level": name,
                    "decibans": round(least, 1),
                    "recall": _told(recall),
                    "false_alarms": [wrong, benign],
                    "false_alarm_rate_at_most": _told(bound),
                    "right": {
                        f"{one:g}": {
                            "measured": _told(ppv(recall, rate, one)),
                            "at_least": _told(ppv(recall, bound, one)),
                        }
                        for one in PREVALENCES
                    },
                }
            )
    return rows


def _follow_up(labels: Bools, values: Floats) -> dict[str, Any]:
    """Whom the Benjamini-Hochberg rule would follow up among the labelled devices."""
    chosen = benjamini_hochberg(values, FALSE_SHARE)
    return {
        "false_share_allowed": FALSE_SHARE,
        "devices": int(chosen.sum()),
        "false": int((chosen & ~labels).sum()),
        "of_driven": int((chosen & labels).sum()),
        "least_p_value": _told(float(values.min())),
    }


def _benign_scores(scores: Floats) -> BenignScores:
    """Held-out scores of benign devices, rounded up, so that no p-value is too small."""
    rounded = np.ceil(scores[scores > 0] * 10 - 1e-9) / 10
    distinct, count = np.unique(rounded, return_counts=True)
    listed = tuple((round(score, 1), devices) for score, devices in zip(distinct.tolist(), count.tolist(), strict=True))
    return BenignScores(len(scores), listed)


# --- the card --------------------------------------------------------------------------------------------------------


def _reason(one: MeasuredGrade, dated: str) -> str:
    return (
        f"measured up to {dated[:10]} on {one.driven[0]:,} of {one.driven[1]:,} "
        f"{'devices in farms' if one.claim == Claim.FARM else 'driven devices'} and {one.benign[0]:,} of "
        f"{one.benign[1]:,} others{f'; {one.note}' if one.note else ''}"
    )


def _fleet(fleet: LabelledFleet) -> dict[str, Any]:
    assessed = set(fleet.verdicts.column("device_id").to_pylist())
    known = [label for device, label in fleet.labels.items() if device in assessed]
    return {
        "name": fleet.name,
        "run_id": fleet.run["run_id"],
        "version": fleet.run["version"],
        "knowledge": fleet.run["knowledge"],
        "devices": len(assessed),
        "driven": sum(label.driven is True for label in known),
        "benign": sum(label.driven is False for label in known),
        "in_farms": sum(label.farm_id is not None for label in known),
        "unlabelled": len(assessed) - len(known),
        "not_assessed": len(fleet.labels) - len(known),
    }


def _limits(fleets: Sequence[LabelledFleet], split: Split) -> list[str]:
    limits = ["no claim that a device is abroad was calibrated: labels do not say it"]
    if split is not Split.FLEET:
        limits.append(
            f"judged on {split}s that nothing was measured on, but of the same "
            f"{'fleet' if len(fleets) == 1 else 'fleets'}: how well it holds in another company's was not tested"
        )
    return limits


def _unmeasured(grades: Sequence[MeasuredGrade]) -> list[str]:
    """Which grades weigh nothing because nothing could be said of them."""
    found = [f"{one.detector} {one.grade}" for one in grades if one.decibans == 0.0 and one.note.endswith(_FEW)]
    return [f"weigh 0 because {_FEW}: {', '.join(found)}"] if found else []


def _told(value: Any) -> Any:
    """Numbers to six significant digits, so that the card reads and repeats."""
    if isinstance(value, float):
        return float(f"{value:.6g}") + 0.0
    if isinstance(value, Mapping):
        return {key: _told(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_told(one) for one in value]
    return value
