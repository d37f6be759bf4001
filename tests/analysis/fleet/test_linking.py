"""Pairs and groups from links: what joins, what does not, and how large groups divide."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from farmwatch.analysis.fleet.linking import LARGE, link, make_pairs
from farmwatch.analysis.fleet.traits import make_links
from tests.analysis.fleet.farm_rows import declared, seen
from tests.analysis.fleet.fleets import fleet_of


def groups_of(edges, bits=15.0):
    """Groups of devices with these pairs, each of which weighs the same or has a weight of its own."""
    weighed = [edge if len(edge) == 3 else (*edge, bits) for edge in edges]
    with fleet_of([]) as fleet:
        one, two, place = zip(*weighed, strict=True)
        zeros = [0.0] * len(one)
        fleet.load(
            "farm_pairs",
            pa.table(
                {"one": pa.array(one, pa.int32()), "two": pa.array(two, pa.int32()), "place": place, "hardware": zeros,
                 "identity": zeros, "meeting": zeros, "days": [7] * len(one)}
            ),
        )  # fmt: skip
        fleet.load(
            "farm_timed",
            pa.table({"one": pa.array([], pa.int32()), "two": pa.array([], pa.int32()),
                      "timing": pa.array([], pa.float64())}),
        )  # fmt: skip
        return [group.members.tolist() for group in link(fleet)]


def clique(names):
    return [(one, two) for number, one in enumerate(names) for two in names[number + 1 :]]


def test_pairs_below_the_threshold_join_nobody():
    assert groups_of([(0, 1, 7.9), (1, 2, 8.0)]) == [[1, 2]]


def test_a_large_group_divides_at_a_weak_bridge():
    """Two full groups of twenty with one edge between them."""
    edges = [*clique(range(20)), *clique(range(20, 40)), (19, 20, 8.0)]
    assert groups_of(edges) == [list(range(20)), list(range(20, 40))]


@pytest.mark.parametrize("size", [LARGE, 90, 120])
def test_a_large_group_without_bridges_stays_one(size):
    assert groups_of(clique(range(size))) == [list(range(size))]


def test_groups_do_not_depend_on_the_order_of_pairs():
    edges = [*clique(range(25)), *clique(range(25, 50)), (0, 30, 9.0), (60, 61), (61, 62)]
    first = groups_of(edges)
    for seed in range(3):
        mixed = list(edges)
        random.Random(seed).shuffle(mixed)
        assert groups_of(mixed) == first
    assert first[-1] == [60, 61, 62]


def test_a_company_network_is_no_group():
    """A chain of two thousand devices and more is nobody's home."""
    assert groups_of([(number, number + 1) for number in range(2500)]) == []


def test_an_unknown_home_is_not_far_away():
    """One address of a carrier weighs as such where a home is not declared, and more between homes far apart."""

    def place_bits(**values):
        rows = [declared("a", near=0), declared("b", **{"near": 1} | values)]
        rows += [row for name in "ab" for row in seen(name, "one line", kinds=("public_ip",))]
        with fleet_of(rows) as fleet:
            make_links(fleet)
            make_pairs(fleet)
            return [row["place"] for row in fleet.rows("SELECT place FROM farm_pairs")]

    assert place_bits(latitude=None, longitude=None) == [3.0]
    assert place_bits() == [6.0]
