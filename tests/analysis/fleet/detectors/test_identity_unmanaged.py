"""IdentityUnmanaged: hits, near misses, no data."""

from __future__ import annotations

from datetime import timedelta

from farmwatch.analysis.fleet.detectors.identity_unmanaged import IdentityUnmanaged
from tests.analysis.fleet.fleets import answers, at, judged
from tests.analysis.fleet.placing import DALLAS, GEO, PHOENIX, holder, seen, sign_in

DETECTOR = IdentityUnmanaged()
ROSTER = holder("lt-1", "p1", "a1")
HOME = [seen("lt-1", PHOENIX, day) for day in range(5)]
MANAGED = sign_in("a1", PHOENIX, 1, device_id="lt-1", managed=True, client_os="windows")


def own(address, day, **values):
    return sign_in("a1", address, day, **({"managed": False, "client_os": "windows"} | values))


def test_computers_elsewhere():
    """On a line the laptop was not on: for days, or once."""
    rows = [ROSTER, *HOME, MANAGED, own(DALLAS, 1), own(DALLAS, 2)]
    assert answers(DETECTOR, rows, geo=GEO) == {"lt-1": "elsewhere_days"}
    assert answers(DETECTOR, rows[:-1], geo=GEO) == {"lt-1": "elsewhere"}
    summary = judged(DETECTOR, rows, geo=GEO).hits["lt-1"][0].summary
    assert "is not managed (windows), from the United States (Charter), where the laptop was not, on 2 days" in summary


def test_a_computer_beside_the_laptop():
    """On its own line it is mostly the person's own; where both happened, the other line counts."""
    assert answers(DETECTOR, [ROSTER, *HOME, own(PHOENIX, 1)], geo=GEO) == {"lt-1": "beside"}
    assert answers(DETECTOR, [ROSTER, *HOME, own(PHOENIX, 1), own(DALLAS, 1)], geo=GEO) == {"lt-1": "elsewhere"}


def test_a_device_that_the_roster_does_not_have():
    """Named by the provider, beside the laptop that the owner was given; a managed one is the roster's omission."""
    stranger = {"device_id": "desktop-9", "client_os": "windows"}
    rows = [ROSTER, *HOME, MANAGED, sign_in("a1", DALLAS, 1, **stranger)]
    assert answers(DETECTOR, rows, geo=GEO)["lt-1"] == "elsewhere"
    rows = [ROSTER, *HOME, MANAGED, sign_in("a1", DALLAS, 1, managed=True, **stranger)]
    assert answers(DETECTOR, rows, geo=GEO)["lt-1"] == "clear"


def test_what_is_not_another_computer():
    """Telephones, failed sign-ins, programs, managed computers, days before the laptop came, declared travel."""
    others = [own(DALLAS, 1, client_os="ios"), own(DALLAS, 1, outcome="failure"), own(DALLAS, 2, interactive=False)]
    assert answers(DETECTOR, [ROSTER, *HOME, MANAGED, *others], geo=GEO) == {"lt-1": "clear"}
    fresh = holder("lt-1", "p1", "a1", issued=at(1) + timedelta(hours=1))
    assert answers(DETECTOR, [fresh, *HOME, own(DALLAS, 0), own(DALLAS, 2)], geo=GEO) == {"lt-1": "clear"}
    away = holder("lt-1", "p1", "a1", travel="2026-03-03/2026-03-05")
    assert answers(DETECTOR, [away, *HOME, own(DALLAS, 2)], geo=GEO) == {"lt-1": "clear"}


def test_a_fleet_where_own_computers_are_usual():
    """Says nothing there, and says why."""
    rows = [ROSTER, *HOME, own(DALLAS, 1), own(DALLAS, 2)]
    for number in range(2, 14):
        rows += [holder(f"lt-{number}", f"p{number}", f"a{number}"),
                 sign_in(f"a{number}", PHOENIX, 1, managed=False, client_os="macos")]  # fmt: skip
    found = judged(DETECTOR, rows, geo=GEO)
    assert not found.hits
    assert found.coverage[0].no_data == {"own computers are usual in this fleet": 13}


def test_without_word_of_management_there_is_no_data():
    """A provider that does not tell."""
    assert answers(DETECTOR, [ROSTER, sign_in("a1", DALLAS, 1, client_os="windows")]) == {"lt-1": "no data"}
