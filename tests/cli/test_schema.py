"""``farmwatch schema``."""

from __future__ import annotations

import json

import jsonschema

from farmwatch.cli.exits import Exit


def test_schema_is_printed_and_valid(cli, saved):
    """What is printed is a JSON schema that accepts a saved report."""
    ran = cli("schema")
    assert ran.code == Exit.OK
    printed = json.loads(ran.out)
    jsonschema.Draft202012Validator.check_schema(printed)
    jsonschema.validate(json.loads(saved.read_text()), printed)
