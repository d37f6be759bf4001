"""All detectors over a fleet, their answers weighed: a verdict for every device, with the cost of its rows only.

Most devices have no hit. They share an answer with all devices that the same detectors could look at, so it is worked
out once per such pattern; only devices with hits are weighed one by one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from farmwatch.analysis.fleet.captured import captured_hits
from farmwatch.analysis.fleet.contract import FleetDetector
from farmwatch.analysis.fleet.facts import DeviceFacts, device_facts
from farmwatch.analysis.fleet.farms import FleetFarm, find_farms
from farmwatch.analysis.fleet.fleet import Fleet, Window
from farmwatch.analysis.fleet.weights import NO_WEIGHTS, Weights
from farmwatch.analysis.scoring import abroad_of_driven, assess_device
from farmwatch.records import Assessment, Coverage, Finding, Outcome, Record, RosterEntry

__all__ = ["FARM_DEVICES", "FLEET_PRIOR", "Judged", "judge", "silences", "weigh_device"]

FARM_DEVICES = 7  #: computers of one site: 6.5 to 9 in the raids that were told (docs/evidence.md); as many fewer farms
FLEET_PRIOR = 1e-4  #: of company laptops remotely driven by somebody else (docs/evidence.md, M9)


@dataclass(slots=True)
class Judged:
    """What an assessment concluded."""

    window: Window
    devices: list[str]
    hits: dict[str, list[Finding]]  #: devices with any, in the detectors' order
    unseen: NDArray[np.bool_]  #: devices by detectors: it had nothing to look at
    detectors: tuple[FleetDetector, ...]
    coverage: tuple[Coverage, ...]
    prior: float
    weights: Weights
    rows: int  #: of telemetry in the window
    scanned: frozenset[str] = frozenset()  #: devices that captures or sensor logs showed too
    farms: tuple[FleetFarm, ...] = ()
    notes: tuple[str, ...] = ()
    facts: Mapping[str, DeviceFacts] = field(default_factory=dict)  #: of devices with hits
    _shared: dict[bytes, Assessment] = field(default_factory=dict)

    def assessment(self, number: int) -> Assessment:
        """The verdict about a device, by its place in ``devices``."""
        own = self.hits.get(self.devices[number], [])
        if own:
            return weigh_device(own, self._silent(number, own), self.prior, self.weights)
        key = self.unseen[number].tobytes()
        if key not in self._shared:
            self._shared[key] = weigh_device([], self._silent(number, ()), self.prior, self.weights)
        return self._shared[key]

    def not_looked_at(self, number: int) -> tuple[str, ...]:
        """Ids of the detectors that had nothing to look at on a device."""
        return tuple(one.id for one, blind in zip(self.detectors, self.unseen[number], strict=True) if blind)

    def _silent(self, number: int, own: Sequence[Finding]) -> list[Finding]:
        """Answers of the detectors that found nothing on a device."""
        spoke = {(finding.detector, finding.claim) for finding in own}
        return [
            answer
            for detector, blind in zip(self.detectors, self.unseen[number], strict=True)
            for answer in silences(detector, blind=bool(blind))
            if (answer.detector, answer.claim) not in spoke
        ]


def weigh_device(hits: Sequence[Finding], silent: Sequence[Finding], prior: float, weights: Weights) -> Assessment:
    """The verdict about one device.

    Args:
        hits: what was found on it.
        silent: clear and no-data answers of the other detectors; they weigh nothing and say how much was looked at.
        prior: probability of a driven device before any evidence.
        weights: what a grade weighs where that is not the detector's own number.
    """
    weighed = [*(weights.applied(finding) for finding in hits), *silent]
    return abroad_of_driven(assess_device(weighed, prior, weights.calibrations))


@cache
def silences(detector: FleetDetector, *, blind: bool) -> tuple[Finding, ...]:
    """A detector's answer where it found nothing, for each claim it may speak of."""
    return tuple(
        Finding(
            detector=detector.id,
            family=detector.family,
            claim=claim,
            outcome=Outcome.NO_DATA if blind else Outcome.CLEAR,
            decibans=0.0,
            summary="nothing to look at" if blind else detector.when_clear,
            benign=detector.benign,
            group=detector.group,
        )
        for claim in dict.fromkeys(grade.claim for grade in detector.grades.values() if not grade.aside)
    )


