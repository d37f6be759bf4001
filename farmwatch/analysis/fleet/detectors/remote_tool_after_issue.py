"""A remote-control tool came soon after the device was handed out (E11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import COUNTED, many, tool_tellings, without_tool_tables
from farmwatch.records import Claim, Family, Record

__all__ = ["RemoteToolAfterIssue"]

_JUDGED = (
    "judged from grade B of E11 (docs/evidence.md): how much likelier this day is for a driven device, the tool given"
)


@dataclass(frozen=True, slots=True)
class RemoteToolAfterIssue(FleetDetector):
    """Weighs that a tool came in the first days; the tool itself is weighed elsewhere.

    A tool that was installed before the hand-over belongs to the image IT made. Where nobody declared the day of issue,
    the first telemetry stands for it, if the fleet's telemetry is clearly older.
    """

    id: ClassVar[str] = "remote.tool_after_issue"
    title: ClassVar[str] = "did a remote-control tool come soon after it was handed out?"
    topic: ClassVar[str] = "tools soon after issue"
    signals: ClassVar[tuple[str, ...]] = ("E11",)
    family: ClassVar[Family] = Family.TIMING
    needs: ClassVar[tuple[type[Record], ...]] = ()
    benign: ClassVar[tuple[str, ...]] = (
        "support while the device was set up",
        "a habit carried over from the person's earlier computer",
    )
    group: ClassVar[str] = "tool after issue"
    grades: ClassVar[Mapping[str, Grade]] = {
        "fortnight": Grade(Claim.DRIVEN, 8.0, f"{_JUDGED}; within the shorter window published"),
        "month": Grade(Claim.DRIVEN, 5.0, f"{_JUDGED}; within the longer window"),
        "new": Grade(Claim.DRIVEN, 3.0, f"{_JUDGED}; day of issue not declared, first telemetry in its place"),
    }
    when_clear: ClassVar[str] = "no such tool first seen within a month of the day of issue"
    check: ClassVar[str] = "ask who installed the tool, and whether a support ticket of that day explains it"
    short_days: float = param(14.0, "The window of published detection drafts.", low=1, high=90)
    long_days: float = param(30.0, "The longer window of the same; a third is 90.", low=7, high=90)
    settled_days: float = param(
        14.0, "The fleet must have been reporting for so long before a device counts as new.", low=7, high=90
    )

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """One hit for the tool that came soonest, by device."""
        for row in fleet.rows(
            f"""
            WITH begun AS (
                SELECT device_id, min(ts) AS ts FROM (
                    SELECT device_id, ts FROM devices_ever UNION ALL SELECT device_id, ts FROM sightings_ever
                    UNION ALL SELECT device_id, ts FROM power_ever
                ) GROUP BY device_id
            ), settled AS (
                SELECT quantile_cont(epoch(ts), 0.1) AS fleet_ts FROM begun
            ), came AS (
                SELECT t.device_id, t.tool, t.name, t.seen, coalesce(t.installed, t.first) AS came_at, t.first,
                       t.installed, o.issued, b.ts AS begun, s.fleet_ts
                FROM device_tools AS t CROSS JOIN settled AS s LEFT JOIN owners AS o USING (device_id)
                LEFT JOIN begun AS b USING (device_id)
                WHERE t.kind IN ('remote_access', 'rmm') AND t.sure <> 'low' AND {COUNTED}
            ), counted AS (
                SELECT *, 'issued' AS since, (epoch(came_at) - epoch(issued)) / 86400 AS days FROM came
                WHERE issued IS NOT NULL
                UNION ALL
                SELECT *, 'new' AS since, (epoch(first) - epoch(begun)) / 86400 AS days FROM came
                WHERE issued IS NULL AND epoch(begun) - fleet_ts >= $settled_days * 86400
                AND (installed IS NULL OR installed >= begun - INTERVAL 1 DAY)
            )
            SELECT * FROM counted WHERE days BETWEEN 0 AND $long_days
            QUALIFY row_number() OVER (PARTITION BY device_id ORDER BY days, tool) = 1 ORDER BY device_id
            """,
            long_days=self.long_days,
            settled_days=self.settled_days,
        ):
            new = row["since"] == "new"
            yield Hit(
                row["device_id"],
                "new" if new else "fortnight" if row["days"] <= self.short_days else "month",
                f"{row['name']} came {many(round(row['days']), 'day')} after the device "
                + ("began to report" if new else "was handed out"),
                observed=f"{row['came_at']:%Y-%m-%d %H:%M} UTC",
                expected="tools that IT installs before the hand-over, or none",
                telling=tool_tellings(row["seen"]),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices of which nothing is reported that could show a tool."""
        return without_tool_tables(fleet)
