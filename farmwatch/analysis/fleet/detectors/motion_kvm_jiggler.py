"""A pointer that moves by itself as one KVM's firmware moves it: period, reports, shape, pointer mode (E7).

The agent finds bursts of motion that repeat and says how often, how many reports each has and how the steps lie to each
other; the knowledge has what each firmware's source code does. A loop that looks at its idle time once a second adds
up to two seconds to its period, and one that looks at it once a period may skip every other turn, so twice a period
counts as well.

Why this is hardware evidence and not timing: the numbers are constants of a firmware. Neither a network nor a busy
machine makes eleven reports out of ten, so it says what hangs on the port, like a descriptor does. It is the same box
as the one whose USB identity or display shows, and counts once with those. Nobody at the far end can hide it but by
leaving the jiggler off, or by other firmware.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.inputs import arranged
from farmwatch.knowledge import Knowledge
from farmwatch.knowledge.entries import Layer
from farmwatch.knowledge.loading import parse_conditions
from farmwatch.records import Claim, Family, InputTiming, Record

__all__ = ["MotionKvmJiggler"]

_SCHEMA = pa.schema(
    [
        ("entry", pa.string()),
        ("name", pa.string()),
        ("mode", pa.string()),
        ("period_s", pa.float64()),
        ("spread", pa.float64()),
        ("reports", pa.int64()),
        ("shape", pa.string()),
        ("gap_ms", pa.float64()),
    ]
)
_SOURCE = "the firmware's own source code, kept in the knowledge with its version (docs/evidence.md, E7)"


def _named(decibans: float, why: str) -> Grade:
    return Grade(Claim.DRIVEN, decibans, f"judged: {why}; {_SOURCE}")


@dataclass(frozen=True, slots=True)
class MotionKvmJiggler(FleetDetector):
    """Finds the jigglers built into KVMs by how they move the pointer."""

    id: ClassVar[str] = "motion.kvm_jiggler"
    title: ClassVar[str] = "does its pointer move by itself the way a remote KVM's firmware moves it?"
    topic: ClassVar[str] = "pointer motion that repeats as a KVM's firmware makes it"
    signals: ClassVar[tuple[str, ...]] = ("E7",)
    family: ClassVar[Family] = Family.HARDWARE
    needs: ClassVar[tuple[type[Record], ...]] = (InputTiming,)
    benign: ClassVar[tuple[str, ...]] = (
        "the owner's own KVM, left plugged in with its jiggler on",
        "a jiggler bought to avoid the screen lock that happens to move in the same steps",
        "a test bench of the company",
    )
    group: ClassVar[str] = "kvm"
    grades: ClassVar[Mapping[str, Grade]] = {
        "pikvm": _named(20.0, "10 or 11 reports 100 ms apart about once a minute are this firmware's"),
        "comet": _named(20.0, "4 or 5 reports 100 ms apart every 20 to 22 s are this firmware's"),
        "nanokvm": _named(18.0, "two reports, 100 ms apart or ending at the centre of the screen, every 15 or 30 s"),
        "jetkvm": _named(18.0, "every 20 s to the corner of the screen"),
        "blikvm": _named(16.0, "once a minute to the centre of the screen; other programs park a pointer there too"),
        "other_firmware": _named(16.0, "fits a KVM of the company's own knowledge"),
        "look_alike": _named(6.0, "one or two small steps at a KVM's period; cheap jigglers move like this as well"),
    }
    when_clear: ClassVar[str] = (
        "no pointer motion that repeats as a known KVM's does; a KVM's jiggler is off by default"
    )
    check: ClassVar[str] = "ask for a photograph of what is plugged into the laptop's USB and video ports"

    least_windows: float = param(
        6, "Half an hour of it; bursts alike for a few minutes may be chance.", low=2, high=500
    )
    early: float = param(0.05, "Share by which a period may be short: measured to the window.", low=0.0, high=0.2)
    late: float = param(0.12, "Share by which it may be long: the loop looks once a second.", low=0.0, high=0.3)
    exact_spread: float = param(0.08, "A timer without jitter; the loop's own second is 0.03.", low=0.02, high=0.2)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices whose pointer moved so for long enough."""
        fleet.load("motion_shapes", self._shapes(fleet.knowledge))
        for row in fleet.rows(
            """
            WITH seen AS (
                SELECT t.device_id, t.input_device, t.pointer, t.ts, t.record_id, t.window_s,
                       t.jiggle_period_s AS period, t.jiggle_spread AS spread, t.jiggle_reports AS reports,
                       t.jiggle_shape AS shape,
                       CASE WHEN coalesce(t.presses, 0) + coalesce(t.clicks, 0) = 0
                                 AND t.moves <= 1.5 * t.jiggle_reports * (t.window_s / t.jiggle_period_s + 1)
                            THEN t.move_gap_ms END AS gap
                FROM input_timing AS t JOIN input_sources AS s
                     ON s.device_id = t.device_id AND s.input_device = lower(t.input_device)
                WHERE t.jiggle_period_s > 0 AND s.role IN ('usb', 'bluetooth', 'unknown')
                      AND t.device_id NOT IN (SELECT device_id FROM owners WHERE accommodation)
            )
            SELECT seen.device_id, m.entry, any_value(m.name) AS name, m.mode, m.reports, m.period_s,
                   m.gap_ms AS due_gap, median(seen.period) AS period, median(seen.gap) AS gap,
                   count(DISTINCT seen.ts) AS windows,
                   count(DISTINCT CAST(seen.ts AS DATE)) AS days, mode(seen.shape ORDER BY seen.shape) AS shape,
                   list(DISTINCT seen.input_device ORDER BY seen.input_device)[:3] AS inputs,
                   min(seen.ts) AS first, max(seen.ts) AS last,
                   list(DISTINCT seen.record_id ORDER BY seen.record_id)[:20] AS ids
            FROM seen JOIN motion_shapes AS m
                 ON seen.pointer = m.mode AND seen.reports = m.reports AND seen.shape = coalesce(m.shape, seen.shape)
                    AND coalesce(seen.spread, 0) <= m.spread
                    AND (seen.period BETWEEN m.period_s * (1 - $early) AND m.period_s * (1 + $late)
                         OR seen.period BETWEEN 2 * m.period_s * (1 - $early) AND 2 * m.period_s * (1 + $late))
            GROUP BY seen.device_id, m.entry, m.mode, m.reports, m.period_s, m.gap_ms
            HAVING count(DISTINCT seen.ts) >= $least
            ORDER BY seen.device_id, m.entry, m.mode, m.reports
            """,
            early=self.early,
            late=self.late,
            least=int(self.least_windows),
        ):
            grade = self._grade(row)
            if grade is not None:
                yield _hit(row, grade)

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices with an arrangement: a jiggler may be part of it."""
        return arranged(fleet)

    def _shapes(self, knowledge: Knowledge) -> pa.Table:
        """Motions of the knowledge that say how often and in how many reports."""
        rows = []
        for entry in sorted(knowledge.complete.values(), key=lambda one: one.id):
            for fact in entry.facts:
                told = parse_conditions(fact.value) if fact.layer is Layer.MOTION else {}
                period, reports = _number(told.get("period_s")), _number(told.get("reports"))
                if period and reports and "mode" in told:
                    jitter = _number(told.get("jitter_percent")) or 0.0
                    # Evenly distributed jitter of j % has a spread of j / sqrt(3); between two such turns j / 1.2.
                    spread = max(self.exact_spread, jitter / 100)
                    rows.append(
                        (entry.id, entry.name, told["mode"], period, spread, int(reports), told.get("shape"),
                         _number(told.get("gap_ms")))
                    )  # fmt: skip
        columns = zip(*rows, strict=True) if rows else [()] * len(_SCHEMA)
        return pa.table(
            [pa.array(list(values), one.type) for values, one in zip(columns, _SCHEMA, strict=True)], schema=_SCHEMA
        )

    def _grade(self, row: Mapping[str, Any]) -> str | None:
        """How sure the firmware is; None where the gap of its reports speaks against it."""
        due, gap = row["due_gap"], row["gap"]
        fits = None if due is None or gap is None else 0.8 * due <= gap <= 1.4 * due
        if row["mode"] == "relative" and row["reports"] <= 2 and not fits:
            return "look_alike"
        if fits is False:
            return None
        return row["entry"] if row["entry"] in self.grades else "other_firmware"


def _hit(row: Mapping[str, Any], grade: str) -> Hit:
    reports = f"{row['reports']} report{'s' if row['reports'] > 1 else ''}"
    likeness = "a small step such as" if grade == "look_alike" else "as"
    return Hit(
        row["device_id"],
        grade,
        f"its pointer moves by itself every {row['period']:.0f} s, {reports} each time, {likeness} the jiggler of "
        f"{row['name']} does: {row['windows']} windows on {row['days']} days",
        observed=f"{', '.join(row['inputs'])[:80]}: {row['mode']} pointer, {reports} every {row['period']:.1f} s, "
        f"{row['shape']}" + (f", {row['gap']:.0f} ms apart" if row["gap"] is not None else ""),
        expected="motion of a hand, which never repeats to the second",
        telling=(telling(InputTiming, row["first"], row["last"], count=row["windows"], record_ids=row["ids"]),),
    )


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
