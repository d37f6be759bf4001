"""What a group shows: its line and places, things in common, moments, and its members' own hits against chance."""

from __future__ import annotations

from dataclasses import replace

import pytest

from farmwatch.analysis.fleet.cotiming import CUT, START, Together
from farmwatch.analysis.fleet.farm_candidates import Candidate, Shared
from farmwatch.analysis.fleet.farm_signs import Rates, shared_signs
from farmwatch.analysis.fleet.traits import TRAITS
from farmwatch.analysis.fleet.weights import NO_WEIGHTS, Weights
from farmwatch.records import Claim, Family, Outcome, Telling
from tests.analysis.fleet.fleets import fleet_of
from tests.analysis.fleet.kept import hit

KIND = {trait.name: number for number, trait in enumerate(TRAITS)}


def tie(name="gateway MAC", devices="abc", *, bits=15.0, line=False, value="f4:d4:88:01:02:03"):
    return Shared(KIND[name], value, bits, line, tuple(devices), 23, 29)


def group(ties=(), *, names="abc", days=7.0, cuts=None, starts=None, **values):
    """A group of people who live two hundred kilometres from each other, unless they are said not to."""
    people = {
        name: {"person": 100 + number, "household": None, "site": None, "place": None, "country": "US",
               "coarse": False, "latitude": 30.0 + 2 * number, "longitude": -100.0} | values
        for number, name in enumerate(names)
    }  # fmt: skip
    return Candidate(tuple(names), tuple(ties), tuple(names), days, people, cuts, starts)


def signs(candidate):
    with fleet_of([]) as fleet:
        return shared_signs(candidate, fleet)


def grades(candidate):
    """Detector -> grade, of the group's own signs."""
    return {sign.finding.detector: sign.finding.grade for sign in signs(candidate)}


# --- one line, and where people should be


def test_strangers_at_one_router():
    """A line that is sure, the address beside it, and homes beyond a commute; all for the claim of being a farm."""
    found = signs(group([tie()]))
    assert {sign.finding.detector: sign.finding.grade for sign in found} == {
        "farm.site": "3", "farm.address": "3", "farm.places": "3",
    }  # fmt: skip
    assert {sign.finding.claim for sign in found} == {Claim.FARM}
    assert {sign.devices for sign in found} == {frozenset("abc")}
    site = found[0].finding
    assert site.summary == (
        "3 laptops of 3 people with 3 declared places share gateway MAC f4:d4:88:…:03 on 7 days"
    )  # fmt: skip
    assert site.observed == "3 by gateway MAC f4:d4:88:…:03"
    assert site.telling == (Telling("sightings", "2026-03-02T00:00:00Z", "2026-03-08T23:59:59Z", 3),)


def test_an_address_is_a_line_only_where_it_was_shown_to_be_one():
    """A carrier puts strangers behind one address of the internet."""
    assert "farm.site" not in grades(group([tie("egress address", value="198.51.100.1")]))
    assert grades(group([tie("egress address", value="198.51.100.1", line=True)]))["farm.site"] == "3"


def test_the_roster_explains_a_household():
    """Three people of one household at one line show nothing; two households of them are two."""
    assert grades(group([tie()], household="h-1")) == {}
    couple = group([tie()])
    couple.people["a"]["household"] = couple.people["b"]["household"] = "h-1"
    assert grades(couple)["farm.site"] == "2"


@pytest.mark.parametrize(
    ("values", "detector"),
    [
        ({}, "farm.places"),
        ({"latitude": None, "longitude": None}, "farm.places_named"),
        ({"apart": 0.2}, "farm.places_near"),
        ({"latitude": 30.0}, None),
    ],
    ids=["far", "named", "near", "one place"],
)
def test_places_count_by_how_far_apart_they_are(values, detector):
    """The weightiest reading of where they should be, once; people of one declared place are no contradiction."""
    values = dict(values)
    apart = values.pop("apart", None)
    one = group([tie()], **values)
    for number, row in enumerate(one.people.values()):
        if apart is not None:
            row["latitude"] = 30.0 + apart * number
        if row["latitude"] is None:
            row["place"] = f"town {number}"
    found = {name for name in grades(one) if name.startswith("farm.places")}
    assert found == ({detector} if detector else set())


