"""The document: what stands where, and what it is compared with."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from farmwatch.records import Claim, Level
from farmwatch.records.morning import Change
from farmwatch.records.standing import CaseState
from farmwatch.reports.morning import csv, html, saying, text
from farmwatch.reports.morning.building import build
from tests.reports.morning import fleet_rows as fr


def of(cases, device):
    (found,) = [case for case in cases if case.device_id == device]
    return found


def test_everything_stands_in_its_section(morning):
    """Every device that was set up so is where a reader looks for it, and nowhere else."""
    news = {case.device_id: case.change for case in morning.new_or_worse}
    assert news == {"lap-00000": "new", "lap-00001": "worse", fr.HOSTILE: "new", **dict.fromkeys(fr.FARM, "new")}
    assert [case.device_id for case in morning.still_open] == ["lap-00002", "lap-00003"]
    assert {one.device_id: one.change for one in morning.cleared} == {
        "lap-00004": Change.CLEARED,
        "lap-00006": Change.GONE,
    }
    assert [one.device_id for one in morning.explained] == ["lap-00005"]


def test_what_asks_most_comes_first(morning):
    """Strong before review, then the heavier."""
    levels = [case.level for case in morning.new_or_worse]
    assert levels == sorted(levels, key=[Level.STRONG, Level.REVIEW].index)
    assert morning.new_or_worse[0].device_id == "lap-00000"
    assert morning.first.startswith("Start with lap-00000: strong, new. First step: ask for a photograph")


def test_a_case_says_why_and_what_to_do(morning):
    """The heaviest finding of each cause, innocent readings, steps of what carries it, the user last, then decide."""
    case = of(morning.new_or_worse, "lap-00000")
    assert [finding.detector for finding in case.why] == [
        "usb.kvm_identity",
        "place.sign_in",
        "remote.two_tools",
        "input.clumps",
    ]
    assert case.benign
    assert case.next_steps[0] == fr.CHECKS["usb.kvm_identity"]
    assert case.next_steps[-2] == fr.CHECKS["remote.two_tools"]
    assert case.next_steps[-1].startswith("write down what you decide")
    assert case.commands[1] == "farmwatch case confirm lap-00000 --reason '…'"


def test_steps_are_of_findings_that_count():
    """A weaker finding of a cause that is counted already sends nobody anywhere."""
    stands = {"a": fr.standing("a", fr.KVM, fr.TOOLS, fr.finding("edid.kvm", 9.0))}
    (case,) = build(fr.rows(["a"], stands), stands, None, {}, fr.fleet(20, farm=False)[4]).new_or_worse
    assert fr.CHECKS["usb.kvm_identity"] in case.next_steps
    assert fr.CHECKS["edid.kvm"] not in case.next_steps


def test_no_command_for_names_that_cannot_be_typed(morning):
    """A command to be copied must be the command that was meant."""
    assert of(morning.new_or_worse, fr.HOSTILE).commands == ()


def test_words_of_commands_are_quoted():
    """A name with a shell's own characters stays one word."""
    kept = fr.rows(["a; rm b"], {"a; rm b": fr.standing("a; rm b", fr.KVM, fr.TOOLS)})
    made = build(kept, {"a; rm b": fr.standing("a; rm b", fr.KVM, fr.TOOLS)}, None, {}, fr.fleet(20, farm=False)[4])
    assert made.new_or_worse[0].commands[0] == "farmwatch case show 'a; rm b'"


def test_since_is_the_first_assessment_in_a_row(morning):
    """As the caller found it; a new device asks since now."""
    assert of(morning.still_open, "lap-00002").since == "2026-02-27T06:00:00Z"
    assert of(morning.new_or_worse, "lap-00000").since == "2026-03-09T06:00:00Z"


def test_cleared_says_what_is_gone(morning):
    """Not only that, but why: the findings that are not there any more."""
    why = {one.device_id: one.why for one in morning.cleared}
    assert "not found any more: a USB device names itself PiKVM" in why["lap-00004"]
    assert "that clears nothing" in why["lap-00006"]


def test_explained_has_who_and_why(morning):
    """A decision stands with its person and reason."""
    (one,) = morning.explained
    assert (one.decisions[0].who, one.decisions[0].reason) == ("ann", "ticket 4711: the help desk installed it")
    assert len(one.findings) == 2


def test_decision_about_one_claim_leaves_others_asking():
    """A dismissed claim does not hide a device that asks for another reason; it stands in both places."""
    device = "lap-1"
    given = fr.decision(device)
    stands = {device: fr.standing(device, fr.TRAVEL, fr.OFFSET, suppressed=((fr.KVM, given),), decisions=(given,))}
    made = build(fr.rows([device], stands), stands, None, {}, fr.fleet(20, farm=False)[4])
    assert [case.device_id for case in made.new_or_worse] == [device]
    assert made.new_or_worse[0].explained[0].decision == given
    assert made.explained[0].now_asking


