"""TravelImpossible: hits, near misses, no data."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.travel_impossible import TravelImpossible
from tests.analysis.fleet.fleets import answers, judged
from tests.analysis.fleet.placing import (
    CARRIERS_SEATTLE,
    CLOUD,
    DALLAS,
    DANDONG,
    DANDONG_MOBILE,
    GEO,
    LONDON,
    PHOENIX,
    PHOENIX_MOBILE,
    PHOENIX_TOO,
    RELAY,
    SEATTLE,
    STARLINK,
    VPN_DALLAS,
    holder,
    sign_in,
)

DETECTOR = TravelImpossible()
ROSTER = holder("lt-1", "p1", "a1")
OLD = sign_in("a1", PHOENIX, -150)
OTHERS = sign_in("a0", PHOENIX, -300)


def jump(there, day=1, hours=1.0, **values):
    return [sign_in("a1", PHOENIX, day, 12.0), sign_in("a1", there, day, 12.0 + hours, **values)]


def test_two_places_within_an_hour():
    """Once; on two days; the sentence has places, time and distance."""
    assert answers(DETECTOR, [ROSTER, OLD, *jump(DANDONG)], geo=GEO) == {"lt-1": "once"}
    rows = [ROSTER, OLD, *jump(DANDONG), *jump(DANDONG, 3)]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "again"}
    summary = judged(DETECTOR, rows, geo=GEO).hits["lt-1"][0].summary
    assert (
        "from the United States (Cox Communications) and 60 minutes later from China (CHINA UNICOM), at least 9,"
        in summary
    )


def test_a_new_account_between_countries():
    """Its first sign-in is days ago, while others' go back for months; within one country it is as any other."""
    assert answers(DETECTOR, [ROSTER, OTHERS, *jump(LONDON)], geo=GEO)["lt-1"] == "new_account"
    assert answers(DETECTOR, [ROSTER, OTHERS, *jump(SEATTLE)], geo=GEO)["lt-1"] == "within"


def test_within_one_country_it_says_next_to_nothing_of_abroad():
    """However often; a jump abroad beside it speaks for itself, and is counted alone."""
    within = [*jump(SEATTLE), *jump(SEATTLE, 2), *jump(SEATTLE, 3)]
    assert answers(DETECTOR, [ROSTER, OLD, *within], geo=GEO) == {"lt-1": "within"}
    assert DETECTOR.grades["within"].decibans <= 1
    assert "driven_within" not in DETECTOR.grades
    (finding, *_) = judged(DETECTOR, [ROSTER, OLD, *within, *jump(DANDONG, 4)], geo=GEO).hits["lt-1"]
    assert finding.grade == "once"
    assert "(once, on 1 day)" in finding.summary


@pytest.mark.parametrize("there", CARRIERS_SEATTLE)
def test_a_carriers_gateways_are_a_continent_apart(there):
    """A hotspot or a home line by radio comes out far away, day after day; from either side."""
    assert answers(DETECTOR, [ROSTER, OLD, *jump(there), *jump(there, 3)], geo=GEO) == {"lt-1": "clear"}
    back = [row for day in (1, 3) for row in (sign_in("a1", there, day), sign_in("a1", PHOENIX_MOBILE, day, 13.0))]
    assert answers(DETECTOR, [ROSTER, OLD, *back], geo=GEO) == {"lt-1": "clear"}


def test_roaming_between_countries_is_weak():
    """Whoever roams comes out at home: on several days, and for a new account too."""
    rows = [*jump(DANDONG_MOBILE), *jump(DANDONG_MOBILE, 3)]
    assert answers(DETECTOR, [ROSTER, OLD, *rows], geo=GEO) == {"lt-1": "roaming"}
    assert answers(DETECTOR, [ROSTER, OTHERS, *rows], geo=GEO)["lt-1"] == "roaming"
    assert DETECTOR.grades["roaming"].decibans <= 3
    assert "mobile carrier" in judged(DETECTOR, [ROSTER, OLD, *rows], geo=GEO).hits["lt-1"][0].summary


def test_a_carriers_country_is_not_counted():
    """Two countries on lines and a third by a carrier are two."""
    rows = [ROSTER, OLD, *jump(LONDON), sign_in("a1", DANDONG_MOBILE, 1, 15.0)]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "once"}


def test_many_countries_in_a_day():
    """Three within hours."""
    rows = [ROSTER, OLD, *jump(LONDON), sign_in("a1", DANDONG, 1, 15.0)]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "countries"}


def test_a_flight_is_slow_enough():
    """Dallas some hours later; London after half a day."""
    assert answers(DETECTOR, [ROSTER, OLD, *jump(DALLAS, hours=4)], geo=GEO) == {"lt-1": "clear"}
    assert answers(DETECTOR, [ROSTER, OLD, *jump(LONDON, hours=11)], geo=GEO) == {"lt-1": "clear"}


@pytest.mark.parametrize("there", [VPN_DALLAS, CLOUD, RELAY, STARLINK, PHOENIX_TOO, PHOENIX_MOBILE, "10.0.0.7"])
def test_traps(there):
    """VPN, data centre, private relay, satellite, another line of the same town, a carrier, an inner address."""
    assert answers(DETECTOR, [ROSTER, OLD, *jump(there)], geo=GEO) == {"lt-1": "clear"}


def test_sign_ins_that_nobody_made():
    """Failed ones, and a program's; a declared journey."""
    assert answers(DETECTOR, [ROSTER, OLD, *jump(DANDONG, outcome="failure")], geo=GEO) == {"lt-1": "clear"}
    assert answers(DETECTOR, [ROSTER, OLD, *jump(DANDONG, interactive=False)], geo=GEO) == {"lt-1": "clear"}
    away = holder("lt-1", "p1", "a1", travel="2026-03-03/2026-03-09 London")
    assert answers(DETECTOR, [away, OLD, *jump(LONDON, 2)], geo=GEO) == {"lt-1": "clear"}


def test_a_services_account_is_no_person():
    """More addresses than a person has."""
    near = {"place_country": "US", "place_city": "x", "latitude": 33.0, "longitude": -112.0}
    many = [sign_in("a1", f"100.1.{n}.1", 1, 12 + n / 100, **near) for n in range(60)]
    assert answers(DETECTOR, [ROSTER, OLD, *many, *jump(LONDON)], geo=GEO) == {"lt-1": "clear"}


def test_without_places_there_is_no_data():
    """No place of any address."""
    assert answers(DETECTOR, [ROSTER, *jump(SEATTLE)]) == {"lt-1": "no data"}
