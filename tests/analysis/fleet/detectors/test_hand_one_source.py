"""HandOneSource: one box, docks, own keyboards, desktops, no data."""

from __future__ import annotations

from farmwatch.analysis.fleet.detectors.hand_one_source import HandOneSource
from farmwatch.records import PowerEvent
from tests.analysis.fleet.fleets import answers, at, judged
from tests.analysis.fleet.inputs import BUILT_IN, KVM_BOX, attached, declared, workdays

DETECTOR = HandOneSource()
KEYBOARD, MOUSE = "046d:c31c", "046d:c077"
LAPTOP = PowerEvent(device_id="lt-1", ts=at(1), event="state", lid_closed=True)
BOX = attached("lt-1", KVM_BOX, hid_kinds="keyboard,pointer")
BOXED = [BOX, LAPTOP, *workdays("lt-1", KVM_BOX, count=8, presses=50, clicks=5)]
DOCKED = [
    attached("lt-1", KEYBOARD, hid_kinds="keyboard"), attached("lt-1", MOUSE, hid_kinds="mouse"), LAPTOP,
    *workdays("lt-1", KEYBOARD, count=8, presses=50), *workdays("lt-1", MOUSE, count=8, clicks=9, pointer="relative"),
]  # fmt: skip


def test_one_box_does_it_all():
    """Keyboard and absolute pointer in one device, and the laptop's own untouched."""
    assert answers(DETECTOR, BOXED) == {"lt-1": "one_box"}
    (finding,) = judged(DETECTOR, BOXED).hits["lt-1"]
    assert finding.group == "kvm"
    assert "2,200 keys and clicks on 5 days came from 1d6b:0104" in finding.summary


def test_a_docked_laptop_weighs_little():
    """Keyboard and mouse apart are a desk; on a desktop computer they are nothing at all."""
    assert answers(DETECTOR, DOCKED) == {"lt-1": "own_silent"}
    assert answers(DETECTOR, [row for row in DOCKED if row is not LAPTOP]) == {"lt-1": "clear"}


def test_a_docked_laptop_that_is_opened_or_unplugged_is_nothing():
    """Somebody is there."""
    for event in ({"event": "lid open"}, {"event": "state", "lid_closed": False}, {"event": "on battery"}):
        assert answers(DETECTOR, [*DOCKED, PowerEvent(device_id="lt-1", ts=at(2), **event)]) == {"lt-1": "clear"}


def test_its_own_keyboard_or_touchpad_is_used():
    """A tenth of the keys, or a touchpad that moves, is a person at the laptop."""
    assert answers(DETECTOR, BOXED + workdays("lt-1", BUILT_IN, count=1, presses=60)) == {"lt-1": "clear"}
    moves = workdays("lt-1", "0002:0007", count=1, pointer="relative", moves=200)
    assert answers(DETECTOR, BOXED + moves) == {"lt-1": "clear"}


def test_a_helper_who_signs_in_changes_nothing():
    """A few keys by hand beside thousands."""
    assert answers(DETECTOR, BOXED + workdays("lt-1", BUILT_IN, count=1, presses=8)) == {"lt-1": "one_box"}


def test_two_keyboards_are_not_one_source():
    """The box, and a keyboard that does a third of the work."""
    rows = [*BOXED, attached("lt-1", KEYBOARD), *workdays("lt-1", KEYBOARD, count=4, presses=50)]
    assert answers(DETECTOR, rows) == {"lt-1": "own_silent"}


def test_too_little_and_arrangements_are_no_data():
    """An afternoon of input, no USB data, or an arrangement."""
    assert answers(DETECTOR, [BOX, *workdays("lt-1", days=2, count=8, presses=50)]) == {"lt-1": "no data"}
    assert answers(DETECTOR, workdays("lt-1", count=8, presses=50)) == {"lt-1": "no data"}
    assert answers(DETECTOR, [*BOXED, declared("lt-1", accommodation=True)]) == {"lt-1": "no data"}
