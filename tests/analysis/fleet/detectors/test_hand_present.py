"""HandPresent: what speaks against a remote hand, what can be faked, and that it is told only where it matters."""

from __future__ import annotations

from farmwatch.analysis.fleet.detectors.hand_present import HandPresent
from farmwatch.analysis.fleet.detectors.usb_kvm_identity import UsbKvmIdentity
from farmwatch.analysis.fleet.judging import judge
from farmwatch.records import PowerEvent, Sighting
from tests.analysis.fleet.fleets import answers, at, fleet_of
from tests.analysis.fleet.inputs import BUILT_IN, KVM_BOX, attached, workdays

DETECTOR = HandPresent()


def power(event, day, hour=9.0, **values):
    return PowerEvent(device_id="lt-1", ts=at(day, hour), event=event, **values)


def grades(rows):
    with fleet_of(rows) as fleet:
        return [hit.grade for hit in DETECTOR.examine(fleet)]


LID = [power(event, day, hour + day / 7) for day in range(5) for event, hour in (("lid open", 8), ("lid closed", 17))]
BATTERY = [power("on battery", day, 12) for day in (1, 2)]
TYPED = [attached("lt-1", "046d:c31c"), *workdays("lt-1", BUILT_IN, count=6, presses=50, clicks=2)]


def test_grades():
    """One sign, two, built-in keys, and those with a sign."""
    still = [power("state", 0)]
    assert grades(LID) == ["handled"]
    assert grades(LID + BATTERY) == ["carried"]
    assert grades(TYPED + still) == ["typed_on"]
    assert grades(TYPED + LID) == ["typed_and_carried"]
    assert grades(still) == []


def test_other_signs():
    """Networks, roaming, a battery that was used in between, fingers that wake it."""
    still = [power("state", 0)]
    homes = [Sighting(device_id="lt-1", ts=at(day), kind="gateway_mac", value=f"g{day % 2}") for day in range(4)]
    points = [Sighting(device_id="lt-1", ts=at(day, hour), kind="bssid", value=f"p{hour}") for day in range(4)
              for hour in (1, 2)]  # fmt: skip
    cycles = [power("state", day, cycles=10 + day) for day in range(3)]
    fingers = [power("modern standby out", day, reason="fingerprint reader") for day in range(4)]
    for rows in (homes, points, cycles, fingers):
        assert grades(still + rows) == ["handled"]


def test_what_a_timer_or_one_day_could_do():
    """A lid that opens at the same minute every day, one power cut, a tunnel as second gateway."""
    timer = [power("lid open", day, 8.0) for day in range(5)]
    assert grades(timer) == []
    assert grades([power("on battery", 1)]) == []
    tunnel = [Sighting(device_id="lt-1", ts=at(1), kind="gateway_mac", value="g1", medium="tunnel"),
              Sighting(device_id="lt-1", ts=at(1), kind="gateway_mac", value="g2", medium="wired")]  # fmt: skip
    assert grades([power("state", 0), *tunnel]) == []


def test_a_box_that_copies_the_built_in_keyboard_is_no_hand():
    """On USB those ids belong to a box; without USB data it cannot be told."""
    typed = workdays("lt-1", BUILT_IN, count=6, presses=50, clicks=2)
    still = [power("state", 0)]
    assert grades([attached("lt-1", BUILT_IN, removable=True), *typed, *still]) == []
    assert grades(typed + still) == []


def test_signing_in_by_hand_is_not_working_by_hand():
    """A helper who types a password every morning presses few keys of many."""
    rows = [attached("lt-1", KVM_BOX), power("state", 0)]
    rows += workdays("lt-1", BUILT_IN, count=1, presses=30) + workdays("lt-1", KVM_BOX, count=6, presses=50)
    assert grades(rows) == []


def test_it_is_told_only_where_something_speaks_for_a_remote_hand():
    """A laptop of which nothing is known but that it is used is clear, and no finding."""
    assert answers(DETECTOR, LID) == {"lt-1": "clear"}
    box = attached("lt-1", KVM_BOX, manufacturer="PiKVM", product="PiKVM Composite Device", serial="CAFEBABE")
    with fleet_of([*LID, box]) as fleet:
        found = judge(fleet, [UsbKvmIdentity(), DETECTOR])
    assert [(one.detector, one.decibans) for one in found.hits["lt-1"]][1] == ("hand.present", -3.0)
    assert found.assessment(0).driven.decibans < -18


def test_without_power_events_there_is_no_data():
    """Only sightings, say."""
    assert answers(DETECTOR, [Sighting(device_id="lt-1", ts=at(1), kind="public_ip", value="203.0.113.7")]) == {
        "lt-1": "no data"
    }
