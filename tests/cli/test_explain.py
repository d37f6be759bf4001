"""``farmwatch explain``: detectors and words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from farmwatch.analysis.detectors import DETECTORS
from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS
from farmwatch.cli.exits import Exit


def test_list_names_every_detector(cli):
    """Without a name, all detectors and their questions are listed."""
    ran = cli("explain")
    assert ran.code == Exit.OK
    for detector in DETECTORS:
        assert f"{detector.id}: " in ran.out


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda found: found.id)
def test_every_detector_explains_itself(cli, detector):
    """What it asks, what else causes it, what to check, and each number with its range."""
    shown = " ".join(cli("explain", detector.id).out.split())
    assert detector.title in shown
    for part in ("Speaks for:", "Benign causes:", "Clear means:", "Check next:", "Weight:"):
        assert part in shown
    for benign in detector.benign:
        assert benign in shown


@pytest.mark.parametrize("detector", [*DETECTORS, *FLEET_DETECTORS], ids=lambda one: one.id)
def test_no_label_stands_without_a_text(cli, detector):
    """A detector that needs no table in particular has no line for it; the others say what fills theirs."""
    out = cli("explain", detector.id).out
    assert not re.search(r"^\s*[A-Z][a-z ]+:$", out, re.MULTILINE)
    assert ("Needs:" in out) == bool(detector.needs)


def test_feeds_that_fill_a_table_are_named(cli):
    """Whoever lacks telemetry learns which sender has it."""
    out = " ".join(cli("explain", "remote.tool_log").out.split())
    assert "Needs: remote_tool_log" in out
    assert "Which these feeds fill: anydesk, teamviewer, velociraptor" in out


def test_words_of_the_report_are_explained(cli):
    """The glossary is at hand."""
    assert "ten times as large" in " ".join(cli("explain", "deciban").out.split())


@pytest.mark.parametrize(
    "name",
    ["clear", "review", "strong", "not enough data", "MSS", "mss", "layers", "family", "families", "decibans", "N9",
     "m4", "KVM over IP"],
)  # fmt: skip
def test_words_are_found_in_any_case_and_number(cli, name):
    """What a report prints can be asked for as it is printed."""
    ran = cli("explain", name)
    assert ran.code == Exit.OK, ran.err
    assert len(ran.out) > 40


def test_signals_carry_grade_and_innocent_causes(cli):
    """The page that weights cite is at hand without a checkout."""
    shown = " ".join(cli("explain", "N9").out.split())
    for part in ("several companies", "Grade: A for a KVM", "Innocent causes: co-working", "Grades: A is close"):
        assert part in shown


def test_mistyped_name_gets_a_suggestion(cli):
    """A near miss is answered with the right name."""
    ran = cli("explain", DETECTORS[0].id[:-1])
    assert ran.code == Exit.USAGE
    assert DETECTORS[0].id in ran.err


def test_findings_of_a_saved_report_are_shown(cli, saved):
    """With a report, what was seen and the packets that prove it follow, escaped."""
    ran = cli("explain", "--report", saved)
    assert "loop RTT 203 ms, 412 samples" in ran.out
    assert "packet 104, 109" in ran.out
    assert all(char.isprintable() or char == "\n" for char in ran.out)


def test_every_word_of_the_readme_s_glossary_is_explained(cli):
    """Whoever meets a word in the README or a report finds it here under the same name."""
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    rows = [row.split("|")[1] for row in readme.partition("## Glossary")[2].partition("\n## ")[0].splitlines() if row]
    words = [word.strip() for row in rows[2:] for word in row.split(",")]
    assert len(words) > 20
    for word in words:
        assert cli("explain", word).code == Exit.OK, word


def test_signs_of_a_farm_can_be_explained(cli):
    """Every sign that a farm's verdict may name has its question, weights and innocent causes."""
    from farmwatch.analysis.fleet.farm_weights import REASONS, TITLES, WEIGHTS

    assert TITLES.keys() >= WEIGHTS.keys() | REASONS.keys()
    ran = cli("explain", "farm.signs")
    assert ran.code == 0
    assert "chance" in ran.out
    assert "+24 decibans" in cli("explain", "farm.site").out
