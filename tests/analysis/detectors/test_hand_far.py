"""HandFar: its case files, and what they must carry to."""

from __future__ import annotations

import tomllib

import pytest

from farmwatch.analysis.detectors import run_detectors
from farmwatch.analysis.detectors.hand_far import HandFar
from farmwatch.analysis.scoring import CAPS_DECIBANS, REVIEW_PROBABILITY, WIDEST_CAP_DECIBANS, assess_claim
from farmwatch.records import Claim, Family
from tests.analysis.detectors.conftest import CASES
from tests.rows import tables_of

DETECTOR = HandFar()


def finding(name):
    """What the detector answers to a case file."""
    case = tomllib.loads((CASES / DETECTOR.id / f"{name}.toml").read_text(encoding="utf-8"))
    tables = tables_of(**{table: rows for table, rows in case.items() if table not in ("why", "expect")})
    return run_detectors((DETECTOR,), tables)["LAPTOP"][0]


def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)


def test_a_difference_on_one_flow_reaches_review():
    """190 ms of loop over 12 ms of transport are worth a person's time by themselves, and never strong."""
    judged = assess_claim(Claim.ABROAD, [finding("hit_behind_relay")], 1e-3)
    assert judged.probability >= REVIEW_PROBABILITY
    assert judged.level == "review"


@pytest.mark.parametrize("name", ["hit_loop_alone", "hit_declared"])
def test_a_round_trip_alone_keeps_the_cap_of_timing(name):
    """Only the difference of two times of one flow may count more than timing usually does."""
    assert finding(name).cap_decibans is None
    assert finding("hit_behind_relay").cap_decibans == pytest.approx(WIDEST_CAP_DECIBANS, abs=0.1)
    assert finding("hit_behind_relay").decibans > CAPS_DECIBANS[Family.TIMING] > finding(name).decibans
