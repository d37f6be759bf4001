"""Labelled captures in, a table of how well they are judged out."""

from __future__ import annotations

from pathlib import Path

import pytest

from farmwatch.analysis.evaluate import CaptureResult, Label, evaluate, read_labels
from farmwatch.errors import SourceError

PCAPS = Path(__file__).parents[2] / "pcaps"


def result(tool, tools, accused=()):
    return CaptureResult(Label(Path("x"), "x", "positive", tool), 0.1, "ok", tools, accused, "")


@pytest.mark.parametrize(
    ("label", "tools", "named"),
    [
        ("vnc", ("vnc",), True), ("vnc (apple screen sharing)", ("vnc",), True), ("rdp-udp", ("rdp",), True),
        ("vnc+telnet+ssh (mix)", ("ssh", "vnc"), True), ("ssh-reverse", ("ssh",), True), ("anydesk", ("vnc",), False),
        ("something new", ("vnc",), False), ("rdp", (), False),
    ],
)  # fmt: skip
def test_a_label_is_met_by_its_tool(label, tools, named):
    assert result(label, tools).named is named


def test_only_driving_above_clear_is_an_accusation():
    assert result("", (), ("driven review: x +21",)).accused_of_driving
    assert not result("", (), ("farm review: x +21",)).accused_of_driving


def test_labels_are_read_beside_their_captures(tmp_path):
    (tmp_path / "labels.csv").write_text("file,role,tool,note\na/b.pcap,positive,vnc,x\n", encoding="utf-8")
    assert read_labels(tmp_path / "labels.csv") == [Label(tmp_path / "a/b.pcap", "a/b.pcap", "positive", "vnc")]


@pytest.mark.parametrize("text", ["", "file,tool\nx,y\n"])
def test_a_file_without_the_columns_is_refused(tmp_path, text):
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match="columns file, role and tool"):
        read_labels(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SourceError, match="not a readable CSV"):
        read_labels(tmp_path / "none.csv")


def test_captures_are_judged_in_order(tmp_path):
    """A driven laptop, an ordinary home, and a file that is no capture; progress counts them."""
    (tmp_path / "bad.pcap").write_bytes(b"not a capture")
    labels = [
        Label(PCAPS / "vnc-relayed.pcap", "vnc-relayed.pcap", "positive", "vnc"),
        Label(PCAPS / "home.pcap", "home.pcap", "negative", ""),
        Label(tmp_path / "bad.pcap", "bad.pcap", "malformed", ""),
    ]
    told = []
    found = evaluate(labels, progress=lambda done, total: told.append((done, total)))
    assert [one.outcome for one in found] == ["ok", "ok", "unreadable"]
    assert [one.named for one in found] == [True, False, False]
    assert [one.accused_of_driving for one in found] == [True, False, False]
    assert found[2].message
    assert told == [(3, 3)]


def test_positives_of_the_corpus_name_their_tool(corpus):
    """Every labelled positive is recognised."""
    labels = [label for label in read_labels(corpus / "labels.csv") if label.role == "positive"]
    unnamed = [one.label.file for one in evaluate(labels) if not one.named]
    assert labels
    assert not unnamed


def test_confusables_of_the_corpus_accuse_nobody(corpus):
    """Captures that look like remote control and are not stay clear."""
    labels = [label for label in read_labels(corpus / "labels.csv") if label.role == "confusable"]
    found = evaluate(labels)
    assert not [one.label.file for one in found if one.accused_of_driving]
    assert not [one.label.file for one in found if one.outcome == "error"]
