"""One meeting runs for a whole shift day after day, hardly anybody in it (N13)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.records import Claim, Family, MeetingUse, Record

__all__ = ["MeetingShift"]

_JUDGED = "judged from grade B of N13 (docs/evidence.md), seen alone"


@dataclass(frozen=True, slots=True)
class MeetingShift(FleetDetector):
    """Adds up a device's time in each meeting by day, rejoining included.

    Length, number of people, shared screen and start are looked at. How many took part is what the service says, else
    how many accounts it lists; meetings of which neither is told say nothing. On-call bridges and virtual offices are
    as long and have more people in them; a workshop is one day.
    """

    id: ClassVar[str] = "meeting.shift"
    title: ClassVar[str] = "does one meeting run for a whole shift, day after day?"
    topic: ClassVar[str] = "meetings that last a shift, by the service's records"
    signals: ClassVar[tuple[str, ...]] = ("N13",)
    family: ClassVar[Family] = Family.TIMING
    needs: ClassVar[tuple[type[Record], ...]] = (MeetingUse,)
    benign: ClassVar[tuple[str, ...]] = (
        "pair programming all day",
        "a virtual office of a small team",
        "an on-call bridge of a few people",
        "a meeting-room computer",
    )
    group: ClassVar[str] = "meeting"
    grades: ClassVar[Mapping[str, Grade]] = {
        "screen": Grade(Claim.DRIVEN, 12.0, f"{_JUDGED}; several days, the screen shared most of the time"),
        "regular": Grade(Claim.DRIVEN, 9.0, f"{_JUDGED}; several days, the same minute of the day"),
        "daily": Grade(Claim.DRIVEN, 6.0, f"{_JUDGED}; several days, starting when it likes"),
        "single": Grade(Claim.DRIVEN, 3.0, f"{_JUDGED}; a day or two, the screen shared most of the time"),
    }
    when_clear: ClassVar[str] = "no meeting of a few people that lasts a shift"
    check: ClassVar[str] = "ask the meeting service's audit log for remote-control grants and the other participants"
    least_hours: float = param(5.0, "Ordinary meetings and workshops end before.", low=2, high=12)
    most_people: float = param(3.0, "A hand, a laptop and a helper; bridges have more.", low=2, high=10)
    least_share: float = param(0.5, "Share of the meeting with the screen shown.", low=0.1, high=1)
    least_days: float = param(3.0, "Two days are a workshop.", low=2, high=20)
    start_min: float = param(5.0, "People join within some minutes; a command starts on the minute.", low=1, high=30)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """One hit a device."""
        for row in fleet.rows(
            """
            WITH people AS (
                SELECT product, meeting_id, count(DISTINCT coalesce(account, about, record_id)) AS n FROM meetings
                WHERE meeting_id IS NOT NULL GROUP BY product, meeting_id
            ), parts AS (
                SELECT m.about AS device_id, m.ts, m.ended, m.record_id,
                       CASE WHEN m.shared_s BETWEEN 0 AND 86400 THEN m.shared_s END AS shared_s,
                       coalesce(m.product || m.meeting_id, m.record_id, m.ts::VARCHAR) AS meeting,
                       coalesce(m.participants, p.n) AS people,
                       least(greatest(epoch(m.ended) - epoch(m.ts), 0), 86400) AS seconds
                FROM meetings AS m LEFT JOIN people AS p USING (product, meeting_id)
                WHERE m.about IS NOT NULL AND m.ended IS NOT NULL
            ), by_day AS (
                SELECT device_id, meeting, CAST(ts AS DATE) AS day, min(ts) AS ts, max(ended) AS ended,
                       sum(seconds) / 3600 AS hours, sum(shared_s) / 3600 AS shared, max(people) AS people,
                       count(*) AS n, coalesce(min(record_id, 20), []) AS ids
                FROM parts GROUP BY device_id, meeting, day
                HAVING sum(seconds) >= 3600 * $least_hours AND max(people) <= $most_people
            ), shifts AS (
                SELECT *, 2 * pi() * (epoch(ts) % 86400) / 86400 AS angle FROM by_day
                QUALIFY row_number() OVER (PARTITION BY device_id, day ORDER BY hours DESC, meeting) = 1
            )
            SELECT device_id, count(*) AS days, avg(hours) AS hours, sum(shared) / sum(hours) AS share,
                   max(people) AS people, sum(n)::BIGINT AS n, min(ts) AS first, max(ended) AS last,
                   CAST(1440 + 720 / pi() * atan2(avg(sin(angle)), avg(cos(angle))) AS BIGINT) % 1440 AS minute,
                   720 / pi() * sqrt(-2 * ln(least(greatest(
                       sqrt(pow(avg(sin(angle)), 2) + pow(avg(cos(angle)), 2)), 1e-9), 1))) AS spread,
                   list_sort(flatten(list(ids)))[:20] AS ids
            FROM shifts GROUP BY device_id
            HAVING count(*) >= $least_days OR sum(shared) / sum(hours) >= $least_share ORDER BY device_id
            """,
            least_hours=self.least_hours,
            most_people=self.most_people,
            least_share=self.least_share,
            least_days=self.least_days,
        ):
            often, shown = row["days"] >= self.least_days, (row["share"] or 0) >= self.least_share
            regular = row["spread"] <= self.start_min
            yield Hit(
                row["device_id"],
                ("screen" if shown else "regular" if regular else "daily") if often else "single",
                f"one meeting for {row['hours']:.1f} h on {many(row['days'], 'day')}, "
                f"{many(row['people'], 'person', 'people')} at most"
                + (f", screen shared {min(row['share'], 1):.0%} of the time" if row["share"] is not None else "")
                + (f", begun at {_clock(row['minute'])} UTC give or take {row['spread']:.0f} min"
                   if often else ""),
                observed=f"{row['hours']:.1f} h on average",
                expected="meetings of an hour or two, with more people in them",
                telling=(telling(MeetingUse, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
            )  # fmt: skip


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
