"""HandDriven: its case files."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from farmwatch.analysis.detectors import hand_driven
from farmwatch.analysis.detectors.hand_driven import HandDriven
from farmwatch.analysis.sessions.role_model import load_role_model

DETECTOR = HandDriven()


@pytest.fixture
def weight_of_20(monkeypatch):
    """A role model whose decisions weigh 20 decibans, whatever training measured last."""
    model = SimpleNamespace(controlled=SimpleNamespace(decibans=20.0))
    monkeypatch.setattr(hand_driven, "load_role_model", lambda: model)


@pytest.mark.usefixtures("weight_of_20")
def test_case(case, check):
    """Every case file gets exactly the findings it expects."""
    check(DETECTOR, case)


def test_its_weight_is_measured_and_may_count_up_to_8_bits():
    """What a decision weighs comes with the model, and the cap leaves it whole."""
    assert DETECTOR.weight_source == "measured"
    assert 0 < load_role_model().controlled.decibans <= DETECTOR.cap_decibans
