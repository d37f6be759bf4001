"""VpnFlap: hits, near misses, no data."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.vpn_flap import VpnFlap
from tests.analysis.fleet.fleets import answers, judged
from tests.analysis.fleet.placing import (
    CLOUD,
    DANDONG,
    DANDONG_MOBILE,
    GEO,
    PHOENIX,
    PHOENIX_MOBILE,
    RELAY,
    VPN_DALLAS,
    VPN_PHOENIX,
    holder,
    seen,
    sign_in,
)

DETECTOR = VpnFlap()
ROSTER = holder("lt-1", "p1", "a1")
MINUTE = 1 / 60


def flap(between, *, minutes=4.0, device="lt-1", **values):
    """VPN, something else, VPN, in sign-ins."""
    return [
        sign_in("a1", VPN_DALLAS, 1, 12.0, device_id=device, **values),
        sign_in("a1", between, 1, 12.0 + minutes * MINUTE / 2, device_id=device, **values),
        sign_in("a1", VPN_DALLAS, 1, 12.0 + minutes * MINUTE, device_id=device, **values),
    ]


def test_the_address_behind_a_vpn_that_fell():
    """VPN, a line abroad, VPN within four minutes; the sentence names them and the time."""
    rows = [ROSTER, *flap(DANDONG)]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "abroad"}
    summary = judged(DETECTOR, rows, geo=GEO).hits["lt-1"][0].summary
    assert (
        "from a VPN, the United States (PacketHub S.A.), then from China (CHINA UNICOM), then from the VPN again, once"
        in summary
    )
    assert "240 s" in summary


def test_one_session_without_a_device():
    """A session that the provider knows by its number, of an account whose laptop the roster names."""
    rows = [ROSTER, *flap(DANDONG, device=None, session="s1")]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "abroad"}


def test_a_devices_own_reports_and_two_exits():
    """Own sightings will do, and the VPN may come back with another exit."""
    rows = [
        ROSTER,
        seen("lt-1", VPN_DALLAS, 1, 12.0),
        seen("lt-1", DANDONG, 1, 12.05),
        seen("lt-1", VPN_PHOENIX, 1, 12.1),
    ]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "abroad"}


def test_home_lines_among_them_are_passed_over():
    """The agent reports from the home line all the while."""
    home = [seen("lt-1", PHOENIX, 1, 12.0 + minute * MINUTE) for minute in range(6)]
    assert answers(DETECTOR, [ROSTER, *home, *flap(DANDONG)], geo=GEO) == {"lt-1": "abroad"}


def test_lesser_grades():
    """A carrier abroad may be roaming; a data centre abroad is mostly another exit."""
    assert answers(DETECTOR, [ROSTER, *flap(DANDONG_MOBILE)], geo=GEO) == {"lt-1": "abroad_mobile"}
    assert answers(DETECTOR, [ROSTER, *flap(CLOUD)], geo=GEO) == {"lt-1": "data_centre"}


@pytest.mark.parametrize("between", [PHOENIX, PHOENIX_MOBILE, RELAY, VPN_PHOENIX])
def test_what_shows_at_home_is_none(between):
    """Split tunnel, hand-over to a carrier at home, private relay, another exit."""
    assert answers(DETECTOR, [ROSTER, *flap(between)], geo=GEO) == {"lt-1": "clear"}


def test_hours_are_no_flap():
    """A VPN used in the morning and in the evening."""
    assert answers(DETECTOR, [ROSTER, *flap(DANDONG, minutes=300.0)], geo=GEO) == {"lt-1": "clear"}


def test_travellers_and_telephones():
    """Declared travel; a telephone beside the laptop; different sessions without a device."""
    away = holder("lt-1", "p1", "a1", travel="2026-03-02/2026-03-05")
    assert answers(DETECTOR, [away, *flap(DANDONG)], geo=GEO) == {"lt-1": "clear"}
    first, between, last = flap(DANDONG)
    phone = sign_in("a1", DANDONG, 1, 12.03, device_id="lt-1", client_os="ios")
    assert answers(DETECTOR, [ROSTER, first, phone, last, seen("lt-1", PHOENIX, 3)], geo=GEO) == {"lt-1": "clear"}
    mixed = [sign_in("a1", one, 1, 12 + number / 60, session=f"s{number}")
             for number, one in enumerate((VPN_DALLAS, DANDONG, VPN_DALLAS))]  # fmt: skip
    assert answers(DETECTOR, [ROSTER, *mixed], geo=GEO) == {"lt-1": "clear"}
    assert between.address == DANDONG


def test_without_a_place_there_is_no_data():
    """Without the roster's country nothing is abroad; without places nothing is anywhere."""
    nowhere = holder("lt-1", "p1", "a1", place_country=None, latitude=None)
    assert answers(DETECTOR, [nowhere, *flap(DANDONG)], geo=GEO) == {"lt-1": "no data"}
    assert answers(DETECTOR, [ROSTER, *flap(DANDONG)]) == {"lt-1": "no data"}
    assert answers(DETECTOR, [seen("lt-1", DANDONG, 1)], geo=GEO) == {"lt-1": "no data"}