def test_new_evidence_after_a_dismissal_asks_again():
    """Alone it would not ask; with what was explained it does, and the reader is told so."""
    device = "lap-1"
    given = fr.decision(device)
    stands = {
        device: fr.standing(
            device, fr.CLUMPS, suppressed=((fr.KVM, given),), decisions=(given,),
            states={Claim.DRIVEN: CaseState.NEW_EVIDENCE},
        )
    }  # fmt: skip
    kept = fr.rows([device], stands)
    quiet = {device: fr.standing(device, suppressed=((fr.KVM, given),), states={Claim.DRIVEN: CaseState.DISMISSED})}
    made = build(kept, stands, fr.rows([device], quiet), quiet, fr.fleet(20, farm=False)[4])
    (case,) = made.new_or_worse
    assert (case.change, case.level) == (Change.NEW, Level.REVIEW)
    assert case.changed == "new evidence after somebody dismissed it"
    assert "asks for a person again" in case.verdict
    assert made.explained[0].now_asking


def test_decisions_that_change_nothing_are_not_listed():
    """A rule for all devices that takes a nudge off thousands of them is no news about any."""
    given = fr.decision("*", detector="input.clumps")
    states = dict.fromkeys(Claim, CaseState.QUIET)
    stands = {"a": fr.standing("a", suppressed=((fr.CLUMPS, given),), decisions=(given,), states=states)}
    made = build(fr.rows(["a"], stands), stands, None, {}, fr.fleet(20, farm=False)[4])
    assert made.explained == ()
    assert made.devices[0].change is Change.NONE


def test_farms_have_members_ties_places_and_site(morning):
    """All of a farm is in one place of the report."""
    (farm,) = morning.farms
    assert farm.devices == tuple(fr.FARM)
    assert [tie.attribute for tie in farm.ties] == ["gateway MAC", "Wi-Fi network", "outage"]
    assert farm.ties[0].devices == tuple(fr.FARM)
    assert {place.name for place in farm.places} == {name for name, _, _ in fr.PLACES}
    assert farm.site is not None
    assert farm.change is Change.NEW
    assert farm.next_steps


def test_homes_of_one_town_are_one_place():
    """Drawn once, to a tenth of a degree; a town of the same name elsewhere is another."""
    here, now, there, then, background = fr.fleet(200)
    places = {
        fr.FARM[0]: ("Springfield", 39.801, -89.644), fr.FARM[1]: ("Springfield", 39.79, -89.65),
        fr.FARM[2]: ("Springfield", 42.1, -72.59),
    }  # fmt: skip
    (farm,) = build(here, now, there, then, replace(background, places=places)).farms
    assert [(one.latitude, one.longitude, len(one.devices)) for one in farm.places] == [
        (39.8, -89.6, 2),
        (42.1, -72.6, 1),
    ]


def test_a_farm_that_grows_is_worse():
    """One more member is news even at the same level."""
    names = [f"lap-{number}" for number in range(8)]
    background = fr.fleet(20, farm=False)[4]

    def kept(count, **options):
        stands = {name: fr.standing(name, fr.SHARED, fr.TOOLS, farm_id="f") for name in names[:count]}
        tie = [("gateway MAC", "aa", 18.0), ("outage", "3", 9.0)]
        return fr.rows(names, stands, farms={"f": ("share", names[:count], tie)}, **options), stands

    before, now = kept(5, until=fr.UNTIL.replace(day=8)), kept(6)
    made = build(*now, *before, background)
    assert made.farms[0].change is Change.WORSE
    assert made.farms[0].changed == "grew from 5 to 6 devices"


def test_coverage_names_who_was_not_looked_at(morning):
    """Devices without telemetry by name, the largest gaps, every detector with its reasons."""
    assert morning.coverage.unseen == ("lap-00297", "lap-00298", "lap-00299")
    assert morning.coverage.gaps[0].missing == ("input timing", "remote desktop logons")
    looked = [one.looked_at for one in morning.coverage.detectors]
    assert looked == sorted(looked)
    assert {one.detector for one in morning.coverage.detectors} == {*fr.DETECTORS, "captures"}


