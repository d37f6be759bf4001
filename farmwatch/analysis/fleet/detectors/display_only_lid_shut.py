"""One external display that never changes, with the lid shut all the time (E4).

A laptop behind a KVM has one monitor for good, and nobody opens it. So has many a laptop on a desk, which is why this
weighs little; a monitor that no other device of the fleet has ever had weighs a little more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.records import Claim, Display, Family, PowerEvent, Record

__all__ = ["DisplayOnlyLidShut"]


@dataclass(frozen=True, slots=True)
class DisplayOnlyLidShut(FleetDetector):
    """Finds shut laptops with one display that never changes."""

    id: ClassVar[str] = "display.only_lid_shut"
    title: ClassVar[str] = "is it always shut, with one external display that never changes?"
    topic: ClassVar[str] = "external displays of shut laptops"
    signals: ClassVar[tuple[str, ...]] = ("E4", "E14")
    family: ClassVar[Family] = Family.HARDWARE
    needs: ClassVar[tuple[type[Record], ...]] = (Display, PowerEvent)
    benign: ClassVar[tuple[str, ...]] = (
        "a laptop on a desk with a monitor, used like a desktop computer",
        "a laptop in a stand or a dock",
        "a meeting-room or lab machine",
    )
    group: ClassVar[str] = "always on"
    grades: ClassVar[Mapping[str, Grade]] = {
        "rare display": Grade(Claim.DRIVEN, 5.0, "judged: a monitor of no known purchase (docs/evidence.md, E4: C)"),
        "one display": Grade(Claim.DRIVEN, 2.0, "judged: many desks look like that (docs/evidence.md, E4: C)"),
    }
    when_clear: ClassVar[str] = "the lid was opened, or its displays changed"
    check: ClassVar[str] = "ask for a photograph of the desk with the laptop on it"

    least_days: int = param(4, "Days with a report of the display: fewer are a stay.", low=2, high=20)
    known_fleet: int = param(50, "Devices with displays from which on a model nobody else has is rare.",
                             low=20, high=1000)  # fmt: skip

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices whose lid was reported shut and never open in the window."""
        for row in fleet.rows(
            """
            WITH shut AS (
                SELECT device_id, count(*) AS lids FROM power
                WHERE lid_closed IS NOT NULL OR event IN ('lid closed', 'lid open') GROUP BY device_id
                HAVING bool_and(coalesce(lid_closed, event = 'lid closed') AND event <> 'lid open')
            ), shown AS (
                SELECT device_id, bool_or(coalesce(internal, false)) AS inside, min(first) AS first, max(last) AS last,
                       count(DISTINCT concat_ws('/', vendor, product_code, serial_number, serial_text, name))
                           FILTER (NOT coalesce(internal, false)) AS displays,
                       bit_count(bit_or(days) FILTER (last >= $since::TIMESTAMPTZ)) AS stayed, sum(n)::BIGINT AS n,
                       max(vendor) AS vendor, max(product_code) AS product_code, max(name) AS name,
                       min(record_id) AS record_id
                FROM screens GROUP BY device_id
            ), models AS (
                SELECT vendor, product_code, count(DISTINCT device_id) AS holders FROM screens
                WHERE NOT coalesce(internal, false) GROUP BY vendor, product_code
            ), fleet_size AS (SELECT count(DISTINCT device_id) AS devices FROM screens)
            SELECT s.*, lids, holders = 1 AND devices >= $known AS rare
            FROM shown AS s JOIN shut USING (device_id) JOIN models USING (vendor, product_code) CROSS JOIN fleet_size
            WHERE NOT inside AND displays = 1 AND stayed >= $least
            ORDER BY s.device_id
            """,
            least=self.least_days,
            known=self.known_fleet,
        ):
            name = " ".join(filter(None, (row["vendor"], row["name"])))[:80]
            reports = "its only report" if row["lids"] == 1 else f"all {many(row['lids'], 'report')}"
            rare = ", a model that no other device of the fleet has" if row["rare"] else ""
            yield Hit(
                row["device_id"],
                "rare display" if row["rare"] else "one display",
                f"its lid was shut in {reports} and its only display on {many(row['stayed'], 'day')} was {name}{rare}",
                observed=f"display {name}; {many(row['lids'], 'report')} of the lid, none open",
                expected="a laptop is opened some day, or moved to another display",
                telling=(telling(Display, row["first"], row["last"], count=row["n"], record_ids=[row["record_id"]]),),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices that report power without the lid, or displays on too few days."""
        rows = fleet.rows(
            """
            WITH lids AS (
                SELECT DISTINCT device_id FROM power
                WHERE lid_closed IS NOT NULL OR event IN ('lid closed', 'lid open')
            ), days AS (
                SELECT device_id FROM screens GROUP BY device_id HAVING bit_count(bit_or(days)) >= $least
            )
            SELECT p.device_id, l.device_id IS NULL AS lidless
            FROM (SELECT device_id FROM presence WHERE name = 'power') AS p
            LEFT JOIN lids AS l ON l.device_id = p.device_id LEFT JOIN days AS d ON d.device_id = p.device_id
            WHERE l.device_id IS NULL OR d.device_id IS NULL ORDER BY p.device_id
            """,
            least=self.least_days,
        )
        return {
            row["device_id"]: "no word of the lid" if row["lidless"] else "displays were told on too few days"
            for row in rows
        }
