"""Weighs findings into claims: a prior plus weights of evidence, one per cause, gives a probability and a level.

Weight of evidence is 10·log10 of the likelihood ratio, in decibans (Good 1950; docs/evidence.md, M6); weights are
capped per family as that note caps them: timing ±4 bits, artefacts ±8 bits, a bit being 3.01 decibans. A finding may
name another cap, up to 8 bits, where its weight is measured on labelled captures or compares two times of one flow, so
that neither clocks nor the device's own line can make it (M6). Findings of one
``group`` share a cause, so only the strongest of them counts, speaking for or against. ``strong`` needs weight from two
independent families, or one record that states the fact outright. A limit that the company itself declared is a rule,
not evidence: where it is exceeded the level is at least ``review``, whatever the probability.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from farmwatch.records import Assessment, Claim, ClaimAssessment, Family, Finding, Level, Outcome, Weight, WeightSource

__all__ = [
    "CAPS_DECIBANS",
    "REVIEW_PROBABILITY",
    "STRONG_PROBABILITY",
    "WIDEST_CAP_DECIBANS",
    "assess_claim",
    "assess_device",
]

_BIT = 10 * math.log10(2)

CAPS_DECIBANS: dict[Family, float] = {
    Family.TIMING: 4 * _BIT,
    Family.NAMES: 8 * _BIT,
    Family.HARDWARE: 8 * _BIT,
    Family.IDENTITY: 8 * _BIT,
    Family.PLACE: 8 * _BIT,
}  #: largest weight one finding of a family may carry either way; docs/evidence.md, M6

WIDEST_CAP_DECIBANS = 8 * _BIT  #: which no finding exceeds, whatever cap it names

REVIEW_PROBABILITY = 0.1  #: one in ten of such devices would be driven: worth a person's time (method M6)
STRONG_PROBABILITY = 0.9  #: nine in ten
FAMILY_SHARE_DECIBANS = 5.0  #: a family counts towards ``strong`` from this weight on: a nudge is no second family


def assess_device(findings: Sequence[Finding], prior: float) -> Assessment:
    """All three claims of one device. ``prior`` is the probability before any evidence."""
    return Assessment(
        driven=assess_claim(Claim.DRIVEN, findings, prior),
        abroad=assess_claim(Claim.ABROAD, findings, prior),
        farm=assess_claim(Claim.FARM, findings, prior),
    )


def assess_claim(claim: Claim, findings: Iterable[Finding], prior: float) -> ClaimAssessment:
    """Weigh all findings that speak about one claim."""
    relevant = [finding for finding in findings if finding.claim is claim]
    prior_decibans = 10 * math.log10(prior / (1 - prior))
    weighed = _weights(relevant)
    weights = tuple(weight for weight, _ in weighed)
    total = prior_decibans + sum(weight.decibans for weight in weights if weight.counted)
    probability = 1 / (1 + 10 ** (-total / 10))
    counted = [(weight, finding) for weight, finding in weighed if weight.counted and weight.decibans > 0]
    shares: dict[str, float] = {}
    for weight, finding in counted:
        shares[finding.family] = shares.get(finding.family, 0.0) + weight.decibans
    families = tuple(sorted(family for family, share in shares.items() if share >= FAMILY_SHARE_DECIBANS))
    conclusive = any(finding.conclusive for _, finding in counted)
    level, reason = _level(relevant, probability, families, conclusive=conclusive)
    return ClaimAssessment(
        level=level,
        probability=probability,
        decibans=total,
        prior_decibans=prior_decibans,
        weights=weights,
        families=families,
        reason=reason,
        overturn=_overturn(level, total, weights, _breaches(relevant)),
    )


def _weights(findings: Iterable[Finding]) -> list[tuple[Weight, Finding]]:
    """Every weight that is not zero with its finding, strongest first; of each group only the strongest counts."""
    weighed = [finding for finding in findings if finding.outcome is not Outcome.NO_DATA and finding.decibans]
    weighed.sort(key=lambda finding: (-abs(finding.decibans), finding.detector, finding.summary))
    taken: set[str] = set()
    weights = []
    for finding in weighed:
        group = finding.group or finding.detector
        named = finding.cap_decibans
        cap = CAPS_DECIBANS[finding.family] if named is None else min(abs(named), WIDEST_CAP_DECIBANS)
        weight = Weight(
            detector=finding.detector,
            decibans=max(-cap, min(cap, finding.decibans)),
            counted=group not in taken,
            source=finding.weight_source,
            reason=finding.weight_reason,
            group=group,
        )
        weights.append((weight, finding))
        taken.add(group)
    return weights


def _level(
    findings: Sequence[Finding], probability: float, families: tuple[str, ...], *, conclusive: bool
) -> tuple[Level, str]:
    looked = [finding for finding in findings if finding.outcome is not Outcome.NO_DATA]
    if not looked:
        return Level.NOT_ENOUGH_DATA, "no detector for this claim had anything to look at"
    if probability >= STRONG_PROBABILITY:
        if conclusive:
            return Level.STRONG, "a record states the fact outright"
        if len(families) > 1:
            return Level.STRONG, f"{len(families)} independent families agree: {', '.join(families)}"
        only = families[0] if families else "none"
        return Level.REVIEW, f"heavy, but all of one family ({only}): one innocent cause could explain it all"
    if probability >= REVIEW_PROBABILITY:
        return Level.REVIEW, "enough to be worth a person's time, not enough to be sure"
    if _breaches(findings):
        return Level.REVIEW, "beyond a limit that the profile declares; as evidence alone it would not be enough"
    if not any(finding.outcome is Outcome.HIT for finding in findings):
        return Level.CLEAR, f"{len(looked)} of {len(findings)} checks had data, none found anything"
    return Level.CLEAR, "what was found is not enough by itself to be worth a person's time"


def _breaches(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Detectors that saw a declared limit exceeded."""
    return tuple(
        finding.detector
        for finding in findings
        if finding.outcome is Outcome.HIT and finding.weight_source is WeightSource.DECLARED
    )


def _overturn(level: Level, total: float, weights: Sequence[Weight], breaches: Sequence[str]) -> str:
    """What would change the level, in words."""
    review = 10 * math.log10(REVIEW_PROBABILITY / (1 - REVIEW_PROBABILITY))
    if level is Level.NOT_ENOUGH_DATA:
        return "any data: a capture with this device's traffic, or its telemetry"
    if level is Level.CLEAR:
        return f"evidence of {review - total:.0f} decibans more would make it a case for review"
    if total < review and breaches:
        return f"an innocent explanation of {breaches[0]}, or a limit in the profile that allows for it"
    strongest = next((weight for weight in weights if weight.counted and weight.decibans > 0), None)
    if strongest is None:
        return "nothing found speaks for it but the prior: set a lower prior in the profile"
    left = total - strongest.decibans
    if left < review:
        return f"an innocent explanation of {strongest.detector} alone would clear it"
    return f"it stands without {strongest.detector}; several findings would have to be explained"
