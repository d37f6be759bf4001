"""``farmwatch calibrate``: weights from labelled fleets or decisions, the card, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from farmwatch.analysis.fleet.weights import Weights
from farmwatch.cli.exits import Exit
from farmwatch.records import Claim, Family
from tests.analysis.fleet.kept import hit
from tests.cli.case_store import keep_run, new_store

KVM = hit(decibans=24.0, grade="identity", group="kvm")
TOOL = hit("names.tool", 15.0, grade="seen", group="tool", family=Family.NAMES)


def labelled(folder, seed, *, driven=40, benign=600):
    """A store with an assessment, and the list of what is true; columns nobody asked for among them."""
    folder.mkdir()
    draw, found, lines = np.random.default_rng(seed), {}, ["device_id,farm_id,driven,setup,confusers"]
    for number in range(driven + benign):
        name, bad = f"lt{seed}-{number:04}", number < driven
        rates = (0.5, 0.6) if bad else (0.002, 0.08)
        found[name] = [one for one, rate in zip((KVM, TOOL), rates, strict=True) if draw.random() < rate]
        lines.append(f"{name},{f'farm-{number % 5}' if bad else ''},{int(bad)},{'pikvm' if bad else ''},")
    store = new_store(folder)
    keep_run(store, found, run=f"r{seed}", prior=0.05)
    (folder / "truth.csv").write_text("\n".join(lines) + "\n")
    return store


@pytest.fixture
def one(tmp_path):
    """One labelled fleet."""
    return labelled(tmp_path / "one", 1)


def test_weights_and_card(cli, one, tmp_path):
    """The weights are written for --weights; the page has counts, reliability, what alarms are worth, and limits."""
    path = tmp_path / "weights.json"
    ran = cli("calibrate", "--store", one.place.url, "--truth", tmp_path / "one" / "truth.csv", "-o", path)
    assert ran.code == Exit.OK, ran.err
    flat = " ".join(ran.out.split())
    for part in (
        "640 devices assessed: 40 driven, 600 benign, 40 in farms", "calibration error 0.0", "predicted came true",
        "right at 0.0001", "usb.kvm_identity", "Benjamini-Hochberg", "Limit: judged on farms",
        "Limit: farm: nothing was found", "Limit: no claim that a device is abroad",
    ):  # fmt: skip
        assert part in flat
    weights = Weights.load(path)
    assert weights.digest in ran.err
    assert set(weights.calibrations) == {Claim.DRIVEN}
    assert weights.decibans["usb.kvm_identity", "identity"] > 15
    again = tmp_path / "again.json"
    cli("calibrate", "--store", one.place.url, "--truth", tmp_path / "one" / "truth.csv", "-o", again)
    assert again.read_bytes() == path.read_bytes()
    listed = json.loads(cli("case", "list", "--store", one.place.url, "--weights", path, "--json").out)["cases"]
    chain = listed[0]["assessment"]["driven"]["weights"]
    assert chain[-1]["detector"] == "calibration"
    assert any("truth.csv" in link["reason"] for link in chain)
    shown = cli("case", "show", listed[0]["device_id"], "--store", one.place.url, "--weights", path).out
    assert "conformal p-value over 600 measured" in " ".join(shown.split())


def test_three_fleets_are_judged_on_each_other(cli, tmp_path):
    """Each fleet is judged by weights from the other two; the card is the same as JSON."""
    arguments = []
    for seed in range(3):
        store = labelled(tmp_path / f"f{seed}", seed, driven=20, benign=300)
        arguments += ["--store", store.place.url, "--truth", tmp_path / f"f{seed}" / "truth.csv"]
    ran = cli("calibrate", *arguments, "--json", "--source", "three fleets")
    card = json.loads(ran.out)
    assert (card["split"], card["source"], card["claims"]["driven"]["folds"]) == ("fleet", "three fleets", 3)
    assert "nothing is kept" in ran.err
    assert not any("same fleet" in text or "synthetic" in text for text in card["limits"])
    (tmp_path / "f0" / "card.json").write_text("{}")
    card = json.loads(cli("calibrate", *arguments, "--json").out)
    assert any("the fleet is synthetic" in text for text in card["limits"])


def test_decisions_are_labels(cli, one):
    """Confirmed devices are driven, dismissed and quiet ones are not, undecided cases are left out; that is said."""
    cases = one.state.cases
    for number in range(40):
        cases.decide(f"lt1-{number:04}", "driven", "confirmed", reason="seen", who="ana")
    ran = cli("calibrate", "--store", one.place.url, "--decisions", "--json")
    card = json.loads(ran.out)
    assert card["fleets"][0]["driven"] == 40
    undecided = json.loads(cli("case", "list", "--store", one.place.url, "--state", "open", "--json").out)["cases"]
    assert card["fleets"][0]["unlabelled"] == len(undecided) > 0
    assert any("labels are decisions" in text for text in card["limits"])


def test_too_few_labels_are_refused(cli, tmp_path):
    """With the numbers there are and those needed; nothing is written."""
    store = labelled(tmp_path / "few", 1, driven=5, benign=50)
    path = tmp_path / "weights.json"
    ran = cli("calibrate", "--store", store.place.url, "--truth", tmp_path / "few" / "truth.csv", "-o", path)
    assert ran.code == Exit.NOTHING
    assert "5 driven devices in 5 farms, setups or fleets, and 50 others; needed are 20 in 3, and 300" in ran.err
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a header"),
        ("device_id,farm_id\na,\n", "header with driven"),
        ("device_id,driven\n", "no device is in it"),
        ("device_id,driven\na,maybe\n,1\nb,1\nb,0\n", "line 2: driven is 'maybe'"),
        ("device_id,driven\na,1\na,1\n", "line 3: a is there twice"),
        ("device_id,driven\n\x00\xff", "utf-8"),
    ],
)
def test_labels_that_cannot_be_used(cli, one, tmp_path, text, said):
    """Faults are named by line; the exit code is that of wrong configuration."""
    path = tmp_path / "labels.csv"
    path.write_bytes(text.encode("latin-1"))
    ran = cli("calibrate", "--store", one.place.url, "--truth", path)
    assert ran.code == Exit.CONFIG
    assert said in ran.err


def test_usage(cli, one, tmp_path):
    """One list for each store, or decisions; an output that would go over the labels is refused."""
    truth = tmp_path / "one" / "truth.csv"
    assert cli("calibrate", "--store", one.place.url).code == Exit.USAGE
    assert cli("calibrate", "--store", "a", "--store", "b", "--truth", truth).code == Exit.USAGE
    assert cli("calibrate", "--store", one.place.url, "--truth", truth, "-o", truth).code == Exit.USAGE
