"""Labelled fleets as arrays: which devices are driven or in a farm, what was found on them, what could look at them.

Scores are summed as :mod:`farmwatch.analysis.scoring` sums them: capped, and of one cause only the strongest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from farmwatch.analysis.fleet.findings import finding_of
from farmwatch.analysis.fleet.weights import GradeKey
from farmwatch.analysis.scoring import CAPS_DECIBANS, WIDEST_CAP_DECIBANS
from farmwatch.records import Claim, Finding, WeightSource

__all__ = ["Evidence", "Label", "LabelledFleet", "Split", "evidence_of", "folds_of"]

_FARM_DETECTORS = "farm."


class Split(StrEnum):
    """What is never divided between measuring and judging."""

    FLEET = "fleet"  #: and so no farm and no setup of one fleet
    FARM = "farm"
    SETUP = "setup"  #: judged by means of driving that nothing was measured on


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of one device."""

    driven: bool | None  #: None: not known
    farm_id: str | None = None
    setup: str | None = None  #: by what means it is driven
    farm_known: bool = True  #: whether it is known to be in that farm or, without one, in none

    def of(self, claim: Claim) -> bool | None:
        """Whether a claim is true: *farm* that it is in one, the others that it is driven; None where nobody knows."""
        if claim is not Claim.FARM:
            return self.driven
        return self.farm_id is not None if self.farm_known else None


@dataclass(frozen=True, slots=True)
class LabelledFleet:
    """One assessment of a fleet with what is known of its devices."""

    name: str
    run: Mapping[str, Any]  #: columns of :class:`~farmwatch.records.FleetRun`
    verdicts: pa.Table
    hits: pa.Table
    labels: Mapping[str, Label]


@dataclass(frozen=True)
class Evidence:
    """The labelled devices of all fleets and the findings that speak about one claim.

    Arrays named ``row_…`` have a value for each finding, the others one for each device.
    """

    labels: NDArray[np.bool_]
    units: tuple[str, ...]  #: devices of one are never split
    keys: tuple[GradeKey, ...]
    groups: tuple[str, ...]
    families: tuple[str, ...]  #: of each key
    own: NDArray[np.float64]  #: of each key: decibans the detector gives it
    caps: NDArray[np.float64]  #: of each key
    fixed: NDArray[np.bool_]  #: of each key: a rule, or from a capture: not for measuring
    row_device: NDArray[np.int64]
    row_key: NDArray[np.int64]
    row_group: NDArray[np.int64]
    patterns: tuple[frozenset[str], ...]  #: sets of detectors that had nothing to look at
    pattern: NDArray[np.int64]  #: which of them

    @property
    def devices(self) -> int:
        """How many devices."""
        return len(self.labels)

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Findings by device."""
        return np.argsort(self.row_device, kind="stable")

    def looked(self, key: int) -> NDArray[np.bool_]:
        """Which devices the detector of a grade could look at."""
        blind = np.array([self.keys[key][0] in one for one in self.patterns], np.bool_)
        return ~blind[self.pattern] if len(blind) else np.ones(self.devices, np.bool_)

    def counted(self, decibans: NDArray[np.float64], merged: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which findings count: the strongest of each cause on each device.

        Args:
            decibans: of each key.
            merged: of each group, the group it belongs to.
        """
        weight = np.abs(decibans[self.row_key])
        group = merged[self.row_group] if len(merged) else self.row_group
        order = np.lexsort((self.row_key, -weight, group, self.row_device))
        first = np.ones(len(order), np.bool_)
        first[1:] = (np.diff(self.row_device[order]) != 0) | (np.diff(group[order]) != 0)
        counted = np.zeros(len(order), np.bool_)
        counted[order] = first
        return counted

    def scores(self, decibans: NDArray[np.float64], merged: NDArray[np.int64]) -> NDArray[np.float64]:
        """Summed decibans of every device."""
        kept = self.counted(decibans, merged)
        weights = decibans[self.row_key[kept]]
        return np.bincount(self.row_device[kept], weights=weights, minlength=self.devices).astype(np.float64)


