"""Farms of a fleet: groups of devices tied by rare things they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.weights import Weights
from farmwatch.records import ClaimAssessment, Finding

__all__ = ["FarmTie", "FleetFarm", "find_farms"]


@dataclass(frozen=True, slots=True)
class FarmTie:
    """One thing that devices of a farm share."""

    attribute: str  #: such as gateway MAC
    value: str  #: as it is shown to people
    devices: tuple[str, ...]
    decibans: float


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
    known: Mapping[str, frozenset[str]],
) -> tuple[FleetFarm, ...]:
    """Groups worth a person's time, the strongest first."""
    return ()
