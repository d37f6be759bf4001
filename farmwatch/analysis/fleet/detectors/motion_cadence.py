"""A pointer that moves to a clock: for hours in which nobody does anything else, or to a daily timetable (E7).

Hands repeat nothing to the second. What does is a jiggler: a box that keeps the screen from locking while nobody is
there. Staff buy them as well, so hours of it say less than a timetable: KVMs have daily hours for their jiggler
(GL.iNet, newer JetKVM), the boxes in shops do not.

Why this is timing and not hardware: it goes by when motion comes, and says nothing of who made the box. Where the shape
names a firmware, ``motion.kvm_jiggler`` says so, and here only a timetable is added. A remote hand hides it by leaving
the jiggler off; a timetable that drifts by itself is missed.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.inputs import excused
from farmwatch.analysis.fleet.motions import EXACT_SPREAD
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.records import Claim, Family, InputTiming, Record

__all__ = ["MotionCadence"]

_DAY_MIN = 1440


@dataclass(frozen=True, slots=True)
class MotionCadence(FleetDetector):
    """Finds hardware jigglers of any make by their cadence, and those that keep daily hours."""

    id: ClassVar[str] = "motion.cadence"
    title: ClassVar[str] = "does its pointer move to a clock while nobody is at it?"
    topic: ClassVar[str] = "pointer motion at an exact cadence"
    signals: ClassVar[tuple[str, ...]] = ("E7",)
    family: ClassVar[Family] = Family.TIMING
    needs: ClassVar[tuple[type[Record], ...]] = (InputTiming,)
    benign: ClassVar[tuple[str, ...]] = (
        "a jiggler that its owner bought against the screen lock: a matter of policy, not of who sits there",
        "a screen that must stay on: a demonstration, a monitoring desk",
        "an arrangement at work that the roster does not say",
    )
    group: ClassVar[str] = "jiggler"
    grades: ClassVar[Mapping[str, Grade]] = {
        "hours": Grade(
            Claim.DRIVEN,
            6.0,
            "judged: exact cadence over hours without a hand is a jiggler, which staff buy too (docs/evidence.md, E7)",
        ),
        "night": Grade(
            Claim.DRIVEN,
            8.0,
            "judged: a jiggler left on for eight hours and more at a time: nobody comes to use the machine "
            "(docs/evidence.md, E7)",
        ),
        "timetable": Grade(
            Claim.DRIVEN,
            12.0,
            "judged: daily hours for a jiggler are a setting of GL.iNet's and JetKVM's firmware, not of the boxes in "
            "shops (docs/evidence.md, E7)",
        ),
    }
    when_clear: ClassVar[str] = (
        "no pointer motion to a clock for hours; a jiggler that is off, or in software, would not show"
    )
    check: ClassVar[str] = "ask the owner about a jiggler, and for a photograph of what is plugged into the laptop"

    least_hours: float = param(2.0, "A lunch break with a jiggler on is common.", low=0.5, high=24)
    night_hours: float = param(8.0, "A night, or a working day, without a hand.", low=4, high=48)
    least_days: float = param(4, "Days that keep the same hours: one more than a habit may by chance.", low=3, high=28)
    tolerance_min: float = param(6.0, "One window of the agent and a minute.", low=1, high=30)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices with a long run of cadence, and on those with a timetable."""
        yield from self._runs(fleet)
        yield from self._timetables(fleet)

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices with an arrangement: a jiggler may be part of it."""
        return excused(fleet)

    def _runs(self, fleet: Fleet) -> Iterable[Hit]:
        """The longest run of windows in which a clock moved the pointer and nothing else came in."""
        for row in fleet.rows(
            """
            WITH moved AS (
                SELECT device_id, ts, max(window_s) AS window_s, median(period) AS period, min(reports) AS reports,
                       max(spread) AS spread, min(record_id) AS record_id, count(DISTINCT input_device) AS inputs,
                       max(1.5e0 * reports * (window_s / period + 1)) AS due
                FROM jiggles WHERE spread <= $exact
                GROUP BY device_id, ts
                HAVING coalesce(bool_and(entry IS NULL OR (pointer = 'relative' AND reports <= 2)), true)
            ), alone AS (
                SELECT t.device_id, t.ts, any_value(m.window_s) AS window_s, any_value(m.period) AS period,
                       any_value(m.reports) AS reports, any_value(m.spread) AS spread,
                       any_value(m.record_id) AS record_id
                FROM input_timing AS t JOIN moved AS m ON m.device_id = t.device_id AND m.ts = t.ts
                GROUP BY t.device_id, t.ts
                HAVING sum(coalesce(t.presses, 0)) = 0 AND sum(coalesce(t.clicks, 0)) = 0
                       AND sum(coalesce(t.moves, 0)) <= max(m.due * m.inputs)
            ), marked AS (
                SELECT *, CASE WHEN epoch(ts) - lag(epoch(ts)) OVER one <= 1.5 * window_s THEN 0 ELSE 1 END AS begins
                FROM alone WINDOW one AS (PARTITION BY device_id ORDER BY ts)
            ), runs AS (
                SELECT *, sum(begins) OVER (PARTITION BY device_id ORDER BY ts) AS run FROM marked
            ), lengths AS (
                SELECT device_id, run, min(ts) AS first, max(ts) AS last, count(*) AS windows, median(period) AS period,
                       median(spread) AS spread, min(reports) AS reports,
                       (max(epoch(ts)) - min(epoch(ts)) + max(window_s)) / 3600 AS hours,
                       list(record_id ORDER BY ts)[:20] AS ids
                FROM runs GROUP BY device_id, run
            )
            SELECT *, sum(hours) OVER (PARTITION BY device_id) AS total FROM lengths WHERE hours >= $least
            QUALIFY row_number() OVER (PARTITION BY device_id ORDER BY hours DESC, first) = 1 ORDER BY device_id
            """,
            exact=min(EXACT_SPREAD, 0.05),
            least=self.least_hours,
        ):
            yield Hit(
                row["device_id"],
                "night" if row["hours"] >= self.night_hours else "hours",
                f"its pointer moved by itself every {row['period']:.0f} s for {row['hours']:.1f} hours on end "
                f"without a key, a click or any other motion ({row['total']:.0f} hours in all)",
                observed=f"{many(row['reports'], 'report')} every {row['period']:.1f} s, "
                f"spread {100 * row['spread']:.1f} %",
                expected="motion of a hand, or none",
                telling=(telling(InputTiming, row["first"], row["last"], count=row["windows"], record_ids=row["ids"]),),
            )

    def _timetables(self, fleet: Fleet) -> Iterable[Hit]:
        """Devices whose jiggler starts and stops at the same minutes of the day, without the device waking then."""
        for row in fleet.rows(
            """
            WITH moved AS (
                SELECT device_id, ts, max(window_s) AS window_s FROM jiggles GROUP BY device_id, ts
            ), marked AS (
                SELECT *, CASE WHEN ts - lag(ts) OVER one <= INTERVAL 5 HOUR THEN 0 ELSE 1 END AS begins
                FROM moved WINDOW one AS (PARTITION BY device_id ORDER BY ts)
            ), numbered AS (
                SELECT *, sum(begins) OVER (PARTITION BY device_id ORDER BY ts) AS period FROM marked
            ), periods AS (
                SELECT device_id, min(ts) AS start, max(ts) AS stop, max(window_s) AS window_s, count(*) AS windows
                FROM numbered GROUP BY device_id, period
                HAVING max(ts) - min(ts) >= INTERVAL 1 HOUR
                       AND min(ts) > CAST($since AS TIMESTAMPTZ) + INTERVAL 20 MINUTE
                       AND max(ts) < CAST($until AS TIMESTAMPTZ) - INTERVAL 20 MINUTE
            ), changes AS (
                SELECT DISTINCT device_id, ts FROM power
                WHERE event NOT IN ('state', 'on mains', 'on battery') AND device_id IN (SELECT device_id FROM periods)
            ), free AS (
                SELECT * FROM periods AS p WHERE NOT EXISTS (
                    SELECT 1 FROM changes AS c WHERE c.device_id = p.device_id
                    AND c.ts BETWEEN p.start - INTERVAL 20 MINUTE AND p.start + INTERVAL 5 MINUTE)
            )
            SELECT device_id, list(start ORDER BY start) AS starts, list(stop ORDER BY start) AS stops,
                   sum(windows) AS windows, min(start) AS first, max(stop) AS last
            FROM free GROUP BY device_id HAVING count(*) >= $least ORDER BY device_id
            """,
            least=int(self.least_days),
        ):
            kept = self._kept(row["starts"], row["stops"])
            if kept is not None:
                yield _timetable(row, kept)

    def _kept(self, starts: Sequence[datetime], stops: Sequence[datetime]) -> tuple[int, int, int] | None:
        """Minutes of the day at which periods start and stop, and on how many days; None where they vary."""
        first, last = _middle(starts), _middle(stops)
        near = [
            start.date()
            for start, stop in zip(starts, stops, strict=True)
            if abs(_apart(start, first)) <= self.tolerance_min and abs(_apart(stop, last)) <= self.tolerance_min
        ]
        if len(set(near)) < self.least_days or len(near) < 0.8 * len(starts):
            return None
        return round(first) % _DAY_MIN, round(last) % _DAY_MIN, len(set(near))


def _minute(moment: datetime) -> float:
    return moment.hour * 60 + moment.minute + moment.second / 60


def _apart(moment: datetime, minute: float) -> float:
    """Minutes from one time of day to another, the short way round."""
    return (_minute(moment) - minute + _DAY_MIN / 2) % _DAY_MIN - _DAY_MIN / 2


def _middle(moments: Sequence[datetime]) -> float:
    """Median time of day, in minutes, of moments on either side of midnight."""
    anchor = _minute(moments[0])
    return anchor + statistics.median(_apart(moment, anchor) for moment in moments)


def _timetable(row: Mapping[str, Any], kept: tuple[int, int, int]) -> Hit:
    start, stop = (f"{minute // 60:02d}:{minute % 60:02d}" for minute in kept[:2])
    return Hit(
        row["device_id"],
        "timetable",
        f"its pointer begins to move by itself at {start} and stops about {stop} UTC on {kept[2]} days, and it had not "
        "just been woken: the jiggler keeps a timetable",
        observed=f"{len(row['starts'])} periods of an hour or more, {kept[2]} days at the same minutes",
        expected="a jiggler that follows its owner's day, which varies by more than minutes",
        telling=(telling(InputTiming, row["first"], row["last"], count=row["windows"]),),
    )
