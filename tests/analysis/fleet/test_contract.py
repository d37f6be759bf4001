"""Hits become findings with their grade's weight; rows become proof of a length people can read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import ClassVar

import pytest

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, also_driven, telling
from farmwatch.records import Claim, Family, Outcome, PowerEvent, Telling, UsbDevice, WeightSource

MOMENT = datetime(2026, 3, 2, 23, 30, 15, 700_000, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Boots(FleetDetector):
    """A detector with a grade that says everything and one that says as little as it can."""

    id: ClassVar = "test.boots"
    family: ClassVar = Family.TIMING
    benign: ClassVar = ("people boot",)
    group: ClassVar = "boot"
    grades: ClassVar = {
        "plain": Grade(Claim.DRIVEN, 6.0, "judged: a guess"),
        "full": Grade(
            Claim.ABROAD, 11.0, "published", WeightSource.PUBLISHED, conclusive=True, cap_decibans=9.0,
            for_review=True, group="clock",
        ),
        "own cause": Grade(Claim.DRIVEN, 1.0, "judged", group=""),
    }  # fmt: skip


def finding(grade, **values):
    hit = Hit("lt-1", grade, "it booted at night", observed="a boot", expected="none", **values)
    return Boots().findings(hit)[0]


def test_a_hit_carries_its_grades_weight_and_its_own_words():
    """Weight, reason and cap are the grade's; summary and proof are the hit's; the rest is the detector's."""
    found = finding("full")
    assert (found.detector, found.family, found.outcome) == ("test.boots", Family.TIMING, Outcome.HIT)
    assert (found.claim, found.decibans, found.cap_decibans) == (Claim.ABROAD, 11.0, 9.0)
    assert (found.weight_source, found.weight_reason) == (WeightSource.PUBLISHED, "published")
    assert (found.conclusive, found.for_review) == (True, True)
    assert (found.summary, found.observed, found.expected) == ("it booted at night", "a boot", "none")
    assert (found.benign, found.grade) == (("people boot",), "full")


def test_what_a_grade_leaves_open_is_cautious():
    """A plain grade proves nothing outright, asks for nobody at low odds, and has its family's cap."""
    found = finding("plain")
    assert (found.conclusive, found.for_review, found.cap_decibans) == (False, False, None)
    assert found.weight_source is WeightSource.JUDGED


def test_a_cause_is_the_detectors_unless_the_grade_names_one():
    """Of one cause only the strongest counts, so an empty cause (the detector itself) is one as well."""
    assert [finding(grade).group for grade in Boots.grades] == ["boot", "clock", ""]


def test_a_grade_nobody_declared_is_no_finding():
    """A weight that does not exist is a mistake of the detector, not a weight of nought."""
    with pytest.raises(KeyError, match="made up"):
        finding("made up")


def test_proof_names_at_most_twenty_rows():
    """A hit with ten thousand rows stays readable, and still says how many there were."""
    proof = Telling("power", None, None, 50, tuple(f"r{number:02}" for number in range(50)))
    (kept,) = finding("plain", telling=(proof,)).telling
    assert kept.record_ids == proof.record_ids[:20]
    assert kept.count == 50
    many = telling(PowerEvent, MOMENT, record_ids=(f"r{number:02}" for number in range(49, -1, -1)), count=50)
    assert many.record_ids == proof.record_ids[:20]


def test_rows_of_proof_are_listed_once_sorted_and_without_the_absent():
    """Senders repeat records and leave out numbers; whole numbers are text like the others."""
    found = telling(UsbDevice, MOMENT, MOMENT + timedelta(hours=1), record_ids=("b", None, "a", "b", 7), count=4.0,
                    device_id="lt-9")  # fmt: skip
    assert found == Telling("usb_devices", "2026-03-02T23:30:15Z", "2026-03-03T00:30:15Z", 4, ("7", "a", "b"), "lt-9")


def test_times_of_proof_are_utc():
    """Whatever zone a query gives; a single row begins and ends with itself, and no time is no time."""
    there = MOMENT.astimezone(timezone(timedelta(hours=9)))
    assert telling(PowerEvent, there) == Telling("power", "2026-03-02T23:30:15Z", "2026-03-02T23:30:15Z")
    assert telling(PowerEvent, None) == Telling("power")
    assert telling(PowerEvent, None, MOMENT).last_ts == "2026-03-02T23:30:15Z"


def test_a_detector_is_blind_to_nobody_unless_it_says_so():
    """And one that does not say how it looks cannot be run."""
    assert Boots().blind(None) == {}
    with pytest.raises(NotImplementedError):
        Boots().examine(None)


# --- signs of being abroad


@dataclass(frozen=True, slots=True)
class Abroad(Boots):
    """Signs of being abroad, of which the heavy one speaks of being driven as well."""

    grades: ClassVar = also_driven({
        "heavy": Grade(Claim.ABROAD, 24.0, "judged", conclusive=True),
        "least": Grade(Claim.ABROAD, 12.0, "judged"),
        "light": Grade(Claim.ABROAD, 11.9, "judged"),
        "other": Grade(Claim.DRIVEN, 24.0, "judged"),
    })  # fmt: skip


def test_a_heavy_sign_of_being_abroad_speaks_of_being_driven_beside_it():
    """With less weight than its own, of one cause with all such signs, and never outright."""
    hit = Hit("lt-1", "heavy", "a sign-in from elsewhere", observed="x", expected="y")
    abroad, driven = Abroad().findings(hit)
    assert (abroad.claim, abroad.decibans, abroad.group, abroad.conclusive) == (Claim.ABROAD, 24.0, "boot", True)
    assert (driven.claim, driven.group, driven.conclusive, driven.grade) == (
        Claim.DRIVEN, "abroad", False, "driven_heavy",
    )  # fmt: skip
    assert driven.decibans == pytest.approx(10 * math.log10((0.9 * 251.19 + 0.1) / (0.02 * 251.19 + 0.98)), abs=0.05)
    assert driven.summary == abroad.summary


def test_light_signs_and_other_claims_speak_for_themselves_only():
    """Ordinary people's small contradictions with their place are said of every day."""
    assert set(Abroad.grades) == {"heavy", "least", "light", "other", "driven_heavy", "driven_least"}
    assert Abroad.grades["driven_least"].decibans < Abroad.grades["driven_heavy"].decibans < 24.0
    assert [grade for grade, one in Abroad.grades.items() if one.aside] == ["driven_heavy", "driven_least"]
    assert len(Abroad().findings(Hit("lt-1", "light", "s", observed="", expected=""))) == 1
