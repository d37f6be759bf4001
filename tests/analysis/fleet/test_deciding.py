"""decisions_for(): which claims are meant, what a dismissal covers, and what would say nothing."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.deciding import UndecidableError, decisions_for
from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS
from farmwatch.analysis.fleet.standing import standings
from farmwatch.analysis.fleet.weights import NO_WEIGHTS
from farmwatch.records import Claim, Decision, Family
from tests.analysis.fleet.kept import hit, hits, verdicts

KVM = hit(group="kvm")
TOOL = hit("tool.seen", 15.0, grade="log", family=Family.NAMES, summary="AnyDesk was used")
FAR = hit("place.far", 6.0, grade="once", claim=Claim.ABROAD, family=Family.PLACE)


def draft(state="dismissed", device="lt", **values) -> Decision:
    """What an analyst says."""
    return Decision(device, Claim.DRIVEN, state, "because", "ana", "", **values)


def standing(*found, decisions=()):
    """How a device with these findings stands."""
    return standings(
        verdicts(["lt"], farms={"lt": "f1"}), hits({"lt": list(found)}), decisions, weights=NO_WEIGHTS, prior=1e-4,
        detectors=[],
    )["lt"]  # fmt: skip


def meant(given, at, **values) -> list[str]:
    """Claims decided about."""
    return [str(one.claim) for one in decisions_for(given, at, detectors=FLEET_DETECTORS, **values)]


def test_the_claims_that_ask_are_meant():
    """Else those that something was found for; named ones always."""
    assert meant(draft(), standing(KVM, TOOL, FAR)) == ["driven"]
    assert meant(draft(), standing(TOOL, FAR)) == ["driven", "abroad"]
    assert meant(draft(), standing(KVM, TOOL, FAR), claims=[Claim.ABROAD]) == ["abroad"]
    assert meant(draft("confirmed"), standing(FAR)) == ["abroad"]
    assert meant(draft("note"), standing(TOOL, FAR)) == ["driven"]


def test_a_dismissal_covers_what_there_is_with_its_products_and_farm():
    """Of its claim alone; what was explained before included."""
    first = decisions_for(draft(), standing(KVM, TOOL, FAR))[0]
    assert [(one.detector, one.grade, one.cause, one.names) for one in first.covers] == [
        ("tool.seen", "log", "tool.seen", ("anydesk",)), ("usb.kvm_identity", "identity", "kvm", ()),
    ]  # fmt: skip
    assert first.farm_id == "f1"
    again = decisions_for(draft(), standing(KVM, TOOL, FAR, decisions=[first]), claims=[Claim.DRIVEN])[0]
    assert again.covers == first.covers


def test_a_suppression_means_the_claims_of_what_fits():
    """Of findings there, else of the detector's grades; it covers nothing by itself."""
    made = decisions_for(draft(cause="kvm"), standing(KVM, FAR), detectors=FLEET_DETECTORS)
    assert [(one.claim, one.cause, one.covers) for one in made] == [(Claim.DRIVEN, "kvm", ())]
    assert meant(draft(detector="usb.kvm_identity"), standing(FAR)) == ["driven"]
    assert meant(draft(device="*", about="Dell"), None) == ["driven", "abroad", "farm"]


def test_what_would_say_nothing_is_refused():
    """Nothing to dismiss, nothing that fits, nothing to reopen."""
    with pytest.raises(UndecidableError, match="nothing speaks for farm"):
        decisions_for(draft(), standing(KVM), claims=[Claim.FARM])
    with pytest.raises(UndecidableError, match="name the claim"):
        decisions_for(draft(about="TeamViewer"), standing(TOOL))
    with pytest.raises(UndecidableError, match="nothing was decided"):
        decisions_for(draft("open"), standing(TOOL))
    everywhere = Decision("*", Claim.DRIVEN, "dismissed", "x", "bo", "t", id=1, about="AnyDesk")
    with pytest.raises(UndecidableError, match="what holds for every device") as refused:
        decisions_for(draft("open"), standing(TOOL, decisions=[everywhere]))
    assert refused.value.instead[:2] == ("reopen", "*")


@pytest.mark.parametrize(
    ("claims", "confirmed"), [((), "driven"), ((Claim.DRIVEN,), "driven"), ((Claim.FARM,), "farm")]
)
def test_what_no_evidence_shows_may_be_confirmed(claims, confirmed):
    """Proof from outside tells what was missed; without a claim it is about being driven."""
    assert meant(draft("confirmed"), standing(FAR) if claims else None, claims=claims) == [confirmed]


def test_what_a_person_knows_is_taken_back_by_reopening():
    """There is no evidence to dismiss; the error names the way."""
    held = [Decision("lt", Claim.FARM, "confirmed", "raid", "bo", "t", id=1)]
    at = standing(FAR, decisions=held)
    with pytest.raises(UndecidableError, match="a person who confirmed it") as refused:
        decisions_for(draft(), at, claims=[Claim.FARM])
    assert refused.value.instead[:4] == ("reopen", "lt", "--claim", "farm")
    assert meant(draft("open"), at) == ["farm"]


def test_beside_another_device_only_what_asks_is_meant():
    """What is clear stays as it is, even where it is named; so does what somebody confirmed."""
    assert meant(draft(), standing(KVM, TOOL, FAR), beside=True) == ["driven"]
    assert meant(draft(), standing(KVM, TOOL, FAR), beside=True, claims=[Claim.ABROAD]) == []
    assert meant(draft(), standing(TOOL, FAR), beside=True) == []
    assert meant(draft(cause="kvm"), standing(KVM, TOOL), beside=True) == ["driven"]
    held = [Decision("lt", Claim.DRIVEN, "confirmed", "x", "bo", "t", id=1)]
    assert meant(draft(), standing(KVM, TOOL, decisions=held), beside=True) == []


def test_reopening_means_what_holds():
    """The claims of which decisions hold; of every device, all."""
    held = [Decision("lt", Claim.ABROAD, "confirmed", "x", "bo", "t", id=1)]
    assert meant(draft("open"), standing(TOOL, decisions=held)) == ["abroad"]
    assert meant(draft("open", device="*"), None) == ["driven", "abroad", "farm"]
