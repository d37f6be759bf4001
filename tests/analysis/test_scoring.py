"""Evidence into levels."""

from __future__ import annotations

import math

import pytest

from farmwatch.analysis.scoring import (
    CAPS_DECIBANS,
    WIDEST_CAP_DECIBANS,
    Calibration,
    abroad_of_driven,
    assess_claim,
    assess_device,
)
from farmwatch.records import Claim, Family, Finding, Level, Outcome, WeightSource

PRIOR = 1e-3


def finding(decibans, *, detector="a", family=Family.NAMES, group="", outcome=Outcome.HIT, claim=Claim.DRIVEN, **more):
    return Finding(detector=detector, family=family, claim=claim, outcome=outcome, decibans=decibans, summary="s",
                   group=group, **more)  # fmt: skip


def driven(*findings, prior=PRIOR):
    return assess_claim(Claim.DRIVEN, findings, prior)


def test_prior_and_weights_add_up():
    """The sum is prior plus counted weights, and the probability is its logistic."""
    result = driven(finding(12.0), finding(5.0, detector="b", family=Family.PLACE))
    assert result.prior_decibans == pytest.approx(10 * math.log10(PRIOR / (1 - PRIOR)))
    assert result.decibans == pytest.approx(result.prior_decibans + 17.0)
    assert result.probability == pytest.approx(1 / (1 + 10 ** (-result.decibans / 10)))


def test_one_cause_counts_once():
    """Of a group only the strongest counts; the others stay in the chain, uncounted."""
    result = driven(
        finding(7.0, group="x"), finding(12.0, detector="b", group="x"), finding(9.0, detector="c", group="x")
    )
    assert [(weight.detector, weight.counted) for weight in result.weights] == [("b", True), ("c", False), ("a", False)]
    assert result.decibans == pytest.approx(result.prior_decibans + 12.0)


def test_a_weight_speaks_with_its_own_finding():
    """Of two findings of one detector, the counted one alone says whether the fact is stated outright."""
    weak = finding(2.0, group="x", conclusive=True)
    assert driven(finding(24.0, group="x"), weak, prior=0.1).level is Level.REVIEW
    assert driven(finding(24.0, group="x", conclusive=True), finding(2.0, group="x"), prior=0.1).level is Level.STRONG


def test_a_record_that_would_carry_it_alone_states_it_beside_a_heavier_finding():
    """A heavier finding of its cause does not take away what a record says, unless that speaks against the claim."""
    record = finding(20.0, detector="log", group="x", conclusive=True)
    assert driven(finding(24.0, group="x"), record, prior=0.1).level is Level.STRONG
    assert driven(finding(24.0, group="x"), record, prior=0.01).level is Level.REVIEW
    against = finding(-24.0, detector="against", group="x")
    assert driven(against, record, finding(24.0, detector="b"), prior=0.1).level is Level.REVIEW


def test_a_calibration_is_a_link_of_the_chain():
    """What a sum is worth is told, counted and added; without findings nothing is calibrated."""
    found = [finding(12.0), finding(9.0, detector="b", group="y")]
    result = assess_claim(Claim.DRIVEN, found, PRIOR, Calibration(0.5, 1.0, "measured on a test"))
    assert [(one.detector, round(one.decibans, 3)) for one in result.weights] == [
        ("a", 12.0), ("b", 9.0), ("calibration", -9.5),
    ]  # fmt: skip
    assert result.decibans == pytest.approx(result.prior_decibans + 11.5)
    assert result.weights[-1].reason == "measured on a test: together +21.0 is worth +11.5"
    assert assess_claim(Claim.DRIVEN, [], PRIOR, Calibration(0.5, 1.0)) == assess_claim(Claim.DRIVEN, [], PRIOR)


def test_what_would_overturn_a_calibrated_claim_is_calibrated_too():
    """What is left without the strongest finding is what the rest is worth, not the rest itself."""
    found = [finding(24.0), finding(24.0, detector="b", family=Family.PLACE)]
    assert "it stands without a" in assess_claim(Claim.DRIVEN, found, 0.01).overturn
    halved = assess_claim(Claim.DRIVEN, found, 0.01, Calibration(0.4))
    assert halved.overturn == "an innocent explanation of a alone would clear it"