@pytest.mark.parametrize(("days", "less"), [(5.0, 0.0), (4.0, 9.0), (0.0, 9.0)])
def test_a_visit_weighs_less(days, less):
    """Some days together are a training or a hotel; the sign stays, with fewer decibans."""
    settled = {sign.finding.detector: sign.finding.decibans for sign in signs(group([tie()], days=30.0))}
    found = {sign.finding.detector: sign.finding.decibans for sign in signs(group([tie()], days=days))}
    assert found == {name: max(0.0, weight - less) for name, weight in settled.items()}


def test_two_of_a_group_at_one_line_are_two():
    """Members elsewhere are not counted with those who share the line."""
    found = signs(group([tie(devices="ab")], names="abcdef"))
    assert {sign.devices for sign in found} == {frozenset("ab")}
    assert {sign.finding.grade for sign in found} == {"2"}


# --- things in common


@pytest.mark.parametrize(
    ("name", "detector"),
    [
        ("remote-tool id of the far end", "farm.control"),
        ("address of the far end", "farm.control"),
        ("second factor", "farm.factor"),
        ("device token", "farm.token"),
        ("USB serial", "farm.hardware"),
        ("monitor serial", "farm.hardware"),
    ],
)
def test_each_thing_in_common_is_a_sign_where_it_is_sure(name, detector):
    """One that may be a model's number, or a far end that came once while somebody was there, is none."""
    assert grades(group([tie(name, value="value 1", bits=8.0)])) == {detector: "3"}
    assert grades(group([tie(name, value="value 1", bits=7.9)])) == {}


def test_the_largest_set_that_values_tie_together():
    """Two keyboards that went through overlapping laptops tie three; a pair apart from them is not added."""
    ties = [tie("USB serial", pair, value=f"kb {pair}") for pair in ("ab", "bc", "de")]
    [sign] = signs(group(ties, names="abcde"))
    assert sign.devices == frozenset("abc")
    assert sign.finding.grade == "3"
    assert sign.finding.observed == "USB serial kb ab; USB serial kb bc"
    assert sign.finding.telling[0].table == "usb_devices"


def test_one_meeting_is_a_meeting_and_two_are_a_habit():
    """Colleagues join one long meeting in the same minute by chance."""
    name = "long meeting joined in the same minute"
    one, two = tie(name, value="m1", bits=3.0), tie(name, value="m2", bits=3.0)
    assert grades(group([one])) == {}
    assert grades(group([one, two])) == {"farm.meeting": "3"}


def test_what_one_person_shares_with_themselves_is_nothing():
    """A person's two laptops have one phone and one keyboard, at one home."""
    ties = [tie(), tie("second factor", value="x" * 9), tie("USB serial", value="kb 1")]
    assert grades(group(ties, person=7, latitude=30.0)) == {}


# --- moments


@pytest.mark.parametrize(
    ("cut", "expected"),
    [((3, 20.0), {"farm.cuts": "3"}), ((5, 90.0), {"farm.cuts": "5"}), ((3, 19.9), {}), ((1, 90.0), {})],
)
def test_cuts_in_the_same_minutes(cut, expected):
    """Graded by how many were cut off at once, where chance does not explain it; one device is no group."""
    most, decibans = cut
    assert grades(group(cuts=Together(CUT, 1, most, 180, decibans, 0, 0))) == expected


@pytest.mark.parametrize(
    ("start", "expected"),
    [((3, 30.0), "sometimes"), ((3, 60.0), "often"), ((3, 29.9), None), ((2, 90.0), None)],
)
def test_starts_in_the_same_minutes(start, expected):
    """In three hours at least: one may be a patch."""
    times, decibans = start
    found = grades(group(starts=Together(START, times, 3, 60, decibans, 0, 9)))
    assert found == ({"farm.starts": expected} if expected else {})


def test_a_household_may_start_its_day_together():
    """Moments tie several households only."""
    together = {"cuts": Together(CUT, 1, 3, 180, 90.0, 0, 0), "starts": Together(START, 9, 3, 60, 90.0, 0, 9)}
    assert set(grades(group(**together))) == {"farm.cuts", "farm.starts"}
    assert grades(group(household="h-1", **together)) == {}


# --- members' own hits against the fleet


def own(shown, *, devices=10_000, others=0, members="abcde", finding=None, weights=NO_WEIGHTS, without=None):
    """Signs of a group of which some members show a finding, in a fleet where so many others do."""
    finding = finding or hit()
    hits = {name: [finding] for name in shown} | {f"other-{number}": [finding] for number in range(others)}
    return Rates(hits, devices, weights).signs(list(members), without=without)


