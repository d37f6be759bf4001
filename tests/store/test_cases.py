"""Cases: decisions have a reason and a name, are added and never changed."""

from __future__ import annotations

import pytest

from farmwatch.errors import StoreError


def test_decisions_add_up(store):
    """The case takes the last state; each decision and its audit stay."""
    cases = store.state.cases
    cases.decide("lt", "driven", "confirmed", reason="seen on camera", who="ana")
    cases.decide("lt", "driven", "dismissed", reason="help desk after all", who="bo")
    cases.decide("lt", "farm", "confirmed", reason="same gateway", who="ana")
    states = {case.claim: case.state for case in cases.all()}
    assert states == {"driven": "dismissed", "farm": "confirmed"}
    assert cases.all()[0].claim == "farm"
    assert [(one.state, one.who) for one in cases.of("lt")][:2] == [("confirmed", "ana"), ("dismissed", "bo")]
    assert [entry.action for entry in cases.audit("lt")] == ["decide"] * 3
    assert cases.about("lt") == 5


@pytest.mark.parametrize(("reason", "who"), [("", "ana"), ("  ", "ana"), ("seen", "")])
def test_a_decision_needs_a_reason_and_a_person(store, reason, who):
    """Nothing is kept without."""
    with pytest.raises(StoreError, match="reason"):
        store.state.cases.decide("lt", "driven", "confirmed", reason=reason, who=who)
    assert store.state.cases.all() == []


def test_forgetting_leaves_the_others(store):
    """Texts that name the device go, others stay."""
    cases = store.state.cases
    cases.decide("x1", "driven", "confirmed", reason="seen", who="ana")
    cases.decide("y1", "driven", "confirmed", reason="seen", who="ana")
    store.state.add_upload("edge", "x1.pcap", 5)
    assert cases.forget("x1") == {"cases": 1, "dispositions": 1, "audit": 1, "uploads": 1}
    assert [case.device_id for case in cases.all()] == ["y1"]
