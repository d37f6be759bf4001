"""What a detector over a fleet's telemetry is.

Like a detector of captures (:mod:`farmwatch.analysis.detectors.contract`) it is a frozen dataclass with class-level
facts about itself. Instead of tables it asks a :class:`~farmwatch.analysis.fleet.fleet.Fleet`, once for all devices, in
SQL; Python turns the few rows that come back into sentences. It gives *hits*; the runner says *no data* of devices that
lack a table it needs, and *clear* of those it looked at in vain.

Weights stand apart from the finding: a detector declares *grades*, each with what it weighs and why, and a hit names
its grade. So calibration can put another number in the place of a grade's, and stored hits be weighed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from farmwatch.analysis.detectors.contract import param
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.records import Claim, Family, Finding, Outcome, Record, Telling, WeightSource

__all__ = ["FleetDetector", "Grade", "Hit", "param", "telling"]

MOST_RECORD_IDS = 20


@dataclass(frozen=True, slots=True)
class Grade:
    """One weight of a detector: for which claim, how many decibans, and where the number comes from."""

    claim: Claim
    decibans: float
    reason: str  #: where the number comes from: a source of docs/evidence.md, or what it was judged by
    source: WeightSource = WeightSource.JUDGED
    conclusive: bool = False  #: a record that states the fact outright; may carry ``strong`` alone
    cap_decibans: float | None = None  #: most it may count; None: its family's cap
    for_review: bool = False  #: a person should look whatever the odds
    group: str | None = None  #: cause, where it is not the detector's


@dataclass(frozen=True, slots=True)
class Hit:
    """What a detector found on one device."""

    device_id: str
    grade: str  #: key of the detector's ``grades``
    summary: str  #: a sentence for people, with its numbers
    observed: str
    expected: str
    telling: tuple[Telling, ...] = ()  #: rows of telemetry that prove it


class FleetDetector:
    """Base of all detectors over telemetry: the facts each one states about itself."""

    __slots__ = ()

    id: ClassVar[str]  #: named after what is observed, never after guilt
    title: ClassVar[str]  #: the question it answers, in a few words
    topic: ClassVar[str]  #: what it looks at, as a noun: for "not looked at: …"
    signals: ClassVar[tuple[str, ...]]  #: ids of docs/evidence.md that it covers, such as "E1"
    family: ClassVar[Family]
    needs: ClassVar[tuple[type[Record], ...]]  #: tables without any row of which a device has no data
    benign: ClassVar[tuple[str, ...]]  #: innocent explanations, likeliest first, never empty
    group: ClassVar[str]  #: cause it shares with other detectors
    grades: ClassVar[Mapping[str, Grade]]
    when_clear: ClassVar[str]  #: what a clear answer means
    check: ClassVar[str]  #: what a person should do next about a hit

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on any number of devices, in a fixed order."""
        raise NotImplementedError

    def blind(self, fleet: Fleet) -> Mapping[str, str]:  # noqa: ARG002  (the contract's shape; few override it)
        """Devices this detector cannot judge although its tables have rows of them, and why, in a few words."""
        return {}

    def finding(self, hit: Hit) -> Finding:
        """A hit as a finding with this detector's own weight."""
        grade = self.grades[hit.grade]
        return Finding(
            detector=self.id,
            family=self.family,
            claim=grade.claim,
            outcome=Outcome.HIT,
            decibans=grade.decibans,
            summary=hit.summary,
            observed=hit.observed,
            expected=hit.expected,
            benign=self.benign,
            group=self.group if grade.group is None else grade.group,
            weight_source=grade.source,
            weight_reason=grade.reason,
            cap_decibans=grade.cap_decibans,
            conclusive=grade.conclusive,
            for_review=grade.for_review,
            grade=hit.grade,
            telling=tuple(replace(one, record_ids=one.record_ids[:MOST_RECORD_IDS]) for one in hit.telling),
        )


def telling(
    record: type[Record],
    first: datetime | None,
    last: datetime | None = None,
    *,
    count: int = 1,
    record_ids: Iterable[Any] = (),
    device_id: str | None = None,
) -> Telling:
    """Rows of a table as proof; times as a query gives them, ids without the absent ones."""
    ids = tuple(sorted({str(one) for one in record_ids if one is not None})[:MOST_RECORD_IDS])
    return Telling(record.table, _text(first), _text(last or first), int(count), ids, device_id)


def _text(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
