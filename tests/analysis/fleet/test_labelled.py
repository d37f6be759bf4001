"""Labelled fleets as arrays: whose label, what counts, what could look, and folds that split nothing that belongs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from farmwatch.analysis.fleet.labelled import Label, LabelledFleet, Split, evidence_of, folds_of
from farmwatch.analysis.scoring import CAPS_DECIBANS, WIDEST_CAP_DECIBANS
from farmwatch.records import Claim, Family
from tests.analysis.fleet.kept import declared, hit, hits, verdicts

KVM, HUB = hit(), hit("usb.structure", 9.0, grade="hub", group="usb.kvm_identity")
KNOWN = frozenset({"usb.kvm_identity", "usb.structure", "names.c"})


def fleet(found, labels, *, name="one", unseen=""):
    return LabelledFleet(name, {}, verdicts(list(found), unseen=unseen), hits(found), labels)


def evidence(found, labels=None, *, claim=Claim.DRIVEN, split=Split.FARM, **values):
    given = dict.fromkeys(found, Label(False)) if labels is None else labels
    return evidence_of([fleet(found, given, **values)], claim, KNOWN, split)


def test_the_label_of_a_farm_is_being_in_one():
    """Of the other claims it is being driven; devices nobody labelled are left out with their findings."""
    found = {"driven": [KVM], "member": [], "neither": [KVM], "unknown": [KVM, KVM]}
    labels = {"driven": Label(True), "member": Label(False, "f1"), "neither": Label(False), "gone": Label(True)}
    assert evidence(found, labels).labels.tolist() == [True, False, False]
    assert evidence(found, labels, claim=Claim.FARM).labels.tolist() == [False, True, False]
    assert evidence(found, labels).row_device.tolist() == [0, 2]


def test_findings_of_another_claim_say_nothing_of_this_one():
    """Being abroad is measured by itself."""
    found = {"a": [KVM, hit("place.e", 15.0, claim=Claim.ABROAD)]}
    assert evidence(found).keys == (("usb.kvm_identity", "identity"),)
    assert evidence(found, claim=Claim.ABROAD).keys == (("place.e", "identity"),)


def test_of_one_cause_the_strongest_counts_on_each_device():
    """Scores are sums of what counts; a device without findings has nought."""
    one = evidence({"both": [HUB, KVM], "hub": [HUB], "none": [], "two": [KVM, hit("names.c", -3.0)]})
    nothing = np.zeros(0, np.int64)
    assert one.scores(one.own, nothing).tolist() == [24.0, 9.0, 0.0, 21.0]
    assert one.counted(one.own, nothing).tolist() == [False, True, True, True, True]
    merged = np.zeros(len(one.groups), np.int64)
    assert one.scores(one.own, merged).tolist() == [24.0, 9.0, 0.0, 24.0], "as one cause the nudge against falls away"
    against = evidence({"a": [hit("names.c", 3.0, group="hand"), hit("names.d", -9.0, group="hand")]})
    assert against.scores(against.own, nothing).tolist() == [-9.0], "the heavier one counts, whatever it speaks for"


def test_weights_are_capped_by_family_or_by_the_grade():
    """On either side; no named cap is wider than the widest."""
    timing = hit("timing.f", 40.0, family=Family.TIMING)
    given = [timing, hit("names.c", -40.0), hit("usb.a", 40.0, cap_decibans=6.0), hit("usb.b", 40.0, cap_decibans=99.0)]
    one = evidence({"a": given})
    assert one.own.tolist() == pytest.approx(
        [CAPS_DECIBANS[Family.TIMING], -CAPS_DECIBANS[Family.HARDWARE], 6.0, WIDEST_CAP_DECIBANS]
    )
    assert one.caps.tolist() == pytest.approx([40 * math.log10(2), 80 * math.log10(2), 6.0, WIDEST_CAP_DECIBANS])


def test_what_is_not_for_measuring_stays_fixed():
    """A company's own limit, what states the fact outright, and detectors that do not say whom they looked at."""
    given = [KVM, hit("captures.x"), hit("names.c", conclusive=True), declared(), hit("farm.site")]
    assert evidence({"a": given}).fixed.tolist() == [False, True, True, True, False]


def test_who_could_look_is_known_by_detector():
    """No finding of a detector without data is not a clear answer of it."""
    unseen = {"a": "usb.structure,names.c", "b": "", "c": "usb.kvm_identity"}
    one = evidence({"a": [KVM], "b": [HUB], "c": []}, unseen=unseen)
    assert one.looked(0).tolist() == [True, True, False]
    assert one.looked(1).tolist() == [False, True, True]


def test_units_are_what_is_never_split():
    """By fleet, by farm, by setup; where there is none the device, and names of two fleets are not mixed up."""
    labels = {"a": Label(True, "f1", "pikvm"), "b": Label(False), "c": Label(True, "f1")}
    found = {name: [] for name in labels}
    assert evidence(found, labels).units == ("farm one f1", "device one b", "farm one f1")
    assert evidence(found, labels, split=Split.FLEET).units == ("fleet one",) * 3
    assert evidence(found, labels, split=Split.SETUP).units == ("setup pikvm", "device one b", "farm one f1")
    two = evidence_of([fleet(found, labels), fleet(found, labels, name="two")], Claim.DRIVEN, KNOWN)
    assert len(set(two.units)) == 4


def test_folds_hold_positive_units_evenly():
    """As many folds as positive units at most; each has one, and benign devices are in all of them."""
    labels = {f"d{number}": Label(True, f"f{number % 3}") for number in range(9)}
    labels |= {f"b{number:02}": Label(False) for number in range(30)}
    one = evidence({name: [] for name in labels}, labels)
    folds = folds_of(one)
    assert sorted(set(folds.tolist())) == [0, 1, 2]
    assert np.bincount(folds[one.labels]).tolist() == [3, 3, 3]
    assert np.bincount(folds[~one.labels]).tolist() == [10, 10, 10]
    assert sorted(set(folds_of(one, 2).tolist())) == [0, 1]


def test_nothing_to_learn_from_is_no_error():
    """No fleet, no finding, no positive: empty arrays and one fold."""
    nobody = evidence_of([], Claim.DRIVEN, KNOWN)
    assert (nobody.devices, nobody.keys, folds_of(nobody).tolist()) == (0, (), [])
    silent = evidence({"a": [], "b": []})
    assert silent.scores(silent.own, np.zeros(0, np.int64)).tolist() == [0.0, 0.0]
    assert folds_of(silent).tolist() == [0, 0]
