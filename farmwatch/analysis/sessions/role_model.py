"""The role model: from named features to the probabilities that a flow's device is driven, or drives.

Two logistic functions of the features, each with Platt scaling; their coefficients are data (``role_model.json``), made
by ``python -m tests.lab.hand.train`` from laboratory captures and described in the card beside them
(docs/role-model.md). Small on purpose: a person can follow every decision by the largest terms.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Classifier", "RoleModel", "load_role_model"]

Floats = NDArray[np.float64]
_CLIP = 4.0  #: standard deviations; a value beyond what was trained on must not decide alone


@dataclass(frozen=True, slots=True)
class Classifier:
    """A logistic function of standardised features, and the Platt line that calibrates it."""

    weights: Floats
    bias: float
    platt: tuple[float, float]  #: slope and offset
    decibans: float  #: most a decision weighs: recall over the upper 95 % bound of its error, both on unseen tools

    def probability(self, standard: Floats) -> Floats:
        """Probability of each row of standardised features, (n, features) in, (n,) out."""
        slope, offset = self.platt
        score = slope * (standard @ self.weights + self.bias) + offset
        return np.asarray(1 / (1 + np.exp(-np.clip(score, -30, 30))))


@dataclass(frozen=True, slots=True)
class RoleModel:
    """Features, how they are standardised, and one classifier for each role."""

    version: str
    features: tuple[str, ...]
    mean: Floats
    scale: Floats
    controlled: Classifier
    controlling: Classifier
    threshold: float  #: a role is named from this probability on

    def standard(self, values: Floats) -> Floats:
        """Features as the classifiers take them."""
        return np.asarray(np.clip((values - self.mean) / self.scale, -_CLIP, _CLIP))

    def terms(self, values: Floats, role: str, most: int = 4) -> list[tuple[str, float]]:
        """The features that speak most for or against a role in one row, with their share of the score."""
        chosen = self.controlling if role == "controlling" else self.controlled
        shares = self.standard(values) * chosen.weights
        order = np.argsort(-np.abs(shares), kind="stable")[:most]
        return [(self.features[index], float(shares[index])) for index in order.tolist()]


@cache
def load_role_model(unseen: str = "") -> RoleModel:
    """The model that ships with the package.

    Args:
        unseen: a tool or activity of the laboratory: the coefficients made without it, for judging the model itself.
            Of names that were never trained on, the whole model has seen nothing.
    """
    text = resources.files("farmwatch.analysis.sessions").joinpath("role_model.json").read_text(encoding="utf-8")
    stored = json.loads(text)
    chosen = stored["folds"].get(unseen, stored)
    return RoleModel(
        stored["version"], tuple(stored["features"]), np.array(chosen["mean"]), np.array(chosen["scale"]),
        _classifier(chosen["controlled"]), _classifier(chosen["controlling"]), float(stored["threshold"]),
    )  # fmt: skip


def _classifier(stored: Mapping[str, Any]) -> Classifier:
    slope, offset = stored["platt"]
    return Classifier(
        np.array(stored["weights"]), float(stored["bias"]), (float(slope), float(offset)), float(stored["decibans"])
    )
