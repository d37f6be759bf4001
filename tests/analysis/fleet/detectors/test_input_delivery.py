"""InputDelivery: clumps, grids, keyboards that only look so, losses, no data."""

from __future__ import annotations

from farmwatch.analysis.fleet.detectors.input_delivery import InputDelivery
from farmwatch.records import PowerEvent
from tests.analysis.fleet.fleets import answers, at, judged
from tests.analysis.fleet.inputs import BUILT_IN, KVM_BOX, attached, declared, workdays

DETECTOR = InputDelivery()
CALM = {"presses": 100, "clumped_presses": 0, "stalls": 0}
CLUMPED = {"presses": 100, "clumped_presses": 8, "stalls": 3}
GRID = CALM | {"lattice_ms": 100.0, "lattice_share": 0.9}
BOX = attached("lt-1", KVM_BOX)


def test_grades():
    """Clumps after pauses, a program's pace, and both."""
    for values, grade in ((CLUMPED, "clumps"), (GRID, "grid"), (GRID | CLUMPED, "both"), (CALM, "clear")):
        assert answers(DETECTOR, [BOX, *workdays("lt-1", **values)]) == {"lt-1": grade}


def test_grids_of_usb_are_not_a_programs():
    """Keyboards scan every 1 to 16 ms."""
    for step in (1.0, 8.0, 10.0, 16.0):
        assert answers(DETECTOR, [BOX, *workdays("lt-1", **GRID | {"lattice_ms": step})]) == {"lt-1": "clear"}


def test_chords_are_not_clumps_of_a_network():
    """A steno keyboard presses many keys at once amid typing, not after pauses."""
    assert answers(DETECTOR, [BOX, *workdays("lt-1", **CALM | {"clumped_presses": 60, "stalls": 2})]) == {
        "lt-1": "clear"
    }


def test_keyboards_no_network_can_reach():
    """The built-in one, whatever it does; a wireless one has a radio's pace."""
    rows = workdays("lt-1", BUILT_IN, **GRID | CLUMPED)
    rows += workdays("lt-2", "046d:b35b", **GRID | CLUMPED)
    rows.append(attached("lt-2", "046d:b35b", class_name="hid bluetooth"))
    assert answers(DETECTOR, rows)["lt-1"] == "clear"
    assert answers(DETECTOR, rows)["lt-2"] == "no data"


def test_a_box_that_copies_a_built_in_keyboard_is_judged():
    """The ids of a keyboard controller on a USB device are nobody's keyboard controller."""
    rows = [attached("lt-1", BUILT_IN, removable=True), *workdays("lt-1", BUILT_IN, **CLUMPED)]
    assert answers(DETECTOR, rows) == {"lt-1": "clumps"}


def test_a_grid_is_not_told_of_an_unknown_keyboard():
    """Whether it is wireless is not known."""
    assert answers(DETECTOR, workdays("lt-1", **GRID)) == {"lt-1": "clear"}


def test_lost_reports_are_left_out():
    """Windows with losses say nothing; where most have them there is no data."""
    assert answers(DETECTOR, [BOX, *workdays("lt-1", **CLUMPED | {"lost_reports": 2})]) == {"lt-1": "no data"}
    mixed = workdays("lt-1", **CALM) + workdays("lt-1", hour=20, **CLUMPED | {"lost_reports": 2})
    assert answers(DETECTOR, [BOX, *mixed]) == {"lt-1": "clear"}


def test_too_few_presses_or_days_are_no_data():
    """A thousand presses, or one long day."""
    assert answers(DETECTOR, [BOX, *workdays("lt-1", count=2, **CLUMPED)]) == {"lt-1": "no data"}
    assert answers(DETECTOR, [BOX, *workdays("lt-1", days=1, count=48, **CLUMPED)]) == {"lt-1": "no data"}
    assert answers(DETECTOR, [PowerEvent(device_id="lt-1", ts=at(1), event="boot")]) == {"lt-1": "no data"}


def test_an_arrangement_explains_it():
    """A switch device sends in its own way."""
    rows = [BOX, *workdays("lt-1", **CLUMPED), declared("lt-1", accommodation=True)]
    assert answers(DETECTOR, rows) == {"lt-1": "no data"}


def test_a_fleet_that_clumps_is_its_own_measure():
    """Where all keyboards clump it is the agent or the make, and no hand from afar."""
    rows = [row for n in range(25) for row in
            workdays(f"lt-{n:02d}", count=8, days=4, **CLUMPED | {"presses": 100})]  # fmt: skip
    assert set(answers(DETECTOR, rows).values()) == {"clear"}


def test_the_sentence_has_its_numbers():
    """Presses, days and pauses, for a reader without the table."""
    (finding,) = judged(DETECTOR, [BOX, *workdays("lt-1", **CLUMPED)]).hits["lt-1"]
    assert (
        "360 pauses ended in several keys at once (8.0 % of presses), over 12,000 presses on 5 days" in finding.summary
    )
