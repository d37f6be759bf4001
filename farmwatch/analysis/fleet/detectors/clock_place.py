"""A device whose own clock runs on another zone than its declared place (I5).

Legal time and the sun differ by up to three hours where zones are wide or summer time is kept, so only what exceeds
three and a half hours counts. Setting the clock is free for whoever drives the machine, and a farm sets it right: so it
weighs little, and a clock that fits says nothing. A clock on UTC is what developers and images from a server have, and
is left out. Nothing but the offset from UTC is used; a zone's name never is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.analysis.fleet.visits import travelling_sql
from farmwatch.records import Claim, DeviceFact, Family, Record, RosterEntry

__all__ = ["ClockPlace"]

_AWAY = travelling_sql("d.device_id", "CAST($since AS TIMESTAMPTZ)", "CAST($until AS TIMESTAMPTZ)")


@dataclass(frozen=True, slots=True)
class ClockPlace(FleetDetector):
    """Finds clocks that are hours away from the sun of the declared place."""

    id: ClassVar[str] = "clock.place"
    title: ClassVar[str] = "does its own clock fit the place it is declared to be?"
    topic: ClassVar[str] = "the device's clock against the declared place"
    signals: ClassVar[tuple[str, ...]] = ("I5",)
    family: ClassVar[Family] = Family.TIMING
    needs: ClassVar[tuple[type[Record], ...]] = (DeviceFact, RosterEntry)
    benign: ClassVar[tuple[str, ...]] = (
        "an image or a habit that keeps head office's time",
        "travel or a move that the roster does not know yet",
        "wrong coordinates in the roster",
    )
    group: ClassVar[str] = "own clock"
    grades: ClassVar[Mapping[str, Grade]] = {
        "away": Grade(
            Claim.ABROAD, 5.0, "judged from grade C of I5 (docs/evidence.md): few laptops keep another place's time"
        ),
        "habit_here": Grade(
            Claim.ABROAD, 1.0, "judged from I5 (docs/evidence.md): several devices of the fleet keep that time"
        ),
    }
    when_clear: ClassVar[str] = "its clock fits its declared place, or is on UTC; a driven laptop's clock is set to fit"
    check: ClassVar[str] = "ask why the clock is set so; compare with where the device was seen"

    least_apart_h: float = param(3.5, "Legal time is up to 3 h from the sun, summer time included.", low=3, high=12)
    least_share: float = param(
        0.9, "Of reports: a clock that is set so, not one that was on a journey.", low=0.5, high=1
    )
    habit_share: float = param(0.01, "Of the fleet with that difference: head office's time.", low=0.001, high=0.5)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices whose clock was away in nearly all reports."""
        for row in fleet.rows(
            f"""
            WITH told AS (
                SELECT d.device_id, d.utc_offset_min AS clock, count(*) AS n, min(d.ts) AS first, max(d.ts) AS last
                FROM devices AS d WHERE d.utc_offset_min BETWEEN -840 AND 840 AND NOT {_AWAY} GROUP BY ALL
            ), mostly AS (
                SELECT *, sum(n) OVER (PARTITION BY device_id) AS total FROM told
                QUALIFY row_number() OVER (PARTITION BY device_id ORDER BY n DESC, clock) = 1
            ), apart AS (
                SELECT m.*, (m.clock - 4 * o.longitude + 2160) % 1440 - 720 AS away_min
                FROM mostly AS m JOIN owners AS o USING (device_id)
                WHERE o.longitude BETWEEN -180 AND 180 AND m.clock <> 0 AND m.n >= $share * m.total
            ), alike AS (
                SELECT *, count(*) OVER (PARTITION BY clock) AS alike FROM apart WHERE abs(away_min) >= 60 * $apart
            )
            SELECT *, alike >= 5 AND alike >= $habit * (SELECT count(*) FROM fleet_devices) AS habit FROM alike
            ORDER BY device_id
            """,
            share=self.least_share,
            apart=self.least_apart_h,
            habit=self.habit_share,
        ):
            yield Hit(
                row["device_id"],
                "habit_here" if row["habit"] else "away",
                f"its own clock is {_offset(row['clock'])}, {abs(row['away_min']) / 60:.1f} hours from the sun at its "
                f"declared place, in {row['n']} of {many(row['total'], 'report')}",
                observed=f"{_offset(row['clock'])}; as far off with that time: {many(row['alike'], 'device')} of the "
                "fleet",
                expected=f"within {self.least_apart_h:g} hours of the sun at the declared place",
                telling=(telling(DeviceFact, row["first"], row["last"], count=row["n"]),),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices that report no clock, have no declared coordinates, keep UTC, or are travelling."""
        rows = fleet.rows(
            f"""
            SELECT d.device_id, any_value(o.longitude) IS NULL AS placeless, count(d.utc_offset_min) = 0 AS untold,
                   bool_and(d.utc_offset_min = 0) AS on_utc, bool_or({_AWAY}) AS away
            FROM devices AS d JOIN owners AS o USING (device_id) GROUP BY d.device_id ORDER BY d.device_id
            """
        )
        reasons = {}
        for row in rows:
            if row["untold"]:
                reasons[row["device_id"]] = "no feed reports its clock's offset"
            elif row["placeless"]:
                reasons[row["device_id"]] = "the roster has no coordinates of its place"
            elif row["away"]:
                reasons[row["device_id"]] = "declared travel"
            elif row["on_utc"]:
                reasons[row["device_id"]] = "its clock is on UTC, as developers set it"
        return reasons


def _offset(minutes: int) -> str:
    return f"UTC{'+' if minutes >= 0 else '-'}{abs(minutes) // 60}:{abs(minutes) % 60:02d}"
