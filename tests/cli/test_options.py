"""Options that sub-commands share."""

from __future__ import annotations

import re

import pytest

SHARED = ("--html", "--json", "--format", "--output", "--fail-on", "--quiet", "--verbose", "--color")


def explained(cli, command):
    """Options of a command's help with their texts on one line."""
    text = cli(command, "--help").out.partition("Options:")[2]
    entries = re.split(r"\n  (?=-)", text)
    return {name: " ".join(entry.split()) for entry in entries for name in SHARED if name in entry.split("  ")[0]}


def test_the_same_option_reads_the_same_everywhere(cli):
    """Whoever knows ``scan`` knows ``assess``, and ``report`` but for its several formats at once."""
    scan, assess, report = (explained(cli, command) for command in ("scan", "assess", "report"))
    assert set(scan) == set(SHARED)
    assert {name: text for name, text in scan.items() if name in assess} == assess
    several = {"--format", "--output"}
    assert several <= report.keys()
    same = {name: text for name, text in report.items() if name not in several}
    assert {name: text for name, text in scan.items() if name in same} == same
    assert {"--format", "--output", "--fail-on", "--html"} <= set(report)


@pytest.mark.parametrize("option", ["--fail-on=never", "--format=pdf", "--color=blue"])
def test_a_wrong_choice_names_the_right_ones(cli, capture_file, option):
    ran = cli("scan", capture_file, option)
    assert ran.code == 2
    assert option.partition("=")[0] in ran.err
    assert re.search(r"'?(strong|json|always)'?", ran.err)


def test_json_is_a_format_said_shortly(cli, capture_file):
    assert cli("scan", capture_file, "--json", "-q").out == cli("scan", capture_file, "-f", "json", "-q").out