def judge(
    fleet: Fleet,
    detectors: Sequence[FleetDetector],
    *,
    weights: Weights = NO_WEIGHTS,
    prior: float = FLEET_PRIOR,
    known: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> Judged:
    """Run detectors over a fleet, tie devices into farms, and weigh.

    Args:
        fleet: what to judge.
        detectors: in the order of the report.
        weights: what grades weigh where that is not the detector's own number.
        prior: probability of a driven device before any evidence.
        known: farms of the assessment before with their members, so that they keep their ids.

    Raises:
        AssessmentError: the telemetry cannot be read.
    """
    devices = fleet.devices
    at = {device: number for number, device in enumerate(devices)}
    hits: dict[str, list[Finding]] = defaultdict(list)
    against: dict[str, list[Finding]] = defaultdict(list)  # told only where something speaks for the claim
    missing = _missing(fleet, at, detectors)
    unseen = np.zeros((len(devices), len(detectors)), np.bool_)
    coverage = []
    for column, detector in enumerate(detectors):
        found = [hit for hit in detector.examine(fleet) if hit.device_id in at]
        hit_on = np.zeros(len(devices), np.bool_)
        for hit in found:
            for finding in detector.findings(hit):
                (hits if finding.decibans >= 0 else against)[hit.device_id].append(finding)
                hit_on[at[hit.device_id]] |= finding.decibans >= 0
        reasons: Counter[str] = Counter()
        for record in detector.needs:
            lacking = missing[record] & ~unseen[:, column] & ~hit_on
            reasons[f"no rows in {record.table}"] += int(lacking.sum())
            unseen[:, column] |= lacking
        for device, reason in detector.blind(fleet).items():
            if device in at and not unseen[at[device], column] and not hit_on[at[device]]:
                unseen[at[device], column] = True
                reasons[reason] += 1
        looked = len(devices) - int(unseen[:, column].sum())
        coverage.append(
            Coverage(detector.id, detector.topic, looked, int(hit_on.sum()), dict(sorted((+reasons).items())))
        )
    scanned = captured_hits(fleet)
    for device, found_there in scanned.items():
        hits[device] += found_there
    for device in hits.keys() & against.keys():
        hits[device] += against[device] if hits[device] else ()
    coverage.append(Coverage("captures", "captures and sensor logs", len(scanned), sum(map(bool, scanned.values())),
                             {"no capture of it": len(devices) - len(scanned)}))  # fmt: skip
    judged = Judged(
        window=fleet.window, devices=devices, hits={device: hits[device] for device in sorted(hits) if hits[device]},
        unseen=unseen, scanned=frozenset(scanned), detectors=tuple(detectors),
        coverage=tuple(coverage), prior=prior, weights=weights,
        notes=fleet.geo.notes(fleet.window.until) if fleet.geo is not None else (),
        rows=fleet.arrow("SELECT coalesce(sum(n), 0)::BIGINT AS n FROM presence").column(0)[0].as_py(),
    )  # fmt: skip
    judged.farms = find_farms(fleet, judged.hits, prior=prior / FARM_DEVICES, weights=weights, known=known)
    for farm in judged.farms:
        for device, added in farm.findings.items():
            judged.hits.setdefault(device, []).extend(added)
    judged.hits = dict(sorted(judged.hits.items()))
    judged.facts = device_facts(fleet, list(judged.hits))
    return judged


def _missing(
    fleet: Fleet, at: Mapping[str, int], detectors: Iterable[FleetDetector]
) -> dict[type[Record], NDArray[np.bool_]]:
    """By table: devices without any row of it in the window (in the roster: at any time)."""
    found: dict[type[Record], NDArray[np.bool_]] = {}
    for record in {record for detector in detectors for record in detector.needs}:
        present = (
            fleet.arrow("SELECT device_id FROM owners")
            if record is RosterEntry
            else fleet.arrow("SELECT device_id FROM presence WHERE name = $name", name=record.table)
        )
        lacking = np.ones(len(at), np.bool_)
        lacking[[at[device] for device in present.column(0).to_pylist() if device in at]] = False
        found[record] = lacking
    return found
