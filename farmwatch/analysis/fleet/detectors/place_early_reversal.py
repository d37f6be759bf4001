"""A new account whose first sign-ins came from abroad, and whose later ones come from home (I4).

Usually it is the other way round: people start at home and travel later. In one case the first sign-ins came from
another country, the next from an unmanaged device in Texas, the next through a VPN; the worker was found after ten days
(docs/evidence.md, I4). First are the first three days of the account, later all after them. An account counts as new if
nobody else's history begins with it: a store that has just been filled makes every account look new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, also_driven, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.geo import distance_sql, placed
from farmwatch.analysis.fleet.places import on_line
from farmwatch.analysis.fleet.visits import BORDER_KM, networks_said, travelling_sql, unplaced
from farmwatch.knowledge.countries import country_name
from farmwatch.records import Claim, Family, Record, RosterEntry, SignIn

__all__ = ["PlaceEarlyReversal"]

FIRST_DAYS = 3  #: of an account: the case's sign-ins from abroad came within its first days
HISTORY_DAYS = 7  #: of other accounts before it, for an account to count as new


@dataclass(frozen=True, slots=True)
class PlaceEarlyReversal(FleetDetector):
    """Finds accounts that began abroad."""

    id: ClassVar[str] = "place.early_reversal"
    title: ClassVar[str] = "did a new account begin abroad and then come home?"
    topic: ClassVar[str] = "first sign-ins of new accounts"
    signals: ClassVar[tuple[str, ...]] = ("I4",)
    family: ClassVar[Family] = Family.PLACE
    needs: ClassVar[tuple[type[Record], ...]] = (SignIn, RosterEntry)
    benign: ClassVar[tuple[str, ...]] = (
        "somebody who signed papers while still abroad and moved for the job",
        "an account that a colleague or contractor abroad set up",
        "an address that the place database has in the wrong place",
    )
    group: ClassVar[str] = "place"
    grades: ClassVar[Mapping[str, Grade]] = also_driven(
        {
            "then_vpn": Grade(
                Claim.ABROAD,
                15.0,
                "judged: from abroad, then through VPNs or data centres at home (docs/evidence.md, I4)",
            ),
            "then_home": Grade(
                Claim.ABROAD, 12.0, "judged: first from abroad, then from lines at home (docs/evidence.md, I4)"
            ),
        }
    )
    when_clear: ClassVar[str] = "its account is not new, or did not begin abroad"
    check: ClassVar[str] = "ask who made the first sign-ins and on which machine; compare with when the laptop was sent"

    new_days: int = param(90, "What a public rule calls new (docs/evidence.md, I3).", low=14, high=365)
    later_days: int = param(2, "Days at home that make a habit.", low=1, high=30)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits on devices of new accounts that began abroad."""
        km = f"greatest({distance_sql('p', 'o')} - p.radius_km, 0)"
        fleet.make(
            "new_accounts",
            """
            SELECT account, CAST(min(ts) AS DATE) AS since FROM sign_ins_ever
            WHERE account IS NOT NULL AND outcome = 'success' GROUP BY account
            HAVING min(ts) >= CAST($until AS TIMESTAMPTZ) - to_days($new)
               AND min(ts) >= (SELECT min(ts) FROM sign_ins_ever) + to_days($history)
            """,
            new=self.new_days,
            history=HISTORY_DAYS,
        )
        rows = fleet.rows(
            f"""
            WITH used AS (
                SELECT about, address, CAST(ts AS DATE) AS day, since, min(ts) AS first, max(ts) AS last,
                       count(*) AS n, min(record_id) AS record_id
                FROM sign_ins_ever JOIN new_accounts USING (account)
                WHERE outcome = 'success' AND event IN ('sign-in', 'session', 'factor') AND about IS NOT NULL
                      AND coalesce(interactive, true) AND address IS NOT NULL
                      AND NOT coalesce(client_os IN ('ios', 'android'), false)
                GROUP BY about, address, day, since
            ), told AS (
                SELECT u.*, p.country, p.as_org, u.day < u.since + {FIRST_DAYS} AS early,
                       o.place_country AS home_country,
                       p.network LIKE 'vpn %' OR p.network IN ('hosting', 'proxy') AS hidden, {on_line("p")} AS line,
                       p.country <> upper(o.place_country) AND coalesce(
                           CASE WHEN {placed("p")} AND {placed("o")} THEN {km} END > {BORDER_KM}, true) AS abroad
                FROM used AS u JOIN places AS p USING (address) JOIN owners AS o ON o.device_id = u.about
                WHERE p.country IS NOT NULL AND o.place_country IS NOT NULL
                      AND NOT {travelling_sql("u.about", "u.day")}
            )
            SELECT about, min(since) AS since, any_value(home_country) AS home_country,
                   count(DISTINCT day) FILTER (early AND line AND abroad) AS early_days,
                   count(DISTINCT day) FILTER (NOT early AND NOT abroad) AS later_days,
                   count(DISTINCT day) FILTER (NOT early AND NOT abroad AND coalesce(hidden, false)) AS hidden_days,
                   list(DISTINCT {{'country': country, 'org': as_org}}) FILTER (early AND line AND abroad) AS networks,
                   list_sort(list(DISTINCT address) FILTER (early AND line AND abroad)) AS addresses,
                   min(first) FILTER (early AND line AND abroad) AS first,
                   max(last) FILTER (early AND line AND abroad) AS last,
                   (sum(n) FILTER (early AND line AND abroad))::BIGINT AS n,
                   list(record_id) FILTER (early AND line AND abroad) AS ids
            FROM told GROUP BY about
            HAVING bool_or(early AND line AND abroad) AND NOT bool_or(early AND line AND NOT abroad)
               AND NOT bool_or(NOT early AND line AND abroad)
               AND count(DISTINCT day) FILTER (NOT early AND NOT abroad) >= $later
            ORDER BY about
            """,
            later=self.later_days,
        )
        for row in rows:
            hidden = row["hidden_days"] * 2 >= row["later_days"]
            networks = networks_said((one["country"], one["org"]) for one in row["networks"])
            home = country_name(row["home_country"])
            through = ", mostly through VPNs or data centres" if hidden else ""
            yield Hit(
                row["about"],
                "then_vpn" if hidden else "then_home",
                f"its account is new (since {row['since']}): its first sign-ins came from {networks}, those of "
                f"{row['later_days']} later days from {home}{through}",
                observed="; ".join(row["addresses"][:8]),
                expected=f"first sign-ins from {home}, where the device should be",
                telling=(telling(SignIn, row["first"], row["last"], count=row["n"], record_ids=row["ids"]),),
            )

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices without a declared country, or without any address that is known."""
        found = unplaced(fleet, lines=False)
        rows = fleet.rows("SELECT device_id FROM owners WHERE place_country IS NULL ORDER BY device_id")
        return {row["device_id"]: "the roster has no country for it" for row in rows} | found
