"""RemoteToolPresent: hit, near miss, no data."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.remote_tool_present import RemoteToolPresent
from farmwatch.analysis.profile import Profile
from farmwatch.records import DnsLookup, PowerEvent, Process, RosterEntry, Software
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = RemoteToolPresent()


def process(name, device="lt-1", **values):
    return Process(device_id=device, ts=at(1), event="running", name=name, **values)


def lookup(name, device="lt-1"):
    return DnsLookup(device_id=device, ts=at(1), name=name)


@pytest.mark.parametrize(
    ("row", "grade"),
    [
        (process("teamviewer_desktop.exe", arguments="--IPCport --Module"), "session"),
        (lookup("relay-0a1b2c3d.net.anydesk.com"), "ready"),
        (process("anydesk.exe"), "runs"),
        (Software(device_id="lt-1", ts=at(1), kind="program", name="AnyDesk"), "present"),
        (process("abc.exe", path="C:\\Program Files (x86)\\AnyDesk\\abc.exe"), "faint"),
    ],
)
def test_the_more_is_seen_the_more_it_weighs(row, grade):
    """From a folder that a tool uses to options that a driven program is started with."""
    assert answers(DETECTOR, [row]) == {"lt-1": grade}


def test_an_approved_tool_is_not_told():
    """Approved for all by the profile, or for one device by the roster."""
    assert answers(DETECTOR, [process("anydesk.exe")], profile=Profile(approved_tools=frozenset({"anydesk"}))) == {
        "lt-1": "clear"
    }
    roster = [RosterEntry(device_id=name, ts=at(-9), approved_tools=tools) for name, tools in
              (("lt-1", "anydesk"), ("lt-2", None))]  # fmt: skip
    found = answers(DETECTOR, [process("anydesk.exe"), process("anydesk.exe", "lt-2"), *roster])
    assert found == {"lt-1": "clear", "lt-2": "runs"}


def test_the_driving_end_is_not():
    """A viewer on this device drives another one."""
    assert answers(
        DETECTOR, [process("mstsc.exe", path="C:\\Windows\\System32\\mstsc.exe"), process("vncviewer.exe")]
    ) == {"lt-1": "clear"}


def test_what_the_fleet_has_is_the_companys_own():
    """An agent that IT rolled out without declaring it; one that one in fifty has weighs a step less."""

    def fleet(total, having):
        rows = [process("notes.exe", f"lt-{number}") for number in range(total)]
        return rows + [process("anydesk.exe", f"lt-{number}") for number in range(having)]

    assert set(answers(DETECTOR, fleet(100, 10)).values()) == {"clear"}
    assert answers(DETECTOR, fleet(200, 10))["lt-0"] == "present"
    assert answers(DETECTOR, fleet(100, 9))["lt-0"] == "runs"


def test_without_programs_or_lookups_there_is_no_data():
    """Power events show no tool; lookups of other names do, and are clear."""
    rows = [PowerEvent(device_id="lt-2", ts=at(1), event="boot"), lookup("example.org", "lt-3")]
    assert answers(DETECTOR, rows) == {"lt-2": "no data", "lt-3": "clear"}


def test_a_finding_names_the_tables_that_show_it():
    """One entry for each table, with times and the number of rows."""
    finding = judged(DETECTOR, [process("anydesk.exe"), lookup("boot.net.anydesk.com")]).hits["lt-1"][0]
    assert [(one.table, one.count) for one in finding.telling] == [("dns", 1), ("processes", 1)]