def test_two_findings_of_one_detector_share_its_cause():
    result = driven(finding(7.0), finding(7.0))
    assert [weight.counted for weight in result.weights] == [True, False]


def test_weights_are_capped_by_family():
    """Timing can carry four bits, artefacts eight, either way."""
    result = driven(finding(40.0, family=Family.TIMING), finding(-90.0, detector="b", family=Family.HARDWARE))
    by_detector = {weight.detector: weight.decibans for weight in result.weights}
    assert by_detector == {"a": CAPS_DECIBANS[Family.TIMING], "b": -CAPS_DECIBANS[Family.HARDWARE]}
    assert CAPS_DECIBANS[Family.TIMING] == pytest.approx(12.04, abs=0.01)


@pytest.mark.parametrize(
    ("named", "counts"), [(None, 12.04), (20.0, 20.0), (6.0, 6.0), (100.0, WIDEST_CAP_DECIBANS), (0.0, 0.0)]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_finding_may_name_its_own_cap(named, counts, sign):
    """A measured weight may count more than its family's, either way, but never more than eight bits."""
    [weight] = driven(finding(sign * 40.0, family=Family.TIMING, cap_decibans=named)).weights
    assert weight.decibans == pytest.approx(sign * counts, abs=0.01)
    assert round(WIDEST_CAP_DECIBANS, 2) == 24.08


@pytest.mark.parametrize(
    ("weights", "level"),
    [
        ([], Level.CLEAR),
        ([(20.0, Family.NAMES, "a")], Level.CLEAR),
        ([(20.6, Family.NAMES, "a")], Level.REVIEW),
        ([(24.0, Family.NAMES, "a"), (24.0, Family.NAMES, "b")], Level.REVIEW),
        ([(24.0, Family.NAMES, "a"), (12.0, Family.TIMING, "b"), (4.0, Family.PLACE, "c")], Level.STRONG),
        ([(24.0, Family.NAMES, "a"), (12.0, Family.NAMES, "b"), (4.0, Family.TIMING, "c")], Level.REVIEW),
        ([(24.0, Family.NAMES, "a"), (10.0, Family.TIMING, "b")], Level.REVIEW),
    ],
    ids=["nothing", "below", "review", "one family", "two families", "a nudge is no family", "short of nine in ten"],
)
def test_levels(weights, level):
    """Review from one in ten, strong from nine in ten and two families with weight of their own."""
    looked = finding(0.0, detector="z", outcome=Outcome.CLEAR)
    result = driven(looked, *(finding(db, detector=name, family=family) for db, family, name in weights))
    assert result.level is level
    assert result.reason
    assert result.overturn


def test_a_record_that_states_the_fact_may_stand_alone():
    """One family is enough where a tool's own log says it outright."""
    result = driven(finding(24.0), finding(24.0, detector="b"), finding(1.0, detector="c", conclusive=True))
    assert result.level is Level.STRONG
    assert "outright" in result.reason


def test_evidence_against_weighs_too():
    result = driven(finding(22.0), finding(-6.0, detector="b"))
    assert result.level is Level.CLEAR
    assert result.families == ("names",)


def test_silence_is_not_clean():
    """Where no detector had anything to look at, the level says so."""
    assert driven(finding(0.0, outcome=Outcome.NO_DATA)).level is Level.NOT_ENOUGH_DATA
    assert driven().level is Level.NOT_ENOUGH_DATA


def test_no_data_never_weighs():
    assert driven(finding(20.0, outcome=Outcome.NO_DATA)).weights == ()


def test_claims_are_weighed_apart():
    """Evidence for one claim leaves the others alone."""
    result = assess_device([finding(24.0, claim=Claim.FARM)], PRIOR)
    assert result.farm.level is Level.REVIEW
    assert result.driven.level is result.abroad.level is Level.NOT_ENOUGH_DATA


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ([finding(22.0)], "innocent explanation of a alone"),
        (
            [finding(22.0), finding(22.0, detector="b"), finding(20.0, detector="c", family=Family.PLACE)],
            "stands without a",
        ),
        ([finding(0.0, outcome=Outcome.CLEAR)], "20 decibans more"),
        ([], "any data"),
    ],
)
def test_what_would_overturn_it(findings, said):
    assert said in driven(*findings).overturn


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (18.0, "it stands without a"),
        (9.0, "an innocent explanation of a alone would clear it"),
        (-20.0, "an innocent explanation of a alone would clear it"),
    ],
)
def test_the_next_of_its_cause_takes_an_overturned_findings_place(second, said):
    """A cause that two detectors saw is not gone when one of them is explained; what speaks against it counts too."""
    found = [finding(22.0, group="x"), finding(second, detector="c", group="x"), finding(14.0, detector="b")]
    assert said in driven(*found, prior=1e-4).overturn
    alone = [found[0], finding(second, detector="c", group="y"), found[2]]
    assert driven(*found, prior=1e-4).decibans == pytest.approx(driven(*alone, prior=1e-4).decibans - second)


