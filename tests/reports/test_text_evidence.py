"""The terminal's long form: each thing once, everything that was looked at, and the sum that makes the level."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from farmwatch.records.finding import Claim, Evidence, Outcome
from farmwatch.reports import text_evidence
from farmwatch.reports.page import Page


@pytest.fixture
def report(sample):
    return sample.report()


@pytest.fixture
def driven(sample):
    return sample.strong_device()


def shown(write, width=120):
    page = Page(width=width, color=False, ascii_only=False)
    write(page)
    return page.render()


def evidence(report, device, *, packets=False):
    return shown(lambda page: text_evidence.device(page, device, report, packets=packets))


def test_the_chain_adds_up_as_printed(report):
    """Prior and the weights that count give the sum under them, as anybody can check with a pencil."""
    checked = 0
    for device in report.devices:
        for block in re.split(r"\n  (?:Driven|Abroad|Farm): ", evidence(report, device))[1:]:
            lines = re.findall(r"^ *([+-][\d.]+)  (\w+)", block, re.MULTILINE)
            if not lines:
                continue
            *parts, (total, word) = lines
            assert word == "sum"
            assert sum(float(amount) for amount, _ in parts) == pytest.approx(float(total), abs=0.1 * len(parts))
            checked += len(parts) > 1
    assert checked


def test_a_weight_of_the_same_cause_is_shown_but_not_added(report, driven):
    left_out = [weight for weight in driven.assessment.driven.weights if not weight.counted]
    assert left_out
    assert all(f"{weight.detector}, not added" in evidence(report, driven) for weight in left_out)


def test_every_finding_is_there_whatever_its_outcome(report):
    """With packets each stands by itself; without, silent ones are counted by claim and named."""
    for device in report.devices:
        short, long = evidence(report, device), evidence(report, device, packets=True)
        for found in device.findings:
            assert found.detector in short
            assert found.summary.split()[0] in long


def test_what_is_said_of_several_claims_is_said_once(report, driven):
    """The same sight for two claims is one entry with two weights."""
    hit = next(found for found in driven.findings if found.outcome is Outcome.HIT)
    other = replace(hit, claim=Claim.FARM if hit.claim is not Claim.FARM else Claim.DRIVEN, decibans=1.5)
    text = evidence(report, replace(driven, findings=(hit, other)))
    assert text.count(f"{hit.detector} [") == 1
    assert f"{hit.claim} {hit.decibans:+.1f}, {other.claim} +1.5" in text


def test_proof_names_the_file_and_survives_a_wrong_number(report, driven):
    """A saved report that somebody edited may name an input it does not list."""
    hit = next(found for found in driven.findings if found.outcome is Outcome.HIT)
    odd = replace(hit, rows=(Evidence("flows", 0, (7, 9)), Evidence("flows", 99, ())))
    text = shown(lambda page: text_evidence.finding(page, odd, report, packets=True), width=200)
    assert f"{report.inputs[0].path} packet 7, 9" in text
    assert "input 99" in text


def test_neighbours_addresses_are_masked_and_judged_ones_are_not(report):
    """Whose device it is decides: the family's is none of our business."""
    text = shown(lambda page: text_evidence.lans(page, report), width=300)
    for lan in report.lans:
        for host in lan.hosts:
            for mac in host.macs[:2]:
                assert (mac in text) == (host.role != "neighbour")


@pytest.mark.parametrize(
    ("change", "word"),
    [({"complete": True, "error": None}, "complete"), ({"complete": False, "error": None}, "DAMAGED"),
     ({"complete": False, "error": "not a capture"}, "unreadable")],
)  # fmt: skip
def test_inputs_say_their_state_and_their_fingerprint(report, change, word):
    one = replace(report, inputs=(replace(report.inputs[0], **change),))
    text = shown(lambda page: text_evidence.inputs(page, one), width=300)
    assert word in text
    assert report.inputs[0].sha256 in text


def test_what_weighs_nothing_is_not_said_to_speak_for_anything(report, driven):
    """Innocent and approved facts stand under a heading of their own, without the claim they do not touch."""
    hit = next(found for found in driven.findings if found.outcome is Outcome.HIT)
    innocent = replace(hit, detector="names.innocent", summary="its user works elsewhere", decibans=0.0)
    against = replace(hit, detector="names.against", summary="somebody sits before it", decibans=-3.0)
    device = replace(driven, findings=(innocent, against))
    printed = evidence(report, device)
    assert "Speaks for it" not in printed
    assert "Speaks against it (1)\n    names.against [" in printed
    assert f"Seen, weighs nothing (1)\n    names.innocent [{hit.family}]: its user works elsewhere" in printed
