"""A laptop that is awake all hours for days, and that nobody opens, unplugs or carries anywhere (E14).

A laptop on a shelf in somebody's house is on so that a hand from afar finds it awake: no lid moves, the battery is
never used, the network never changes. Desks look alike: a laptop that stands docked with its screen shut, and does not
sleep because of how it was set up. So it weighs little. A remote hand could have the lid moved and the plug pulled only
by somebody who is there; it seldom bothers.

What counts: hours with any power or surroundings report (the agent reports at least once an hour while awake), lid,
battery and mains states, gateways and access points. One restart in a week is a patch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.records import Claim, Family, PowerEvent, Record, Sighting

__all__ = ["PowerAlwaysOn"]

_AWAKE_HOURS = 22  #: of a day: the agent reports once an hour and may miss a message
_WHY = "judged from grade C to B of E14 (docs/evidence.md)"
_STEADY = f"""
    WITH hours AS (
        SELECT device_id, CAST(ts AS DATE) AS day, bit_or(1::BIGINT << hour(ts)) AS awake FROM (
            SELECT device_id, ts FROM power WHERE event NOT IN ('boot', 'sleep', 'shutdown', 'dead')
            UNION ALL SELECT device_id, ts FROM sightings
        ) GROUP BY ALL
    ), covered AS (
        SELECT device_id, sum(bit_count(awake)) AS hours, count(*) AS days,
               count(*) FILTER (bit_count(awake) >= {_AWAKE_HOURS}) AS full_days
        FROM hours GROUP BY device_id
    ), states AS (
        SELECT device_id, count(*) AS n, min(ts) AS first, max(ts) AS last,
               count(*) FILTER (event IN ('sleep', 'modern standby in')) AS sleeps,
               count(*) FILTER (event IN ('shutdown', 'dead')) AS offs,
               count(*) FILTER (event IN ('lid closed', 'lid open')) AS lid_events,
               count(DISTINCT lid_closed) AS lid_states, coalesce(bool_and(lid_closed), false) AS shut,
               count(lid_closed) AS lid_told, count(battery_pct) + count(cycles) AS battery_told,
               max(cycles)::DOUBLE - min(cycles)::DOUBLE AS cycles_used, min(battery_pct) AS lowest,
               count(*) FILTER (event = 'on battery' OR on_mains = false) AS unplugged
        FROM power GROUP BY device_id
    ), nets AS (
        SELECT device_id, count(DISTINCT value) FILTER (kind = 'gateway_mac') AS gateways,
               count(DISTINCT value) FILTER (kind = 'bssid') AS points
        FROM sightings WHERE kind IN ('gateway_mac', 'bssid') GROUP BY device_id
    )
"""


@dataclass(frozen=True, slots=True)
class PowerAlwaysOn(FleetDetector):
    """Finds laptops that never sleep, move or open."""

    id: ClassVar[str] = "power.always_on"
    title: ClassVar[str] = "is it awake all hours, with nobody opening, unplugging or moving it?"
    topic: ClassVar[str] = "a laptop's hours, lid, battery and networks"
    signals: ClassVar[tuple[str, ...]] = ("E14",)
    family: ClassVar[Family] = Family.TIMING
    needs: ClassVar[tuple[type[Record], ...]] = (PowerEvent, Sighting)
    benign: ClassVar[tuple[str, ...]] = (
        "a laptop used as a desktop computer: docked, screen shut, set up not to sleep",
        "a build, test or monitoring machine",
        "its owner is away and left it on",
    )
    group: ClassVar[str] = "always on"
    grades: ClassVar[Mapping[str, Grade]] = {
        "shut": Grade(Claim.DRIVEN, 7.0, f"{_WHY}; awake all hours with the lid shut, as stacked laptops are"),
        "still": Grade(Claim.DRIVEN, 5.0, f"{_WHY}; lid, battery and network all told, none of them ever changed"),
        "partly_told": Grade(Claim.DRIVEN, 3.0, f"{_WHY}; lid or battery is not reported"),
    }
    when_clear: ClassVar[str] = "it slept, was opened, ran on battery or changed its network, as laptops in use do"
    check: ClassVar[str] = (
        "ask where the laptop stands and what it is connected to; nothing else needs to follow from it"
    )

    least_days: float = param(5, "A working week: a long weekend left on is common.", low=3, high=28)
    most_offs: float = param(2, "A patch restarts once, with one shutdown and perhaps one failure.", low=0, high=10)
    lowest_pct: float = param(70.0, "Charge limits of makers hold a battery between 75 and 80 %.", low=10, high=100)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on laptops that were awake and still for long enough."""
        for row in fleet.rows(
            _STEADY
            + """
            SELECT c.hours, c.days, s.*, coalesce(n.gateways, 0) AS gateways, coalesce(n.points, 0) AS points
            FROM covered AS c JOIN states AS s USING (device_id) LEFT JOIN nets AS n USING (device_id)
            WHERE c.full_days >= $days AND c.days - c.full_days <= 2
                  AND s.sleeps = 0 AND s.offs <= $offs AND s.lid_events = 0 AND s.lid_states <= 1 AND s.unplugged = 0
                  AND coalesce(s.cycles_used, 0) = 0 AND coalesce(s.lowest, 100) >= $lowest
                  AND s.lid_told + s.battery_told > 0 AND coalesce(n.gateways, 0) <= 1 AND coalesce(n.points, 0) <= 1
            ORDER BY c.device_id
            """,
            days=int(self.least_days),
            offs=int(self.most_offs),
            lowest=self.lowest_pct,
        ):
            told = [name for name, known in (("lid", row["lid_told"]), ("battery", row["battery_told"])) if known]
            grade = "partly_told" if len(told) < 2 else "shut" if row["shut"] else "still"
            lid = "its lid shut" if row["shut"] else "its lid never moved" if row["lid_told"] else "no word of a lid"
            yield Hit(
                row["device_id"],
                grade,
                f"awake {row['hours']} of {24 * row['days']} hours on {many(row['days'], 'day')} with {lid}, on "
                "mains all the time and never on another network",
                observed=f"0 sleeps, {many(row['offs'], 'shutdown')}, {many(row['gateways'], 'gateway')}, "
                f"{many(row['points'], 'access point')}; told: {' and '.join(told)}",
                expected="a laptop in use sleeps, is opened and closed, or runs on battery within a week",
                telling=(telling(PowerEvent, row["first"], row["last"], count=row["n"]),),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Desktops, and devices that were not heard of for long enough."""
        rows = fleet.rows(
            _STEADY
            + """
            SELECT s.device_id, s.lid_told + s.battery_told > 0 AS laptop
            FROM states AS s JOIN covered AS c USING (device_id)
            WHERE s.lid_told + s.battery_told = 0 OR c.days < $days ORDER BY s.device_id
            """,
            days=int(self.least_days),
        )
        return {
            row["device_id"]: f"heard of for less than {self.least_days:.0f} days"
            if row["laptop"]
            else "no lid or battery is reported: a desktop, or the feed has none"
            for row in rows
        }
