"""Detectors' answers weighed: hits, silence, coverage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, also_driven
from farmwatch.analysis.fleet.detectors.usb_kvm_identity import UsbKvmIdentity
from farmwatch.analysis.fleet.judging import judge
from farmwatch.analysis.fleet.summing_up import fleet_report
from farmwatch.analysis.fleet.weights import Weights
from farmwatch.knowledge import load_knowledge
from farmwatch.records import Claim, Family, Level, PowerEvent, UsbDevice
from tests.analysis.fleet.fleets import at, fleet_of


@dataclass(frozen=True, slots=True)
class Told(FleetDetector):
    """Hits each device that booted, except one it cannot judge."""

    id: ClassVar = "test.told"
    title: ClassVar = "did it boot?"
    topic: ClassVar = "boots"
    signals: ClassVar = ("E14",)
    family: ClassVar = Family.TIMING
    needs: ClassVar = (PowerEvent,)
    benign: ClassVar = ("people boot",)
    group: ClassVar = "boot"
    grades: ClassVar = {"boot": Grade(Claim.DRIVEN, 6.0, "judged")}
    when_clear: ClassVar = "it did not"
    check: ClassVar = "ask"

    def examine(self, fleet):
        """Every device that booted, and one of no fleet."""
        for row in fleet.rows("SELECT DISTINCT device_id FROM power WHERE event = 'boot' ORDER BY 1"):
            yield Hit(row["device_id"], "boot", "it booted", observed="a boot", expected="none")
        yield Hit("nobody", "boot", "a device of no fleet", observed="", expected="")

    def blind(self, fleet):
        """One device of the fleet, one of none."""
        return {"lt-3": "its clock is wrong", "nobody": "not there"}


ROWS = [
    PowerEvent(device_id="lt-1", ts=at(1), event="boot"),
    PowerEvent(device_id="lt-2", ts=at(1), event="sleep"),
    PowerEvent(device_id="lt-3", ts=at(1), event="sleep"),
    UsbDevice(device_id="lt-4", ts=at(1), event="present", vendor_id=0x46D, product_id=0xC52B),
]


def judged(rows=ROWS, **options):
    with fleet_of(rows) as fleet:
        return judge(fleet, [Told(), UsbKvmIdentity()], **options)


def test_every_device_gets_an_answer_of_every_detector():
    """Hit, clear and no data are told apart, and counted with the reasons."""
    found = judged()
    assert found.devices == ["lt-1", "lt-2", "lt-3", "lt-4"]
    assert list(found.hits) == ["lt-1"]
    assert found.not_looked_at(2) == ("test.told", "usb.kvm_identity")
    told = found.coverage[0]
    assert (told.looked_at, told.hits) == (2, 1)
    assert told.no_data == {"its clock is wrong": 1, "no rows in power": 1}


def test_silence_is_not_clear():
    """A device that nothing could look at is called so, one that was looked at in vain is clear."""
    found = judged()
    assert found.assessment(1).driven.level is Level.CLEAR
    assert found.assessment(2).driven.level is Level.NOT_ENOUGH_DATA


def test_measured_weights_replace_a_detectors_own():
    """The chain of a verdict holds the measured number and says where it is from."""
    measured = Weights({("test.told", "boot"): 11.0}, "measured on a fleet")
    (weight,) = judged(weights=measured).assessment(0).driven.weights
    assert (weight.decibans, weight.reason) == (11.0, "measured on a fleet")


def test_the_prior_is_what_was_asked_for():
    """Verdicts start from the prior given."""
    rare, often = judged(prior=1e-6).assessment(0).driven, judged(prior=1e-2).assessment(0).driven
    assert often.decibans - rare.decibans > 39


def test_a_report_lists_those_for_a_person_and_counts_all():
    """Devices at review or above are listed, everybody is counted; on request those with a finding are listed too."""
    rows = [*ROWS, UsbDevice(device_id="lt-5", ts=at(1), event="present", manufacturer="PiKVM", vendor_id=0x1D6B,
                             product_id=0x104)]  # fmt: skip
    found = judged(rows)
    report = fleet_report(found, load_knowledge(), version="test")
    assert [device.device_id for device in report.devices] == ["lt-5"]
    assert report.devices[0].next_steps
    assert report.telemetry.devices == 5
    assert sum(report.telemetry.levels.values()) == 5
    every = fleet_report(found, load_knowledge(), version="test", every=True)
    assert [device.device_id for device in every.devices] == ["lt-5", "lt-1"]


@dataclass(frozen=True, slots=True)
class Afar(Told):
    """Hits each device that booted with a sign of being abroad."""

    id: ClassVar = "test.afar"
    group: ClassVar = "place"
    family: ClassVar = Family.PLACE
    grades: ClassVar = also_driven(
        {"boot": Grade(Claim.ABROAD, 22.0, "judged"), "little": Grade(Claim.ABROAD, 11.0, "judged")}
    )


def test_signs_of_being_abroad_speak_for_a_driven_device_too():
    """By Bayes' theorem: (0.9 L + 0.1) / (0.02 L + 0.98) for L of 22 decibans; little ones say nothing there."""
    with fleet_of(ROWS) as fleet:
        found = judge(fleet, [Afar(), UsbKvmIdentity()])
    weights = {one.claim: one.decibans for one in found.hits["lt-1"]}
    likelihood = 10**2.2
    assert weights[Claim.ABROAD] == 22.0
    assert 10 ** (weights[Claim.DRIVEN] / 10) == pytest.approx(
        (0.9 * likelihood + 0.1) / (0.02 * likelihood + 0.98), rel=0.02
    )
    assert "driven_little" not in Afar.grades
    assert {one.group for one in found.hits["lt-1"] if one.claim is Claim.DRIVEN} == {"abroad"}


def test_no_sign_of_being_abroad_says_nothing_about_being_driven():
    """Whoever was looked at by such detectors alone is not called free of remote hands."""
    with fleet_of(ROWS) as fleet:
        found = judge(fleet, [Afar()])
    quiet = found.assessment(found.devices.index("lt-2"))
    assert quiet.abroad.level is Level.CLEAR
    assert quiet.driven.level is Level.NOT_ENOUGH_DATA
