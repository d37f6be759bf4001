"""``farmwatch scan``: streams, formats, exit codes, options."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

import farmwatch
from farmwatch.cli.exits import Exit
from farmwatch.reports.document import schema

PCAPS = Path(__file__).parent.parent.parent / "pcaps"


def test_text_goes_to_stdout_and_talk_to_stderr(cli, fake_scan, capture_file):
    """The result alone is on standard output; no bar where standard error is no terminal."""
    ran = cli("scan", capture_file)
    assert ran.out.startswith("5 devices:")
    assert ran.err == ""


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "csv", "html"])
def test_every_format_is_byte_identical_on_rerun(cli, fake_scan, capture_file, form):
    """No clock, no order of a set: the same input gives the same bytes."""
    first, second = cli("scan", capture_file, "--format", form), cli("scan", capture_file, "--format", form)
    assert first.out
    assert first.out == second.out


def test_json_follows_the_schema(cli, fake_scan, capture_file):
    """``--json`` is a document that the published schema accepts."""
    jsonschema.validate(json.loads(cli("scan", "--json", capture_file).out), schema())


def test_csv_and_jsonl_are_findings(cli, fake_scan, capture_file):
    """Both list the same findings."""
    rows = list(csv.DictReader(io.StringIO(cli("scan", capture_file, "-f", "csv").out)))
    lines = [json.loads(line) for line in cli("scan", capture_file, "-f", "jsonl").out.splitlines()]
    assert [row["detector"] for row in rows] == [line["detector"] for line in lines]


def test_damage_is_said_on_stderr_where_the_result_is_for_a_program(cli, fake_scan, capture_file):
    """A pipeline that reads JSON still tells its operator; -q silences it; names stay inert."""
    ran = cli("scan", "--json", capture_file)
    assert "DAMAGED captures/\\x1b[31mgate\\u202ety.pcap: record header at offset 65536" in ran.err
    assert "UNREADABLE notes.txt" in ran.err
    assert cli("scan", "--json", "-q", capture_file).err == ""


def test_output_file_holds_the_result_and_stdout_nothing(cli, fake_scan, capture_file, tmp_path):
    """``-o`` and ``--html`` write files; standard output stays empty."""
    out, page = tmp_path / "r.json", tmp_path / "r.html"
    ran = cli("scan", capture_file, "--json", "-o", out, "--html", page)
    assert ran.out == ""
    assert f"wrote {out}" in ran.err
    assert json.loads(out.read_text())["schema_version"] == 1
    assert page.read_text().startswith("<!doctype html>")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.pcap", "r.html", "r.json"]


def test_evidence_is_never_written_over(cli, fake_scan, capture_file):
    """An output that is an input is refused before anything is read."""
    before = capture_file.read_bytes()
    for option in ("-o", "--html"):
        ran = cli("scan", capture_file, option, capture_file)
        assert ran.code == Exit.USAGE
        assert "does not write over evidence" in ran.err
    assert capture_file.read_bytes() == before
    assert fake_scan == []


def test_output_that_cannot_be_written_is_refused_before_the_work(cli, fake_scan, capture_file, tmp_path):
    """A missing folder is noticed before an hour of scanning."""
    ran = cli("scan", capture_file, "-o", tmp_path / "missing" / "r.json")
    assert ran.code == Exit.USAGE
    assert "create it first" in ran.err
    assert fake_scan == []


def test_two_results_do_not_go_to_one_file(cli, fake_scan, capture_file, tmp_path):
    """The second would replace the first."""
    ran = cli("scan", capture_file, "-o", tmp_path / "r", "--html", tmp_path / "r")
    assert ran.code == Exit.USAGE
    assert fake_scan == []


def test_waiting_for_a_terminal_is_refused(cli, fake_scan, monkeypatch):
    """``scan -`` without a pipe explains itself instead of hanging."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    ran = cli("scan", "-")
    assert ran.code == Exit.USAGE
    assert "pipe a capture" in ran.err


