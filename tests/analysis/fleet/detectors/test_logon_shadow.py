"""LogonShadow: hit, near miss, no data."""

from __future__ import annotations

from farmwatch.analysis.fleet.detectors.logon_shadow import LogonShadow
from farmwatch.analysis.profile import Profile
from farmwatch.records import DeviceFact, Logon, PowerEvent, RosterEntry
from tests.analysis.fleet.fleets import answers, at

DETECTOR = LogonShadow()


def shadow(device="lt-1", name="DESKTOP-7Q"):
    return Logon(device_id=device, ts=at(1), event="shadow", source="remoteconnectionmanager 20506", remote_name=name)


def test_shadowing_by_who_watches():
    """A computer nobody knows, one without a name, one of the company's by short or full name."""
    known = DeviceFact(device_id="lt-9", ts=at(1), host_name="HELP-01")
    rows = [
        shadow("lt-1"),
        shadow("lt-2", None),
        shadow("lt-3", "help-01"),
        shadow("lt-4", "HELP-01.acme.example"),
        known,
    ]
    found = answers(DETECTOR, rows)
    assert [found[f"lt-{number}"] for number in (1, 2, 3, 4)] == ["unknown", "unknown", "company", "company"]


def test_shadowing_all_over_the_fleet_is_the_help_desks():
    """Ten devices of ten."""
    assert set(answers(DETECTOR, [shadow(f"lt-{number}") for number in range(10)]).values()) == {"clear"}


def test_where_remote_desktop_is_approved_shadowing_is():
    """By the roster for one device, by the profile for all; another tool approves nothing."""
    rows = [shadow("lt-1"), shadow("lt-2")]
    rows += [RosterEntry(device_id="lt-1", ts=at(-9), approved_tools="anydesk,rdp"),
             RosterEntry(device_id="lt-2", ts=at(-9), approved_tools="anydesk")]  # fmt: skip
    assert answers(DETECTOR, rows) == {"lt-1": "clear", "lt-2": "unknown"}
    assert set(answers(DETECTOR, rows, profile=Profile(approved_tools=frozenset({"rdp"}))).values()) == {"clear"}


def test_other_logons_are_clear():
    """A person logs on at the device."""
    row = Logon(device_id="lt-1", ts=at(1), event="logon", source="security 4624", logon_type=2)
    assert answers(DETECTOR, [row]) == {"lt-1": "clear"}


def test_without_logons_there_is_no_data():
    """Nothing to look at is not clear."""
    assert answers(DETECTOR, [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]) == {"lt-2": "no data"}
