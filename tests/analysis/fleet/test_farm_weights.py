"""What signs of a farm weigh: grades rise with the number of households, every sign is explained."""

from __future__ import annotations

from itertools import pairwise

import pytest

from farmwatch.analysis.fleet.farm_weights import BENIGN, REASONS, TITLES, WEIGHTS, at_least, evidence
from farmwatch.analysis.fleet.judging import FARM_DEVICES
from farmwatch.analysis.scoring import WIDEST_CAP_DECIBANS, assess_claim
from farmwatch.records import Claim, Family, Finding, Level, Outcome, WeightSource

NUMBERED = sorted(name for name, grades in WEIGHTS.items() if all(grade.isdigit() for grade in grades))


def test_every_sign_is_asked_weighed_and_given_a_reason():
    """What ``explain`` shows of a sign is there for each of them; a farm's members' own signs weigh as they do."""
    assert set(TITLES) == set(WEIGHTS) | {"farm.signs"}
    assert set(REASONS) == set(WEIGHTS)
    for detector, grades in WEIGHTS.items():
        for grade in grades:
            made = evidence(detector, grade, "so it is")
            assert made.weight_reason.startswith("judged")
            assert 0 < made.decibans <= WIDEST_CAP_DECIBANS


@pytest.mark.parametrize("detector", NUMBERED)
def test_more_households_never_weigh_less(detector):
    """And one household is never a sign: a couple's two laptops, a person's three."""
    ordered = [WEIGHTS[detector][grade] for grade in sorted(WEIGHTS[detector], key=int)]
    assert all(low <= high for low, high in pairwise(ordered))
    assert at_least(detector, 1) is None
    assert at_least(detector, 0) is None
    assert at_least(detector, 2) == "2"


@pytest.mark.parametrize(
    ("detector", "count", "grade"),
    [("farm.site", 3, "3"), ("farm.site", 90, "5"), ("farm.cuts", 4, "3"), ("farm.control", 4, "3"),
     ("farm.meeting", 10**9, "3")],
)  # fmt: skip
def test_so_many_or_more(detector, count, grade):
    """The highest grade that is reached, by number and not by letters."""
    assert at_least(detector, count) == grade


def test_farther_apart_weighs_more():
    """Declared beyond a commute says more than different names, and those more than places near each other."""
    for count in map(int, WEIGHTS["farm.places"]):
        far, named, near = (_weight(one, count) for one in ("farm.places", "farm.places_named", "farm.places_near"))
        assert far > named > near
        assert _weight("farm.address", count) < _weight("farm.site", count), "an address may be a carrier's"


def _weight(detector, count):
    """What so many households or places weigh."""
    return WEIGHTS[detector][at_least(detector, count)]


def test_three_households_at_one_line_ask_for_nobody():
    """Their line and their places, even far ones, are mostly a couple's or a shared flat's. Four at a line are rare."""
    for count, prior, level in ((2, 1e-3, Level.CLEAR), (3, 1e-4, Level.CLEAR), (4, 1e-4, Level.REVIEW)):
        grades = {name: at_least(name, count) for name in ("farm.site", "farm.address", "farm.places")}
        signs = [evidence(name, grade, "x") for name, grade in grades.items()]
        assert assess_claim(Claim.FARM, signs, prior / FARM_DEVICES).level is level


def test_one_line_is_one_cause():
    """A router, an address and a power cut show the same line; only the strongest counts, places beside it."""
    signs = [evidence(name, "3", "x") for name in ("farm.site", "farm.address", "farm.cuts", "farm.places")]
    counted = {weight.detector for weight in assess_claim(Claim.FARM, signs, 1e-4).weights if weight.counted}
    assert counted == {"farm.site", "farm.places"}


def test_a_sign_is_a_finding_with_its_words():
    """For the claim that it is asked about, with innocent readings; nothing measured, nothing conclusive."""
    made = evidence("farm.hardware", "2", "one keyboard", observed="KB 1", expected="one home", claim=Claim.DRIVEN)
    assert made == Finding(
        "farm.hardware", Family.HARDWARE, Claim.DRIVEN, Outcome.HIT, 12.0, "one keyboard", "KB 1", "one home", BENIGN,
        group="shared hardware", weight_source=WeightSource.JUDGED, weight_reason=REASONS["farm.hardware"], grade="2",
    )  # fmt: skip
    assert evidence("farm.site", "3", "x").claim is Claim.FARM
    assert BENIGN


def test_few_days_weigh_less_but_never_speak_against():
    """A visit of two people is no proof that there is no farm."""
    assert evidence("farm.site", "3", "x", less=6.0).decibans == WEIGHTS["farm.site"]["3"] - 6.0
    assert evidence("farm.address", "2", "x", less=6.0).decibans == 0.0


def test_a_sign_or_grade_that_is_not_there_is_refused():
    """A misspelt grade is not a weight of nought."""
    with pytest.raises(KeyError, match="7"):
        evidence("farm.site", "7", "x")
    with pytest.raises(KeyError, match="mood"):
        evidence("farm.mood", "2", "x")
