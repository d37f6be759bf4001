"""MeetingLatency: hit, near miss, no data."""

from __future__ import annotations

from farmwatch.analysis.fleet.detectors.meeting_latency import MeetingLatency
from farmwatch.records import MeetingUse, PowerEvent, RosterEntry
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = MeetingLatency()


def meetings(device, delay, count=5, product="zoom"):
    return [MeetingUse(device_id=device, ts=at(day), product=product, latency_ms=delay) for day in range(count)]


def fleet(delay=60.0, count=25, product="zoom"):
    return [row for number in range(count) for row in meetings(f"other-{number:02d}", delay, product=product)]


def test_a_line_far_slower_than_the_fleets():
    """Five times the median and beyond 300 ms."""
    finding = judged(DETECTOR, meetings("lt-1", 340.0) + fleet()).hits["lt-1"][0]
    assert finding.grade == "slow"
    assert "340 ms delay in 5 zoom meetings on 5 days; the fleet has 60 ms" in finding.summary


def test_a_slow_fleet_or_a_fast_line_is_clear():
    """Twice the median; below 300 ms; another service measures otherwise."""
    assert answers(DETECTOR, meetings("lt-1", 340.0) + fleet(170.0))["lt-1"] == "clear"
    assert answers(DETECTOR, meetings("lt-1", 240.0) + fleet(40.0))["lt-1"] == "clear"
    rows = meetings("lt-1", 340.0, product="teams") + fleet(product="teams", delay=300.0) + fleet()
    assert answers(DETECTOR, rows)["lt-1"] == "clear"


def test_a_journey_is_clear():
    """Declared for these days."""
    roster = RosterEntry(device_id="lt-1", ts=at(-9), travel="2026-03-03/2026-03-20 Nairobi")
    assert answers(DETECTOR, [*meetings("lt-1", 340.0), *fleet(), roster])["lt-1"] == "clear"


def test_with_too_little_to_compare_there_is_no_data():
    """One meeting of it, a fleet of three, no delay measured, no meeting at all."""
    assert answers(DETECTOR, meetings("lt-1", 340.0, 1) + fleet())["lt-1"] == "no data"
    assert answers(DETECTOR, meetings("lt-1", 340.0) + fleet(count=2))["lt-1"] == "no data"
    assert answers(DETECTOR, meetings("lt-1", None) + fleet())["lt-1"] == "no data"
    assert answers(DETECTOR, [PowerEvent(device_id="lt-1", ts=at(1), event="boot")])["lt-1"] == "no data"
