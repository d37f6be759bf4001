"""Tables that several detectors ask: the roster today, accounts and their devices, travel, presence, addresses."""

from __future__ import annotations

from datetime import date

import pytest

from farmwatch.analysis.fleet.derived import DERIVED
from farmwatch.records import DeviceFact, MeetingUse, PowerEvent, RosterEntry, Sighting, SignIn, UsbDevice
from tests.analysis.fleet.fleets import UNTIL, WEEK, at, fleet_of
from tests.analysis.fleet.placing import GEO, PHOENIX, SEATTLE, holder, seen, sign_in


def asked(rows, sql, **options):
    """What a query gives, as tuples."""
    with fleet_of(rows, **options) as fleet:
        return [tuple(row.values()) for row in fleet.rows(sql)]


@pytest.mark.parametrize("name", sorted(DERIVED))
def test_every_table_can_be_asked_of_nobody(name):
    """A company that sends nothing has empty tables, not errors, whichever is asked first."""
    assert asked([], f"SELECT * FROM {name}") == []


# --- the roster


def test_one_row_a_device_the_last_to_begin():
    """What begins after the window does not hold yet; of two that begin at once the higher number does."""
    rows = [
        RosterEntry(device_id="lt-1", ts=at(-30), record_id="9", place="Phoenix", person="p1"),
        RosterEntry(device_id="lt-1", ts=at(-2), record_id="1", place="Denver", person="p1"),
        RosterEntry(device_id="lt-1", ts=at(-2), record_id="2", place="Boston"),
        RosterEntry(device_id="lt-1", ts=UNTIL, record_id="3", place="Miami", person="p1"),
    ]
    assert asked(rows, "SELECT place, person FROM owners") == [("Boston", None)]


def test_what_the_roster_leaves_out_is_no_permission():
    """No accommodation and no tool, so that comparisons with them are never unknown."""
    rows = [
        RosterEntry(device_id="lt-1", ts=at(-9)),
        RosterEntry(device_id="lt-2", ts=at(-9), accommodation=True, approved_tools="anydesk,rustdesk"),
    ]
    sql = "SELECT accommodation, list_contains(approved_tools, 'anydesk') AS allowed FROM owners ORDER BY device_id"
    assert asked(rows, sql) == [(False, False), (True, True)]


def test_approved_tools_are_heeded_however_they_are_written():
    """Rows of one's own format keep the words of whoever wrote them."""
    rows = [RosterEntry(device_id="lt-1", ts=at(-2), approved_tools="AnyDesk, Team Viewer")]
    assert asked(rows, "SELECT approved_tools FROM owners") == [(["anydesk", "teamviewer"],)]


def test_an_account_is_its_persons_and_so_all_their_devices():
    """Named on one of a person's two laptops it is both's; of a laptop without a person it is that laptop's."""
    rows = [
        RosterEntry(device_id="lt-1", ts=at(-9), person="p1", accounts="aa,ab"),
        RosterEntry(device_id="lt-2", ts=at(-9), person="p1"),
        RosterEntry(device_id="lt-3", ts=at(-9), accounts="cc"),
        RosterEntry(device_id="lt-4", ts=at(-9), accounts="dd"),
        RosterEntry(device_id="lt-5", ts=at(-9), person="p5"),
    ]
    assert asked(rows, "SELECT * FROM account_owners ORDER BY ALL") == [
        ("aa", "lt-1", "p1"), ("aa", "lt-2", "p1"), ("ab", "lt-1", "p1"), ("ab", "lt-2", "p1"),
        ("cc", "lt-3", None), ("dd", "lt-4", None),
    ]  # fmt: skip
    assert asked(rows, "SELECT * FROM account_devices ORDER BY ALL") == [("cc", "lt-3"), ("dd", "lt-4")]


def test_an_account_two_persons_have_is_about_no_device():
    """A shared mailbox says nothing of either laptop."""
    rows = [
        RosterEntry(device_id="lt-1", ts=at(-9), person="p1", accounts="own,shared"),
        RosterEntry(device_id="lt-2", ts=at(-9), person="p2", accounts="shared"),
    ]
    assert asked(rows, "SELECT account, device_id FROM account_devices") == [("own", "lt-1")]


# --- travel


@pytest.mark.parametrize(
    ("travel", "expected"),
    [
        ("2026-03-01/2026-03-05 Lisbon", [("02-28", "03-06")]),
        (" 2026-03-01/2026-03-05 Lisbon ;2026-04-01/2026-04-01", [("02-28", "03-06"), ("03-31", "04-02")]),
        ("Lisbon in March", []),
        ("2026-03-01", []),
        ("", []),
        (";;", []),
    ],
)
def test_travel_has_a_day_more_on_either_side(travel, expected):
    """Days are UTC and people leave in the evening; what is no pair of dates is no trip."""
    rows = [RosterEntry(device_id="lt-1", ts=at(-9), travel=travel)]
    found = asked(rows, "SELECT * FROM travels ORDER BY leaves")
    assert found == [
        ("lt-1", date.fromisoformat(f"2026-{leaves}"), date.fromisoformat(f"2026-{returns}"))
        for leaves, returns in expected
    ]


