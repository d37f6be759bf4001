"""What is said beside a verdict: the findings that tell it, and the innocent readings of the heaviest."""

from __future__ import annotations

from farmwatch.analysis.advice import benign_readings, telling_hits
from farmwatch.records import Claim, Family, Finding, Outcome


def finding(detector, decibans, *benign, outcome=Outcome.HIT):
    return Finding(detector, Family.NAMES, Claim.DRIVEN, outcome, decibans, "seen", benign=benign)


def names(findings):
    return [one.detector for one in telling_hits(findings)]


def test_only_hits_that_speak_for_a_claim_tell_it():
    """A clear answer, a missing one, a rule without weight and what speaks against the claim are no reason for it."""
    given = [
        finding("a.clear", 6.0, outcome=Outcome.CLEAR),
        finding("a.no_data", 6.0, outcome=Outcome.NO_DATA),
        finding("a.rule", 0.0),
        finding("a.against", -9.0),
        finding("a.small", 0.1),
    ]
    assert names(given) == ["a.small"]
    assert names([]) == []


def test_the_heaviest_comes_first_whatever_the_order_of_detectors():
    """Equal weights stand in the order of their names, so that a report is the same each time."""
    given = [finding("b", 3.0), finding("c", 12.0), finding("a", 3.0)]
    assert names(given) == names(given[::-1]) == ["c", "a", "b"]


def test_readings_are_the_two_likeliest_of_each_finding_heaviest_first():
    """Each detector lists its likeliest first; one that several name is said once, where it is first named."""
    given = [finding("light", 3.0, "a shared desk", "a repair"), finding("heavy", 20.0, "a lab", "a repair", "a joke")]
    assert benign_readings(given) == ("a lab", "a repair", "a shared desk")


def test_no_more_readings_than_somebody_reads():
    """Six, those of what weighs most: a device with thirty findings keeps a short list."""
    given = [finding(f"d{number:02}", float(number), f"one {number}", f"two {number}") for number in range(1, 31)]
    assert benign_readings(given) == ("one 30", "two 30", "one 29", "two 29", "one 28", "two 28")


def test_what_is_not_counted_has_no_reading():
    """Explaining a finding that speaks for nothing would only distract."""
    assert benign_readings([finding("a", -5.0, "travel"), finding("b", 0.0, "a repair")]) == ()
    assert benign_readings([finding("a", 5.0)]) == ()
