"""The views: what is in them, under which name, and whose it is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from farmwatch.analysis.fleet.fleet import Window
from farmwatch.errors import AssessmentError
from farmwatch.records import DeviceFact, PowerEvent, RosterEntry, SignIn
from tests.analysis.fleet.fleets import UNTIL, WEEK, at, fleet_of


def power(device, ts):
    return PowerEvent(device_id=device, ts=ts, event="boot")


def devices(fleet, view):
    return [row["device_id"] for row in fleet.rows(f"SELECT device_id FROM {view} ORDER BY ts, device_id")]


def test_a_view_for_each_stretch_of_time():
    """The window ends before ``until`` and begins with ``since``; nothing that came after it is in any view."""
    rows = [power("old", at(-40)), power("month", at(-20)), power("first", WEEK.since), power("last", UNTIL)]
    with fleet_of(rows) as fleet:
        assert devices(fleet, "power") == ["first"]
        assert devices(fleet, "power_30d") == ["month", "first"]
        assert devices(fleet, "power_ever") == ["old", "month", "first"]


def test_tables_nobody_filled_are_empty():
    """A view is there for every table of telemetry."""
    with fleet_of([]) as fleet:
        assert fleet.rows("SELECT * FROM usb_devices") == []
        assert fleet.devices == []


def test_an_account_speaks_for_its_owners_only_device():
    """A sign-in without a device is about the one device of the account's owner; with two it is about none."""
    roster = [
        RosterEntry(device_id="lt-1", ts=at(-9), person="p1", accounts="aa"),
        RosterEntry(device_id="lt-2", ts=at(-9), person="p2", accounts="bb"),
        RosterEntry(device_id="lt-3", ts=at(-9), person="p2", accounts="bb"),
    ]
    signs = [
        SignIn(device_id=None, ts=at(1), provider="okta", event="sign-in", account=account, outcome="success")
        for account in ("aa", "bb", "cc")
    ]
    signs.append(SignIn(device_id="lt-9", ts=at(2), provider="okta", event="sign-in", account="aa", outcome="success"))
    with fleet_of([*roster, *signs]) as fleet:
        found = fleet.rows("SELECT account, about FROM sign_ins ORDER BY ts, account")
    assert [(row["account"], row["about"]) for row in found] == [
        ("aa", "lt-1"), ("bb", None), ("cc", None), ("aa", "lt-9"),
    ]  # fmt: skip


def test_names_of_one_device_are_one():
    """Rows filed under a serial number and under a host name meet where both report the same hardware id."""
    rows = [
        DeviceFact(device_id="lt-1", ts=at(1), host_name="lt-1", hardware_uuid="4c4c4544-0034-5a10-8053-b7c04f4e3132"),
        DeviceFact(device_id="sn-77", ts=at(1), hardware_uuid="4c4c4544-0034-5a10-8053-b7c04f4e3132"),
        power("sn-77", at(2)),
    ]
    with fleet_of(rows) as fleet:
        assert fleet.devices == ["lt-1"]
        assert devices(fleet, "power") == ["lt-1"]


def test_the_last_word_of_the_roster_holds():
    """Of several entries the one that began last before the end of the window."""
    rows = [
        RosterEntry(device_id="lt-1", ts=at(-30), place="Phoenix"),
        RosterEntry(device_id="lt-1", ts=at(-3), place="Denver"),
        RosterEntry(device_id="lt-1", ts=at(30), place="Boston"),
    ]
    with fleet_of(rows) as fleet:
        assert fleet.rows("SELECT place FROM owners") == [{"place": "Denver"}]


def test_labels_join_absent_values():
    """A combination with absent values gets its label like any other; those without a label fall away."""
    rows = [power("lt-1", at(1)), PowerEvent(device_id="lt-2", ts=at(1), event="boot", reason="lid")]
    with fleet_of(rows) as fleet:
        join = fleet.label("why", "power", ("event", "reason"), lambda row: None if row["reason"] else "no reason")
        found = fleet.rows(f"SELECT device_id, label FROM power {join}")
    assert found == [{"device_id": "lt-1", "label": "no reason"}]


def test_hostile_values_are_values():
    """Quotes and statements in data change nothing."""
    name = "x'); DROP VIEW power; --"
    with fleet_of([power(name, at(1))]) as fleet:
        assert fleet.devices == [name]
        assert fleet.rows("SELECT count(*) AS n FROM power WHERE device_id = $name", name=name) == [{"n": 1}]


def test_a_window_has_a_length():
    """A time that ends before it begins cannot be looked at."""
    with pytest.raises(AssessmentError):
        Window(UNTIL, UNTIL - timedelta(days=1))
