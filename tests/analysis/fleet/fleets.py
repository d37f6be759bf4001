"""Fleets made of a few rows, for tests of detectors over telemetry."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from farmwatch.analysis.fleet.fleet import Fleet, Window
from farmwatch.analysis.fleet.judging import judge
from farmwatch.analysis.profile import Profile
from farmwatch.knowledge import load_knowledge
from farmwatch.records import Table
from farmwatch.records.arrow import to_arrow

UNTIL = datetime(2026, 3, 9, tzinfo=UTC)
WEEK = Window(UNTIL - timedelta(days=7), UNTIL)


def at(day: float, hour: float = 0.0) -> datetime:
    """A moment of the week: day 0 is its first; earlier days are negative."""
    return WEEK.since + timedelta(days=day, hours=hour)


@contextlib.contextmanager
def fleet_of(rows, *, window: Window = WEEK, profile: Profile | None = None, geo=None):
    """A fleet over rows of any telemetry tables."""
    by_record = defaultdict(list)
    for row in rows:
        by_record[type(row)].append(row)
    sources = {record: to_arrow(Table.from_rows(record, found)) for record, found in by_record.items()}
    with Fleet.opened(sources, window, load_knowledge(), profile or Profile(), geo=geo) as fleet:
        yield fleet


def judged(detector, rows, **options):
    """All rows judged by one detector."""
    with fleet_of(rows, **options) as fleet:
        return judge(fleet, [detector])


def answers(detector, rows, **options) -> dict[str, str]:
    """By device: the grades hit, without what is said aside, else ``clear`` or ``no data``."""
    found = judged(detector, rows, **options)
    told = {}
    for number, device in enumerate(found.devices):
        own = [one.grade for one in found.hits.get(device, ()) if one.detector == detector.id]
        grades = [name for name in own if not detector.grades[name].aside]
        told[device] = ", ".join(grades) or ("no data" if found.unseen[number, 0] else "clear")
    return told
