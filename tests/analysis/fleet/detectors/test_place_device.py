"""PlaceDevice: hits, near misses, no data."""

from __future__ import annotations

from farmwatch.analysis.fleet.detectors.place_device import PlaceDevice
from tests.analysis.fleet.fleets import answers, judged
from tests.analysis.fleet.placing import (
    CLOUD,
    DANDONG_MOBILE,
    GEO,
    LONDON,
    PHOENIX,
    SEATTLE,
    VPN_DALLAS,
    holder,
    located,
    seen,
    sign_in,
)

DETECTOR = PlaceDevice()
ROSTER = holder("lt-1", "p1", "a1")
HOME, TUCSON, LAS_VEGAS, LONDON_AT = (33.44, -112.05), (32.22, -110.97), (36.17, -115.14), (51.5, -0.12)


def days(place, *numbers, **values):
    return [located("lt-1", *place, day, **values) for day in numbers]


def test_positions_abroad_for_days():
    """Meant for Phoenix and in London; the sentence counts days and kilometres."""
    rows = [ROSTER, *days(LONDON_AT, 1, 2, 3, 4, place_country="GB")]
    assert answers(DETECTOR, rows) == {"lt-1": "abroad_days"}
    summary = judged(DETECTOR, rows).hits["lt-1"][0].summary
    assert "was in the United Kingdom on 4 of 4 days with a position, at least 8," in summary


def test_positions_abroad_for_a_day_or_two():
    """A journey that nobody declared; and a declared one."""
    rows = [*days(HOME, 0, 1, 2, 3, place_country="US"), *days(LONDON_AT, 4, 5, place_country="GB")]
    assert answers(DETECTOR, [ROSTER, *rows]) == {"lt-1": "abroad"}
    away = holder("lt-1", "p1", "a1", travel="2026-03-06/2026-03-07 London")
    assert answers(DETECTOR, [away, *rows]) == {"lt-1": "clear"}
    other = holder("lt-2", "p2", "a2", travel="2026-03-06/2026-03-07 London")
    assert answers(DETECTOR, [ROSTER, other, *rows])["lt-1"] == "abroad"


def test_far_within_the_country():
    """410 km away for days; once; as far as a way to work; with a radius as large as the distance."""
    assert answers(DETECTOR, [ROSTER, *days(LAS_VEGAS, 1, 2, 3)]) == {"lt-1": "far_days"}
    assert answers(DETECTOR, [ROSTER, *days(LAS_VEGAS, 1), *days(HOME, 2, 3)]) == {"lt-1": "clear"}
    near = [ROSTER, *(located("lt-1", 33.45, -111.1, day) for day in (1, 2, 3))]
    assert answers(DETECTOR, near) == {"lt-1": "clear"}
    assert answers(DETECTOR, [ROSTER, *days(LAS_VEGAS, 1, 2, 3, accuracy_m=400_000.0)]) == {"lt-1": "clear"}
    assert answers(DETECTOR, [ROSTER, *days(TUCSON, 1, 2, 3, method="address")]) == {"lt-1": "clear"}


def test_a_day_at_home_is_at_home():
    """One position near home among others elsewhere: the others are wrong, or a trip of a day."""
    rows = [ROSTER, *days(LAS_VEGAS, 1, 2, 3), *days(HOME, 1, 2, 3, hour=20.0)]
    assert answers(DETECTOR, rows) == {"lt-1": "clear"}


def test_lines_abroad_for_days():
    """Without positions, by the device's own addresses."""
    rows = [ROSTER, *(seen("lt-1", LONDON, day) for day in (1, 2, 3))]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "line_days"}
    assert answers(DETECTOR, [ROSTER, seen("lt-1", LONDON, 1), seen("lt-1", PHOENIX, 2)], geo=GEO) == {"lt-1": "abroad"}
    carrier = [ROSTER, *(seen("lt-1", DANDONG_MOBILE, day) for day in (1, 2, 3))]
    assert answers(DETECTOR, carrier, geo=GEO) == {"lt-1": "abroad"}


def test_lines_that_place_nobody():
    """A VPN, a data centre, a town elsewhere in the country, and what a sign-in provider says of the device."""
    rows = [ROSTER, seen("lt-1", PHOENIX, 0)]
    rows += [seen("lt-1", one, day) for day in (1, 2, 3) for one in (VPN_DALLAS, CLOUD, SEATTLE)]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "clear"}
    rows = [ROSTER, seen("lt-1", PHOENIX, 0)]
    for day in (1, 2, 3):
        rows += [sign_in("a1", LONDON, day, device_id="lt-1"), seen("lt-1", LONDON, day)]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "clear"}


def test_a_routers_country_setting_is_a_weak_sign():
    """Only the country that a wireless network announces, for days; with positions at home it says nothing."""
    coded = [located("lt-1", None, None, day, method="wifi country code", accuracy_m=None, place_country="CN")
             for day in (1, 2, 3)]  # fmt: skip
    assert answers(DETECTOR, [ROSTER, *coded]) == {"lt-1": "country_code"}
    assert answers(DETECTOR, [ROSTER, *coded, *days(HOME, 1, 2, 3)]) == {"lt-1": "clear"}


def test_without_places_there_is_no_data():
    """No position and no address whose place is known; no place in the roster."""
    assert answers(DETECTOR, [ROSTER, seen("lt-1", PHOENIX, 1)]) == {"lt-1": "no data"}
    nowhere = holder("lt-1", "p1", "a1", place_country=None, latitude=None)
    assert answers(DETECTOR, [nowhere, *days(LONDON_AT, 1, 2, 3)], geo=GEO) == {"lt-1": "no data"}
