"""``places``: every address a device was seen behind, and what is known of it.

One row an address: ``address, scope, country, latitude, longitude, radius_km, asn, as_org, network``. ``scope`` is
``local``, ``own``, ``public`` or ``special``, the profile's networks before all. Where it is comes from the user's
database (:mod:`~farmwatch.analysis.fleet.geo`), else from the provider that logged a sign-in from it last, else it is
null. ``network`` says what kind of network it is where that is known: ``vpn <id>``, ``hosting``, ``mobile``,
``satellite``, ``relay``, ``proxy``, ``cgnat``; null for a line like any other.

``radius_km`` is how far off the place may be, never null where there are coordinates: what the database says, else
100 km for a city and 1000 km for less than that; at least 500 km for carriers, whose addresses serve whole regions.
Why so wide: a network of Massachusetts was once placed in Wisconsin, and four of eleven "bad" addresses were employees'
homes (docs/evidence.md, fairness). A rule about distance subtracts these radii; a rule about countries needs none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from farmwatch.analysis.addresses import AddressBook
from farmwatch.analysis.fleet.networks import NOWHERE, network_of
from farmwatch.knowledge.countries import country_code

if TYPE_CHECKING:
    from farmwatch.analysis.fleet.fleet import Fleet

__all__ = ["CITY_KM", "make_places", "on_line"]

CITY_KM = 100.0  #: about a place that was given as a city: judged
REGION_KM = 1000.0  #: about one given as a country or region: half of a large country
CARRIER_KM = 500.0  #: about one of a mobile carrier, at least

_FOUND = pa.schema(
    [
        ("address", pa.string()),
        ("country", pa.string()),
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
        ("radius_km", pa.float64()),
        ("city", pa.string()),
        ("asn", pa.int64()),
        ("as_org", pa.string()),
        ("kind", pa.string()),
    ]
)


def on_line(places: str) -> str:
    """An SQL condition: the device is where its address is placed: a public address that is no VPN, relay or the like.

    Args:
        places: name under which ``places`` stands in the query.
    """
    nowhere = ", ".join(f"'{kind}'" for kind in NOWHERE)
    return (
        f"({places}.scope = 'public' AND ({places}.network IS NULL "
        f"OR ({places}.network NOT IN ({nowhere}) AND {places}.network NOT LIKE 'vpn %')))"
    )


def make_places(fleet: Fleet) -> None:
    """Make the table ``places`` from all addresses of sightings, sign-ins, meetings, logons and tools' own logs."""
    _reported(fleet)
    addresses = fleet.arrow(
        """
        SELECT DISTINCT address FROM (
            SELECT value AS address FROM sightings_ever WHERE kind = 'public_ip'
            UNION ALL SELECT address FROM place_reports
            UNION ALL SELECT address FROM meetings_ever
            UNION ALL SELECT remote_h FROM logons_ever
            UNION ALL SELECT far_h FROM remote_tool_log_ever
        ) WHERE address IS NOT NULL ORDER BY address
        """
    )
    book = AddressBook(fleet.profile)
    listed = addresses.column(0).to_pylist()
    scopes = pa.table({"address": addresses.column(0), "scope": pa.array(map(book.scope, listed), pa.string())})
    fleet.load("place_scopes", scopes)
    public = [address for address, scope in zip(listed, scopes.column("scope").to_pylist(), strict=True)
              if scope == "public"]  # fmt: skip
    known = _FOUND.empty_table() if fleet.geo is None else fleet.geo.lookup(public)
    for one in _FOUND:
        if one.name not in known.schema.names:
            known = known.append_column(one.name, pa.nulls(known.num_rows, one.type))
    fleet.load("place_lookups", known)
    _networks(fleet)
    fleet.make(
        "places",
        f"""
        WITH reported AS (
            SELECT r.* REPLACE (CASE WHEN agrees THEN r.latitude END AS latitude,
                                CASE WHEN agrees THEN r.longitude END AS longitude)
            FROM (SELECT p.*, coalesce(l.country = p.country, true) AS agrees
                  FROM place_reports AS p LEFT JOIN place_lookups AS l USING (address)) AS r
        )
        SELECT s.address, s.scope, coalesce(l.country, r.country) AS country,
               coalesce(l.latitude, r.latitude) AS latitude, coalesce(l.longitude, r.longitude) AS longitude,
               CASE WHEN coalesce(l.latitude, r.latitude) IS NOT NULL THEN greatest(
                   CASE WHEN l.latitude IS NULL THEN r.radius_km
                        ELSE coalesce(l.radius_km, CASE WHEN l.city IS NULL THEN {REGION_KM} ELSE {CITY_KM} END) END,
                   CASE WHEN n.network = 'mobile' THEN {CARRIER_KM} ELSE 0.0 END) END AS radius_km,
               coalesce(l.asn, r.asn) AS asn, coalesce(l.as_org, r.as_org) AS as_org, n.network
        FROM place_scopes AS s LEFT JOIN place_lookups AS l USING (address) LEFT JOIN reported AS r USING (address)
        LEFT JOIN place_networks AS n USING (address)
        """,
    )


