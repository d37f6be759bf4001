"""What a group of devices shows: one line, declared places, things in common, moments, and its members' own hits."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from farmwatch.analysis.fleet.contract import ABROAD, telling
from farmwatch.analysis.fleet.cotiming import chance_decibans
from farmwatch.analysis.fleet.farm_candidates import Candidate, Shared, declared_at, people_of, shown
from farmwatch.analysis.fleet.farm_weights import at_least, evidence
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.linking import EDGE_BITS
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.analysis.fleet.traits import MEETING, PLACE, TRAITS, day_slots
from farmwatch.analysis.fleet.weights import Weights
from farmwatch.analysis.grouping import components
from farmwatch.records import TELEMETRY_TABLES, Claim, Family, Finding, Outcome, Telling

__all__ = ["ONE_FACT", "Rates", "Sign", "days_telling", "shared_signs"]

_RECORDS = {record.table: record for record in TELEMETRY_TABLES}
_SETTLED_DAYS = 5  #: together: fewer are a visit, a training or some nights at a hotel
_VISIT_DECIBANS = 9.0  #: less for those, so that line and declared places of a visit are never enough by themselves
_RARE_HIT = 1e-3  #: share of devices that show a sign, where the fleet is too small to tell: judged
_RARE_AMONG = 1000  #: devices that this guess counts as
_FAR_ENDS = ("remote-tool id of the far end", "address of the far end")
_LEAST_DECIBANS = 4.0  #: of a sign that speaks of a group: nudges are on some of any group's devices
ONE_FACT = frozenset({"shared hardware", "factor", "device token", "site", "declared place", "place"})
"""Causes that are on several devices by their nature, so that the second one is no second fact."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A finding about a group, and the members it is about."""

    finding: Finding
    devices: frozenset[str]


def shared_signs(candidate: Candidate, fleet: Fleet) -> list[Sign]:
    """The group's own signs: one line, declared places, things in common, moments."""
    signs = [*_site_signs(candidate, fleet), *_moment_signs(candidate)]
    for detector, names, words in (
        ("farm.control", _FAR_ENDS, "are driven from the same far end"),
        ("farm.factor", ("second factor",), "sign in with the same second factor"),
        ("farm.token", ("device token",), "sign in with the token of the same device"),
        ("farm.hardware", ("USB serial", "monitor serial"), "had the same input device, hub or monitor plugged in"),
    ):
        tied = [tie for tie in candidate.ties if TRAITS[tie.kind].name in names and tie.bits >= EDGE_BITS]
        if tied:
            signs += _tied_sign(candidate, detector, tied, words, fleet)
    meetings = [tie for tie in candidate.ties if TRAITS[tie.kind].aspect == MEETING]
    if len(meetings) >= 2:
        signs += _tied_sign(candidate, "farm.meeting", meetings, "joined long meetings in the same minute", fleet)
    return signs


def _tied_sign(candidate: Candidate, detector: str, ties: Sequence[Shared], words: str, fleet: Fleet) -> list[Sign]:
    """The largest set of devices that some values tie, if they are of more than one household."""
    largest = max(components(tie.devices for tie in ties), key=lambda group: (len(group), sorted(group)))
    grade = at_least(detector, declared_at(candidate, sorted(largest)).units)
    if grade is None:
        return []
    within = [tie for tie in ties if largest.issuperset(tie.devices)]
    finding = evidence(
        detector,
        grade,
        f"{len(largest)} laptops {words}",
        observed="; ".join(f"{TRAITS[tie.kind].name} {shown(tie)}" for tie in within[:3]),
        expected="shared by people of one household or office, and by approved support",
    )
    return [Sign(replace(finding, telling=(_telling(fleet, within),)), frozenset(largest))]


def _site_signs(candidate: Candidate, fleet: Fleet) -> Iterable[Sign]:
    """One line, and where the people behind it should be."""
    ties = [tie for tie in candidate.ties if TRAITS[tie.kind].aspect == PLACE]
    sure = [tie for tie in ties if TRAITS[tie.kind].name != "egress address" or tie.line]
    less = _VISIT_DECIBANS if candidate.days < _SETTLED_DAYS else 0.0
    for detector, of in (("farm.site", sure), ("farm.address", ties)):
        devices = _of(of)
        declared = declared_at(candidate, devices)
        grade = at_least(detector, declared.units)
        if grade is not None:
            finding = evidence(
                detector,
                grade,
                f"{people_of(declared)} share {TRAITS[of[0].kind].name} {shown(of[0])} on "
                f"{many(round(candidate.days), 'day')}",
                observed="; ".join(f"{len(tie.devices)} by {TRAITS[tie.kind].name} {shown(tie)}" for tie in of[:4]),
                expected="laptops of different households at different lines",
                less=less,
            )
            yield Sign(replace(finding, telling=(_telling(fleet, of),)), frozenset(devices))
    devices = _of(ties)
    declared = declared_at(candidate, devices)
    graded = [
        evidence(
            detector,
            grade,
            f"laptops at one line are declared at {count} places {words}",
            expected="people who share a line have one declared place or household",
            less=less,
        )
        for detector, count, words in (
            ("farm.places", declared.far_places, "beyond a commute from each other"),
            ("farm.places_named", declared.named_places, "of different names"),
            ("farm.places_near", declared.places, "near each other"),
        )
        if declared.units > 1 and (grade := at_least(detector, count)) is not None
    ]
    if graded:
        yield Sign(max(graded, key=lambda one: one.decibans), frozenset(devices))


