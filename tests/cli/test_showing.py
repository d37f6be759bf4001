"""One report, shown as asked."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from farmwatch.cli.exits import Exit
from farmwatch.cli.showing import FailOn, Format, exit_code, show
from farmwatch.cli.streams import Color
from farmwatch.records.report import Level
from farmwatch.reports.document import dumps

DAMAGED = {"complete": False, "rejects": {"truncated packet": 3}}
UNREADABLE = {"complete": False, "error": "not a capture"}


@pytest.fixture
def report(sample):
    return sample.report()


def with_inputs(report, *changes):
    first = replace(report.inputs[0], complete=True, error=None, rejects={})
    return replace(report, inputs=tuple(replace(first, **change) for change in changes))


def leveled(report, level):
    """The report with all claims of all devices and farms at one level."""

    def every(assessment):
        return replace(assessment, **{name: replace(getattr(assessment, name), level=level)
                                      for name in ("driven", "abroad", "farm")})  # fmt: skip

    devices = tuple(replace(one, assessment=every(one.assessment)) for one in report.devices)
    return replace(report, devices=devices, farms=())


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ([{}], Exit.OK),
        ([{}, DAMAGED], Exit.PARTIAL),
        ([{}, UNREADABLE], Exit.PARTIAL),
        ([UNREADABLE, UNREADABLE], Exit.NOTHING),
        ([], Exit.OK),
    ],
    ids=["whole", "damaged", "one unreadable", "nothing readable", "no inputs"],
)
def test_inputs_decide_the_code(report, inputs, code):
    assert exit_code(with_inputs(report, *inputs), None) is code


@pytest.mark.parametrize(
    ("level", "fail_on", "code"),
    [
        (Level.STRONG, None, Exit.OK),
        (Level.STRONG, FailOn.REVIEW, Exit.FINDINGS),
        (Level.STRONG, FailOn.STRONG, Exit.FINDINGS),
        (Level.REVIEW, FailOn.STRONG, Exit.OK),
        (Level.REVIEW, FailOn.REVIEW, Exit.FINDINGS),
        (Level.CLEAR, FailOn.REVIEW, Exit.OK),
        (Level.NOT_ENOUGH_DATA, FailOn.REVIEW, Exit.OK),
    ],
)
def test_findings_decide_the_code_only_when_asked(report, level, fail_on, code):
    """At or above the level named, and never for what was not looked at."""
    assert exit_code(with_inputs(leveled(report, level), {}), fail_on) is code


def test_findings_go_before_damage_and_nothing_readable_before_findings(report):
    strong = leveled(report, Level.STRONG)
    assert exit_code(with_inputs(strong, {}, DAMAGED), FailOn.REVIEW) is Exit.FINDINGS
    assert exit_code(with_inputs(strong, UNREADABLE), FailOn.REVIEW) is Exit.NOTHING


def shown(capfdbinary, report, form, **more):
    options = {"output": None, "html": None, "verbose": 0, "quiet": False, "color": Color.AUTO} | more
    capfdbinary.readouterr()
    show(report, form=form, **options)
    out, err = capfdbinary.readouterr()
    return out.decode(), err.decode()


@pytest.mark.parametrize("form", [Format.JSON, Format.JSONL, Format.CSV, Format.HTML])
def test_documents_hold_the_result_alone(capfdbinary, report, form):
    """Damage is said beside the result of a program, not in it."""
    out, err = shown(capfdbinary, with_inputs(report, {}, DAMAGED, UNREADABLE), form)
    if form is Format.JSON:
        assert json.loads(out)["schema_version"] == 1
    elif form is Format.JSONL:
        assert all(json.loads(line) for line in out.splitlines())
    elif form is Format.CSV:
        assert len({len(row) for row in csv.reader(io.StringIO(out))}) == 1
    else:
        assert out.lower().startswith("<!doctype html>")
    assert err.startswith(("DAMAGED", "UNREADABLE"))
    assert len(err.splitlines()) == 2


def test_quiet_says_nothing_beside_the_result(capfdbinary, report, tmp_path):
    damaged = with_inputs(report, DAMAGED)
    assert shown(capfdbinary, damaged, Format.JSON, quiet=True)[1] == ""
    assert shown(capfdbinary, damaged, Format.TEXT, quiet=True, output=tmp_path / "a.txt") == ("", "")


def test_files_get_the_result_and_the_terminal_the_word_of_it(capfdbinary, report, tmp_path):
    """Text in a file has no colours of the terminal it was asked from; HTML is written beside any format."""
    text, page = tmp_path / "a.txt", tmp_path / "a.html"
    out, err = shown(capfdbinary, report, Format.TEXT, output=text, html=page)
    assert out == ""
    assert [line.split()[0] for line in err.splitlines()] == ["wrote", "wrote"]
    assert "\x1b" not in text.read_text(encoding="utf-8")
    assert max(map(len, text.read_text(encoding="utf-8").splitlines())) <= 100
    assert "<html" in page.read_text(encoding="utf-8")
    shown(capfdbinary, report, Format.TEXT, output=text, color=Color.ALWAYS)
    assert "\x1b[" in text.read_text(encoding="utf-8")


def test_json_is_the_report_itself(capfdbinary, report):
    assert shown(capfdbinary, report, Format.JSON)[0] == dumps(report)
