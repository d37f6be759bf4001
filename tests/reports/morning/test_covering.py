"""Who was looked at."""

from __future__ import annotations

import json

from farmwatch.reports.morning.covering import coverage
from tests.reports.morning import fleet_rows as fr


def test_everybody_looked_at():
    """No gap, nobody unseen."""
    kept = fr.rows(["a", "b"], {})
    found = coverage(kept.run, kept.verdicts, {})
    assert (found.unseen, found.gaps) == ((), ())


def test_the_largest_gap_comes_first():
    """By devices times what is missing; examples by name."""
    names = [f"lap-{number}" for number in range(20)]
    kept = fr.rows(names, {}, partial=frozenset(names[:9]), unseen=frozenset(names[15:]))
    found = coverage(kept.run, kept.verdicts, {})
    assert [(gap.devices, gap.examples[0]) for gap in found.gaps] == [(9, "lap-0")]
    assert found.unseen == tuple(sorted(names[15:]))


def test_detectors_of_other_versions_are_named_by_their_id():
    """A detector that the run's coverage does not describe is shown by its id."""
    kept = fr.rows(["a"], {}, partial=frozenset({"a"}))
    run = {**kept.run, "coverage": json.dumps([{"detector": "x.y", "topic": "", "looked_at": 1, "hits": 0}])}
    assert coverage(run, kept.verdicts, {"rdp.offset": "logons"}).gaps[0].missing == ("input.clumps", "logons")
