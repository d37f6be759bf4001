"""The kept table of results."""

from __future__ import annotations

from tests.lab.hand import results

COLUMNS = "file,scenario,group,tool,role,way,evasion,vantage,proto,local,remote\n"


def test_heading_counts_captures_and_not_rows(tmp_path):
    """Two labelled flows of one capture are one capture."""
    labels = tmp_path / "labels.csv"
    labels.write_text(COLUMNS + "a.pcap,a,,,,,,,,,\n" * 2 + "b.pcap,b,,,,,,,,,\n")
    assert results.heading(labels).endswith(": 2 captures of the laboratory")


def test_the_kept_table_is_what_evaluate_prints():
    """A dated line, an empty one, and the table's own heading."""
    lines = results.RESULTS.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("20")
    assert lines[0].endswith("captures of the laboratory")
    assert not lines[1]
    assert lines[2].split() == ["what", "bar", "measured", "holds"]
