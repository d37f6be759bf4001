"""measure(): weights from labelled fleets with known truth, what sums are worth on fleets never seen, refusals."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from farmwatch.analysis.fleet.calibration import probabilities, reliability
from farmwatch.analysis.fleet.contract import FleetDetector
from farmwatch.analysis.fleet.findings import finding_of
from farmwatch.analysis.fleet.labelled import Label, LabelledFleet, Split, evidence_of, folds_of
from farmwatch.analysis.fleet.measuring import measure
from farmwatch.analysis.fleet.standing import standings
from farmwatch.analysis.fleet.weights import Weights
from farmwatch.errors import AssessmentError
from farmwatch.records import Claim, Family
from tests.analysis.fleet.kept import TS, declared, hit, hits, verdicts

#: detector -> rate on driven devices, rate on benign ones, how far it follows the one before it, cause
FEATURES = {
    "usb.a": (0.5, 0.01, 0.0, "kvm"),
    "usb.b": (0.4, 0.005, 0.8, "kvm"),
    "names.c": (0.6, 0.10, 0.0, "tool"),
    "names.d": (0.5, 0.08, 0.6, "tool two"),
    "place.e": (0.3, 0.02, 0.0, "site"),
    "timing.f": (0.7, 0.30, 0.3, "clock"),
}
OWN = {"usb.a": 20.0, "usb.b": 24.0, "names.c": 12.0, "names.d": 12.0, "place.e": 15.0, "timing.f": 3.0}


@dataclass(frozen=True, slots=True)
class Named(FleetDetector):
    """A detector with nothing but a name."""

    name: str
    id: ClassVar[str] = ""

    def __getattribute__(self, attribute):
        return object.__getattribute__(self, "name" if attribute == "id" else attribute)


DETECTORS = [Named(name) for name in [*FEATURES, "names.copy"]]


def fleet(seed, *, driven=60, benign=1500, copy=False, unseen="", farms=6):
    """Devices with correlated findings; a copy of one finding under another cause where asked for."""
    draw = np.random.default_rng(seed)
    found, labels = {}, {}
    for number in range(driven + benign):
        name = f"f{seed}-{number:05}"
        is_driven = number < driven
        own, before = [], False
        for detector, (yes, no, follows, cause) in FEATURES.items():
            before = before if draw.random() < follows else bool(draw.random() < (yes if is_driven else no))
            if before:
                own.append(hit(detector, OWN[detector], grade="g", group=cause, family=_family(detector)))
                if copy and detector == "names.c":
                    own.append(hit("names.copy", 12.0, grade="g", group="copied", family=Family.NAMES))
        found[name] = own
        labels[name] = Label(is_driven, f"farm-{number % farms}" if is_driven else None)
    run = {"run_id": f"r{seed}", "ts": TS, "version": "0", "knowledge": "k", "prior": 1e-4}
    return LabelledFleet(f"fleet {seed}", run, verdicts(list(found), unseen=unseen), hits(found), labels)


def _family(detector):
    word = detector.split(".")[0]
    return {"usb": Family.HARDWARE, "names": Family.NAMES, "place": Family.PLACE, "timing": Family.TIMING}[word]


def measured(fleets, **values) -> Weights:
    """Weights measured on fleets."""
    return measure(fleets, DETECTORS, source="a test", **values)


@pytest.fixture(scope="module")
def weights() -> Weights:
    """Measured on four fleets."""
    return measured([fleet(seed) for seed in range(4)])


def sums(weights, given) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities by verdict chains at the fleet's own prevalence, and labels, of devices of a fleet."""
    prior = float(np.mean([label.driven for label in given.labels.values()]))
    found = standings(given.verdicts, given.hits, [], weights=weights, prior=prior, detectors=[])
    devices = sorted(given.labels)
    nothing = probabilities(np.zeros(1), weights.calibrations[Claim.DRIVEN], prior)[0]
    return (
        np.array([found[one].assessment.driven.probability if one in found else nothing for one in devices]),
        np.array([given.labels[one].driven for one in devices]),
    )


