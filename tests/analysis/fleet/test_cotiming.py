"""What happens in the same minute, against chance."""

from __future__ import annotations

import random
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from farmwatch.analysis.fleet.cotiming import CUT, START, Moments, chance_decibans, make_events, make_timed
from farmwatch.analysis.fleet.traits import make_links
from farmwatch.records import MeetingUse
from tests.analysis.fleet.farm_rows import crowd, declared, power
from tests.analysis.fleet.fleets import at, fleet_of

ORDINARY = crowd(80)


def timed(rows):
    """Bits by pair of names."""
    with fleet_of(rows) as fleet:
        make_links(fleet)
        make_events(fleet)
        make_timed(fleet)
        return {
            (row["one"], row["two"]): row["timing"]
            for row in fleet.rows(
                "SELECT a.device_id AS one, b.device_id AS two, timing FROM farm_timed "
                "JOIN farm_devices AS a ON a.code = one JOIN farm_devices AS b ON b.code = two ORDER BY 1, 2"
            )
        }


def together(rows, names, sort):
    with fleet_of(rows) as fleet:
        make_links(fleet)
        make_events(fleet)
        codes = {row["device_id"]: row["code"] for row in fleet.rows("SELECT * FROM farm_devices")}
        own = np.array(sorted(codes[name] for name in names))
        fleet.load("farm_candidates", pa.table({"code": pa.array(own, pa.int32())}))
        return Moments(fleet).together(own, sort)


def test_people_who_start_when_they_like_tie_nobody():
    assert timed(ORDINARY) == {}


def test_cuts_that_come_together_tie():
    """Two laptops lose power together in four hours of a week; two others once."""
    hours = [at(1, 3.1), at(2, 7.7), at(4, 22.2), at(5, 1.9)]
    rows = [*ORDINARY, *(row for name in ("a", "b") for row in [declared(name), *power(name, "dead", *hours)])]
    rows += [row for name in ("c", "d") for row in [declared(name), *power(name, "dead", at(3, 5))]]
    found = timed(rows)
    assert set(found) == {("a", "b")}
    assert found["a", "b"] > 4


def test_one_household_is_not_tied_by_its_fuse():
    hours = [at(1, 3.1), at(2, 7.7), at(4, 22.2), at(5, 1.9)]
    rows = [row for name in ("a", "b") for row in [declared(name, household="h"), *power(name, "dead", *hours)]]
    assert timed(ORDINARY + rows) == {}


def test_a_meeting_that_others_join_is_no_moment():
    """Joining the same meeting at the same minute is what meetings are for."""
    rows = [
        MeetingUse(device_id=name, ts=at(day, 10.3), product="zoom", meeting_id=f"m{day}", record_id=f"{name}{day}")
        for name in ("a", "b")
        for day in range(7)
    ]
    assert timed(ORDINARY + rows) == {}


@pytest.mark.parametrize(("everybody", "expected"), [(False, True), (True, False)])
def test_minutes_in_which_the_whole_fleet_starts_say_nothing(everybody, expected):
    """Five wake together each night: alone it is rare; with the whole fleet it is a patch."""
    dice = random.Random(2)
    moments = [at(day, 2) + timedelta(minutes=dice.randrange(90)) for day in range(5)]
    names = [f"w-{number}" for number in range(5)]
    rows = [row for name in names for row in [declared(name), *power(name, "wake", *moments)]]
    if everybody:
        rows += [row for number in range(80) for row in power(f"lt-{number:04d}", "wake", *moments)]
    found = together(ORDINARY + rows, names, START)
    assert found.times == 5
    assert (found.decibans > 30) is expected


def test_nothing_together_is_nothing():
    assert together([*ORDINARY, *power("lt-0001", "dead", at(1))], ["lt-0001", "lt-0002"], CUT) is None


def test_chance_is_a_poisson_tail():
    """One event where one is expected is likely; five where a thousandth is expected are not."""
    assert chance_decibans(1, 1.0) == pytest.approx(-10 * np.log10(1 - np.exp(-1)))
    assert chance_decibans(5, 1e-3) > 150
    assert chance_decibans(10**6, 0.0) == 300
