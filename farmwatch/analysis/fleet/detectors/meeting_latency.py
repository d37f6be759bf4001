"""The device's line to a meeting's service is far slower than the fleet's (E16).

Names of speakers and cameras, the other half of that signal, are in no table: they are often a person's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.analysis.fleet.visits import travelling_sql
from farmwatch.records import Claim, Family, MeetingUse, Record

__all__ = ["MeetingLatency"]

_FLEET = 20  #: devices with measured meetings; of fewer, no usual delay can be told


@dataclass(frozen=True, slots=True)
class MeetingLatency(FleetDetector):
    """Compares each device's median delay with the fleet's, product by product; services measure differently."""

    id: ClassVar[str] = "meeting.latency"
    title: ClassVar[str] = "are its meetings far slower than the fleet's?"
    topic: ClassVar[str] = "delay in meetings"
    signals: ClassVar[tuple[str, ...]] = ("E16",)
    family: ClassVar[Family] = Family.TIMING
    needs: ClassVar[tuple[type[Record], ...]] = (MeetingUse,)
    benign: ClassVar[tuple[str, ...]] = ("a slow or satellite line", "a VPN that takes a detour", "a journey")
    group: ClassVar[str] = "line delay"
    grades: ClassVar[Mapping[str, Grade]] = {
        "slow": Grade(
            Claim.ABROAD, 3.0, "judged from grade C of E16 (docs/evidence.md): slow lines are far more often just slow"
        ),
    }
    when_clear: ClassVar[str] = "meetings no slower than many others of the fleet"
    check: ClassVar[str] = "compare with the round trip of the device's own address; ask about the line"
    least_ms: float = param(
        300.0, "The number of a published hunting query, called experimental there.", low=100, high=1000
    )
    least_ratio: float = param(3.0, "Times the fleet's median: other regions are within two.", low=1.5, high=10)
    least_meetings: float = param(5.0, "One bad evening is no line.", low=2, high=50)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """One hit for each product and device."""
        for row in fleet.rows(
            f"""
            WITH own AS (
                SELECT about AS device_id, product, median(latency_ms) AS delay, count(*) AS n, min(ts) AS first,
                       max(ts) AS last, count(DISTINCT CAST(ts AS DATE)) AS days,
                       coalesce(min(record_id, 20), []) AS ids
                FROM meetings WHERE about IS NOT NULL AND latency_ms BETWEEN 0 AND 1e6 GROUP BY about, product
            ), usual AS (
                SELECT product, median(delay) AS delay, count(*) AS devices FROM own GROUP BY product
            )
            SELECT o.*, u.delay AS usual, u.devices FROM own AS o JOIN usual AS u USING (product)
            WHERE u.devices >= $fleet AND o.n >= $least_meetings AND o.delay >= $least_ms
            AND o.delay >= $least_ratio * u.delay
            AND NOT {travelling_sql("o.device_id", "o.first", "o.last")}
            ORDER BY o.device_id, o.product
            """,
            fleet=_FLEET,
            least_ms=self.least_ms,
            least_ratio=self.least_ratio,
            least_meetings=self.least_meetings,
        ):
            yield Hit(
                row["device_id"],
                "slow",
                f"{row['delay']:.0f} ms delay in {many(row['n'], row['product'] + ' meeting')} "
                f"on {many(row['days'], 'day')}; "
                f"the fleet has {row['usual']:.0f} ms",
                observed=f"median {row['delay']:.0f} ms",
                expected=f"about {row['usual']:.0f} ms, the median of {many(row['devices'], 'device')}",
                telling=(telling(MeetingUse, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices with fewer measured meetings than can be compared, or in too small a fleet."""
        rows = fleet.arrow(
            """
            WITH own AS (
                SELECT about AS device_id, product, count(latency_ms) AS n FROM meetings WHERE about IS NOT NULL
                GROUP BY about, product
            ), usual AS (SELECT product, count(*) AS devices FROM own WHERE n > 0 GROUP BY product)
            SELECT o.device_id FROM own AS o LEFT JOIN usual AS u USING (product) GROUP BY o.device_id
            HAVING NOT bool_or(o.n >= $least AND coalesce(u.devices, 0) >= $fleet) ORDER BY o.device_id
            """,
            least=self.least_meetings,
            fleet=_FLEET,
        )
        return dict.fromkeys(
            rows.column(0).to_pylist(), "too few meetings whose delay was measured, here or in the fleet"
        )
