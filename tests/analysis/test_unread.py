"""Traffic that was captured without the bytes that name it."""

from __future__ import annotations

import pytest

from farmwatch.analysis.assess import assess
from farmwatch.analysis.profile import Profile
from farmwatch.knowledge import load_knowledge
from farmwatch.records import Level, Outcome
from tests.rows import Net

LAPTOP = "f8:bc:12:00:00:05"
NAMES = (
    "remote.inbound_session",
    "remote.named_tool",
    "remote.two_vendors",
    "kvm.cloud_contact",
    "ssh.keystroke_paced",
)


def report_of(*flows):
    """A laptop with flows of (why unread, payload)."""
    net = Net()
    net.host(LAPTOP, "10.0.0.5")
    for unread, payload in flows:
        net.flow("10.0.0.5", "198.51.100.7", unread=unread, orig_bytes=payload)
    return assess(net.tables(), load_knowledge(), Profile(), version="1")


def outcomes(report):
    return {finding.detector: finding.outcome for finding in report.devices[0].findings}


@pytest.mark.parametrize(
    ("unread", "word"), [("cut", "cut before"), ("midstream", "starts in the middle")], ids=["cut", "midstream"]
)
def test_what_could_not_be_named_is_not_clear(unread, word):
    """Checks that go by names have no data; whether somebody drives the laptop, and from where, stays open."""
    report = report_of((unread, 900), (unread, 900), ("", 900))
    found = outcomes(report)
    assert {found[name] for name in NAMES} == {Outcome.NO_DATA}
    [device] = report.devices
    assert device.assessment.driven.level is device.assessment.abroad.level is Level.NOT_ENOUGH_DATA
    assert word in device.assessment.driven.reason
    assert any(word in text for text in device.not_looked_at)


def test_one_large_session_begun_before_the_capture_is_enough():
    """Most of the payload counts as most of the flows do: the session that matters may be one among many."""
    report = report_of(("midstream", 50_000), *[("", 900)] * 9)
    assert report.devices[0].assessment.driven.level is Level.NOT_ENOUGH_DATA


def test_few_old_connections_change_nothing():
    """Every capture starts in the middle of something."""
    report = report_of(("midstream", 900), *[("", 900)] * 9)
    assert report.devices[0].assessment.driven.level is Level.CLEAR
    assert outcomes(report)["remote.named_tool"] is Outcome.CLEAR


def test_what_was_found_all_the_same_stands():
    """A named session is a hit whatever else could not be read."""
    net = Net()
    net.host(LAPTOP, "10.0.0.5")
    for _ in range(9):
        net.flow("10.0.0.5", "198.51.100.7", unread="midstream", orig_bytes=900)
    net.flow("203.0.113.9", "10.0.0.5", 5900, protocol="rfb", tool="vnc", controlled_side=1, orig_data_pkts=400,
             resp_data_pkts=500, orig_bytes=20_000, resp_bytes=800_000, orig_active_s=300, resp_active_s=300,
             orig_small_pkts=390, orig_small_gaps=300)  # fmt: skip
    report = assess(net.tables(), load_knowledge(), Profile(), version="1")
    assert report.devices[0].assessment.driven.level is Level.REVIEW
