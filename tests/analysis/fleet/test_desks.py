"""Far ends: help desks, and those that work through laptops."""

from __future__ import annotations

import ipaddress

import pytest

from farmwatch.analysis.profile import Profile
from farmwatch.records import Logon, RemoteToolLog, RosterEntry
from tests.analysis.fleet.fleets import at, fleet_of

ALLOWED = Profile(
    approved_tools=frozenset({"teamviewer"}), company_cidrs=(ipaddress.ip_network("203.0.113.0/24"),)
)  # fmt: skip


def session(day, hours, device="lt-1", **values):
    given = {"tool": "teamviewer", "event": "session", "direction": "incoming", "far_id": "123456789",
             "ended": at(day, hours)}  # fmt: skip
    return RemoteToolLog(device_id=device, ts=at(day), **(given | values))


def table(name, rows, profile=ALLOWED):
    with fleet_of(rows, profile=profile) as fleet:
        return [tuple(row.values()) for row in fleet.rows(f"SELECT * FROM {name} ORDER BY ALL")]


def test_sessions_of_approved_tools_are_marked():
    """By the profile, or for this device by the roster."""
    rows = [session(1, 1), session(1, 1, tool="anydesk"), session(1, 1, "lt-2", tool="anydesk")]
    rows.append(RosterEntry(device_id="lt-2", ts=at(-9), approved_tools="anydesk"))
    with fleet_of(rows, profile=ALLOWED) as fleet:
        told = {(row["device_id"], row["tool"]): row["approved"] for row in fleet.rows("SELECT * FROM tool_sessions")}
    assert told == {("lt-1", "teamviewer"): True, ("lt-1", "anydesk"): False, ("lt-2", "anydesk"): True}


WEEK = (0, 1, 2, 6)


def test_who_works_through_a_laptop_by_an_allowed_tool():
    """Eight hours on four days of a week; whether anybody was asked is told, or not known."""
    worker = ("lt-1", "teamviewer", "123456789")
    assert table("tool_workers", [session(day, 2) for day in WEEK]) == [(*worker, False)]
    alone = [session(day, 2, unattended=True, auth="password") for day in WEEK]
    assert table("tool_workers", alone) == [(*worker, True)]


def test_ends_belong_to_the_session_before_them():
    """Ends that the log lacks are not made of a later session's, nor of one out of this device."""
    begun = [session(day, 0, ended=None) for day in WEEK]
    last = RemoteToolLog(device_id="lt-1", ts=at(6, 0.2), tool="teamviewer", event="ended", direction="incoming")
    out = RemoteToolLog(device_id="lt-1", ts=at(0, 5), tool="teamviewer", event="ended", direction="outgoing")
    with fleet_of([*begun, last, out], profile=ALLOWED) as fleet:
        hours = [row["hours"] for row in fleet.rows("SELECT hours FROM tool_sessions ORDER BY ts")]
    assert hours == [None, None, None, pytest.approx(0.2)]


def test_where_many_are_worked_through_it_is_how_the_company_works():
    """Ten of five hundred people reach their own laptops so; of six hundred they are no habit."""

    def fleet(total):
        others = [session(1, 0.1, f"x-{number}", far_id=f"7{number}") for number in range(total - 10)]
        return others + [session(day, 2, f"lt-{number}", far_id=f"9{number}") for number in range(10) for day in WEEK]

    assert table("tool_workers", fleet(500)) == []
    assert len(table("tool_workers", fleet(600))) == 10


@pytest.mark.parametrize(
    "rows",
    [
        [session(day, 1.5) for day in WEEK],
        [session(day, 8) for day in range(5)],
        [session(day, 8) for day in (-9, -8, 0, 6)],
        [session(day, 3, far_id=str(day)) for day in WEEK],
        [session(day, 3, far_id=None) for day in WEEK],
        [session(day, 3, auth="user", unattended=False) for day in WEEK],
        [session(day, 3, far_h="203.0.113.7") for day in WEEK],
        [session(day, 3, far_h="203.0.113.7" if day else "198.51.100.9") for day in WEEK],
        [session(day, 3, far_h="192.168.1.7") for day in WEEK],
        [session(day, 3, tool="anydesk") for day in WEEK],
        [session(day, 3) for day in WEEK]
        + [RosterEntry(device_id=name, ts=at(-9), approved_tools=tools)
           for name, tools in (("lt-1", "TeamViewer"), ("lt-2", None))],
    ],
)  # fmt: skip
def test_who_does_not(rows):
    """Support is short, soon over or seldom, by several technicians, agreed to, the company's own, or from nearby.

    Nor is a tool that nobody allowed, which is told in any case, and one that this person was allowed by name.
    """
    assert table("tool_workers", rows) == []


def test_a_far_end_with_short_visits_to_many_is_a_desk():
    """However long it once stayed on one of them."""
    rows = [session(number / 24, 0.5, f"lt-{number}") for number in range(2, 25)]
    rows += [session(day, 4) for day in WEEK]
    assert table("tool_desks", rows) == [("teamviewer", "123456789", False)]
    assert table("tool_workers", rows) == []


def test_an_address_that_logs_on_to_many_for_a_day_is_a_desk():
    """Day by day it is not."""

    def logons(days):
        return [
            Logon(device_id=f"lt-{number}", ts=at(day, number / 10), event="logon", source="security 4624",
                  logon_type=10, remote_h="198.51.100.9")
            for number in range(20) for day in days
        ]  # fmt: skip

    assert table("logon_desks", logons([1])) == [("198.51.100.9",)]
    assert table("logon_desks", logons([1, 2, 3])) == []
