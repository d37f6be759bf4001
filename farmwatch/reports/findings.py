"""Findings as rows: one JSON object a line for log shippers, one CSV line for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from farmwatch.records.finding import Finding
from farmwatch.records.report import Device, Report
from farmwatch.reports import document, reading
from farmwatch.reports.escape import csv_cell, json_text

__all__ = ["CSV_COLUMNS", "csv_text", "jsonl_text"]

CSV_COLUMNS = (
    "device_id",
    "device",
    "ips",
    "macs",
    "device_level",
    "claim",
    "claim_level",
    "detector",
    "family",
    "outcome",
    "decibans",
    "counted",
    "summary",
    "observed",
    "expected",
    "benign",
    "weight_source",
    "weight_reason",
    "group",
    "conclusive",
    "proof",
)  #: header of the CSV of findings


def _rows(report: Report) -> Iterator[tuple[Device, Finding]]:
    """Every finding with its device; devices worst first, findings in the report's order."""
    for device in reading.ordered_devices(report):
        for finding in device.findings:
            yield device, finding


def jsonl_text(report: Report) -> str:
    """One JSON object per finding and line; each carries its device, so that a line stands alone."""
    lines: list[str] = []
    for device, finding in _rows(report):
        row: dict[str, Any] = {
            "schema_version": report.schema_version,
            "device_id": device.device_id,
            "ips": list(device.ips),
            "macs": list(device.macs),
            "names": list(device.names),
            "device_level": str(reading.device_level(device)),
            **document.plain(finding, f"devices.{device.device_id}.findings.{finding.detector}"),
        }
        lines.append(json_text(json.dumps(row, allow_nan=False)) + "\n")
    return "".join(lines)


def csv_text(report: Report) -> str:
    """All findings as CSV (RFC 4180, line feeds), safe to open in a spreadsheet; lists are joined by ``|``.

    Text that could start a formula gets an apostrophe in front (:func:`farmwatch.reports.escape.csv_cell`).
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for device, finding in _rows(report):
        writer.writerow(
            [cell if isinstance(cell, float) else csv_cell(cell) for cell in _cells(report, device, finding)]
        )
    return out.getvalue()


def _cells(report: Report, device: Device, finding: Finding) -> tuple[str | float, ...]:
    """One row in the order of :data:`CSV_COLUMNS`."""
    assessed = dict(reading.claims(device))[finding.claim]
    return (
        device.device_id,
        reading.title(device),
        "|".join(device.ips),
        "|".join(device.macs),
        str(reading.device_level(device)),
        str(finding.claim),
        str(assessed.level),
        finding.detector,
        str(finding.family),
        str(finding.outcome),
        round(finding.decibans, 2) + 0.0,
        "yes" if reading.counted(device, finding) else "no",
        finding.summary,
        finding.observed,
        finding.expected,
        "|".join(finding.benign),
        str(finding.weight_source),
        finding.weight_reason,
        finding.group,
        "yes" if finding.conclusive else "no",
        "|".join(
            f"{report.inputs[row.input].path if 0 <= row.input < len(report.inputs) else row.input}:{row.table}"
            f":{' '.join(map(str, row.packets))}"
            for row in finding.rows
        ),
    )
