"""Every published signal is looked for, or the evidence page says why it is not."""

from __future__ import annotations

import inspect
import json
import re
from collections import defaultdict
from importlib.resources import files

import pytest

from farmwatch.analysis.detectors import DETECTORS
from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS
from farmwatch.analysis.fleet.farm_weights import SIGNALS, TITLES
from farmwatch.records import TELEMETRY_TABLES
from farmwatch.reports.evidence import cited
from tests.conftest import ROOT

PAGE = files("farmwatch.reports").joinpath("evidence.md").read_text(encoding="utf-8")
EVERY_DETECTOR = (*DETECTORS, *FLEET_DETECTORS)

OWN_FORMAT_ONLY = {
    "input_hooks": {"events"},
    "location": {"accuracy_m", "latitude", "longitude"},
    "meetings": {"control_given", "controlled_s"},
    "roster": {"record_id"},
}
"""Columns that no product's feed fills; rows of farmwatch's own format may."""


def filled() -> dict[str, set[str]]:
    """Columns by table that the feeds' samples ever fill."""
    found: dict[str, set[str]] = defaultdict(set)
    for golden in sorted((ROOT / "tests" / "golden" / "feeds").glob("*.jsonl")):
        for line in golden.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found[row.pop("table", "")] |= {name for name, value in row.items() if value is not None}
    return found


def looked_for() -> set[str]:
    """Signals that some detector or sign of a farm declares; what prose mentions does not count."""
    declared = [*(detector.signals for detector in EVERY_DETECTOR), *SIGNALS.values()]
    return {signal for signals in declared for signal in signals}


def left_out() -> dict[str, str]:
    """Signals of the table "Not looked for" with their reasons."""
    part = PAGE.partition("## Not looked for")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\* \*\*([NEI]\d{1,2})\*\* (.+)$", part, re.MULTILINE))


def test_every_signal_is_looked_for_or_said_not_to_be():
    """No row of the page is silently without a detector."""
    signals = {name for name in cited() if not name.startswith("M")}
    assert signals - looked_for() - left_out().keys() == set()


def test_what_is_left_out_is_not_looked_for():
    """A reason why a signal cannot be looked for goes when a detector for it comes."""
    assert left_out().keys() & looked_for() == set()


def test_a_signal_looked_for_in_part_says_what_is_left_out():
    """Such a row points below, where what is not looked for stands with its reason."""
    part = PAGE.partition("## Not looked for")[2].partition("\n## ")[0]
    partly = set(re.findall(r"^\* \*\*([NEI]\d{1,2}), in part\*\*: ", part, re.MULTILINE))
    assert "E16" in partly
    assert partly <= looked_for()
    for name in partly:
        assert "not looked for, see below" in cited()[name].columns[0][1]


@pytest.mark.parametrize("detector", EVERY_DETECTOR, ids=lambda detector: detector.id)
def test_detectors_declare_signals_of_the_page(detector):
    """What a detector declares can be read with 'farmwatch explain', is no method, and is declared once."""
    assert isinstance(detector.signals, tuple)
    assert set(detector.signals) <= {name for name in cited() if not name.startswith("M")}
    assert len(set(detector.signals)) == len(detector.signals)


@pytest.mark.parametrize("detector", FLEET_DETECTORS, ids=lambda detector: detector.id)
def test_detectors_of_telemetry_look_for_some_signal(detector):
    """None of them rests on a method alone, as some readings of a capture do."""
    assert detector.signals


def test_a_capture_detector_without_a_signal_names_its_method():
    """Its pages say which method (M…) or card it goes by, or that it weighs nothing."""
    for detector in DETECTORS:
        told = f"{type(detector).__doc__} {detector.weight_reason}"
        assert detector.signals or re.search(r"\bM\d|weighs nothing", told), detector.id


def test_every_column_has_a_feed_or_is_known_to_have_none():
    """What a detector asks for can come in; the list of exceptions shrinks when a feed comes."""
    told = filled()
    empty = {record.table: {*record.columns} - told[record.table] for record in TELEMETRY_TABLES}
    assert {table: columns for table, columns in empty.items() if columns} == OWN_FORMAT_ONLY


@pytest.mark.parametrize("detector", FLEET_DETECTORS, ids=lambda detector: detector.id)
def test_a_detector_says_which_of_its_columns_only_the_own_format_brings(detector):
    """Its page says so, so that nobody takes its silence for a clear."""
    source = inspect.getsource(inspect.getmodule(type(detector)))
    asked = {
        column
        for table, columns in OWN_FORMAT_ONLY.items()
        for column in columns - {"record_id"}  # only points at the proof
        if re.search(rf"\bFROM {table}\b", source) and re.search(rf"\b{column}\b", source)
    }
    assert not asked or "farmwatch's own format" in (type(detector).__doc__ or ""), asked


def test_every_sign_of_a_farm_says_what_it_looks_for():
    """Each sign has its row in the mapping, with signals of the page."""
    assert SIGNALS.keys() == TITLES.keys()
    assert {signal for signals in SIGNALS.values() for signal in signals} <= cited().keys()


def test_the_page_has_every_signal_that_may_be_scored():
    """The list of signals this project began from is on the page, as far as it may be scored."""
    source = ROOT.parent / "shared" / "domain" / "signals.md"
    if not source.is_file():
        pytest.skip("the list of signals is not beside this checkout")
    rows = re.findall(r"^\| ([NEI]\d+) \|.*\| ([^|]*) \|$", source.read_text(encoding="utf-8"), re.MULTILINE)
    scored = {name for name, score in rows if score.strip().startswith("yes")}
    assert scored
    assert scored - set(cited()) - left_out().keys() == set()
