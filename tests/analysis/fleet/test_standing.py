"""standings(): stored findings after decisions and with other weights; what a dismissal hides and what it does not."""

from __future__ import annotations

import dataclasses
import time

import pytest

from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS
from farmwatch.analysis.fleet.detectors.usb_kvm_identity import UsbKvmIdentity
from farmwatch.analysis.fleet.judging import silences, weigh_device
from farmwatch.analysis.fleet.standing import covered, standings
from farmwatch.analysis.fleet.weights import NO_WEIGHTS, Weights
from farmwatch.analysis.scoring import Calibration
from farmwatch.errors import AssessmentError
from farmwatch.records import CaseState, Claim, Decision, Family, Level
from tests.analysis.fleet.kept import declared, hit, hits, verdicts

KVM = hit()
TOOL = hit("tool.unattended", 15.0, grade="service", family=Family.NAMES, summary="AnyDesk waits for its owner")
CLOCK = hit("clock.habit", 3.0, grade="night", family=Family.TIMING)
FARM = hit("farm.site", 24.0, grade="tie", claim=Claim.FARM, family=Family.PLACE)
SITE = hit("site.gateway", 15.0, grade="shared", claim=Claim.FARM, family=Family.IDENTITY)
DETECTORS = [UsbKvmIdentity()]


def stand(found, decisions=(), *, weights=NO_WEIGHTS, prior=1e-4, **values):
    """Standings of findings by device."""
    numbered = [dataclasses.replace(one, id=number) for number, one in enumerate(decisions, 1)]
    return standings(
        verdicts(list(found), **values), hits(found), numbered, weights=weights, prior=prior, detectors=DETECTORS
    )


def decision(state="dismissed", *, device="lt", claim=Claim.DRIVEN, **values) -> Decision:
    """What somebody decided."""
    return Decision(device, claim, state, "because", "ana", "2026-03-10T08:00:00Z", **values)


def dismissal(*findings, **values) -> Decision:
    """A dismissal made when these were there."""
    return decision(covers=covered(findings), **values)


def test_without_decisions_it_is_the_verdict():
    """Levels, chain and findings as the assessment weighed them; devices without any are left out."""
    found = stand({"lt": [TOOL, KVM], "quiet": []}, unseen="usb.kvm_identity")
    assert list(found) == ["lt"]
    one = found["lt"]
    assert one.assessment.driven.level is Level.REVIEW
    assert one.assessment.driven.decibans == pytest.approx(-40 + 24 + 15, abs=0.1)
    assert [finding.detector for finding in one.findings] == ["usb.kvm_identity", "tool.unattended"]
    assert one.not_looked_at == ("usb.kvm_identity",)
    assert (one.state, one.states[Claim.DRIVEN], one.states[Claim.ABROAD]) == (
        CaseState.OPEN, CaseState.OPEN, CaseState.QUIET,
    )  # fmt: skip


def test_it_weighs_as_the_assessment_did():
    """Every claim, chain and sentence is what judging gives, with the silence of detectors that found nothing."""
    detectors = list(FLEET_DETECTORS)
    kvm = next(one for one in detectors if one.id == "usb.kvm_identity")
    grade = next(iter(kvm.grades))
    own = [hit(grade=grade), SITE]
    unseen = ",".join(one.id for one in detectors[::3] if one is not kvm)
    silent = [
        answer
        for one in detectors
        for answer in silences(one, blind=one.id in unseen.split(","))
        if (answer.detector, answer.claim) != ("usb.kvm_identity", Claim.DRIVEN)
    ]
    found = standings(
        verdicts(["lt"], unseen=unseen), hits({"lt": own}), [], weights=NO_WEIGHTS, prior=1e-4, detectors=detectors
    )
    assert found["lt"].assessment == weigh_device(own, silent, 1e-4, NO_WEIGHTS)


def test_a_dismissal_explains_what_was_there():
    """It acts at once on the stored result, and says which finding it explains."""
    one = stand({"lt": [TOOL, KVM]}, [dismissal(TOOL, KVM)])["lt"]
    assert one.assessment.driven.level is Level.CLEAR
    assert one.state is CaseState.DISMISSED
    assert one.findings == ()
    assert [(finding.detector, by.who) for finding, by in one.suppressed] == [
        ("usb.kvm_identity", "ana"), ("tool.unattended", "ana"),
    ]  # fmt: skip
    assert [by.state for by in one.decisions] == ["dismissed"]