def _reported(fleet: Fleet) -> None:
    """``place_reports``: what sign-in providers say of addresses; of several reports the newest, then the commonest."""
    fleet.make(
        "place_reports_raw",
        """
        SELECT address, place_country, place_city IS NOT NULL AS in_city, latitude, longitude, asn, as_org,
               bool_or(is_proxy) AS is_proxy, max(ts) AS last, count(*) AS n
        FROM sign_ins_ever WHERE address IS NOT NULL GROUP BY ALL
        """,
    )
    names = fleet.arrow("SELECT DISTINCT place_country AS said FROM place_reports_raw WHERE place_country IS NOT NULL")
    said = names.column(0).to_pylist()
    fleet.load("place_countries", pa.table({"said": pa.array(said, pa.string()),
                                            "country": pa.array(map(country_code, said), pa.string())}))  # fmt: skip
    fleet.make(
        "place_reports",
        f"""
        WITH told AS (
            SELECT r.* EXCLUDE (latitude, longitude), c.country,
                   CASE WHEN sound THEN latitude END AS latitude, CASE WHEN sound THEN longitude END AS longitude
            FROM (SELECT *, abs(latitude) <= 90 AND abs(longitude) <= 180 AND NOT (latitude = 0 AND longitude = 0)
                  AS sound FROM place_reports_raw) AS r LEFT JOIN place_countries AS c ON c.said = r.place_country
        )
        SELECT address, country, latitude, longitude, asn, as_org, coalesce(is_proxy, false) AS is_proxy,
               CASE WHEN in_city THEN {CITY_KM} ELSE {REGION_KM} END AS radius_km
        FROM told QUALIFY row_number() OVER (
            PARTITION BY address ORDER BY country IS NULL, latitude IS NULL, last DESC, n DESC, country, latitude,
                                          longitude, asn, as_org
        ) = 1
        """,
    )


def _networks(fleet: Fleet) -> None:
    """``place_networks``: the kind of network of each address where it is known."""
    found = fleet.arrow(
        """
        SELECT s.address, coalesce(l.asn, r.asn) AS asn, coalesce(l.as_org, r.as_org) AS as_org,
               coalesce(l.kind, CASE WHEN r.is_proxy THEN 'proxy' END) AS told
        FROM place_scopes AS s LEFT JOIN place_lookups AS l USING (address) LEFT JOIN place_reports AS r USING (address)
        ORDER BY s.address
        """
    )
    columns = (found.column(name).to_pylist() for name in ("address", "asn", "as_org", "told"))
    networks = pa.array([network_of(fleet.knowledge, *row) for row in zip(*columns, strict=True)], pa.string())
    fleet.load("place_networks", found.select(["address"]).append_column("network", networks))
