"""Farms of a fleet: groups of devices tied by rare things they share, weighed, explained and named.

:mod:`~farmwatch.analysis.fleet.linking` says which devices belong together; here each group is looked at as a claim:
how many households are at one line, how far apart they are declared to be, what is plugged into or drives several of
them, what they do in the same minute, and what was found on the members themselves. What a group's devices show counts
by how rarely so many devices of the fleet show it (Poisson), so that a large group does not collect chance hits.

A group is reported where it reaches review. Its members then carry its evidence for the claim *farm*, and one finding
for the claim *driven*, whose weight rests on what the others show: nobody's own evidence counts twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from farmwatch.analysis.fleet.cotiming import make_events, make_timed
from farmwatch.analysis.fleet.farm_candidates import Candidate, candidates_of, shown, summary_of
from farmwatch.analysis.fleet.farm_signs import Rates, Sign, shared_signs
from farmwatch.analysis.fleet.farm_weights import evidence
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.linking import link, make_pairs
from farmwatch.analysis.fleet.traits import TRAITS, make_links
from farmwatch.analysis.fleet.weights import Weights
from farmwatch.analysis.grouping import group_id
from farmwatch.analysis.scoring import assess_claim
from farmwatch.records import Claim, ClaimAssessment, Finding, Level

__all__ = ["FarmTie", "FleetFarm", "find_farms", "judged_farms"]

_REPORTED = (Level.REVIEW, Level.STRONG)
_MOST_TIES = 30  #: that are listed
_DECIBANS = 10 * math.log10(2)  #: of a bit


@dataclass(frozen=True, slots=True)
class FarmTie:
    """One thing that devices of a farm share."""

    attribute: str  #: such as gateway MAC
    value: str  #: as it is shown to people
    devices: tuple[str, ...]
    decibans: float  #: by how much sharing it is rarer than chance


@dataclass(frozen=True, slots=True)
class FleetFarm:
    """A group of devices that belong together."""

    farm_id: str
    devices: tuple[str, ...]  #: sorted
    assessment: ClaimAssessment
    ties: tuple[FarmTie, ...]
    summary: str  #: one sentence, without names of devices
    findings: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)  #: what it adds about each member


def find_farms(
    fleet: Fleet,
    hits: Mapping[str, list[Finding]],
    *,
    prior: float,
    weights: Weights,
    known: Mapping[str, frozenset[str]] = {},
) -> tuple[FleetFarm, ...]:
    """Groups worth a person's time, the strongest first.

    Args:
        fleet: the telemetry.
        hits: what detectors found, by device.
        prior: probability of the claim before any evidence.
        weights: what grades weigh where that is not the detector's own number.
        known: earlier farms, id to members; a group that holds most members of one keeps its id.

    Raises:
        AssessmentError: the telemetry cannot be read.
    """
    make_links(fleet)
    make_events(fleet)
    make_timed(fleet)
    return judged_farms(fleet, hits, prior=prior, weights=weights, known=known)


def judged_farms(
    fleet: Fleet,
    hits: Mapping[str, list[Finding]],
    *,
    prior: float,
    weights: Weights,
    known: Mapping[str, frozenset[str]] = {},
) -> tuple[FleetFarm, ...]:
    """:func:`find_farms` from the tables of links and events that it makes."""
    make_pairs(fleet)
    rates = Rates(hits, len(fleet.devices), weights)
    found = []
    for candidate in candidates_of(fleet, link(fleet), rates.devices):
        shared = shared_signs(candidate, fleet)
        findings = [sign.finding for sign in shared]
        applied = [weights.applied(finding) for finding in findings]
        own = rates.signs(candidate.devices)
        assessment = assess_claim(Claim.FARM, [*applied, *own], prior)
        if assessment.level in _REPORTED:
            found.append((candidate, shared, own, assessment))
    found.sort(key=lambda one: (-one[3].decibans, one[0].devices))
    ids = _ids([frozenset(one[0].devices) for one in found], known)
    return tuple(
        FleetFarm(
            farm_id=farm_id,
            devices=candidate.devices,
            assessment=assessment,
            ties=_ties(candidate),
            summary=summary_of(candidate),
            findings=_findings(candidate, shared, own, rates, weights, prior),
        )
        for farm_id, (candidate, shared, own, assessment) in zip(ids, found, strict=True)
    )


def _ties(candidate: Candidate) -> tuple[FarmTie, ...]:
    return tuple(
        FarmTie(TRAITS[tie.kind].name, shown(tie), tie.devices, round(tie.bits * _DECIBANS, 1))
        for tie in candidate.ties[:_MOST_TIES]
    )


def _findings(
    candidate: Candidate, shared: Sequence[Sign], own: Sequence[Finding], rates: Rates, weights: Weights, prior: float
) -> dict[str, tuple[Finding, ...]]:
    """What the farm adds to each member: its evidence, and what the others' evidence says of this one."""
    found = {}
    everything = [weights.applied(sign.finding) for sign in shared]
    for device in candidate.devices:
        others = rates.signs(candidate.devices, without=device)
        level = assess_claim(Claim.FARM, [*everything, *others], prior).level
        added = [sign.finding for sign in shared if device in sign.devices]
        added += own
        if level in _REPORTED and added:
            grade = "in a strong farm" if level is Level.STRONG else "in a farm for review"
            summary = f"it is one of {len(candidate.devices)} laptops that belong together by what they share"
            added.append(evidence("farm.member", grade, summary, claim=Claim.DRIVEN, observed=summary_of(candidate)))
        found[device] = tuple(added)
    return found


def _ids(groups: Sequence[frozenset[str]], known: Mapping[str, frozenset[str]]) -> list[str]:
    """An id for each group: the earlier one that it shares most of either's members with, else one of its members.

    Largest overlaps choose first; each earlier id is given once.
    """
    overlaps = sorted(
        (-len(group & members), farm_id, number)
        for number, group in enumerate(groups)
        for farm_id, members in known.items()
        if 2 * len(group & members) > min(len(group), len(members)) and len(group & members) > 1
    )
    given: dict[int, str] = {}
    for _, farm_id, number in overlaps:
        if number not in given and farm_id not in given.values():
            given[number] = farm_id
    taken = set(known)
    names = []
    for number, group in enumerate(groups):
        name = given.get(number)
        if name is None:
            name, salt = group_id(group), 0
            while name in taken:
                salt += 1
                name = group_id([*group, str(salt)])
            taken.add(name)
        names.append(name)
    return names
