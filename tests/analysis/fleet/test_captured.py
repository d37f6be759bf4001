"""Hits of kept scans: each once a device, the strongest of its kind, and those of the window only."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from farmwatch.analysis.fleet.captured import captured_hits
from farmwatch.analysis.fleet.findings import finding_json
from farmwatch.records import Claim, Finding, Outcome, ScannedDevice
from tests.analysis.fleet.fleets import at, fleet_of
from tests.analysis.fleet.kept import hit


def scanned(device, day, *findings, inputs="aa"):
    """A device as one scan of a capture judged it."""
    document = {"device_id": device, "findings": [json.loads(finding_json(one)) for one in findings]}
    return ScannedDevice(
        device_id=device, ts=at(day), first_ts=at(day), inputs=inputs, vantages="host", macs="", addresses="",
        names="", driven="clear", abroad="clear", farm="clear", version="0", document=json.dumps(document),
    )  # fmt: skip


def found(*rows) -> dict[str, list[Finding]]:
    with fleet_of(rows) as fleet:
        return captured_hits(fleet)


def test_a_finding_of_several_scans_counts_once_with_its_strongest_weight():
    """A week of captures with one KVM in each is one KVM, however often and in whatever order it was seen."""
    weak, strong = hit(decibans=12.0), hit(decibans=20.0)
    for days in ((1, 2), (2, 1)):
        assert found(scanned("lt-1", days[0], weak), scanned("lt-1", days[1], strong)) == {"lt-1": [strong]}


def test_what_speaks_against_a_claim_is_as_strong_as_its_size():
    """A scan that saw a local hand is not outweighed by a nudge of the same detector."""
    local, nudge = hit("input.loop", -15.0, grade="loop"), hit("input.loop", 2.0, grade="loop")
    assert found(scanned("lt-1", 1, local), scanned("lt-1", 2, nudge)) == {"lt-1": [local]}


def test_kinds_are_told_apart_by_detector_claim_and_grade():
    """Another grade, or what the same detector says of another claim, is another finding."""
    kinds = [hit(), hit(grade="structure"), hit(claim=Claim.ABROAD), hit("usb.other")]
    assert found(scanned("lt-1", 1, *kinds)) == {"lt-1": kinds}


def test_a_device_scanned_in_vain_is_there_with_nothing():
    """So that it counts as looked at; answers that are no hits are not evidence."""
    clear = replace(hit(), outcome=Outcome.CLEAR)
    assert found(scanned("lt-1", 1, clear), scanned("lt-2", 1)) == {"lt-1": [], "lt-2": []}


@pytest.mark.parametrize("day", [-1, 7])
def test_scans_of_another_time_say_nothing_of_this_window(day):
    """Last week's capture does not make this week's verdict, nor does one of the day after."""
    assert found(scanned("lt-1", day, hit())) == {}


def test_findings_stay_with_their_device():
    """Two devices of one scan do not share what was found on one of them."""
    assert found(scanned("lt-1", 1, hit()), scanned("lt-2", 1, hit("usb.other"))) == {
        "lt-1": [hit()], "lt-2": [hit("usb.other")],
    }  # fmt: skip
