"""Make the role model from the laboratory's captures: ``python -m tests.lab.hand.train [--write]``.

Two logistic functions (is the device driven over this flow; does its user drive the far end) over the named features of
:mod:`farmwatch.analysis.sessions.features`. Validated by leaving out one tool, or one activity, at a time: what is
printed and what calibrates the model was never trained on. Evasive captures are not trained on; they are only judged.
``--write`` stores the coefficients, one set for each tool left out, and the card.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from farmwatch.analysis.evaluate_hands import upper_bound
from farmwatch.analysis.sessions.features import FEATURES
from farmwatch.analysis.sessions.hands import CLOCK, EFFECT, FEW_SIZES, LEAST_EVENTS, TYPED
from tests.lab.hand.dataset import Sample, lab_folder, samples

ROOT = Path(__file__).resolve().parents[3]
MODEL = ROOT / "farmwatch" / "analysis" / "sessions" / "role_model.json"
CARD = ROOT / "docs" / "role-model.md"
TRIED = Path(__file__).with_name("tried.md")
"""What was tried and did not help, with the numbers seen then: the end of the card, written by hand."""
STRENGTH = 0.03  #: C of scikit-learn: small because tools are few; chosen among 0.03, 0.1 and 0.3 by leaving tools out
UNTRAINED = ("mosh",)  #: pads every datagram by a random number of bytes: judged as the evasions are, not learnt from
FAMILIES = {
    "tigervnc": "vnc", "tigervnc-tls": "vnc", "x11vnc": "vnc", "novnc": "vnc", "xrdp": "rdp", "xrdp-xorg": "rdp",
    "freerdp-gfx": "freerdp", "freerdp-rfx": "freerdp", "webrtc": "webrtc", "webrtc-browser": "webrtc",
}  # fmt: skip
"""Programs that share a protocol or an ancestor; all others are families of their own."""
THRESHOLD = 0.9
CLIP = 4.0
ROLES = ("controlled", "controlling")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients of one training."""

    mean: Floats
    scale: Floats
    weights: dict[str, Floats]
    bias: dict[str, float]

    def scores(self, values: Floats, role: str) -> Floats:
        """Uncalibrated log odds."""
        standard = np.clip((values - self.mean) / self.scale, -CLIP, CLIP)
        return np.asarray(standard @ self.weights[role] + self.bias[role])


def fit(values: Floats, roles: NDArray[np.str_], tools: NDArray[np.str_]) -> Fit:
    """Train both functions; each tool and activity has the same say however many samples it gave."""
    mean, scale = values.mean(axis=0), np.maximum(values.std(axis=0), 0.05)
    standard = np.clip((values - mean) / scale, -CLIP, CLIP)
    weights, bias = {}, {}
    for role in ROLES:
        wanted = roles == role
        share = np.zeros(len(roles))
        for chosen in (wanted, ~wanted):
            kinds, inverse, counts = np.unique(tools[chosen], return_inverse=True, return_counts=True)
            share[chosen] = len(roles) / 2 / len(kinds) / counts[inverse]
        trained = LogisticRegression(C=STRENGTH, max_iter=5000).fit(standard, wanted, sample_weight=share)
        weights[role], bias[role] = trained.coef_[0], float(trained.intercept_[0])
    return Fit(mean, scale, weights, bias)


