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


def test_confirmed_devices_and_open_ones_have_a_next_step(morning):
    """Nothing stays open without a word of who decided what and what comes next."""
    text = render(morning, width=140)
    part = text[text.index("STILL OPEN") : text.index("CLEARED OR GONE")]
    confirmed, waiting = part[part.index("lap-00003") :], part[part.index("lap-00002") : part.index("lap-00003")]
    assert "Confirmed by ann on 8 Mar 2026: ticket 4711" in confirmed
    assert "Next 1. decide with HR" in confirmed
    assert "Next: " in waiting


def test_lines_of_other_devices_stand_apart_from_the_card_before(morning):
    """A farm's further members are no part of the device told above them."""
    lines = render(morning, width=120).splitlines()
    place = lines.index("More, in a line each:")
    assert lines[place - 1] == ""


def test_rarity_of_what_is_shared_is_not_the_farms_weight(morning):
    """Two numbers of two kinds have two names."""
    assert "gateway MAC a4:2b:b0:11:22:1f, 7 devices; rarity of what they share: 18.2" in render(morning, width=120)


def test_a_warning_is_the_first_line(morning):
    """A report of days ago does not look like one of this morning."""
    old = replace(morning, warning="the newest assessment is old")
    assert render(old).splitlines()[0] == "WARNING: the newest assessment is old"