def test_missing_file_suggests_a_near_one(cli, fake_scan, capture_file):
    """A typo is answered with the file that is there."""
    ran = cli("scan", capture_file.with_name("onne.pcap"))
    assert ran.code == Exit.USAGE
    assert "did you mean" in ran.err
    assert "one.pcap" in ran.err


@pytest.mark.parametrize(
    ("inputs", "options", "code"),
    [
        ("all", (), Exit.PARTIAL),
        ("all", ("--fail-on", "strong"), Exit.FINDINGS),
        ("whole", (), Exit.OK),
        ("whole", ("--fail-on", "review"), Exit.FINDINGS),
        ("none", (), Exit.NOTHING),
        ("none", ("--fail-on", "review"), Exit.NOTHING),
    ],
)
def test_exit_codes(cli, monkeypatch, sample, capture_file, inputs, options, code):
    """0 ran, 1 findings as asked, 3 damaged, 5 nothing readable; findings go before damage."""
    report = sample.report()
    kept = {"all": report.inputs, "whole": report.inputs[:1], "none": report.inputs[2:]}[inputs]
    monkeypatch.setitem(farmwatch.__dict__, "scan", lambda *_a, **_o: replace(report, inputs=kept))
    assert cli("scan", capture_file, *options).code == code


def test_review_does_not_fail_where_only_strong_should(cli, monkeypatch, sample, capture_file):
    """``--fail-on strong`` stays 0 for a device under review."""
    report = replace(sample.report(), devices=(sample.review_device(),), farms=(), inputs=sample.report().inputs[:1])
    monkeypatch.setitem(farmwatch.__dict__, "scan", lambda *_a, **_o: report)
    assert cli("scan", capture_file, "--fail-on", "strong").code == Exit.OK
    assert cli("scan", capture_file, "--fail-on", "review").code == Exit.FINDINGS


def test_options_become_the_profile(cli, fake_scan, capture_file):
    """What is declared on the command line reaches the analysis."""
    cli(
        "scan", capture_file, "--device", "LT-1", "--device", "10.0.0.5", "--site", "203.0.113.0/24",
        "--corporate", "10.20.0.0/16", "--corporate", "acme.example", "--corporate", "teamviewer", "--vantage", "lan",
        "--jobs", "0",
    )  # fmt: skip
    profile = fake_scan[0]["profile"]
    assert profile.only_devices == ("lt-1", "10.0.0.5")
    assert [str(network) for network in profile.local_cidrs] == ["203.0.113.0/24"]
    assert [str(network) for network in profile.company_cidrs] == ["10.20.0.0/16"]
    assert profile.company_domains == ("acme.example",)
    assert profile.approved_tools == {"teamviewer"}
    assert profile.vantage == "lan"
    assert fake_scan[0]["jobs"] == 0


def test_without_options_there_is_no_profile(cli, fake_scan, capture_file):
    """The scan works with nothing declared."""
    cli("scan", capture_file)
    assert fake_scan[0]["profile"] is None
    assert fake_scan[0]["progress"] is None


def test_wrong_option_value_is_usage_and_wrong_profile_is_config(cli, fake_scan, capture_file, tmp_path):
    """A bad flag is the caller's 2, a bad file is 4 with every fault."""
    ran = cli("scan", capture_file, "--site", "home")
    assert ran.code == Exit.USAGE
    assert "--site home: expected a network" in ran.err
    profile = tmp_path / "acme.toml"
    profile.write_text('[company]\ncidrs = ["nonsense"]\nnationality = "x"\n')
    ran = cli("scan", capture_file, "--profile", profile)
    assert ran.code == Exit.CONFIG
    assert "nonsense" in ran.err
    assert "never an input" in ran.err


def test_text_in_a_terminal_without_utf8_is_ascii(cli, fake_scan, capture_file, monkeypatch):
    """Where the encoding has no bullets, plain characters are used."""
    monkeypatch.setattr("sys.stdout.reconfigure", lambda **_o: None, raising=False)
    monkeypatch.setattr("farmwatch.cli.showing.can_show", lambda _stream: False)
    ran = cli("scan", capture_file)
    assert ran.out.isascii()


