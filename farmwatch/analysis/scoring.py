"""Weighs findings into claims: a prior plus weights of evidence, one per cause, gives a probability and a level.

Weight of evidence is 10·log10 of the likelihood ratio, in decibans (Good 1950; docs/evidence.md, M6); weights are
capped per family as that note caps them: timing ±4 bits, artefacts ±8 bits, a bit being 3.01 decibans. A finding may
name another cap, up to 8 bits, where its weight is measured on labelled captures or compares two times of one flow, so
that neither clocks nor the device's own line can make it (M6). Findings of one
``group`` share a cause, so only the strongest of them counts, speaking for or against. ``strong`` needs weight from two
independent families, or one record that states the fact outright. A limit that the company itself declared is a rule,
not evidence: where it is exceeded the level is at least ``review``, whatever the probability; and so it is where a
finding is one that nobody would leave unexplained, such as a KVM under its own name.

Weights of causes that go together in the field add up to more than they should. A :class:`Calibration`, measured on
labelled devices, says what their sum is worth there; it stands in the chain as one more weight.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from farmwatch.records import Assessment, Claim, ClaimAssessment, Family, Finding, Level, Outcome, Weight, WeightSource

__all__ = [
    "CAPS_DECIBANS",
    "REVIEW_PROBABILITY",
    "STRONG_PROBABILITY",
    "WIDEST_CAP_DECIBANS",
    "Calibration",
    "abroad_of_driven",
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


@dataclass(frozen=True, slots=True)
class Calibration:
    """What summed weights are worth, as measured on labelled devices.

    Either a straight line (Platt 1999, in decibans and without the prior) or, where ``knots`` are given, straight
    pieces between them (isotonic regression) that stay level outside.
    """

    slope: float = 1.0
    offset: float = 0.0  #: decibans
    reason: str = ""  #: where it comes from, for the chain of a verdict
    knots: tuple[tuple[float, float], ...] = ()  #: summed decibans and what they are worth, both rising

    def worth(self, decibans: float) -> float:
        """What a sum of weights is worth, in decibans."""
        if not self.knots:
            return self.slope * decibans + self.offset
        after = bisect_right(self.knots, (decibans, math.inf))
        if after in (0, len(self.knots)):
            return self.knots[max(0, after - 1)][1]
        (low, start), (high, end) = self.knots[after - 1], self.knots[after]
        return start + (end - start) * (decibans - low) / (high - low)


_AS_SUMMED: Mapping[Claim, Calibration] = {}


def assess_device(
    findings: Sequence[Finding], prior: float, calibrations: Mapping[Claim, Calibration] = _AS_SUMMED
) -> Assessment:
    """All three claims of one device.

    Args:
        findings: all detectors' answers about it.
        prior: probability before any evidence.
        calibrations: what summed weights are worth, for claims for which that was measured.
    """
    return Assessment(
        driven=assess_claim(Claim.DRIVEN, findings, prior, calibrations.get(Claim.DRIVEN)),
        abroad=assess_claim(Claim.ABROAD, findings, prior, calibrations.get(Claim.ABROAD)),
        farm=assess_claim(Claim.FARM, findings, prior, calibrations.get(Claim.FARM)),
    )


def abroad_of_driven(assessment: Assessment) -> Assessment:
    """Of a telemetry's verdict: ``abroad`` is not clear where somebody seems to drive the device and is not seen near.

    People who drive such devices are mostly far away (docs/evidence.md, M22), so that the claim's own prior, which is
    that of any device, no longer fits, and too little evidence for it clears nothing.
    """
    abroad, evidence = assessment.abroad, assessment.abroad.decibans - assessment.abroad.prior_decibans
    asks = assessment.driven.level in {Level.STRONG, Level.REVIEW}
    if not asks or abroad.level is not Level.CLEAR or evidence < 0:
        return assessment
    known = "the signs of where from are not enough" if evidence else "nothing shows from where"
    unknown = replace(
        abroad,
        level=Level.NOT_ENOUGH_DATA,
        reason=f"somebody seems to drive it, and {known}",
        overturn="a log or a capture that shows where the other end is",
    )
    return replace(assessment, abroad=unknown)


def assess_claim(
    claim: Claim, findings: Iterable[Finding], prior: float, calibration: Calibration | None = None
) -> ClaimAssessment:
    """Weigh all findings that speak about one claim."""
    relevant = [finding for finding in findings if finding.claim is claim]
    prior_decibans = 10 * math.log10(prior / (1 - prior))
    weighed = _weights(relevant)
    weights = tuple(weight for weight, _ in weighed)
    evidence = sum(weight.decibans for weight in weights if weight.counted)
    measured = _calibrated(evidence, calibration) if weights and calibration is not None else ()
    total = prior_decibans + evidence + sum(weight.decibans for weight in measured)
    probability = 1 / (1 + 10 ** (-total / 10))
    counted = [(weight, finding) for weight, finding in weighed if weight.counted and weight.decibans > 0]
    shares: dict[str, float] = {}
    for weight, finding in counted:
        shares[finding.family] = shares.get(finding.family, 0.0) + weight.decibans
    families = tuple(sorted(family for family, share in shares.items() if share >= FAMILY_SHARE_DECIBANS))
    conclusive = _stated(weighed, total)
    level, reason = _level(relevant, probability, families, conclusive=conclusive)
    return ClaimAssessment(
        level=level,
        probability=probability,
        decibans=total,
        prior_decibans=prior_decibans,
        weights=(*weights, *measured),
        families=families,
        reason=reason,
        overturn=_overturn(level, total, _without_strongest(prior_decibans, weights, calibration), _breaches(relevant)),
    )


def _stated(weighed: Sequence[tuple[Weight, Finding]], total: float) -> bool:
    """Whether a record states the fact outright: one that counts, or would carry it in a heavier one's place."""
    least = 10 * math.log10(STRONG_PROBABILITY / (1 - STRONG_PROBABILITY))
    heaviest = {weight.group: weight.decibans for weight, _ in weighed if weight.counted and weight.decibans > 0}
    return any(
        weight.counted or total - heaviest[weight.group] + weight.decibans >= least
        for weight, finding in weighed
        if finding.conclusive and weight.decibans > 0 and weight.group in heaviest
    )


