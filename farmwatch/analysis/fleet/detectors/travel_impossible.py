"""An account used from two places too far apart for the time between, or from many countries in one day (I3, N7).

Speed is the great-circle distance beyond both places' radii over the time between two sign-ins in a row; more than
900 km/h is faster than an airliner. What makes such pairs without anybody moving is left out: VPNs, proxies, private
relay, data centres, satellites and a company's gateway (no line); sign-ins that failed or that no person made; accounts
with more addresses than a person has; telephones on a carrier's network; days of declared travel.

Mobile carriers lead traffic out at a few gateways, in a large country thousands of km from who uses them, and lead that
of their roaming customers out at home. So a jump within one country to or from a carrier's address says nothing, and
one between countries little. Within one country a jump on ordinary lines says next to nothing of being abroad.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, also_driven, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.geo import distance_sql, placed
from farmwatch.analysis.fleet.places import on_line
from farmwatch.analysis.fleet.tool_proof import many, times
from farmwatch.analysis.fleet.visits import networks_said, travelling_sql, unplaced
from farmwatch.records import Claim, Family, Record, SignIn

__all__ = ["TravelImpossible"]

MOST_ADDRESSES = 50  #: of one account in the window; with more it is a service's account: judged
NEW_DAYS = 90  #: a new account's sign-ins are few, and first mistakes are made early (docs/evidence.md, I3)
DEGREE_KM = 111.2
_CARRIED = ", one of the two a mobile carrier's, which lead traffic out at home when roaming"


@dataclass(frozen=True, slots=True)
class TravelImpossible(FleetDetector):
    """Finds accounts that moved faster than an airliner."""

    id: ClassVar[str] = "travel.impossible"
    title: ClassVar[str] = "was its account in two places faster than anybody travels?"
    topic: ClassVar[str] = "sign-ins too far apart for the time between"
    signals: ClassVar[tuple[str, ...]] = ("I3", "N7")
    family: ClassVar[Family] = Family.PLACE
    needs: ClassVar[tuple[type[Record], ...]] = (SignIn,)
    benign: ClassVar[tuple[str, ...]] = (
        "a VPN or proxy on one side that no list names",
        "an address that the place database has in the wrong place",
        "an account that several people share",
        "a telephone or tablet that stayed elsewhere",
        "a carrier that leads traffic out far away, or at home for who roams",
    )
    group: ClassVar[str] = "place"
    grades: ClassVar[Mapping[str, Grade]] = also_driven(
        {
            "new_account": Grade(
                Claim.ABROAD,
                14.0,
                "judged: between countries, in an account's first ninety days (docs/evidence.md, I3)",
            ),
            "countries": Grade(
                Claim.ABROAD, 13.0, "judged: three countries within a day on ordinary lines (docs/evidence.md, N7)"
            ),
            "again": Grade(
                Claim.ABROAD, 12.0, "judged: between countries, on two days and more (docs/evidence.md, I3)"
            ),
            "once": Grade(Claim.ABROAD, 6.0, "judged: once is mostly a network in the wrong place or a VPN on no list"),
            "roaming": Grade(
                Claim.ABROAD, 2.0, "judged: between countries, a carrier's address: roaming customers come out at home"
            ),
            "within": Grade(
                Claim.ABROAD, 0.5, "judged: within one country, where a second place says next to nothing of abroad"
            ),
        }
    )
    when_clear: ClassVar[str] = "no two sign-ins in a row were too far apart for the time between"
    check: ClassVar[str] = "ask the owner which two sign-ins were theirs; look what device and program each names"

    max_km_h: float = param(900.0, "Cruise of an airliner; the threshold in public rules.", low=300, high=2000)
    min_km: float = param(500.0, "Beyond both radii: less is a database's mistake.", low=100, high=5000)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices whose accounts jumped."""
        self._moving(fleet)
        km = f"{distance_sql('p', 'q')} - p.radius_km - q.radius_km"
        rows = fleet.rows(
            f"""
            WITH sign AS (
                SELECT s.account, s.about, s.ts, s.address, s.record_id,
                       lag(s.ts) OVER w AS ts_before, lag(s.address) OVER w AS address_before
                FROM sign_ins AS s SEMI JOIN travel_accounts AS a ON a.account = s.account
                SEMI JOIN travel_addresses AS t ON t.account = s.account AND t.address = s.address
                WHERE s.outcome = 'success' AND s.event IN ('sign-in', 'session', 'factor')
                      AND coalesce(s.interactive, true) AND NOT coalesce(s.client_os IN ('ios', 'android')
                          AND s.address IN (SELECT address FROM places WHERE network = 'mobile'), false)
                WINDOW w AS (PARTITION BY s.account ORDER BY s.ts, s.address)
            ), jumps AS (
                SELECT g.*, p.country, p.as_org, q.country AS country_before, q.as_org AS as_org_before,
                       {km} AS km, greatest(epoch(g.ts) - epoch(ts_before), 60) / 3600 AS hours,
                       coalesce(p.country <> q.country, false) AS crosses,
                       coalesce('mobile' IN (p.network, q.network), false) AS carried
                FROM sign AS g JOIN places AS p ON p.address = g.address
                JOIN places AS q ON q.address = g.address_before
                WHERE g.address <> g.address_before AND about IS NOT NULL
                      AND NOT {travelling_sql("about", "g.ts")}
            ), fast AS (
                SELECT *, CASE WHEN crosses AND NOT carried THEN 'between' WHEN crosses THEN 'roaming' ELSE 'within' END
                       AS way
                FROM jumps WHERE km > $km AND km / hours > $speed AND (crosses OR NOT carried)
            )
            SELECT about, way, count(*) AS jumps, count(DISTINCT CAST(ts AS DATE)) AS days, min(ts_before) AS first,
                   max(ts) AS last, bool_or(n.since IS NOT NULL) AS is_new,
                   list(DISTINCT record_id ORDER BY record_id)[:20] AS ids,
                   max_by({{'km': km, 'hours': hours, 'from': country_before, 'from_org': as_org_before, 'to': country,
                            'to_org': as_org, 'addresses': [address_before, address]}},
                          (km / hours, ts, address)) AS worst
            FROM fast LEFT JOIN travel_new AS n USING (account) GROUP BY about, way
            QUALIFY row_number() OVER (
                PARTITION BY about ORDER BY list_position(['between', 'roaming', 'within'], way)) = 1
            ORDER BY about
            """,
            km=self.min_km,
            speed=self.max_km_h,
        )
        crowded = self._countries(fleet)
        for row in rows:
            worst = row["worst"]
            there = networks_said([(worst["from"], worst["from_org"])])
            here = networks_said([(worst["to"], worst["to_org"])])
            countries = crowded.get(row["about"], 0)
            within = f"; up to {countries} countries in one day" if countries else ""
            yield Hit(
                row["about"],
                self._grade(row, countries),
                f"its account signed in from {there} and {many(round(worst['hours'] * 60), 'minute')} later from "
                f"{here}, at least {worst['km']:,.0f} km away ({times(row['jumps'])}, on {many(row['days'], 'day')})"
                f"{_CARRIED if row['way'] == 'roaming' else ''}{within}",
                observed="; ".join(worst["addresses"]),
                expected=f"less than {self.max_km_h:.0f} km/h between two sign-ins",
                telling=(telling(SignIn, row["first"], row["last"], count=2 * row["jumps"], record_ids=row["ids"]),),
            )

    def _grade(self, row: Mapping[str, Any], countries: int) -> str:
        if row["way"] != "between":
            return str(row["way"])
        if row["is_new"]:
            return "new_account"
        if countries > 2:
            return "countries"
        return "again" if row["days"] > 1 else "once"

    def _moving(self, fleet: Fleet) -> None:
        """``travel_addresses``: placed lines of accounts; ``travel_accounts``: those far apart; ``travel_new``."""
        fleet.make(
            "travel_addresses",
            f"""
            SELECT DISTINCT account, address, p.latitude, p.longitude, p.country, day
            FROM visits JOIN places AS p USING (address)
            WHERE account IS NOT NULL AND about IS NOT NULL AND interactive AND {on_line("p")} AND {placed("p")}
            """,
        )
        fleet.make(
            "travel_accounts",
            f"""
            SELECT account FROM travel_addresses GROUP BY account
            HAVING count(DISTINCT address) BETWEEN 2 AND {MOST_ADDRESSES} AND (
                (max(latitude) - min(latitude)) * {DEGREE_KM} > $km
                OR (max(longitude) - min(longitude)) * {DEGREE_KM}
                    * cos(radians(least(max(abs(latitude)), 85.0))) > $km)
            """,
            km=self.min_km / 2,  # a rough look, without leaving out what the exact one would keep
        )
        fleet.make(
            "travel_new",
            f"""
            SELECT account, min(ts) AS since FROM sign_ins_ever SEMI JOIN travel_accounts USING (account)
            GROUP BY account HAVING min(ts) >= CAST($until AS TIMESTAMPTZ) - INTERVAL {NEW_DAYS} DAYS
                AND min(ts) >= (SELECT min(ts) FROM sign_ins_ever) + INTERVAL 7 DAYS
            """,
        )

    def _countries(self, fleet: Fleet) -> dict[str, int]:
        """By device: countries of lines that are no carrier's on one day, where there are three and more."""
        rows = fleet.rows(
            """
            WITH daily AS (
                SELECT v.about, v.day, count(DISTINCT t.country) AS countries
                FROM visits AS v JOIN travel_addresses AS t USING (account, address, day)
                JOIN places AS p ON p.address = v.address AND p.network IS DISTINCT FROM 'mobile'
                SEMI JOIN travel_accounts AS a ON a.account = v.account
                WHERE v.about IS NOT NULL AND v.interactive AND NOT v.portable GROUP BY v.about, v.day
            )
            SELECT about, max(countries) AS countries FROM daily GROUP BY about HAVING max(countries) > 2 ORDER BY about
            """
        )
        return {row["about"]: row["countries"] for row in rows}

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices without any address whose place is known."""
        return unplaced(fleet, declared=False)