def test_an_agent_that_fell_silent_is_not_cleared():
    """Unplugging a laptop, or losing the feed that showed it, is no answer; what was not seen again is named."""
    before = {name: fr.standing(name, fr.KVM, fr.TOOLS) for name in ("dark", "half", "fine")}
    kept = fr.rows([*before], {}, unseen=frozenset({"dark"}), partial=frozenset({"half"}))
    before["half"] = fr.standing("half", fr.finding("input.clumps", 15.0, "keys come in clumps"), fr.KVM, fr.TOOLS)
    made = build(kept, {}, fr.rows([*before], before), before, fr.fleet(20, farm=False)[4])
    told = {one.device_id: one for one in made.cleared}
    assert {name: one.change for name, one in told.items()} == {
        "dark": Change.UNSEEN, "half": Change.UNSEEN, "fine": Change.CLEARED,
    }  # fmt: skip
    assert "input timing" in told["half"].why
    assert "clears nothing" in told["half"].why
    assert "not found any more" in told["fine"].why


@pytest.mark.parametrize("dark", [frozenset(), frozenset({"b"})])
def test_a_farm_of_which_a_laptop_fell_silent_is_not_cleared(dark):
    """Its ties rest on all members: unplugging one of them answers nothing about the others."""
    tie = replace(
        fr.finding("usb.kvm_identity", 24.0, "3 laptops share a line"), detector="farm.site", claim=Claim.FARM
    )
    before = {name: fr.standing(name, tie, fr.KVM, fr.TOOLS) for name in "abc"}
    then = fr.rows([*before], before, farms={"F-1": ("3 laptops", [*before], [])})
    made = build(fr.rows([*before], {}, unseen=dark), {}, then, before, fr.fleet(20, farm=False)[4])
    expected = Change.UNSEEN if dark else Change.CLEARED
    assert {one.device_id: one.change for one in made.cleared} == dict.fromkeys("abc", expected)


def test_counts_add_up(morning):
    """Every device is counted once by what became of it and once by its level; those gone were not assessed."""
    changes = sum(morning.counts[change] for change in Change if change is not Change.GONE)
    assert changes == sum(morning.counts[level] for level in Level) == len(morning.devices) == morning.run.devices


def test_a_first_report_says_so():
    """Nothing to compare with: everything is new, nothing cleared."""
    here, now, _, _, background = fr.fleet(20, farm=False)
    made = build(here, now, None, {}, background)
    assert made.before is None
    assert {case.changed for case in made.new_or_worse} == {
        "the first assessment that is kept; nothing earlier to compare with",
    }
    assert made.cleared == ()


def test_quiet_mornings_say_so():
    """Nothing new: the oldest open case; nothing at all: that; hardly anything looked at: that before all."""
    _, now, _, _, background = fr.fleet(40, farm=False)
    names = [f"lap-{number:05d}" for number in range(40)]
    open_only = {name: now[name] for name in ("lap-00002", "lap-00003")}
    kept = fr.rows(names, open_only)
    assert build(kept, open_only, kept, open_only, background).first == (
        "Nothing new needs a person; 2 devices are still open, longest lap-00002, since 27 Feb 2026."
    )
    nothing = fr.rows(names, {})
    assert build(nothing, {}, nothing, {}, background).first == "Nothing new needs a person."
    assert build(nothing, {}, None, {}, background).first == "Nothing needs a person."
    blind = fr.rows(names, {}, unseen=frozenset(names[:30]))
    assert build(blind, {}, nothing, {}, background).first.startswith("Get telemetry first: 30 of 40 devices")


def test_a_new_farm_comes_first_where_no_strong_device_stands_before_it():
    """Seven devices in one place are one matter."""
    _, now, there, then, background = fr.fleet(200)
    for name in ("lap-00000", "lap-00001"):
        now.pop(name)
    kept = fr.rows(
        [f"lap-{number:05d}" for number in range(200)],
        now,
        farms={"f": ("share", fr.FARM, [("a", "b", 20.0), ("c", "d", 20.0)])},
    )
    made = build(kept, now, there, then, background)
    assert made.first.startswith("Start with farm f, new, ")


def test_order_of_rows_does_not_matter():
    """The store's rows come in any order; the report is the same."""
    here, now, there, then, background = fr.fleet(300)
    shuffled = replace(
        here,
        **{
            name: getattr(here, name).take(
                random.Random(4).sample(range(getattr(here, name).num_rows), getattr(here, name).num_rows)
            )
            for name in ("verdicts", "hits", "farms", "members")
        },
    )
    turned = dict(sorted(now.items(), reverse=True))
    assert build(shuffled, turned, there, then, background) == build(here, now, there, then, background)


@pytest.mark.parametrize("claim", list(Claim))
def test_verdicts_without_their_findings_are_still_told(claim):
    """Hits that cannot be read any more do not make a case disappear."""
    here, *_, background = fr.fleet(20, farm=False)
    made = build(here, {}, None, {}, background)
    assert {case.device_id for case in made.new_or_worse} >= {"lap-00000", "lap-00002"}
    assert getattr(made.new_or_worse[0].assessment, str(claim)).level in set(Level)


