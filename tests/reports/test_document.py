"""The JSON document: canonical, described by its schema, read back with every fault named."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmwatch.errors import ReportError
from farmwatch.reports.document import canonical, dumps, loads, plain, schema


def test_same_report_gives_the_same_bytes(sample):
    """Two reports built alike are written alike."""
    assert dumps(sample.report()) == dumps(sample.report())


def test_reading_and_writing_again_gives_the_same_bytes(sample):
    """A saved report survives a round trip byte for byte."""
    text = dumps(sample.report())
    assert dumps(loads(text)) == text
    assert dumps(loads(text.encode())) == text


def test_canonical_report_equals_the_one_read_back(sample):
    """What is shown after a scan is what is shown from the saved file."""
    report = replace(sample.report(), devices=(replace(sample.strong_device(), sessions=(
        replace(sample.session(), transport_rtt_ms=1 / 3, loop_rtt_interval_ms=(2 / 3, 1e9 / 7)),
    )),))  # fmt: skip
    assert canonical(report) != report
    assert canonical(report) == loads(dumps(report))


def test_document_is_ascii_and_starts_with_its_version(sample):
    """Hostile names cannot reach a terminal through JSON, and a reader finds the version first."""
    text = dumps(sample.report())
    assert text.isascii()
    assert not [char for char in text if not char.isprintable() and char != "\n"]
    assert next(iter(json.loads(text))) == "schema_version"


def test_document_follows_the_published_schema(sample):
    """What is written validates against what 'farmwatch schema' prints."""
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(json.loads(dumps(sample.report())), schema(), cls=jsonschema.Draft202012Validator)


def test_schema_refuses_what_is_not_a_report(sample):
    """The schema is not so wide that anything passes."""
    document = json.loads(dumps(sample.report()))
    document["devices"][0]["assessment"]["driven"]["level"] = "guilty"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema(), cls=jsonschema.Draft202012Validator)


def test_schema_has_no_field_for_facts_about_a_person():
    """No property of the document is named after something that describes people."""
    names = {name for part in schema()["$defs"].values() for name in part.get("properties", {})}
    assert names
    banned = {"nationality", "language", "locale", "keyboard_layout", "keyboard", "employee", "user", "face", "voice"}
    assert not names & banned


def test_floats_keep_six_digits_and_no_minus_zero():
    """Differences far below any measurement cannot change the bytes."""
    assert plain(0.1234567891) == 0.123457
    assert plain(-0.0) == 0.0
    assert str(plain(-0.0)) == "0.0"
    assert plain(123456789.5) == 123457000.0


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_rounding_is_stable(value):
    """Rounding a rounded number changes nothing."""
    once = plain(value)
    assert plain(once) == once


def test_number_that_json_cannot_carry_is_refused_with_its_place(sample):
    """NaN is a fault of the report, named by its path."""
    broken = replace(sample.session(), transport_rtt_ms=float("nan"))
    with pytest.raises(ReportError, match=r"report\.transport_rtt_ms: nan"):
        plain(broken)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a farmwatch report"),
        ("{}", "not a farmwatch report"),
        ('{"schema_version": 2}', "schema_version is 2, this farmwatch reads 1"),
        ('{"schema_version": true}', "schema_version is True"),
        ('{"schema_version": "\\u001b[2J"}', r"schema_version is \\x1b\[2J"),
    ],
)
def test_what_is_not_a_report_is_refused_in_plain_words(text, said):
    """The message says what is wrong, where, and what was expected."""
    with pytest.raises(ReportError, match=said) as caught:
        loads(text, "saved.json")
    assert str(caught.value).startswith("saved.json: ")


def test_every_fault_of_a_document_is_listed(sample):
    """One run names all wrong fields with their paths."""
    document = json.loads(dumps(sample.report()))
    document["devices"][0]["device_id"] = 7
    document["devices"][1]["sessions"][0]["role"] = "\u202eevil"
    del document["tool"]["version"]
    with pytest.raises(ReportError) as caught:
        loads(json.dumps(document), "saved.json")
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert any("devices[0].device_id" in line for line in lines)
    assert any("devices[1].sessions[0].role" in line for line in lines)
    assert any("tool.version" in line for line in lines)


def test_keys_of_a_later_writer_are_ignored(sample):
    """A field this version does not know does no harm."""
    document = json.loads(dumps(sample.report()))
    document["added_later"] = {"x": 1}
    document["devices"][0]["added_later"] = 1
    assert dumps(loads(json.dumps(document))) == dumps(sample.report())
