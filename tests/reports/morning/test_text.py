"""The morning report as text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from farmwatch.records import Coverage
from farmwatch.records.morning import Gap
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


SHORT_OF = (
    Coverage("motion.cadence", "pointer motion", 100, 1, {"no rows in input_timing": 200}),
    Coverage("input.delivery", "clumps of presses", 90, 1, {"no rows in input_timing": 200, "too few presses": 10}),
    Coverage("logon.remote", "remote logons", 20, 0, {"no rows in logons": 280}),
    Coverage("usb.kvm_identity", "USB devices that name a KVM", 290, 3, {"no rows in usb_devices": 10}),
)  # fmt: skip


def told(morning, **options):
    text = render(morning, **options)
    return text[text.index("WHO WAS NOT LOOKED AT") : text.index("\nTREND")]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_what_was_not_looked_at_is_short_and_says_what_closes_it(morning, width):
    """The feed that opens most comes first; no word is cut; the full list is a flag away."""
    gap = Gap(50, ("pointer motion that repeats as a KVM's firmware makes it", "remote logons"), ("lap-00007",))
    blind = replace(morning, coverage=replace(morning.coverage, detectors=SHORT_OF * 12, gaps=(gap,) * 8))
    part = told(blind, width=width)
    words = " ".join(part.split())
    assert len(part.splitlines()) <= 20
    assert "…" not in part
    assert f"is missing ({morning.coverage.devices} devices in all); what would open most checks comes first:" in words
    assert "1. How keys and pointers move: missing on up to 200 devices; 24 checks need it" in words
    assert words.index("farmwatch agent on the laptops") < words.index("2. Logons") < words.index("3. USB devices")
    assert "All 48 checks with what they could not look at, and why: -v, HTML or JSON" in words
    full = " ".join(told(blind, width=width, verbose=1).split())
    assert "…" not in full
    assert "pointer motion that repeats as a KVM's firmware makes it; remote logons" in full
    assert full.count("input.delivery: 90 of ") == 12


def test_a_fleet_that_all_checks_saw_has_one_line(morning):
    """Nothing to send, nothing to list."""
    seen = replace(morning.coverage, unseen=(), gaps=(), detectors=(Coverage("a.b", "", 300, 0, {}),))
    assert told(replace(morning, coverage=seen)).splitlines()[1:] == ["  Every check could look at every device."]


@pytest.mark.parametrize("width", [80, 120])
def test_lines_of_other_devices_are_aligned(morning, width):
    """The level stands alone on the left; what belongs to a device stands under its name."""
    lines = render(morning, width=width).splitlines()
    start = lines.index("More, in a line each:") + 1
    part = lines[start : lines.index("", start)]
    assert part
    for line in part:
        indent = len(line) - len(line.lstrip())
        assert indent == (2 if line.startswith(("  STRONG ", "  REVIEW ")) else 9), line


def test_a_first_report_does_not_contradict_what_people_confirmed(morning):
    """Something can be still open where nothing earlier is kept: somebody confirmed it."""
    text = " ".join(render(replace(morning, before=None), width=120).split())
    assert "2 still open" in text
    assert "no earlier assessment" not in text
    assert "counts as new, or as still open where somebody confirmed it already" in text


def test_farms_stand_apart(morning):
    """A line is free between one farm and the next, and before the first."""
    (farm,) = morning.farms
    lines = render(replace(morning, farms=(farm, replace(farm, farm_id="F-2")))).splitlines()
    for farm_id in (farm.farm_id, "F-2"):
        (place,) = [number for number, line in enumerate(lines) if line.startswith(f"{farm_id} ")]
        assert lines[place - 1] == ""
