"""RemoteAccepted: hit, near miss, no data."""

from __future__ import annotations

import ipaddress

import pytest

from farmwatch.analysis.fleet.detectors.remote_accepted import RemoteAccepted
from farmwatch.analysis.profile import Profile
from farmwatch.records import PowerEvent, RosterEntry, Socket
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = RemoteAccepted()


def socket(remote_h="198.51.100.7", day=1.0, device="lt-1", **values):
    given = {"state": "accepted", "proto": "tcp", "local_p": 5900, "remote_p": 50123}
    return Socket(device_id=device, ts=at(day), remote_h=remote_h, **(given | values))


def listening(local_h, device="lt-1", **values):
    return socket(None, device=device, state="listening", local_h=local_h, remote_p=None, **values)


@pytest.mark.parametrize(
    ("rows", "grade"),
    [
        ([socket(day=1), socket(day=2)], "outside_often"),
        ([socket(day=1), socket("198.51.100.8", day=2)], "outside"),
        ([socket(process="rustdesk.exe", local_p=50001)], "outside"),
        ([socket(state="connected", local_p=3389)], "outside"),
        ([socket("127.0.0.1")], "loopback"),
        ([socket("192.168.1.9")], "near"),
        ([socket("192.168.1.9"), socket()], "outside"),
        ([listening("0.0.0.0")], "open"),
        ([listening("::", process="rustdesk.exe", local_p=40000)], "open"),
    ],
)
def test_what_came_in_by_where_from(rows, grade):
    """One far end on two days, a knock, by program, by port, from the device itself, from beside it, waiting."""
    assert answers(DETECTOR, rows) == {"lt-1": grade}


@pytest.mark.parametrize(
    "row",
    [
        socket("203.0.113.9"),
        socket(local_p=8080),
        socket(local_p=4000),
        socket(process="sshd", local_p=22),
        socket(state="connected", local_p=50001, remote_p=5900),
        socket(state="connected", outbound=True),
        socket(state="failed"),
        listening("127.0.0.1"),
        listening("0.0.0.0", local_p=445),
    ],
)
def test_other_connections_are_clear(row):
    """From the help desk, another service, a viewer going out, refused, waiting for itself only, file sharing."""
    office = Profile(company_cidrs=(ipaddress.ip_network("203.0.113.0/24"),))
    assert answers(DETECTOR, [row], profile=office) == {"lt-1": "clear"}


def test_approved_tools_are_clear():
    """By the profile or by the roster."""
    rows = [socket(local_p=3389)]
    assert answers(DETECTOR, rows, profile=Profile(approved_tools=frozenset({"rdp"}))) == {"lt-1": "clear"}
    assert answers(DETECTOR, [*rows, RosterEntry(device_id="lt-1", ts=at(-9), approved_tools="rdp")]) == {
        "lt-1": "clear"
    }


def test_what_the_whole_fleet_does_is_a_practice():
    """Remote desktop open and used inside offices; from the internet it is told all the same."""
    names = [f"lt-{number}" for number in range(12)]
    rows = [listening("0.0.0.0", name, local_p=3389) for name in names]
    rows += [socket("192.168.1.9", device=name, local_p=3389) for name in names]
    assert set(answers(DETECTOR, rows).values()) == {"clear"}
    assert answers(DETECTOR, [*rows, socket(local_p=3389)])["lt-1"] == "outside"


def test_a_finding_names_the_far_end():
    """The one that came most often first."""
    rows = [socket(day=1), socket("198.51.100.9", day=1), socket("198.51.100.9", day=3)]
    finding = judged(DETECTOR, rows).hits["lt-1"][0]
    assert finding.observed == "198.51.100.9, 198.51.100.7"
    assert "3 connections came in to VNC" in finding.summary


def test_without_connections_there_is_no_data():
    """Nothing to look at is not clear."""
    assert answers(DETECTOR, [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]) == {"lt-2": "no data"}
