"""TunnelPresent: hit, near miss, no data."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.tunnel_present import TunnelPresent
from farmwatch.analysis.profile import Profile
from farmwatch.records import DnsLookup, PowerEvent, Process, RosterEntry, Service
from tests.analysis.fleet.fleets import answers, at

DETECTOR = TunnelPresent()


def process(name, device="lt-1", **values):
    return Process(device_id=device, ts=at(1), event="running", name=name, **values)


def lookup(name):
    return DnsLookup(device_id="lt-1", ts=at(1), name=name)


@pytest.mark.parametrize(
    ("row", "grade"),
    [
        (lookup("global.rel.tunnels.api.visualstudio.com"), "session"),
        (process("frpc"), "session"),
        (process("ssh", arguments="-N -R"), "reverse"),
        (Service(device_id="lt-1", ts=at(1), kind="service", name="Tailscale", state="running"), "present"),
        (process("ngrok.exe"), "present"),
        (process("ssh", arguments="-N -L"), "clear"),
        (process("openvpn.exe"), "clear"),
        (lookup("example.org"), "clear"),
    ],
)
def test_tunnels_by_what_is_seen_of_them(row, grade):
    """Up, opened by SSH, merely there; a forward port and a company VPN's protocol are none."""
    assert answers(DETECTOR, [row]) == {"lt-1": grade}


def test_an_approved_overlay_is_clear():
    """By the profile, and by the roster for SSH."""
    tailscale = Service(device_id="lt-1", ts=at(1), kind="service", name="Tailscale", state="running")
    assert answers(DETECTOR, [tailscale], profile=Profile(approved_tools=frozenset({"tailscale"}))) == {"lt-1": "clear"}
    roster = RosterEntry(device_id="lt-1", ts=at(-9), approved_tools="ssh-reverse")
    assert answers(DETECTOR, [process("ssh", arguments="-R"), roster]) == {"lt-1": "clear"}


def test_a_habit_of_the_developers_is_not_told_unless_it_is_up():
    """One in fifty devices has it."""
    rows = [process("notes.exe", f"lt-{number}") for number in range(200)]
    assert (
        answers(DETECTOR, [*rows, *(process("ngrok.exe", f"lt-{number}") for number in range(12))])["lt-1"] == "clear"
    )
    assert answers(DETECTOR, [*rows, *(process("frpc", f"lt-{number}") for number in range(12))])["lt-1"] == "present"


def test_without_programs_there_is_no_data():
    """Nothing to look at is not clear."""
    assert answers(DETECTOR, [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]) == {"lt-2": "no data"}
