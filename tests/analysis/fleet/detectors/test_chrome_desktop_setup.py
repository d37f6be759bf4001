"""ChromeDesktopSetup: hit, near miss, no data."""

from __future__ import annotations

import pyarrow as pa
import pytest

from farmwatch.analysis.fleet.detectors.chrome_desktop_setup import ChromeDesktopSetup
from farmwatch.analysis.profile import Profile
from farmwatch.collectors.feeds.columns import options_of
from farmwatch.records import DnsLookup, PowerEvent, Process, RosterEntry, Service, Software
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = ChromeDesktopSetup()
START = "remoting_start_host.exe"


def process(name, hour=0.0, **values):
    return Process(device_id="lt-1", ts=at(1, hour), event="started", name=name, **values)


def service(device="lt-1"):
    return Service(device_id=device, ts=at(1, 1), kind="service", name="chromoting", state="running")


@pytest.mark.parametrize(
    ("rows", "grade"),
    [
        ([process(START, arguments="--code --redirect-url https: --name --pin")], "pin"),
        ([process(START, arguments="--code --redirect-url https: --name"), service()], "scripted"),
        ([process("msiexec.exe", 0.8, arguments="/i /qn"), service()], "silent"),
        ([process("msiexec.exe", 0.2, arguments="/i /qn"), service()], "host"),
        ([process("msiexec.exe", 0.8, arguments="/i"), service()], "host"),
        ([process("remoting_host.exe")], "host"),
        ([Software(device_id="lt-1", ts=at(1), kind="program", name="Chrome Remote Desktop Host")], "host"),
    ],
)
def test_how_it_was_set_up(rows, grade):
    """A PIN among the options, a script, a silent installer in the half hour before, the host itself."""
    assert answers(DETECTOR, rows) == {"lt-1": grade}


@pytest.mark.parametrize(
    ("name", "path", "command", "grade"),
    [
        (START, None, "remoting_start_host.exe --code=4/x --pin=123456", "pin"),
        (START, None, "remoting_start_host.exe -code=4/x -pin=123456", "pin"),
        (START, None, "remoting_start_host.exe /code=4/x /pin=123456", "pin"),
        (START, None, "remoting_start_host.exe /code=4/x /PIN=123456", "pin"),
        (START, None, 'remoting_start_host.exe "-Pin=123456"', "pin"),
        (START, None, "remoting_start_host.exe --code=4/x -pinned", "scripted"),
        (START, None, "remoting_start_host.exe /pin-code=1 /code=4/x", "scripted"),
        (START, None, "remoting_start_host.exe /code=4/x C:/pin D:\\x\\-pin", "scripted"),
        (START, None, "remoting_start_host.exe --code=4/x /pin/123", "scripted"),
        ("start-host", "/opt/google/chrome-remote-desktop/start-host", "start-host --code=4/x -pin=123456", "pin"),
        ("start-host", "/opt/google/chrome-remote-desktop/start-host", "start-host --code=4/x /pin", "scripted"),
    ],
)
def test_how_a_pin_is_spelled(name, path, command, grade):
    """Chromium takes ``--pin``, ``-pin`` and on Windows ``/pin``; longer names, and paths, are something else."""
    arguments = options_of(pa.array([command]))[0].as_py()
    assert answers(DETECTOR, [process(name, path=path, arguments=arguments)]) == {"lt-1": grade}


@pytest.mark.parametrize(
    "rows",
    [
        [process("remote_assistance_host.exe", path="C:\\x\\remote_assistance_host.exe")],
        [process("chrome.exe", arguments="--pin")],
        [DnsLookup(device_id="lt-1", ts=at(1), name="remotedesktop-pa.googleapis.com")],
        [process("msiexec.exe", arguments="/i /qn")],
    ],
)
def test_what_is_no_set_up_is_clear(rows):
    """A support session, another program's options, driving another computer from the browser, another installer."""
    assert answers(DETECTOR, rows) == {"lt-1": "clear"}


def test_an_approved_roll_out_is_clear():
    """By the profile for all, by the roster for one device."""
    rows = [process(START, arguments="--pin"), service()]
    approved = Profile(approved_tools=frozenset({"chrome-remote-desktop"}))
    assert answers(DETECTOR, rows, profile=approved) == {"lt-1": "clear"}
    roster = RosterEntry(device_id="lt-1", ts=at(-9), approved_tools="chrome-remote-desktop")
    assert answers(DETECTOR, [*rows, roster]) == {"lt-1": "clear"}


def test_a_host_that_the_fleet_has_is_the_companys():
    """IT deploys it without declaring it; a PIN on one command line is told all the same."""
    rows = [service(f"lt-{number}") for number in range(12)]
    assert set(answers(DETECTOR, rows).values()) == {"clear"}
    assert answers(DETECTOR, [*rows, process(START, arguments="--pin")])["lt-1"] == "pin"


def test_who_started_it_is_said():
    """A shell that nobody sees is what the cases have."""
    row = process(START, arguments="--pin", parent_name="powershell.exe", record_id="e1")
    finding = judged(DETECTOR, [row]).hits["lt-1"][0]
    assert "started by powershell.exe" in finding.summary
    assert finding.telling[0].record_ids == ("e1",)


def test_without_programs_there_is_no_data():
    """Nothing to look at is not clear."""
    assert answers(DETECTOR, [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]) == {"lt-2": "no data"}


def test_a_scripted_roll_out_to_the_fleet_is_the_companys():
    """IT sets it up by script on many devices; where few of many have it, a PIN is told."""
    rows = [Process(device_id=f"lt-{number}", ts=at(1), event="started", name=START, arguments="--pin")
            for number in range(12)]  # fmt: skip
    assert set(answers(DETECTOR, rows).values()) == {"clear"}
    others = [Service(device_id=f"pc-{number}", ts=at(1), kind="service", name="x", state="running")
              for number in range(200)]  # fmt: skip
    assert answers(DETECTOR, [*rows, *others])["lt-1"] == "pin"