def test_a_rare_sign_on_all_members_weighs_as_on_one_and_again():
    """Its own weight for the claim of being a farm, and the repetition by itself; neither is conclusive."""
    one, again = own("abcde", finding=hit(conclusive=True))
    assert (one.claim, one.detector, one.grade) == (Claim.FARM, "farm.signs", "usb.kvm_identity: identity")
    assert one.decibans == 24.0
    assert not one.conclusive
    assert one.summary.startswith("5 of 5 laptops: ")
    assert again.decibans == 12.0
    assert (one.group, again.group) == ("usb.kvm_identity", "usb.kvm_identity, again")
    assert "which is rare: one in " in again.summary


def test_what_every_second_laptop_shows_says_nothing_of_a_group():
    """Chance would put as much on any group of that size."""
    assert own("abc", others=5000) == []


def test_a_sign_on_few_of_many_members_weighs_less():
    """A farm is worked in one way, so one KVM among ten laptops speaks less than one among two."""
    weights = [own("a", members=members)[0].decibans for members in ("ab", "abcdefghij")]
    assert weights[0] - weights[1] > 6
    assert weights[0] == pytest.approx(24.0 - 3.01, abs=0.01)


def test_a_nudge_on_a_member_is_left_out():
    """Something small is on some of any group's devices."""
    assert own("abcde", finding=hit(decibans=4.0))[0].decibans == 4.0
    assert own("abcde", finding=hit(decibans=3.9)) == []


def test_in_a_small_fleet_nothing_is_rare():
    """Ten laptops cannot tell how often others show a sign; a guess takes their place, and no number is said."""
    found = own("ab", members="ab", devices=10)
    assert found
    assert not any("one in" in one.summary for one in found)


def test_what_speaks_against_speaks_by_its_share():
    """A local hand on one of five takes a fifth of its weight."""
    [one] = own("a", finding=hit("input.hand", -10.0, grade="local"))
    assert one.decibans == -2.0
    assert one.claim is Claim.FARM


def test_one_fact_on_several_is_no_second_fact():
    """A keyboard that two laptops had is on two by its nature."""
    assert len(own("abcde", finding=hit(group="shared hardware"))) == 1
    assert len(own("abcde", finding=hit(group="tool"))) == 2


def test_a_member_is_judged_by_the_others():
    """Nobody's own hit counts twice: left out, it is not among the signs."""
    assert own("a", without="a") == []
    assert own("ab", without="a")[0].summary.startswith("1 of 4 laptops: ")


def test_only_hits_about_the_device_count():
    """Being abroad is another claim, and a clear answer none."""
    assert own("abcde", finding=hit(claim=Claim.ABROAD)) == []
    assert own("abcde", finding=replace(hit(), outcome=Outcome.CLEAR)) == []
    assert own("") == []


def test_measured_weights_hold_here_too():
    """What calibration measured takes the detector's number's place."""
    measured = Weights({("usb.kvm_identity", "identity"): 7.0}, "measured")
    assert own("abcde", weights=measured)[0].decibans == 7.0


def test_the_heaviest_of_members_is_shown_with_whose_it_is():
    """Proof names the device it is of, since the group has several."""
    proof = (Telling("usb_devices"),)
    hits = {"a": [hit(decibans=6.0)], "b": [hit(decibans=20.0, summary="heavier", telling=proof)]}
    one = Rates(hits, 10_000, NO_WEIGHTS).signs(["a", "b"])[0]
    assert one.summary == "2 of 2 laptops: heavier"
    assert one.decibans == 20.0


def test_a_place_of_a_member_is_the_declared_places_cause():
    """Where each should be is told by the group's places already, so it does not count beside them."""
    assert own("abcde", finding=hit("place.device", family=Family.PLACE))[0].group == "declared place"
    at_site = hit("site.many", family=Family.PLACE, claim=Claim.FARM, group="site")
    assert own("abcde", finding=at_site)[0].group == "site"


def test_devices_with_findings_are_told():
    """Those that make a group of two worth a look: with any finding at all."""
    assert set(Rates({"a": [hit()], "b": []}, 2, NO_WEIGHTS).devices) >= {"a"}
