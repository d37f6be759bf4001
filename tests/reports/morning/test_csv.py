"""CSV of the morning report."""

from __future__ import annotations

import csv
import io

from farmwatch.reports.morning.csv import COLUMNS, render
from tests.reports.morning import fleet_rows as fr


def read(morning):
    return list(csv.DictReader(io.StringIO(render(morning))))


def test_one_line_a_device(morning):
    """Every device of the assessment, and those that are gone."""
    rows = read(morning)
    assert len(rows) == morning.run.devices + 1
    assert len({row["device_id"] for row in rows}) == len(rows)
    assert rows[-1]["device_id"] == "lap-00006"
    assert rows[-1]["change"] == "no longer assessed"
    assert tuple(rows[0]) == COLUMNS


def test_cases_carry_why_and_what_next(morning):
    """A spreadsheet is enough to work through them."""
    row = read(morning)[0]
    assert (row["device_id"], row["change"], row["level"]) == ("lap-00000", "new", "strong")
    assert "PiKVM" in row["why"]
    assert row["families"] == "hardware|names|place|timing"
    assert fr.CHECKS["usb.kvm_identity"] in row["next_steps"]


def test_decisions_are_there(morning):
    """Who decided what, and why."""
    rows = {row["device_id"]: row for row in read(morning)}
    assert "ann on 8 Mar 2026: ticket 4711" in rows["lap-00005"]["decisions"]


def test_no_cell_is_a_formula():
    """A device that names itself like a formula stays text, also behind a bar."""
    names = ["=1+1", "+cmd|'/C calc'!A0", "@x", "-2", "a|=b"]
    stands = {
        name: fr.standing(name, fr.finding("usb.kvm_identity", 24.0, f"=HYPERLINK({name})"), fr.TOOLS) for name in names
    }
    made = fr.build(fr.rows(names, stands), stands, None, {}, fr.fleet(20, farm=False)[4])
    for row in csv.reader(io.StringIO(render(made))):
        for cell in row[:1] + row[11:]:
            for part in cell.split("|"):
                assert not part.lstrip().startswith(("=", "+", "@", "-")), cell
