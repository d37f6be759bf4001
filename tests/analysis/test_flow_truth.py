"""Labels of flows: read as the laboratory writes them, told from other labels, refused when something lacks."""

from __future__ import annotations

import csv

import pytest

from farmwatch.analysis.flow_truth import FlowTruth, is_flow_truth, read_flow_truth
from farmwatch.errors import SourceError

ROW = {
    "file": "a/one.pcap", "scenario": "one", "group": "controlled", "tool": "tigervnc", "role": "controlled",
    "way": "splice", "evasion": "", "vantage": "laptop", "proto": "tcp", "local": "10.0.0.5:*",
    "remote": "198.51.100.7:*", "loop_rtt_ms": "190.5", "keys": "", "seed": "7",
}  # fmt: skip


@pytest.fixture
def write(tmp_path):
    """Writes labels, by default with every column."""

    def write(*rows, without=()):
        path = tmp_path / "labels.csv"
        names = [name for name in ROW if name not in without]
        with path.open("w", newline="", encoding="utf-8") as stream:
            lines = csv.DictWriter(stream, names, extrasaction="ignore")
            lines.writeheader()
            lines.writerows(rows)
        return path

    return write


def test_labels_are_read_beside_their_captures(write, tmp_path):
    """Paths are relative to the file of labels; all other columns are facts."""
    (found,) = read_flow_truth(write(ROW))
    assert isinstance(found, FlowTruth)
    assert found.path == tmp_path / "a" / "one.pcap"
    assert (found.tool, found.role, found.way, found.evasion, found.vantage) == (
        "tigervnc", "controlled", "splice", "", "laptop",
    )  # fmt: skip
    assert found.number("loop_rtt_ms") == 190.5
    assert found.number("keys") is None, "an empty cell"
    assert found.number("clicks") is None, "a column that is not there"


@pytest.mark.parametrize(
    ("local", "remote", "fits"),
    [
        ("10.0.0.5:5900", "198.51.100.7:40000", True),
        ("10.0.0.6:5900", "198.51.100.7:40000", False),
        ("10.0.0.5:5900", "198.51.100.70:40000", False),
        ("10.0.0.5", "198.51.100.7:40000", False),
    ],
)
def test_a_flow_fits_by_both_ends(write, local, remote, fits):
    assert read_flow_truth(write(ROW))[0].fits(local, remote) is fits


def test_ports_may_be_named(write):
    (found,) = read_flow_truth(write(ROW | {"local": "10.0.0.5:5900", "remote": "*:443"}))
    assert found.fits("10.0.0.5:5900", "192.0.2.1:443")
    assert not found.fits("10.0.0.5:5901", "192.0.2.1:443")
    assert not found.fits("10.0.0.5:5900", "192.0.2.1:444")


def test_ipv6_addresses_fit_as_they_are_written(write):
    (found,) = read_flow_truth(write(ROW | {"local": "2001:db8::5:*", "remote": "2001:db8:f::7:*"}))
    assert found.fits("2001:db8::5:5900", "2001:db8:f::7:40000")
    assert found.profile().only_devices == ("2001:db8::5",)


def test_the_labelled_laptop_is_declared(write):
    """Of a laptop whose served connection alone was captured one would think it a server."""
    assert read_flow_truth(write(ROW))[0].profile().only_devices == ("10.0.0.5",)
    assert read_flow_truth(write(ROW | {"local": ""}))[0].profile().only_devices == ()


def test_labels_of_flows_are_told_by_their_columns(write, tmp_path):
    """A CSV of whole captures, a missing file, bytes that are no text and an empty file are none."""
    assert is_flow_truth(write(ROW))
    assert is_flow_truth(write()), "columns alone tell"
    for missing in ("local", "evasion", "vantage"):
        assert not is_flow_truth(write(ROW, without=(missing,)))
    for name, content in (
        ("whole.csv", b"file,role,tool\nx,y,z\n"),
        ("empty.csv", b""),
        ("bytes.csv", b"\xff\xfe\x00"),
    ):
        (tmp_path / name).write_bytes(content)
        assert not is_flow_truth(tmp_path / name)
    assert not is_flow_truth(tmp_path / "none.csv")


@pytest.mark.parametrize("missing", ["file", "role", "way", "remote"])
def test_a_column_that_lacks_is_named(write, missing):
    with pytest.raises(SourceError, match="expected a CSV with the columns") as told:
        read_flow_truth(write(ROW, without=(missing,)))
    assert missing in str(told.value)


def test_columns_without_rows_are_refused(write):
    with pytest.raises(SourceError, match="expected a CSV with the columns"):
        read_flow_truth(write())


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SourceError, match="not a readable CSV of labels"):
        read_flow_truth(tmp_path / "none.csv")


def test_rows_of_another_length_are_refused(write):
    """A cell too few or too many would shift the truth."""
    path = write(ROW, ROW)
    whole = path.read_text(encoding="utf-8")
    for damaged in (whole.rstrip().rpartition(",")[0], whole.rstrip() + ",more"):
        path.write_text(damaged + "\n", encoding="utf-8")
        with pytest.raises(SourceError, match="row 2 has more or fewer cells"):
            read_flow_truth(path)


def test_numbers_must_be_numbers(write):
    (found,) = read_flow_truth(write(ROW | {"keys": "many"}))
    with pytest.raises(SourceError, match="keys is 'many', expected a number"):
        found.number("keys")
