"""Cases: decisions have a reason and a name, are added and never changed."""

from __future__ import annotations

import dataclasses
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from farmwatch.errors import StoreError
from farmwatch.records import Claim
from farmwatch.records.standing import Covered, Decision
from farmwatch.store import state_file


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


def dismissal(device="lt", **values) -> Decision:
    """A dismissal of what is there now."""
    return Decision(device, Claim.DRIVEN, "dismissed", "our lab's KVM", "ana", "", **values)


def test_the_scope_of_a_decision_is_kept(store):
    """Detector, grade, cause, text, ending, what was there, farm and assessment come back as given."""
    given = dismissal(
        detector="usb.kvm_identity", grade="identity", cause="kvm", about="PiKVM", until="2026-12-01T00:00:00Z",
        covers=(Covered("usb.kvm_identity", "identity", "kvm", ("pikvm",)),), farm_id="farm-1", run_id="r1",
    )  # fmt: skip
    kept = store.state.cases.add([given])[0]
    assert dataclasses.replace(kept, ts="", id=0) == given
    assert store.state.cases.decisions() == store.state.cases.of("lt") == [kept]
    assert store.state.cases.audit("lt")[0].detail == (
        "driven: dismissed; detector usb.kvm_identity; grade identity; cause kvm; about PiKVM; "
        "until 2026-12-01T00:00:00Z; our lab's KVM"
    )


def test_only_decisions_about_a_whole_claim_change_the_case(store):
    """A suppression of one detector and a note leave the case as it is, open where it is new."""
    cases = store.state.cases
    cases.add([dismissal(detector="usb.kvm_identity")])
    assert [case.state for case in cases.all()] == ["open"]
    cases.decide("lt", "driven", "confirmed", reason="seen", who="bo")
    cases.decide("lt", "driven", "note", reason="called the user", who="bo")
    cases.add([dismissal(cause="kvm")])
    assert [case.state for case in cases.all()] == ["confirmed"]


@pytest.mark.parametrize(
    ("claim", "state", "reason"),
    [("driving", "open", "x"), ("driven", "guilty", "x"), ("driven", "open", "x" * 10_001)],
)
def test_unknown_words_and_endless_reasons_are_refused(store, claim, state, reason):
    """Nothing is kept of them."""
    with pytest.raises(StoreError):
        store.state.cases.decide("lt", claim, state, reason=reason, who="ana")
    assert store.state.cases.decisions() == []


def test_several_decisions_are_added_together_or_not_at_all(store):
    """One that is refused keeps the others out."""
    with pytest.raises(StoreError):
        store.state.cases.add([dismissal("a"), dataclasses.replace(dismissal("b"), reason=" ")])
    assert store.state.cases.decisions() == []


def test_whoever_was_slower_is_told(store):
    """A decision made without knowing of another's is refused with who decided what; notes and other devices pass."""
    cases = store.state.cases
    seen = cases.last()
    cases.decide("lt", "driven", "note", reason="looking at it", who="bo")
    cases.decide("other", "driven", "confirmed", reason="seen", who="bo")
    cases.add([dismissal()], seen=seen)
    with pytest.raises(StoreError, match=r"ana was quicker: driven of lt dismissed at .* \(our lab's KVM\)"):
        cases.add([dataclasses.replace(dismissal(), state="confirmed", who="bo")], seen=seen)
    cases.add([dataclasses.replace(dismissal(), state="confirmed", who="bo")], seen=cases.last())
    assert [one.state for one in cases.of("lt")] == ["note", "dismissed", "confirmed"]


def test_of_two_analysts_at_the_same_moment_one_decides(store):
    """However their writes fall, exactly one decision made on the same view is kept."""
    cases = store.state.cases
    seen = cases.last()

    def decide(who: str) -> bool:
        try:
            cases.add([dataclasses.replace(dismissal(), who=who)], seen=seen)
        except StoreError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(decide, "abcdefgh")) == 1
    assert len(cases.of("lt")) == 1


def test_decisions_of_the_first_schema_still_hold(tmp_path, monkeypatch):
    """A file from before decisions had a scope is brought up to date and keeps every decision and case."""
    from farmwatch.store.state import State

    known = state_file.MIGRATIONS
    monkeypatch.setattr(state_file, "MIGRATIONS", known[:1])
    state = State(tmp_path / "state.sqlite")
    pepper = state.pepper()
    with sqlite3.connect(state.file.path) as old:
        old.execute("INSERT INTO cases VALUES ('lt', 'driven', 'dismissed', 't0', 't1')")
        old.execute(
            "INSERT INTO dispositions (device_id, claim, state, reason, who, ts) "
            "VALUES ('lt', 'driven', 'dismissed', 'help desk', 'ana', 't1')"
        )
    old.close()
    monkeypatch.setattr(state_file, "MIGRATIONS", known)
    assert state.cases.of("lt") == [Decision("lt", Claim.DRIVEN, "dismissed", "help desk", "ana", "t1", id=1)]
    assert [case.state for case in state.cases.all()] == ["dismissed"]
    state.cases.add([dismissal(covers=(Covered("a", "b", "c"),))])
    assert len(state.cases.of("lt")) == 2
    assert state.pepper() == pepper


def test_forgetting_removes_scoped_decisions(store):
    """Nothing that a decision holds about the device is left in the file."""
    cases = store.state.cases
    cases.add([dismissal("acme-0042", about="acme-0042", covers=(Covered("d", "g", "acme-0042"),), farm_id="f")])
    assert cases.forget("acme-0042") == {"cases": 1, "dispositions": 1, "audit": 1}
    assert b"acme-0042" not in store.state.file.path.read_bytes()
