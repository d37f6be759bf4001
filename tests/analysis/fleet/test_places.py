"""The table of places: who is believed, how far off a place may be, and what an ordinary line is."""

from __future__ import annotations

import ipaddress

from farmwatch.analysis.fleet.places import on_line
from farmwatch.analysis.profile import Profile
from farmwatch.records import MeetingUse
from tests.analysis.fleet.fleets import at, fleet_of
from tests.analysis.fleet.placing import (
    ASTRILL,
    CLOUD,
    DANDONG,
    DANDONG_MOBILE,
    GEO,
    NOWHERE,
    PHOENIX,
    RELAY,
    STARLINK,
    VPN_DALLAS,
    seen,
    sign_in,
)

HERE = {"place_country": "United States", "place_city": "Phoenix", "latitude": 33.4, "longitude": -112.0}


def places(rows, **options):
    with fleet_of(rows, **options) as fleet:
        return {row["address"]: row for row in fleet.rows("SELECT * FROM places ORDER BY address")}


def test_the_database_goes_before_the_provider():
    """An address that both know is where the database says; one that it does not know is where the provider says."""
    found = places([sign_in("a", DANDONG, 1, **HERE), sign_in("a", NOWHERE, 1, **HERE)], geo=GEO)
    assert (found[DANDONG]["country"], found[DANDONG]["radius_km"]) == ("CN", 100.0)
    assert (found[NOWHERE]["country"], found[NOWHERE]["latitude"], found[NOWHERE]["radius_km"]) == ("US", 33.4, 100.0)


def test_without_a_database_the_provider_is_believed():
    """The newest report counts, whatever the order of rows; names of countries become codes."""
    later = HERE | {"place_country": "Korea (South)", "place_city": None, "latitude": 37.5, "longitude": 127.0}
    rows = [sign_in("a", NOWHERE, 2, **later), sign_in("a", NOWHERE, 1, **HERE)]
    for order in (rows, rows[::-1]):
        found = places(order)[NOWHERE]
        assert (found["country"], found["latitude"], found["radius_km"]) == ("KR", 37.5, 1000.0)


def test_a_report_without_place_is_no_news():
    """A later sign-in without any place does not take away what an earlier one said; null island is no place."""
    rows = [
        sign_in("a", NOWHERE, 1, **HERE),
        sign_in("a", NOWHERE, 2),
        sign_in("a", "192.0.2.98", 1, latitude=0.0, longitude=0.0),
    ]
    found = places(rows)
    assert found[NOWHERE]["country"] == "US"
    assert found["192.0.2.98"]["latitude"] is None


def test_coordinates_of_another_country_are_not_mixed_in():
    """A database that knows the country only is not completed by a provider that names another."""

    class CountryOnly:
        def lookup(self, addresses):
            return GEO.lookup(addresses).drop_columns(["latitude", "longitude", "radius_km"])

    found = places([sign_in("a", DANDONG, 1, **HERE)], geo=CountryOnly())[DANDONG]
    assert (found["country"], found["latitude"], found["radius_km"]) == ("CN", None, None)


def test_a_carriers_address_is_placed_widely():
    """A mobile carrier's addresses serve whole regions."""
    found = places([seen("lt-1", DANDONG_MOBILE, 1)], geo=GEO)[DANDONG_MOBILE]
    assert (found["network"], found["radius_km"]) == ("mobile", 500.0)


def test_only_lines_tell_where_a_device_is():
    """VPNs, data centres, relays, satellites, proxies, local and own addresses are no place of a device."""
    addresses = [PHOENIX, DANDONG_MOBILE, VPN_DALLAS, ASTRILL, CLOUD, RELAY, STARLINK, "10.0.0.1", "203.0.113.200"]
    rows = [seen("lt-1", address, 1) for address in addresses]
    rows += [
        sign_in("a", NOWHERE, 1, is_proxy=True),
        MeetingUse(device_id="lt-1", ts=at(1), product="zoom", address=DANDONG),
    ]
    own = Profile(company_cidrs=(ipaddress.ip_network("203.0.113.200/32"),))
    with fleet_of(rows, geo=GEO, profile=own) as fleet:
        kinds = {row["address"]: row["network"] for row in fleet.rows("SELECT address, network FROM places")}
        found = fleet.rows(f"SELECT address FROM places AS p WHERE {on_line('p')} ORDER BY address")
    assert kinds[ASTRILL] == "vpn astrill"
    assert kinds[NOWHERE] == "proxy"
    assert {row["address"] for row in found} == {PHOENIX, DANDONG_MOBILE, DANDONG}