def test_new_evidence_is_not_hidden():
    """Another detector, or another grade of the same, opens the case again even where it alone would not."""
    assert stand({"lt": [KVM, TOOL]}, [dismissal(KVM)])["lt"].state is CaseState.NEW_EVIDENCE
    other = hit(grade="structure", decibans=15.0)
    found = stand({"lt": [KVM, other, TOOL]}, [dismissal(KVM, TOOL)])["lt"]
    assert found.state is CaseState.NEW_EVIDENCE
    assert [one.grade for one in found.new] == ["structure"]
    # All of it is to be looked at again, so all of it counts, and the dismissal is still told.
    assert [one.grade for one in found.findings] == ["identity", "service", "structure"]
    assert (found.assessment.driven.level, found.suppressed) == (Level.REVIEW, ())
    assert [by.state for by in found.decisions] == ["dismissed"]


def test_new_evidence_does_not_undo_suppressions():
    """What a detector's suppression explains stays explained when another finding opens the case again."""
    decisions = [decision(cause="usb.kvm_identity"), dismissal(TOOL)]
    edid = hit("edid.kvm", 20.0, grade="x", family=Family.PLACE)
    found = stand({"lt": [KVM, TOOL, edid]}, decisions)["lt"]
    assert found.state is CaseState.NEW_EVIDENCE
    assert [one.detector for one in found.findings] == ["edid.kvm", "tool.unattended"]
    assert [one.detector for one, _ in found.suppressed] == ["usb.kvm_identity"]


def test_a_damaged_finding_is_an_error_of_the_store():
    """It is said what to do; nothing is shown as if it were whole."""
    table = hits({"lt": [KVM]})
    column = table.schema.get_field_index("document")
    for text in ("{", "{}", "[]", '{"detector": 1}'):
        broken = table.set_column(column, table.schema.field(column), [[text]])
        with pytest.raises(AssessmentError, match="farmwatch assess"):
            standings(verdicts(["lt"]), broken, [], weights=NO_WEIGHTS, prior=1e-4, detectors=DETECTORS)


def test_a_nudge_is_no_new_evidence():
    """A weak finding beside explained ones does not bring the case back every week."""
    assert stand({"lt": [KVM, TOOL, CLOCK]}, [dismissal(KVM, TOOL)])["lt"].state is CaseState.DISMISSED


def test_the_same_detector_naming_another_product_is_new_evidence():
    """Who explained AnyDesk did not explain TeamViewer; more days of AnyDesk are explained."""
    again = dataclasses.replace(TOOL, summary="AnyDesk waits for its owner on 6 days")
    assert stand({"lt": [KVM, again]}, [dismissal(KVM, TOOL)])["lt"].state is CaseState.DISMISSED
    other = dataclasses.replace(TOOL, summary="TeamViewer waits for its owner")
    assert stand({"lt": [KVM, other]}, [dismissal(KVM, TOOL)])["lt"].state is CaseState.NEW_EVIDENCE


def test_another_claim_is_not_dismissed():
    """Who explains the hand on the device says nothing about the farm."""
    found = stand({"lt": [KVM, TOOL, FARM, SITE]}, [dismissal(KVM, TOOL, FARM, SITE)], farms={"lt": "f1"})["lt"]
    assert found.states[Claim.DRIVEN] is CaseState.DISMISSED
    assert found.states[Claim.FARM] is CaseState.OPEN
    assert found.state is CaseState.OPEN


def test_what_explains_a_journey_explains_what_it_says_of_a_driven_device():
    """One cause, two claims: a declared journey takes both, and another sign of being abroad brings both back."""
    flap = hit("vpn.flap", 22.0, grade="abroad", claim=Claim.ABROAD, family=Family.PLACE, group="place")
    aside = hit("vpn.flap", 15.4, grade="driven_abroad", family=Family.PLACE, group="abroad")
    known = dismissal(flap, claim=Claim.ABROAD)
    one = stand({"lt": [flap, aside, KVM]}, [known])["lt"]
    assert [finding.detector for finding in one.findings] == ["usb.kvm_identity"]
    assert {finding.grade for finding, _ in one.suppressed} == {"abroad", "driven_abroad"}
    assert one.assessment.driven == stand({"lt": [KVM]})["lt"].assessment.driven
    sign_in = hit("place.sign_in", 24.0, grade="abroad_days", claim=Claim.ABROAD, family=Family.NAMES)
    again = stand({"lt": [flap, aside, KVM, sign_in]}, [known])["lt"]
    assert {finding.grade for finding in again.findings} >= {"abroad", "driven_abroad"}


