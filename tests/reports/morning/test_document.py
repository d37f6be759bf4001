"""JSON of the morning report."""

from __future__ import annotations

import json

import jsonschema

from farmwatch.records import Level
from farmwatch.records.report import ClaimAssessment
from farmwatch.reports.morning.document import claim_of, dumps, schema
from tests.reports.morning import fleet_rows


def test_it_fits_its_schema(morning):
    """What is written is what the schema says."""
    described = schema()
    jsonschema.Draft202012Validator.check_schema(described)
    jsonschema.validate(json.loads(dumps(morning)), described)


def test_same_data_same_bytes(morning):
    """Made again from the same rows it is the same text, ASCII only."""
    text = dumps(morning)
    assert text == dumps(fleet_rows.morning(300))
    assert text.isascii()
    assert "\x1b" not in text


def test_it_holds_every_device(morning):
    """Nothing is left out of what programs read."""
    assert len(json.loads(dumps(morning))["devices"]) == morning.run.devices


def test_claims_of_farms_come_back_whole_or_from_columns():
    """A document of a farm that is empty gives what the columns say."""
    assert claim_of("", Level.REVIEW, 0.0) == ClaimAssessment(Level.REVIEW, 0.5, 0.0, 0.0)
