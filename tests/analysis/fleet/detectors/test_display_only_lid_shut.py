"""DisplayOnlyLidShut: hit, near miss and no data for each grade."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.display_only_lid_shut import DisplayOnlyLidShut
from farmwatch.records import Display, PowerEvent
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = DisplayOnlyLidShut()
DAYS = range(6)


def shown(device="lt-1", *, days=DAYS, **values):
    given = {"vendor": "GSM", "product_code": 0x5B08, "name": "LG HDR", "serial_text": "A1"}
    return [Display(device_id=device, ts=at(day, 9), **(given | values)) for day in days]


def lid(closed, *, days=DAYS):
    return [PowerEvent(device_id="lt-1", ts=at(day, 8), event="state", lid_closed=closed) for day in days]


SHUT = [*shown(), *lid(closed=True)]


def test_a_shut_laptop_with_one_display_is_found():
    """Every report says shut, and the display is the same on all days."""
    assert answers(DETECTOR, SHUT) == {"lt-1": "one display"}


@pytest.mark.parametrize(("days", "said"), [((2,), "in its only report and"), (DAYS, "in all 6 reports and")])
def test_reports_of_the_lid_are_counted_in_words(days, said):
    """One report is not all of several."""
    found = judged(DETECTOR, [*shown(), *lid(closed=True, days=days)])
    assert [said in one.summary for one in found.hits["lt-1"]] == [True]


def test_a_display_nobody_else_has_weighs_more():
    """In a fleet of some size every model that is bought is on several desks."""
    others = [row for number in range(60) for row in shown(f"ot-{number:02}", days=(1,), product_code=0x5B09)]
    found = answers(DETECTOR, [*SHUT, *others])
    assert found["lt-1"] == "rare display"
    same = [row for number in range(60) for row in shown(f"ot-{number:02}", days=(1,))]
    assert answers(DETECTOR, [*SHUT, *same])["lt-1"] == "one display"


@pytest.mark.parametrize(
    "rows",
    [
        [*SHUT, PowerEvent(device_id="lt-1", ts=at(3), event="lid open")],
        [*SHUT, *lid(closed=False, days=(2,))],
        [*SHUT, *shown(vendor="DEL", days=(4,))],
        [*SHUT, *shown(vendor="BOE", internal=True, days=(4,))],
    ],
    ids=["opened", "open once", "another display", "its own screen"],
)
def test_a_laptop_that_is_used_is_not(rows):
    """It is opened, or shows something on another screen."""
    assert answers(DETECTOR, rows) == {"lt-1": "clear"}


def test_without_lid_or_days_there_is_no_data():
    """A feed that does not know the lid cannot say that it is shut."""
    boot = [PowerEvent(device_id="lt-1", ts=at(1), event="boot")]
    assert answers(DETECTOR, [*shown(), *boot]) == {"lt-1": "no data"}
    assert answers(DETECTOR, [*shown(days=(1,)), *lid(closed=True)]) == {"lt-1": "no data"}
    assert answers(DETECTOR, boot) == {"lt-1": "no data"}