def test_a_later_farm_is_new_evidence():
    """A dismissal of one farm does not explain that the device turns up in another."""
    given = dismissal(FARM, SITE, claim=Claim.FARM, farm_id="f1")
    assert stand({"lt": [FARM, SITE]}, [given], farms={"lt": "f1"})["lt"].state is CaseState.DISMISSED
    found = stand({"lt": [FARM, SITE]}, [given], farms={"lt": "f2"})["lt"]
    assert found.state is CaseState.NEW_EVIDENCE
    assert [one.detector for one in found.new] == ["farm.site"]


def test_confirm_marks_and_reopen_undoes():
    """A confirmed case keeps its findings; reopening brings back what was dismissed."""
    found = {"lt": [KVM, TOOL]}
    confirmed = stand(found, [dismissal(KVM, TOOL), decision("confirmed")])["lt"]
    assert (confirmed.state, confirmed.assessment.driven.level) == (CaseState.CONFIRMED, Level.REVIEW)
    opened = stand(found, [dismissal(KVM, TOOL), decision(detector="tool.unattended"), decision("open")])["lt"]
    assert (opened.state, opened.suppressed, opened.decisions) == (CaseState.OPEN, (), ())
    assert opened == stand(found)["lt"]


def test_a_note_changes_nothing():
    """It is told with the case, not in it."""
    assert stand({"lt": [KVM, TOOL]}, [decision("note")])["lt"] == stand({"lt": [KVM, TOOL]})["lt"]


def test_two_dismissals_explain_together():
    """New evidence that was dismissed later too leaves the first dismissal standing."""
    decisions = [dismissal(KVM), dismissal(TOOL)]
    assert stand({"lt": [KVM, TOOL]}, decisions)["lt"].state is CaseState.DISMISSED


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        ({"detector": "tool.unattended"}, ["usb.kvm_identity"]),
        ({"detector": "tool.unattended", "grade": "service"}, ["usb.kvm_identity"]),
        ({"detector": "tool.unattended", "grade": "log"}, ["usb.kvm_identity", "tool.unattended"]),
        ({"cause": "usb.kvm_identity"}, ["tool.unattended"]),
        ({"about": "anydesk"}, ["usb.kvm_identity"]),
        ({"about": "TeamViewer"}, ["usb.kvm_identity", "tool.unattended"]),
    ],
)
def test_suppressions_explain_what_fits_also_later(scope, left):
    """By detector, grade, cause or text; what does not fit still counts."""
    found = stand({"lt": [KVM, TOOL]}, [decision(**scope)])["lt"]
    assert [one.detector for one in found.findings] == left


def test_a_suppression_everywhere():
    """It holds for every device, is shown where it explains something, and a device may still be open."""
    found = stand(
        {"a": [KVM, TOOL], "b": [TOOL, hit("edid.kvm", 20.0, grade="x", family=Family.PLACE), KVM], "c": [CLOCK]},
        [decision(device="*", detector="tool.unattended")],
    )
    assert [one.state for one in found.values()] == [CaseState.DISMISSED, CaseState.OPEN, CaseState.QUIET]
    assert [len(one.decisions) for one in found.values()] == [1, 1, 0]
    opened = [decision(device="*", detector="tool.unattended"), decision("open", device="*")]
    assert stand({"a": [KVM, TOOL]}, opened)["a"].state is CaseState.OPEN


@pytest.mark.parametrize(("until", "state"), [("2026-03-09T00:00:01Z", "dismissed"), ("2026-03-09", "open")])
def test_a_dismissal_runs_out(until, state):
    """It holds in assessments that end before its date; then the case is open again."""
    found = stand({"lt": [KVM, TOOL]}, [dismissal(KVM, TOOL, until=until)])["lt"]
    assert found.state == state
    assert bool(found.decisions) is (state == "dismissed")


