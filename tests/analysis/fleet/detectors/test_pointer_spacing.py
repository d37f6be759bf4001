"""PointerSpacing: pace of a box, distance, what reports fast, virtual machines, no data."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.pointer_spacing import PointerSpacing
from farmwatch.records import PowerEvent
from tests.analysis.fleet.fleets import answers, at, judged
from tests.analysis.fleet.inputs import KVM_BOX, attached, declared, workdays

DETECTOR = PointerSpacing()


def moved(device, gap, source=KVM_BOX, **values):
    return workdays(device, source, count=4, pointer="absolute", moves=600, move_gap_ms=gap, **values)


def tinypilot(device):
    return attached(device, serial="6b65796d696d6570690", manufacturer="tinypilot", product="Multifunction USB Device",
                    hid_reports="3ff35a2908d55c14,0eab8b0c15825160")  # fmt: skip


def test_a_slow_absolute_pointer():
    """Forty milliseconds between positions, for days, are no finger."""
    assert answers(DETECTOR, moved("lt-1", 40.0)) == {"lt-1": "slow"}


def test_the_box_that_waits_for_its_operator():
    """With TinyPilot the pace is half the round trip; beyond 150 ms it speaks of distance."""
    assert answers(DETECTOR, [tinypilot("lt-1"), *moved("lt-1", 40.0)]) == {"lt-1": "paced_by_box"}
    found = judged(DETECTOR, [tinypilot("lt-1"), *moved("lt-1", 95.0)]).hits["lt-1"]
    assert [(one.grade, one.claim) for one in found] == [("paced_by_box", "driven"), ("far", "abroad")]
    assert "95 ms make about 190 ms to its operator" in found[1].summary


@pytest.mark.parametrize("gap", [5.0, 8.0, 16.7])
def test_fingers_pens_and_viewers_nearby(gap):
    """What reports as fast as it moves is clear, on a box as well."""
    assert answers(DETECTOR, [tinypilot("lt-1"), *moved("lt-1", gap)]) == {"lt-1": "clear"}


def test_a_bad_day_is_not_a_pace():
    """Slow in a third of the windows only, or on two days."""
    rows = moved("lt-1", 8.0) + workdays("lt-1", hour=20, count=2, pointer="absolute", moves=600, move_gap_ms=60.0)
    assert answers(DETECTOR, rows) == {"lt-1": "clear"}
    assert answers(DETECTOR, [row for row in moved("lt-1", 60.0) if row.ts < at(2)]) == {"lt-1": "clear"}


def test_pointers_that_are_not_judged():
    """Virtual machines, mice, jigglers, built-in panels, arrangements; and no input at all."""
    rows = moved("vm", 40.0, "0627:0001")
    rows += workdays("mouse", count=4, pointer="relative", moves=600, move_gap_ms=40.0)
    rows += moved("jiggler", 100.0, jiggle_period_s=62.0, jiggle_reports=11, jiggle_shape="other")
    rows += [*moved("panel", 40.0, "04f3:2b7c"), attached("panel", "04f3:2b7c", class_name="hid i2c")]
    rows += [*moved("arranged", 40.0), declared("arranged", accommodation=True)]
    rows.append(PowerEvent(device_id="silent", ts=at(1), event="boot"))
    assert set(answers(DETECTOR, rows).values()) == {"no data"}
