"""The device itself is elsewhere than the roster says: by its own positioning, or by the line it is on (E12).

Positions (GPS, networks around it) come with their radius and count beyond it; those that were themselves derived from
an address count like an address. By day: a day on which the device was near home at all is a day at home. Addresses are
taken from the device's own reports and tell countries only. Days of declared travel are left out.

A company laptop meant for New York was found running in London, another one 301 miles from its declared address
(docs/evidence.md, E12). Abroad speaks for a hand abroad; elsewhere in the country, for a host who is not the person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.geo import distance_sql, placed
from farmwatch.analysis.fleet.places import CITY_KM, on_line
from farmwatch.analysis.fleet.tool_proof import many
from farmwatch.analysis.fleet.visits import BORDER_KM, countries_said, networks_said, travelling_sql, unplaced
from farmwatch.knowledge.countries import country_name
from farmwatch.records import Claim, DeviceLocation, Family, Record, RosterEntry, Sighting

__all__ = ["PlaceDevice"]

_WORSE_KM = 50.0  #: radius of a position that came without one: judged, a cell of a mobile network


@dataclass(frozen=True, slots=True)
class PlaceDevice(FleetDetector):
    """Finds devices that are not where they should be.

    Positions with coordinates come in farmwatch's own format only; the other feeds tell a country, or an address.
    """

    id: ClassVar[str] = "place.device"
    title: ClassVar[str] = "is the device where it should be?"
    topic: ClassVar[str] = "the device's own place against the roster"
    signals: ClassVar[tuple[str, ...]] = ("E12",)
    family: ClassVar[Family] = Family.PLACE
    needs: ClassVar[tuple[type[Record], ...]] = (RosterEntry,)
    benign: ClassVar[tuple[str, ...]] = (
        "a move, or a stay with relatives, that the roster does not know",
        "undeclared travel",
        "an access point that was carried to another town and is still listed in the old one",
        "an address that the place database has in the wrong place",
    )
    group: ClassVar[str] = "place"
    grades: ClassVar[Mapping[str, Grade]] = {
        "abroad_days": Grade(
            Claim.ABROAD, 21.0, "judged: its own positions, abroad and for days (docs/evidence.md, E12)"
        ),
        "line_days": Grade(Claim.ABROAD, 14.0, "judged: on a line abroad for days, by address (docs/evidence.md, E12)"),
        "abroad": Grade(Claim.ABROAD, 8.0, "judged: a day or two abroad is mostly a journey (docs/evidence.md, E12)"),
        "country_code": Grade(Claim.ABROAD, 3.0, "judged: a router's country setting is often wrong"),
        "far_days": Grade(
            Claim.FARM, 12.0, "judged: for days far from its address within the country (docs/evidence.md, E12)"
        ),
    }
    when_clear: ClassVar[str] = "positions and lines of the device agree with its declared place"
    check: ClassVar[str] = "ask HR for the person's address as of now and where the laptop was sent; call them on video"

    min_km: float = param(150.0, "Beyond the radius: a longer way to work is rare.", low=20, high=2000)
    min_days: int = param(3, "A week-end away is two days.", low=2, high=14)
    min_share: float = param(0.8, "Of the days with a position: who is there to stay is there.", low=0.5, high=1.0)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices that are elsewhere; at most one for each claim and way of knowing."""
        yield from self._positions(fleet)
        yield from self._lines(fleet)

    def _positions(self, fleet: Fleet) -> Iterable[Hit]:
        by_address = "l.method IN ('address', 'ip')"
        radius = (
            f"CASE WHEN {by_address} THEN greatest(coalesce(l.accuracy_m / 1000, 0), {CITY_KM}) "
            f"ELSE coalesce(l.accuracy_m / 1000, {_WORSE_KM}) END"
        )
        rows = fleet.rows(
            f"""
            WITH told AS (
                SELECT l.device_id, CAST(l.ts AS DATE) AS day, l.method, l.ts, l.record_id, o.place, o.place_country,
                       CASE WHEN {placed("l")} AND {placed("o")}
                            THEN greatest({distance_sql("l", "o")} - {radius}, 0) END AS km,
                       upper(l.place_country) AS country
                FROM location AS l JOIN owners AS o USING (device_id)
            ), daily AS (
                SELECT device_id, day, any_value(place ORDER BY place) AS place,
                       any_value(place_country ORDER BY place_country) AS home_country, min(km) AS km,
                       min(country) FILTER (km IS NOT NULL OR method <> 'wifi country code') AS country,
                       max(country) FILTER (method = 'wifi country code') AS coded,
                       bool_or(country = upper(place_country)) AS at_home, min(ts) AS first, max(ts) AS last,
                       count(*) AS n, min(record_id) AS record_id, list_sort(list(DISTINCT method)) AS methods
                FROM told GROUP BY device_id, day
            ), judged AS (
                SELECT *, coalesce(country <> upper(home_country) AND coalesce(km > {BORDER_KM}, true), false)
                          AND NOT coalesce(at_home, false) AS abroad,
                       coalesce(km > $km, false) AS far,
                       country IS NULL AND km IS NULL AND coalesce(coded <> upper(home_country), false) AS coded_abroad
                FROM daily WHERE NOT {travelling_sql("device_id", "day")}
            )
            SELECT device_id, any_value(place ORDER BY place) AS place, any_value(home_country) AS home_country,
                   count(*) AS days, count(*) FILTER (abroad) AS abroad_days, count(*) FILTER (far) AS far_days,
                   count(*) FILTER (coded_abroad) AS coded_days,
                   min(km) FILTER (abroad OR far) AS km, list_sort(list(DISTINCT country) FILTER (abroad)) AS countries,
                   list_sort(list(DISTINCT coded) FILTER (coded_abroad)) AS codes,
                   list_sort(list_distinct(flatten(list(methods) FILTER (abroad OR far OR coded_abroad)))) AS methods,
                   min(first) FILTER (abroad OR far OR coded_abroad) AS first,
                   max(last) FILTER (abroad OR far OR coded_abroad) AS last,
                   (sum(n) FILTER (abroad OR far OR coded_abroad))::BIGINT AS n,
                   list(record_id) FILTER (abroad OR far OR coded_abroad) AS ids
            FROM judged GROUP BY device_id HAVING bool_or(abroad OR far OR coded_abroad) ORDER BY device_id
            """,
            km=self.min_km,
        )
        for row in rows:
            grade = self._grade(row)
            if grade is None:
                continue
            days = {"far_days": row["far_days"], "country_code": row["coded_days"]}.get(grade, row["abroad_days"])
            km = "" if row["km"] is None else f", at least {row['km']:,.0f} km from where it should be"
            where = countries_said(row["countries"] or row["codes"] or ())
            place = row["place"] or country_name(row["home_country"]) or "its declared place"
            yield Hit(
                row["device_id"],
                grade,
                f"by its own positioning ({', '.join(row['methods'])[:60]}) the device was "
                f"{f'in {where}' if where else 'elsewhere'} on {days} of {many(row['days'], 'day')} with a "
                f"position{km}; it should be in {place[:80]}",
                observed=f"{days} of {many(row['days'], 'day')} elsewhere",
                expected=f"positions around {place[:80]}, or travel in the roster",
                telling=(telling(DeviceLocation, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
            )

    def _grade(self, row: Mapping[str, Any]) -> str | None:
        stay = max(self.min_days, self.min_share * row["days"])
        if row["abroad_days"]:
            return "abroad_days" if row["abroad_days"] >= stay else "abroad"
        if row["far_days"] >= stay:
            return "far_days"
        return "country_code" if row["coded_days"] >= stay else None

    def _lines(self, fleet: Fleet) -> Iterable[Hit]:
        """Devices whose own reports came from lines abroad, for days and never from home."""
        km = f"greatest({distance_sql('p', 'o')} - p.radius_km, 0)"
        fleet.make(
            "device_lines",
            f"""
            SELECT e.device_id, e.day, e.address, p.country, p.as_org, p.network,
                   coalesce(p.country <> upper(o.place_country) AND coalesce(
                       CASE WHEN {placed("p")} AND {placed("o")} THEN {km} END > {BORDER_KM}, true), false) AS abroad,
                   o.place, o.place_country AS home_country
            FROM egress AS e JOIN places AS p USING (address) JOIN owners AS o USING (device_id)
            WHERE e.via = 'sightings' AND {on_line("p")} AND p.country IS NOT NULL
                  AND NOT {travelling_sql("e.device_id", "e.day")}
            QUALIFY bool_or(abroad) OVER (PARTITION BY e.device_id)
            """,
        )
        rows = fleet.rows(
            """
            WITH mirrored AS (
                SELECT device_id, ts, address AS value FROM sign_ins
                SEMI JOIN device_lines ON device_lines.device_id = sign_ins.device_id
                WHERE event NOT IN ('tunnel up', 'tunnel down', 'heartbeat')
            ), own AS (
                SELECT device_id, CAST(ts AS DATE) AS day, value AS address, ts, record_id FROM (
                    SELECT device_id, ts, value, record_id FROM sightings SEMI JOIN device_lines USING (device_id)
                    WHERE kind = 'public_ip') ANTI JOIN mirrored USING (device_id, ts, value)
            ), daily AS (
                SELECT device_id, day, bool_and(abroad) AS abroad, bool_and(network = 'mobile') AS carried,
                       any_value(place ORDER BY place) AS place, any_value(home_country) AS home_country,
                       list(DISTINCT {'country': country, 'org': as_org}) AS networks,
                       list(DISTINCT address) AS addresses, min(ts) AS first, max(ts) AS last, count(*) AS n,
                       min(record_id) AS record_id
                FROM own JOIN device_lines USING (device_id, day, address) GROUP BY device_id, day
            )
            SELECT device_id, count(*) AS days, count(*) FILTER (abroad) AS abroad_days,
                   bool_and(coalesce(carried, false)) FILTER (abroad) AS carried,
                   any_value(place ORDER BY place) AS place, any_value(home_country) AS home_country,
                   flatten(list(networks) FILTER (abroad)) AS networks,
                   list_sort(list_distinct(flatten(list(addresses) FILTER (abroad)))) AS addresses,
                   min(first) FILTER (abroad) AS first, max(last) FILTER (abroad) AS last,
                   (sum(n) FILTER (abroad))::BIGINT AS n, list(record_id) FILTER (abroad) AS ids
            FROM daily GROUP BY device_id HAVING bool_or(abroad) ORDER BY device_id
            """
        )
        for row in rows:
            stays = row["abroad_days"] >= max(self.min_days, self.min_share * row["days"])
            place = row["place"] or country_name(row["home_country"]) or "its declared place"
            networks = networks_said((one["country"], one["org"]) for one in row["networks"])
            yield Hit(
                row["device_id"],
                "line_days" if stays and not row["carried"] else "abroad",
                f"the device itself reported from {networks} on {row['abroad_days']} of {many(row['days'], 'day')} "
                f"on a line whose place is known; it should be in {place[:80]}",
                observed="; ".join(row["addresses"][:8]),
                expected=f"a line around {place[:80]}, or travel in the roster",
                telling=(telling(Sighting, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices without a declared place, or without position and without any address whose place is known."""
        positioned = fleet.rows(
            f"""
            SELECT DISTINCT l.device_id FROM location AS l JOIN owners AS o USING (device_id)
            WHERE ({placed("l")} AND {placed("o")}) OR (l.place_country IS NOT NULL AND o.place_country IS NOT NULL)
            """
        )
        seen = {row["device_id"] for row in positioned}
        return {device: reason for device, reason in unplaced(fleet).items() if device not in seen}
