"""The page of the morning report: self-contained, inert, accessible, bounded."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from itertools import pairwise

import pytest

from farmwatch.records import Coverage
from farmwatch.records.morning import Gap
from farmwatch.reports.morning import html
from farmwatch.reports.morning.html import render
from tests.reports.morning import fleet_rows as fr
from tests.reports.page_reader import parsed


@pytest.fixture(scope="module")
def page(morning):
    return render(morning)


@pytest.fixture(scope="module")
def read(page):
    return parsed(page)


def test_page_is_well_formed(read):
    """Every element that is opened is closed, in order; ids are there once."""
    assert read.open == []
    ids = read.values("id")
    assert len(ids) == len(set(ids))


def test_nothing_is_fetched_and_only_our_script_runs(page, read):
    """The policy names the hashes of the one style and the one script; no handler, no address beyond the page."""
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag, source in (("style", "style-src"), ("script", "script-src")):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{source} 'sha256-{digest}'" in policy
    read.assert_inert()


def test_links_lead_somewhere(read):
    """Every link is within the page, to an element that is there."""
    for href in read.values("href"):
        assert href.startswith("#")
        assert href[1:] in read.values("id")


def test_hostile_names_are_inert(read):
    """Markup is text; control and bidirectional characters are written out."""
    text = "".join(read.text)
    assert "<script>alert(1)</script>\\u202egnp.exe\\x1b]0;owned\\x07" in text
    assert "{{7*7}}" in text
    assert read.tags.count("script") == 1
    assert all(char.isprintable() or char == "\n" for char in text)


@pytest.mark.parametrize(
    "name",
    ['"><svg onload=alert(1)>', "' onfocus=alert(1) x='", "</title><script>1</script>", "&lt;b&gt;", "<!--", "]]>"],
)
def test_a_name_cannot_leave_its_place(name):
    """The same elements, whatever devices, farms, ties and places are called."""

    def made(word):
        stands = {word: fr.standing(word, fr.SHARED, fr.TOOLS, fr.finding("input.clumps", 15.0, word))}
        kept = fr.rows(
            [word, "b"], stands, farms={f"f{word}": (word, [word, "b"], [(word, word, 22.0), ("x", word, 20.0)])}
        )
        places = {word: (word, 1.0, 2.0), "b": ("b", 3.0, 9.0)}
        return parsed(render(fr.build(kept, stands, None, {}, replace(fr.fleet(20, farm=False)[4], places=places))))

    hostile, plain = made(name), made("a" * len(name))
    assert hostile.tags == plain.tags
    assert [found for _, found, _ in hostile.attributes] == [found for _, found, _ in plain.attributes]
    assert name in "".join(hostile.text)


def test_sections_stand_in_their_order(read):
    """First what to do, then what changed, then the rest."""
    ids = [one for one in read.values("id") if not re.fullmatch(r"[df]\d+", one)]
    assert [one for one in ids if one not in ("finding", "find", "found", "list")] == [
        "new", "open", "cleared", "explained", "farms", "coverage", "trend", "everyone", "reading",
    ]  # fmt: skip
    text = read.words()
    assert (
        text.index("Start with lap-00000") < text.index("New or worse 10 devices") < text.index("Still open 2 devices")
    )


def test_pictures_have_names_and_headings_their_order(page, read):
    """A screen reader hears what a picture shows; no level of headings is left out."""
    svgs = re.findall(r"<svg [^>]*>", page)
    assert all("aria-label=" in one or "aria-hidden" in one or 'x="0"' in one for one in svgs)
    levels = [int(tag[1]) for tag in read.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert 'lang="en"' in page
    assert 'label for="find"' in page


def test_same_report_same_bytes(page):
    """Made again from the same rows it is the same page."""
    assert render(fr.morning(300)) == page


def test_a_large_fleet_is_a_small_page(large):
    """Ten thousand devices take little more than a megabyte, every one listed."""
    page = render(large)
    assert len(page) < 3_000_000
    assert page.count("<tr><td><") >= len(large.devices)


def test_full_detail_is_bounded():
    """Five hundred new devices: some in full, the others in a line each, all counted."""
    names = [f"lap-{number}" for number in range(500)]
    stands = {name: fr.standing(name, fr.KVM, fr.TOOLS) for name in names}
    page = render(fr.build(fr.rows(names, stands), stands, None, {}, fr.fleet(20, farm=False)[4]))
    assert len(re.findall(r'<(?:article|details) class="case', page)) == html.FULL
    assert "New or worse <small>500 devices" in page
    assert "More that ask for a person" in page
    assert len(page) < 1_500_000


def test_the_rest_of_a_very_large_fleet_is_named_elsewhere(monkeypatch, morning):
    """Where the list is cut it says so, and where the others are."""
    monkeypatch.setattr(html, "LISTED", 50)
    page = render(morning)
    assert "the first 50; the CSV report has all" in page


def test_gaps_are_told_in_full_with_what_closes_them(morning):
    """No word is cut, and what to send stands before the tables."""
    gap = Gap(50, ("pointer motion that repeats as a KVM's firmware makes it", *map(str, range(9))), ("lap-00007",))
    blind = Coverage("logon.remote", "remote logons", 20, 0, {"no rows in logons": 280})
    page = render(replace(morning, coverage=replace(morning.coverage, detectors=(blind,), gaps=(gap,))))
    words = parsed(page).words()
    assert "pointer motion that repeats as a KVM's firmware makes it; 0; 1;" in words
    assert "and 4 more" in words
    assert "Logons: missing on up to 280 devices; 1 check needs it" in words
    assert words.index("Closed by: Windows Security events") < words.index("Largest gaps")


def test_confirmations_are_on_the_page(morning):
    """Who confirmed a device, and when."""
    page = render(morning)
    assert '<span class="tag">confirmed</span>' in page
    assert "confirmed by ann on 8 Mar 2026: ticket 4711" in page
