"""What a detector over a fleet's telemetry is.

Like a detector of captures (:mod:`farmwatch.analysis.detectors.contract`) it is a frozen dataclass with class-level
facts about itself. Instead of tables it asks a :class:`~farmwatch.analysis.fleet.fleet.Fleet`, once for all devices, in
SQL; Python turns the few rows that come back into sentences. It gives *hits*; the runner says *no data* of devices that
lack a table it needs, and *clear* of those it looked at in vain.

Weights stand apart from the finding: a detector declares *grades*, each with what it weighs and why, and a hit names
its grade. So calibration can put another number in the place of a grade's, and stored hits be weighed again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from farmwatch.analysis.detectors.contract import param
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.records import Claim, Family, Finding, Outcome, Record, Telling, WeightSource

__all__ = ["ABROAD", "ASIDE", "FleetDetector", "Grade", "Hit", "also_driven", "param", "telling"]

MOST_RECORD_IDS = 20
ABROAD_OF_DRIVEN = 0.9  #: of driven laptops' people, judged: who lives where the job is has no need of a farm
ABROAD_OF_OTHERS = 0.02  #: of everybody else in a week without a word in the roster, judged
_LEAST_ABROAD = 12.0  #: decibans; less is said of ordinary people every day
ASIDE = "driven_"  #: before the name of a grade: what it says of a driven device
ABROAD = "abroad"  #: the cause of all that signs of being abroad say of a driven device


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
    aside: bool = False  #: said beside another grade; nothing follows from its absence


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

    def findings(self, hit: Hit) -> tuple[Finding, ...]:
        """A hit as a finding with this detector's own weight, and what it says of being driven beside that."""
        aside = ASIDE + hit.grade
        return (self._finding(hit, hit.grade), *((self._finding(hit, aside),) if aside in self.grades else ()))

    def _finding(self, hit: Hit, name: str) -> Finding:
        grade = self.grades[name]
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
            grade=name,
            telling=tuple(replace(one, record_ids=one.record_ids[:MOST_RECORD_IDS]) for one in hit.telling),
        )


def also_driven(grades: Mapping[str, Grade]) -> Mapping[str, Grade]:
    """Grades, those of being abroad from 12 decibans on with another for what they say of being driven.

    Whoever drives a farm's laptop is nearly always abroad, and few others are without a word, so signs of being abroad
    speak for a driven device too, by the ratio (a·L + 1 - a) / (b·L + 1 - b): L the likelihood ratio of the sign for
    being abroad, a and b the shares of driven devices' and of other people who are (docs/evidence.md, M22). All such
    signs have one cause, the journey that nobody declared, so that the strongest counts. Not for signs that the laptop
    itself is abroad: whoever has it there needs no farm.
    """
    found = dict(grades)
    for name, grade in grades.items():
        if grade.claim is Claim.ABROAD and grade.decibans >= _LEAST_ABROAD:
            found[ASIDE + name] = Grade(
                Claim.DRIVEN,
                _of_driven(grade.decibans),
                "judged: driven from abroad nearly always, others abroad 1 in 50 (docs/evidence.md, M22)",
                group=ABROAD,
                aside=True,
            )
    return found


def _of_driven(decibans: float) -> float:
    """What a sign of being abroad weighs for being driven."""
    ratio = 10 ** (decibans / 10)
    driven = ABROAD_OF_DRIVEN * ratio + 1 - ABROAD_OF_DRIVEN
    others = ABROAD_OF_OTHERS * ratio + 1 - ABROAD_OF_OTHERS
    return round(10 * math.log10(driven / others), 1)


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
