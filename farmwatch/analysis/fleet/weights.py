"""Weights of evidence that replace the detectors' own: what calibration measured, kept as data with its card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from farmwatch.records import Finding, WeightSource

__all__ = ["NO_WEIGHTS", "Weights"]


@dataclass(frozen=True, slots=True)
class Weights:
    """Decibans by detector and grade; what is not named keeps the detector's number."""

    decibans: Mapping[tuple[str, str], float] = field(default_factory=dict)
    reason: str = ""  #: where they come from, for the chain of a verdict

    def applied(self, finding: Finding) -> Finding:
        """The finding with the weight that holds for its grade."""
        given = self.decibans.get((finding.detector, finding.grade))
        if given is None:
            return finding
        return replace(finding, decibans=given, weight_source=WeightSource.MEASURED, weight_reason=self.reason)

    @property
    def digest(self) -> str:
        """SHA-256 of the numbers, first 16 hex digits; equal weights have equal digests."""
        listed = sorted((detector, grade, value) for (detector, grade), value in self.decibans.items())
        return hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:16]


NO_WEIGHTS = Weights()  #: every grade weighs what its detector says