def test_a_day_that_no_month_has_ends_nothing():
    """The thirtieth of February is unknown, and the assessment goes on."""
    rows = [RosterEntry(device_id="lt-1", ts=at(-9), travel="2026-02-30/2026-03-05 x; 2026-03-07/2026-03-08 y")]
    assert asked(rows, "SELECT leaves FROM travels ORDER BY leaves NULLS FIRST") == [(None,), (date(2026, 3, 6),)]


# --- who is there


def test_presence_counts_the_rows_of_the_window_by_table():
    """Sign-ins of an account count for the device they are about; the roster tells nothing of being there."""
    rows = [
        PowerEvent(device_id="lt-1", ts=at(1), event="boot"),
        PowerEvent(device_id="lt-1", ts=at(3), event="sleep"),
        PowerEvent(device_id="lt-1", ts=at(-1), event="boot"),
        PowerEvent(device_id="lt-1", ts=WEEK.until, event="boot"),
        holder("lt-1", "p1", "aa"),
        sign_in("aa", PHOENIX, 2),
        sign_in("nobodys", PHOENIX, 2),
    ]
    assert asked(rows, "SELECT name, n, first, last FROM presence WHERE device_id = 'lt-1' ORDER BY name") == [
        ("power", 2, at(1), at(3)), ("sign_ins", 1, at(2, 12), at(2, 12)),
    ]  # fmt: skip
    assert asked(rows, "SELECT count(*) AS n FROM presence WHERE device_id IS NULL") == [(0,)]


def test_devices_to_judge_are_those_of_any_table_and_of_the_roster():
    """Each once; one that was last heard of before the window is judged only where the roster has it."""
    rows = [
        UsbDevice(device_id="usb", ts=at(1), event="present"),
        PowerEvent(device_id="usb", ts=at(1), event="boot"),
        PowerEvent(device_id="gone", ts=at(-3), event="boot"),
        RosterEntry(device_id="listed", ts=at(-90)),
        RosterEntry(device_id="later", ts=at(90)),
        DeviceFact(device_id="told", ts=at(2)),
    ]
    assert asked(rows, "SELECT device_id FROM fleet_devices ORDER BY 1") == [("listed",), ("told",), ("usb",)]


# --- where it came from


def test_addresses_by_day_and_way():
    """What the agent told, sign-ins that succeeded, tunnels and meetings; each day's sightings together."""
    rows = [
        holder("lt-1", "p1", "aa"),
        seen("lt-1", PHOENIX, 1, 9), seen("lt-1", PHOENIX, 1, 17), seen("lt-1", PHOENIX, 2, 9),
        sign_in("aa", SEATTLE, 1, 10), sign_in("aa", SEATTLE, 1, 11, event="tunnel up"),
        MeetingUse(device_id="lt-1", ts=at(1, 12), product="zoom", meeting_id="m", address=SEATTLE),
    ]  # fmt: skip
    found = asked(rows, "SELECT day, address, via, first, n FROM egress ORDER BY day, via", geo=GEO)
    second, third = date(2026, 3, 3), date(2026, 3, 4)
    assert found == [
        (second, SEATTLE, "meetings", at(1, 12), 1), (second, PHOENIX, "sightings", at(1, 9), 2),
        (second, SEATTLE, "sign_ins", at(1, 10), 1), (second, SEATTLE, "tunnels", at(1, 11), 1),
        (third, PHOENIX, "sightings", at(2, 9), 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "row",
    [
        sign_in("aa", SEATTLE, 1, outcome="failure"),
        sign_in("nobodys", SEATTLE, 1),
        seen("lt-1", "192.168.1.7", 1),
        seen("lt-1", "not an address", 1),
        seen("lt-1", PHOENIX, -2),
        Sighting(device_id="lt-1", ts=at(1), kind="gateway_ip", value=SEATTLE),
        SignIn(device_id="lt-1", ts=at(1), provider="okta", event="sign-in", account="aa", outcome="success"),
    ],
    ids=["failed", "of nobody", "private", "no address", "before", "gateway", "none"],
)
def test_what_is_no_address_of_a_device(row):
    """An attacker's failed attempt from abroad is not where the laptop was, nor is an address of its home network."""
    assert asked([holder("lt-1", "p1", "aa"), row], "SELECT * FROM egress", geo=GEO) == []
