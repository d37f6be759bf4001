"""The morning report as a document: what one assessment asks a person to do, and what changed since the one before.

Frozen dataclasses, schema version 1. Renderers read nothing else; ``farmwatch schema morning`` prints the JSON schema
generated from them. There is no clock in it but the times of assessments, so that the same data in the same state gives
the same bytes, whenever they are made.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from farmwatch.records.finding import Claim, Finding
from farmwatch.records.report import Assessment, ClaimAssessment, Coverage, Level, Tool
from farmwatch.records.standing import Decision

__all__ = [
    "MORNING_SCHEMA_VERSION",
    "Change",
    "ClearedDevice",
    "ConfirmedDevice",
    "ExplainedDevice",
    "ExplainedFinding",
    "FleetCoverage",
    "Gap",
    "Morning",
    "MorningCase",
    "MorningDevice",
    "MorningFarm",
    "MorningPlace",
    "MorningRun",
    "MorningTie",
    "TrendPoint",
]

MORNING_SCHEMA_VERSION = 1


class Change(StrEnum):
    """What became of a device or farm since the report before."""

    NEW = "new"  #: asks for a person, and did not before
    WORSE = "worse"  #: asked before; its level rose, or its weight below certainty, or another family of evidence came
    OPEN = "still open"  #: asks as before, or somebody confirmed it
    CLEARED = "cleared"  #: asked before and does no more, by its telemetry
    UNSEEN = "not looked at again"  #: asked before; what found it had nothing to look at, which clears nothing
    EXPLAINED = "explained"  #: a person's decision explains what was found
    GONE = "no longer assessed"  #: asked before; not in this assessment at all, which clears nothing
    NONE = "nothing"  #: did not ask before and does not now


@dataclass(frozen=True, slots=True)
class MorningRun:
    """One assessment of the fleet."""

    run_id: str
    since: str  #: UTC, ISO 8601, as all times here
    until: str
    devices: int
    rows: int  #: of telemetry
    version: str
    knowledge: str
    weights: str  #: start of the weights' checksum
    prior: float


@dataclass(frozen=True, slots=True)
class ExplainedFinding:
    """A hit that a decision explains."""

    finding: Finding
    decision: Decision


@dataclass(frozen=True, slots=True)
class MorningCase:
    """A device that asks for a person, in full."""

    device_id: str
    change: Change
    changed: str  #: what changed since the report before, in a sentence
    level: Level  #: the worst claim's
    assessment: Assessment
    verdict: str  #: what the evidence amounts to, in a sentence
    why: tuple[Finding, ...]  #: the findings that carry it, at most four, no two of one cause
    findings: tuple[Finding, ...]  #: all that count, heaviest first
    benign: tuple[str, ...] = ()  #: innocent readings that were considered
    next_steps: tuple[str, ...] = ()  #: what to do, in this order
    commands: tuple[str, ...] = ()  #: that write the decision down; none where its id cannot be typed as shown
    since: str | None = None  #: end of the first assessment from which on it always asked
    farm_id: str | None = None
    explained: tuple[ExplainedFinding, ...] = ()
    decisions: tuple[Decision, ...] = ()
    not_looked_at: tuple[str, ...] = ()  #: ids of detectors that had nothing to look at


@dataclass(frozen=True, slots=True)
class MorningDevice:
    """Any device of the assessment, in a line."""

    device_id: str
    change: Change
    level: Level  #: the worst claim's where it asks for a person, else that of *driven*
    driven: Level
    abroad: Level
    farm: Level
    decibans: float  #: of the heaviest claim
    hits: int
    farm_id: str | None
    not_looked_at: int  #: detectors that had nothing to look at


@dataclass(frozen=True, slots=True)
class ClearedDevice:
    """A device that asked for a person in the report before and does no more."""

    device_id: str
    change: Change  #: cleared, not looked at again, or no longer assessed
    was: Level
    now: Level | None
    why: str  #: what is not there any more, in a sentence


@dataclass(frozen=True, slots=True)
class ExplainedDevice:
    """A device whose findings a person's decision explains."""

    device_id: str
    level: Level  #: what is left without them
    decisions: tuple[Decision, ...]
    findings: tuple[str, ...]  #: what is explained, as sentences
    now_asking: bool  #: still asks for a person all the same


