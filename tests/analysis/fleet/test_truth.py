"""Labels from decisions; reading them from a list is tested where it is used, by ``farmwatch calibrate``."""

from __future__ import annotations

from farmwatch.analysis.fleet.labelled import Label
from farmwatch.analysis.fleet.standing import covered, standings
from farmwatch.analysis.fleet.truth import labels_of_decisions, read_truth
from farmwatch.analysis.fleet.weights import NO_WEIGHTS
from farmwatch.records import Claim, Decision, Family
from tests.analysis.fleet.kept import hit, hits, verdicts

KVM = hit()
TOOL = hit("tool.seen", 15.0, grade="log", family=Family.NAMES)


def test_decisions_become_labels():
    """Confirmed is driven; dismissed and quiet are benign; open ones and new evidence have no label.

    Of a confirmed one nobody knows whether it is in a farm, unless somebody says so.
    """
    found = {name: [KVM, TOOL] for name in ("confirmed", "dismissed", "open", "new", "farm")} | {
        "weak": [TOOL],
        "none": [],
    }
    cover = {"covers": covered([KVM, TOOL])}
    decisions = [
        Decision("confirmed", Claim.DRIVEN, "confirmed", "x", "ana", "t", id=1),
        Decision("dismissed", Claim.DRIVEN, "dismissed", "x", "ana", "t", id=2, **cover),
        Decision("new", Claim.DRIVEN, "dismissed", "x", "ana", "t", id=3, covers=covered([KVM])),
        Decision("farm", Claim.DRIVEN, "confirmed", "x", "ana", "t", id=4),
        Decision("farm", Claim.FARM, "confirmed", "x", "ana", "t", id=5),
    ]
    standing = standings(
        verdicts(list(found), farms={"farm": "f1"}),
        hits(found),
        decisions,
        weights=NO_WEIGHTS,
        prior=1e-4,
        detectors=[],
    )
    assert labels_of_decisions(list(found), standing) == {
        "confirmed": Label(True, farm_known=False), "dismissed": Label(False), "farm": Label(True, "f1"),
        "weak": Label(False), "none": Label(False),
    }  # fmt: skip


def test_what_people_know_from_outside_becomes_a_label():
    """Without any evidence, and beside a claim that asks; what is not known of the device is no label."""
    found = {"raid": [], "told": [], "asks": [KVM, TOOL]}
    decisions = [
        Decision("raid", Claim.DRIVEN, "confirmed", "seized", "ana", "t", id=1),
        Decision("told", Claim.FARM, "confirmed", "interview", "ana", "t", id=2),
        Decision("asks", Claim.FARM, "confirmed", "seized", "ana", "t", id=3),
        Decision("gone", Claim.DRIVEN, "confirmed", "seized", "ana", "t", id=4),
    ]
    standing = standings(
        verdicts(list(found)), hits(found), decisions, weights=NO_WEIGHTS, prior=1e-4, detectors=[]
    )  # fmt: skip
    assert labels_of_decisions(list(found), standing) == {
        "raid": Label(True, farm_known=False), "told": Label(None, "not named"), "asks": Label(None, "not named"),
    }  # fmt: skip


def test_a_list_of_labels(tmp_path):
    """Words for yes and no, blanks, a byte order mark and columns nobody asked for."""
    path = tmp_path / "truth.csv"
    path.write_text("\ufeffdevice_id,note,driven,farm_id,setup\n a ,x,YES,f1,pikvm\nb,,0,,\n", encoding="utf-8")
    assert read_truth(path) == {"a": Label(True, "f1", "pikvm"), "b": Label(False)}
