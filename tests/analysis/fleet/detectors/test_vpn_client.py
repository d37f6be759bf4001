"""VpnClient: hit, near miss, no data."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.vpn_client import VpnClient
from farmwatch.analysis.profile import Profile
from farmwatch.records import DnsLookup, PowerEvent, Process, Sighting
from tests.analysis.fleet.fleets import answers, at

DETECTOR = VpnClient()
APPROVED = Profile(approved_tools=frozenset({"astrill"}))


def process(name):
    return Process(device_id="lt-1", ts=at(1), event="running", name=name)


def resolver(value):
    return Sighting(device_id="lt-1", ts=at(1), kind="dns_server", value=value)


@pytest.mark.parametrize(
    ("row", "grade"),
    [
        (process("astrill.exe"), "astrill"),
        (process("asovpnc"), "astrill"),
        (process("nordvpn.exe"), "other"),
        (DnsLookup(device_id="lt-1", ts=at(1), name="api.nordvpn.com"), "other_named"),
        (process("notes.exe"), "clear"),
    ],
)
def test_clients_by_name(row, grade):
    """Astrill above all; names that were only looked up say little."""
    assert answers(DETECTOR, [row]) == {"lt-1": grade}


def test_astrills_name_server():
    """One address of a range that other programs use too; a neighbour of it is nothing."""
    rows = [resolver("198.19.255.254"), process("notes.exe")]
    assert answers(DETECTOR, rows) == {"lt-1": "resolver"}
    assert answers(DETECTOR, [resolver("198.18.0.2"), process("notes.exe")]) == {"lt-1": "clear"}


def test_an_approved_vpn_is_clear_with_its_name_server():
    """What is approved explains its own traces."""
    rows = [process("astrill.exe"), resolver("198.19.255.254")]
    assert answers(DETECTOR, rows, profile=APPROVED) == {"lt-1": "clear"}


def test_without_programs_there_is_no_data():
    """Nothing to look at is not clear."""
    assert answers(DETECTOR, [PowerEvent(device_id="lt-2", ts=at(1), event="boot")]) == {"lt-2": "no data"}
