"""Sign-ins reduced to visits, and those of them that came from elsewhere than the roster says.

``visits(about, account, device_id, address, portable, interactive, day, first, last, n, record_id)``: sign-ins that
succeeded, by UTC day; ``portable`` ones came from a telephone or tablet, which its owner carries along. Tunnels are
left out: they say where a device is, not who signs in (``egress`` has them).

``visits_away``: visits whose address is a line (see :func:`~farmwatch.analysis.fleet.places.on_line`) and lies
elsewhere than the declared place of the device they are about, on days without declared travel. With the columns of
``visits``, ``country, as_org, network`` of the address, ``home_country, home`` of the roster, ``km`` between the two
beyond the radius of the address's place (null where either has no coordinates) and ``abroad``: the countries differ,
and not merely across a border nearby.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from farmwatch.analysis.fleet.geo import distance_sql, placed
from farmwatch.analysis.fleet.places import on_line
from farmwatch.knowledge.countries import country_name

if TYPE_CHECKING:
    from farmwatch.analysis.fleet.fleet import Fleet

__all__ = [
    "BORDER_KM", "countries_said", "make_visits", "make_visits_away", "networks_said", "travelling_sql", "unplaced",
]  # fmt: skip

BORDER_KM = 100.0  #: people live on one side of a border and use a line of the other: judged
AWAY_KM = 300.0  #: beyond the radius of a place, within one country: what is less is the next town's exchange: judged
_SIGN_INS = "('sign-in', 'session', 'factor')"
_SAID = 60  #: characters of a network's name in a sentence


def make_visits(fleet: Fleet) -> None:
    """Make the table ``visits``."""
    fleet.make(
        "visits",
        f"""
        SELECT about, account, device_id, address, coalesce(client_os IN ('ios', 'android'), false) AS portable,
               coalesce(interactive, true) AS interactive, CAST(ts AS DATE) AS day, min(ts) AS first, max(ts) AS last,
               count(*) AS n, min(record_id) AS record_id
        FROM sign_ins WHERE outcome = 'success' AND event IN {_SIGN_INS} AND address IS NOT NULL GROUP BY ALL
        """,
    )


def make_visits_away(fleet: Fleet) -> None:
    """Make the table ``visits_away``."""
    fleet.make(
        "visits_away",
        f"""
        WITH measured AS (
            SELECT p.address, o.device_id AS about, p.country, p.as_org, p.network, o.place_country AS home_country,
                   o.place AS home,
                   CASE WHEN {placed("p")} AND {placed("o")}
                        THEN greatest({distance_sql("p", "o")} - p.radius_km, 0) END AS km
            FROM (SELECT DISTINCT about, address FROM visits WHERE about IS NOT NULL) AS v
            JOIN places AS p USING (address) JOIN owners AS o ON o.device_id = v.about
            WHERE {on_line("p")}
        ), judged AS (
            SELECT *, coalesce(country <> upper(home_country) AND coalesce(km > {BORDER_KM}, true), false) AS abroad
            FROM measured
        )
        SELECT v.*, j.* EXCLUDE (about, address)
        FROM judged AS j JOIN visits AS v USING (about, address)
        WHERE (j.abroad OR j.km > {AWAY_KM}) AND NOT {travelling_sql("v.about", "v.day")}
        """,
    )


def travelling_sql(device: str, first: str, last: str | None = None) -> str:
    """An SQL condition: travel of a device is declared for a day, or for any day of a stretch.

    Args:
        device: expression for the device.
        first: expression for the day, or for the first one.
        last: expression for the last day of a stretch, included.
    """
    return (
        f"EXISTS (SELECT 1 FROM travels WHERE traveller = {device} "
        f"AND leaves <= CAST({last or first} AS DATE) AND returns >= CAST({first} AS DATE))"
    )


def unplaced(fleet: Fleet, *, declared: bool = True, lines: bool = True) -> dict[str, str]:
    """Devices about which rules of place cannot say anything, and why.

    Args:
        fleet: whose.
        declared: the rule compares with the place the roster declares.
        lines: it needs a line whose place is known; else an address known to be a VPN or the like will do.
    """
    told = f"{on_line('p')} AND (p.country IS NOT NULL OR p.latitude IS NOT NULL)"
    if not lines:
        told += " OR p.network IS NOT NULL"
    rows = fleet.rows(
        f"""
        WITH known AS (
            SELECT DISTINCT about AS device_id FROM visits JOIN places AS p USING (address) WHERE {told}
            UNION
            SELECT DISTINCT device_id FROM egress JOIN places AS p USING (address) WHERE {told}
        )
        SELECT device_id, k.device_id IS NULL AS nowhere
        FROM fleet_devices AS d LEFT JOIN known AS k USING (device_id) LEFT JOIN owners AS o USING (device_id)
        WHERE k.device_id IS NULL OR ($declared AND o.place_country IS NULL AND NOT coalesce({placed("o")}, false))
        ORDER BY device_id
        """,
        declared=declared,
    )
    where = "no place is known of its addresses"
    reason = where if fleet.geo is not None else f"{where} (no place database)"
    return {row["device_id"]: reason if row["nowhere"] else "the roster has no place for it" for row in rows}


def countries_said(codes: Iterable[str]) -> str:
    """Names of some countries, for a sentence."""
    return ", ".join(country_name(code) or code for code in codes)


def networks_said(pairs: Iterable[tuple[str | None, str | None]]) -> str:
    """Where addresses lie and whose they are, for a sentence: ``China (CHINA UNICOM), Laos``.

    Args:
        pairs: country and who runs the network.
    """
    given = {(country_name(country) or "an unknown country", (org or "")[:_SAID]) for country, org in pairs}
    named = {country for country, org in given if org}
    told = sorted(f"{country} ({org})" if org else country for country, org in given if org or country not in named)
    return ", ".join(told[:4]) + (f" and {len(told) - 4} more" if len(told) > 4 else "")
