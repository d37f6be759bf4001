"""What a person's decision about a device says in full: which claims, what it explains, in which farm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from farmwatch.analysis.fleet.contract import FleetDetector
from farmwatch.analysis.fleet.standing import asks, covered, fits
from farmwatch.knowledge import Knowledge
from farmwatch.records import EVERY_DEVICE, CaseState, Claim, Decision, Finding, Standing, WeightSource

__all__ = ["UndecidableError", "decisions_for"]


class UndecidableError(ValueError):
    """A decision that would say nothing.

    Args:
        message: What it lacks.
        instead: What to tell ``farmwatch case`` instead, as arguments; empty where nothing is meant.
    """

    def __init__(self, message: str, instead: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.instead = instead


def decisions_for(
    draft: Decision,
    standing: Standing | None,
    *,
    claims: Sequence[Claim] = (),
    beside: bool = False,
    detectors: Sequence[FleetDetector] = (),
    knowledge: Knowledge | None = None,
) -> list[Decision]:
    """The decisions that one word of an analyst amounts to, one for each claim.

    Anything may be confirmed, also what no evidence shows: who knows it from outside (a search, an interview, HR) knows
    what was missed. A dismissal explains evidence, and needs some.

    Args:
        draft: what was said, of any claim; the scope of a suppression in it.
        standing: how the device stands; None where it is about every device, or nothing is known of it.
        claims: which claims; without any, those that ask for a person, else those that something was found for, else
            *driven*.
        beside: the analyst named another device, and this one has something in common with it: only claims that ask
            for a person and that nobody decided are meant, and none where there is none. Later evidence for the others
            must not be explained before anybody saw it.
        detectors: to know which claims a detector speaks of.
        knowledge: names of products.

    Raises:
        UndecidableError: it would explain nothing, or there is nothing to reopen.
    """
    found = _found(standing)
    chosen = list(dict.fromkeys(claims)) or _claims(draft, standing, found, detectors)
    if beside:
        still_open = _open(standing)
        chosen = [claim for claim in (chosen if claims or draft.scoped else Claim) if claim in still_open]
    farm_id = standing.farm_id if standing else None
    made = []
    for claim in chosen:
        one = replace(draft, claim=claim, farm_id=farm_id)
        explained = [finding for finding in found if finding.claim is claim]
        if draft.state == "dismissed" and not draft.scoped:
            if not explained and standing and standing.states.get(claim) is CaseState.CONFIRMED:
                raise UndecidableError(
                    f"nothing that was found speaks for {claim} of {draft.device_id}, it is a person who confirmed it; "
                    "to take that back",
                    instead=("reopen", draft.device_id, "--claim", str(claim), "--reason", draft.reason),
                )
            if not explained:
                raise UndecidableError(
                    f"nothing speaks for {claim} of {draft.device_id}, so there is nothing to dismiss; "
                    "name a detector, a cause or a text to suppress findings before they come"
                )
            one = replace(one, covers=covered(explained, knowledge))
        made.append(one)
    return made


def _found(standing: Standing | None) -> list[Finding]:
    """Everything that speaks for a claim, explained or not."""
    if standing is None:
        return []
    every = [*standing.findings, *(finding for finding, _ in standing.suppressed)]
    return [one for one in every if one.decibans > 0 or one.weight_source is WeightSource.DECLARED]


def _claims(
    draft: Decision,
    standing: Standing | None,
    found: Sequence[Finding],
    detectors: Sequence[FleetDetector],
) -> list[Claim]:
    """The claims that are meant where none was named."""
    if draft.state == "open":
        given = standing.decisions if standing else ()
        held = {one.claim for one in given if one.device_id == draft.device_id}
        if not held and draft.device_id != EVERY_DEVICE:
            message = f"nothing was decided about {draft.device_id} that still holds"
            if given:
                raise UndecidableError(
                    f"{message}; to undo what holds for every device",
                    instead=("reopen", EVERY_DEVICE, "--reason", draft.reason),
                )
            raise UndecidableError(message)
        return [claim for claim in Claim if claim in held] or list(Claim)
    if draft.scoped:
        fitting = {finding.claim for finding in found if fits(draft, finding)}
        spoken = {
            grade.claim
            for one in detectors
            if one.id == draft.detector
            for name, grade in one.grades.items()
            if draft.grade in (None, name)
        }
        if not fitting and not spoken and draft.device_id != EVERY_DEVICE:
            raise UndecidableError(
                f"nothing that was found on {draft.device_id} fits; name the claim to suppress it before it comes"
            )
        return [claim for claim in Claim if claim in (fitting or spoken)] or list(Claim)
    spoken_for = [claim for claim in Claim if any(one.claim is claim for one in found)]
    asking = [claim for claim in Claim if standing and asks(getattr(standing.assessment, str(claim)))]
    chosen = _open(standing) or asking or spoken_for or [Claim.DRIVEN]
    return chosen[:1] if draft.state == "note" else chosen


def _open(standing: Standing | None) -> list[Claim]:
    """The claims that ask for a person and that nobody decided, or not with all that is known now."""
    states = standing.states if standing else {}
    return [claim for claim in Claim if states.get(claim) in (CaseState.OPEN, CaseState.NEW_EVIDENCE)]
