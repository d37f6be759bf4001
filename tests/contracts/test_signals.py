"""Every published signal is looked for, or the evidence page says why it is not."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from farmwatch.analysis.detectors import DETECTORS
from farmwatch.analysis.fleet.detectors import FLEET_DETECTORS
from farmwatch.analysis.fleet.farm_weights import REASONS
from farmwatch.reports.evidence import cited
from tests.conftest import ROOT

PAGE = files("farmwatch.reports").joinpath("evidence.md").read_text(encoding="utf-8")
_CITED = re.compile(r"\b([NEI]\d{1,2})\b")


def looked_for() -> set[str]:
    """Signals that some detector cites."""
    found = {signal for detector in FLEET_DETECTORS for signal in detector.signals}
    found |= {signal for reason in REASONS.values() for signal in _CITED.findall(reason)}  # groups of devices
    for detector in DETECTORS:
        found |= set(_CITED.findall(detector.weight_reason)) | set(_CITED.findall(type(detector).__doc__ or ""))
    return found


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


@pytest.mark.parametrize("detector", FLEET_DETECTORS, ids=lambda detector: detector.id)
def test_detectors_cite_signals_of_the_page(detector):
    """What a detector cites can be read with 'farmwatch explain'."""
    assert detector.signals
    assert set(detector.signals) <= set(cited())


def test_the_page_has_every_signal_that_may_be_scored():
    """The list of signals this project began from is on the page, as far as it may be scored."""
    source = ROOT.parent / "shared" / "domain" / "signals.md"
    if not source.is_file():
        pytest.skip("the list of signals is not beside this checkout")
    rows = re.findall(r"^\| ([NEI]\d+) \|.*\| ([^|]*) \|$", source.read_text(encoding="utf-8"), re.MULTILINE)
    scored = {name for name, score in rows if score.strip().startswith("yes")}
    assert scored
    assert scored - set(cited()) - left_out().keys() == set()
