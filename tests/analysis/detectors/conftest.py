"""Case files: a few synthetic rows of the tables a detector reads, and exactly what it must answer.

A file ``tests/cases/<detector id>/<name>.toml`` holds ``why``, tables by name (times in seconds; columns left out
are empty, zero or absent), and ``[[expect]]`` entries in the order of the detector's answers. File names start
with ``hit``, ``near_miss`` or ``no_data``.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from farmwatch.analysis.detectors import run_detectors
from farmwatch.records import DERIVED_TABLES, NETWORK_TABLES, Outcome, Rows, Tables

CASES = Path(__file__).parents[2] / "cases"
RECORDS = {record.table: record for record in (*NETWORK_TABLES, *DERIVED_TABLES)}
EMPTY = {str: "", int: 0, float: 0.0, bool: False}


def pytest_generate_tests(metafunc):
    """Give every test that asks for a ``case`` the case files of its module's detector."""
    if "case" in metafunc.fixturenames:
        files = sorted((CASES / metafunc.module.DETECTOR.id).glob("*.toml"))
        metafunc.parametrize("case", files, ids=[file.stem for file in files])


def table_of(name, entries):
    """A table from the entries of a case file."""
    record = RECORDS[name]
    rows = Rows(record)
    for entry in entries:
        unknown = entry.keys() - record.columns.keys()
        assert not unknown, f"{name} has no column {', '.join(sorted(unknown))}"
        values = {}
        for column in record.columns.values():
            given = entry.get(column.name)
            if column.type not in EMPTY:
                values[column.name] = None if given is None and column.absent else int((given or 0) * 1e9)
            else:
                values[column.name] = given if given is not None or column.absent else EMPTY[column.type]
        rows.add(**values)
    return rows.table()


def answers(detector, tables):
    """Everything a detector answers, in a shape that case files can hold."""
    found = run_detectors((detector,), tables)
    listed = []
    for device, findings in found.items():
        for finding in findings:
            said = {
                "device": device,
                "claim": str(finding.claim),
                "outcome": str(finding.outcome),
                "summary": finding.summary,
            }
            if finding.outcome is Outcome.HIT:
                said |= {
                    "decibans": round(finding.decibans, 2),
                    "observed": finding.observed,
                    "group": finding.group,
                    "proof": [f"{row.table} {row.input}: {list(row.packets)}" for row in finding.rows],
                }
            listed.append(said)
    return listed


@pytest.fixture
def check():
    """Compare a detector's answers with a case file, whatever the order of rows."""

    def compare(detector, path):
        case = tomllib.loads(path.read_text(encoding="utf-8"))
        assert case.pop("why")
        expected = case.pop("expect")
        tables = Tables(table_of(name, entries) for name, entries in case.items())
        assert answers(detector, tables) == expected
        turned = Tables(table.where(range(len(table) - 1, -1, -1)) for table in tables)
        assert answers(detector, turned) == expected, "the order of rows must not matter"

    return compare
