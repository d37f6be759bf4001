"""What would have to be sent so that checks could look."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import farmwatch
from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS
from farmwatch.collectors.feeds.registry import FEEDS
from farmwatch.records import Coverage
from farmwatch.reports.morning.sources import SOURCES, closings


def lacking(table, count):
    return {f"no rows in {table}": count}


def test_what_opens_most_comes_first():
    """Devices times checks: one feed that opens three checks goes before one that opens one on more devices."""
    found = closings([
        Coverage("a", "", 0, 0, lacking("logons", 40)),
        Coverage("b", "", 0, 0, lacking("input_timing", 20)),
        Coverage("c", "", 0, 0, lacking("input_timing", 30)),
        Coverage("d", "", 0, 0, {"no rows in input_timing": 10, "declared travel": 90}),
    ])  # fmt: skip
    assert [(one.source.what, one.devices, one.checks) for one in found] == [
        ("how keys and pointers move", 30, 3), ("logons", 40, 1),
    ]  # fmt: skip
    assert found[0].sentence == "How keys and pointers move: missing on up to 30 devices; 3 checks need it"
    assert found[1].sentence == "Logons: missing on up to 40 devices; 1 check needs it"
    assert "farmwatch agent" in found[0].source.send


def test_what_no_feed_closes_is_left_out():
    """Too few days and declared travel are no reason to send anything; nor is a reason nobody knows."""
    assert closings([Coverage("a", "", 0, 0, {"declared travel": 3, "no rows in somewhere": 4})]) == ()
    assert closings([Coverage("a", "", 10, 2, {})]) == ()


def test_every_table_a_check_needs_has_a_source():
    """A new detector's table is told with what fills it."""
    told = {reason for source in SOURCES for reason in source.reasons}
    assert {f"no rows in {record.table}" for one in FLEET_DETECTORS for record in one.needs} <= told


def test_no_reason_is_counted_twice():
    """Each reason has one source."""
    counted = Counter(reason for source in SOURCES for reason in source.reasons)
    assert {reason for reason, count in counted.items() if count > 1} == set()


@pytest.mark.parametrize("source", SOURCES, ids=lambda one: one.what)
def test_feeds_that_are_named_fill_what_is_missing(source):
    """Nobody is told to send what would close nothing: every feed named fills a table whose rows are missing."""
    feeds = {feed.kind: {record.table for record in feed.tables} for feed in FEEDS}
    assert set(source.kinds) <= feeds.keys()
    tables = {reason.removeprefix("no rows in ") for reason in source.reasons if reason.startswith("no rows in ")}
    for kind in source.kinds:
        assert not tables or any(table in reason for table in feeds[kind] for reason in tables), kind


def test_reasons_are_those_that_checks_give():
    """A reason that is said differently now would be told as none."""
    package = Path(farmwatch.__file__).parent
    said = "".join(path.read_text(encoding="utf-8") for path in sorted((package / "analysis").rglob("*.py")))
    reasons = {reason for source in SOURCES for reason in source.reasons if not reason.startswith("no rows in ")}
    assert {reason for reason in reasons if reason.partition(" (")[0] not in said} == set()
