"""How devices stand today: an assessment's findings after what people decided about them."""

from __future__ import annotations

from dataclasses import dataclass

from farmwatch.records.finding import Claim, Finding
from farmwatch.records.report import Assessment

__all__ = ["Decision", "Standing"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided about a claim of a device, and why."""

    device_id: str
    claim: Claim
    state: str  #: confirmed, dismissed or open (reopened)
    reason: str
    who: str
    ts: str  #: UTC, ISO 8601


@dataclass(frozen=True, slots=True)
class Standing:
    """One device in one assessment, with what people decided."""

    device_id: str
    assessment: Assessment  #: without the findings that decisions explain
    findings: tuple[Finding, ...]  #: hits that count, heaviest first
    suppressed: tuple[tuple[Finding, Decision], ...] = ()  #: hits that a decision explains, with it
    decisions: tuple[Decision, ...] = ()  #: the last one of each claim that still holds
    farm_id: str | None = None
    not_looked_at: tuple[str, ...] = ()  #: ids of detectors that had nothing to look at
