"""PlaceSignIn: hits, near misses, no data."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.place_sign_in import PlaceSignIn
from tests.analysis.fleet.fleets import answers, judged
from tests.analysis.fleet.placing import (
    CLOUD,
    DANDONG,
    DANDONG_MOBILE,
    GEO,
    LONDON,
    PHOENIX,
    RELAY,
    SEATTLE,
    STARLINK,
    VPN_DALLAS,
    holder,
    seen,
    sign_in,
)

DETECTOR = PlaceSignIn()
ROSTER = holder("lt-1", "p1", "a1")
HOME = sign_in("a1", PHOENIX, 0)


def test_days_abroad_are_found():
    """Three days from another country, no travel declared; the sentence has the numbers."""
    rows = [ROSTER, HOME, *(sign_in("a1", DANDONG, day) for day in (1, 2, 3))]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "abroad_days"}
    finding = judged(DETECTOR, rows, geo=GEO).hits["lt-1"][0]
    assert "on 3 days from China (CHINA UNICOM), at least 9," in finding.summary
    assert finding.summary.endswith("should be in Phoenix, US")


def test_once_abroad_weighs_little():
    """A single day is a grade of its own."""
    assert answers(DETECTOR, [ROSTER, HOME, sign_in("a1", LONDON, 2)], geo=GEO) == {"lt-1": "abroad"}


def test_the_providers_own_places_will_do():
    """Without a database the places that the provider reports are used, by country alone if need be."""
    rows = [holder("lt-1", "p1", "a1", latitude=None, longitude=None)]
    rows += [sign_in("a1", DANDONG, day, place_country="China") for day in (1, 2, 3)]
    assert answers(DETECTOR, rows) == {"lt-1": "abroad_days"}


@pytest.mark.parametrize("address", [PHOENIX, SEATTLE, VPN_DALLAS, CLOUD, RELAY, STARLINK, "10.1.2.3"])
def test_what_is_not_a_line_abroad_is_none(address):
    """Home, a VPN, a data centre, a relay, a satellite, an inner address; another city for a day."""
    assert answers(DETECTOR, [ROSTER, HOME, sign_in("a1", address, 2)], geo=GEO) == {"lt-1": "clear"}


def test_declared_travel_is_respected():
    """Days of travel and the days beside them are left out; later ones are not."""
    travels = holder("lt-1", "p1", "a1", travel="2026-03-03/2026-03-04 London")
    rows = [travels, HOME, *(sign_in("a1", LONDON, day) for day in (0, 1, 2, 3))]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "clear"}
    assert answers(DETECTOR, [*rows, sign_in("a1", LONDON, 5)], geo=GEO) == {"lt-1": "abroad"}


def test_failed_and_automatic_sign_ins_do_not_count():
    """Guessing from abroad is no sign-in; a program's refresh is nobody's."""
    rows = [ROSTER, HOME, sign_in("a1", DANDONG, 1, outcome="failure"), sign_in("a1", DANDONG, 2, interactive=False)]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "clear"}


def test_a_telephone_abroad_weighs_next_to_nothing():
    """A telephone's system or a carrier's address."""
    rows = [ROSTER, HOME, *(sign_in("a1", LONDON, day, client_os="ios") for day in (1, 2, 3))]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "telephone"}
    assert answers(DETECTOR, [ROSTER, HOME, sign_in("a1", DANDONG_MOBILE, 2)], geo=GEO) == {"lt-1": "telephone"}


def test_a_neighbouring_country_nearby_is_home():
    """Somebody of Detroit on a line of Windsor, a few kilometres across the border."""
    near = {"place_country": "CA", "place_city": "Windsor", "latitude": 42.3, "longitude": -83.0}
    detroit = holder("lt-1", "p1", "a1", place="Detroit", place_country="US", latitude=42.33, longitude=-83.05)
    rows = [detroit, *(sign_in("a1", "192.0.2.50", day, **near) for day in range(5))]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "clear"}


def test_far_within_the_country_is_a_weak_sign():
    """Several days from Seattle instead of Phoenix."""
    rows = [ROSTER, *(sign_in("a1", SEATTLE, day) for day in (1, 2, 3))]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "far"}


def test_without_places_there_is_no_data():
    """No place of any address, no place in the roster, no sign-ins: each is told apart."""
    rows = [ROSTER, sign_in("a1", "192.0.2.60", 1), holder("lt-2", "p2", "a2", place_country=None, latitude=None),
            sign_in("a2", PHOENIX, 1), holder("lt-3", "p3", "a3"), seen("lt-3", PHOENIX, 1)]  # fmt: skip
    found = judged(DETECTOR, rows, geo=GEO)
    assert found.unseen.all()
    reasons = found.coverage[0].no_data
    assert reasons == {
        "no place is known of its addresses": 1,
        "no rows in sign_ins": 1,
        "the roster has no place for it": 1,
    }
