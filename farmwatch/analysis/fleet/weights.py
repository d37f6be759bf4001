"""Weights of evidence that replace the detectors' own: what calibration measured, kept as data with its card."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

from farmwatch.analysis.scoring import Calibration
from farmwatch.records import Claim, Finding, WeightSource

__all__ = ["NO_WEIGHTS", "BenignScores", "GradeKey", "Weights"]

GradeKey = tuple[str, str]  #: detector and grade


@dataclass(frozen=True)
class BenignScores:
    """Summed decibans of benign devices that nothing was measured on: what a score is compared with."""

    devices: int
    scores: tuple[tuple[float, int], ...]  #: score and devices, rising; devices without any finding left out

    @cached_property
    def _at_least(self) -> tuple[list[float], list[int]]:
        counts = list(accumulate(reversed([count for _, count in self.scores]), initial=0))[::-1]
        return [score for score, _ in self.scores], counts

    def p_value(self, score: float) -> float:
        """Share of benign devices at or above a score, as a conformal p-value: (1 + as many) / (n + 1).

        It cannot fall below 1 / (n + 1) (Vovk et al. 2005; Bates et al. 2023; docs/evidence.md, M9).
        """
        if score <= 0:
            return 1.0
        scores, counts = self._at_least
        return (1 + counts[bisect_left(scores, score)]) / (self.devices + 1)


@dataclass(frozen=True, slots=True)
class Weights:
    """What grades weigh and sums of weights are worth; what is not named keeps the detector's number."""

    decibans: Mapping[GradeKey, float] = field(default_factory=dict)
    reason: str = ""  #: where they come from, for the chain of a verdict
    reasons: Mapping[GradeKey, str] = field(default_factory=dict)  #: where that says more of one grade
    causes: Mapping[GradeKey, str] = field(default_factory=dict)  #: cause that a grade was measured to share
    calibrations: Mapping[Claim, Calibration] = field(default_factory=dict)
    benign: Mapping[Claim, BenignScores] = field(default_factory=dict)
    card: Mapping[str, Any] = field(default_factory=dict)  #: what was measured, on what, and how well it held

    def applied(self, finding: Finding) -> Finding:
        """The finding with the weight and cause that hold for its grade; a limit the profile declares stays one."""
        key = (finding.detector, finding.grade)
        given, cause = self.decibans.get(key), self.causes.get(key)
        if finding.weight_source is WeightSource.DECLARED or (given is None and cause is None):
            return finding
        if cause is not None:
            finding = replace(finding, group=cause)
        if given is None:
            return finding
        reason = self.reasons.get(key, self.reason)
        return replace(finding, decibans=given, weight_source=WeightSource.MEASURED, weight_reason=reason)

    @property
    def digest(self) -> str:
        """SHA-256 of the numbers, first 16 hex digits; equal weights have equal digests."""
        listed: list[Any] = sorted((detector, grade, value) for (detector, grade), value in self.decibans.items())
        if self.causes:
            listed.append(sorted((*key, cause) for key, cause in self.causes.items()))
        if self.calibrations:
            listed.append(
                sorted((str(claim), one.slope, one.offset, one.knots) for claim, one in self.calibrations.items())
            )
        return hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:16]

    @classmethod
    def load(cls, path: Path) -> Weights:
        """Weights as ``farmwatch calibrate`` wrote them.

        Raises:
            ProfileError: the file cannot be read or breaks its rules; every fault is listed.
        """
        from farmwatch.analysis.fleet.weights_file import read

        return read(path)

    def text(self) -> str:
        """The weights as :meth:`load` reads them, JSON; equal weights with equal cards give equal texts."""
        from farmwatch.analysis.fleet.weights_file import written

        return written(self)


NO_WEIGHTS = Weights()  #: every grade weighs what its detector says
