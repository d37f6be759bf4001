"""What a change is called."""

from __future__ import annotations

import pytest

from farmwatch.records import Claim, Level
from farmwatch.records.morning import Change
from farmwatch.reports.morning.comparing import Stood, change

QUIET = dict.fromkeys(Claim, Level.CLEAR)


def at(decibans: float, level: Level = Level.REVIEW, *families: str, claim: Claim = Claim.DRIVEN) -> Stood:
    """A device of which one claim stands so, the others clear."""
    return Stood(
        {**QUIET, claim: level},
        {one: decibans if one is claim else -40.0 for one in Claim},
        {one: frozenset(families if one is claim else ()) for one in Claim},
    )


CLEAR = at(-40.0, Level.CLEAR)


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (at(0.0), None, Change.NEW),
        (at(0.0), CLEAR, Change.NEW),
        (at(0.0), at(0.0), Change.OPEN),
        (at(9.9), at(0.0), Change.OPEN),
        (at(10.0), at(0.0), Change.WORSE),
        (at(0.0, Level.STRONG), at(0.0), Change.WORSE),
        (at(0.0), at(0.0, Level.STRONG), Change.OPEN),
        (at(0.0, Level.REVIEW, "names", "place"), at(0.0, Level.REVIEW, "names"), Change.WORSE),
        (at(0.0, Level.REVIEW, "names"), at(0.0, Level.REVIEW, "names", "place"), Change.OPEN),
        (CLEAR, at(0.0), Change.CLEARED),
        (CLEAR, CLEAR, Change.NONE),
        (CLEAR, None, Change.NONE),
        (at(-15.0, Level.CLEAR), CLEAR, Change.NONE),
    ],
)
def test_changes(now, before, expected):
    """New: did not ask before. Worse: level, ten decibans or a family more. All else that asks is open."""
    assert change(now, before)[0] is expected


def test_silence_clears_nothing():
    """A claim that asked and has no data now, or whose finding could not be looked for, is not called cleared."""
    silent = Stood(dict.fromkeys(Claim, Level.NOT_ENOUGH_DATA), dict.fromkeys(Claim, -40.0))
    assert change(silent, at(0.0))[0] is Change.UNSEEN
    assert change(CLEAR, at(0.0), unseen=True)[0] is Change.UNSEEN
    assert change(silent, CLEAR)[0] is Change.NONE


def test_confirmed_devices_are_never_cleared():
    """What a person confirmed does not end because a laptop was unplugged."""
    assert change(CLEAR, at(0.0), confirmed=True)[0] is Change.NONE


def test_another_claim_that_begins_to_ask_is_worse():
    """A driven device that turns out to be driven from abroad is news."""
    now = Stood({**QUIET, Claim.DRIVEN: Level.REVIEW, Claim.ABROAD: Level.REVIEW}, dict.fromkeys(Claim, 0.0))
    became, told = change(now, at(0.0))
    assert became is Change.WORSE
    assert "abroad rose from clear to review" in told


def test_confirmed_devices_are_nobodys_news():
    """Somebody follows them up; but they can get worse."""
    assert change(at(0.0), CLEAR, confirmed=True)[0] is Change.OPEN
    assert change(at(20.0), at(0.0), confirmed=True)[0] is Change.WORSE


def test_what_a_decision_explains_is_not_cleared():
    """Cleared is what telemetry says, explained what a person said."""
    assert change(CLEAR, at(0.0), decided=True)[0] is Change.EXPLAINED


def test_a_decision_does_not_hide_what_asks_all_the_same():
    """Evidence beyond what the decision explains stays a case."""
    assert change(at(0.0), CLEAR, decided=True)[0] is Change.NEW


def test_the_rise_is_told_with_its_number():
    """The reader sees how much."""
    assert "driven rose from +0 to +12 decibans" in change(at(12.0), at(0.0))[1]


def test_what_was_all_but_certain_is_no_news_again():
    """From 99 % on a device is found out; more weight every night would bury what is new."""
    assert change(at(60.0, Level.STRONG), at(25.0, Level.STRONG))[0] is Change.OPEN
    assert change(at(25.0, Level.STRONG), at(9.6, Level.STRONG))[0] is Change.WORSE
