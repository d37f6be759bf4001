"""Keys are pressed on one person's device in nearly every hour of the day, day after day (I5).

A person sleeps. Where somebody types in twenty of twenty-four hours on several days, more than one does: operators who
take turns at one laptop, or colleagues who share it. Only key presses count: jigglers and clickers make none. A shared
device has no person in the roster and is not judged. Operators who keep one shift leave nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.inputs import excused
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.records import Claim, Family, InputTiming, Record, RosterEntry

__all__ = ["ActivityNoRest"]


@dataclass(frozen=True, slots=True)
class ActivityNoRest(FleetDetector):
    """Finds devices that several people seem to type on by turns."""

    id: ClassVar[str] = "activity.no_rest"
    title: ClassVar[str] = "is one person's device typed on day and night?"
    topic: ClassVar[str] = "hours of rest in its input"
    signals: ClassVar[tuple[str, ...]] = ("I5",)
    family: ClassVar[Family] = Family.TIMING
    needs: ClassVar[tuple[type[Record], ...]] = (InputTiming, RosterEntry)
    benign: ClassVar[tuple[str, ...]] = (
        "a device that a team shares, under one person's name in the roster",
        "test automation or a macro that presses keys at night",
        "an emergency that kept somebody up",
    )
    group: ClassVar[str] = "no rest"
    grades: ClassVar[Mapping[str, Grade]] = {
        "day_and_night": Grade(
            Claim.DRIVEN, 6.0, "judged from I5 (docs/evidence.md): more than one person types, or a program does"
        ),
    }
    when_clear: ClassVar[str] = "its input has hours of rest; operators who keep one shift would not show"
    check: ClassVar[str] = "ask whether the device is shared, and whether a program types on it at night"

    least_hours: float = param(20, "Of a day with keys: nobody does that on several days.", low=17, high=24)
    least_days: float = param(3, "An emergency lasts a day or two.", low=2, high=28)
    least_presses: float = param(10, "Keys in an hour: more than a touch in passing.", low=1, high=1000)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices with enough such days."""
        for row in fleet.rows(
            """
            WITH hours AS (
                SELECT device_id, CAST(ts AS DATE) AS day, hour(ts) AS hour, min(ts) AS first, max(ts) AS last,
                       count(*) AS n
                FROM input_timing WHERE presses > 0 GROUP BY ALL
                HAVING sum(least(presses, 1000000)) >= $presses
            ), days AS (
                SELECT device_id, day, count(*) AS hours, min(first) AS first, max(last) AS last, sum(n) AS n
                FROM hours GROUP BY device_id, day HAVING count(*) >= $hours
            )
            SELECT device_id, count(*) AS days, avg(hours) AS hours, min(first) AS first, max(last) AS last, sum(n) AS n
            FROM days JOIN owners AS o USING (device_id)
            WHERE o.person IS NOT NULL AND NOT o.accommodation
            GROUP BY device_id HAVING count(*) >= $days ORDER BY device_id
            """,
            presses=int(self.least_presses),
            hours=int(self.least_hours),
            days=int(self.least_days),
        ):
            yield Hit(
                row["device_id"],
                "day_and_night",
                f"keys were pressed in {row['hours']:.0f} of 24 hours on {many(row['days'], 'day')}, though the "
                "roster gives it to one person",
                observed=f"{many(row['n'], 'window')} with keys on those days",
                expected="some hours of rest in every day",
                telling=(telling(InputTiming, row["first"], row["last"], count=row["n"]),),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Shared devices, and those with an arrangement."""
        rows = fleet.rows("SELECT device_id FROM owners WHERE person IS NULL ORDER BY device_id")
        return {**{row["device_id"]: "shared, or given to nobody" for row in rows}, **excused(fleet)}
