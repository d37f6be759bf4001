"""Windows in which a pointer moves by itself, and the firmware that moves it so."""

from __future__ import annotations

from farmwatch.knowledge import load_knowledge
from farmwatch.knowledge.entries import Layer
from farmwatch.knowledge.loading import parse_conditions
from tests.analysis.fleet.fleets import fleet_of
from tests.analysis.fleet.inputs import BUILT_IN, declared, jiggle, window

SHAPE = (15.0, 2, "centre", "absolute")


def seen(rows):
    with fleet_of(rows) as fleet:
        return fleet.rows("SELECT device_id, entry, gap FROM jiggles ORDER BY device_id, ts")


def test_every_motion_with_a_period_can_be_met():
    """The knowledge's own numbers, at once and at twice the period, meet their entry."""
    for entry in load_knowledge().complete.values():
        for fact in entry.facts:
            told = parse_conditions(fact.value) if fact.layer is Layer.MOTION else {}
            if "period_s" not in told or "reports" not in told:
                continue
            for times in (1, 2):
                row = jiggle("lt-1", 1, times * float(told["period_s"]), int(told["reports"]),
                             told.get("shape", "other"), told["mode"])  # fmt: skip
                assert entry.id in {one["entry"] for one in seen(row)}, fact.value


def test_other_motion_has_no_entry():
    """It is kept, for detectors that go by its cadence alone."""
    assert seen(jiggle("lt-1", 1, 37.0, 3, "other", "relative")) == [{"device_id": "lt-1", "entry": None, "gap": 100.0}]


def test_the_gap_is_the_jigglers_only_where_nothing_else_moved():
    """Keys or a hand's motion in the same window make the gap somebody else's."""
    told = {"pointer": "absolute", "jiggle_period_s": 15.0, "jiggle_spread": 0.0, "jiggle_reports": 2,
            "jiggle_shape": "centre", "move_gap_ms": 8.0}  # fmt: skip
    rows = [window("lt-1", 0, 1, moves=40, presses=3, **told), window("lt-1", 0, 2, moves=900, **told),
            window("lt-1", 0, 3, moves=40, presses=0, clicks=0, **told)]  # fmt: skip
    assert [row["gap"] for row in seen(rows)] == [None, None, 8.0]


def test_what_is_left_out():
    """Programs, built-in pointers, arrangements, and periods that are none."""
    rows = jiggle("a", 1, *SHAPE, source="injected") + jiggle("b", 1, *SHAPE, source=BUILT_IN)
    rows += [*jiggle("c", 1, *SHAPE), declared("c", accommodation=True)]
    rows += [window("d", 0, 1, pointer="absolute", moves=4, jiggle_period_s=value, jiggle_reports=2,
                    jiggle_shape="centre") for value in (0.0, -1.0, float("inf"))]  # fmt: skip
    assert seen(rows) == []
