"""Conditions of the knowledge as SQL leave every row that may meet a fact."""

from __future__ import annotations

import pytest

from farmwatch.analysis.fleet.conditions import candidates
from farmwatch.knowledge import load_knowledge
from farmwatch.knowledge.entries import Layer
from farmwatch.records import UsbDevice
from tests.analysis.fleet.fleets import at, fleet_of

COLUMNS = {"vid": "printf('%04x', vendor_id)", "pid": "printf('%04x', product_id)", "manufacturer": "manufacturer"}
OWN = """
[[entry]]
id = "own-thing"
name = "Own thing"
kind = "kvm"
vendor = "Own"
unattended = true
benign = ["a test"]

  [[entry.fact]]
  layer = "usb"
  values = ["manufacturer=100%_o'wn*x?"]
  sign = "session"
  grade = "high"
  source = "test"
"""


def left(manufacturer, knowledge, vendor=0x9999):
    """Whether a row with this maker is left."""
    row = UsbDevice(device_id="lt-1", ts=at(1), event="present", vendor_id=vendor, product_id=0x1009,
                    manufacturer=manufacturer)  # fmt: skip
    with fleet_of([row]) as fleet:
        return bool(fleet.rows(f"SELECT 1 AS found FROM usb_devices WHERE {candidates(knowledge, Layer.USB, COLUMNS)}"))


@pytest.mark.parametrize(
    ("maker", "vendor", "is_left"),
    [("PiKVM", 0x9999, True), ("pikvm", 0x9999, True), (None, 0x3346, True), ("PiKVM2", 0x9999, False),
     (None, 0x9999, False), ("Logitech", 0x046D, False)],
)  # fmt: skip
def test_rows_that_may_meet_a_fact_are_left(maker, vendor, is_left):
    """Without regard to case; rows that lack what a fact asks for are not."""
    assert left(maker, load_knowledge(), vendor) is is_left


@pytest.mark.parametrize(
    ("maker", "is_left"),
    [("100%_O'WN and xy", True), ("100%_o'wnx1", True), ("100ab_o'wnx1", False), ("100%_o'wnx", False)],
)
def test_only_the_wildcards_of_facts_are_wild(maker, is_left, tmp_path):
    """Quotes, percent signs and underscores are letters."""
    path = tmp_path / "own.toml"
    path.write_text(OWN, encoding="utf-8")
    assert left(maker, load_knowledge([path])) is is_left


def test_nothing_to_ask_for_leaves_nothing():
    """Facts that ask for other things than the columns hold for no row."""
    assert candidates(load_knowledge(), Layer.USB, {}) == "(false)"
