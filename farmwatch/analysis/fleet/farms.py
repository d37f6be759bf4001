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
from farmwatch.analysis.fleet.farm_signs import ONE_FACT, Rates, Sign, shared_signs
from farmwatch.analysis.fleet.farm_visitors import Host, visitors_of
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
_MOMENTS = ("farm.cuts", "farm.starts")  #: told of all members, whoever of them took part
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
    findings: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    """What it adds about each member, and about others who were at its line."""


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
        own = rates.signs(candidate.devices)
        whole = [*(weights.applied(sign.finding) for sign in shared), *own]
        apart = _apart(shared, len(candidate.devices))
        core = assess_claim(Claim.FARM, [one for one in whole if one.group not in apart], prior)
        if core.level in _REPORTED:
            found.append((candidate, assess_claim(Claim.FARM, whole, prior), shared, own))
    found.sort(key=lambda one: (-one[1].decibans, one[0].devices))
    ids = _ids([frozenset(one[0].devices) for one in found], known)
    members = frozenset(device for one in found for device in one[0].devices)
    hosts = [Host(farm_id, one[0]) for farm_id, one in zip(ids, found, strict=True) if one[1].level is Level.STRONG]
    visitors = visitors_of(fleet, hosts, members)
    return tuple(
        FleetFarm(
            farm_id=farm_id,
            devices=candidate.devices,
            assessment=assessment,
            ties=_ties(candidate),
            summary=summary_of(candidate),
            findings=_findings(candidate, shared, own, rates, hits, weights, prior)
            | {device: (finding,) for device, finding in visitors.get(farm_id, ())},
        )
        for farm_id, (candidate, assessment, shared, own) in zip(ids, found, strict=True)
    )


def _apart(signs: Sequence[Sign], size: int) -> frozenset[str]:
    """Causes that tie one device alone to what the heaviest ones tie, and so cannot make a farm together with them.

    People of a co-working space are no farm because one of them shares a second factor with a stranger.
    """
    if any(len(sign.devices) == size and sign.finding.detector not in _MOMENTS for sign in signs):
        return frozenset()
    tied: dict[str, frozenset[str]] = {}
    heaviest: dict[str, float] = {}
    for sign in signs:
        cause = sign.finding.group or sign.finding.detector
        if len(sign.devices) < size:
            tied[cause] = tied.get(cause, frozenset()) | sign.devices
            heaviest[cause] = max(heaviest.get(cause, 0.0), sign.finding.decibans)
    waiting = sorted(tied, key=lambda cause: (-heaviest[cause], cause))
    core = tied[waiting.pop(0)] if waiting else frozenset()
    while near := [cause for cause in waiting if len(core & tied[cause]) > 1]:
        core = core.union(*(tied[cause] for cause in near))
        waiting = [cause for cause in waiting if cause not in near]
    return frozenset(waiting)


def _ties(candidate: Candidate) -> tuple[FarmTie, ...]:
    return tuple(
        FarmTie(TRAITS[tie.kind].name, shown(tie), tie.devices, round(tie.bits * _DECIBANS, 1))
        for tie in candidate.ties[:_MOST_TIES]
    )


def _findings(
    candidate: Candidate,
    shared: Sequence[Sign],
    own: Sequence[Finding],
    rates: Rates,
    hits: Mapping[str, Sequence[Finding]],
    weights: Weights,
    prior: float,
) -> dict[str, tuple[Finding, ...]]:
    """What the farm adds to each member: its evidence, and what the others' evidence says of this one.

    A fact that is on several devices by its nature, such as a second factor they share, and that speaks for *driven* on
    the member itself, is not told of it again by way of the farm.
    """
    found = {}
    everything = [weights.applied(sign.finding) for sign in shared]
    for device in candidate.devices:
        others = rates.signs(candidate.devices, without=device)
        shown_here = (weights.applied(one) for one in hits.get(device, ()) if one.claim is Claim.DRIVEN)
        told = ONE_FACT & {one.group for one in shown_here if one.decibans > 0}
        level = assess_claim(Claim.FARM, [one for one in (*everything, *others) if one.group not in told], prior).level
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
