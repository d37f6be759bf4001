"""Assumptions: their bounds, how they are drawn, and what they rest on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import farmwatch
from farmwatch.errors import SimulationError
from farmwatch.simulation.parameters import EVASIONS, SETUPS, Parameters

EVIDENCE = Path(farmwatch.__file__).parent / "reports" / "evidence.md"
FIXED = {"farm_smallest", "detail"}


def test_defaults_lie_within_the_bounds_used_for_tuning():
    """Inner bounds lie within outer ones, and the default within the inner."""
    for one in Parameters().assumptions():
        assert one.outer[0] <= one.inner[0] <= one.value <= one.inner[1] <= one.outer[1], one.name


@pytest.mark.parametrize("seed", range(5))
def test_drawn_outside_never_uses_what_was_tuned_on(seed):
    """Each number lies beyond the inner bounds and within the outer ones; fixed ones are as given."""
    for one in Parameters.drawn(seed, base_rate=0.001).assumptions():
        if one.name == "base_rate":
            assert one.value == 0.001
        elif one.name not in FIXED:
            assert one.outer[0] <= one.value <= one.outer[1], one.name
            assert not one.inner[0] < one.value < one.inner[1], one.name


def test_drawn_inside_stays_inside():
    """The same without ``outside``."""
    for one in Parameters.drawn(3, outside=False).assumptions():
        assert one.inner[0] <= one.value <= one.inner[1], one.name


def test_draws_differ_by_seed_and_repeat():
    """Equal seeds, equal assumptions."""
    assert Parameters.drawn(1) == Parameters.drawn(1)
    assert Parameters.drawn(1) != Parameters.drawn(2)


def test_every_assumption_says_what_it_is_and_where_it_comes_from():
    """A sentence and a source each; a source that names a row of the evidence names one that is there."""
    rows = set(re.findall(r"^\| ([A-Z]+\d+) \|", EVIDENCE.read_text("utf-8"), re.MULTILINE))
    for one in Parameters().assumptions():
        assert one.sentence
        assert one.source
        for named in re.findall(r"evidence\.md, ([A-Z]\d+)(?: and ([A-Z]\d+))?", one.source):
            assert {row for row in named if row} <= rows, one.name


def test_numbers_below_nought_are_refused():
    """A share below nought, or no number, is a fault."""
    with pytest.raises(SimulationError, match="couple"):
        Parameters(couple=-0.1)
    with pytest.raises(SimulationError, match="office"):
        Parameters(office=float("nan"))


def test_each_setup_and_evasion_has_its_number():
    """Weights and shares come in the order of the names."""
    given = Parameters()
    assert len(given.setup_weights) == len(SETUPS)
    assert len(given.evasion_shares) == len(EVASIONS)
