"""The morning report as text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from farmwatch.reports.morning.text import render
from tests.reports.morning import fleet_rows as fr


def test_what_to_do_comes_first(morning):
    """The first line is the first step."""
    lines = render(morning, width=120).splitlines()
    assert lines[0].startswith("Start with lap-00000: strong, new. First step:")


def test_sections_stand_in_their_order(morning):
    """New, open, cleared, explained, farms, coverage, trend, how to read, limits."""
    text = render(morning)
    places = [
        text.index(title)
        for title in ("NEW OR WORSE (10)", "STILL OPEN (2)", "CLEARED OR GONE (2)", "EXPLAINED BY SOMEBODY (1)",
                      "FARMS (1)", "WHO WAS NOT LOOKED AT", "TREND", "HOW TO READ IT", "LIMITS")
    ]  # fmt: skip
    assert places == sorted(places)


@pytest.mark.parametrize("width", [60, 80, 140])
@pytest.mark.parametrize("verbose", [0, 1])
def test_lines_fit(morning, width, verbose):
    """No line is longer than the terminal, but commands, which are copied."""
    for line in render(morning, width=width, verbose=verbose).splitlines():
        assert len(line) <= width or "farmwatch case" in line or fr.HOSTILE[:8] in line or "\\u202e" in line, line


def test_nothing_steers_the_terminal(morning):
    """Control and bidirectional characters of names are written out."""
    text = render(morning, verbose=1)
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "\\x1b]0;owned\\x07" in text


def test_ascii_terminals_get_ascii(morning):
    """No mark beyond ASCII where the terminal has none."""
    assert render(morning, ascii_only=True).isascii()


def test_colour_only_where_asked(morning):
    """Colours are escape sequences of ours alone."""
    assert "\x1b[" not in render(morning)
    colored = render(morning, color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render(morning)


def test_of_a_farm_only_one_device_is_told_in_full(morning):
    """The others read alike; they stand in a line each, and -v tells no less."""
    text = render(morning, width=120)
    assert text.count("Belongs to") + text.count("Farm: farm-3f2a91") == 1
    for device in fr.FARM:
        assert device in text


def test_a_large_fleet_stays_readable(large):
    """Ten thousand devices are some pages, not hundreds."""
    assert len(render(large).splitlines()) < 250


def test_many_farms_are_listed_in_a_line_each(morning):
    """Ten in full, sixty in a line, the others counted; -v tells all."""
    (farm,) = morning.farms
    many = replace(morning, farms=tuple(replace(farm, farm_id=f"F-{number:03d}") for number in range(80)))
    text = render(many, width=160)
    assert text.count("Where they say they are") == 10
    assert "F-069 (new): 7 laptops" in text
    assert "and 10 more: see the HTML or JSON report" in text
    assert render(many, width=160, verbose=1).count("Where they say they are") == 80
