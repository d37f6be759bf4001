"""A meeting's service records that somebody else was given control of the screen (N13)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.records import Claim, Family, MeetingUse, Record

__all__ = ["MeetingControlGiven"]

_JUDGED = "judged: rare for minutes in ordinary calls, daily for hours in documented farms (docs/evidence.md, N13)"


@dataclass(frozen=True, slots=True)
class MeetingControlGiven(FleetDetector):
    """Adds up how often and for how long others controlled the device in meetings.

    Only farmwatch's own format brings this: none of the products' feeds that are read tells of control given away.
    """

    id: ClassVar[str] = "meeting.control_given"
    title: ClassVar[str] = "did somebody in a meeting control it?"
    topic: ClassVar[str] = "remote control inside meetings, by the service's records"
    signals: ClassVar[tuple[str, ...]] = ("N13",)
    family: ClassVar[Family] = Family.NAMES
    needs: ClassVar[tuple[type[Record], ...]] = (MeetingUse,)
    benign: ClassVar[tuple[str, ...]] = (
        "a colleague who takes over in a meeting",
        "support over a meeting",
        "pair programming",
    )
    group: ClassVar[str] = "hand"
    grades: ClassVar[Mapping[str, Grade]] = {
        "hours": Grade(Claim.DRIVEN, 20.0, f"{_JUDGED}; hours on several days"),
        "long": Grade(Claim.DRIVEN, 12.0, f"{_JUDGED}; longer than helping a colleague takes"),
        "often": Grade(Claim.DRIVEN, 6.0, f"{_JUDGED}; minutes, or for how long is not known, on several days"),
        "brief": Grade(Claim.DRIVEN, 2.0, f"{_JUDGED}; minutes of it are ordinary"),
    }
    when_clear: ClassVar[str] = "no meeting in which control was given away, as far as the service records it"
    check: ClassVar[str] = "ask the meeting service who was given control, and from which address"
    long_min: float = param(45.0, "Longer than helping a colleague takes.", low=10, high=480)
    least_days: float = param(3.0, "Days with control given away that are a habit.", low=2, high=20)
    least_hours: float = param(4.0, "In all, over those days.", low=1, high=40)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """One hit a device."""
        for row in fleet.rows(
            """
            SELECT about AS device_id, count(*) AS n, count(DISTINCT CAST(ts AS DATE)) AS days,
                   sum(least(controlled_s, 86400)) FILTER (controlled_s BETWEEN 1 AND 1e7) / 3600 AS hours,
                   max(least(controlled_s, 86400)) FILTER (controlled_s BETWEEN 1 AND 1e7) / 60 AS longest,
                   string_agg(DISTINCT product, ', ' ORDER BY product) AS products, min(ts) AS first, max(ts) AS last,
                   coalesce(min(record_id, 20), []) AS ids
            FROM meetings WHERE about IS NOT NULL AND (control_given OR controlled_s BETWEEN 1 AND 1e7)
            GROUP BY about ORDER BY device_id
            """
        ):
            hours = row["hours"] or 0.0
            yield Hit(
                row["device_id"],
                self._grade(hours, row["longest"] or 0.0, row["days"]),
                f"somebody else was given control in {many(row['n'], 'meeting')} on {many(row['days'], 'day')}"
                + (f", {hours:.1f} hours in all, {row['longest']:.0f} min at a stretch at most" if hours else ""),
                observed=f"records of {row['products']}",
                expected=f"control handed over for less than {self.long_min:.0f} min, now and then",
                telling=(telling(MeetingUse, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
            )

    def _grade(self, hours: float, longest: float, days: int) -> str:
        often = days >= self.least_days
        if often and hours >= self.least_hours:
            return "hours"
        return "long" if longest >= self.long_min else "often" if often else "brief"

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices whose meetings are recorded without a word about control."""
        rows = fleet.arrow(
            "SELECT about AS device_id FROM meetings WHERE about IS NOT NULL GROUP BY about "
            "HAVING count(control_given) + count(controlled_s) = 0 ORDER BY device_id"
        )
        return dict.fromkeys(rows.column(0).to_pylist(), "the service's records do not say whether control was given")
