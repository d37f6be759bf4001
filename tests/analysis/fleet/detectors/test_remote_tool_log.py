"""RemoteToolSessions: hit, near miss, no data."""

from __future__ import annotations

import ipaddress

import pytest

from farmwatch.analysis.fleet.detectors.remote_tool_log import RemoteToolSessions
from farmwatch.analysis.profile import Profile
from farmwatch.records import PowerEvent, RemoteToolLog, RosterEntry, SignIn
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = RemoteToolSessions()
OFFICE = Profile(company_cidrs=(ipaddress.ip_network("203.0.113.0/24"),))


def log(day=1.0, device="lt-1", **values):
    given = {"tool": "anydesk", "event": "session", "direction": "incoming", "far_id": "123456789"}
    return RemoteToolLog(device_id=device, ts=at(day), **(given | values))


def days(hours, count, **values):
    """Sessions on several days, of so many hours each."""
    return [log(day, ended=at(day, hours), **values) for day in range(count)]


@pytest.mark.parametrize(
    ("rows", "grade"),
    [
        ([log(auth="password", unattended=True)], "unattended"),
        ([log(event="accepted", auth="token", unattended=True, far_id=None)], "unattended"),
        ([log(auth="user", unattended=False)], "consented"),
        (days(4, 3, auth="user", unattended=False), "consented_long"),
        ([log(tool="teamviewer", mode="RemoteControl")], "unstated"),
        (days(4, 3, tool="teamviewer"), "unstated_long"),
        (days(0.2, 3, tool="teamviewer"), "unstated"),
        ([log(auth="password", unattended=True, far_h="192.168.1.7")], "near"),
    ],
)
def test_sessions_by_what_let_them_in_and_for_how_long(rows, grade):
    """A password needs nobody at the device; a click does; some logs do not say."""
    assert answers(DETECTOR, rows) == {"lt-1": grade}


@pytest.mark.parametrize(
    "rows",
    [
        [log(direction="outgoing")],
        [log(event="request")],
        [log(event="request"), log(event="session"), log(event="rejected")],
        [log(tool="teamviewer", mode="FileTransfer")],
        [log(event="relay", far_h="198.51.100.9")],
    ],
)
def test_what_is_no_session_in_is_clear(rows):
    """A help desk's own computer, a request, a refused one, a file transfer, a relay asked."""
    assert answers(DETECTOR, rows) == {"lt-1": "clear"}


def test_unattended_access_is_conclusive():
    """The log states the fact outright; the summary says how often, how long and from where."""
    rows = [log(day, auth="password", unattended=True, ended=at(day, 6)) for day in range(4)]
    finding = judged(DETECTOR, rows).hits["lt-1"][0]
    assert finding.conclusive
    assert "4 sessions that came in, 4 of them without anybody at the device agreeing, on 4 days, 24.0 hours" in (
        finding.summary
    )
    assert "from 123456789" in finding.summary


def test_lines_of_one_beginning_are_one_session():
    """A trace tells of a session in several lines and of its end in a later one."""
    rows = [
        log(1, event="relay", far_id=None, far_h="198.51.100.9"), log(1, event="request"), log(1, event="session"),
        log(1, event="accepted", auth="password", unattended=True), log(1.25, event="ended"),
    ]  # fmt: skip
    summary = judged(DETECTOR, rows).hits["lt-1"][0].summary
    assert "1 session that came in" in summary
    assert "6.0 hours" in summary


def test_sessions_begun_while_the_screen_is_locked_had_nobody_to_agree():
    """Where the log says nothing; once may be somebody coming back, and a click is a click."""
    locked = [PowerEvent(device_id="lt-1", ts=at(0, 1), event="locked"),
              PowerEvent(device_id="lt-1", ts=at(4), event="unlocked")]  # fmt: skip
    assert answers(DETECTOR, [*locked, log(1, tool="teamviewer"), log(2, tool="teamviewer")]) == {"lt-1": "locked"}
    assert answers(DETECTOR, [*locked, log(1, tool="teamviewer"), log(5, tool="teamviewer")]) == {"lt-1": "unstated"}
    asked = [log(day, auth="user", unattended=False) for day in (1, 2)]
    assert answers(DETECTOR, [*locked, *asked]) == {"lt-1": "consented"}


def test_a_session_without_an_end_has_no_hours():
    """Nothing is made up where the log does not say how long it was."""
    assert "hours" not in judged(DETECTOR, [log(unattended=True)]).hits["lt-1"][0].summary


def test_the_companys_own_addresses_are_clear():
    """Office IT, and another session of the same far end whose address was not logged."""
    rows = [log(1, unattended=True, far_h="203.0.113.5"), log(3, unattended=True)]
    assert answers(DETECTOR, rows, profile=OFFICE) == {"lt-1": "clear"}
    assert answers(DETECTOR, rows) == {"lt-1": "unattended"}


