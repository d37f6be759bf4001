"""A pointer that moves by itself as one KVM's firmware moves it: period, reports, shape, pointer mode (E7).

The agent finds bursts of motion that repeat and says how often, how many reports each has and how the steps lie to each
other; the knowledge has what each firmware's source code does (:mod:`~farmwatch.analysis.fleet.motions`).

Why this is hardware evidence and not timing: the numbers are constants of a firmware. Neither a network nor a busy
machine makes eleven reports out of ten, so it says what hangs on the port, like a descriptor does. It is the same box
as the one whose USB identity or display shows, and counts once with those. Nobody at the far end can hide it but by
leaving the jiggler off, or by other firmware.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.inputs import excused
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.records import Claim, Family, InputTiming, Record

__all__ = ["MotionKvmJiggler"]

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
        "look_alike": Grade(
            Claim.DRIVEN,
            6.0,
            "judged: one or two small steps at a KVM's period; cheap jigglers move like this (docs/evidence.md, E7)",
            group="jiggler",
        ),
    }
    when_clear: ClassVar[str] = (
        "no pointer motion that repeats as a known KVM's does; a KVM's jiggler is off by default"
    )
    check: ClassVar[str] = "ask for a photograph of what is plugged into the laptop's USB and video ports"

    least_windows: float = param(
        6, "Half an hour of it; bursts alike for a few minutes may be chance.", low=2, high=500
    )

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices whose pointer moved so for long enough."""
        for row in fleet.rows(
            """
            SELECT device_id, entry, any_value(name) AS name, pointer, reports, due_gap, median(period) AS period,
                   median(gap) AS gap, count(DISTINCT ts) AS windows, count(DISTINCT CAST(ts AS DATE)) AS days,
                   mode(shape ORDER BY shape) AS shape, list(DISTINCT input_device ORDER BY input_device)[:3] AS inputs,
                   min(ts) AS first, max(ts) AS last, list(DISTINCT record_id ORDER BY record_id)[:20] AS ids
            FROM jiggles WHERE entry IS NOT NULL AND NOT list_contains($approved, entry)
            GROUP BY device_id, entry, pointer, reports, due_gap
            HAVING count(DISTINCT ts) >= $least ORDER BY device_id, entry, pointer, reports, due_gap
            """,
            least=int(self.least_windows),
            approved=sorted(fleet.profile.approved_tools),
        ):
            grade = self._grade(row)
            if grade is not None:
                yield _hit(row, grade)

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices with an arrangement: a jiggler may be part of it."""
        return excused(fleet)

    def _grade(self, row: Mapping[str, Any]) -> str | None:
        """How sure the firmware is; None where the gap of its reports speaks against it."""
        due, gap = row["due_gap"], row["gap"]
        fits = None if due is None or gap is None else 0.8 * due <= gap <= 1.4 * due
        if row["pointer"] == "relative" and row["reports"] <= 2 and not fits:
            return "look_alike"
        if fits is False:
            return None
        return row["entry"] if row["entry"] in self.grades else "other_firmware"


def _hit(row: Mapping[str, Any], grade: str) -> Hit:
    reports = many(row["reports"], "report")
    likeness = "a small step such as" if grade == "look_alike" else "as"
    return Hit(
        row["device_id"],
        grade,
        f"its pointer moves by itself every {row['period']:.0f} s, {reports} each time, {likeness} the jiggler of "
        f"{row['name']} does: {many(row['windows'], 'window')} on {many(row['days'], 'day')}",
        observed=f"{', '.join(row['inputs'])[:80]}: {row['pointer']} pointer, {reports} every {row['period']:.1f} s, "
        f"{row['shape']}" + (f", {row['gap']:.0f} ms apart" if row["gap"] is not None else ""),
        expected="motion of a hand, which never repeats to the second",
        telling=(telling(InputTiming, row["first"], row["last"], count=row["windows"], record_ids=row["ids"]),),
    )
