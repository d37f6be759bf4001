"""The HTML report: one file, no script, no request, every name inert."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace

import pytest

from farmwatch.reports.html import render
from tests.reports.page_reader import parsed


@pytest.fixture(scope="module")
def page(sample):
    """The sample as a page."""
    return render(sample.report())


@pytest.fixture(scope="module")
def read(page):
    """The page parsed."""
    return parsed(page)


def test_page_is_well_formed(read):
    """Every element that is opened is closed, in order."""
    assert read.open == []


def test_page_needs_no_script_and_no_network(read):
    """Nothing is fetched, nothing runs: no script, no event handler, no address but anchors within the page."""
    assert "script" not in read.tags
    read.assert_inert()
    assert all(re.fullmatch(r"#d\d+", href) for href in read.values("href"))


def test_policy_allows_only_the_page_s_own_style(page):
    """The content security policy names the hash of the one style sheet and denies the rest."""
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_hostile_names_are_shown_and_inert(read, page):
    """Markup in a name is text, control and bidirectional characters are written out."""
    text = "".join(read.text)
    assert "<script>alert(1)</script>" in text
    assert "\\x1b]0;owned\\x07" in text
    assert "\\u202egnp.exe" in text
    assert "{{ 7*7 }}" in text
    assert all(char.isprintable() or char == "\n" for char in page)


def test_every_section_is_there(read):
    """Verdicts, devices, farms, networks, inputs, limits and glossary."""
    text = read.words()
    for part in (
        "5 devices: 1 strong, 1 review, 2 clear, 1 not enough data",
        "Verdicts",
        "Devices that need a person",
        "Benign readings considered",
        "Not looked at",
        "Next",
        "Sessions over time",
        "Round trips and the distance they allow",
        "Evidence",
        "From prior to level",
        "Coverage: every check and its outcome (8)",
        "No USB or display telemetry",
        "Farms",
        "Local networks",
        "Inputs",
        "Limits and fairness",
        "consistent with remote operation of this device",
        "Glossary",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "record header at offset 65536 is not possible",
        "not a capture (offset 0)",
    ):
        assert part in text, part


def test_evidence_of_hits_is_open_without_a_click(page):
    """What carries the verdict is readable without opening anything."""
    before = page.split("reacts 203 ms")[-1]
    assert before
    assert re.search(r"<details open><summary>It reacts 203 ms", page)


def test_same_report_gives_the_same_page(sample):
    """No clock and no order of a set is in the page."""
    assert render(sample.report()) == render(sample.report())


def test_empty_report_is_a_page(sample):
    """No device, no input: still an answer, limits and a glossary."""
    shown = render(replace(sample.report(), inputs=(), devices=(), farms=(), lans=(), notes=()))
    reader = parsed(shown)
    assert reader.open == []
    assert "No device was found in the input." in "".join(reader.text)


def test_numbers_of_inputs_that_do_not_exist_do_no_harm(sample):
    """A report whose rows point at no input is shown all the same."""
    report = replace(sample.report(), inputs=())
    assert "input 0" in render(report)


def test_what_weighs_nothing_is_apart_from_the_evidence(sample):
    """A fact without weight is shown, but not as speaking for a claim."""
    device = sample.strong_device()
    innocent = replace(device.findings[0], summary="its user works elsewhere", decibans=0.0)
    page = render(replace(sample.report(), devices=(replace(device, findings=(innocent,)),)))
    assert page.index("Nothing found that speaks for it") < page.index("Seen, weighs nothing")
    assert page.index("Seen, weighs nothing") < page.rindex("<summary>its user works elsewhere")
