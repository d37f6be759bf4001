"""Findings as JSON lines and CSV."""

from __future__ import annotations

import csv
import io
import json

from farmwatch.reports.findings import CSV_COLUMNS, csv_text, jsonl_text


def rows(report):
    """The CSV parsed back."""
    return list(csv.DictReader(io.StringIO(csv_text(report))))


def test_each_finding_is_one_line_that_stands_alone(sample):
    """Every JSON line carries its device, its level and the whole finding."""
    report = sample.report()
    lines = [json.loads(line) for line in jsonl_text(report).splitlines()]
    assert len(lines) == sum(len(device.findings) for device in report.devices)
    assert lines[0]["device_id"] == sample.strong_device().device_id
    assert lines[0]["device_level"] == "strong"
    assert {"schema_version", "detector", "claim", "outcome", "decibans", "benign", "rows", "ips"} <= set(lines[0])


def test_csv_has_all_findings_under_its_header(sample):
    """Every finding is a row, numbers are numbers, and lists are joined by bars."""
    report = sample.report()
    found = rows(report)
    assert len(found) == sum(len(device.findings) for device in report.devices)
    assert tuple(found[0]) == CSV_COLUMNS
    first = next(row for row in found if row["detector"] == "names.remote_tool" and row["outcome"] == "hit")
    assert float(first["decibans"]) == 25.5
    assert first["counted"] == "yes"
    assert first["benign"] == "help desk|own second computer"
    assert first["proof"] == "suspect.pcapng:tls:104 109|suspect.pcapng:flows:101"
    left_out = next(row for row in found if row["detector"] == "names.relay_idle")
    assert left_out["counted"] == "no"


def test_weights_against_a_claim_stay_numbers(sample):
    """A negative weight is not mistaken for a formula."""
    against = next(
        row for row in rows(sample.report()) if row["detector"] == "names.kvm_on_lan" and row["outcome"] == "clear"
    )
    assert against["decibans"] == "-1.5"


def test_no_hostile_cell_is_a_formula_or_steers(sample):
    """Names as an adversary would choose them arrive defused."""
    text = csv_text(sample.report())
    assert all(char.isprintable() or char == "\n" for char in text)
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            if not cell.replace(".", "", 1).lstrip("-").isdigit():
                assert not cell.startswith(("=", "+", "-", "@"))


def test_jsonl_is_ascii(sample):
    """Hostile names are written out in JSON lines too."""
    text = jsonl_text(sample.report())
    assert text.isascii()
    assert all(char.isprintable() or char == "\n" for char in text)
