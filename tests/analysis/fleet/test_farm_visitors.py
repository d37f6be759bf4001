"""Laptops that were at a found farm's line for a day."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.farms import find_farms
from farmwatch.analysis.fleet.weights import NO_WEIGHTS
from farmwatch.records import Claim, Level, RosterEntry
from tests.analysis.fleet.farm_rows import crowd, declared, farm, line, seen
from tests.analysis.fleet.fleets import at, fleet_of
from tests.analysis.fleet.test_farms import kvm

ORDINARY = crowd(40)
HOME = next((row.latitude, row.longitude) for row in farm("farm", 1) if isinstance(row, RosterEntry))
HITS = {f"farm-{number:02d}": [kvm()] for number in range(5)}


def told(rows, hits=HITS):
    """By device that is no member: what is said of it; with the level of the farm."""
    with fleet_of([*ORDINARY, *farm("farm", 5), *rows]) as fleet:
        [one] = find_farms(fleet, hits, prior=1e-4, weights=NO_WEIGHTS)
    assert one.devices == tuple(f"farm-{number:02d}" for number in range(5))
    others = {device: found for device, found in one.findings.items() if device not in one.devices}
    return {device: finding for device, (finding,) in others.items()}, one


def visitor(days=(2,), device="new-1", **values):
    """Somebody of another town, at the farm's line on some days, else nowhere."""
    kinds = values.pop("kinds", ("gateway_mac",))
    return [declared(device, near=8, **values), *seen(device, "farm", days, kinds=kinds)]


@pytest.mark.parametrize("kind", ["gateway_mac", "bssid"])
def test_a_day_at_a_farms_line_is_for_a_person(kind):
    """It speaks for *driven*, names farm and line, and says on which day."""
    found, one = told([*visitor(kinds=(kind,)), *seen("new-1", "elsewhere", range(3, 7))])
    assert one.assessment.level is Level.STRONG
    finding = found["new-1"]
    assert (finding.detector, finding.grade, finding.claim) == ("farm.visitor", "day", Claim.DRIVEN)
    assert finding.for_review
    assert f"on 1 day it was at the line of 5 laptops that belong together (farm {one.farm_id})" in finding.summary
    assert finding.telling[0].table == "sightings"
    assert finding.telling[0].first_ts == "2026-03-04T00:00:00Z"


def test_more_days_weigh_more():
    """Two of six, so that it does not live there."""
    found, _ = told([*visitor((2, 3)), *seen("new-1", "elsewhere", (0, 1, 4, 5, 6))])
    assert found["new-1"].grade == "days"


@pytest.mark.parametrize(
    "rows",
    [
        visitor((-3,)),
        [*visitor((-3,)), *seen("new-1", "a home", range(7), kinds=("public_ip",))],
        [*visitor(), *seen("new-1", "a home", (2,), kinds=("public_ip",))],
        [*visitor(), *seen("new-1", "a home", (2,), kinds=("bssid",))],
        [*visitor(), RosterEntry(device_id="new-1", ts=at(-100), latitude=HOME[0], longitude=HOME[1])],
        [*visitor(household="H1"), RosterEntry(device_id="farm-00", ts=at(-100), person="p", household="H1")],
        visitor(person="p-farm-00"),
        visitor(travel="2026-03-02/2026-03-09 Lisbon"),
        [row for number in range(6) for row in visitor((2,), f"new-{number}", kinds=("bssid",))],
    ],
)
def test_who_is_not_told(rows):
    """Who was there before the window, or at another line on that day; kin of a member, travellers, passers-by."""
    rows = [*rows, *(row for number in range(6) for row in seen(f"new-{number}", f"home {number}", (0, 1, 4, 5, 6)))]
    assert told(rows)[0] == {}


def test_an_address_that_moved_on_to_another_home_is_no_visit():
    """The farm had it until the day before."""
    rows = [declared("new-1", near=8), *seen("new-1", "a home", range(3, 7), address=line("farm", False))]
    rows += [row for number in range(5) for row in seen(f"farm-{number:02d}", "farm", range(-9, 0))]
    assert told(rows)[0] == {}


def test_who_belongs_to_another_farm_is_told_there():
    """And a tie of two is no line of a farm."""
    rows = [*farm("other", 5), *seen("other-00", "farm", (2,))]
    hits = {**HITS, **{f"other-{number:02d}": [kvm()] for number in range(5)}}
    with fleet_of([*ORDINARY, *farm("farm", 5), *rows]) as fleet:
        for one in find_farms(fleet, hits, prior=1e-4, weights=NO_WEIGHTS):
            assert set(one.findings) == set(one.devices)


def test_a_farm_in_doubt_has_no_visitors():
    """Three laptops at one line may be flatmates with a guest."""
    rows = [*ORDINARY, *farm("farm", 3), *visitor(), *seen("new-1", "elsewhere", (0, 1, 4, 5, 6))]
    with fleet_of(rows) as fleet:
        for one in find_farms(fleet, {}, prior=1e-4, weights=NO_WEIGHTS):
            assert one.assessment.level is Level.REVIEW
            assert "new-1" not in one.findings
