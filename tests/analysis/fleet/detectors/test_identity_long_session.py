"""IdentityLongSession: hit, near misses, no data."""

from __future__ import annotations

from farmwatch.analysis.fleet.detectors.identity_long_session import IdentityLongSession
from tests.analysis.fleet.fleets import answers, judged
from tests.analysis.fleet.placing import PHOENIX, sign_in

DETECTOR = IdentityLongSession()


def session(device, name, *days):
    return [sign_in(f"a-{device}", PHOENIX, day, device_id=device, session=name) for day in days]


OTHERS = [row for number in range(20) for row in session(f"lt-{number}", f"s{number}", 1, 2)]


def test_a_session_of_weeks():
    """One of the fleet's sessions lasts 24 days."""
    rows = [*OTHERS, *session("lt-99", "long", -18, 1, 6)]
    assert answers(DETECTOR, rows)["lt-99"] == "weeks"
    assert "kept alive for 24 days; 1 of 21 sessions" in judged(DETECTOR, rows).hits["lt-99"][0].summary


def test_what_is_usual_is_none():
    """Two sessions of some twenty are no rarity; three weeks' sign-ins in several sessions are no long one."""
    rows = [*OTHERS, *session("lt-98", "other", -18, 6), *session("lt-99", "long", -18, 6)]
    assert set(answers(DETECTOR, rows).values()) == {"clear"}
    rows = [*OTHERS, *session("lt-99", "one", -18), *session("lt-99", "two", 6)]
    assert answers(DETECTOR, rows)["lt-99"] == "clear"


def test_without_sessions_there_is_no_data():
    """Sign-ins without a session number."""
    assert answers(DETECTOR, [sign_in("a1", PHOENIX, 1, device_id="lt-1")]) == {"lt-1": "no data"}