def test_a_declared_limit_is_dismissed_like_other_findings():
    """It weighs nothing and asks for a person until somebody explains it."""
    limit = declared()
    assert stand({"lt": [limit]})["lt"].state is CaseState.OPEN
    assert stand({"lt": [limit]}, [dismissal(limit)])["lt"].assessment.driven.level is Level.CLEAR
    assert stand({"lt": [KVM, limit]}, [dismissal(KVM)])["lt"].state is CaseState.NEW_EVIDENCE


def test_what_speaks_against_stays():
    """A dismissal explains findings for the claim, never those against it."""
    local = hit("input.local", -10.0, grade="hands", family=Family.TIMING)
    found = stand({"lt": [KVM, TOOL, local]}, [dismissal(KVM, TOOL, local)])["lt"]
    assert found.findings == (local,)


def test_other_weights_act_on_stored_results():
    """Weights, causes, calibration and prior are those given, whatever the assessment used."""
    key = ("tool.unattended", "service")
    found = {"lt": [KVM, TOOL]}
    lighter = stand(found, weights=Weights({key: 2.0}, "measured in a test"))["lt"]
    assert lighter.assessment.driven.decibans == pytest.approx(-14, abs=0.1)
    assert lighter.findings[1].weight_reason == "measured in a test"
    same = stand(found, weights=Weights(causes={key: "usb.kvm_identity"}))["lt"]
    assert same.assessment.driven.decibans == pytest.approx(-16, abs=0.1)
    measured = stand(found, weights=Weights(calibrations={Claim.DRIVEN: Calibration(0.5, 1.0)}))["lt"]
    chain = measured.assessment.driven
    assert chain.decibans == pytest.approx(-40 + 39 / 2 + 1, abs=0.1)
    assert chain.prior_decibans + sum(one.decibans for one in chain.weights if one.counted) == pytest.approx(
        chain.decibans
    )
    assert chain.weights[-1].detector == "calibration"
    assert stand(found, prior=0.01)["lt"].assessment.driven.level is Level.STRONG


def test_a_device_that_only_has_decisions_is_told():
    """A confirmed device that is quiet this week stays a case."""
    found = stand({"lt": []}, [decision("confirmed")])["lt"]
    assert (found.state, found.findings, found.assessment.driven.level) == (CaseState.CONFIRMED, (), Level.CLEAR)


def test_confirmed_devices_that_are_gone_stay():
    """The assessment does not have them; what people know of them is not lost. Other decisions are."""
    found = stand({}, [decision("confirmed"), decision("dismissed", device="other")])
    assert [(name, one.state, one.assessed) for name, one in found.items()] == [("lt", CaseState.CONFIRMED, False)]
    assert found["lt"].assessment.driven.level is Level.NOT_ENOUGH_DATA
    assert stand({}, [decision("confirmed"), decision("open")]) == {}


def test_what_is_confirmed_without_evidence_is_told_apart():
    """A claim that asks by its evidence is confirmed with it; others by people alone, with or without findings."""
    assert stand({"lt": [KVM, TOOL]}, [decision("confirmed")])["lt"].confirmed_alone == ()
    assert stand({"lt": [TOOL]}, [decision("confirmed")])["lt"].confirmed_alone == (Claim.DRIVEN,)
    assert stand({"lt": [TOOL]}, [])["lt"].confirmed_alone == ()


def test_cost_grows_with_hits_not_with_devices():
    """A hundred thousand devices of which one in twenty has findings take seconds."""
    devices = [f"lt-{number:06}" for number in range(100_000)]
    found = {device: [TOOL, KVM, CLOCK] for device in devices[::20]}
    decisions = [dismissal(TOOL, KVM, device=device) for device in devices[::200]]
    kept, listed = verdicts(devices), hits(found)
    begun = time.perf_counter()
    result = standings(kept, listed, decisions, weights=NO_WEIGHTS, prior=1e-4, detectors=DETECTORS)
    assert time.perf_counter() - begun < 10
    assert len(result) == 5_000
    assert sum(one.state is CaseState.DISMISSED for one in result.values()) == 500