def _of(ties: Iterable[Shared]) -> list[str]:
    """Devices of some ties, sorted."""
    return sorted({device for tie in ties for device in tie.devices})


def _moment_signs(candidate: Candidate) -> Iterable[Sign]:
    """What the group's devices do in the same minutes; several households only."""
    everyone = frozenset(candidate.devices)
    if declared_at(candidate, candidate.devices).units < 2:
        return
    cuts, starts = candidate.cuts, candidate.starts
    if cuts is not None and cuts.decibans >= 20 and (grade := at_least("farm.cuts", cuts.most)) is not None:
        summary = (
            f"{cuts.most} of {len(everyone)} laptops were cut off in the same {many(cuts.stretch_s // 60, 'minute')}"
        )
        yield Sign(evidence("farm.cuts", grade, summary, expected="laptops at different lines fail apart"), everyone)
    if starts is not None and starts.times >= 3 and starts.decibans >= 30:
        grade = "often" if starts.decibans >= 60 else "sometimes"
        summary = (
            f"up to {starts.most} of {len(everyone)} laptops start in the same minute, in {many(starts.times, 'hour')}"
        )
        yield Sign(evidence("farm.starts", grade, summary, expected="people start their days apart"), everyone)


class Rates:
    """What detectors found, how often in the whole fleet, and what that says of a group."""

    def __init__(self, hits: Mapping[str, list[Finding]], devices: int, weights: Weights) -> None:
        self._devices = devices
        self._hits = {
            device: {
                (one.detector, one.grade): weights.applied(one)
                for one in reversed(found)
                if one.outcome is Outcome.HIT and one.claim is not Claim.ABROAD and one.group != ABROAD
            }
            for device, found in hits.items()
        }
        self._counts = Counter(key for found in self._hits.values() for key in found)

    @property
    def devices(self) -> Iterable[str]:
        """Devices with any finding."""
        return self._hits.keys()

    def signs(self, devices: Sequence[str], without: str | None = None) -> list[Finding]:
        """What members show themselves, as evidence about the group; ``without`` one of them."""
        members = [device for device in devices if device != without]
        showing: dict[tuple[str, str], list[str]] = defaultdict(list)
        for device in members:
            for key in self._hits.get(device, ()):
                showing[key].append(device)
        signs: list[Finding] = []
        for key, those in sorted(showing.items()):
            signs += self._weighed(key, those, members)
        return signs

    def _weighed(self, key: tuple[str, str], shown: Sequence[str], members: Sequence[str]) -> Iterable[Finding]:
        """One sign that some members show: its own weight, but no more than chance leaves, and the repetition.

        A farm is worked in one way, so a sign on one of many members says less than one on all.
        """
        first = max((self._hits[device][key] for device in shown), key=lambda one: (abs(one.decibans), one.summary))
        part = f"{len(shown)} of {len(members)} laptops: {first.summary}"
        told = replace(
            first,
            detector="farm.signs",
            claim=Claim.FARM,
            grade=f"{first.detector}: {first.grade}",
            summary=part,
            rows=(),
            conclusive=False,
            telling=tuple(replace(one, device_id=one.device_id or shown[0]) for one in first.telling),
        )
        if first.family is Family.PLACE and first.claim is not Claim.FARM:
            told = replace(told, group="declared place")
        if first.decibans <= 0:
            yield replace(told, decibans=first.decibans * len(shown) / len(members))
            return
        others = self._counts[key] - len(shown)
        rate = (others + _RARE_HIT * _RARE_AMONG) / (max(0, self._devices - len(members)) + _RARE_AMONG)
        once, chance = (float(chance_decibans(count, len(members) * rate)) for count in (1, len(shown)))
        weight = min(first.decibans, chance) + 10 * math.log10(len(shown) / len(members))
        if weight < _LEAST_DECIBANS:
            return
        yield replace(told, decibans=weight)
        if len(shown) > 1 and told.group not in ONE_FACT and chance - max(weight, once) > 1:
            yield replace(
                told,
                decibans=min(first.decibans / 2, chance - max(weight, once)),
                summary=f"{part} (the same on more than one, which is {self._rarity(rate)})",
                group=f"{told.group or told.detector}, again",
            )

    def _rarity(self, rate: float) -> str:
        """How rare a sign is, as far as a fleet of this size can tell."""
        return "rare" if self._devices < _RARE_AMONG else f"rare: one in {1 / rate:.0f} other laptops shows it"


def _telling(fleet: Fleet, ties: Sequence[Shared]) -> Telling:
    """Rows that show some ties: table and days."""
    days = sum({1 << day for tie in ties for day in (tie.first_day, tie.last_day)})
    return days_telling(fleet, ties[0].kind, days, count=sum(len(tie.devices) for tie in ties))


def days_telling(fleet: Fleet, kind: int, days: int, *, count: int) -> Telling:
    """Rows of the table that a kind of trait is taken from, from the first to the last of some days (bits)."""
    start, _ = day_slots(fleet)
    first = datetime.fromtimestamp((start + (days & -days).bit_length() - 1) * 86400, UTC)
    last = datetime.fromtimestamp((start + days.bit_length()) * 86400, UTC) - timedelta(seconds=1)
    return telling(_RECORDS[TRAITS[kind].table], first, last, count=count)
