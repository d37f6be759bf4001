"""The shipped role model: loads, is calibrated to probabilities, and can be followed by its terms."""

from __future__ import annotations

import json
from importlib import resources

import numpy as np
import pytest

from farmwatch.analysis.sessions.features import FEATURES
from farmwatch.analysis.sessions.role_model import Classifier, RoleModel, load_role_model

STORED = json.loads(
    resources.files("farmwatch.analysis.sessions").joinpath("role_model.json").read_text(encoding="utf-8")
)


def small(weights=(2.0, -1.0), bias=0.5, platt=(1.0, 0.0)):
    one = Classifier(np.array(weights), bias, platt, 10.0)
    return RoleModel("0", ("a", "b"), np.array([1.0, 10.0]), np.array([0.5, 5.0]), one, one, 0.9)


def test_the_shipped_model_speaks_of_the_features_there_are():
    """In their order; every scale can be divided by; probabilities are named from a half on at the least."""
    model = load_role_model()
    assert model.features == tuple(FEATURES)
    assert len(model.features) <= 25
    for values in (model.mean, model.scale, model.controlled.weights, model.controlling.weights):
        assert values.shape == (len(FEATURES),)
        assert np.isfinite(values).all()
    assert (model.scale > 0).all()
    assert 0.5 < model.threshold < 1
    assert model.version


@pytest.mark.parametrize("role", ["controlled", "controlling"])
def test_calibration_never_turns_a_score_round(role):
    """The Platt line rises, and a decision weighs more than nothing and less than certainty."""
    one = getattr(load_role_model(), role)
    assert one.platt[0] > 0
    assert 0 < one.decibans < 40


def test_features_are_standardised_and_cut():
    """Means are zero, and nothing beyond four deviations may decide alone."""
    model = small()
    np.testing.assert_allclose(model.standard(np.array([[1.0, 10.0], [1.5, 0.0]])), [[0, 0], [1, -2]])
    np.testing.assert_allclose(model.standard(np.array([[1e9, -1e9]])), [[4, -4]])


def test_a_probability_is_the_logistic_of_score_and_calibration():
    one = Classifier(np.array([2.0, -1.0]), 0.5, (1.5, -0.25), 10.0)
    rows = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0]])
    score = 1.5 * np.array([0.5, 2.5, -2.5]) - 0.25
    np.testing.assert_allclose(one.probability(rows), 1 / (1 + np.exp(-score)))


@pytest.mark.parametrize("size", [1e3, -1e3, 1e300])
def test_absurd_scores_are_probabilities_all_the_same(size):
    """Never an overflow, never exactly none or all."""
    found = Classifier(np.array([1.0]), 0.0, (1.0, 0.0), 10.0).probability(np.array([[size]]))
    assert 0 < found[0] < 1 or found[0] == pytest.approx(1, abs=1e-12)


def test_terms_name_what_decided():
    """The largest shares of the score first, by size, with their sign, and no more than asked for."""
    model = small()
    assert model.terms(np.array([1.25, 20.0]), "controlled") == [("b", -2.0), ("a", 1.0)]
    assert model.terms(np.array([3.0, 10.0]), "controlled", most=1) == [("a", 8.0)]


def test_coefficients_made_without_a_tool_are_others():
    """Every tool that was trained on has a fold of its own; names never trained on get the whole model."""
    whole = load_role_model()
    assert len(STORED["folds"]) > 20
    for name in ("tigervnc", "ssh"):
        assert name in STORED["folds"]
        fold = load_role_model(name)
        assert fold.features == whole.features
        assert fold.threshold == whole.threshold
        assert not np.array_equal(fold.controlled.weights, whole.controlled.weights)
        assert np.abs(fold.controlled.weights - whole.controlled.weights).max() < 2, "one tool never carries the model"
    np.testing.assert_array_equal(load_role_model("a tool nobody has").controlled.weights, whole.controlled.weights)


def test_every_fold_fits_the_features():
    for name, fold in STORED["folds"].items():
        for values in (fold["mean"], fold["scale"], fold["controlled"]["weights"], fold["controlling"]["weights"]):
            assert len(values) == len(FEATURES), name
