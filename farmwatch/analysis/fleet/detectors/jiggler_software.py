"""A program that keeps the session awake with invented input or against the power settings (E6).

Many staff use one, so it weighs little, next to nothing where much of the fleet has it. A remote hand needs none where
a box does the same; it says only that somebody wants the machine to look used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.inputs import excused
from farmwatch.analysis.fleet.tool_proof import many, shown, tool_tellings, without_tool_tables
from farmwatch.records import Claim, Family, InputTiming, Record

__all__ = ["JigglerSoftware"]

_WHY = "judged from grade C of E6 (docs/evidence.md): many staff use one"


@dataclass(frozen=True, slots=True)
class JigglerSoftware(FleetDetector):
    """Finds programs against the screen lock, by name or by the motion they inject."""

    id: ClassVar[str] = "jiggler.software"
    title: ClassVar[str] = "does a program keep the session awake with invented input?"
    topic: ClassVar[str] = "programs that keep a session awake"
    signals: ClassVar[tuple[str, ...]] = ("E6",)
    family: ClassVar[Family] = Family.NAMES
    needs: ClassVar[tuple[type[Record], ...]] = ()
    benign: ClassVar[tuple[str, ...]] = (
        "avoiding the screen lock",
        "presentations, long builds and downloads",
        "an arrangement at work that the roster does not say",
    )
    group: ClassVar[str] = "jiggler"
    grades: ClassVar[Mapping[str, Grade]] = {
        "daily": Grade(Claim.DRIVEN, 3.0, f"{_WHY}; this one runs on most days"),
        "present": Grade(Claim.DRIVEN, 1.5, f"{_WHY}; installed or seen now and then"),
        "motion": Grade(Claim.DRIVEN, 3.0, f"{_WHY}; a program moves the pointer to a clock for hours"),
    }
    when_clear: ClassVar[str] = "no known program against the screen lock, or one that many devices of the fleet have"
    check: ClassVar[str] = "nothing by itself; ask only if something else is found"

    common_share: float = param(0.05, "What one device in twenty has is a habit of the company.", low=0.005, high=1.0)
    daily_days: float = param(3, "Most of a working week.", low=2, high=30)
    least_hours: float = param(2.0, "Shorter motion may be a macro at work.", low=0.5, high=24)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """One hit for each program and device, and one where motion of no hardware keeps a clock."""
        arranged_there = "SELECT device_id FROM excused"
        for row in fleet.rows(
            f"""
            SELECT device_id, name, value, vias, days, devices, runs, seen FROM device_tools
            WHERE kind = 'jiggler' AND NOT approved AND NOT (devices >= 10 AND share >= $common)
                  AND device_id NOT IN ({arranged_there})
            ORDER BY device_id, tool
            """,
            common=self.common_share,
        ):
            daily = row["runs"] and row["days"] >= self.daily_days
            yield Hit(
                row["device_id"],
                "daily" if daily else "present",
                f"{row['name']}, which keeps the session awake, was seen on {many(row['days'], 'day')}; "
                f"{many(row['devices'], 'device')} of the fleet {'has' if row['devices'] == 1 else 'have'} it",
                observed=f"{shown(row['value'])} ({row['vias']})",
                expected="no program against the screen lock, or one that the company hands out",
                telling=tool_tellings(row["seen"]),
            )
        for row in fleet.rows(
            f"""
            SELECT device_id, median(jiggle_period_s) AS period, sum(window_s) / 3600 AS hours, count(*) AS n,
                   min(ts) AS first, max(ts) AS last
            FROM input_timing
            WHERE input_device = 'injected' AND jiggle_period_s BETWEEN 0.5 AND 3600 AND window_s BETWEEN 1 AND 7200
                  AND device_id NOT IN ({arranged_there})
            GROUP BY device_id HAVING sum(window_s) / 3600 >= $least ORDER BY device_id
            """,
            least=self.least_hours,
        ):
            yield _motion(row)

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices of which nothing is reported that could show a program, and those with an arrangement."""
        return {**without_tool_tables(fleet), **excused(fleet)}


def _motion(row: Mapping[str, Any]) -> Hit:
    return Hit(
        row["device_id"],
        "motion",
        f"a program moves the pointer every {row['period']:.0f} s, for {row['hours']:.1f} hours in all",
        observed=f"{many(row['n'], 'window')} with motion of no hardware at a fixed period",
        expected="motion of a mouse or touchpad",
        telling=(telling(InputTiming, row["first"], row["last"], count=row["n"]),),
    )
