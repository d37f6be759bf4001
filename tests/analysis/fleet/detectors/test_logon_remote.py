"""LogonRemote: hit, near miss, no data."""

from __future__ import annotations

import ipaddress

import pytest

from farmwatch.analysis.fleet.detectors.logon_remote import LogonRemote
from farmwatch.analysis.profile import Profile
from farmwatch.records import Logon, PowerEvent, RosterEntry, SignIn
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = LogonRemote()
OFFICE = Profile(company_cidrs=(ipaddress.ip_network("203.0.113.0/24"), ipaddress.ip_network("10.9.0.0/16")))


def logon(remote_h, day=1.0, device="lt-1", **values):
    given = {"event": "logon", "source": "security 4624", "logon_type": 10}
    return Logon(device_id=device, ts=at(day), remote_h=remote_h, **(given | values))


@pytest.mark.parametrize(
    ("rows", "grade"),
    [
        ([logon("198.51.100.7")], "outside"),
        ([logon("198.51.100.7", 1), logon("198.51.100.7", 2, event="reconnect")], "outside_often"),
        ([logon("198.51.100.7", logon_type=None, source="wtmp")], "outside"),
        ([logon("127.0.0.1")], "loopback"),
        ([logon("::1")], "loopback"),
        ([logon("192.168.1.8")], "near"),
        ([logon("192.168.1.8"), logon("198.51.100.7")], "outside"),
    ],
)
def test_remote_logons_by_where_they_came_from(rows, grade):
    """The strongest way in is told once."""
    assert answers(DETECTOR, rows) == {"lt-1": grade}


@pytest.mark.parametrize(
    "row",
    [
        logon(None, logon_type=2),
        logon("198.51.100.7", logon_type=3),
        logon("198.51.100.7", event="failed"),
        logon("198.51.100.7", event="connection", logon_type=None),
        logon("203.0.113.9"),
        logon("10.9.1.2"),
    ],
)
def test_what_is_no_remote_desktop_from_outside_is_clear(row):
    """At the device, a file share, a guess at the password, a knock, the help desk's addresses."""
    assert answers(DETECTOR, [row], profile=OFFICE) == {"lt-1": "clear"}


def test_an_approved_remote_desktop_is_clear():
    """By the profile or by the roster."""
    row = logon("198.51.100.7")
    assert answers(DETECTOR, [row], profile=Profile(approved_tools=frozenset({"rdp"}))) == {"lt-1": "clear"}
    assert answers(DETECTOR, [row, RosterEntry(device_id="lt-1", ts=at(-9), approved_tools="rdp")]) == {"lt-1": "clear"}


def test_logons_from_the_local_network_all_over_the_fleet_are_a_practice():
    """Administration by addresses that were not declared; a logon from the internet is told all the same."""
    rows = [logon("192.168.1.8", device=f"lt-{number}") for number in range(12)]
    assert set(answers(DETECTOR, rows).values()) == {"clear"}
    assert answers(DETECTOR, [*rows, logon("198.51.100.7")])["lt-1"] == "outside"


def test_a_far_end_in_another_country_speaks_of_abroad_too():
    """Unless it is the declared one, or travel is declared."""
    told = SignIn(device_id="lt-9", ts=at(1), provider="okta", event="sign-in", outcome="success",
                  address="198.51.100.7", place_country="LV")  # fmt: skip
    for country, travel, grades in (("US", None, "outside, country"), ("LV", None, "outside"), (None, None, "outside"),
                                    ("US", "2026-03-01/2026-03-09 Riga", "outside")):  # fmt: skip
        roster = RosterEntry(device_id="lt-1", ts=at(-9), place_country=country, travel=travel)
        assert answers(DETECTOR, [logon("198.51.100.7"), told, roster])["lt-1"] == grades


def test_without_logons_there_is_no_data():
    """Nothing to look at is not clear."""
    assert answers(DETECTOR, [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]) == {"lt-2": "no data"}


def test_a_finding_names_the_far_end():
    """Its address stands in what was observed."""
    finding = judged(DETECTOR, [logon("198.51.100.7", record_id="4624-1")]).hits["lt-1"][0]
    assert finding.observed == "198.51.100.7"
    assert finding.telling[0].record_ids == ("4624-1",)


def test_an_address_that_comes_to_many_seldom_is_a_help_desk():
    """Abroad or not, it says next to nothing; one that works on each of them day by day is none."""
    home = [RosterEntry(device_id=f"lt-{number}", ts=at(-9), place_country="US") for number in range(20)]
    where = SignIn(ts=at(1), provider="okta", event="sign-in", outcome="success", account="z", address="198.51.100.7",
                   place_country="DE")  # fmt: skip
    seldom = [logon("198.51.100.7", number % 6, f"lt-{number}") for number in range(20)]
    assert set(answers(DETECTOR, [*home, where, *seldom]).values()) == {"desk"}
    assert answers(DETECTOR, [*home, where, *seldom[:19]])["lt-0"] == "outside, country"
    daily = [logon("198.51.100.7", day, f"lt-{number}") for number in range(20) for day in range(4)]
    assert set(answers(DETECTOR, [*home, where, *daily]).values()) == {"outside_often, country"}
    other = logon("198.51.100.9", 2, "lt-0")
    assert answers(DETECTOR, [*home, where, *seldom, other])["lt-0"] == "outside"