def test_an_approved_tool_is_clear():
    """By the profile or by the roster."""
    rows = [log(unattended=True)]
    assert answers(DETECTOR, rows, profile=Profile(approved_tools=frozenset({"anydesk"}))) == {"lt-1": "clear"}
    assert answers(DETECTOR, [*rows, RosterEntry(device_id="lt-1", ts=at(-9), approved_tools="anydesk")]) == {
        "lt-1": "clear"
    }


def test_somebody_who_works_through_the_laptop_by_an_allowed_tool_is_told():
    """Support is allowed, which is brief; the far end's country counts then as well."""
    profile = Profile(approved_tools=frozenset({"teamviewer"}))
    worked = days(4, 7, tool="teamviewer", unattended=True, far_h="198.51.100.9")
    assert answers(DETECTOR, worked, profile=profile) == {"lt-1": "allowed_long"}
    assert (
        judged(DETECTOR, worked, profile=profile).hits["lt-1"][0].summary.endswith("the tool is allowed, as support is")
    )
    assert answers(DETECTOR, days(1, 7, tool="teamviewer", unattended=True), profile=profile) == {"lt-1": "clear"}
    abroad = [place("198.51.100.9", "LV"), RosterEntry(device_id="lt-1", ts=at(-9), place_country="US")]
    assert answers(DETECTOR, [*worked, *abroad], profile=profile)["lt-1"] == "allowed_long, country"
    unstated = days(4, 7, tool="teamviewer")
    assert answers(DETECTOR, unstated, profile=profile) == {"lt-1": "allowed_unstated"}
    brief = days(1, 7, tool="teamviewer", unattended=True, far_h="198.51.100.9")
    assert answers(DETECTOR, [*brief, *abroad], profile=profile)["lt-1"] == "clear"


def test_a_far_end_with_short_visits_to_many_devices_is_a_help_desk():
    """One that works on many devices all day is not."""
    desk = [log(1, f"lt-{number}", unattended=True, ended=at(1, 0.5)) for number in range(20)]
    assert set(answers(DETECTOR, desk).values()) == {"desk"}
    hand = [log(day, f"lt-{number}", unattended=True, ended=at(day, 7)) for number in range(20) for day in range(3)]
    assert set(answers(DETECTOR, hand).values()) == {"unattended"}


def place(address, country):
    """Where the provider puts an address."""
    return SignIn(device_id="lt-9", ts=at(1), provider="okta", event="sign-in", outcome="success", address=address,
                  place_country=country)  # fmt: skip


def test_a_far_end_in_another_country_speaks_of_abroad_too():
    """Where the address lies in the declared country, or while travel is declared, it does not."""
    rows = [log(1, unattended=True, far_h="198.51.100.9"), place("198.51.100.9", "LV")]
    for country, travel, grades in (("US", None, "unattended, country"), ("LV", None, "unattended"),
                                    ("US", "2026-03-01/2026-03-09 Riga", "unattended")):  # fmt: skip
        roster = RosterEntry(device_id="lt-1", ts=at(-9), place_country=country, travel=travel)
        assert answers(DETECTOR, [*rows, roster])["lt-1"] == grades


def test_without_logs_there_is_no_data():
    """Nobody collected a tool's log of this device."""
    assert answers(DETECTOR, [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]) == {"lt-2": "no data"}


def test_what_a_help_desk_does_is_not_counted_with_another_visit():
    """The desk needs nobody to agree; somebody at the device agreed to the other session."""
    desk = [log(1 + number / 100, f"lt-{number}", auth="token", unattended=True) for number in range(25)]
    other = log(3, "lt-1", far_id="777", auth="user", unattended=False)
    told = answers(DETECTOR, [*desk, other])
    assert told["lt-1"] == "consented"
    assert told["lt-2"] == "desk"


def test_a_help_desk_abroad_is_a_help_desk():
    """Its address says where the company's service sits."""
    roster = [RosterEntry(device_id=f"lt-{number}", ts=at(-9), place_country="US") for number in range(25)]
    seen = SignIn(ts=at(0), provider="okta", event="sign-in", outcome="success", account="a", address="198.51.100.9",
                  place_country="IN")  # fmt: skip
    desk = [log(1 + number / 100, f"lt-{number}", far_h="198.51.100.9") for number in range(25)]
    assert set(answers(DETECTOR, [*desk, *roster, seen]).values()) == {"desk"}
    assert answers(DETECTOR, [desk[0], *roster, seen])["lt-0"] == "unstated, country"


def test_a_lock_and_an_unlock_at_one_moment_is_no_locked_screen():
    """Which of the two came last is not known."""
    both = [
        PowerEvent(device_id="lt-1", ts=at(day), event=event) for day in range(3) for event in ("locked", "unlocked")
    ]
    rows = [log(day, tool="teamviewer", ended=at(day, 2)) for day in (0.5, 1.5, 2.5)]
    assert "screen was locked" not in judged(DETECTOR, [*rows, *both]).hits["lt-1"][0].summary
