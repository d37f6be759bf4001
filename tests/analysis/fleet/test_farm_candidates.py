"""Groups worth a look, with their ties as telemetry has them and the words people are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from farmwatch.analysis.fleet.cotiming import CUT, START, Together, make_events, make_timed
from farmwatch.analysis.fleet.declared import Declared
from farmwatch.analysis.fleet.farm_candidates import (
    Candidate,
    Shared,
    candidates_of,
    declared_at,
    people_of,
    shown,
    summary_of,
)
from farmwatch.analysis.fleet.linking import link, make_pairs
from farmwatch.analysis.fleet.traits import TRAITS, make_links
from farmwatch.records import RemoteToolLog
from tests.analysis.fleet.farm_rows import at_home, crowd, farm, line, mac, seen
from tests.analysis.fleet.fleets import at, fleet_of

KIND = {trait.name: number for number, trait in enumerate(TRAITS)}


def found(rows, *, showing=()) -> list[Candidate]:
    with fleet_of(rows) as fleet:
        make_links(fleet)
        make_events(fleet)
        make_timed(fleet)
        make_pairs(fleet)
        return list(candidates_of(fleet, link(fleet), showing))


def tie(name="gateway MAC", value="f4:d4:88:01:02:03", devices=("a", "b", "c"), bits=15.0):
    return Shared(KIND[name], value, bits, False, tuple(devices), 20, 26)


def person(number, **values):
    """A roster row as candidates hold it: each at a home of its own, far from the others."""
    given = {"person": 100 + number, "household": None, "site": None, "place": None, "country": "US", "coarse": False,
             "latitude": 30.0 + 2 * number, "longitude": -100.0}  # fmt: skip
    return given | values


def group(ties=(), *, names="abc", cuts=None, starts=None, **values):
    people = {name: person(number, **values) for number, name in enumerate(names)}
    return Candidate(tuple(names), tuple(ties), tuple(names), 7.0, people, cuts, starts)


# --- candidates of a fleet

TWO = [*crowd(20), *farm("farm", 2)]


def test_two_at_one_place_are_looked_at_only_for_another_reason():
    """A couple is never reported; where anything was found on one of them it is a group to look at."""
    assert found(TWO) == []
    assert found(TWO, showing=["nobody", "lt-0001"]) == []
    assert [one.devices for one in found(TWO, showing=["farm-01"])] == [("farm-00", "farm-01")]


def driven(device, hour, far="999 888 777"):
    """A device that somebody with this id drives, each day at its own hour: no moment in common."""
    return [
        RemoteToolLog(device_id=device, ts=at(day, hour), tool="anydesk", event="accepted", direction="incoming",
                      far_id=far, unattended=True)
        for day in (1, 2, 3)
    ]  # fmt: skip


def test_two_with_one_operator_are_looked_at():
    """Whoever drives both is a reason, with no finding on either."""
    [one] = found([*TWO, *driven("farm-00", 9), *driven("farm-01", 15)])
    assert {TRAITS[tie.kind].name for tie in one.ties} >= {"gateway MAC", "remote-tool id of the far end"}


def test_a_member_elsewhere_is_not_at_the_site():
    """Tied by who drives it, at home at a line of its own: the place's ties and days are those of the others."""
    rows = [*crowd(20), *farm("farm", 3), *at_home("zz-away"), *driven("farm-00", 9), *driven("zz-away", 15)]
    [one] = found(rows)
    assert one.devices == ("farm-00", "farm-01", "farm-02", "zz-away")
    assert one.at_site == ("farm-00", "farm-01", "farm-02")
    assert one.days == 7
    assert {tie.devices for tie in one.ties} == {one.at_site, ("farm-00", "zz-away")}


def test_a_group_has_its_members_ties_and_days():
    """Everything that at least two of them share, with the days; all live there, for a week."""
    [one] = found(crowd(20) + farm("farm", 4))
    assert one.devices == one.at_site == ("farm-00", "farm-01", "farm-02", "farm-03")
    assert one.days == 7
    told = {TRAITS[tie.kind].name: tie for tie in one.ties}
    assert told["gateway MAC"].value == mac("gateway", "farm")
    assert told["egress address"].value == line("farm", False)
    assert told["egress address"].line, "all who tell their router behind it tell the same one"
    assert {tie.devices for tie in one.ties} == {one.devices}
    assert {tie.last_day - tie.first_day for tie in one.ties} == {6}
    assert one.cuts is None
    assert sorted(one.people) == list(one.devices)


