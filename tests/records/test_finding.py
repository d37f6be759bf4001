"""What a detector answers."""

from __future__ import annotations

import dataclasses

import pytest

from farmwatch.records import Claim, Evidence, Family, Finding, Outcome, WeightSource


def made(**more):
    return Finding("a.b", Family.NAMES, Claim.DRIVEN, Outcome.HIT, 3.0, "summary", **more)


def test_a_finding_is_frozen_and_compares_by_value():
    assert made() == made()
    with pytest.raises(dataclasses.FrozenInstanceError):
        made().decibans = 9.0


def test_an_answer_is_one_of_three():
    """Silence is not among them."""
    assert [str(one) for one in Outcome] == ["hit", "clear", "no data"]


def test_words_are_those_of_the_report():
    """Closed sets print as their words."""
    assert f"{Family.PLACE} {Claim.ABROAD} {WeightSource.JUDGED}" == "place abroad judged"


def test_a_weight_is_judged_until_measured():
    assert made().weight_source is WeightSource.JUDGED
    assert made().conclusive is False


def test_proof_names_table_input_and_packets():
    [row] = made(rows=(Evidence("flows", 2, (7, 9)),)).rows
    assert (row.table, row.input, row.packets) == ("flows", 2, (7, 9))
