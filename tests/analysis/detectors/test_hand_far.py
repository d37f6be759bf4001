"""HandFar: its case files, and what they must carry to."""

from __future__ import annotations

import tomllib

import pytest

from farmwatch.analysis.detectors import run_detectors
from farmwatch.analysis.detectors.hand_far import HandFar
from farmwatch.analysis.scoring import CAPS_DECIBANS, REVIEW_PROBABILITY, WIDEST_CAP_DECIBANS, assess_claim
from farmwatch.analysis.sessions.regions import reach
from farmwatch.records import Claim, Family, Outcome
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


@pytest.mark.parametrize("shift", [0.0, 10.0])
def test_sentence_limit_and_weight_are_of_one_session(shift):
    """Of two sessions with one end the one that speaks is told, whichever has the least loop or lacks a transport."""
    case = tomllib.loads((CASES / DETECTOR.id / "hit_two_sessions.toml").read_text(encoding="utf-8"))
    first, second = case["sessions"]
    first |= {"loop_rtt_ms": 192.0, "loop_low_ms": 190.0, "loop_high_ms": 195.0, "rtt_ms": None, "rtt_samples": 0}
    second |= {"loop_rtt_ms": 210.0 + shift, "loop_low_ms": 200.0 + shift, "loop_high_ms": 220.0, "rtt_ms": 10.0}
    rough = [{"device_id": "LAPTOP", "flow": 1, "members": second["members"], "upper_bound": True}]
    tables = tables_of(
        devices_seen=case["devices_seen"], device_flows=case["device_flows"], sessions=[first, second], hands=rough
    )
    [found] = run_detectors((DETECTOR,), tables)["LAPTOP"]
    said_by_second = found.summary.startswith(f"The far program reacts {210 + shift:.0f} ms")
    assert said_by_second is ("answers in 10 ms" in found.summary)
    alone = reach(loop_ms=190.0, transport_ms=None).decibans
    both = reach(loop_ms=200.0 + shift, transport_ms=10.0, upper_bound=True).decibans
    assert found.decibans == pytest.approx(min(alone, both), abs=0.01)
    assert said_by_second is (both < alone)


def test_a_limit_is_exceeded_only_where_every_session_does():
    """One session of the end within the limit keeps the hand within it."""
    case = tomllib.loads((CASES / DETECTOR.id / "hit_two_sessions.toml").read_text(encoding="utf-8"))
    device = [one | {"max_rtt_ms": 180.0} for one in case["devices_seen"]]
    tables = tables_of(devices_seen=device, device_flows=case["device_flows"], sessions=case["sessions"])
    [found] = run_detectors((DETECTOR,), tables)["LAPTOP"]
    assert "declared" not in found.expected


def test_an_unmeasured_meeting_is_not_near():
    """A session near by and a meeting that nothing keeps near: not clear."""
    case = tomllib.loads((CASES / DETECTOR.id / "near_miss_near.toml").read_text(encoding="utf-8"))
    [near] = case["sessions"]
    unmeasured = {"loop_rtt_ms": None, "loop_low_ms": None, "loop_high_ms": None, "loop_samples": 0, "rtt_ms": None}
    meeting = near | unmeasured | {"session_id": "S2", "meeting": True, "tool": "zoom", "members": "1"}
    tables = tables_of(devices_seen=case["devices_seen"], device_flows=case["device_flows"], sessions=[near, meeting])
    [found] = run_detectors((DETECTOR,), tables)["LAPTOP"]
    assert found.outcome is Outcome.NO_DATA
    assert "relay may hide" in found.summary


@pytest.mark.parametrize("name", ["hit_loop_alone", "hit_declared"])
def test_a_round_trip_alone_keeps_the_cap_of_timing(name):
    """Only the difference of two times of one flow may count more than timing usually does."""
    assert finding(name).cap_decibans is None
    assert finding("hit_behind_relay").cap_decibans == pytest.approx(WIDEST_CAP_DECIBANS, abs=0.1)
    assert finding("hit_behind_relay").decibans > CAPS_DECIBANS[Family.TIMING] > finding(name).decibans
