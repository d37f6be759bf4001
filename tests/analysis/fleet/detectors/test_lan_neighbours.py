"""LanNeighbours: what is on the network, what is a home's, no data."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.detectors.lan_neighbours import LanNeighbours
from farmwatch.analysis.profile import Profile
from farmwatch.records import PowerEvent, RosterEntry, Sighting
from tests.analysis.fleet.fleets import answers, at, judged

DETECTOR = LanNeighbours()
DELL, PI, JETKVM, GLINET, PHONE = "00:14:22", "dc:a6:32", "30:52:53", "94:83:c4", "3c:28:6d"


def near(device, oui, count=1, days=(1, 2, 3), name="n"):
    return [
        Sighting(device_id=device, ts=at(day, 9), kind="neighbour", value=f"{name}{oui}{number}", oui=oui)
        for number in range(count)
        for day in days
    ]


@pytest.mark.parametrize(
    ("oui", "count", "expected"),
    [(JETKVM, 1, "kvm maker"), (GLINET, 1, "shared maker"), (PI, 4, "boards"), (DELL, 7, "computers")],
)
def test_what_a_home_does_not_have(oui, count, expected):
    assert answers(DETECTOR, near("a", oui, count) + near("b", PHONE, 20)) == {"a": expected, "b": "clear"}


@pytest.mark.parametrize(("oui", "count"), [(PI, 3), (DELL, 6), (PHONE, 30)])
def test_what_a_home_may_have(oui, count):
    assert answers(DETECTOR, near("a", oui, count)) == {"a": "clear"}


def test_one_day_is_a_visit():
    """A hackers' café with a KVM and twenty computers."""
    assert answers(DETECTOR, near("a", JETKVM, days=(1,)) + near("a", DELL, 20, days=(1,))) == {"a": "clear"}


def test_offices_are_full_of_computers():
    """A declared site explains all of it."""
    rows = [*near("a", DELL, 30), *near("a", JETKVM), RosterEntry(device_id="a", ts=at(-9), site="Austin")]
    assert answers(DETECTOR, rows) == {"a": "clear"}


def router(device, value="f4:d4:88:00:00:01"):
    return Sighting(device_id=device, ts=at(1, 9), kind="gateway_mac", value=value)


def test_an_approved_kvm_is_a_kvm_on_the_network():
    """For the device, for the colleague behind the same router, or for all; boards and computers are still told."""
    own = RosterEntry(device_id="a", ts=at(-9), approved_tools="anydesk,pikvm")
    assert answers(DETECTOR, [*near("a", JETKVM), own]) == {"a": "clear"}
    assert answers(DETECTOR, [*near("a", GLINET), *near("a", PI, 4), own]) == {"a": "boards"}
    shared = [*near("b", JETKVM), router("a"), router("b"), *near("c", JETKVM), router("c", "f4:d4:88:00:00:02"), own]
    assert answers(DETECTOR, shared) == {"a": "clear", "b": "clear", "c": "kvm maker"}
    everybody = Profile(approved_tools=frozenset({"jetkvm"}))
    assert answers(DETECTOR, near("a", JETKVM), profile=everybody) == {"a": "clear"}
    assert answers(DETECTOR, near("a", GLINET), profile=everybody) == {"a": "shared maker"}


def test_another_approved_tool_excuses_no_kvm():
    """A help desk's program is no box."""
    desk = RosterEntry(device_id="a", ts=at(-9), approved_tools="anydesk")
    assert answers(DETECTOR, [*near("a", JETKVM), desk]) == {"a": "kvm maker"}


def test_laptops_of_the_fleet_are_not_counted():
    """Three laptops at one router, each of which sees the two others and five more."""
    rows = []
    for device in "abc":
        rows += near(device, DELL, 8)
        rows += [Sighting(device_id=device, ts=at(1, 9), kind="gateway_mac", value="f4:d4:88:00:00:01")]
    assert answers(DETECTOR, rows) == {"a": "clear", "b": "clear", "c": "clear"}


def test_random_addresses_and_odd_values_have_no_maker():
    """Locally administered addresses, and what is no address."""
    rows = near("a", "32:52:53", 9) + near("a", "zz", 9) + near("a", "", 9)
    assert answers(DETECTOR, rows) == {"a": "clear"}


def test_without_sightings_there_is_no_data():
    assert answers(DETECTOR, [PowerEvent(device_id="a", ts=at(1), event="boot")]) == {"a": "no data"}


def test_a_finding_says_how_many():
    [finding] = judged(DETECTOR, near("a", DELL, 9)).hits["a"]
    assert finding.summary.startswith("9 office computers")
    assert finding.telling[0].count == 27
