"""``places``: every address a device was seen behind, and what is known of it.

One row an address: ``address, scope, country, latitude, longitude, radius_km, asn, as_org, network``. ``scope`` is
``local``, ``own``, ``public`` or ``special``, the profile's networks before all. Where it is comes from the user's
database (:mod:`~farmwatch.analysis.fleet.geo`), else from the provider that logged a sign-in from it, else it is null.
``network`` says what kind of network it is where that is known: ``vpn <id>``, ``hosting``, ``mobile``, ``satellite``,
``relay``, ``cgnat``; null for a line like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from farmwatch.analysis.addresses import AddressBook
from farmwatch.analysis.fleet.networks import network_of

if TYPE_CHECKING:
    from farmwatch.analysis.fleet.fleet import Fleet

__all__ = ["make_places"]

_FOUND = pa.schema(
    [
        ("address", pa.string()),
        ("country", pa.string()),
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
        ("radius_km", pa.float64()),
        ("asn", pa.int64()),
        ("as_org", pa.string()),
    ]
)


def make_places(fleet: Fleet) -> None:
    """Make the table ``places`` from all addresses of sightings, sign-ins, meetings, logons and tools' own logs."""
    fleet.make(
        "place_reports",
        """
        SELECT address, any_value(place_country) AS country, any_value(latitude) AS latitude,
               any_value(longitude) AS longitude, any_value(asn) AS asn, any_value(as_org) AS as_org
        FROM sign_ins_ever WHERE address IS NOT NULL GROUP BY address
        """,
    )
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
    scopes = pa.table({"address": listed, "scope": [book.scope(address) for address in listed]})
    fleet.load("place_scopes", scopes)
    public = [address for address, scope in zip(listed, scopes.column("scope").to_pylist(), strict=True)
              if scope == "public"]  # fmt: skip
    fleet.load("place_lookups", fleet.geo.lookup(public) if fleet.geo is not None else _FOUND.empty_table())
    found = fleet.arrow(
        """
        SELECT s.address, s.scope, coalesce(l.country, r.country) AS country,
               coalesce(l.latitude, r.latitude) AS latitude, coalesce(l.longitude, r.longitude) AS longitude,
               l.radius_km, coalesce(l.asn, r.asn) AS asn, coalesce(l.as_org, r.as_org) AS as_org
        FROM place_scopes AS s LEFT JOIN place_lookups AS l USING (address) LEFT JOIN place_reports AS r USING (address)
        ORDER BY s.address
        """
    )
    networks = [
        network_of(fleet.knowledge, address, org)
        for address, org in zip(*(found.column(name).to_pylist() for name in ("address", "as_org")), strict=True)
    ]
    fleet.load("places", found.append_column("network", pa.array(networks, pa.string())))
