"""The report document."""

from __future__ import annotations

import dataclasses

import pytest

from farmwatch.records import SCHEMA_VERSION, Device, Level, Report, Role, Session, Tool
from farmwatch.records import report as module

DOCUMENTS = [value for value in vars(module).values() if dataclasses.is_dataclass(value)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.__name__)
def test_parts_are_frozen_and_explained(document):
    """A verdict cannot be changed after it was given, and every part has its sentence."""
    assert document.__doc__
    assert document.__dataclass_params__.frozen


def test_the_schema_has_a_number():
    """An empty report carries it."""
    assert Report(Tool("farmwatch", "1", "k"), (), (), ()).schema_version == SCHEMA_VERSION == 1


def test_levels_and_roles_are_the_published_words():
    assert [str(level) for level in Level] == ["strong", "review", "clear", "not enough data"]
    assert [str(role) for role in Role] == ["controlled", "controlling", "unclear"]


def test_the_published_fields_are_there():
    """Fields that the design names for devices and sessions."""
    assert {"device_id", "ips", "macs", "names", "assessment", "sessions", "findings"} <= set(
        Device.__dataclass_fields__
    )
    assert {
        "session_id", "start", "end", "protocol", "local", "remote", "tool", "role", "role_probability", "relayed",
        "transport_rtt_ms", "loop_rtt_ms", "loop_rtt_interval_ms", "loop_samples", "input_events", "distance_km",
    } <= set(Session.__dataclass_fields__)  # fmt: skip
