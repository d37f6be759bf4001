"""Windows events in one form for all senders."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from farmwatch.collectors.feeds.contract import Context
from farmwatch.collectors.feeds.output import Output
from farmwatch.collectors.feeds.windows.events import (
    Batch,
    Event,
    Listed,
    Named,
    device_name,
    number_of,
    plain,
    provider_of,
    texts_of,
)


def batch(*events, device_id=None):
    output = Output(np.arange(1, len(events) + 1))
    return Batch(Listed(events), output, Context("x", datetime(2026, 11, 1, tzinfo=UTC), b"p" * 32, device_id))


def event(**fields):
    return Event(**{**dict.fromkeys(Event._fields), "data": {}, **fields})


@pytest.mark.parametrize(
    ("computer", "name"),
    [
        ("LT-014.corp.example", "lt-014"), (" LT-014 ", "lt-014"), ("192.0.2.7", "192.0.2.7"),
        ("2001:DB8::7", "2001:db8::7"), ("", None), (".", None),
    ],
)  # fmt: skip
def test_device_names(computer, name):
    """As in every feed: lower case, without the domain; an address stays."""
    assert device_name(computer) == name


def test_a_device_that_is_not_named_is_that_of_the_input():
    """Only where the event names none."""
    devices = batch(event(computer=None), event(computer="A.b"), event(computer={"#text": "C"}), device_id="given")
    assert devices.devices.to_pylist() == ["given", "a", "c"]


@pytest.mark.parametrize(
    "spelling",
    [
        "2026-10-05T08:00:00.5Z", "2026-10-05T08:00:00.500000000Z", "2026-10-05 08:00:00.500 UTC",
        "2026-10-05 10:00:00.5 +0200", "2026-10-05 10:00:00.5 +02:00", "/Date(1791187200500)/",
        "/Date(1791187200500+0200)/", 1791187200.5, "1791187200500000", "2026-10-05T10:00:00.5000000+02:00",
    ],
)  # fmt: skip
def test_times(spelling):
    """As Windows, .NET, Fluent Bit and NXLog write them, also mixed with ones that cannot be read."""
    expected = datetime(2026, 10, 5, 8, 0, 0, 500_000, tzinfo=UTC)
    assert batch(event(time=spelling)).times.to_pylist() == [expected]
    assert batch(event(time=spelling), event(time="never"), event()).times.to_pylist() == [expected, None, None]


def test_numbers_of_records():
    """Channel and number; without a number the record has no id."""
    made = batch(
        event(channel="Security", record_id=7), event(channel=None, record_id="8"), event(channel="System"),
        event(channel="System", record_id=""),
    ).record_ids  # fmt: skip
    assert made.to_pylist() == ["Security 7", "8", None, None]


def test_activities():
    """Lower case without braces; that of nothing is none."""
    made = batch(
        event(activity="{F4205F41-9D32-4B9C-8A1F-3AC1D7C50000}"), event(activity=""),
        event(activity="{00000000-0000-0000-0000-000000000000}"), event(),
    ).activities  # fmt: skip
    assert made.to_pylist() == ["f4205f41-9d32-4b9c-8a1f-3ac1d7c50000", None, None, None]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None), ("a", "a"), (7, "7"), (7.0, "7"), (7.5, "7.5"), (True, "true"), ({"#text": 5}, "5"),
        ({"Value": "x"}, "x"), ({}, None), ([], None), (["a", "b"], "a"), ("\ud800", "?"),
    ],
)  # fmt: skip
def test_values_as_text(value, text):
    """Whatever JSON makes of them."""
    assert plain(value) == text
    assert texts_of([value, None]).to_pylist() == [text, None]


def test_whole_numbers():
    """Decimal and hexadecimal; nothing else, and nothing too large."""
    assert [number_of(value) for value in ("0x1F", "12", 12, -5, "", "x", "1" * 30, 2**63, "0x", None)] == [
        31, 12, 12, -5, None, None, None, None, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("Microsoft-Windows-Security-Auditing", "security-auditing"), ("Security", "security-auditing"),
        ("Service Control Manager", "service-control-manager"), ("EventLog", "eventlog"), (None, ""),
        ("Microsoft-Windows-Sysmon/Operational", "sysmon"),
    ],
)  # fmt: skip
def test_providers(source, name):
    """Without their maker; a channel stands for a provider that is missing."""
    assert provider_of(source) == name


def test_what_is_counted_as_left_behind():
    """Values that say something."""
    data = Named([{"User": "a", "x": "b"}, {"User": "-"}, {"User": ""}, {"User": None}, {}])
    assert data.counts(["User", "Other"]) == {"User": 1}