@dataclass(frozen=True, slots=True)
class ConfirmedDevice:
    """A device about which a person knows from outside what no evidence shows; no finding of the assessment."""

    device_id: str
    level: Level | None  #: what the evidence alone says; None where the assessment does not have the device
    claims: tuple[Claim, ...]
    decisions: tuple[Decision, ...]  #: who confirmed them, and by what proof


@dataclass(frozen=True, slots=True)
class MorningTie:
    """A thing that devices of a farm share, and how much that weighs."""

    attribute: str
    value: str
    devices: tuple[str, ...]
    decibans: float


@dataclass(frozen=True, slots=True)
class MorningPlace:
    """A place of devices: declared by the roster, or reported of the shared site."""

    name: str
    latitude: float  #: degrees
    longitude: float  #: degrees
    devices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MorningFarm:
    """A group of devices that belong together."""

    farm_id: str
    change: Change
    changed: str
    assessment: ClaimAssessment
    summary: str
    devices: tuple[str, ...]
    ties: tuple[MorningTie, ...]  #: heaviest first
    places: tuple[MorningPlace, ...] = ()  #: where the roster says its devices are
    site: MorningPlace | None = None  #: where their own positioning or sign-ins put them
    next_steps: tuple[str, ...] = ()
    explained: tuple[str, ...] = ()  #: those of its devices that somebody's decision explains
    commands: tuple[str, ...] = ()  #: that write one decision down for all of its devices


@dataclass(frozen=True, slots=True)
class Gap:
    """Devices that the same detectors could not look at."""

    devices: int
    missing: tuple[str, ...]  #: topics, in the detectors' order
    examples: tuple[str, ...]  #: some of the devices


@dataclass(frozen=True, slots=True)
class FleetCoverage:
    """Who was looked at, and by what."""

    devices: int
    detectors: tuple[Coverage, ...]  #: least looked at first
    gaps: tuple[Gap, ...]  #: most missing first
    unseen: tuple[str, ...]  #: devices that no detector could look at: the roster has them, telemetry does not


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """Devices by level in one assessment, as it was kept."""

    run_id: str
    until: str
    strong: int
    review: int
    clear: int
    not_enough_data: int
    farms: int


@dataclass(frozen=True, slots=True)
class Morning:
    """Everything a morning report says."""

    tool: Tool
    run: MorningRun
    before: MorningRun | None  #: what it is compared with
    first: str  #: what to do first, in a sentence
    counts: dict[str, int]  #: devices by change and by level
    new_or_worse: tuple[MorningCase, ...]
    still_open: tuple[MorningCase, ...]
    cleared: tuple[ClearedDevice, ...]
    explained: tuple[ExplainedDevice, ...]
    farms: tuple[MorningFarm, ...]
    coverage: FleetCoverage
    trend: tuple[TrendPoint, ...]  #: oldest first
    devices: tuple[MorningDevice, ...]  #: all of them, those that ask for a person first
    topics: dict[str, str]  #: what each detector looks at, as a noun
    confirmed_alone: tuple[ConfirmedDevice, ...] = ()  #: confirmed by people, and not shown by the evidence
    notes: tuple[str, ...] = ()  #: limits of this report that a reader must know
    schema_version: int = MORNING_SCHEMA_VERSION

    @property
    def report_id(self) -> str:
        """What was compared with what: two reports of one assessment that tell different changes differ in it."""
        return self.run.run_id if self.before is None else f"{self.run.run_id}.{self.before.run_id}"
