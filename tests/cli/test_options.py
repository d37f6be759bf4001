"""Options that sub-commands share."""

from __future__ import annotations

import re

import click
import pytest
import typer.main

from farmwatch.cli.main import app

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


def commands(group=None, path=()):
    """Every command with its words."""
    group = group or typer.main.get_command(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def readable_files():
    """Words before the path of every option and argument that names a file to be read."""
    for path, command in commands():
        for one in command.params:
            if getattr(one.type, "exists", False):
                yield pytest.param(path, one, id=" ".join((*path, one.opts[0])))


def parameters():
    for path, command in commands():
        for one in command.params:
            yield pytest.param(path, one, id=" ".join((*path, one.opts[0])))


@pytest.mark.parametrize(("path", "parameter"), list(parameters()))
def test_what_an_option_takes_is_a_word_of_the_field(path, parameter):
    """N, FILE or the choices, and never the name of a type, which tells a user nothing."""
    if getattr(parameter, "is_flag", False) or getattr(parameter, "count", False):
        return
    shown = parameter.make_metavar(click.Context(click.Command(path[-1])))
    choices = isinstance(parameter.type, click.Choice) or set("|") & set(shown)
    assert choices or parameter.metavar, shown
    assert not re.search(r"INTEGER|FLOAT|RANGE|\bstr\b|\bint\b|%", shown)


@pytest.mark.parametrize(("path", "parameter"), list(parameters()))
def test_every_option_has_a_sentence(path, parameter):
    """``--help`` leaves nothing to guess."""
    assert (parameter.help or "").strip().endswith((".", "]"))


#: what a command must be given besides before it looks at the file
NEEDED = {
    ("inspect",): ("--packet", "1"),
    ("calibrate",): (),
    ("knowledge", "show"): ("anydesk",),
    ("scan",): (__file__,),
}


@pytest.mark.parametrize(("path", "parameter"), list(readable_files()))
def test_a_missing_file_is_wrong_usage_everywhere(cli, tmp_path, path, parameter):
    """One code, before anything is done, with the name of the option and of the file."""
    missing = tmp_path / "missing.x"
    named = (parameter.opts[0], missing) if parameter.opts[0].startswith("-") else (missing,)
    ran = cli(*path, *NEEDED.get(path, ()), *named)
    assert ran.code == 2
    assert ran.out == ""
    assert "missing.x" in ran.err
    assert parameter.opts[0].lower() in ran.err.lower() or parameter.metavar in ran.err


@pytest.mark.parametrize(
    "command",
    ["scan {}", "scan pcaps.pcap {}", "ingest {}", "report {}", "explain --report {}", "inspect {} --packet 1",
     "evaluate {}", "knowledge check {}", "knowledge import {}", "calibrate --truth {}", "assess --profile {}",
     "assess --knowledge {}", "assess --geo {}", "assess --weights {}", "report --weights {}", "scan x --profile {}",
     "serve --cert {}", "agent --token-file {}"],
)  # fmt: skip
def test_a_missing_input_has_the_same_code_in_every_command(cli, tmp_path, monkeypatch, command):
    """Whether it is evidence or configuration: a mistyped name is wrong usage."""
    monkeypatch.setenv("FARMWATCH_STORE", str(tmp_path / "store"))
    missing = tmp_path / "missing.x"
    ran = cli(*command.format(missing).split())
    assert (ran.code, ran.out) == (2, "")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("option", ["--fail-on=never", "--format=pdf", "--color=blue"])
def test_a_wrong_choice_names_the_right_ones(cli, capture_file, option):
    ran = cli("scan", capture_file, option)
    assert ran.code == 2
    assert option.partition("=")[0] in ran.err
    assert re.search(r"'?(strong|json|always)'?", ran.err)


def test_json_is_a_format_said_shortly(cli, capture_file):
    assert cli("scan", capture_file, "--json", "-q").out == cli("scan", capture_file, "-f", "json", "-q").out
