"""PlaceEarlyReversal: hits, near misses, no data."""

from __future__ import annotations

from farmwatch.analysis.fleet.detectors.place_early_reversal import PlaceEarlyReversal
from tests.analysis.fleet.fleets import answers, judged
from tests.analysis.fleet.placing import CLOUD, DANDONG, GEO, PHOENIX, VPN_DALLAS, VPN_PHOENIX, holder, sign_in

DETECTOR = PlaceEarlyReversal()
ROSTER = holder("lt-1", "p1", "a1")
OTHERS = sign_in("a0", PHOENIX, -100)
BEGAN = [sign_in("a1", DANDONG, -12), sign_in("a1", DANDONG, -11)]


def later(address, *days):
    return [sign_in("a1", address, day) for day in days]


def told(*rows, **options):
    return answers(DETECTOR, [OTHERS, *rows], geo=GEO, **options).get("lt-1")


def test_first_abroad_then_at_home():
    """By lines at home, or through VPNs and data centres that pass for home."""
    assert told(ROSTER, *BEGAN, *later(PHOENIX, 1, 2, 3)) == "then_home"
    assert told(ROSTER, *BEGAN, *later(VPN_DALLAS, 1, 2), *later(VPN_PHOENIX, 3)) == "then_vpn"
    summary = judged(DETECTOR, [OTHERS, ROSTER, *BEGAN, *later(PHOENIX, 1, 2)], geo=GEO).hits["lt-1"][0].summary
    assert (
        "since 2026-02-18): its first sign-ins came from China (CHINA UNICOM), those of 2 later days from " in summary
    )
    assert summary.endswith("from the United States")


def test_first_at_home_then_abroad():
    """The usual order, and a mixed beginning; and one that never came home."""
    assert told(ROSTER, sign_in("a1", PHOENIX, -12), *later(DANDONG, 1, 2), *later(PHOENIX, 3, 4)) == "clear"
    assert told(ROSTER, *BEGAN, sign_in("a1", PHOENIX, -12), *later(PHOENIX, 1, 2, 3)) == "clear"
    assert told(ROSTER, *BEGAN, *later(DANDONG, 1, 2, 3)) == "clear"


def test_a_beginning_that_places_nobody():
    """A data centre abroad is no place; declared travel is respected; a failed sign-in begins nothing."""
    assert told(ROSTER, sign_in("a1", CLOUD, -12), *later(PHOENIX, 1, 2, 3)) == "clear"
    away = holder("lt-1", "p1", "a1", travel="2026-02-18/2026-02-20 Dandong")
    assert told(away, *BEGAN, *later(PHOENIX, 1, 2, 3)) == "clear"
    failed = [sign_in("a1", DANDONG, -12, outcome="failure")]
    assert told(ROSTER, *failed, *later(PHOENIX, -8, 1, 2, 3)) == "clear"


def test_an_old_account_and_a_young_store():
    """An account that goes back for longer; a store in which everybody begins on the same days."""
    assert told(ROSTER, sign_in("a1", PHOENIX, -95), *BEGAN, *later(PHOENIX, 1, 2)) == "clear"
    rows = [sign_in("a0", PHOENIX, -13), ROSTER, *BEGAN, *later(PHOENIX, 1, 2)]
    assert answers(DETECTOR, rows, geo=GEO)["lt-1"] == "clear"


def test_without_places_there_is_no_data():
    """No country in the roster, or none of any address."""
    nowhere = holder("lt-1", "p1", "a1", place_country=None)
    assert told(nowhere, *BEGAN, *later(PHOENIX, 1, 2)) == "no data"
    assert answers(DETECTOR, [OTHERS, ROSTER, *BEGAN, *later(PHOENIX, 1, 2)])["lt-1"] == "no data"
