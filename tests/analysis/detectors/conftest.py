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
from farmwatch.records import Outcome
from tests.rows import tables_of, turned

CASES = Path(__file__).parents[2] / "cases"


def pytest_generate_tests(metafunc):
    """Give every test that asks for a ``case`` the case files of its module's detector."""
    if "case" in metafunc.fixturenames:
        files = sorted((CASES / metafunc.module.DETECTOR.id).glob("*.toml"))
        metafunc.parametrize("case", files, ids=[file.stem for file in files])


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
        tables = tables_of(**case)
        assert answers(detector, tables) == expected
        assert answers(detector, turned(tables)) == expected, "the order of rows must not matter"

    return compare
