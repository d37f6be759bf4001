"""A finding as JSON and back: nothing lost, old documents readable, damaged ones refused."""

from __future__ import annotations

import json

import pytest

from farmwatch.analysis.fleet.findings import finding_json, finding_of
from farmwatch.records import Claim, Evidence, Family, Finding, Outcome, Telling, WeightSource

FULL = Finding(
    detector="usb.kvm_identity", family=Family.HARDWARE, claim=Claim.DRIVEN, outcome=Outcome.HIT, decibans=23.5,
    summary="names itself “PiKVM” \U0001f5a5 \ud800", observed="1d6b:0104", expected="none", benign=("a lab", "a joke"),
    rows=(Evidence("usb_devices", 1, (3, 9)), Evidence("flows", 0)), group="kvm",
    weight_source=WeightSource.MEASURED, weight_reason="on 3 of 4", cap_decibans=20.0, conclusive=True,
    for_review=True, grade="identity",
    telling=(Telling("usb_devices", "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", 4, ("a", "b"), "lt-2"),
             Telling("power")),
)  # fmt: skip
OLDEST = {
    "detector": "a", "family": "names", "claim": "abroad", "outcome": "clear", "decibans": 0, "summary": "nothing",
}  # fmt: skip


def test_every_field_comes_back():
    """Also what text may hold: quotes, symbols, half a surrogate pair of a broken feed."""
    values = [getattr(FULL, name) for name in Finding.__dataclass_fields__]
    assert all(value not in ("", (), None, False) for value in values), "a field without a value proves nothing"
    assert finding_of(json.loads(finding_json(FULL))) == FULL


def test_the_text_is_ascii_and_the_same_for_equal_findings():
    """It is compared as text and kept in files of any encoding."""
    assert finding_json(FULL).isascii()
    assert finding_json(FULL) == finding_json(finding_of(json.loads(finding_json(FULL))))


def test_what_an_older_version_did_not_write_takes_its_default():
    """Results of years ago stay readable."""
    assert finding_of(OLDEST) == Finding("a", Family.NAMES, Claim.ABROAD, Outcome.CLEAR, 0.0, "nothing")
    old = finding_of(OLDEST | {"rows": [{"table": "flows", "input": 2}], "telling": [{"table": "power"}]})
    assert old.rows == (Evidence("flows", 2),)
    assert old.telling == (Telling("power"),)


def test_what_a_newer_version_added_is_left_out():
    """A store shared with a newer program does not stop an older one."""
    assert finding_of(OLDEST | {"mood": "gloomy"}) == finding_of(OLDEST)


@pytest.mark.parametrize("name", sorted(OLDEST))
def test_what_always_was_there_must_be(name):
    """A finding without its claim or weight is none."""
    with pytest.raises(KeyError, match=name):
        finding_of({key: value for key, value in OLDEST.items() if key != name})


@pytest.mark.parametrize("wrong", [{"claim": "guilty"}, {"family": "magic"}, {"outcome": "maybe"},
                                   {"decibans": "much"}, {"weight_source": "a dream"}])  # fmt: skip
def test_words_of_no_kind_are_refused(wrong):
    """A damaged document does not become evidence of some kind."""
    with pytest.raises(ValueError, match=next(iter(wrong.values()))):
        finding_of(OLDEST | wrong)