def evidence_of(
    fleets: Sequence[LabelledFleet], claim: Claim, measurable: frozenset[str], split: Split = Split.FARM
) -> Evidence:
    """What labelled fleets say about one claim; devices of which nobody knows whether it is true are left out.

    Args:
        fleets: the labelled assessments.
        claim: which claim.
        measurable: ids of detectors that say of which devices they had nothing to look at.
        split: what is never divided.
    """
    labels: list[bool] = []
    units: list[str] = []
    keys: dict[GradeKey, int] = {}
    told: list[Finding] = []
    groups: dict[str, int] = {}
    patterns: dict[str, int] = {}
    pattern: list[int] = []
    rows: list[tuple[int, int, int]] = []
    for fleet in fleets:
        place: dict[str, int] = {}
        for device, unseen in zip(*_columns(fleet.verdicts, "device_id", "not_looked_at"), strict=True):
            label = fleet.labels.get(device)
            true = label.of(claim) if label is not None else None
            if label is None or true is None:
                continue
            place[device] = len(labels)
            labels.append(true)
            units.append(_unit(fleet.name, device, label, split))
            pattern.append(patterns.setdefault(unseen, len(patterns)))
        for device, spoken, document in zip(*_columns(fleet.hits, "device_id", "claim", "document"), strict=True):
            if spoken == claim and device in place:
                finding = finding_of(json.loads(document))
                key = keys.setdefault((finding.detector, finding.grade), len(keys))
                if key == len(told):
                    told.append(finding)
                group = groups.setdefault(finding.group or finding.detector, len(groups))
                rows.append((place[device], key, group))
    listed = np.array(rows, np.int64).reshape(-1, 3)
    caps = np.array([_cap(one) for one in told], np.float64)
    return Evidence(
        labels=np.array(labels, np.bool_),
        units=tuple(units),
        keys=tuple(keys),
        groups=tuple(groups),
        families=tuple(str(one.family) for one in told),
        own=np.clip(np.array([one.decibans for one in told], np.float64), -caps, caps),
        caps=caps,
        fixed=np.array([_fixed(one, measurable) for one in told], np.bool_),
        row_device=listed[:, 0].copy(),
        row_key=listed[:, 1].copy(),
        row_group=listed[:, 2].copy(),
        patterns=tuple(frozenset(text.split(",")) for text in patterns),
        pattern=np.array(pattern, np.int64),
    )


def _unit(fleet: str, device: str, label: Label, split: Split) -> str:
    """What a device is never divided from."""
    if split is Split.FLEET:
        return f"fleet {fleet}"
    if split is Split.SETUP and label.setup:
        return f"setup {label.setup}"
    return f"farm {fleet} {label.farm_id}" if label.farm_id else f"device {fleet} {device}"


def _columns(rows: pa.Table, *names: str) -> list[list[Any]]:
    return [rows.column(name).to_pylist() for name in names]


def _cap(finding: Finding) -> float:
    named = finding.cap_decibans
    return CAPS_DECIBANS[finding.family] if named is None else min(abs(named), WIDEST_CAP_DECIBANS)


def _fixed(finding: Finding, measurable: frozenset[str]) -> bool:
    known = finding.detector in measurable or finding.detector.startswith(_FARM_DETECTORS)
    return finding.conclusive or finding.weight_source is WeightSource.DECLARED or not known


def folds_of(evidence: Evidence, most: int = 5) -> NDArray[np.int64]:
    """A fold for every device, so that no unit is split: positive units by size in turn, the others by their names.

    Returns:
        Numbers from 0; fewer than ``most`` where there are not as many positive units.
    """
    unit, place = np.unique(np.array(evidence.units, dtype=np.str_), return_inverse=True)
    size = np.bincount(place, weights=evidence.labels, minlength=len(unit))
    positive = sorted(np.flatnonzero(size).tolist(), key=lambda one: (-size[one], _draw(str(unit[one]))))
    others = sorted(np.flatnonzero(size == 0).tolist(), key=lambda one: _draw(str(unit[one])))
    folds = max(1, min(most, len(positive)))
    of_unit = np.zeros(len(unit), np.int64)
    for turn in (positive, others):
        of_unit[turn] = np.arange(len(turn)) % folds
    return of_unit[place]


def _draw(name: str) -> bytes:
    """A place in an order that has nothing to do with names."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
