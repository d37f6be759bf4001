"""Rows made in Python from values nobody vouches for."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest

from farmwatch.collectors.feeds.output import Output
from farmwatch.collectors.feeds.rows import Rows, dicts_of, host_of, text_of, texts_of
from farmwatch.records import MeetingUse
from tests.collectors.feeds.golden import context


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (" x ", "x"), ("", None), ("  ", None), (5, "5"), (True, None), (1.5, None), (None, None), ([], None),
        ("\ud800", "?"), ("é", "é"), ("y" * 5000, "y" * 1024), (10**3000, "1" + "0" * 1023),
    ],
    ids=repr,
)  # fmt: skip
def test_text(value, expected):
    """Text is what is text, or a whole number; never half a character, never endless."""
    assert text_of(value) == expected


def test_lists():
    """Only the elements of the kind asked for, and not more than so many."""
    assert dicts_of([{"a": 1}, 5, None, []]) == [{"a": 1}]
    assert texts_of(["a", "", 5, None, {}]) == ["a", "5"]
    assert dicts_of("x") == texts_of(None) == []
    assert len(texts_of(["a"] * 10_000)) == 4096


def test_hosts():
    """By the rule for all feeds; no name of a person's own making."""
    assert [host_of(value) for value in ("LT-7.corp.example", "Jo's Mac", None, 7)] == ["lt-7", None, None, "7"]


def test_rows_come_out_where_they_belong():
    """Each with its record; times from text; those without a time are faults of their record."""
    output, rows = Output(np.array([10, 20, 30])), Rows(context())
    rows.at = 1
    rows.add(MeetingUse, ts="2026-10-05T08:00:00Z", product="zoom", ended="2026-10-05T09:00:00+01:00")
    rows.at = 2
    rows.add(MeetingUse, ts="soon", product="zoom", participants=3)
    rows.leave("name", "x")
    rows.leave("name", "")
    rows.finish(output)
    parsed = output.finish()
    (row,) = parsed.tables[MeetingUse].to_pylist()
    assert row["ts"] == row["ended"] == datetime(2026, 10, 5, 8, tzinfo=UTC)
    assert [(fault.reason, fault.offset) for fault in parsed.rejects] == [("meetings.ts is missing or unreadable", 30)]
    assert parsed.dropped == Counter({"name": 1})
    assert parsed.balanced()