def test_weights_are_those_of_the_rates(weights):
    """The log likelihood ratio of each finding where it is the strongest of its cause, capped by family."""
    assert weights.decibans["names.c", "g"] == pytest.approx(10 * math.log10(0.6 / 0.1), abs=1.5)
    assert weights.decibans["place.e", "g"] == pytest.approx(10 * math.log10(0.3 / 0.02), abs=2)
    assert 2 < weights.decibans["timing.f", "g"] < 4
    assert all(abs(value) <= 24.1 for value in weights.decibans.values())
    assert "on " in weights.reasons["names.c", "g"]
    assert weights.card["grades"][0]["benign"][1] == 6000


@pytest.mark.parametrize("seed", [101, 102, 103])
def test_probabilities_hold_on_fleets_never_seen(weights, seed):
    """Calibration error at most 0.05 on a fleet of its own, and no worse than the plain sum."""
    given = fleet(seed, driven=120, benign=3000)
    predicted, labels = sums(weights, given)
    held = reliability(predicted, labels)
    assert held.ece <= 0.05
    large = [one for one in held.bins if one.devices >= 100]
    assert all(abs(one.predicted - one.came_true) <= 0.12 for one in large)


def test_held_out_reliability_is_in_the_card(weights):
    """Error, bins, thresholds with what an alarm is worth, and whom the false-discovery rule would follow up."""
    told = weights.card["claims"]["driven"]
    assert told["reliability"]["ece"] <= 0.05
    assert sum(one["devices"] for one in told["reliability"]["bins"]) == told["driven"] + told["benign"]
    assert told["method"] == "Platt"
    assert told["folds"] == 4
    assert told["units"] == 4
    row = told["thresholds"][0]
    assert row["right"]["0.001"]["at_least"] <= row["right"]["0.001"]["measured"]
    assert told["follow_up"]["false"] <= 0.2 * max(1, told["follow_up"]["devices"])
    assert any("abroad" in text for text in weights.card["limits"])


def test_a_copied_finding_does_not_count_twice():
    """A detector that says the same as another under another cause changes no score by more than a tenth."""
    plain = [fleet(seed) for seed in range(4)]
    copied = [fleet(seed, copy=True) for seed in range(4)]
    first, second = measured(plain), measured(copied)
    assert second.causes in ({("names.copy", "g"): "tool"}, {("names.c", "g"): "copied"})
    with_copy = standings(copied[0].verdicts, copied[0].hits, [], weights=second, prior=1e-4, detectors=[])
    without = standings(plain[0].verdicts, plain[0].hits, [], weights=first, prior=1e-4, detectors=[])
    moved = []
    for device, standing in without.items():
        before, after = (one.assessment.driven for one in (standing, with_copy[device]))
        if any(finding.detector == "names.c" for finding in standing.findings):
            moved.append(abs(after.decibans - before.decibans) / abs(before.decibans - before.prior_decibans))
    assert len(moved) > 100
    assert max(moved) <= 0.1


def test_too_few_benign_devices_weigh_nothing():
    """A grade whose detector looked at less than thirty benign devices gets 0, and says why; one never seen its own."""
    given = fleet(1, driven=60, benign=600)
    unseen = dict.fromkeys([name for name, label in given.labels.items() if not label.driven][20:], "usb.a")
    kept = verdicts(sorted(given.labels), unseen=unseen)
    blind = LabelledFleet(given.name, given.run, kept, given.hits, given.labels)
    found = measured([blind])
    assert found.decibans["usb.a", "g"] == 0.0
    note = next(one["note"] for one in found.card["grades"] if one["detector"] == "usb.a")
    assert "fewer than 30 benign devices" in note
    assert ("names.copy", "g") not in found.decibans
    assert any("usb.a g" in text for text in found.card["limits"])
    assert ("usb.a", "g") not in measured([blind], keep_unmeasured=True).decibans


def test_rules_and_captures_keep_their_weight():
    """Records that state the fact, declared limits and findings of captures are not for measuring."""
    given = fleet(1, driven=60, benign=600)
    found = {
        name: [hit("names.c", 20.0, grade="log", conclusive=True), declared(), hit("rdp.seen", 9.0, grade="")]
        for name in given.labels
    }
    result = measured([dataclasses.replace(given, hits=hits(found))])
    assert result.decibans == {}


def test_a_sign_never_becomes_an_alibi():
    """A finding that is commoner on benign devices weighs nothing instead of speaking for them."""
    given = fleet(1, driven=500, benign=1000)
    turned = {name: Label(not label.driven, f"farm-{name[-1]}") for name, label in given.labels.items()}
    found = measured([LabelledFleet("turned", given.run, given.verdicts, given.hits, turned)])
    assert set(found.decibans.values()) == {0.0}


