"""PlaceSessionElsewhere: hits, near misses, no data."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.place_session_elsewhere import PlaceSessionElsewhere
from farmwatch.records import PowerEvent
from tests.analysis.fleet.fleets import answers, at, judged
from tests.analysis.fleet.placing import (
    CARRIERS_SEATTLE,
    CLOUD,
    DANDONG,
    DANDONG_MOBILE,
    GEO,
    PHOENIX,
    PHOENIX_TOO,
    RELAY,
    SEATTLE,
    VPN_DALLAS,
    holder,
    seen,
    sign_in,
)

DETECTOR = PlaceSessionElsewhere()
ROSTER = holder("lt-1", "p1", "a1")
AT_HOME = [seen("lt-1", PHOENIX, day, hour) for day in range(5) for hour in (8, 12, 17)]


def test_an_account_used_abroad_while_the_laptop_is_at_home():
    """Two days, no device named; the sentence says both places."""
    rows = [ROSTER, *AT_HOME, sign_in("a1", DANDONG, 1), sign_in("a1", DANDONG, 2, 16.0)]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "days"}
    summary = judged(DETECTOR, rows, geo=GEO).hits["lt-1"][0].summary
    assert "used from China (CHINA UNICOM)" in summary
    assert summary.endswith(
        "2 times on 2 days, while the laptop itself was reporting from the United States (Cox Communications)"
    )


def test_once_is_a_lesser_grade():
    """One day only, within the country."""
    assert answers(DETECTOR, [ROSTER, *AT_HOME, sign_in("a1", SEATTLE, 1)], geo=GEO) == {"lt-1": "once"}


def test_a_session_that_names_the_laptop():
    """The provider takes it for the laptop; its mirrored sighting is not the laptop's own word."""
    rows = [ROSTER, *AT_HOME, sign_in("a1", DANDONG, 1, device_id="lt-1"), seen("lt-1", DANDONG, 1)]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "same_device"}


def test_a_laptop_that_is_there_itself():
    """The owner travels with the laptop: its own reports come from there too, or did the day before."""
    rows = [ROSTER, *AT_HOME[:6], seen("lt-1", SEATTLE, 1, 20), sign_in("a1", SEATTLE, 1, 17.5)]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "clear"}


def test_a_laptop_that_is_silent_at_the_time():
    """Hours after its last report it may be anywhere."""
    rows = [ROSTER, *AT_HOME[:3], sign_in("a1", DANDONG, 0, 22.0), sign_in("a1", DANDONG, 3, 12.0)]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "clear"}


@pytest.mark.parametrize("address", [PHOENIX, PHOENIX_TOO, VPN_DALLAS, CLOUD, RELAY, DANDONG_MOBILE])
def test_addresses_that_place_nobody_elsewhere(address):
    """Another line of the same city, a VPN, a cloud desktop, a relay, a carrier."""
    assert answers(DETECTOR, [ROSTER, *AT_HOME, sign_in("a1", address, 1)], geo=GEO) == {"lt-1": "clear"}


@pytest.mark.parametrize("own", CARRIERS_SEATTLE)
def test_a_laptop_behind_a_carrier_may_be_anywhere_in_its_country(own):
    """Its gateway is a continent away from where its owner signs in; another country is another country."""
    there = [seen("lt-1", own, day, hour) for day in range(5) for hour in (8, 12, 17)]
    home = [sign_in("a1", PHOENIX, day) for day in (1, 2)]
    assert answers(DETECTOR, [ROSTER, *there, *home], geo=GEO) == {"lt-1": "clear"}
    abroad = [sign_in("a1", DANDONG, day) for day in (1, 2)]
    assert answers(DETECTOR, [ROSTER, *there, *abroad], geo=GEO) == {"lt-1": "days"}


def test_telephones_travel_alone():
    """A telephone abroad while the laptop is at home is a holiday; so is declared travel."""
    rows = [ROSTER, *AT_HOME, sign_in("a1", DANDONG, 1, client_os="android")]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "clear"}
    away = holder("lt-1", "p1", "a1", travel="2026-03-03/2026-03-05")
    assert answers(DETECTOR, [away, *AT_HOME, sign_in("a1", DANDONG, 2)], geo=GEO) == {"lt-1": "clear"}


def test_an_owner_of_two_laptops_is_not_judged_by_one():
    """Which of them the account is used on is not known."""
    rows = [ROSTER, holder("lt-2", "p1", "a1"), *AT_HOME, sign_in("a1", DANDONG, 1)]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "no data", "lt-2": "no data"}


def test_without_places_or_reports_there_is_no_data():
    """No sightings; no address whose place is known."""
    rows = [ROSTER, sign_in("a1", DANDONG, 1), PowerEvent(device_id="lt-2", ts=at(1), event="boot")]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "no data", "lt-2": "no data"}
    assert answers(DETECTOR, [ROSTER, *AT_HOME, sign_in("a1", DANDONG, 1)]) == {"lt-1": "no data"}
