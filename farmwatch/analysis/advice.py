"""What to say beside a verdict: which findings tell it, and which innocent readings there are of them."""

from __future__ import annotations

from collections.abc import Sequence

from farmwatch.records import Finding, Outcome

__all__ = ["benign_readings", "telling_hits"]

_MOST_BENIGN = 6  #: innocent readings named beside the verdict; every finding lists its own in full
_BENIGN_EACH = 2


def telling_hits(findings: Sequence[Finding]) -> list[Finding]:
    """Hits that speak for a claim, heaviest first."""
    hits = [finding for finding in findings if finding.outcome is Outcome.HIT and finding.decibans > 0]
    return sorted(hits, key=lambda finding: (-finding.decibans, finding.detector))


def benign_readings(findings: Sequence[Finding]) -> tuple[str, ...]:
    """The likeliest innocent readings of what weighs most."""
    readings = dict.fromkeys(reason for finding in telling_hits(findings) for reason in finding.benign[:_BENIGN_EACH])
    return tuple(readings)[:_MOST_BENIGN]