@pytest.mark.parametrize(
    ("environment", "option", "colored"),
    [({}, None, False), ({"FORCE_COLOR": "1"}, None, True), ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, None, False),
     ({}, "always", True), ({"FORCE_COLOR": "1"}, "never", False), ({"NO_COLOR": "1"}, "always", True)],
)  # fmt: skip
def test_colour(cli, fake_scan, capture_file, monkeypatch, environment, option, colored):
    """The flag goes before NO_COLOR, that before FORCE_COLOR, that before the terminal."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ran = cli("scan", capture_file, *(("--color", option) if option else ()))
    assert ("\x1b[" in ran.out) is colored


# ---- with the real scan ----


@pytest.mark.parametrize("capture", sorted(PCAPS.glob("*.pcap*")), ids=lambda path: path.name)
def test_captures_of_this_project_give_valid_reports_in_every_format(cli, capture):
    """Every capture is scanned, its JSON follows the schema and renders again to the same text and JSON."""
    first = cli("scan", "--json", capture)
    assert first.code == Exit.OK, first.err
    jsonschema.validate(json.loads(first.out), schema())
    assert cli("scan", "--json", capture).out == first.out
    for form in ("text", "csv", "jsonl", "html"):
        ran = cli("scan", capture, "-f", form)
        assert ran.code == Exit.OK
        assert ran.out


def test_saved_scan_renders_like_the_scan(cli, tmp_path):
    """``report`` on the JSON of a scan shows what the scan showed."""
    capture = PCAPS / "farm-lan.pcap"
    path = tmp_path / "saved.json"
    cli("scan", "--json", "-o", path, capture)
    for options in ((), ("-vv",), ("-f", "html"), ("--json",)):
        assert cli("report", path, *options).out == cli("scan", capture, *options).out


def test_unreadable_input_among_good_ones_is_code_3(cli, tmp_path):
    """The rest is done, the bad one is named."""
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(b"this is no capture at all, sorry")
    ran = cli("scan", PCAPS / "home.pcap", bad)
    assert ran.code == Exit.PARTIAL
    assert "UNREADABLE" in ran.out
    assert "bad.pcap" in "".join(ran.out.split())


def test_nothing_readable_is_code_5(cli, tmp_path):
    """A scan of nothing but noise does not look like a clean bill."""
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(b"this is no capture at all, sorry")
    ran = cli("scan", bad)
    assert ran.code == Exit.NOTHING
    assert "UNREADABLE" in ran.out


def test_standard_input_gives_the_same_verdict(cli, tmp_path):
    """A pipe is read like the file."""
    import subprocess
    import sys

    capture = PCAPS / "farm-lan.pcap"
    with capture.open("rb") as file:
        ran = subprocess.run(
            [sys.executable, "-m", "farmwatch", "scan", "--json", "-"], stdin=file, capture_output=True, check=False
        )
    assert ran.returncode == Exit.OK, ran.stderr
    piped, direct = json.loads(ran.stdout), json.loads(cli("scan", "--json", capture).out)
    assert piped["inputs"][0]["path"] == "-"
    assert piped["inputs"][0]["sha256"] == direct["inputs"][0]["sha256"]
    assert [device["assessment"] for device in piped["devices"]] == [d["assessment"] for d in direct["devices"]]


def test_results_can_be_kept_in_a_store(cli, tmp_path):
    """Once, however often the same capture is scanned."""
    from farmwatch.records import ScannedDevice
    from farmwatch.store import open_store

    capture = Path(__file__).parents[2] / "pcaps" / "vnc-relayed.pcap"
    assert "kept in" in cli("scan", capture, "--store", tmp_path / "store").err
    assert "there already" in cli("scan", capture, "--store", tmp_path / "store").err
    kept = open_store(tmp_path / "store").read(ScannedDevice)
    assert {"strong", "review"} & set(kept["driven"].to_pylist())