def test_the_order_of_findings_does_not_matter():
    one = [finding(7.0, group="x"), finding(7.0, detector="b", group="x"), finding(3.0, detector="c")]
    assert driven(*one) == driven(*one[::-1])


def test_a_prior_can_carry_it_alone():
    """A prior of one half makes review without any finding, and says what carries it."""
    result = driven(finding(0.0, outcome=Outcome.CLEAR), prior=0.5)
    assert result.level is Level.REVIEW
    assert "prior" in result.overturn


def breach(**more):
    return finding(
        9.0, claim=Claim.ABROAD, family=Family.TIMING, group="x", weight_source=WeightSource.DECLARED, **more
    )


def test_a_declared_limit_is_a_rule():
    """Beyond it a person should look; the probability stays what the evidence makes it."""
    result = assess_claim(Claim.ABROAD, [breach()], PRIOR)
    judged = assess_claim(Claim.ABROAD, [finding(9.0, claim=Claim.ABROAD, family=Family.TIMING)], PRIOR)
    assert (result.level, judged.level) == (Level.REVIEW, Level.CLEAR)
    assert result.probability == judged.probability < 0.1
    assert "declares" in result.reason
    assert "profile" in result.overturn


def test_what_nobody_would_leave_unexplained_is_for_review():
    """A KVM under its own name asks for a person at any prior; a clear answer of that detector does not."""
    result = driven(finding(3.0, for_review=True), prior=1e-6)
    assert result.level is Level.REVIEW
    assert "for a person to look at" in result.reason
    assert "innocent explanation of a" in result.overturn
    assert driven(finding(0.0, for_review=True, outcome=Outcome.CLEAR), prior=1e-6).level is Level.CLEAR


def test_a_declared_limit_makes_nothing_strong():
    """With much evidence of the same family it stays review, and says what the evidence says."""
    heavy = finding(24.0, claim=Claim.ABROAD, detector="b", family=Family.TIMING, group="b")
    result = assess_claim(Claim.ABROAD, [breach(), heavy], 0.5)
    assert result.level is Level.REVIEW
    assert "family" in result.reason


def test_a_declared_limit_that_holds_raises_nothing():
    kept = breach(outcome=Outcome.CLEAR)
    assert assess_claim(Claim.ABROAD, [kept], PRIOR).level is Level.CLEAR


@pytest.mark.parametrize(
    ("where", "level", "told"),
    [
        (finding(12.0, detector="v", claim=Claim.ABROAD), Level.NOT_ENOUGH_DATA, "not enough"),
        (finding(0.0, detector="v", claim=Claim.ABROAD, outcome=Outcome.CLEAR), Level.NOT_ENOUGH_DATA, "nothing shows"),
        (finding(-6.0, detector="v", claim=Claim.ABROAD), Level.CLEAR, "not enough by itself"),
        (finding(24.0, detector="v", claim=Claim.ABROAD, for_review=True), Level.REVIEW, "a person"),
    ],
)
def test_a_driven_device_is_not_clear_of_being_driven_from_abroad(where, level, told):
    """Too little evidence of where the hand is says nothing; evidence that it is near does."""
    made = abroad_of_driven(assess_device([finding(24.0), where], PRIOR))
    assert made.driven.level is Level.REVIEW
    assert made.abroad.level is level
    assert told in made.abroad.reason


def test_where_nobody_seems_to_drive_it_clear_stays_clear():
    """The other claims are as they were."""
    plain = assess_device([finding(3.0), finding(12.0, detector="v", claim=Claim.ABROAD)], PRIOR)
    assert abroad_of_driven(plain) == plain