OUTSIDE = "confirmed by a person; farmwatch's own evidence does not show it"


def test_what_people_know_is_never_told_as_found():
    """A section of its own, in every format; the device is in no list of what evidence asks for."""
    states = {Claim.DRIVEN: CaseState.CONFIRMED}
    told = (fr.decision("quiet", state="confirmed"), fr.decision("gone", state="confirmed"))
    stands = {
        "a": fr.standing("a", fr.KVM, fr.TOOLS, states=states, decisions=(fr.decision("a", state="confirmed"),)),
        "gone": fr.standing("gone", states=states, decisions=told[1:], assessed=False),
        "quiet": fr.standing("quiet", states=states, decisions=told[:1]),
    }
    kept = fr.rows(["a", "quiet"], stands)
    made = build(kept, stands, None, {}, fr.fleet(20, farm=False)[4])
    assert [(one.device_id, one.level is None, one.claims) for one in made.confirmed_alone] == [
        ("gone", True, (Claim.DRIVEN,)), ("quiet", False, (Claim.DRIVEN,)),
    ]  # fmt: skip
    assert [case.device_id for case in (*made.new_or_worse, *made.still_open)] == ["a"]
    assert made.counts[Change.NEW] + made.counts[Change.OPEN] == 1
    flat = " ".join(text.render(made).split())
    assert "CONFIRMED BY SOMEBODY, NOT SHOWN BY EVIDENCE (2)" in flat
    assert f"gone (not in this assessment): {OUTSIDE} (driven by ann on 8 Mar 2026" in flat
    assert "not shown by evidence" in html.render(made)
    lines = {line.split(",")[0]: line for line in csv.render(made).splitlines()}
    assert OUTSIDE in lines["quiet"]
    assert OUTSIDE in lines["gone"]
    assert OUTSIDE not in lines["a"]


def test_a_case_tells_claims_that_evidence_does_not_show():
    """Of a device that asks for one claim and is confirmed in another."""
    both = (fr.decision("a", state="confirmed"), fr.decision("a", Claim.FARM, state="confirmed"))
    stands = {"a": fr.standing("a", fr.KVM, fr.TOOLS, decisions=both)}
    made = build(fr.rows(["a"], stands), stands, None, {}, fr.fleet(20, farm=False)[4])
    driven, farm = saying.confirmed(made.still_open[0]).split("; confirmed by a person")
    assert driven.startswith("confirmed by ann")
    assert "(farm by ann on 8 Mar 2026" in farm


def test_a_confirmed_device_says_who_confirmed_it_and_what_to_do(morning):
    """Retrieve and preserve come first; there is nothing left to confirm."""
    case = of(morning.still_open, "lap-00003")
    assert saying.confirmed(case) == "confirmed by ann on 8 Mar 2026: ticket 4711: the help desk installed it"
    assert case.next_steps[:2] == saying.FOLLOW_UP
    assert "retrieved" in case.next_steps[0]
    assert "preserve" in case.next_steps[1]
    assert not any("case confirm" in command for command in case.commands)
    assert saying.confirmed(of(morning.still_open, "lap-00002")) == ""


@pytest.mark.parametrize(
    ("count", "said"), [(1, "7 devices, 1 of them explained"), (7, "7 devices, all of them explained")]
)
def test_a_farm_says_which_of_its_devices_are_explained(count, said):
    """One explained member is told with the farm, and the others can be dismissed with it; all explained ends it."""
    here, now, there, then, background = fr.fleet(200)
    for device in fr.FARM[:count]:
        given = fr.decision(device, Claim.FARM)
        now[device] = fr.standing(device, suppressed=((fr.SHARED, given),), decisions=(given,), farm_id="farm-3f2a91")
    made = build(here, now, there, then, replace(background, store="/srv/my store"))
    (farm,) = made.farms
    assert farm.explained == tuple(fr.FARM[:count])
    assert saying.farm_members(farm).startswith(said)
    if count == 1:
        assert farm.commands == (
            f"farmwatch case dismiss {fr.FARM[0]} --with farm --reason '…' --store '/srv/my store'",
        )
    else:
        assert (farm.change, farm.next_steps, farm.commands) == (Change.EXPLAINED, (), ())


def test_commands_name_a_store_that_is_not_the_usual_one():
    """Copied as they are, they write the decision where the report was read."""
    here, now, there, then, background = fr.fleet(200)
    made = build(here, now, there, then, replace(background, store="s3://b/farm"))
    assert made.new_or_worse[0].commands[0] == "farmwatch case show lap-00000 --store s3://b/farm"