def test_a_value_of_two_is_told_of_those_two():
    """Largest ties first; what part of a group shares is not said of all."""
    rows = farm("farm", 4, kinds=("gateway_mac",))
    for number in (0, 1):
        rows += seen(f"farm-{number:02}", "corner", kinds=("bssid",))
    [one] = found(crowd(20) + rows)
    assert [(TRAITS[tie.kind].name, len(tie.devices)) for tie in one.ties] == [("gateway MAC", 4), ("BSSID", 2)]
    assert one.ties[1].devices == ("farm-00", "farm-01")


def test_nobody_is_no_group():
    """An empty fleet, and one of which nobody shares anything."""
    assert found([]) == []
    assert found(crowd(5)) == []


def test_two_groups_keep_their_ties_apart():
    """Whatever belongs to one farm is not told of another."""
    one, two = found(crowd(20) + farm("one", 3) + farm("two", 3))
    assert {device for tie in one.ties for device in tie.devices} == set(one.devices)
    assert {tie.value for tie in one.ties} & {tie.value for tie in two.ties} == set()


# --- words


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("gateway MAC", "f4:d4:88:01:02:03", "f4:d4:88:…:03"),
        ("BSSID", "f4:d4:88:01:02:03", "f4:d4:88:…:03"),
        ("gateway MAC", "x" * 90, "x" * 40),
        ("LAN neighbour", "0123456789abcdef", "01234567…"),
        ("second factor", "0123456789abcdef", "01234567…"),
        ("device token", "0123456789abcdef", "01234567…"),
        ("IPv6 network", "2a02:8100::1", "2a02:8100:0:1::/64"),
        ("egress address", "198.51.100.1", "198.51.100.1"),
        ("USB serial", "s" * 60, "s" * 60),
        ("USB serial", "s" * 61, "s" * 59 + "…"),
    ],
)
def test_values_are_shown_masked_and_short(name, value, told):
    """Neighbours' routers and people's phones are nobody's business; a hostile name does not fill the page."""
    assert shown(tie(name, value)) == told


def declared(**values):
    return replace(Declared(3, 3, 0, 3, 3, 3, 0, 0), **values)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "3 laptops of 3 people with 3 declared places"),
        ({"people": 1, "places": 1}, "3 laptops of 1 person with 1 declared place"),
        ({"people": 2, "unowned": 1}, "3 laptops of 2 people (1 of nobody declared) with 3 declared places"),
        ({"people": 0, "unowned": 3, "places": 0}, "3 laptops"),
    ],
)
def test_people_are_counted_as_far_as_the_roster_knows(values, told):
    """Nothing is said of people or places where nothing is declared."""
    assert people_of(declared(**values)) == told


def test_a_summary_says_what_all_share_first():
    """What all share reads as one clause; what some share names how many; three kinds at most, each once."""
    ties = [
        tie(), tie(value="f4:d4:88:0a:0b:0c"), tie("second factor", "0123456789", "ab"), tie("BSSID", devices="ab"),
        tie("USB serial", "1d6b:0104 kb1", "bc"),
    ]  # fmt: skip
    assert summary_of(group(ties)) == (
        "3 laptops of 3 people with 3 declared places share gateway MAC f4:d4:88:…:03; "
        "2 share second factor 01234567…; 2 share BSSID f4:d4:88:…:03"
    )
    assert summary_of(group(ties[2:3])).endswith("declared places: 2 share second factor 01234567…")


def test_a_summary_of_nothing_still_is_a_sentence():
    """Tied by the clock alone, and too weakly to say: they belong together, and where they should be is unknown."""
    told = summary_of(group(latitude=None, longitude=None))
    assert told == "3 laptops of 3 people: belong together; where 3 of them should be is not declared"


@pytest.mark.parametrize(("decibans", "times", "said"), [(30.0, 3, True), (29.9, 3, False), (99.0, 2, False)])
def test_starts_are_told_only_where_chance_does_not_explain_them(decibans, times, said):
    """Starting together once or twice, or as chance has it, is not worth a word."""
    told = summary_of(group(starts=Together(START, times, 3, 60, decibans, 0, 9)))
    assert ("3 of them start in the same minute, in 3 hours" in told) is said


@pytest.mark.parametrize(("decibans", "said"), [(20.0, True), (19.9, False)])
def test_cuts_are_told_with_their_stretch(decibans, said):
    """Cut off in the same three minutes, where that is rarer than one in a hundred."""
    told = summary_of(group(cuts=Together(CUT, 1, 2, 180, decibans, 0, 0)))
    assert ("2 of them were cut off in the same 3 minutes" in told) is said


def test_the_roster_is_asked_about_some_of_a_group():
    """Two of one household are one unit, whoever else is in the group."""
    one = group(names="abcd", household="h-1")
    assert declared_at(one, "ab").units == 1
    assert declared_at(group(names="abcd"), "abd").units == 3
    assert declared_at(one, "").devices == 0