def _calibrated(evidence: float, calibration: Calibration) -> tuple[Weight, ...]:
    """The link of the chain that turns a sum of weights into what it is worth."""
    worth = calibration.worth(evidence)
    reason = f"{calibration.reason or 'measured'}: together {evidence:+.1f} is worth {worth:+.1f}"
    return (Weight("calibration", worth - evidence, True, WeightSource.MEASURED, reason, "calibration"),)


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
    if owed := _owed(findings):
        return Level.REVIEW, owed
    if not any(finding.outcome is Outcome.HIT for finding in findings):
        return Level.CLEAR, f"{len(looked)} of {len(findings)} checks had data, none found anything"
    return Level.CLEAR, "what was found is not enough by itself to be worth a person's time"


def _owed(findings: Sequence[Finding]) -> str:
    """Why a person should look although the odds alone would not ask for it; '' for no reason."""
    if any(finding.for_review and finding.outcome is Outcome.HIT for finding in findings):
        return "what was found is for a person to look at, though as evidence alone it is not enough"
    if _breaches(findings):
        return "beyond a limit that the profile declares; as evidence alone it would not be enough"
    return ""


def _breaches(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Detectors that saw a declared limit exceeded, or what is for a person to look at whatever the odds."""
    return tuple(
        finding.detector
        for finding in findings
        if finding.outcome is Outcome.HIT and (finding.weight_source is WeightSource.DECLARED or finding.for_review)
    )


def _without_strongest(
    prior_decibans: float, weights: Sequence[Weight], calibration: Calibration | None
) -> tuple[str, float] | None:
    """The detector of the strongest weight that speaks for a claim, and what would be left without it.

    The next strongest of its group takes its place, as it would have counted had the strongest not been found.
    """
    strongest = next((weight for weight in weights if weight.counted and weight.decibans > 0), None)
    if strongest is None:
        return None
    heir = next((weight for weight in weights if weight.group == strongest.group and not weight.counted), None)
    rest = sum(weight.decibans for weight in weights if weight.counted) - strongest.decibans
    rest += 0.0 if heir is None else heir.decibans
    return strongest.detector, prior_decibans + (rest if calibration is None else calibration.worth(rest))


def _overturn(level: Level, total: float, without: tuple[str, float] | None, breaches: Sequence[str]) -> str:
    """What would change the level, in words."""
    review = 10 * math.log10(REVIEW_PROBABILITY / (1 - REVIEW_PROBABILITY))
    if level is Level.NOT_ENOUGH_DATA:
        return "any data: a capture with this device's traffic, or its telemetry"
    if level is Level.CLEAR:
        return f"evidence of {review - total:.0f} decibans more would make it a case for review"
    if total < review and breaches:
        return f"an innocent explanation of {breaches[0]}, or a profile or roster that allows for it"
    if without is None:
        return "nothing found speaks for it but the prior: set a lower prior in the profile"
    strongest, left = without
    if left < review:
        return f"an innocent explanation of {strongest} alone would clear it"
    return f"it stands without {strongest}; several findings would have to be explained"