def test_setups_can_be_kept_out():
    """A setup is judged by what was measured on the others, whatever fleet it is in."""
    given = [fleet(seed, benign=50) for seed in range(2)]
    given = [
        dataclasses.replace(one, labels={
            name: dataclasses.replace(label, setup=f"s{int(name[-1]) % 3}" if label.driven else None)
            for name, label in one.labels.items()
        })
        for one in given
    ]  # fmt: skip
    found = evidence_of(given, Claim.DRIVEN, frozenset(), Split.SETUP)
    folds = {(unit, fold) for unit, fold in zip(found.units, folds_of(found).tolist(), strict=True) if "setup" in unit}
    assert len(folds) == 3


def test_farms_and_fleets_are_never_split():
    """Devices of one farm share a fold; with three fleets or more, so do all devices of a fleet."""
    one = evidence_of([fleet(1)], Claim.DRIVEN, frozenset())
    folds = folds_of(one)
    by_unit = {}
    for unit, number in zip(one.units, folds.tolist(), strict=True):
        assert by_unit.setdefault(unit, number) == number
    assert len({number for unit, number in by_unit.items() if unit.startswith("farm")}) == 5
    several = evidence_of([fleet(seed, benign=50) for seed in range(3)], Claim.DRIVEN, frozenset(), Split.FLEET)
    assert len(set(zip(several.units, folds_of(several).tolist(), strict=True))) == 3
    assert set(folds_of(several).tolist()) == {0, 1, 2}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"driven": 19}, "19 driven devices in 6"),
        ({"farms": 2}, "60 driven devices in 2"),
        ({"benign": 299}, "and 299 others"),
    ],
)
def test_too_little_is_refused_with_the_numbers(values, said):
    """Nothing is measured on a handful; the message says what there is and what is needed."""
    with pytest.raises(AssessmentError, match=said):
        measured([fleet(1, **values)])


def test_the_farm_claim_is_measured_on_its_own():
    """Labels of farms calibrate the claim of a farm, with its own findings."""
    draw = np.random.default_rng(9)
    found, labels = {}, {}
    for number in range(1000):
        name, farm = f"lt-{number:04}", f"farm-{number % 8}" if number < 80 else None
        shares = draw.random() < (0.8 if farm else 0.02)
        found[name] = [hit("farm.site", 15.0, grade="tie", claim=Claim.FARM)] if shares else []
        labels[name] = Label(False, farm)
    run = {"run_id": "r", "ts": TS, "version": "0", "knowledge": "k", "prior": 1e-4}
    result = measured([LabelledFleet("one", run, verdicts(list(found)), hits(found), labels)])
    assert set(result.calibrations) == {Claim.FARM}
    assert result.decibans["farm.site", "tie"] == pytest.approx(16, abs=2)
    assert any(text.startswith("driven: 0 driven devices") for text in result.card["limits"])


def test_the_same_labels_give_the_same_file(weights, tmp_path):
    """Byte for byte; and what is read back weighs the same."""
    again = measured([fleet(seed) for seed in range(4)])
    assert again.text() == weights.text()
    path = tmp_path / "weights.json"
    path.write_text(weights.text())
    read = Weights.load(path)
    assert read.digest == weights.digest
    assert (read.decibans, read.reasons, read.causes, read.calibrations, read.benign) == (
        weights.decibans, weights.reasons, weights.causes, weights.calibrations, weights.benign,
    )  # fmt: skip


def test_what_speaks_against_keeps_its_weight():
    """It is told of devices alone on which something else was found, so that its counts say nothing of the others."""
    given = fleet(11)
    told = {}
    for device, document in zip(
        *(given.hits.column(name).to_pylist() for name in ("device_id", "document")), strict=True
    ):
        told.setdefault(device, []).append(finding_of(json.loads(document)))
    for found in told.values():
        found.append(hit("hand.present", -9.0, grade="g", group="hand", family=Family.HARDWARE))
    measured_on = dataclasses.replace(given, hits=hits(told))
    weights = measure([measured_on], [*DETECTORS, Named("hand.present")], source="a test")
    assert ("hand.present", "g") not in weights.decibans
    assert any("keeps its own" in one["note"] for one in weights.card["grades"] if one["detector"] == "hand.present")
