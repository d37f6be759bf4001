"""The whole product over captures nobody here made: tools named, nobody accused by names alone, damage survived.

By default all positives and every seventh of the others; ``FARMWATCH_CORPUS=DIR`` says where the corpus is and
``FARMWATCH_CORPUS_FULL=1`` judges all of it (as ``farmwatch evaluate labels.csv`` does).
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from farmwatch.analysis.evaluate import CaptureResult, evaluate, read_labels

EVERY = 1 if os.environ.get("FARMWATCH_CORPUS_FULL") == "1" else 7
SLOWEST_S = 20.0  #: of one capture, on a busy machine; the largest is under 5 MB

#: Captures that hold nothing that can be read: exit 5, each for its own reason.
UNREADABLE = {
    "malformed/seladb+PcapPlusPlus/Tests/ExamplesTest/pcap_examples/solaris.snoop":
        "a snoop file; the message names the program that converts it",
}  # fmt: skip


@pytest.fixture(scope="module")
def results(corpus) -> list[CaptureResult]:
    """Every capture of the sample, judged."""
    labels = read_labels(corpus / "labels.csv")
    others = [label for label in labels if label.role != "positive"]
    chosen = [label for label in labels if label.role == "positive"] + others[::EVERY]
    named = {label.file for label in chosen}
    chosen += [label for label in others if label.file in UNREADABLE and label.file not in named]
    return evaluate(chosen, jobs=2)


def test_nothing_breaks(results):
    """No capture ends in an exception."""
    assert [(one.label.file, one.message) for one in results if one.outcome == "error"] == []


def test_every_positive_names_its_tool(results):
    """Where a remote-control session is, the report names the tool that the label names."""
    positives = [one for one in results if one.label.role == "positive"]
    assert len(positives) >= 30
    assert [(one.label.file, one.label.tool, one.tools) for one in positives if not one.named] == []


@pytest.mark.parametrize("role", ["negative", "confusable", "malformed"])
def test_nobody_else_is_said_to_be_driven(results, role):
    """Calls, tunnels, help-desk look-alikes and odd protocols leave 'driven' at clear."""
    others = [one for one in results if one.label.role == role]
    assert others
    assert [(one.label.file, one.accused) for one in others if one.accused_of_driving] == []


def test_damage_is_said_and_nothing_is_lost_in_silence(results):
    """A damaged capture is read as far as it goes, with words; only what holds no packet at all is unreadable."""
    unreadable = {one.label.file for one in results if one.outcome == "unreadable"}
    assert unreadable == set(UNREADABLE)
    assert all("convert it" in one.message for one in results if one.label.file in UNREADABLE)
    silent = [one.label.file for one in results if one.outcome != "ok" and not one.message]
    assert silent == []
    assert Counter(one.outcome for one in results)["damaged"] > 0


def test_every_capture_is_judged_in_time(results):
    """No capture, hostile ones included, takes long."""
    assert [(one.label.file, one.seconds) for one in results if one.seconds > SLOWEST_S] == []
