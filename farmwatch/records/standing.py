"""How devices stand today: an assessment's findings after what people decided about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from farmwatch.records.finding import Claim, Finding
from farmwatch.records.report import Assessment, Level

__all__ = ["EVERY_DEVICE", "CaseState", "Covered", "Decision", "Standing"]

EVERY_DEVICE = "*"  #: device id of a decision that holds for all devices


class CaseState(StrEnum):
    """What became of a claim about a device."""

    OPEN = "open"  #: asks for a person, and nobody decided
    NEW_EVIDENCE = "new evidence after a dismissal"  #: something was found that the dismissal did not know of
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"  #: decisions explain what was found
    QUIET = "quiet"  #: asks for nobody


@dataclass(frozen=True, slots=True)
class Covered:
    """A kind of finding that a dismissal explains because it was there when it was made."""

    detector: str
    grade: str
    cause: str
    names: tuple[str, ...] = ()  #: ids of the products it named: the same detector naming another one is new evidence


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided about a claim of a device, and why.

    A dismissal that names a detector, a grade, a cause or a text is a suppression: it explains every finding that fits,
    also later ones. Any other explains what was there when it was made: ``covers``, and that farm.
    """

    device_id: str  #: or :data:`EVERY_DEVICE`
    claim: Claim
    state: str  #: confirmed, dismissed, open (reopened) or note
    reason: str
    who: str
    ts: str  #: UTC, ISO 8601
    id: int = 0  #: its place in the order of all decisions
    detector: str | None = None  #: only findings of this detector
    grade: str | None = None  #: only of this grade of it
    cause: str | None = None  #: only findings of this cause
    about: str | None = None  #: only findings that say this text, such as a tool's name or a serial number
    until: str | None = None  #: holds in assessments that end before this time; None: for good
    covers: tuple[Covered, ...] = ()
    farm_id: str | None = None  #: farm the device was in when it was made
    run_id: str | None = None  #: assessment it was made on

    @property
    def scoped(self) -> bool:
        """Whether it is about some kind of finding only, also those that come later."""
        return any(part is not None for part in (self.detector, self.grade, self.cause, self.about))


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
    states: Mapping[Claim, CaseState] = field(default_factory=dict)  #: of each claim
    assessed: bool = True  #: whether the assessment has it; else nothing is known but what people decided
    new: tuple[Finding, ...] = ()  #: those of ``findings`` that a dismissal did not know of and that opened it again

    @property
    def state(self) -> CaseState:
        """The state that asks most for a person among the claims."""
        return min(self.states.values(), key=list(CaseState).index, default=CaseState.QUIET)

    @property
    def confirmed_alone(self) -> tuple[Claim, ...]:
        """Claims that somebody confirmed by proof from outside: by the evidence alone they would ask for nobody."""
        return tuple(
            claim
            for claim in Claim
            if self.states.get(claim) is CaseState.CONFIRMED
            and getattr(self.assessment, str(claim)).level not in (Level.STRONG, Level.REVIEW)
        )
