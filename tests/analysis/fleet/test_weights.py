"""Weights and their file: what is applied, what is refused, what is the same after reading."""

from __future__ import annotations

import json

import pytest

from farmwatch.analysis.fleet.weights import NO_WEIGHTS, BenignScores, Weights
from farmwatch.analysis.scoring import Calibration
from farmwatch.errors import ProfileError
from farmwatch.records import Claim, WeightSource
from tests.analysis.fleet.kept import declared, hit

KEY = ("usb.kvm_identity", "identity")
WEIGHTS = Weights(
    decibans={KEY: 12.5},
    reason="a test, 2026-03-09",
    reasons={KEY: "on 3 of 4"},
    causes={("names.c", "g"): "kvm"},
    calibrations={
        Claim.DRIVEN: Calibration(0.8, -1.5, "measured"),
        Claim.FARM: Calibration(knots=((0.0, -3.0), (9.0, 8.0))),
    },
    benign={Claim.DRIVEN: BenignScores(1000, ((3.0, 5), (12.0, 2)))},
    card={"source": "a test", "date": "2026-03-09"},
)


def loaded(tmp_path, text) -> Weights:
    """Weights of a file with this text."""
    path = tmp_path / "weights.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Weights.load(path)


def test_a_measured_weight_replaces_the_detectors(tmp_path):
    """With its reason; a declared limit stays one, and other grades keep their own."""
    found = WEIGHTS.applied(hit())
    assert (found.decibans, found.weight_source, found.weight_reason) == (12.5, WeightSource.MEASURED, "on 3 of 4")
    assert WEIGHTS.applied(found) == found
    assert WEIGHTS.applied(hit("names.c", 5.0, grade="g")).group == "kvm"
    assert Weights({("meeting.all_day", "limit"): 9.0}).applied(declared()) == declared()
    assert NO_WEIGHTS.applied(hit()) == hit()


def test_the_file_gives_back_what_was_written(tmp_path):
    """Everything of it, and the same digest."""
    read = loaded(tmp_path, WEIGHTS.text())
    assert read == WEIGHTS
    assert read.digest == WEIGHTS.digest != NO_WEIGHTS.digest


def test_every_number_is_in_the_digest():
    """Another weight, cause or calibration is another digest; another reason is not."""
    others = [
        Weights({KEY: 12.6}), Weights({KEY: 12.5}), Weights({KEY: 12.5}, causes={KEY: "x"}),
        Weights({KEY: 12.5}, calibrations={Claim.DRIVEN: Calibration(0.9)}),
        Weights({KEY: 12.5}, calibrations={Claim.FARM: Calibration(0.9)}),
    ]  # fmt: skip
    assert len({one.digest for one in others}) == len(others)
    assert Weights({KEY: 12.5}, "other words").digest == others[1].digest


def test_a_curve_is_level_outside_and_straight_between():
    """Knots are joined by lines; a line needs none."""
    curve = Calibration(knots=((0.0, -4.0), (10.0, 6.0), (20.0, 7.0)))
    assert [curve.worth(score) for score in (-5.0, 0.0, 5.0, 10.0, 15.0, 20.0, 99.0)] == [-4, -4, 1, 6, 6.5, 7, 7]
    assert Calibration(0.5, 2.0).worth(10.0) == 7.0


def test_a_score_compared_with_benign_devices():
    """Those at or above it and one more, of all and one more; nothing found says nothing."""
    benign = WEIGHTS.benign[Claim.DRIVEN]
    assert [round(benign.p_value(score) * 1001) for score in (0.0, 1.0, 3.0, 3.1, 12.0, 12.1)] == [1001, 8, 8, 3, 3, 1]


def changed(**values) -> str:
    """A right file with some of it replaced."""
    return json.dumps({**json.loads(WEIGHTS.text()), "digest": None, **values})


GRADE = {"detector": "a", "grade": "g", "decibans": 1.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"format": "farmwatch weights", "version": 1, "grades": [NaN]}', "NaN is no number"),
        ("[]", "expected an object"),
        ("{}", "farmwatch calibrate"),
        (changed(version=2), "version 1"),
        (changed(extra=1), "unknown key 'extra'"),
        (changed(grades={}), "expected a list"),
        (changed(grades=[GRADE, GRADE]), "is there twice"),
        (changed(grades=[{**GRADE, "decibans": 25}]), "from -24.083 to 24.083"),
        (changed(grades=[{**GRADE, "decibans": True}]), "expected a number"),
        (changed(grades=[{**GRADE, "decibans": "12"}]), "expected a number"),
        (changed(grades=[{**GRADE, "detector": "x" * 501}]), "at most 500 characters"),
        (changed(grades=[{**GRADE, "weight": 1}]), "unknown key 'weight'"),
        (changed(grades=[1]), "grades[0]: expected an object"),
        (changed(calibration={"guilt": {}}), "unknown key 'guilt'"),
        (changed(calibration={"driven": {"slope": -1}}), "calibration.driven.slope"),
        (changed(calibration={"driven": {"offset": 1e308}}), "calibration.driven.offset"),
        (changed(calibration={"driven": {"knots": [[1, 2], [1, 3]]}}), "must rise"),
        (changed(calibration={"driven": {"knots": [[1, 2], [2, 1]]}}), "must not be worth less"),
        (changed(calibration={"driven": {"knots": [[1]]}}), "expected two numbers"),
        (changed(benign={"driven": {"devices": 1, "scores": [[3, 2]]}}), "no more of them than there are"),
        (changed(benign={"driven": {"devices": 10**400, "scores": []}}), "benign.driven.devices"),
        (changed(card=[]), "card: expected an object"),
        (changed(card={"source": 5}), "card.source"),
        (changed(digest="0" * 16), "they were changed since"),
        (b"\xff\xfe", "not JSON"),
    ],
)
def test_hostile_files_are_refused(tmp_path, text, said):
    """With the path, the place in the file, and what was expected."""
    with pytest.raises(ProfileError) as error:
        loaded(tmp_path, text)
    assert said in str(error.value)
    assert all(line.startswith(str(tmp_path)) for line in str(error.value).splitlines())


def test_all_faults_are_told_and_endless_files_are_not_read(tmp_path):
    """Up to twenty; and a file of many megabytes is refused by its size."""
    with pytest.raises(ProfileError) as error:
        loaded(tmp_path, changed(grades=[{}] * 50))
    assert error.value.faults[-1] == "and 80 more faults"
    with pytest.raises(ProfileError, match="larger than"):
        loaded(tmp_path, b" " * ((16 << 20) + 1))
    with pytest.raises(ProfileError, match="cannot be read"):
        Weights.load(tmp_path / "nowhere.json")
