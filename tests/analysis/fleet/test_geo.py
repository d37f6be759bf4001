"""GeoDatabase: layouts of several makers, files together, faults."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from farmwatch.analysis.fleet.geo import GeoDatabase, distance_sql
from farmwatch.errors import AssessmentError
from tests.analysis.fleet.fleets import fleet_of
from tests.analysis.fleet.mmdb import write_mmdb

GEOLITE = {
    "country": {"iso_code": "US", "names": {"en": "United States"}},
    "city": {"names": {"en": "Phoenix", "de": "Phoenix"}},
    "location": {"latitude": 33.45, "longitude": -112.07, "accuracy_radius": 20},
}
IPINFO = {"country": "cn", "city": "Dandong", "lat": "40.13", "lng": "124.39", "asn": "AS4837", "name": "CHINA UNICOM"}


def looked_up(paths, *addresses):
    with GeoDatabase(paths) as geo:
        return geo.lookup(addresses).to_pylist()


def test_layouts_of_several_makers_are_read(tmp_path):
    """GeoLite2's nesting and IPinfo's flat texts give the same columns; what is unknown is null."""
    path = write_mmdb(tmp_path / "city.mmdb", {"198.51.100.0/24": GEOLITE, "2001:db8:1::/48": IPINFO})
    here, there, nowhere, odd = looked_up([path], "198.51.100.9", "2001:db8:1::5", "203.0.113.1", "not an address")
    assert (here["country"], here["city"], here["radius_km"]) == ("US", "Phoenix", 20.0)
    assert (here["latitude"], here["longitude"]) == (33.45, -112.07)
    assert (there["country"], there["latitude"], there["asn"], there["as_org"]) == ("CN", 40.13, 4837, "CHINA UNICOM")
    assert there["radius_km"] is None
    assert {value for name, value in nowhere.items() if name != "address"} == {None}
    assert odd["country"] is None


def test_files_complete_each_other(tmp_path):
    """A city file says where, an ASN file who; a second place does not displace the first."""
    city = write_mmdb(tmp_path / "city.mmdb", {"198.51.100.0/24": GEOLITE})
    asn = {"autonomous_system_number": 7922, "autonomous_system_organization": "Comcast", "country_code": "CA"}
    both = looked_up([city, write_mmdb(tmp_path / "asn.mmdb", {"198.51.100.0/25": asn})], "198.51.100.9")[0]
    assert (both["country"], both["latitude"], both["asn"], both["as_org"]) == ("US", 33.45, 7922, "Comcast")


def test_a_place_of_another_country_is_not_mixed_in(tmp_path):
    """Coordinates of a file that names another country are not put beside the first file's country."""
    first = write_mmdb(tmp_path / "country.mmdb", {"198.51.100.0/24": {"country_code": "CA"}})
    second = write_mmdb(tmp_path / "city.mmdb", {"198.51.100.0/24": GEOLITE})
    found = looked_up([first, second], "198.51.100.9")[0]
    assert (found["country"], found["latitude"]) == ("CA", None)


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({"is_anonymous": True, "is_anonymous_vpn": True, "is_hosting_provider": True}, "vpn"),
        ({"hosting": "true", "vpn": "", "relay": "true"}, "relay"),
        ({"hosting": "true", "vpn": "false"}, "hosting"),
        ({"traits": {"user_type": "cellular"}}, "mobile"),
        ({"connection_type": "Satellite"}, "satellite"),
        ({"is_residential_proxy": True}, "proxy"),
        ({"connection_type": "Cable/DSL"}, None),
    ],
)
def test_a_privacy_file_says_what_an_address_is(tmp_path, record, kind):
    """GeoIP2 Anonymous IP, Connection-Type and IPinfo's privacy fields."""
    path = write_mmdb(tmp_path / "privacy.mmdb", {"198.51.100.0/24": record})
    assert looked_up([path], "198.51.100.9")[0]["kind"] == kind


def test_values_that_make_no_sense_are_left_out(tmp_path):
    """Broken fields of a record neither fail nor become a place."""
    record = {"location": {"latitude": 999.0, "longitude": 1.0}, "country": {"iso_code": "USA"}, "asn": "ASxyz",
              "city": "x" * 250}  # fmt: skip
    path = write_mmdb(tmp_path / "odd.mmdb", {"198.51.100.0/24": record})
    found = looked_up([path], "198.51.100.9")[0]
    assert (found["latitude"], found["country"], found["asn"], len(found["city"])) == (None, None, None, 200)


def test_faults_name_the_file(tmp_path):
    """A missing file, one that is no database, and a damaged one are errors that say which file it is."""
    with pytest.raises(AssessmentError, match=r"absent\.mmdb: the place database cannot be opened"):
        GeoDatabase([tmp_path / "absent.mmdb"])
    text = tmp_path / "text.mmdb"
    text.write_text("not a database")
    with pytest.raises(AssessmentError, match=r"text\.mmdb: not a MaxMind DB file"):
        GeoDatabase([text])
    damaged = write_mmdb(tmp_path / "damaged.mmdb", {"198.51.100.0/24": GEOLITE})
    raw = damaged.read_bytes()
    at = raw.index(b"iso_code")
    damaged.write_bytes(raw[: at - 1] + b"\xff\xff\xff" + raw[at + 2 :])
    with pytest.raises(AssessmentError, match=r"damaged\.mmdb"):
        looked_up([damaged], "198.51.100.9")


def test_an_old_database_is_told_of(tmp_path):
    """Built well before the end of the window: said; built lately: nothing to say."""
    built = datetime(2026, 1, 1, tzinfo=UTC)
    path = write_mmdb(tmp_path / "city.mmdb", {"198.51.100.0/24": GEOLITE}, built=int(built.timestamp()))
    with GeoDatabase([path]) as geo:
        assert geo.built == {"city.mmdb": built}
        assert geo.notes(built + timedelta(days=30)) == ()
        assert "city.mmdb was built 90 days before" in geo.notes(built + timedelta(days=90))[0]


def test_distances_are_great_circles():
    """Phoenix to Seattle is some 1790 km; a place is no distance from itself; absent places have none."""
    with fleet_of([]) as fleet:
        sql = f"""
            WITH a AS (SELECT 33.45 AS latitude, -112.07 AS longitude),
                 b AS (SELECT * FROM (VALUES (47.61, -122.33), (33.45, -112.07), (NULL, NULL)) t(latitude, longitude))
            SELECT {distance_sql("a", "b")} AS km FROM a, b ORDER BY km NULLS LAST
        """
        same, seattle, absent = [row["km"] for row in fleet.rows(sql)]
    assert same == 0
    assert math.isclose(seattle, 1790, rel_tol=0.01)
    assert absent is None