def platt(scores: Floats, wanted: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset that turn scores of samples never trained on into probabilities, with Platt's soft targets."""
    positive, negative = int(wanted.sum()), int((~wanted).sum())
    # Doubling every sample with its complement gives scikit-learn the soft targets (n+1)/(n+2) and 1/(n+2).
    target = np.where(wanted, (positive + 1) / (positive + 2), 1 / (negative + 2))
    both = np.concatenate((scores, scores))[:, None]
    trained = LogisticRegression(C=1e6, max_iter=5000).fit(
        both, np.repeat([True, False], len(scores)), sample_weight=np.concatenate((target, 1 - target))
    )
    return float(trained.coef_[0][0]), float(trained.intercept_[0])


def probabilities(scores: Floats, line: tuple[float, float]) -> Floats:
    """Calibrated probabilities."""
    return np.asarray(1 / (1 + np.exp(-(line[0] * scores + line[1]))))


def train(every: list[Sample]) -> tuple[dict[str, object], str]:
    """The model as it is stored, and its card."""
    plain = [one for one in every if not one.evasion and one.group != "lawful"]
    values = np.array([one.values for one in plain])
    roles = np.array([one.role for one in plain])
    tools = np.array([one.tool for one in plain])
    learnt = ~np.isin(tools, UNTRAINED)
    whole = fit(values[learnt], roles[learnt], tools[learnt])
    folds = _folds(values, roles, tools, learnt, tools)
    families = np.array([FAMILIES.get(tool, tool) for tool in tools])
    kin = _named(plain, _unseen(_folds(values, roles, tools, learnt, families), values, roles, families, learnt)[0])
    chance, lines = _unseen(folds, values, roles, tools, learnt)
    named = _named(plain, chance)
    events = np.array([one.events for one in plain])
    complete = np.array([one.whole for one in plain])
    decibans = {}
    for role in ROLES:
        wanted = complete & (roles == role) & (events >= LEAST_EVENTS)
        others = complete & (roles != role) & (events >= LEAST_EVENTS)
        recall = named[role][wanted].mean() if wanted.any() else 0.0
        bound = upper_bound(int(named[role][others].sum()), int(others.sum()))
        decibans[role] = 10 * math.log10(max(recall, 1e-3) / bound)
    stored = {
        "version": "1",
        "features": list(FEATURES),
        "threshold": THRESHOLD,
        **_stored(whole, lines, decibans),
        "folds": {tool: _stored(one, lines, decibans) for tool, one in sorted(folds.items())},
    }
    return stored, _card(plain, whole, chance, named, kin, lines, decibans)


def _folds(
    values: Floats, roles: NDArray[np.str_], tools: NDArray[np.str_], learnt: NDArray[np.bool_],
    groups: NDArray[np.str_],
) -> dict[str, Fit]:  # fmt: skip
    """One training without each group."""
    found = {}
    for group in np.unique(groups):
        others = learnt & (groups != group)
        found[str(group)] = fit(values[others], roles[others], tools[others])
    return found


def _unseen(
    folds: dict[str, Fit], values: Floats, roles: NDArray[np.str_], groups: NDArray[np.str_],
    learnt: NDArray[np.bool_],
) -> tuple[dict[str, Floats], dict[str, tuple[float, float]]]:  # fmt: skip
    """Probabilities of each sample by the training without its group, and the lines that calibrate them."""
    scores = {role: np.zeros(len(roles)) for role in ROLES}
    for group, one in folds.items():
        for role in ROLES:
            scores[role][groups == group] = one.scores(values[groups == group], role)
    lines = {role: platt(scores[role][learnt], roles[learnt] == role) for role in ROLES}
    return {role: probabilities(scores[role], lines[role]) for role in ROLES}, lines


def _named(plain: list[Sample], chance: dict[str, Floats]) -> dict[str, NDArray[np.bool_]]:
    """Which samples each role would be named of, by probability and by the rules beside it."""
    values = np.array([one.values for one in plain])
    events = np.array([one.events for one in plain])
    named = {
        role: (chance[role] >= THRESHOLD)
        & (chance[ROLES[1 - number]] < THRESHOLD)
        & (events >= LEAST_EVENTS)
        & (values[:, list(FEATURES).index(("regular_in", "regular_out")[number])] <= CLOCK)
        & (values[:, list(FEATURES).index(("few_sizes_in", "few_sizes_out")[number])] >= FEW_SIZES)
        for number, role in enumerate(ROLES)
    }
    named["controlled"] &= np.array([one.typed for one in plain]) >= TYPED
    named["controlled"] &= values[:, list(FEATURES).index("response")] >= EFFECT
    return named


def _stored(one: Fit, lines: dict[str, tuple[float, float]], decibans: dict[str, float]) -> dict[str, object]:
    classifiers = {
        role: {
            "weights": [round(float(weight), 4) for weight in one.weights[role]],
            "bias": round(one.bias[role], 4),
            "platt": [round(part, 4) for part in lines[role]],
            "decibans": round(decibans[role], 1),
        }
        for role in ROLES
    }
    return {
        "mean": [round(float(v), 4) for v in one.mean],
        "scale": [round(float(v), 4) for v in one.scale],
    } | classifiers


def _card(
    plain: list[Sample], whole: Fit, chance: dict[str, Floats], named: dict[str, NDArray[np.bool_]],
    kin: dict[str, NDArray[np.bool_]], lines: dict[str, tuple[float, float]], decibans: dict[str, float],
) -> str:  # fmt: skip
    """The model card, in Markdown."""
    roles = np.array([one.role for one in plain])
    tools = np.array([one.tool for one in plain])
    events = np.array([one.events for one in plain])
    complete = np.array([one.whole for one in plain])
    out = [
        "# Card of the role model",
        "",
        "Made by `python -m tests.lab.hand.train --write` from the laboratory's captures; do not edit.",
        "",
        "**What it decides.** Whether a flow's device is driven over it (*controlled*) or its user drives the far end",
        "(*controlling*), from the times, directions and sizes of messages alone. Not who the person is, nor whether",
        f"they may. A role is named from a probability of {THRESHOLD} and {LEAST_EVENTS} input events on, never below.",
        "",
        f"**Data.** {len({one.file for one in plain})} captures of real programs in network namespaces,",
        f"{int(complete.sum())} flows ({len(plain)} samples with halves of long flows), {len(set(tools))} tools and",
        "activities; synthetic typists, Linux network stacks only. Evasive captures are judged, not trained on, nor",
        f"are those of {', '.join(UNTRAINED)}, which pads every datagram by a random number of bytes.",
        "",
        "**Split.** Every number below is for tools and activities left out of training, one at a time. The",
        "calibration (Platt) is made of the same left-out scores. Variants of one program count as tools of their own,",
        "and the rules beside the probability (enough input, of few sizes, in bursts, with an effect, no clock) were",
        "chosen on these captures: the error on programs of another kind may be larger.",
        "",
        *_by_family(complete & (events >= LEAST_EVENTS), roles, named, kin),
        "",
        "## Errors, whole flows, tool or activity left out",
        "",
        "| tool or activity | true role | flows | with events | called controlled | called controlling |",
        "|---|---|---|---|---|---|",
    ]
    for tool in sorted(set(tools)):
        for role in ("controlled", "controlling", "none"):
            own = complete & (tools == tool) & (roles == role)
            if own.any():
                cells = (int((own & (events >= LEAST_EVENTS)).sum()), *(int(named[r][own].sum()) for r in ROLES))
                out.append(f"| {tool} | {role} | {int(own.sum())} | " + " | ".join(map(str, cells)) + " |")
    out += ["", "## Calibration, all samples, tool or activity left out", ""]
    for role in ROLES:
        line = f"Platt {lines[role][0]:.3f}, {lines[role][1]:.3f}; a named role weighs {decibans[role]:.1f} decibans"
        out += [f"**{role}**, {line}:", "", "| probability said | samples | share true |", "|---|---|---|"]
        edges = (0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98, 1.0001)
        for low, high in pairwise(edges):
            own = (chance[role] >= low) & (chance[role] < high)
            if own.any():
                out.append(f"| {low:.2f}-{min(high, 1):.2f} | {int(own.sum())} | {(roles[own] == role).mean():.2f} |")
        out.append("")
    out += [
        "## Coefficients, per standard deviation",
        "",
        "| feature | what it is | controlled | controlling |",
        "|---|---|---|---|",
    ]
    for index, (name, (words, _)) in enumerate(FEATURES.items()):
        own_weights = " | ".join(f"{whole.weights[role][index]:+.2f}" for role in ROLES)
        out.append(f"| {name} | {words} | {own_weights} |")
    return "\n".join(out) + "\n\n" + TRIED.read_text(encoding="utf-8")


def _by_family(
    judged: NDArray[np.bool_], roles: NDArray[np.str_], named: dict[str, NDArray[np.bool_]],
    kin: dict[str, NDArray[np.bool_]],
) -> list[str]:  # fmt: skip
    """What becomes of the errors when all programs of a family are left out together."""
    driven, others = judged & (roles == "controlled"), judged & (roles != "controlled")
    shares = [f"{one['controlled'][driven].mean():.3f}" for one in (named, kin)]
    false = int(kin["controlled"][others].sum())
    return [
        f"**Families.** Of {int(driven.sum())} driven flows with enough events {shares[0]} are called controlled",
        f"where their tool was left out, and {shares[1]} where all programs of VNC, xrdp, FreeRDP or WebRTC were left",
        f"out together; of {int(others.sum())} other flows {false} are then.",
    ]


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--write", action="store_true", help="store the model and its card")
    parser.add_argument("--folder", type=Path, default=lab_folder())
    asked = parser.parse_args()
    stored, card = train(samples(asked.folder))
    print(card)
    if asked.write:
        MODEL.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
        CARD.write_text(card, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
